//! The stage: its name, and what it does beside serving a deployment.

use std::collections::BTreeMap;

use crate::api::{self, ExecutionLogLevel, HttpMethod, Throttling};
use crate::kinds::stage::{Desired, MethodSettings, Methods, OFF, Settings};
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::Owner;

use super::RouteKey;

/// `stage.name` without one.
const STAGE: &str = "prod";

/// Each value that AWS would refuse.
pub fn check(spec: &api::Stage, at: &FieldPath, mistakes: &mut Mistakes) {
    if let Some(throttling) = &spec.throttling {
        check_throttling(throttling, &at.field("throttling"), mistakes);
    }
    if let Some(log) = &spec.execution_log
        && log.level == ExecutionLogLevel::Off
        && log.data_trace_enabled == Some(true)
    {
        let at = at.field("executionLog").field("dataTraceEnabled");
        mistakes.add(at, true, "allowed with levels ERROR and INFO: with OFF nothing is logged");
    }
    for (name, value) in &spec.variables {
        let at = at.field("variables").key(name);
        let is_name = name.len() <= 64 && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if name.is_empty() || !is_name {
            mistakes.add(at.clone(), name, "a variable's name has up to 64 letters, digits and `_`");
        }
        if !value.chars().all(|c| c.is_ascii_alphanumeric() || "-._~:/?#&=,".contains(c)) {
            mistakes.add(at, value, "a variable's value has letters, digits and `-._~:/?#&=,`");
        }
    }
}

/// That of one route.
pub fn check_route(throttling: &Throttling, method: HttpMethod, at: &FieldPath, mistakes: &mut Mistakes) {
    check_throttling(throttling, at, mistakes);
    if method == HttpMethod::Any {
        let allowed = "API Gateway throttles method by method: give the route one, or set `stage.throttling`";
        mistakes.add(at.clone(), "ANY", allowed);
    }
}

/// What AWS would refuse of a throttling.
pub fn check_throttling(throttling: &Throttling, at: &FieldPath, mistakes: &mut Mistakes) {
    const MAX: f64 = 1_000_000.0;
    for (field, value) in [("rateLimit", throttling.rate_limit), ("burstLimit", f64::from(throttling.burst_limit))] {
        if !(0.0..=MAX).contains(&value) {
            mistakes.add(at.field(field), value, format!("allowed are 0 to {MAX}"));
        }
    }
}

/// The stage; `throttling` is that of single routes.
pub fn desired(spec: Option<&api::Stage>, throttling: &BTreeMap<RouteKey, Throttling>, owner: &Owner) -> Desired {
    let spec = spec.cloned().unwrap_or_default();
    let log = spec.execution_log.as_ref();
    let all = MethodSettings {
        metrics_enabled: spec.metrics_enabled.unwrap_or(false),
        logging_level: log.map_or(OFF, |log| log.level.as_str()).to_owned(),
        data_trace_enabled: log.and_then(|log| log.data_trace_enabled).unwrap_or(false),
        ..MethodSettings::default()
    };
    let limited = |throttling: Option<&Throttling>| match throttling {
        None => all.clone(),
        Some(Throttling { rate_limit, burst_limit }) => {
            MethodSettings { rate_limit: *rate_limit, burst_limit: *burst_limit, ..all.clone() }
        }
    };
    let of_all = limited(spec.throttling.as_ref());
    let mut methods: BTreeMap<Methods, MethodSettings> = throttling
        .iter()
        .map(|(key, throttling)| (Methods::one(&key.path, key.method), limited(Some(throttling))))
        .collect();
    if of_all != MethodSettings::default() {
        methods.insert(Methods::All, of_all);
    }
    Desired {
        name: spec.name.unwrap_or_else(|| STAGE.to_owned()),
        settings: Settings {
            tracing_enabled: spec.tracing_enabled.unwrap_or(false),
            variables: spec.variables,
            methods,
        },
        tags: owner.tags(),
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn stage(spec: &Value) -> api::Stage {
        serde_json::from_value(spec.clone()).unwrap()
    }

    fn settings(spec: &Value, throttling: &[(&str, f64, i32)]) -> Settings {
        let key = |path: &str| RouteKey { path: path.to_owned(), method: HttpMethod::Get };
        let throttling = throttling
            .iter()
            .map(|(path, rate_limit, burst_limit)| {
                (key(path), Throttling { rate_limit: *rate_limit, burst_limit: *burst_limit })
            })
            .collect();
        let owner = Owner { cluster: "c".to_owned(), namespace: "n".to_owned(), name: "a".to_owned() };
        desired(Some(&stage(spec)), &throttling, &owner).settings
    }

    #[rstest]
    #[case::nothing(json!({}), &[], "none")]
    #[case::of_all(json!({ "throttling": { "rateLimit": 0.5, "burstLimit": 2 } }), &[], "all: rate 0.5 burst 2 log OFF")]
    #[case::metrics(json!({ "metricsEnabled": true }), &[], "all: unlimited log OFF metrics")]
    #[case::a_route_has_the_rest_from_the_stage(
        json!({ "metricsEnabled": true }), &[("/a", 1.0, 0)], "all: unlimited log OFF metrics; GET /a: rate 1 burst 0 log OFF metrics"
    )]
    #[case::logs(
        json!({ "executionLog": { "level": "INFO", "dataTraceEnabled": true } }), &[("/a", 1.0, 1)],
        "all: unlimited log INFO data trace; GET /a: rate 1 burst 1 log INFO data trace"
    )]
    #[case::a_route_alone(json!({}), &[("/a/{id}", 1.0, 1)], "GET /a/{id}: rate 1 burst 1 log OFF")]
    fn methods_read_as(#[case] spec: Value, #[case] throttling: &[(&str, f64, i32)], #[case] expected: &str) {
        use crate::change::Shown as _;
        assert_eq!(settings(&spec, throttling).methods.shown(), expected);
    }

    #[test]
    fn a_silent_stage_has_all_else() {
        use crate::change::Shown as _;
        let logs = settings(&json!({ "executionLog": { "level": "ERROR" } }), &[("/a", 1.0, 1)]);
        let silent = logs.with_logs_of(&Settings::default());
        assert!(logs.logs() && !silent.logs());
        assert_eq!(silent.methods.shown(), "GET /a: rate 1 burst 1 log OFF");
        assert_eq!(logs.with_logs_of(&logs), logs, "what logs is not silenced by a read that failed");
    }

    #[test]
    fn a_stage_without_a_word_is_as_a_new_one() {
        assert_eq!(settings(&json!({ "name": "main" }), &[]), Settings::default());
    }

    #[rstest]
    #[case::a_name(json!({ "variables": { "a-b": "x" } }), "spec.stage.variables[a-b]: `a-b`: a variable's name has up to 64 letters, digits and `_`")]
    #[case::a_value(json!({ "variables": { "a": "x y" } }), "spec.stage.variables[a]: `x y`: a variable's value has letters, digits and `-._~:/?#&=,`")]
    #[case::a_rate(
        json!({ "throttling": { "rateLimit": -1, "burstLimit": 1 } }), "spec.stage.throttling.rateLimit: `-1`: allowed are 0 to 1000000"
    )]
    #[case::a_trace_of_nothing(
        json!({ "executionLog": { "level": "OFF", "dataTraceEnabled": true } }),
        "spec.stage.executionLog.dataTraceEnabled: `true`: allowed with levels ERROR and INFO: with OFF nothing is logged"
    )]
    #[case::a_burst(
        json!({ "throttling": { "rateLimit": 1, "burstLimit": -1 } }), "spec.stage.throttling.burstLimit: `-1`: allowed are 0 to 1000000"
    )]
    fn what_aws_would_refuse_is_refused(#[case] spec: Value, #[case] says: &str) {
        let mut mistakes = Mistakes::none();
        check(&stage(&spec), &FieldPath::spec().field("stage"), &mut mistakes);
        assert_eq!(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>(), [says]);
    }

    #[test]
    fn any_is_no_method_to_throttle() {
        let mut mistakes = Mistakes::none();
        let throttling = Throttling { rate_limit: 1.0, burst_limit: 1 };
        for method in [HttpMethod::Any, HttpMethod::Get] {
            check_route(&throttling, method, &FieldPath::spec(), &mut mistakes);
        }
        let says = "spec: `ANY`: API Gateway throttles method by method: give the route one, or set `stage.throttling`";
        assert_eq!(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>(), [says]);
    }
}

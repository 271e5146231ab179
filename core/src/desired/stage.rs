//! The stage: its name, and what it does beside serving a deployment.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{self, ExecutionLogLevel, HttpMethod, StepFunctionEndpointSpec, Throttling};
use crate::kinds::log_group;
use crate::kinds::stage::{Desired, MethodSettings, Methods, OFF, Settings};
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::{Owner, Site};

use super::{RouteKey, access_log};

/// `stage.name` without one.
const STAGE: &str = "prod";

/// Its name.
pub fn name(spec: Option<&api::Stage>) -> &str {
    spec.and_then(|spec| spec.name.as_deref()).unwrap_or(STAGE)
}

/// The stages with the paths of what says them.
pub fn said(spec: &StepFunctionEndpointSpec, at: &FieldPath) -> Vec<(api::Stage, FieldPath)> {
    let first = spec.stage.iter().map(|stage| (stage.clone(), at.field("stage")));
    let further = spec.stages.iter().enumerate();
    first.chain(further.map(|(index, stage)| (stage.into(), at.field("stages").index(index)))).collect()
}

/// Each value of a stage that AWS would refuse, and what makes no sense of several.
pub fn check_all(spec: &StepFunctionEndpointSpec, site: &Site, at: &FieldPath, mistakes: &mut Mistakes) {
    let all = said(spec, at);
    for (stage, at) in &all {
        check(stage, site, at, mistakes);
    }
    let mut names = BTreeSet::from([name(spec.stage.as_ref()).to_owned()]);
    for (index, stage) in spec.stages.iter().enumerate() {
        if !names.insert(stage.name.clone()) {
            let allowed = "each stage needs a name of its own, also beside `stage.name`, which defaults to prod";
            mistakes.add(at.field("stages").index(index).field("name"), &stage.name, allowed);
        }
    }
    if !spec.stages.is_empty() && spec.api.as_ref().is_some_and(|api| api.endpoint_ref.is_some()) {
        mistakes.add(at.field("stages"), "", "not allowed with api.endpointRef, whose owner has the stages");
    }
    let ours = all.iter().filter_map(|(stage, at)| Some((stage.access_log.as_ref()?, at)));
    let said = ours.filter_map(|(log, at)| Some((log.retention_days.filter(|_| log.destination_arn.is_none())?, at)));
    let mut days = None;
    for (said, at) in said {
        if *days.get_or_insert(said) != said {
            let allowed = "all stages share one log group of our own: say the same days, or say them once";
            mistakes.add(at.field("accessLog").field("retentionDays"), said, allowed);
        }
    }
}

/// Each value that AWS would refuse.
fn check(spec: &api::Stage, site: &Site, at: &FieldPath, mistakes: &mut Mistakes) {
    if let Some(log) = &spec.access_log {
        access_log::check(log, site, &at.field("accessLog"), mistakes);
    }
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
pub fn desired(
    spec: Option<&api::Stage>,
    throttling: &BTreeMap<RouteKey, Throttling>,
    owner: &Owner,
    site: &Site,
) -> Desired {
    let name = name(spec).to_owned();
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
        name,
        settings: Settings {
            tracing_enabled: spec.tracing_enabled.unwrap_or(false),
            variables: spec.variables,
            access_log: spec.access_log.as_ref().and_then(|log| access_log::desired(log, owner, site)),
            methods,
        },
        tags: owner.tags(),
    }
}

/// The log group of our own to which any stage logs.
pub fn access_log_group(spec: &StepFunctionEndpointSpec, owner: &Owner) -> Option<log_group::Desired> {
    let further = spec.stages.iter().map(|stage| stage.access_log.as_ref());
    let logs = spec.stage.iter().map(|stage| stage.access_log.as_ref()).chain(further).flatten();
    access_log::log_group(logs, owner)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    fn stage(spec: &Value) -> api::Stage {
        serde_json::from_value(spec.clone()).unwrap()
    }

    fn site() -> Site {
        Site { partition: "aws".to_owned(), account: "000000000000".to_owned(), region: "eu-central-1".to_owned() }
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
        desired(Some(&stage(spec)), &throttling, &owner, &site()).settings
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
        let measures = settings(&json!({ "metricsEnabled": true }), &[]);
        assert_eq!(measures.with_logs_of(&logs), measures, "a log that nobody wants any more ends");
    }

    #[test]
    fn where_there_is_no_role_only_what_needs_it_waits() {
        let stream = "arn:aws:firehose:eu-central-1:000000000000:deliverystream/amazon-apigateway-a";
        let (ours, streamed) = (
            settings(&json!({ "accessLog": {} }), &[]),
            settings(&json!({ "accessLog": { "destinationArn": stream } }), &[]),
        );
        assert!(ours.logs() && ours.with_logs_of(&Settings::default()) == Settings::default());
        assert_eq!(ours.with_logs_of(&ours), ours);
        assert!(!streamed.logs() && streamed.with_logs_of(&Settings::default()) == streamed);
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
        check(&stage(&spec), &site(), &FieldPath::spec().field("stage"), &mut mistakes);
        assert_eq!(mistakes.iter().map(ToString::to_string).collect::<Vec<_>>(), [says]);
    }

    fn told(spec: &Value) -> Vec<String> {
        let mut whole = json!({ "stateMachine": {}, "routes": [] });
        whole.as_object_mut().unwrap().extend(spec.as_object().unwrap().clone());
        let mut mistakes = Mistakes::none();
        check_all(&serde_json::from_value(whole).unwrap(), &site(), &FieldPath::spec(), &mut mistakes);
        mistakes.iter().map(ToString::to_string).collect()
    }

    const NAMED: &str = "each stage needs a name of its own, also beside `stage.name`, which defaults to prod";
    const DAYS: &str = "all stages share one log group of our own: say the same days, or say them once";
    const STREAM: &str = "arn:aws:firehose:eu-central-1:000000000000:deliverystream/amazon-apigateway-a";

    #[rstest]
    #[case::as_the_first(json!({ "stages": [{ "name": "prod" }] }), format!("spec.stages[0].name: `prod`: {NAMED}"))]
    #[case::as_the_first_is_named(
        json!({ "stage": { "name": "a" }, "stages": [{ "name": "prod" }, { "name": "a" }] }), format!("spec.stages[1].name: `a`: {NAMED}")
    )]
    #[case::twice(json!({ "stages": [{ "name": "a" }, { "name": "a" }] }), format!("spec.stages[1].name: `a`: {NAMED}"))]
    #[case::on_anothers_api(
        json!({ "api": { "endpointRef": { "name": "x" } }, "stages": [{ "name": "a" }] }),
        "spec.stages: not allowed with api.endpointRef, whose owner has the stages".to_owned()
    )]
    #[case::other_days(
        json!({ "stage": { "accessLog": { "retentionDays": 7 } }, "stages": [{ "name": "a", "accessLog": {} }, { "name": "b", "accessLog": { "retentionDays": 14 } }] }),
        format!("spec.stages[1].accessLog.retentionDays: `14`: {DAYS}")
    )]
    #[case::a_field(
        json!({ "stages": [{ "name": "a", "variables": { "b": "x y" } }] }),
        "spec.stages[0].variables[b]: `x y`: a variable's value has letters, digits and `-._~:/?#&=,`".to_owned()
    )]
    fn what_several_stages_can_not_be_is_refused(#[case] spec: Value, #[case] says: String) {
        assert_eq!(told(&spec), [says]);
    }

    #[test]
    fn all_stages_log_to_one_group_of_our_own() {
        let spec = |first: Value, further: Value| {
            let spec = json!({ "stateMachine": {}, "routes": [], "stage": { "accessLog": first }, "stages": [{ "name": "a", "accessLog": further }] });
            let owner = Owner { cluster: "c".to_owned(), namespace: "n".to_owned(), name: "a".to_owned() };
            access_log_group(&serde_json::from_value(spec).unwrap(), &owner).map(|group| group.retention_days)
        };
        let (streamed, seven) = (json!({ "destinationArn": STREAM }), json!({ "retentionDays": 7 }));
        assert_eq!(spec(json!({}), seven.clone()), Some(7));
        assert_eq!((spec(streamed.clone(), seven), spec(streamed.clone(), json!({}))), (Some(7), Some(30)));
        assert_eq!(spec(streamed.clone(), streamed), None);
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

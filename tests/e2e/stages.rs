//! Several stages from one manifest: they serve the same, are moved together, and go when they are taken off the list.

use aws_sdk_apigateway::types::{Op, PatchOperation, Stage};
use serde_json::{Value, json};

use crate::http::post;
use crate::lifecycle::is_live;
use crate::serving::{Endpoint, NAMESPACE, run};
use crate::settings::let_api_gateway_log;
use crate::world::{World, condition, until};

const STAGED: &str = include_str!("../../examples/stages.yaml");

/// All stages of an API by name.
async fn stages(world: &World, api_id: &str) -> Vec<Stage> {
    let mut found = world.apigateway.get_stages().rest_api_id(api_id).send().await.unwrap().item().to_vec();
    found.sort_by_key(|stage| stage.stage_name().map(str::to_owned));
    found
}

fn names(stages: &[Stage]) -> Vec<&str> {
    stages.iter().filter_map(Stage::stage_name).collect()
}

fn deployments(stages: &[Stage]) -> Vec<&str> {
    let mut found: Vec<&str> = stages.iter().filter_map(Stage::deployment_id).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn tier(stage: &Stage) -> Option<&str> {
    stage.variables().and_then(|all| all.get("tier")).map(String::as_str)
}

fn logs_to(stage: &Stage) -> Option<&str> {
    stage.access_log_settings().and_then(|settings| settings.destination_arn())
}

async fn until_live(world: &World, what: &str, holds: impl Fn(&Value) -> bool) -> Value {
    world.until_endpoint(NAMESPACE, "staged", what, |endpoint| is_live(endpoint) && holds(endpoint)).await
}

fn told(endpoint: &Value) -> Vec<&str> {
    let stages = endpoint["status"]["stages"].as_array().into_iter().flatten();
    stages.filter_map(|stage| stage["name"].as_str()).collect()
}

#[test]
fn stages_serve_the_same_and_each_has_settings_of_its_own() {
    run(async |world| {
        let_api_gateway_log(world, "eu-central-1").await;
        let endpoint = Endpoint::apply(world, "staged", STAGED).await;
        let api_id = &endpoint.api_id;
        let answer = async |stage: &str, path: &str| {
            endpoint.call(post(world.sandbox.stage_url(api_id, stage, path), r#"{"item":1}"#)).await
        };
        for stage in ["live", "beta", "demo"] {
            let served = answer(stage, "/orders").await;
            let input: Value = serde_json::from_str(served.input(endpoint.state_machine()).unwrap()).unwrap();
            assert_eq!(input, json!({ "stage": stage, "item": 1 }));
        }
        let status = &endpoint.object["status"];
        assert_eq!(status["url"], format!("https://{api_id}.execute-api.eu-central-1.amazonaws.com/live"));
        let url = |name: &str| format!("https://{api_id}.execute-api.eu-central-1.amazonaws.com/{name}");
        let further = json!([{ "name": "beta", "url": url("beta") }, { "name": "demo", "url": url("demo") }]);
        assert_eq!(status["stages"], further);

        let found = stages(world, api_id).await;
        assert_eq!((names(&found), deployments(&found).len()), (vec!["beta", "demo", "live"], 1));
        let [beta, demo, live] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!((tier(beta), tier(demo), tier(live)), (Some("silver"), None, Some("gold")));
        let group = status["accessLogGroup"].as_str().unwrap();
        let arn = format!("arn:aws:logs:eu-central-1:000000000000:log-group:{group}");
        assert_eq!((logs_to(beta), logs_to(demo), logs_to(live)), (Some(arn.as_str()), None, Some(arn.as_str())));
        let rate = |stage: &Stage, key: &str| {
            let settings = stage.method_settings().and_then(|all| all.get(key));
            settings.map(|found| (found.throttling_rate_limit(), found.metrics_enabled()))
        };
        assert_eq!(
            (rate(beta, "*/*"), rate(demo, "*/*"), rate(live, "*/*")),
            (Some((5.0, false)), Some((-1.0, true)), None)
        );
        for stage in &found {
            assert_eq!(rate(stage, "~1expensive/POST").map(|(rate, _)| rate), Some(1.0), "{stage:?}");
        }

        // Someone takes one away, and has another serve something else.
        world.apigateway.delete_stage().rest_api_id(api_id).stage_name("demo").send().await.unwrap();
        let patch = PatchOperation::builder().op(Op::Replace).path("/variables/tier").value("none").build();
        let update = world.apigateway.update_stage().rest_api_id(api_id).stage_name("beta").patch_operations(patch);
        update.send().await.unwrap();
        let look = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "now" } } });
        world.patch(NAMESPACE, "staged", &look).await;
        until("drift is repaired", async || {
            let again = stages(world, api_id).await;
            let right = names(&again) == ["beta", "demo", "live"] && tier(&again[0]) == Some("silver");
            if right && deployments(&again).len() == 1 { Ok(()) } else { Err(again) }
        })
        .await;
        assert_eq!(answer("demo", "/orders").await.answer.status, 200);

        // A change of the routes is served by all of them.
        let before = deployments(&stages(world, api_id).await).join(" ");
        let route = json!({ "path": "/new", "method": "POST", "auth": { "type": "NONE" } });
        let routes = [&endpoint.object["spec"]["routes"][0], &route];
        world.patch(NAMESPACE, "staged", &json!({ "spec": { "routes": routes } })).await;
        until_live(world, "live with another route", |_| true).await;
        let moved = stages(world, api_id).await;
        assert!(deployments(&moved).len() == 1 && deployments(&moved) != [before], "{moved:?}");
        for stage in ["live", "beta", "demo"] {
            assert_eq!(answer(stage, "/new").await.answer.status, 200, "{stage}");
        }

        // The names change sides, and one goes: none is made anew.
        let created = |stages: &[Stage]| stages.iter().map(|stage| stage.created_date().copied()).collect::<Vec<_>>();
        let swapped = json!({ "stage": { "name": "beta" }, "stages": [{ "name": "live" }] });
        world.patch(NAMESPACE, "staged", &json!({ "spec": swapped })).await;
        let swapped = until_live(world, "live with two stages", |endpoint| told(endpoint) == ["live"]).await;
        assert_eq!(swapped["status"]["url"], url("beta"));
        let left = stages(world, api_id).await;
        assert_eq!(
            (names(&left), created(&left)),
            (vec!["beta", "live"], created(&[moved[0].clone(), moved[2].clone()]))
        );
        for stage in ["live", "beta"] {
            assert_eq!(answer(stage, "/new").await.answer.status, 200, "{stage}");
        }

        world.delete(NAMESPACE, "staged");
        world.until_gone(NAMESPACE, "staged").await;
        assert!(world.apigateway.get_stages().rest_api_id(api_id).send().await.is_err(), "the API is left behind");
        let groups = world.logs.describe_log_groups().log_group_name_prefix(group).send().await.unwrap();
        assert!(groups.log_groups().is_empty(), "left behind: {groups:?}");
    });
}

#[test]
fn stages_that_can_not_be_are_refused() {
    run(async |world| {
        let manifest = |spec: Value| {
            let mut spec = spec;
            spec["stateMachine"] = json!({ "definition": "{StartAt: A, States: {A: {Type: Pass, End: true}}}" });
            spec["routes"] = json!([{ "path": "/", "method": "POST", "auth": { "type": "NONE" } }]);
            json!({ "apiVersion": "sfe.dev/v1alpha1", "kind": "StepFunctionEndpoint", "metadata": { "name": "unstaged" }, "spec": spec })
        };
        for (spec, says) in [
            (json!({ "stages": [{ "name": "a" }, { "name": "a" }] }), "Duplicate value"),
            (json!({ "stages": [{ "name": "prod" }] }), "each stage needs a name of its own"),
            (json!({ "stage": { "name": "a" }, "stages": [{ "name": "a" }] }), "each stage needs a name of its own"),
            (
                json!({ "stages": [{ "name": "a", "accessLog": { "format": "$context.status" } }] }),
                "format must contain",
            ),
            (
                json!({ "stage": { "accessLog": { "retentionDays": 7, "destinationArn": "arn:aws:logs:eu-central-1:000000000000:log-group:a" } } }),
                "leave it out with destinationArn",
            ),
        ] {
            let refused = world.try_apply(NAMESPACE, &manifest(spec).to_string()).unwrap_err();
            assert!(refused.contains(says), "{says}: {refused}");
        }
        let others = json!({
            "stage": { "accessLog": { "retentionDays": 7, "format": "$context.requestId\n$context.status" } },
            "stages": [{ "name": "a", "accessLog": { "retentionDays": 14 } }],
        });
        world.apply(NAMESPACE, &manifest(others).to_string());
        let tells = [
            "spec.stage.accessLog.format: ",
            "must be one line",
            "spec.stages[0].accessLog.retentionDays: `14`: all stages share",
        ];
        let refused = |endpoint: &Value| {
            let text = condition(endpoint, "Stalled")["message"].as_str().unwrap_or_default();
            tells.iter().all(|part| text.contains(part))
        };
        world.until_endpoint(NAMESPACE, "unstaged", "refused, with each path", refused).await;
        world.delete(NAMESPACE, "unstaged");
        world.until_gone(NAMESPACE, "unstaged").await;
    });
}

//! What stands around the routes: what was written to AWS is read back, as LocalStack stores it and enforces little of it.

use aws_sdk_apigateway::types::{EndpointType, MethodSetting, Op, PatchOperation, Stage};

use aws_sdk_apigateway::config::Region;
use serde_json::{Value, json};
use sfe_core::policy::ResourcePolicy;

use crate::http::post;
use crate::lifecycle::merged;
use crate::serving::{Endpoint, NAMESPACE, run};
use crate::world::{World, condition, until};

/// Gives API Gateway a role by which it could write logs in this Region.
pub async fn let_api_gateway_log(world: &World, region: &'static str) {
    set_cloudwatch_role(world, region, "arn:aws:iam::000000000000:role/logs").await;
}

async fn set_cloudwatch_role(world: &World, region: &'static str, role: &str) {
    let patch = PatchOperation::builder().op(Op::Replace).path("/cloudwatchRoleArn").value(role).build();
    let update = world.apigateway.update_account().patch_operations(patch).customize();
    let there = aws_sdk_apigateway::config::Builder::new().region(Region::new(region));
    update.config_override(there).send().await.unwrap();
}

async fn stage(world: &World, endpoint: &Endpoint, name: &str) -> Stage {
    let stages = world.apigateway.get_stages().rest_api_id(&endpoint.api_id).send().await.unwrap();
    let found = stages.item().iter().find(|stage| stage.stage_name() == Some(name));
    found.unwrap_or_else(|| panic!("no stage {name}: {stages:?}")).clone()
}

fn told(found: &MethodSetting) -> (f64, i32, bool, Option<&str>) {
    let (rate, burst) = (found.throttling_rate_limit(), found.throttling_burst_limit());
    (rate, burst, found.metrics_enabled(), found.logging_level())
}

#[test]
fn a_stage_throttles_and_measures() {
    run(async |world| {
        let_api_gateway_log(world, "eu-central-1").await;
        let endpoint = Endpoint::apply(world, "measured", include_str!("../../examples/stage-settings.yaml")).await;
        let served = endpoint.call(post(endpoint.url("/expensive/1"), "{}")).await;
        assert_eq!((served.answer.status, served.sent.len()), (200, 1), "{served:?}");

        let found = stage(world, &endpoint, "main").await;
        assert!(found.tracing_enabled(), "{found:?}");
        assert_eq!(found.variables().and_then(|all| all.get("tier")).map(String::as_str), Some("gold"));
        let settings = found.method_settings().unwrap();
        assert_eq!(settings.len(), 2, "{settings:?}");
        assert_eq!(told(&settings["*/*"]), (10.0, 20, true, Some("ERROR")));
        assert_eq!(told(&settings["~1expensive~1{id}/POST"]), (1.0, 1, true, Some("ERROR")));

        // Someone lets everybody in, and limits what nobody asked to limit.
        let patch = |path: &str, value: &str| PatchOperation::builder().op(Op::Replace).path(path).value(value).build();
        let update = world.apigateway.update_stage().rest_api_id(&endpoint.api_id).stage_name("main");
        let update = update.patch_operations(patch("/*/*/throttling/rateLimit", "1000"));
        update.patch_operations(patch("/~1cheap/POST/throttling/burstLimit", "0")).send().await.unwrap();
        let look = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "now" } } });
        world.patch(NAMESPACE, "measured", &look).await;
        until("drift is repaired", async || {
            let again = stage(world, &endpoint, "main").await;
            if again.method_settings() == found.method_settings() { Ok(()) } else { Err(again) }
        })
        .await;
    });
}

#[test]
fn where_api_gateway_can_not_log_the_rest_stands() {
    run(async |world| {
        let manifest = json!({
            "apiVersion": "sfe.dev/v1alpha1",
            "kind": "StepFunctionEndpoint",
            "metadata": { "name": "unlogged" },
            "spec": {
                "region": "eu-west-2",
                "stateMachine": { "definition": "{StartAt: A, States: {A: {Type: Pass, End: true}}}" },
                "stage": { "executionLog": { "level": "INFO" }, "throttling": { "rateLimit": 1, "burstLimit": 1 } },
                "routes": [{ "path": "/", "method": "POST", "auth": { "type": "NONE" } }],
            },
        });
        set_cloudwatch_role(world, "eu-west-2", "").await; // LocalStack has one from the start, AWS doesn't
        world.apply(NAMESPACE, &manifest.to_string());
        let refused = |endpoint: &Value| {
            let text = condition(endpoint, "Stalled")["message"].as_str().unwrap_or_default();
            let tells =
                ["execution log failed: API Gateway has no role", "hint: set one with `aws apigateway update-account"];
            tells.iter().all(|part| text.contains(part)) && condition(endpoint, "Live")["status"] == "True"
        };
        let endpoint =
            world.until_endpoint(NAMESPACE, "unlogged", "live, and says why nothing is logged", refused).await;
        let answer = post(world.stage_url(&endpoint, "/"), "{}").send().await;
        assert_eq!(answer.status, 200, "{answer:?}");

        let_api_gateway_log(world, "eu-west-2").await;
        let look = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "now" } } });
        world.patch(NAMESPACE, "unlogged", &look).await;
        world.until_ready(NAMESPACE, "unlogged").await;
    });
}

/// Where an API answers, from which size it compresses, and who may call.
async fn of_api(world: &World, endpoint: &Endpoint) -> (Option<EndpointType>, Option<i32>, ResourcePolicy) {
    let api = world.apigateway.get_rest_api().rest_api_id(&endpoint.api_id).send().await.unwrap();
    let endpoint_type = api.endpoint_configuration().and_then(|found| found.types().first()).cloned();
    (endpoint_type, api.minimum_compression_size(), ResourcePolicy::observed(api.policy()).on(&endpoint.api_id))
}

#[test]
fn an_api_is_at_the_edge_and_has_a_policy() {
    run(async |world| {
        let manifest = include_str!("../../examples/api-settings.yaml");
        let endpoint = Endpoint::apply(world, "fenced", manifest).await;
        let served = endpoint.call(post(endpoint.url("/"), "{}")).await;
        assert_eq!((served.answer.status, served.sent.len()), (200, 1), "{served:?}");
        let manifest: Value = serde_saphyr::from_str(manifest).unwrap();
        let said = manifest["spec"]["api"]["policy"]["document"].as_str().unwrap();
        let policy = |text: &str| ResourcePolicy::parse(text).unwrap().on(&endpoint.api_id);
        let found = of_api(world, &endpoint).await;
        assert_eq!(found, (Some(EndpointType::Edge), Some(1024), policy(said)));
        let deployed = stage(world, &endpoint, "prod").await.deployment_id;

        // Someone lets everybody in.
        let patch = |path: &str, value: &str| PatchOperation::builder().op(Op::Replace).path(path).value(value).build();
        let update = world.apigateway.update_rest_api().rest_api_id(&endpoint.api_id);
        let update = update.patch_operations(patch("/policy", &policy(said).to_json().replace("Deny", "Allow")));
        let update = update.patch_operations(patch("/minimumCompressionSize", "1"));
        update.patch_operations(patch("/endpointConfiguration/types/0", "REGIONAL")).send().await.unwrap();
        let look = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "now" } } });
        world.patch(NAMESPACE, "fenced", &look).await;
        until("drift is repaired", async || {
            let again = of_api(world, &endpoint).await;
            if again == found { Ok(()) } else { Err(again) }
        })
        .await;
        assert_eq!(stage(world, &endpoint, "prod").await.deployment_id, deployed, "what is served was right");

        let other = said.replace("192.0.2.0/24", "198.51.100.0/24");
        let wider = json!({ "spec": { "api": { "policy": { "document": other } } } });
        world.patch(NAMESPACE, "fenced", &wider).await;
        until("another policy is served", async || {
            let (_, _, found) = of_api(world, &endpoint).await;
            let now = stage(world, &endpoint, "prod").await.deployment_id;
            if found == policy(&other) && now != deployed { Ok(()) } else { Err((found, now)) }
        })
        .await;
    });
}

#[test]
fn lists_say_who_may_call() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "neighbours", include_str!("../../examples/callers.yaml")).await;
        let served = endpoint.call(post(endpoint.url("/orders"), "{}")).await;
        assert_eq!((served.answer.status, served.sent.len()), (200, 1), "LocalStack enforces no policy: {served:?}");
        let policy = |text: &str| ResourcePolicy::parse(text).unwrap().on(&endpoint.api_id);
        let statement = |effect: &str, resources: &[&str], rest: Value| {
            let all =
                json!({ "Effect": effect, "Principal": "*", "Action": "execute-api:Invoke", "Resource": resources });
            merged(&all, &rest)
        };
        let all = ["execute-api:/*"];
        let open =
            ["OPTIONS/orders", "POST/orders", "OPTIONS/orders/*"].map(|call| format!("execute-api:/prod/{call}"));
        let from = |operator: &str, ranges: &[&str]| json!({ "Condition": { operator: { "aws:SourceIp": ranges } } });
        let said = json!({ "Version": "2012-10-17", "Statement": [
            statement("Deny", &all, from("NotIpAddress", &["192.0.2.0/24", "2001:db8::/32"])),
            statement("Deny", &all, from("IpAddress", &["192.0.2.7/32"])),
            statement("Allow", &open.each_ref().map(String::as_str), json!({})),
            statement("Allow", &all, json!({ "Principal": { "AWS": "111122223333" } })),
        ] });
        assert_eq!(of_api(world, &endpoint).await.2, policy(&said.to_string()));
        let deployed = stage(world, &endpoint, "prod").await.deployment_id;

        // A route that nobody signs any more has to be allowed, in the same deployment.
        let route = |path: &str| json!({ "path": path, "method": "POST", "auth": { "type": "NONE" } });
        let routes = json!([route("/orders"), route("/orders/{id}")]);
        let open = json!({ "spec": { "api": { "policy": { "allow": { "accounts": null } } }, "routes": routes } });
        world.patch(NAMESPACE, "neighbours", &open).await;
        until("another policy is served", async || {
            let (_, _, found) = of_api(world, &endpoint).await;
            let now = stage(world, &endpoint, "prod").await.deployment_id;
            let is_allowed =
                found.to_json().contains(r#""Effect":"Allow","Principal":"*","Resource":"execute-api:/*""#);
            if is_allowed && now != deployed { Ok(()) } else { Err((found, now)) }
        })
        .await;
    });
}

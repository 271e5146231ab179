//! What stands around the routes: what was written to AWS is read back, as LocalStack stores it and enforces little of it.

use std::collections::{BTreeMap, HashMap};

use aws_sdk_apigateway::types::{EndpointType, MethodSetting, Op, PatchOperation, Stage};

use aws_sdk_apigateway::config::Region;
use serde_json::{Value, json};
use sfe_core::policy::ResourcePolicy;

use crate::http::post;
use crate::lifecycle::{merged, start, writes};
use crate::serving::{Endpoint, NAMESPACE, run};
use crate::world::{self, World, condition, until};

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

async fn cloudwatch_role(world: &World, region: &'static str) -> Option<String> {
    let there = aws_sdk_apigateway::config::Builder::new().region(Region::new(region));
    let account = world.apigateway.get_account().customize().config_override(there).send().await.unwrap();
    account.cloudwatch_role_arn().map(str::to_owned)
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
                "stage": { "accessLog": {}, "executionLog": { "level": "INFO" }, "throttling": { "rateLimit": 1, "burstLimit": 1 } },
                "routes": [{ "path": "/", "method": "POST", "auth": { "type": "NONE" } }],
            },
        });
        set_cloudwatch_role(world, "eu-west-2", "").await; // LocalStack has one from the start, AWS doesn't
        world.apply(NAMESPACE, &manifest.to_string());
        let refused = |endpoint: &Value| {
            let text = condition(endpoint, "Stalled")["message"].as_str().unwrap_or_default();
            let tells = ["log failed: API Gateway has no role", "hint: set one with `aws apigateway update-account"];
            tells.iter().all(|part| text.contains(part)) && condition(endpoint, "Live")["status"] == "True"
        };
        let endpoint =
            world.until_endpoint(NAMESPACE, "unlogged", "live, and says why nothing is logged", refused).await;
        let answer = post(world.stage_url(&endpoint, "/"), "{}").send().await;
        assert_eq!(answer.status, 200, "{answer:?}");

        let_api_gateway_log(world, "eu-west-2").await;
        let look = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "now" } } });
        world.patch(NAMESPACE, "unlogged", &look).await;
        let endpoint = Endpoint::ready(world, "unlogged").await;
        let there = aws_sdk_apigateway::config::Builder::new().region(Region::new("eu-west-2"));
        let stages = world.apigateway.get_stages().rest_api_id(&endpoint.api_id).customize();
        let stages = stages.config_override(there).send().await.unwrap();
        assert!(stages.item()[0].access_log_settings().is_some(), "{stages:?}");
    });
}

#[test]
fn the_operator_gives_api_gateway_a_role_where_it_has_none() {
    world::run(async |world| {
        let (namespace, region) = ("logging-role", "eu-west-3");
        const ROLE: &str = "arn:aws:iam::000000000000:role/sfe-logs";
        world.create_namespace(namespace);
        set_cloudwatch_role(world, region, "").await; // LocalStack has one from the start, AWS doesn't
        let begin = world.last_call().await;
        let operator = start(world, namespace, &["--cloudwatch-role-arn", ROLE]).await;
        let manifest = |name: &str| {
            json!({
                "apiVersion": "sfe.dev/v1alpha1",
                "kind": "StepFunctionEndpoint",
                "metadata": { "name": name },
                "spec": {
                    "region": region,
                    "stateMachine": { "definition": "{StartAt: A, States: {A: {Type: Pass, End: true}}}" },
                    "stage": { "accessLog": {} },
                    "routes": [{ "path": "/", "method": "POST", "auth": { "type": "NONE" } }],
                },
            })
        };
        world.apply(namespace, &manifest("first").to_string());
        world.until_ready(namespace, "first").await;
        assert_eq!(cloudwatch_role(world, region).await.as_deref(), Some(ROLE));

        // Another that someone sets is left alone.
        const THEIRS: &str = "arn:aws:iam::000000000000:role/theirs";
        set_cloudwatch_role(world, region, THEIRS).await;
        world.apply(namespace, &manifest("second").to_string());
        world.until_ready(namespace, "second").await;
        for name in ["first", "second"] {
            world.delete(namespace, name);
            world.until_gone(namespace, name).await;
        }
        assert_eq!(cloudwatch_role(world, region).await.as_deref(), Some(THEIRS), "it is never taken back");
        let calls = world.calls_after(begin, &operator.access_key).await;
        let writes = writes(&calls).into_iter().filter(|operation| *operation == "UpdateAccount").count();
        assert_eq!(writes, 1, "{calls:?}");
    });
}

#[test]
fn requests_are_logged_where_the_manifest_says() {
    run(async |world| {
        let_api_gateway_log(world, "eu-central-1").await;
        let retention = async |name: &str| {
            let groups = world.logs.describe_log_groups().log_group_name_prefix(name).send().await.unwrap();
            let found = groups.log_groups().iter().find(|group| group.log_group_name() == Some(name));
            found.map(|group| group.retention_in_days())
        };
        world.logs.create_log_group().log_group_name("audit").send().await.unwrap();
        let manifests = include_str!("../../examples/access-log.yaml");
        let (logged, audited) =
            (Endpoint::apply(world, "logged", manifests).await, Endpoint::ready(world, "audited").await);
        for endpoint in [&logged, &audited] {
            let served = endpoint.call(post(endpoint.url("/orders"), "{}")).await;
            assert_eq!((served.answer.status, served.sent.len()), (200, 1), "{served:?}");
        }
        let settings = async |endpoint: &Endpoint| stage(world, endpoint, "prod").await.access_log_settings;
        let group = logged.object["status"]["accessLogGroup"].as_str().unwrap();
        assert!(group.starts_with("/aws/vendedlogs/states/sfe-scenarios-logged-logs-"), "{group}");
        assert_eq!(retention(group).await, Some(Some(14)));
        let found = settings(&logged).await.unwrap();
        assert_eq!(
            found.destination_arn(),
            Some(format!("arn:aws:logs:eu-central-1:000000000000:log-group:{group}").as_str())
        );
        let line: Value = serde_json::from_str(found.format().unwrap()).unwrap();
        assert_eq!((&line["requestId"], &line["stage"]), (&json!("$context.requestId"), &json!("$context.stage")));
        let other = settings(&audited).await.unwrap();
        assert_eq!(other.destination_arn(), Some("arn:aws:logs:eu-central-1:000000000000:log-group:audit"));
        assert!(other.format().unwrap().starts_with("$context.requestTime $context.requestId "), "{other:?}");

        // Someone has it logged elsewhere.
        let patch = |path: &str, value: &str| PatchOperation::builder().op(Op::Replace).path(path).value(value).build();
        let update = world.apigateway.update_stage().rest_api_id(&logged.api_id).stage_name("prod");
        let elsewhere = "arn:aws:logs:eu-central-1:000000000000:log-group:elsewhere";
        let update = update.patch_operations(patch("/accessLogSettings/destinationArn", elsewhere));
        update.patch_operations(patch("/accessLogSettings/format", "$context.requestId")).send().await.unwrap();
        let look = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "now" } } });
        world.patch(NAMESPACE, "logged", &look).await;
        until("drift is repaired", async || {
            let again = settings(&logged).await;
            if again.as_ref() == Some(&found) { Ok(()) } else { Err(again) }
        })
        .await;

        // An existing group takes the place of ours, which goes once nothing names it; then nothing is logged. Theirs stays as it is.
        let audit = json!({ "retentionDays": null, "destinationArn": "arn:aws:logs:eu-central-1:000000000000:log-group:audit" });
        world.patch(NAMESPACE, "logged", &json!({ "spec": { "stage": { "accessLog": audit } } })).await;
        until("our log group is gone", async || match (settings(&logged).await, retention(group).await) {
            (Some(found), None) if found.destination_arn() == other.destination_arn() => Ok(()),
            found => Err(found),
        })
        .await;
        world.patch(NAMESPACE, "logged", &json!({ "spec": { "stage": null } })).await;
        until("nothing is logged", async || match settings(&logged).await {
            None => Ok(()),
            found => Err(found),
        })
        .await;
        for name in ["logged", "audited"] {
            world.delete(NAMESPACE, name);
            world.until_gone(NAMESPACE, name).await;
        }
        assert_eq!(retention("audit").await, Some(None));
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

/// The tags of all six objects, but for the owner's and their record.
async fn tags(world: &World, endpoint: &Endpoint) -> BTreeMap<&'static str, BTreeMap<String, String>> {
    let status = &endpoint.object["status"];
    let role = async |field: &str| {
        let name = status[field].as_str().unwrap().rsplit('/').next().unwrap();
        let tags = world.iam.list_role_tags().role_name(name).send().await.unwrap();
        tags.tags().iter().map(|tag| (tag.key().to_owned(), tag.value().to_owned())).collect::<BTreeMap<_, _>>()
    };
    let machine = world.sfn.list_tags_for_resource().resource_arn(endpoint.state_machine()).send().await.unwrap();
    let machine = machine.tags().iter().map(|tag| (tag.key().unwrap().to_owned(), tag.value().unwrap().to_owned()));
    let group = world.logs.list_tags_for_resource().resource_arn(log_group_arn(endpoint)).send().await.unwrap();
    let api = world.apigateway.get_rest_api().rest_api_id(&endpoint.api_id).send().await.unwrap();
    let stage = stage(world, endpoint, "prod").await;
    let of_map = |tags: Option<&HashMap<String, String>>| tags.cloned().unwrap_or_default().into_iter().collect();
    let found: BTreeMap<&str, BTreeMap<String, String>> = BTreeMap::from([
        ("gateway role", role("gatewayRoleArn").await),
        ("workflow role", role("workflowRoleArn").await),
        ("log group", of_map(group.tags())),
        ("state machine", machine.collect()),
        ("REST API", of_map(api.tags())),
        ("stage", of_map(stage.tags())),
    ]);
    let whose = |tags: &BTreeMap<String, String>| tags.get("sfe.dev/name").is_some_and(|name| name == "tagged");
    assert!(found.values().all(whose), "{found:?}");
    let others =
        |tags: BTreeMap<String, String>| tags.into_iter().filter(|(key, _)| !key.starts_with("sfe.dev/")).collect();
    found.into_iter().map(|(object, tags)| (object, others(tags))).collect()
}

fn log_group_arn(endpoint: &Endpoint) -> String {
    let name = endpoint.object["status"]["logGroup"].as_str().unwrap();
    format!("arn:aws:logs:eu-central-1:000000000000:log-group:{name}")
}

#[test]
fn tags_are_on_everything_and_those_of_others_stay() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "tagged", include_str!("../../examples/tags.yaml")).await;
        let map = |tags: &[(&str, &str)]| -> BTreeMap<String, String> {
            tags.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
        };
        let declared = map(&[("Cost Center", "4711"), ("team", "orders")]);
        let found = tags(world, &endpoint).await;
        assert!(found.len() == 6 && found.values().all(|tags| *tags == declared), "{found:?}");
        let deployed = stage(world, &endpoint, "prod").await.deployment_id;

        // A cost tool adds one, and someone edits one of ours.
        let edits = map(&[("team", "others"), ("cost", "high")]);
        let as_map = || edits.clone().into_iter().collect::<HashMap<_, _>>();
        let api = format!("arn:aws:apigateway:eu-central-1::/restapis/{}", endpoint.api_id);
        for arn in [format!("{api}/stages/prod"), api] {
            world.apigateway.tag_resource().resource_arn(arn).set_tags(Some(as_map())).send().await.unwrap();
        }
        let group = world.logs.tag_resource().resource_arn(log_group_arn(&endpoint)).set_tags(Some(as_map()));
        group.send().await.unwrap();
        for field in ["gatewayRoleArn", "workflowRoleArn"] {
            let name = endpoint.object["status"][field].as_str().unwrap().rsplit('/').next().unwrap();
            let tag = |(key, value): (&String, &String)| {
                aws_sdk_iam::types::Tag::builder().key(key).value(value).build().unwrap()
            };
            let tags = edits.iter().map(tag).collect();
            world.iam.tag_role().role_name(name).set_tags(Some(tags)).send().await.unwrap();
        }
        let machine = world.sfn.tag_resource().resource_arn(endpoint.state_machine());
        let tag = |(key, value): (&String, &String)| aws_sdk_sfn::types::Tag::builder().key(key).value(value).build();
        machine.set_tags(Some(edits.iter().map(tag).collect())).send().await.unwrap();
        let until_tagged = async |what: &str, expected: BTreeMap<String, String>| {
            until(what, async || {
                let found = tags(world, &endpoint).await;
                if found.values().all(|tags| *tags == expected) { Ok(()) } else { Err(found) }
            })
            .await;
        };
        let look = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "now" } } });
        world.patch(NAMESPACE, "tagged", &look).await;
        let repaired = map(&[("Cost Center", "4711"), ("cost", "high"), ("team", "orders")]);
        until_tagged("ours is put back, and theirs stays", repaired).await;

        // One leaves the manifest, another comes; then all leave.
        let other = json!({ "spec": { "tags": { "Cost Center": null, "env": "prod" } } });
        world.patch(NAMESPACE, "tagged", &other).await;
        until_tagged("as the manifest says", map(&[("cost", "high"), ("env", "prod"), ("team", "orders")])).await;
        world.patch(NAMESPACE, "tagged", &json!({ "spec": { "tags": null } })).await;
        until_tagged("none of ours is left", map(&[("cost", "high")])).await;
        world.until_ready(NAMESPACE, "tagged").await;
        assert_eq!(stage(world, &endpoint, "prod").await.deployment_id, deployed, "tags are nothing that is deployed");
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

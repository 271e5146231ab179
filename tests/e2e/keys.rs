//! API keys and usage plans: LocalStack asks for keys as API Gateway does, and counts no request. What it would count is read from AWS.

use std::time::{Duration, Instant};

use aws_sdk_apigateway::types::{Op, PatchOperation, QuotaPeriodType, UsagePlan};
use serde_json::json;

use crate::http::post;
use crate::operator::Operator;
use crate::serving::{Endpoint, NAMESPACE, run};
use crate::world::{World, condition, until};

const EXAMPLE: &str = include_str!("../../examples/api-keys.yaml");
const PARTNER: &str = "an-example-of-a-key-that-nobody-should-use";

/// Routes of another object on the same API, which ask for the host's keys.
const GUEST: &str = r#"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: keyed-guest}
spec:
  stateMachine: {type: EXPRESS, definition: "{StartAt: A, States: {A: {Type: Pass, End: true}}}"}
  api: {endpointRef: {name: keyed}}
  routes:
  - {path: /guest, method: POST, auth: {type: NONE}, apiKeyRequired: true}
"#;

const PUBLISHED: &str =
    concat!(include_str!("../../examples/hello.yaml"), "  publish: {secret: {name: told}, configMap: {name: told}}\n");

/// The chart's defaults.
const FORBIDDING: [&str; 4] = ["--set", "secrets.enabled=false", "--set", "publishConfigMaps=false"];

async fn status(endpoint: &Endpoint, path: &str, key: Option<&str>) -> u16 {
    let request = post(endpoint.url(path), "{}");
    match key {
        Some(key) => request.header("x-api-key", key).send().await.status,
        None => request.send().await.status,
    }
}

/// Until a request with this key is answered so.
async fn until_status(endpoint: &Endpoint, path: &str, key: Option<&str>, expected: u16) {
    until(&format!("{path} is answered with {expected}"), async || {
        let found = status(endpoint, path, key).await;
        if found == expected { Ok(()) } else { Err(found) }
    })
    .await;
}

/// The plans and the names of the keys that an endpoint has in AWS.
async fn in_aws(world: &World, name: &str) -> (Vec<UsagePlan>, Vec<String>) {
    let plans = world.apigateway.get_usage_plans().limit(500).send().await.unwrap();
    let owns = |tags: Option<&std::collections::HashMap<String, String>>| {
        let is = |key: &str, value: &str| tags.and_then(|tags| tags.get(key)).is_some_and(|found| found == value);
        is("sfe.dev/namespace", NAMESPACE) && is("sfe.dev/name", name)
    };
    let plans = plans.items().iter().filter(|plan| owns(plan.tags())).cloned().collect();
    let keys = world.apigateway.get_api_keys().limit(500).send().await.unwrap();
    let keys = keys.items().iter().filter(|key| owns(key.tags()));
    let mut names: Vec<String> = keys.map(|key| key.name().unwrap_or_default().to_owned()).collect();
    names.sort();
    (plans, names)
}

fn look(world: &World, at: &str) {
    let at = format!("sfe.dev/requestedAt={at}");
    world.kubectl(["annotate", "sfe", "keyed", "--namespace", NAMESPACE, "--overwrite", &at]);
}

#[test]
fn a_key_lets_its_callers_through_until_it_is_replaced() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "keyed", EXAMPLE).await;
        let template = r#"{{index .data "apiKey" | base64decode}} {{(index .metadata.ownerReferences 0).kind}}"#;
        let made = ["get", "secret", "mobile-key", "--namespace", NAMESPACE, "--output"];
        let made = world.kubectl(made.into_iter().chain([format!("go-template={template}").as_str()]));
        let (mobile, owner) = made.split_once(' ').unwrap();
        assert_eq!((mobile.len(), owner), (40, "StepFunctionEndpoint"));
        for (path, key, expected) in [
            ("/quote", None, 403),
            ("/quote", Some("another-key-that-nobody-has-made"), 403),
            ("/quote", Some(PARTNER), 200),
            ("/quote", Some(mobile), 200),
            ("/health", None, 200),
        ] {
            assert_eq!(status(&endpoint, path, key).await, expected, "{path}");
        }
        let (plans, keys) = in_aws(world, "keyed").await;
        let [plan] = plans.as_slice() else { panic!("one plan was expected: {plans:?}") };
        assert_eq!(keys, [format!("{NAMESPACE}-keyed-mobile"), format!("{NAMESPACE}-keyed-partner")]);
        let (throttle, quota) = (plan.throttle().unwrap(), plan.quota().unwrap());
        assert_eq!((throttle.rate_limit(), throttle.burst_limit()), (10.0, 20));
        assert_eq!((quota.limit(), quota.period(), quota.offset()), (1000, Some(&QuotaPeriodType::Day), 0));
        let stages: Vec<_> = plan.api_stages().iter().map(|of| (of.api_id(), of.stage())).collect();
        assert_eq!(stages, [(Some(endpoint.api_id.as_str()), Some("prod"))]);
        assert_eq!(endpoint.object["status"]["apiKeys"]["usagePlanId"].as_str(), plan.id());

        // Someone lets more through, and switches a key off.
        let id = plan.id().unwrap();
        let patch = |path: &str, value: &str| PatchOperation::builder().op(Op::Replace).path(path).value(value).build();
        let update = world.apigateway.update_usage_plan().usage_plan_id(id);
        update.patch_operations(patch("/throttle/rateLimit", "1000")).send().await.unwrap();
        let partner = endpoint.object["status"]["apiKeys"]["ids"]["partner"].as_str().unwrap();
        let update = world.apigateway.update_api_key().api_key(partner);
        update.patch_operations(patch("/enabled", "false")).send().await.unwrap();
        look(world, "after-an-edit");
        until_status(&endpoint, "/quote", Some(PARTNER), 200).await;
        until("the plan is put back", async || {
            let (plans, _) = in_aws(world, "keyed").await;
            let rates: Vec<_> = plans.iter().filter_map(|plan| plan.throttle()).map(|of| of.rate_limit()).collect();
            if rates == [10.0] { Ok(()) } else { Err(rates) }
        })
        .await;

        // Those who come later have the same keys.
        world.apply(NAMESPACE, GUEST);
        world.until_ready(NAMESPACE, "keyed-guest").await;
        until_status(&endpoint, "/guest", Some(PARTNER), 200).await;
        assert_eq!(status(&endpoint, "/guest", None).await, 403);
        world.delete(NAMESPACE, "keyed-guest");
        world.until_gone(NAMESPACE, "keyed-guest").await;

        // Another value is another key, and the old one goes.
        let other = "an-example-of-the-key-that-comes-after-it";
        world.apply(NAMESPACE, &EXAMPLE.replace(PARTNER, other));
        look(world, "after-another-value");
        until_status(&endpoint, "/quote", Some(other), 200).await;
        until_status(&endpoint, "/quote", Some(PARTNER), 403).await;
        until_status(&endpoint, "/quote", Some(mobile), 200).await;

        let plan = json!({ "throttle": null, "quota": { "limit": 5, "period": "WEEK", "offset": 1 } });
        world.patch(NAMESPACE, "keyed", &json!({ "spec": { "usagePlan": plan } })).await;
        world.until_ready(NAMESPACE, "keyed").await;
        let (plans, keys) = in_aws(world, "keyed").await;
        assert_eq!((plans.len(), keys.len()), (1, 2), "{plans:?}");
        let quota = plans[0].quota().unwrap();
        assert_eq!((quota.limit(), quota.period(), quota.offset()), (5, Some(&QuotaPeriodType::Week), 1));
        assert!(plans[0].throttle().is_none(), "{plans:?}");

        // Another stage has the same callers.
        world.patch(NAMESPACE, "keyed", &json!({ "spec": { "stage": { "name": "main" } } })).await;
        world.until_ready(NAMESPACE, "keyed").await;
        let moved = Endpoint::ready(world, "keyed").await;
        until_status(&moved, "/quote", Some(mobile), 200).await;

        // Whoever needs no key any more is let through before the keys go.
        let routes = json!([{ "path": "/quote", "method": "POST", "auth": { "type": "NONE" } }]);
        let without = json!({ "spec": { "apiKeys": null, "usagePlan": null, "routes": routes } });
        world.patch(NAMESPACE, "keyed", &without).await;
        world.until_ready(NAMESPACE, "keyed").await;
        until_status(&moved, "/quote", None, 200).await;
        let (plans, keys) = in_aws(world, "keyed").await;
        assert!(plans.is_empty() && keys.is_empty(), "{plans:?} {keys:?}");
        world.delete(NAMESPACE, "keyed");
        world.until_gone(NAMESPACE, "keyed").await;
    });
}

#[test]
fn a_deletion_takes_keys_and_plan_along() {
    run(async |world| {
        let renamed = EXAMPLE.replace("keyed", "unkeyed").replace("partner-key", "other-key");
        let renamed =
            renamed.replace("mobile-key", "made-key").replace(PARTNER, "an-example-of-one-more-key-of-nobody");
        let endpoint = Endpoint::apply(world, "unkeyed", &renamed).await;
        assert_eq!(in_aws(world, "unkeyed").await.1.len(), 2);
        // A value that another key has is told, and nothing is doubled.
        let taken = renamed.replace("name: unkeyed", "name: retold").replace("made-key", "retold-key");
        world.apply(NAMESPACE, &taken);
        let tells = |object: &serde_json::Value| {
            let text = condition(object, "Stalled")["message"].as_str().unwrap_or_default().to_owned();
            text.contains("hint: write another value into the key's Secret") && !text.contains("one-more-key")
        };
        world.until_endpoint(NAMESPACE, "retold", "the value is taken", tells).await;
        world.delete(NAMESPACE, "retold");
        world.delete(NAMESPACE, "unkeyed");
        for name in ["retold", "unkeyed"] {
            world.until_gone(NAMESPACE, name).await;
            let (plans, keys) = in_aws(world, name).await;
            assert!(plans.is_empty() && keys.is_empty(), "{name}: {plans:?} {keys:?}");
        }
        let apis = world.apigateway.get_rest_apis().limit(500).send().await.unwrap();
        assert!(apis.items().iter().all(|api| api.id() != Some(endpoint.api_id.as_str())));
    });
}

/// The longest time from the deletion of the former Secret until the endpoint is Ready. Before, it was `--stalled-interval`, 5 minutes.
const AFTER_COLLECTION_MAX: Duration = Duration::from_secs(60);

#[test]
fn the_secret_of_a_deleted_namesake_is_replaced_soon_after_its_collection() {
    run(async |world| {
        let manifest = EXAMPLE.replace("keyed", "rekeyed").replace("partner-key", "again-key");
        let manifest =
            manifest.replace("mobile-key", "remade-key").replace(PARTNER, "an-example-of-a-key-that-is-applied-again");
        Endpoint::apply(world, "rekeyed", &manifest).await;
        let uid = || {
            let template = "go-template={{(index .metadata.ownerReferences 0).uid}}";
            world.kubectl(["get", "secret", "remade-key", "--namespace", NAMESPACE, "--output", template])
        };
        let former = uid();
        world.delete(NAMESPACE, "rekeyed");
        world.until_gone(NAMESPACE, "rekeyed").await;
        world.apply(NAMESPACE, &manifest);
        let waits = |object: &serde_json::Value| {
            let text = condition(object, "Ready")["message"].as_str().unwrap_or_default();
            text.contains("Secret remade-key of API key mobile belongs to a deleted StepFunctionEndpoint")
        };
        world.until_endpoint(NAMESPACE, "rekeyed", "waits for the garbage collector", waits).await;
        // The sandbox has no garbage collector.
        world.kubectl(["delete", "secret", "remade-key", "--namespace", NAMESPACE]);
        let collected = Instant::now();
        let endpoint = Endpoint::ready(world, "rekeyed").await;
        let took = collected.elapsed();
        println!("Ready {took:.1?} after the former Secret was deleted");
        assert!(took < AFTER_COLLECTION_MAX, "{took:.1?}");
        assert_ne!(uid(), former);
        assert_eq!(status(&endpoint, "/health", None).await, 200);
        world.delete(NAMESPACE, "rekeyed");
        world.until_gone(NAMESPACE, "rekeyed").await;
    });
}

#[test]
fn who_may_not_read_secrets_says_what_lets_it() {
    crate::world::run(async |world| {
        let namespace = "unsecret";
        world.create_namespace(namespace);
        let operator = Operator::start_as_chart_with(world, namespace, &FORBIDDING).await;
        world.apply(namespace, EXAMPLE);
        world.apply(namespace, PUBLISHED);
        let hint = "hint: set `secrets.enabled: true` in the chart's values";
        let write = "hint: set `publishConfigMaps: true` in the chart's values";
        let read = "read of the Secret failed: ";
        let publish = "publish failed: Secret told: read failed: ";
        for (name, says) in [("keyed", [read, hint, ""]), ("hello", [publish, hint, write])] {
            let tells = |object: &serde_json::Value| {
                let text = condition(object, "Stalled")["message"].as_str().unwrap_or_default();
                says.iter().all(|part| text.contains(part))
            };
            world.until_endpoint(namespace, name, "says what lets it read Secrets", tells).await;
            world.delete(namespace, name);
            world.until_gone(namespace, name).await;
        }
        drop(operator);
    });
}

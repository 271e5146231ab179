//! What stands around the routes: what was written to AWS is read back, as LocalStack stores it and enforces little of it.

use aws_sdk_apigateway::types::{MethodSetting, Op, PatchOperation, Stage};

use serde_json::json;

use crate::http::post;
use crate::serving::{Endpoint, NAMESPACE, run};
use crate::world::{World, until};

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
        let endpoint = Endpoint::apply(world, "measured", include_str!("../../examples/stage-settings.yaml")).await;
        let served = endpoint.call(post(endpoint.url("/expensive/1"), "{}")).await;
        assert_eq!((served.answer.status, served.sent.len()), (200, 1), "{served:?}");

        let found = stage(world, &endpoint, "main").await;
        assert!(found.tracing_enabled(), "{found:?}");
        assert_eq!(found.variables().and_then(|all| all.get("tier")).map(String::as_str), Some("gold"));
        let settings = found.method_settings().unwrap();
        assert_eq!(settings.len(), 2, "{settings:?}");
        assert_eq!(told(&settings["*/*"]), (10.0, 20, true, Some("OFF")));
        assert_eq!(told(&settings["~1expensive~1{id}/POST"]), (1.0, 1, true, Some("OFF")));

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

//! Empty mapping templates, which API Gateway returns as null: those of others on a shared API, and answers of our own without a body.

use aws_sdk_apigateway::types::IntegrationType;
use serde_json::{Value, json};

use crate::http::{get, post};
use crate::serving::{Endpoint, NAMESPACE, run};
use crate::world::{World, is_ready, told, until};

/// Makes the operator read everything: it finds nothing to change, and the endpoint stays Ready.
async fn reconcile_in_full(endpoint: &Endpoint, name: &str) {
    let request = json!({ "metadata": { "annotations": { "sfe.dev/requestedAt": "once" } } });
    endpoint.world.patch(NAMESPACE, name, &request).await;
    let is_done = |found: &Value| found["status"]["lastHandledReconcileAt"] == "once";
    let found = endpoint.world.until_endpoint(NAMESPACE, name, "reconciled in full", is_done).await;
    assert!(is_ready(&found), "{}", told(&found));
    assert_eq!(found["status"]["drift"], endpoint.object["status"]["drift"]);
    assert_eq!(found["status"]["api"]["deploymentId"], endpoint.object["status"]["api"]["deploymentId"]);
}

const EMPTY: &str = r#"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: empty}
spec:
  stateMachine: {type: EXPRESS, definition: "{StartAt: A, States: {A: {Type: Pass, Result: {secret: x}, End: true}}}"}
  routes:
  - {path: /started, method: POST, auth: {type: NONE}, action: StartExecution, responses: {success: {body: {empty: true}}}}
  - {path: /done, method: POST, auth: {type: NONE}, action: StartSyncExecution, responses: {success: {body: {empty: true}}}}
  - {path: /none, method: POST, auth: {type: NONE}, action: StartExecution, responses: {success: {status: 204}}}
"#;

#[test]
fn an_answer_without_a_body_is_empty_and_stays_ready() {
    run(async |world| {
        let endpoint = Endpoint::apply(world, "empty", EMPTY).await;
        for (path, status) in [("/started", 200), ("/done", 200), ("/none", 204)] {
            let answer = endpoint.call(post(endpoint.url(path), "{}")).await.answer;
            assert_eq!((answer.status, answer.body.trim()), (status, ""), "{path}: nothing of Step Functions' answer");
        }
        reconcile_in_full(&endpoint, "empty").await;
        world.delete(NAMESPACE, "empty");
        world.until_gone(NAMESPACE, "empty").await;
    });
}

/// An API that is not the operator's, with a method whose templates are empty.
const SHARED: &str = "n1u2l3l4s5";

const BESIDE: &str = r#"
apiVersion: sfe.dev/v1alpha1
kind: StepFunctionEndpoint
metadata: {name: beside-nulls}
spec:
  stateMachine: {type: EXPRESS, definition: "{StartAt: A, States: {A: {Type: Pass, End: true}}}"}
  api: {restApiId: n1u2l3l4s5, parentPath: /orders}
  stage: {name: orders, deploy: Always}
  routes:
  - {path: /, method: POST, auth: {type: NONE}}
"#;

/// GET /status, a mock as `Enable CORS` of the console makes one.
async fn place_shared(world: &World) {
    let gateway = &world.apigateway;
    let created = gateway.create_rest_api().name("shared").tags("_custom_id_", SHARED).send().await.unwrap();
    let root = created.root_resource_id().unwrap();
    let made = gateway.create_resource().rest_api_id(SHARED).parent_id(root).path_part("status").send().await.unwrap();
    let id = made.id().unwrap();
    let method = gateway.put_method().rest_api_id(SHARED).resource_id(id).http_method("GET");
    method.authorization_type("NONE").send().await.unwrap();
    let response = gateway.put_method_response().rest_api_id(SHARED).resource_id(id).http_method("GET");
    response.status_code("200").send().await.unwrap();
    let integration = gateway.put_integration().rest_api_id(SHARED).resource_id(id).http_method("GET");
    let integration = integration.r#type(IntegrationType::Mock);
    integration.request_templates("application/json", r#"{"statusCode": 200}"#).send().await.unwrap();
    let response = gateway.put_integration_response().rest_api_id(SHARED).resource_id(id).http_method("GET");
    let put = response.status_code("200").response_templates("application/json", "").send().await;
    // The SDK alone, without the operator's interceptor, can't read the answer.
    let error = aws_sdk_apigateway::error::DisplayErrorContext(put.unwrap_err()).to_string();
    assert!(error.contains("cannot contain null"), "{error}");
    gateway.create_deployment().rest_api_id(SHARED).stage_name("live").send().await.unwrap();
}

#[test]
fn an_empty_template_of_others_is_read() {
    run(async |world| {
        place_shared(world).await;
        let status = world.sandbox.stage_url(SHARED, "live", "/status");
        assert_eq!(get(status.clone()).send().await.status, 200);
        let endpoint = Endpoint::apply(world, "beside-nulls", BESIDE).await;
        let answer = endpoint.call(post(endpoint.url("/orders"), "{}")).await.answer;
        assert_eq!(answer.status, 200, "{answer:?}");
        reconcile_in_full(&endpoint, "beside-nulls").await;
        world.delete(NAMESPACE, "beside-nulls");
        world.until_gone(NAMESPACE, "beside-nulls").await;
        until("the method of others still serves", async || match get(status.clone()).send().await.status {
            200 => Ok(()),
            other => Err(other),
        })
        .await;
    });
}

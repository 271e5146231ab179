//! Who may call: what was written to AWS is read back, as LocalStack asks no authorizer and lets everyone in.

use std::collections::BTreeMap;

use aws_sdk_apigateway::types::{Authorizer, AuthorizerType};
use serde_json::{Value, json};

use crate::examples::gateway_policy;
use crate::http::post;
use crate::serving::{Endpoint, NAMESPACE, run};
use crate::world::{World, condition, told};

async fn authorizers(world: &World, endpoint: &Endpoint) -> BTreeMap<String, Authorizer> {
    let found = world.apigateway.get_authorizers().rest_api_id(&endpoint.api_id).send().await.unwrap();
    found.items().iter().map(|found| (found.id().unwrap().to_owned(), found.clone())).collect()
}

fn function(name: &str) -> String {
    format!("arn:aws:lambda:eu-central-1:000000000000:function:{name}")
}

#[test]
fn lambda_functions_say_who_may_call() {
    run(async |world| {
        let manifest = include_str!("../../examples/lambda-authorizers.yaml");
        let endpoint = Endpoint::apply(world, "guarded-orders", manifest).await;
        let served = endpoint.call(post(endpoint.url("/orders"), "{}").header("authorization", "Bearer x")).await;
        assert_eq!((served.answer.status, served.sent.len()), (200, 1), "{served:?}");

        let found = authorizers(world, &endpoint).await;
        assert_eq!(found.len(), 4, "routes that say the same share one: {found:?}");
        let of = async |verb: &str, path: &str| {
            let method = endpoint.method(verb, path).await;
            let id = method.authorizer_id().unwrap_or_else(|| panic!("{verb} {path} has no authorizer"));
            (method.authorization_type().unwrap_or_default().to_owned(), found[id].clone())
        };
        assert_eq!(of("POST", "/orders").await, of("GET", "/orders/{name}").await);
        let (header, token) = ("method.request.header.Authorization", "^Bearer [-0-9a-zA-Z._]+$");
        let tenant = "context.path,method.request.header.X-Tenant-Token";
        for (path, type_, name, source, expression, ttl) in [
            ("/orders", AuthorizerType::Token, "may-order", Some(header), Some(token), 300),
            ("/tenants/{tenant}/orders", AuthorizerType::Request, "may-order-for:live", Some(tenant), None, 60),
            ("/webhook", AuthorizerType::Request, "is-signed", None, None, 0),
        ] {
            let (method, authorizer) = of("POST", path).await;
            assert_eq!((method.as_str(), authorizer.r#type()), ("CUSTOM", Some(&type_)), "{path}");
            let uri = format!("functions/{}/invocations", function(name));
            assert!(authorizer.authorizer_uri().is_some_and(|found| found.ends_with(&uri)), "{path}: {authorizer:?}");
            assert_eq!(authorizer.authorizer_credentials(), endpoint.object["status"]["gatewayRoleArn"].as_str());
            assert_eq!(authorizer.identity_source(), source, "{path}");
            assert_eq!(authorizer.identity_validation_expression(), expression, "{path}");
            assert_eq!(authorizer.authorizer_result_ttl_in_seconds(), Some(ttl), "{path}");
        }
        let (method, users) = of("POST", "/users/orders").await;
        assert_eq!((method.as_str(), users.authorizer_result_ttl_in_seconds()), ("COGNITO_USER_POOLS", Some(120)));

        let policy = gateway_policy(world, &endpoint).await;
        let statements = policy["Statement"].as_array().unwrap();
        let invoke = statements.iter().find(|statement| statement["Action"] == "lambda:InvokeFunction");
        let functions = json!([function("is-signed"), function("may-order"), function("may-order-for:live")]);
        assert_eq!(invoke.map(|statement| &statement["Resource"]), Some(&functions), "{policy}");
    });
}

#[test]
fn an_authorizer_that_exists_is_used_as_it_is() {
    run(async |world| {
        let manifest = |auth: &Value| {
            json!({
                "apiVersion": "sfe.dev/v1alpha1",
                "kind": "StepFunctionEndpoint",
                "metadata": { "name": "by-id" },
                "spec": {
                    "stateMachine": { "definition": "{StartAt: A, States: {A: {Type: Pass, End: true}}}" },
                    "routes": [{ "path": "/", "method": "POST", "auth": auth }],
                },
            })
            .to_string()
        };
        let endpoint = Endpoint::apply(world, "by-id", &manifest(&json!({ "type": "AWS_IAM" }))).await;
        let create = world.apigateway.create_authorizer().rest_api_id(&endpoint.api_id).name("by-hand");
        let create = create.r#type(AuthorizerType::Token).identity_source("method.request.header.T");
        let id = create.authorizer_uri("arn:aws:apigateway:x").send().await.unwrap().id.unwrap();
        let before = authorizers(world, &endpoint).await;

        world.apply(NAMESPACE, &manifest(&json!({ "type": "CUSTOM", "authorizerId": id })));
        let endpoint = Endpoint::ready(world, "by-id").await;
        let method = endpoint.method("POST", "/").await;
        assert_eq!((method.authorization_type(), method.authorizer_id()), (Some("CUSTOM"), Some(id.as_str())));
        assert_eq!(authorizers(world, &endpoint).await, before, "it is never changed");

        for (auth, says) in [
            (json!({ "type": "COGNITO_USER_POOLS", "authorizerId": id }), "which needs `auth.type: CUSTOM`"),
            (json!({ "type": "CUSTOM", "authorizerId": "nobodys" }), "REST API has none with the id nobodys"),
        ] {
            world.apply(NAMESPACE, &manifest(&auth));
            let refused = |endpoint: &Value| {
                let stalled = condition(endpoint, "Stalled");
                let text = stalled["message"].as_str().unwrap_or_default();
                stalled["status"] == "True" && text.contains(says) && text.contains("hint: set `auth.authorizerId`")
            };
            let found = world.until_endpoint(NAMESPACE, "by-id", says, refused).await;
            let method = endpoint.method("POST", "/").await;
            assert_eq!(method.authorizer_id(), Some(id.as_str()), "what serves stays: {}", told(&found));
        }
        world.apply(NAMESPACE, &manifest(&json!({ "type": "NONE" })));
        Endpoint::ready(world, "by-id").await;
        assert_eq!(authorizers(world, &endpoint).await, before, "it is not deleted");
    });
}

//! Cross-origin requests: the headers beside each answer, and a method that answers preflights.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{self, HttpMethod, Responses, Route};
use crate::kinds::method::{self, Authorization, Integration, IntegrationKind};
use crate::mapping::{Cors, bounded, is_of_cors, path_parameters};
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::Owner;

use super::RouteKey;
use super::routes::{JSON, response};

/// What a preflight is answered with: there is nothing to read but headers.
const NO_CONTENT: u16 = 204;

/// Adds the headers to each answer of the methods, and a method that answers preflights to each path that has no OPTIONS route; `at` is the
/// routes' field path.
pub fn allow(
    said: &api::Cors,
    routes: &[Route],
    owner: &Owner,
    at: &FieldPath,
    mistakes: &mut Mistakes,
    methods: &mut BTreeMap<RouteKey, method::Desired>,
) {
    for (index, route) in routes.iter().enumerate() {
        if let Some(responses) = &route.responses {
            check_headers(responses, said.origins.len() > 1, &at.index(index).field("responses"), mistakes);
        }
    }
    let Some(cors) = Cors::parse(said, &FieldPath::spec().field("cors"), mistakes) else { return };
    let mut paths: BTreeMap<String, BTreeSet<HttpMethod>> = BTreeMap::new();
    for (key, method) in &mut *methods {
        paths.entry(key.path.clone()).or_default().insert(key.method);
        let responses = method.integration.responses.values_mut();
        for template in responses.flat_map(|response| response.templates.values_mut()) {
            if let Some(with_headers) = bounded(cors.beside(template), at, mistakes) {
                *template = with_headers;
            }
        }
    }
    // ANY is no OPTIONS route: a preflight must be answered without the authorization that it may need.
    for (path, of_path) in paths.into_iter().filter(|(_, of_path)| !of_path.contains(&HttpMethod::Options)) {
        let preflight = preflight(owner, &path, cors.preflight(&of_path));
        methods.insert(RouteKey { path, method: HttpMethod::Options }, preflight);
    }
}

/// Each header of `cors` is set once: a second time is a 5XX.
fn check_headers(said: &Responses, varies: bool, at: &FieldPath, mistakes: &mut Mistakes) {
    let Responses { success, errors, client_error, server_error, throttling } = said;
    let success = success.iter().map(|said| (at.field("success"), said.headers.keys().collect()));
    let errors = errors.iter().enumerate();
    let errors = errors.map(|(index, said)| (at.field("errors").index(index), said.headers.keys().collect()));
    let classes = [("clientError", client_error), ("serverError", server_error), ("throttling", throttling)];
    let classes = classes.into_iter().filter_map(|(class, said)| Some((class, said.as_ref()?)));
    let classes = classes.map(|(class, said)| (at.field(class), said.headers.keys().collect::<Vec<_>>()));
    for (at, names) in success.chain(errors).chain(classes) {
        for name in names {
            if is_of_cors(name) || varies && name.eq_ignore_ascii_case("Vary") {
                mistakes.add(at.field("headers").key(name), name, "leave it out: `cors` says it");
            }
        }
    }
}

/// Answers whoever asks, by itself: a browser sends no credentials with a preflight.
fn preflight(owner: &Owner, path: &str, template: String) -> method::Desired {
    let parameters = path_parameters(path).map(|name| (format!("method.request.path.{name}"), true));
    method::Desired {
        operation_name: owner.marker(),
        authorization: Authorization::None,
        api_key_required: false,
        request_parameters: parameters.collect(),
        validated: false,
        model: None,
        other_models: BTreeMap::new(),
        integration: Integration {
            kind: IntegrationKind::Mock,
            uri: String::new(),
            credentials: String::new(),
            passthrough_behavior: "NEVER".to_owned(),
            request_templates: BTreeMap::from([(JSON.to_owned(), format!(r#"{{"statusCode": {NO_CONTENT}}}"#))]),
            other_settings: BTreeMap::new(),
            responses: BTreeMap::from([(NO_CONTENT, response(None, template))]),
        },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::api::StateMachineType;
    use crate::desired::routes::{self, Routes};
    use crate::kinds::method::{Action, Observed, Place, Settings, next};

    fn owner(name: &str) -> Owner {
        Owner { cluster: "c".to_owned(), namespace: "n".to_owned(), name: name.to_owned() }
    }

    fn parse(name: &str, spec: &Value) -> Result<Routes, Vec<String>> {
        let mut spec = spec.clone();
        spec["stateMachine"] = json!({});
        let machine = "arn:aws:states:eu-central-1:000000000000:stateMachine:a".parse().unwrap();
        let role = "arn:aws:iam::000000000000:role/gateway".parse().unwrap();
        let target = Some(((&machine, StateMachineType::Express), &role));
        let mut mistakes = Mistakes::none();
        let at = FieldPath::spec().field("routes");
        let routes = routes::parse(
            &serde_json::from_value(spec).unwrap(),
            &owner(name),
            target,
            &std::collections::BTreeSet::new(),
            &at,
            &mut mistakes,
        );
        routes.ok_or_else(|| mistakes.iter().map(ToString::to_string).collect())
    }

    fn route(path: &str, method: &str) -> Value {
        json!({ "path": path, "method": method, "auth": { "type": "AWS_IAM" }, "input": { "constant": {} } })
    }

    #[test]
    fn each_path_without_an_options_route_gets_one_that_anyone_may_ask() {
        let routes = json!([
            route("/a", "POST"),
            route("/a", "GET"),
            route("/b/{id}", "ANY"),
            route("/c", "GET"),
            route("/c", "OPTIONS")
        ]);
        let said = parse("a", &json!({ "routes": routes, "cors": { "origins": ["https://a.example"] } })).unwrap();
        let keys: Vec<String> = said.methods.keys().map(|key| format!("{} {}", key.method, key.path)).collect();
        assert_eq!(keys, ["GET /a", "OPTIONS /a", "POST /a", "ANY /b/{id}", "OPTIONS /b/{id}", "GET /c", "OPTIONS /c"],);
        let without = parse("a", &json!({ "routes": routes })).unwrap();
        for (key, method) in &said.methods {
            let Integration { kind, credentials, responses, .. } = &method.integration;
            let allows = responses.values().flat_map(|response| response.templates.values());
            let allows = allows.map(|template| template.matches("Access-Control-Allow-Origin = ").count());
            assert_eq!(allows.collect::<Vec<_>>(), vec![1; responses.len()], "{key:?}");
            assert_eq!(method.operation_name, owner("a").marker());
            if without.methods.contains_key(key) {
                assert_eq!((kind, &method.authorization), (&IntegrationKind::Aws, &Authorization::AwsIam), "{key:?}");
            } else {
                assert_eq!((kind, credentials.as_str()), (&IntegrationKind::Mock, ""), "{key:?}");
                assert_eq!((&method.authorization, method.validated), (&Authorization::None, false), "{key:?}");
                assert_eq!(responses.keys().collect::<Vec<_>>(), [&204]);
                let template = &responses[&204].templates[JSON];
                let allowed = if key.path == "/a" { "'GET,POST'" } else { "'DELETE,GET,HEAD,OPTIONS,PATCH,POST,PUT'" };
                assert!(template.contains(allowed), "{template}");
            }
        }
        let parameters =
            said.methods.iter().find(|(key, method)| key.path == "/b/{id}" && method.integration.uri.is_empty());
        assert_eq!(
            parameters.unwrap().1.request_parameters,
            BTreeMap::from([("method.request.path.id".to_owned(), true)])
        );
    }

    #[test]
    fn what_is_without_keeps_its_hash() {
        let method = parse("a", &json!({ "routes": [route("/a", "POST")] })).unwrap();
        assert!(!serde_json::to_string(&method.methods.values().collect::<Vec<_>>()).unwrap().contains("kind"));
    }

    #[test]
    fn a_preflight_that_calls_something_is_mended() {
        let said = json!({ "routes": [route("/a", "POST")], "cors": { "origins": ["*"] } });
        let said = parse("a", &said).unwrap();
        let want = said.methods.values().find(|method| method.integration.kind == IntegrationKind::Mock).unwrap();
        let place =
            Place { rest_api_id: "r".into(), resource_id: "a".into(), path: "/a".into(), method: HttpMethod::Options };
        let settings = Settings::default();
        let integration = Integration { kind: IntegrationKind::Aws, ..want.integration.clone() };
        let found = Observed { responses: [204].into(), integration: Some(integration), ..Observed::default() };
        let next = next(&place, want, &settings, Some(&found));
        let [Action::PutIntegration { integration, changes, .. }] = next.actions.as_slice() else {
            panic!("{:?}", next.actions);
        };
        assert_eq!(integration.kind, IntegrationKind::Mock);
        assert!(!changes.is_empty());
    }

    #[test]
    fn no_header_is_said_twice() {
        let headers = |name: &str| json!({ "headers": { name: { "constant": "x" } } });
        let mut said = route("/a", "POST");
        said["responses"] = json!({
            "success": headers("Vary"),
            "errors": [{ "match": { "error": "A" }, "status": 422, "headers": { "access-control-allow-origin": { "constant": "x" } } }],
            "clientError": headers("Access-Control-Expose-Headers"),
            "serverError": headers("Access-Control-Allow-Credentials"),
            "throttling": headers("Access-Control-Max-Age"),
        });
        let one = parse("a", &json!({ "routes": [said], "cors": { "origins": ["https://a.example"] } })).unwrap_err();
        let wrong = |place: &str, name: &str| {
            format!("spec.routes[0].responses.{place}.headers[{name}]: `{name}`: leave it out: `cors` says it")
        };
        let always = [
            wrong("errors[0]", "access-control-allow-origin"),
            wrong("clientError", "Access-Control-Expose-Headers"),
            wrong("serverError", "Access-Control-Allow-Credentials"),
        ];
        assert_eq!(one, always);
        let several = json!({ "origins": ["https://a.example", "https://b.example"] });
        let several = parse("a", &json!({ "routes": [said], "cors": several })).unwrap_err();
        assert_eq!(several, [&[wrong("success", "Vary")], &always[..]].concat());
        assert!(parse("a", &json!({ "routes": [said] })).is_ok());
    }

    #[test]
    fn a_path_with_preflights_is_not_shared() {
        let said = |method: &str, cors: Value| json!({ "routes": [route("/a", method)], "cors": cors });
        let any = json!({ "origins": ["*"] });
        let (host, guest) = (parse("a", &said("GET", any.clone())).unwrap(), parse("b", &said("POST", any)).unwrap());
        let why =
            "OPTIONS /a is served for another StepFunctionEndpoint of this API: a path with `cors` can't be shared";
        assert_eq!(routes::conflict(&host, &guest).as_deref(), Some(why));
        let without = parse("b", &said("POST", Value::Null)).unwrap();
        assert_eq!(routes::conflict(&host, &without), None);
    }
}

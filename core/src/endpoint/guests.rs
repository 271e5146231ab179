//! Guests whose routes have no place on the API as it was found. Each is refused by itself, and its host goes on with the others.

use std::borrow::Cow;
use std::collections::BTreeSet;

use crate::desired::{Api, Desired, GuestRoutes, Kept, Neighbour, RouteKey};
use crate::kinds::{gateway_response, method, stage};
use crate::observed::Observed;

use super::{gateway, others};

/// What is desired without the routes of such guests.
pub fn placed<'d>(desired: &'d Desired, observed: &Observed) -> Cow<'d, Desired> {
    let Some(api) = &desired.api else { return Cow::Borrowed(desired) };
    let misplaced: Vec<(&Neighbour, &Kept, String)> = api
        .guests
        .iter()
        .filter_map(|(name, fate)| match fate {
            GuestRoutes::Served { kept, .. } => Some((name, kept, obstacle(api, &kept.marker, observed)?)),
            GuestRoutes::Held { .. } | GuestRoutes::Released { .. } | GuestRoutes::Refused { .. } => None,
        })
        .collect();
    if misplaced.is_empty() {
        return Cow::Borrowed(desired);
    }
    let mut rest = api.clone();
    for (name, kept, why) in misplaced {
        take_off(&mut rest, kept);
        rest.guests.insert(name.clone(), GuestRoutes::Refused { kept: kept.clone(), why });
    }
    drop_unused(&mut rest);
    Cow::Owned(Desired { api: Some(rest), ..desired.clone() })
}

/// Why the routes with this marker can't be served, if that is so.
fn obstacle(api: &Api, marker: &str, observed: &Observed) -> Option<String> {
    let of_guest = |method: &&method::Desired| method.operation_name == marker;
    let authorizer = observed
        .authorizers
        .present()
        .and_then(|found| gateway::wrong_authorizers(api.methods.values().filter(of_guest), found).next())
        .map(|(_, why)| why);
    authorizer.or_else(|| {
        let others = api.others.as_ref()?;
        let routes = api.methods.iter().filter(|(_, method)| of_guest(method));
        let keys: Vec<&RouteKey> = routes.map(|(key, _)| key).collect();
        let taken = others::taken(&keys, others, observed)
            .next()
            .map(|(method, path)| format!("{method} {path} is there already"));
        taken.or_else(|| {
            let (one, other) = others::collision(&keys, observed)?;
            Some(format!("{other} can't stand beside {one}: API Gateway allows one {{name}} below each resource"))
        })
    })
}

/// Takes off the methods of a guest, and what the stages say of them.
fn take_off(api: &mut Api, kept: &Kept) {
    let Api { methods, stage, further_stages, .. } = api;
    methods.retain(|key, method| {
        let stays = method.operation_name != kept.marker;
        for want in [&mut *stage].into_iter().chain(&mut *further_stages).filter(|_| !stays) {
            want.settings.methods.remove(&stage::Methods::one(&key.path, key.method));
        }
        stays
    });
}

/// Drops the authorizers and models that no method needs any more.
fn drop_unused(api: &mut Api) {
    let authorizers: BTreeSet<&str> = api
        .methods
        .values()
        .filter_map(|method| match &method.authorization {
            method::Authorization::Cognito { authorizer, .. } | method::Authorization::Custom { authorizer } => {
                Some(authorizer.as_str())
            }
            method::Authorization::None | method::Authorization::AwsIam | method::Authorization::Existing { .. } => {
                None
            }
        })
        .collect();
    api.authorizers.retain(|name, _| authorizers.contains(name.as_str()));
    let models: BTreeSet<&String> =
        api.methods.values().flat_map(|method| method.model.iter().chain(method.other_models.values())).collect();
    api.models.retain(|name, _| name == gateway_response::MARKER || models.contains(name));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;
    use crate::api::{HttpMethod, StepFunctionEndpoint};
    use crate::desired::{References, Settings, desired};
    use crate::kinds::{authorizer, resource};
    use crate::next::Seen;
    use crate::owner::Site;

    fn settings() -> Settings {
        let site = Site { partition: "aws".into(), account: "000000000000".into(), region: "eu-central-1".into() };
        Settings::new("c".into(), site)
    }

    fn object(name: &str, api: &Value, auth: &Value) -> StepFunctionEndpoint {
        let condition = |name: &str| json!({ "type": name, "status": "True", "observedGeneration": 1, "reason": "A", "message": "", "lastTransitionTime": "2026-01-01T00:00:00Z" });
        let own = api["endpointRef"].is_null();
        serde_json::from_value(json!({
            "apiVersion": "sfe.dev/v1alpha1", "kind": "StepFunctionEndpoint",
            "metadata": { "name": name, "namespace": "shop", "generation": 1 },
            "spec": {
                "stateMachine": { "arn": "arn:aws:states:eu-central-1:000000000000:stateMachine:m" },
                "gatewayRole": { "arn": "arn:aws:iam::000000000000:role/r" },
                "api": api,
                "stage": if own { json!({ "name": "ours", "deploy": "Always" }) } else { Value::Null },
                "routes": [{ "path": format!("/{name}/{{id}}"), "method": "POST", "auth": auth, "throttling": { "rateLimit": 1, "burstLimit": 1 } }],
            },
            "status": {
                "observedGeneration": 1,
                "conditions": [condition("RolesReady"), condition("StateMachineReady")],
                "stateMachine": { "arn": "arn:aws:states:eu-central-1:000000000000:stateMachine:m", "type": "STANDARD" },
                "gatewayRoleArn": "arn:aws:iam::000000000000:role/r",
            },
        }))
        .unwrap()
    }

    fn hosting(guest_auth: &Value) -> Desired {
        let guest = |name: &str, auth: &Value| object(name, &json!({ "endpointRef": { "name": "host" } }), auth);
        let references = References {
            state_machine_type: Some(Ok(crate::api::StateMachineType::Standard)),
            guests: vec![guest("a", guest_auth), guest("b", &json!({ "type": "NONE" }))],
            ..References::default()
        };
        let host = object("host", &json!({ "restApiId": "a1" }), &json!({ "type": "NONE" }));
        desired(&host, &references, &settings()).unwrap()
    }

    fn observed(paths: &[(&str, Option<HttpMethod>)]) -> Observed {
        let resource = |method: &Option<HttpMethod>| resource::Resource {
            id: "r".to_owned(),
            methods: method.iter().map(|method| (*method, method::Observed::default())).collect(),
        };
        Observed {
            resources: Seen::Present(
                paths.iter().map(|(path, method)| ((*path).to_owned(), resource(method))).collect(),
            ),
            authorizers: Seen::Present(authorizer::Observed::new()),
            ..Observed::default()
        }
    }

    #[rstest]
    #[case::beside_others(&[("/theirs", Some(HttpMethod::Post)), ("/a/{id}", Some(HttpMethod::Get))], None)]
    #[case::taken(&[("/a/{id}", Some(HttpMethod::Post))], Some("POST /a/{id} is there already"))]
    #[case::another_parameter(
        &[("/a/{other}", None)],
        Some("/a/{id} can't stand beside /a/{other}: API Gateway allows one {name} below each resource")
    )]
    fn a_guest_without_a_place_is_refused_alone(
        #[case] there: &[(&str, Option<HttpMethod>)],
        #[case] refused: Option<&str>,
    ) {
        let desired = hosting(&json!({ "type": "NONE" }));
        let placed = placed(&desired, &observed(there));
        let api = placed.api.as_ref().unwrap();
        let fates: BTreeMap<&str, Option<&str>> = api
            .guests
            .iter()
            .map(|(name, fate)| match fate {
                GuestRoutes::Refused { why, .. } => (name.name.as_str(), Some(why.as_str())),
                GuestRoutes::Served { .. } | GuestRoutes::Held { .. } | GuestRoutes::Released { .. } => {
                    (name.name.as_str(), None)
                }
            })
            .collect();
        assert_eq!(fates, BTreeMap::from([("a", refused), ("b", None)]));
        let paths: Vec<&str> = api.methods.keys().map(|key| key.path.as_str()).collect();
        let of_a: &[&str] = if refused.is_none() { &["/a/{id}"] } else { &[] };
        assert_eq!(paths, [of_a, &["/b/{id}", "/host/{id}"]].concat());
        assert_eq!(api.stage.settings.methods.len(), paths.len());
    }

    #[test]
    fn an_authorizer_that_is_not_there_refuses_its_guest_alone() {
        let desired = hosting(&json!({ "type": "CUSTOM", "authorizerId": "x1y2z3" }));
        let placed = placed(&desired, &observed(&[("/", None)]));
        let api = placed.api.as_ref().unwrap();
        let refused = api.guests.values().filter_map(|fate| match fate {
            GuestRoutes::Refused { why, .. } => Some(why.as_str()),
            GuestRoutes::Served { .. } | GuestRoutes::Held { .. } | GuestRoutes::Released { .. } => None,
        });
        assert_eq!(refused.collect::<Vec<_>>(), ["REST API has none with the id x1y2z3"]);
        assert_eq!(api.methods.len(), 2);
    }
}

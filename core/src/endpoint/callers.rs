//! Who may call the REST API, where the manifest says it by lists: a policy follows from all methods on the API, those of guests and those that
//! nobody marked included.

use std::collections::BTreeMap;

use crate::action::Action;
use crate::desired::{Api, RouteKey};
use crate::kinds::rest_api;
use crate::next::{Next, unread};
use crate::observed::Observed;
use crate::policy::Gate;
use crate::reason::Reason;

use super::gateway::goes;

/// The REST API as it is desired, with the policy that its lists make; else what is waited for, or what needs a person.
pub fn rest_api(api: &Api, observed: &Observed) -> Result<rest_api::Desired, Next<Action>> {
    let mut want = api.rest_api.clone();
    let Some(callers) = &api.callers else { return Ok(want) };
    let found = observed.rest_api.present();
    if found.is_some() && observed.resources.present().is_none() {
        return Err(unread("routes"));
    }
    let found_type = found.map(|found| found.endpoint_type.as_str()).filter(|_| want.endpoint_type.is_none());
    let endpoint_type = found_type.unwrap_or_else(|| want.new_endpoint_type());
    let is_private = endpoint_type == "PRIVATE";
    if callers.name_vpcs() && !is_private {
        return Err(Next::refuse(
            Reason::InvalidManifest,
            format!("resource policy failed: {endpoint_type} API does not know the VPC of a caller"),
            "leave `vpcs` and `vpcEndpoints` of `api.policy` out: they are for private APIs".to_owned(),
        ));
    }
    let mut methods: BTreeMap<RouteKey, Gate> =
        api.methods.iter().map(|(key, want)| (key.clone(), want.authorization.gate())).collect();
    for (path, method, found) in observed.methods().filter(|(_, _, found)| !goes(api, found)) {
        let key = RouteKey { path: path.to_owned(), method };
        methods.entry(key).or_insert_with(|| Gate::of(&found.settings.authorization_type));
    }
    let methods: Vec<_> = methods.into_iter().collect();
    let stages: Vec<&str> = api.stages().map(|stage| stage.name.as_str()).collect();
    match callers.policy(&methods, &stages, is_private) {
        Ok(policy) => {
            want.policy = Some(policy);
            Ok(want)
        }
        Err(why) => Err(Next::refuse(
            Reason::InvalidManifest,
            format!("resource policy failed: {why}"),
            "change `api.policy` or the routes of this API, or say the policy as `api.policy.document`".to_owned(),
        )),
    }
}

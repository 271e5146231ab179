//! What people change in AWS by hand.

use std::collections::BTreeMap;

use sfe::controller::Key;
use sfe_core::kinds::method;
use sfe_core::policy::PolicyDocument;

use crate::account::{Account, RestApi};
use crate::life::Tampering;
use crate::promises::owner;

/// Someone changes AWS by hand.
pub fn tamper(account: &mut Account, object: &Key, how: Tampering) {
    let owner = owner(object);
    let id = account.apis.iter().find(|(_, api)| owner.owns(&api.tags)).map(|(id, _)| id.clone());
    let api = id.as_ref().and_then(|id| account.apis.get_mut(id));
    match (how, api) {
        (Tampering::DeleteGatewayRole, _) => drop(account.roles.remove(&owner.gateway_role_name())),
        (Tampering::DeleteWorkflowRole, _) => drop(account.roles.remove(&owner.workflow_role_name())),
        (Tampering::DeleteLogGroup, _) => drop(account.log_groups.remove(&owner.log_group_name())),
        (Tampering::DeleteStateMachine, _) => account.machines.retain(|_, machine| !owner.owns(&machine.observed.tags)),
        (Tampering::DeleteRestApi, Some(_)) => drop(id.and_then(|id| account.apis.remove(&id))),
        (Tampering::DeleteStage, Some(api)) => api.stages.clear(),
        (Tampering::DeleteMethods, Some(api)) => {
            api.resources.values_mut().for_each(|resource| resource.methods.clear());
        }
        (Tampering::EditIntegrations, Some(api)) => {
            let methods = api.resources.values_mut().flat_map(|resource| resource.methods.values_mut());
            let integrations = methods.filter_map(|method| method.integration.as_mut());
            integrations.for_each(|found| found.credentials = "arn:aws:iam::000000000000:role/evil".to_owned());
        }
        (Tampering::EditPolicy | Tampering::EditTrust, _) => {
            let names = [owner.gateway_role_name(), owner.workflow_role_name()];
            for (_, role) in account.roles.iter_mut().filter(|(name, _)| names.contains(name)) {
                let other = PolicyDocument::observed(r#"{"Version":"2012-10-17","Statement":[]}"#);
                if how == Tampering::EditPolicy {
                    role.permissions = Some(other);
                } else {
                    role.trust = other;
                }
            }
        }
        (Tampering::AddRoute, Some(api)) => add_route(api),
        (_, None) => {}
    }
}

/// A finished route of someone else's.
fn add_route(api: &mut RestApi) {
    let finished = method::Integration {
        kind: method::IntegrationKind::Aws,
        uri: "arn:aws:apigateway:eu-central-1:lambda:path/else".to_owned(),
        credentials: String::new(),
        passthrough_behavior: "NEVER".to_owned(),
        request_templates: BTreeMap::new(),
        other_settings: BTreeMap::new(),
        responses: BTreeMap::new(),
    };
    let method = method::Observed { integration: Some(finished), ..method::Observed::default() };
    let resource = api.resources.entry("/else".to_owned()).or_default();
    resource.id = "else".to_owned();
    resource.methods.insert(sfe_core::api::HttpMethod::Get, method);
}

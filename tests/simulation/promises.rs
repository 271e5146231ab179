//! What the operator promises, told without its own code: from the manifests as JSON and from what the account holds.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sfe::controller::Key;
use sfe_core::api::{HttpMethod, StateMachineType, StepFunctionEndpoint};
use sfe_core::owner::Owner;
use sfe_core::status::is_true;

use crate::account::{Account, CLUSTER, Machine, RestApi, is_finished, is_our_method};
use crate::life::{REFERENCED, key};
use crate::stages;

pub type Kept = Result<(), String>;

pub fn owner(key: &Key) -> Owner {
    Owner { cluster: CLUSTER.to_owned(), namespace: key.namespace.clone(), name: key.name.clone() }
}

/// The object whose stage serves the routes.
pub fn server_of(object: &Key, spec: &Value) -> Key {
    spec["api"]["endpointRef"]["name"].as_str().map_or_else(|| object.clone(), key)
}

fn expected_type(spec: &Value) -> StateMachineType {
    match spec["stateMachine"]["type"].as_str() {
        Some("EXPRESS") => StateMachineType::Express,
        _ => StateMachineType::Standard,
    }
}

/// A route that was live.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// Whose stage serves it.
    pub host: Key,
    pub stage: String,
    pub path: String,
    pub method: HttpMethod,
    /// As the manifest says it.
    pub route: Value,
}

/// The routes of a manifest as they are served once it is live.
pub fn routes(object: &Key, spec: &Value, host_spec: &Value) -> Vec<Served> {
    let host = server_of(object, spec);
    let routes = spec["routes"].as_array().into_iter().flatten();
    let on = |route: &Value, stage: &str| Served {
        host: host.clone(),
        stage: stage.to_owned(),
        path: route["path"].as_str().unwrap().to_owned(),
        method: serde_json::from_value(route["method"].clone()).unwrap(),
        route: route.clone(),
    };
    let stages = stages::of(host_spec);
    routes.flat_map(|route| stages.iter().map(move |stage| on(route, stage))).collect()
}

/// What a caller of this route would reach works: stage, snapshot, role and state machine.
pub fn check_served(account: &Account, object: &Key, served: &Served) -> Kept {
    let what = format!("{} {} of {}", served.method, served.path, object.name);
    let api = account.api_of(&owner(&served.host)).ok_or_else(|| format!("{what} is down: there is no REST API"))?;
    let stage = api.stages.get(&served.stage).ok_or_else(|| format!("{what} is down: there is no stage"))?;
    let snapshot = api.snapshots.get(&stage.deployment_id).ok_or_else(|| format!("{what} is down: no deployment"))?;
    let method = snapshot.methods.get(&(served.path.clone(), served.method));
    let method = method.ok_or_else(|| format!("{what} is down: the deployment has no such method"))?;
    let integration = method.integration.as_ref().ok_or_else(|| format!("{what} is down: no integration"))?;
    if !is_finished(method) {
        return Err(format!("{what} is down: its responses are not complete"));
    }
    let template: String = integration.request_templates.values().cloned().collect();
    for type_ in [StateMachineType::Standard, StateMachineType::Express] {
        let arn = account.site.state_machine_arn(&owner(object).state_machine_name(type_)).unwrap();
        if template.contains(arn.as_str()) && !account.machines.get(arn.as_str()).is_some_and(serves) {
            return Err(format!("{what} is down: its {} state machine is gone", type_.as_str()));
        }
    }
    let action = integration.uri.rsplit('/').next().unwrap_or_default();
    match integration.credentials.strip_prefix("arn:aws:iam::000000000000:role/sfe/") {
        None => Ok(()),
        Some(role) => {
            let role = account.roles.get(role).ok_or_else(|| format!("{what} is down: role {role} is gone"))?;
            let allowed =
                role.permissions.as_ref().is_some_and(|policy| policy.to_json().contains(&format!("states:{action}")));
            if allowed { Ok(()) } else { Err(format!("{what} is down: its role does not allow states:{action}")) }
        }
    }
}

fn serves(machine: &Machine) -> bool {
    !machine.observed.deleting
}

/// Never two REST APIs of one owner, and nothing written that is not ours.
pub fn check_account(account: &Account, names: &[&str]) -> Kept {
    if let Some(trespass) = &account.trespass {
        return Err(format!("what is not ours was touched: {trespass}"));
    }
    for name in names {
        let owner = owner(&key(name));
        let apis: Vec<&String> =
            account.apis.iter().filter(|(_, api)| owner.owns(&api.tags)).map(|(id, _)| id).collect();
        if apis.len() > 1 {
            return Err(format!("{name} has several REST APIs at a time: {apis:?}"));
        }
    }
    Ok(())
}

/// Nothing of this owner is left.
pub fn check_gone(account: &Account, object: &Key) -> Kept {
    let left = account.owned_by(&owner(object));
    if left.is_empty() { Ok(()) } else { Err(format!("{} is gone and left behind: {}", object.name, left.join(", "))) }
}

/// AWS is as the manifest says, with one object of each kind, and the status tells so.
pub fn check_converged(account: &Account, object: &StepFunctionEndpoint, all: &[StepFunctionEndpoint]) -> Kept {
    let key = Key::of(object);
    let status = object.status.clone().unwrap_or_default();
    if !is_true(&status, "Ready")
        || !is_true(&status, "Live")
        || status.observed_generation != object.metadata.generation
    {
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready");
        let message = ready.map_or("no condition", |ready| &ready.message);
        return Err(format!("{} is not ready: {message}", key.name));
    }
    let spec = serde_json::to_value(&object.spec).unwrap();
    let host = server_of(&key, &spec);
    let host_object = all.iter().find(|other| Key::of(other) == host).ok_or_else(|| "its host is gone".to_owned())?;
    let host_spec = serde_json::to_value(&host_object.spec).unwrap();
    for served in routes(&key, &spec, &host_spec) {
        check_served(account, &key, &served)?;
    }
    check_objects(account, &key, &spec)?;
    check_machine(account, &key, &spec, &status)?;
    if host == key {
        let guests: Vec<&StepFunctionEndpoint> = all.iter().filter(|other| host_of(other) == key).collect();
        check_api(account, &key, &spec, &status, &guests)?;
        let deployments = account.api_of(&owner(&key)).map_or(0, |api| api.snapshots.len());
        if deployments != 1 {
            return Err(format!("{} has {deployments} deployments", key.name));
        }
    }
    Ok(())
}

fn host_of(object: &StepFunctionEndpoint) -> Key {
    server_of(&Key::of(object), &serde_json::to_value(&object.spec).unwrap())
}

/// Exactly the objects that the manifest needs carry its owner.
fn check_objects(account: &Account, key: &Key, spec: &Value) -> Kept {
    let owner = owner(key);
    let machine = &spec["stateMachine"];
    let owns_machine = machine["arn"].is_null();
    let is_express = machine["type"] == "EXPRESS";
    let logs = match machine["logging"]["level"].as_str() {
        Some(level) => level != "OFF",
        None => is_express,
    };
    let mut wanted = BTreeSet::new();
    if spec["gatewayRole"]["arn"].is_null() {
        wanted.insert(format!("role {}", owner.gateway_role_name()));
    }
    if owns_machine && machine["role"]["arn"].is_null() {
        wanted.insert(format!("role {}", owner.workflow_role_name()));
    }
    if owns_machine {
        let arn = account.site.state_machine_arn(&owner.state_machine_name(expected_type(spec))).unwrap();
        wanted.insert(format!("state machine {arn}"));
        if logs {
            wanted.insert(format!("log group {}", owner.log_group_name()));
        }
    }
    if stages::logs_of(spec).iter().any(|(_, logs)| *logs) {
        wanted.insert(format!("log group {}", owner.access_log_group_name()));
    }
    let apis = account.apis.iter().filter(|(_, api)| owner.owns(&api.tags)).map(|(id, _)| format!("REST API {id}"));
    let apis: Vec<String> = apis.collect();
    if apis.len() != usize::from(spec["api"]["endpointRef"].is_null()) {
        return Err(format!("{} has {} REST APIs", key.name, apis.len()));
    }
    wanted.extend(apis);
    let found: BTreeSet<String> = account.owned_by(&owner).into_iter().collect();
    if found == wanted { Ok(()) } else { Err(format!("{} has {found:?}, and needs {wanted:?}", key.name)) }
}

fn check_machine(
    account: &Account,
    key: &Key,
    spec: &Value,
    status: &sfe_core::api::StepFunctionEndpointStatus,
) -> Kept {
    let told = status.state_machine.as_ref().map(|machine| machine.arn.as_str());
    if spec["stateMachine"]["arn"].is_string() {
        return if told == Some(REFERENCED) { Ok(()) } else { Err(format!("{}: the status names {told:?}", key.name)) };
    }
    let arn = account.site.state_machine_arn(&owner(key).state_machine_name(expected_type(spec))).unwrap();
    if told != Some(arn.as_str()) {
        return Err(format!("{}: the status names {told:?}, not {arn}", key.name));
    }
    let machine = account.machines.get(arn.as_str()).ok_or_else(|| format!("{arn} is gone"))?;
    // Each definition of a life starts with another state, or has another number of them.
    let definition: Value = serde_json::from_str(machine.observed.definition.to_json()).unwrap();
    let text = spec["stateMachine"]["definition"].as_str().unwrap();
    let starts = format!("StartAt: {}", definition["StartAt"].as_str().unwrap_or_default());
    let states = definition["States"].as_object().map_or(0, |states| states.len());
    if text.starts_with(&starts) && states == text.matches("Type").count() {
        Ok(())
    } else {
        Err(format!("{}: the state machine does {definition}, not {text}", key.name))
    }
}

/// The stage serves exactly the routes of the host and its guests, beside what someone else made; ids in the status are the real ones.
fn check_api(
    account: &Account,
    key: &Key,
    spec: &Value,
    status: &sfe_core::api::StepFunctionEndpointStatus,
    users: &[&StepFunctionEndpoint],
) -> Kept {
    let api: &RestApi = account.api_of(&owner(key)).ok_or_else(|| format!("{} has no REST API", key.name))?;
    let told = status.api.clone().unwrap_or_default();
    if told.rest_api_id.as_ref() != Some(&api.observed.id) {
        return Err(format!("{}: the status names REST API {:?}, not {}", key.name, told.rest_api_id, api.observed.id));
    }
    if api.stages.keys().map(String::as_str).ne(stages::of(spec)) {
        return Err(format!("{} has the stages {:?}", key.name, api.stages.keys()));
    }
    let told_stages: BTreeSet<&str> = status.stages.iter().map(|stage| stage.name.as_str()).collect();
    let further: BTreeSet<&str> = stages::of(spec).into_iter().filter(|name| *name != stages::first_of(spec)).collect();
    if told_stages != further {
        return Err(format!("{}: the status names the stages {told_stages:?}, not {further:?}", key.name));
    }
    let logs = |name: &str| api.stages.get(name).is_some_and(|stage| stage.settings.access_log.is_some());
    if let Some((name, _)) = stages::logs_of(spec).into_iter().find(|(name, wanted)| logs(name) != *wanted) {
        return Err(format!("{}: the stage {name} logs, or does not, as it should", key.name));
    }
    let stage = &api.stages[stages::first_of(spec)];
    if told.deployment_id.as_ref() != Some(&stage.deployment_id)
        || told.stage.as_deref() != Some(stages::first_of(spec))
    {
        return Err(format!(
            "{}: the status names deployment {:?}, not {}",
            key.name, told.deployment_id, stage.deployment_id
        ));
    }
    let wanted: BTreeSet<(String, HttpMethod)> =
        users.iter().flat_map(|user| user.spec.routes.iter().map(|route| (route.path.clone(), route.method))).collect();
    let methods: BTreeMap<_, _> = api.methods().collect();
    let ours = |found: &sfe_core::kinds::method::Observed| is_our_method(found);
    let found: BTreeSet<_> =
        methods.iter().filter(|(_, found)| ours(found)).map(|((path, method), _)| ((*path).clone(), *method)).collect();
    let served: BTreeSet<_> = api.snapshots[&stage.deployment_id]
        .methods
        .iter()
        .filter(|(_, found)| ours(found))
        .map(|(place, _)| place.clone())
        .collect();
    if found != wanted || served != wanted {
        return Err(format!("{} has the methods {found:?}, serves {served:?}, and should {wanted:?}", key.name));
    }
    let stale = methods.iter().find(|((path, method), found)| {
        ours(found) && api.snapshots[&stage.deployment_id].methods.get(&((*path).clone(), *method)) != Some(**found)
    });
    if let Some(((path, method), _)) = stale {
        return Err(format!("{}: the stage serves {method} {path} as it was", key.name));
    }
    for resource in api.resources.keys() {
        let used = methods
            .keys()
            .any(|(path, _)| sfe_core::kinds::resource::with_parents(path).any(|above| above == resource));
        if resource != "/" && !used {
            return Err(format!("{}: resource {resource} is left behind", key.name));
        }
    }
    Ok(())
}

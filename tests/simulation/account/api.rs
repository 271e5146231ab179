//! API Gateway: names that are not unique, no token on creates, children that go with their parent, and stages that serve snapshots.

use std::collections::BTreeMap;

use sfe::aws::Class;
use sfe_core::api::HttpMethod;
use sfe_core::kinds::{
    authorizer, deployment, gateway_response, method, model, request_validator, resource, rest_api, stage, usage_plan,
};
use sfe_core::observed::Answer;
use sfe_core::owner::{MARKER, Tags};

use super::{Account, Refused, exists, is_ours, not_found, refused};

#[derive(Clone, Debug)]
pub struct RestApi {
    pub observed: rest_api::Observed,
    pub tags: Tags,
    pub resources: resource::Observed,
    pub authorizers: authorizer::Observed,
    pub validator: request_validator::Observed,
    pub models: model::Observed,
    pub gateway_responses: gateway_response::Observed,
    pub snapshots: BTreeMap<String, Snapshot>,
    pub stages: stage::Observed,
    /// The methods of ours that a deployment of this description held.
    deployed: BTreeMap<String, Methods>,
}

/// What a deployment holds.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub description: String,
    pub methods: Methods,
}

type Methods = BTreeMap<(String, HttpMethod), method::Observed>;

impl RestApi {
    /// What shows that a deployment of these methods is made too soon.
    fn hasty(&mut self, description: &str, methods: &Methods) -> Option<String> {
        let ours: Methods = methods
            .iter()
            .filter(|(_, found)| is_our_method(found))
            .map(|(at, found)| (at.clone(), found.clone()))
            .collect();
        let unfinished = ours.iter().find(|(_, found)| !is_finished(found));
        let unfinished =
            unfinished.map(|((path, method), _)| format!("a deployment was made while {method} {path} was unfinished"));
        let before = self.deployed.insert(description.to_owned(), ours.clone());
        let differs = before.is_some_and(|before| before != ours);
        unfinished.or_else(|| differs.then(|| format!("two deployments `{description}` hold different methods")))
    }

    pub fn deployments(&self) -> deployment::Observed {
        self.snapshots.iter().map(|(id, snapshot)| (id.clone(), snapshot.description.clone())).collect()
    }

    pub fn methods(&self) -> impl Iterator<Item = ((&String, HttpMethod), &method::Observed)> {
        self.resources
            .iter()
            .flat_map(|(path, resource)| resource.methods.iter().map(move |(m, found)| ((path, *m), found)))
    }

    fn resource(&mut self, id: &str) -> Result<(&String, &mut resource::Resource), Refused> {
        let found = self.resources.iter_mut().find(|(_, resource)| resource.id == id);
        found.ok_or_else(|| not_found("resource", id))
    }
}

/// Whether a method is one of ours.
pub fn is_our_method(found: &method::Observed) -> bool {
    found.settings.operation_name.as_ref().is_some_and(|name| name.starts_with(MARKER))
}

/// Whether a method answers whatever it is told.
pub fn is_finished(found: &method::Observed) -> bool {
    found.integration.as_ref().is_some_and(|integration| {
        let responses = &integration.responses;
        responses.values().any(|response| response.selection_pattern.is_none())
            && responses.keys().all(|status| found.responses.contains(status))
    })
}

impl Account {
    /// A new API, with a root resource alone; answers the root's id and when that was.
    pub fn place_api(&mut self, id: &str, want: &rest_api::Desired) -> (String, jiff::Timestamp) {
        let (root_id, created_at) = (self.id(), self.created_now());
        let root = resource::Resource { id: root_id.clone(), methods: BTreeMap::new() };
        let api = RestApi {
            observed: rest_api::created(want, id.to_owned(), created_at),
            tags: want.tags.clone(),
            resources: BTreeMap::from([("/".to_owned(), root)]),
            authorizers: BTreeMap::new(),
            validator: None,
            models: BTreeMap::new(),
            gateway_responses: BTreeMap::new(),
            snapshots: BTreeMap::new(),
            stages: BTreeMap::new(),
            deployed: BTreeMap::new(),
        };
        self.apis.insert(id.to_owned(), api);
        (root_id, created_at)
    }

    /// The API of a write, which must be ours.
    fn our_api(&mut self, id: &str, what: &str) -> Result<&mut RestApi, Refused> {
        let ours = is_ours(&self.api(id)?.tags);
        if !ours {
            self.trespass.get_or_insert(format!("{what} on REST API {id}"));
        }
        self.api_mut(id)
    }

    pub(super) fn apply_rest_api(&mut self, action: &rest_api::Action) -> Result<Answer, Refused> {
        match action {
            rest_api::Action::RecordIntent => Ok(Answer::Recorded(self.created_now())),
            rest_api::Action::CreateRestApi(want) => {
                let id = self.id();
                let (root_id, created_at) = self.place_api(&id, want);
                Ok(Answer::RestApi { id, root_id: Some(root_id), created_at })
            }
            rest_api::Action::UpdateRestApi { id, to, .. } => {
                let api = self.our_api(id, "UpdateRestApi")?;
                api.observed.update(to);
                Ok(Answer::Done)
            }
            rest_api::Action::TagResource { id, tags, .. } => {
                let api = self.our_api(id, "TagResource")?;
                api.tags.extend(tags.clone());
                api.observed.tags = api.tags.clone();
                Ok(Answer::Done)
            }
            rest_api::Action::UntagResource { id, keys, .. } => {
                let api = self.our_api(id, "UntagResource")?;
                api.tags.retain(|key, _| !keys.contains(key));
                api.observed.tags = api.tags.clone();
                Ok(Answer::Done)
            }
            rest_api::Action::DeleteRestApi { id } => {
                self.our_api(id, "DeleteRestApi")?;
                self.apis.remove(id);
                Ok(Answer::Done)
            }
        }
    }

    pub(super) fn apply_resource(&mut self, action: &resource::Action) -> Result<Answer, Refused> {
        match action {
            resource::Action::CreateResource { rest_api_id, parent_id, path } => {
                let id = self.id();
                let api = self.our_api(rest_api_id, "CreateResource")?;
                let (parent, _) = api.resource(parent_id)?;
                if resource::parent(path) != Some(parent) {
                    return Err((Class::Refused, format!("{parent} is not above {path}")));
                }
                if api.resources.contains_key(path) {
                    return Err(exists("resource", path));
                }
                api.resources.insert(path.clone(), resource::Resource { id: id.clone(), methods: BTreeMap::new() });
                Ok(Answer::Created(id))
            }
            resource::Action::DeleteResource { rest_api_id, resource_id, .. } => {
                let api = self.our_api(rest_api_id, "DeleteResource")?;
                let top = api.resource(resource_id)?.0.clone();
                let below = |path: &String| resource::with_parents(path).any(|parent| parent == top);
                let foreign = api.methods().find(|((path, _), found)| below(path) && !is_our_method(found));
                let foreign = foreign.map(|((path, method), _)| format!("{method} {path} went with its resource"));
                api.resources.retain(|path, _| !below(path));
                if let Some(what) = foreign {
                    self.trespass.get_or_insert(what);
                }
                Ok(Answer::Done)
            }
        }
    }

    pub(super) fn apply_authorizer(&mut self, action: &authorizer::Action) -> Result<Answer, Refused> {
        let id = self.id();
        let api = self.our_api(api_of_authorizer(action), "a write of an authorizer")?;
        match (action, api.authorizers.get(action.name())) {
            (authorizer::Action::CreateAuthorizer { name, .. }, Some(_)) => return Err(exists("authorizer", name)),
            (authorizer::Action::CreateAuthorizer { .. }, None) => {}
            (_, None) => return Err(not_found("authorizer", action.name())),
            (authorizer::Action::DeleteAuthorizer { id, name, .. }, Some(_)) => {
                if api.methods().any(|(_, found)| found.settings.authorizer_id.as_ref() == Some(id)) {
                    return Err(refused(format!("authorizer {name} is in use")));
                }
            }
            (authorizer::Action::UpdateAuthorizer { .. }, Some(_)) => {}
        }
        authorizer::fold(&mut api.authorizers, action, Some(id.clone()));
        Ok(Answer::Created(id))
    }

    pub(super) fn apply_validator(&mut self, action: &request_validator::Action) -> Result<Answer, Refused> {
        let id = self.id();
        let api = self.our_api(api_of_validator(action), "a write of a request validator")?;
        match (action, &api.validator) {
            (request_validator::Action::CreateRequestValidator { .. }, Some(_)) => {
                return Err(exists("request validator", request_validator::NAME));
            }
            (request_validator::Action::CreateRequestValidator { .. }, None) => {}
            (_, None) => return Err(not_found("request validator", request_validator::NAME)),
            (request_validator::Action::DeleteRequestValidator { id, .. }, Some(_)) => {
                if api.methods().any(|(_, found)| found.settings.request_validator_id.as_ref() == Some(id)) {
                    return Err(refused("the request validator is in use"));
                }
            }
            (request_validator::Action::UpdateRequestValidator { .. }, Some(_)) => {}
        }
        request_validator::fold(&mut api.validator, action, Some(id.clone()));
        Ok(Answer::Created(id))
    }

    pub(super) fn apply_model(&mut self, action: &model::Action) -> Result<Answer, Refused> {
        let name = action.name();
        let api = self.our_api(api_of_model(action), "a write of a model")?;
        match (action, api.models.contains_key(name)) {
            (model::Action::CreateModel { .. }, true) => return Err(exists("model", name)),
            (model::Action::CreateModel { .. }, false) | (model::Action::UpdateModel { .. }, true) => {}
            (_, false) => return Err(not_found("model", name)),
            (model::Action::DeleteModel { .. }, true) => {
                if api.methods().any(|(_, found)| found.settings.request_models.values().any(|used| used == name)) {
                    return Err(refused(format!("model {name} is in use")));
                }
            }
        }
        model::fold(&mut api.models, action);
        Ok(Answer::Done)
    }

    pub(super) fn apply_gateway_response(&mut self, action: &gateway_response::Action) -> Result<Answer, Refused> {
        let api = match action {
            gateway_response::Action::PutGatewayResponse { rest_api_id, .. }
            | gateway_response::Action::DeleteGatewayResponse { rest_api_id, .. } => rest_api_id,
        };
        let api = self.our_api(api, "a write of a gateway response")?;
        let is_delete = matches!(action, gateway_response::Action::DeleteGatewayResponse { .. });
        if is_delete && !api.gateway_responses.contains_key(action.type_()) {
            return Err(not_found("gateway response", action.type_()));
        }
        gateway_response::fold(&mut api.gateway_responses, action);
        Ok(Answer::Done)
    }

    pub(super) fn apply_method(&mut self, action: &method::Action) -> Result<Answer, Refused> {
        let at = action.at().clone();
        let api = self.our_api(&at.rest_api_id, "a write of a method")?;
        if let method::Action::PutMethod { settings, .. } = action {
            let known = |id: &Option<String>, found: Option<&String>| id.is_none() || found == id.as_ref();
            let authorizer = settings.authorizer_id.as_ref();
            let authorizer = authorizer.is_none_or(|id| api.authorizers.values().any(|found| found.id == *id));
            let validator = known(&settings.request_validator_id, api.validator.as_ref().map(|found| &found.id));
            let models = settings.request_models.values().all(|name| api.models.contains_key(name));
            if !authorizer || !validator || !models {
                return Err((Class::Refused, "a method refers to what is not there".to_owned()));
            }
        }
        let (path, resource) = api.resource(&at.resource_id)?;
        let place = format!("method {} {path}", at.method);
        let found = resource.methods.get(&at.method);
        let ours = found.is_none_or(is_our_method);
        let integration = found.and_then(|found| found.integration.as_ref());
        match (action, found) {
            (method::Action::PutMethod { .. }, Some(_)) => return Err(exists("", &place)),
            (method::Action::PutMethod { .. }, None) => {}
            (_, None) => return Err(not_found("", &place)),
            (method::Action::PutMethodResponse { status, .. }, Some(found)) if found.responses.contains(status) => {
                return Err(exists("response of", &place));
            }
            (method::Action::PutIntegrationResponse { status, .. }, Some(found)) => {
                if integration.is_none() || !found.responses.contains(status) {
                    return Err(not_found("integration or response of", &place));
                }
            }
            (method::Action::UpdateIntegration { .. }, Some(_)) if integration.is_none() => {
                return Err(not_found("integration of", &place));
            }
            (_, Some(_)) => {}
        }
        match (action, resource.methods.get_mut(&at.method)) {
            // An integration that is put anew loses its responses: the worse of what AWS may do.
            (method::Action::PutIntegration { integration, .. }, Some(found)) => {
                found.integration = Some(integration.clone());
            }
            (action, _) => {
                method::fold(&mut resource.methods, action);
            }
        }
        if !ours {
            self.trespass.get_or_insert(format!("{place} was written"));
        }
        Ok(Answer::Done)
    }

    pub(super) fn apply_deployment(&mut self, action: &deployment::Action) -> Result<Answer, Refused> {
        match action {
            deployment::Action::CreateDeployment { rest_api_id, hash } => {
                let id = self.id();
                let api = self.our_api(rest_api_id, "CreateDeployment")?;
                let methods: Methods =
                    api.methods().map(|((path, method), found)| ((path.clone(), method), found.clone())).collect();
                if methods.is_empty() || methods.values().any(|found| found.integration.is_none()) {
                    return Err(refused("no integration defined for a method"));
                }
                let description = deployment::description(hash);
                let hasty = api.hasty(&description, &methods);
                api.snapshots.insert(id.clone(), Snapshot { description, methods });
                self.hasty = self.hasty.take().or(hasty);
                Ok(Answer::Created(id))
            }
            deployment::Action::UpdateDeployment { rest_api_id, id, description } => {
                let api = self.our_api(rest_api_id, "UpdateDeployment")?;
                let found = api.snapshots.get_mut(id).ok_or_else(|| not_found("deployment", id))?;
                found.description = description.clone();
                Ok(Answer::Done)
            }
            deployment::Action::DeleteDeployment { rest_api_id, id } => {
                let api = self.our_api(rest_api_id, "DeleteDeployment")?;
                if api.stages.values().any(|stage| stage.deployment_id == *id) {
                    return Err(refused("active stages point to this deployment"));
                }
                let gone = api.snapshots.remove(id).ok_or_else(|| not_found("deployment", id))?;
                if !gone.description.starts_with("sfe ") {
                    self.trespass.get_or_insert(format!("deployment {id} was deleted"));
                }
                Ok(Answer::Created(id.clone()))
            }
        }
    }

    pub(super) fn apply_stage(&mut self, action: &stage::Action) -> Result<Answer, Refused> {
        let may_log = self.cloudwatch_role.is_some();
        if let stage::Action::DeleteStage { rest_api_id, name } = action
            && self.keys.names(&usage_plan::stage(rest_api_id, name))
        {
            return Err(refused("the stage is in a usage plan"));
        }
        let api = self.our_api(api_of_stage(action), "a write of a stage")?;
        let name = action.name().to_owned();
        let found = api.stages.get(&name);
        let ours = found.is_none_or(|stage| is_ours(&stage.tags));
        match (action, found) {
            (stage::Action::CreateStage { .. }, Some(_)) => return Err(exists("stage", &name)),
            (
                stage::Action::UpdateStage { .. }
                | stage::Action::TagResource { .. }
                | stage::Action::UntagResource { .. }
                | stage::Action::DeleteStage { .. },
                None,
            ) => {
                return Err(not_found("stage", &name));
            }
            (
                stage::Action::CreateStage { deployment_id, .. } | stage::Action::UpdateStage { deployment_id, .. },
                _,
            ) => {
                if !api.snapshots.contains_key(deployment_id) {
                    return Err(not_found("deployment", deployment_id));
                }
                if let stage::Action::UpdateStage { to, .. } = action
                    && to.logs()
                    && !may_log
                {
                    return Err((
                        Class::Refused,
                        "CloudWatch Logs role ARN must be set in account settings".to_owned(),
                    ));
                }
            }
            (
                stage::Action::TagResource { .. }
                | stage::Action::UntagResource { .. }
                | stage::Action::DeleteStage { .. },
                Some(_),
            ) => {}
        }
        stage::fold(&mut api.stages, action);
        if !ours {
            self.trespass.get_or_insert(format!("stage {name} was written"));
        }
        Ok(Answer::Done)
    }
}

/// The id of the API that the action is on.
pub fn api_of_authorizer(action: &authorizer::Action) -> &String {
    let (authorizer::Action::CreateAuthorizer { rest_api_id, .. }
    | authorizer::Action::UpdateAuthorizer { rest_api_id, .. }
    | authorizer::Action::DeleteAuthorizer { rest_api_id, .. }) = action;
    rest_api_id
}

/// The id of the API that the action is on.
pub fn api_of_validator(action: &request_validator::Action) -> &String {
    let (request_validator::Action::CreateRequestValidator { rest_api_id }
    | request_validator::Action::UpdateRequestValidator { rest_api_id, .. }
    | request_validator::Action::DeleteRequestValidator { rest_api_id, .. }) = action;
    rest_api_id
}

/// The id of the API that the action is on.
pub fn api_of_model(action: &model::Action) -> &String {
    let (model::Action::CreateModel { rest_api_id, .. }
    | model::Action::UpdateModel { rest_api_id, .. }
    | model::Action::DeleteModel { rest_api_id, .. }) = action;
    rest_api_id
}

/// The id of the API that the action is on.
pub fn api_of_stage(action: &stage::Action) -> &String {
    let (stage::Action::CreateStage { rest_api_id, .. }
    | stage::Action::UpdateStage { rest_api_id, .. }
    | stage::Action::TagResource { rest_api_id, .. }
    | stage::Action::UntagResource { rest_api_id, .. }
    | stage::Action::DeleteStage { rest_api_id, .. }) = action;
    rest_api_id
}

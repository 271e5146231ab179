//! A method with its integration and responses. A method is ours by its `operationName`, as API Gateway has no tags on methods.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::api::HttpMethod;
use crate::arn::Arn;
use crate::change::{Changes, Shown};
use crate::next::Next;
use crate::policy::Gate;

/// A method as it should be, naming its authorizer, validator and model by their names.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Desired {
    /// Whose it is: the marker of its StepFunctionEndpoint.
    pub operation_name: String,
    /// Who may call.
    pub authorization: Authorization,
    /// Whether a caller needs an API key. Left out of the hash of routes that need none.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub api_key_required: bool,
    /// Parameters that a request must have, such as `method.request.querystring.q`, and the path's.
    pub request_parameters: BTreeMap<String, bool>,
    /// Whether body and parameters are checked.
    pub validated: bool,
    /// The name of the model of bodies that are application/json.
    pub model: Option<String>,
    /// The names of other models by content type. Left out of the hash of routes that have none.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub other_models: BTreeMap<String, String>,
    /// What it calls.
    pub integration: Integration,
}

/// Who may call.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Authorization {
    /// Anyone.
    None,
    /// Signed requests.
    AwsIam,
    /// Tokens of user pools.
    Cognito {
        /// The authorizer's name.
        authorizer: String,
        /// The scopes of which one is needed.
        scopes: BTreeSet<String>,
    },
    /// What a Lambda function says.
    Custom {
        /// The authorizer's name.
        authorizer: String,
    },
    /// What an authorizer says that isn't ours.
    Existing {
        /// COGNITO_USER_POOLS or CUSTOM.
        type_: String,
        /// Its id.
        authorizer_id: String,
        /// The scopes of which one is needed.
        scopes: BTreeSet<String>,
    },
}

impl Authorization {
    /// What lets a call in beside the API's policy.
    pub fn gate(&self) -> Gate {
        match self {
            Self::None | Self::Cognito { .. } => Gate::Open,
            Self::AwsIam => Gate::Signed,
            Self::Custom { .. } => Gate::Lambda,
            Self::Existing { type_, .. } => Gate::of(type_),
        }
    }
}

/// What a method calls, and how the answer is translated. The same type is desired and observed.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Integration {
    /// Whether a service is called.
    #[serde(skip_serializing_if = "IntegrationKind::is_aws")]
    pub kind: IntegrationKind,
    /// `arn:aws:apigateway:<region>:states:action/<Action>`.
    pub uri: String,
    /// The role that API Gateway assumes for the call.
    pub credentials: String,
    /// What happens to a content type without a template.
    pub passthrough_behavior: String,
    /// Templates by content type.
    pub request_templates: BTreeMap<String, String>,
    /// Whatever else is set, such as another timeout: on an integration of ours headers, `integration.request.header.<name>`, and
    /// `contentHandling` alone.
    pub other_settings: BTreeMap<String, String>,
    /// Responses by HTTP status.
    pub responses: BTreeMap<u16, IntegrationResponse>,
}

/// What an integration calls, as AWS spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum IntegrationKind {
    /// A service.
    Aws,
    /// Nothing: API Gateway answers by itself.
    Mock,
}

impl IntegrationKind {
    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_aws(&self) -> bool {
        *self == Self::Aws
    }
}

impl Shown for IntegrationKind {
    fn shown(&self) -> String {
        match self {
            Self::Aws => "AWS".to_owned(),
            Self::Mock => "MOCK".to_owned(),
        }
    }
}

/// The `contentHandling` by which bytes are handed on in base64, and text as it is.
pub const CONVERT_TO_TEXT: &str = "CONVERT_TO_TEXT";

/// How an answer of the service is translated.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct IntegrationResponse {
    /// Which HTTP statuses of the service; none for all others.
    pub selection_pattern: Option<String>,
    /// Whether what is answered is converted; left out of the hash of routes that say nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_handling: Option<String>,
    /// Templates by content type.
    pub templates: BTreeMap<String, String>,
}

/// A method as it was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// What the method itself says.
    pub settings: Settings,
    /// The statuses that it declares.
    pub responses: BTreeSet<u16>,
    /// Its integration, if it has one.
    pub integration: Option<Integration>,
}

impl Observed {
    /// Whether it answers: with the response of its integration that is made last, the one for all that no other is for, and with none
    /// that it doesn't declare.
    pub fn is_finished(&self) -> bool {
        let Some(integration) = &self.integration else { return false };
        integration.responses.values().any(|response| response.selection_pattern.is_none())
            && integration.responses.keys().all(|status| self.responses.contains(status))
    }
}

/// What PutMethod sets: with ids, as AWS knows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Settings {
    /// Whose it is.
    pub operation_name: Option<String>,
    /// NONE, AWS_IAM, COGNITO_USER_POOLS, CUSTOM.
    pub authorization_type: String,
    /// The authorizer's id.
    pub authorizer_id: Option<String>,
    /// The scopes of which one is needed.
    pub authorization_scopes: BTreeSet<String>,
    /// Parameters and whether they are required.
    pub request_parameters: BTreeMap<String, bool>,
    /// The validator's id.
    pub request_validator_id: Option<String>,
    /// Names of models by content type.
    pub request_models: BTreeMap<String, String>,
    /// Whether a caller needs an API key.
    pub api_key_required: bool,
}

/// Where a method is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The REST API's id.
    pub rest_api_id: String,
    /// The resource's id.
    pub resource_id: String,
    /// The resource's path.
    pub path: String,
    /// The HTTP method.
    pub method: HttpMethod,
}

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates the method.
    PutMethod { at: Place, settings: Settings },
    /// Deletes the method with its integration and responses: unwanted, or to be made anew. The stage serves its snapshot meanwhile.
    DeleteMethod { at: Place, changes: Changes },
    /// Takes our marker off: it is let go, and goes on serving.
    UpdateMethod { at: Place },
    /// Writes the integration.
    PutIntegration { at: Place, integration: Integration, changes: Changes },
    /// Changes what differs in the integration, which keeps its responses.
    UpdateIntegration { at: Place, to: Integration, from: Integration, changes: Changes },
    /// Declares a status.
    PutMethodResponse { at: Place, status: u16 },
    /// Removes a status.
    DeleteMethodResponse { at: Place, status: u16 },
    /// Writes how an answer is translated.
    PutIntegrationResponse { at: Place, status: u16, response: IntegrationResponse, changes: Changes },
    /// Removes how an answer is translated.
    DeleteIntegrationResponse { at: Place, status: u16 },
}

impl Action {
    /// The method's place.
    pub fn at(&self) -> &Place {
        match self {
            Self::PutMethod { at, .. }
            | Self::DeleteMethod { at, .. }
            | Self::UpdateMethod { at }
            | Self::PutIntegration { at, .. }
            | Self::UpdateIntegration { at, .. }
            | Self::PutMethodResponse { at, .. }
            | Self::DeleteMethodResponse { at, .. }
            | Self::PutIntegrationResponse { at, .. }
            | Self::DeleteIntegrationResponse { at, .. } => at,
        }
    }
}

/// What is next for one wanted method; `settings` are its own with ids.
pub fn next(at: &Place, want: &Desired, settings: &Settings, found: Option<&Observed>) -> Next<Action> {
    let Some(found) = found else {
        return Next::act(Action::PutMethod { at: at.clone(), settings: settings.clone() });
    };
    let changes = diff_settings(settings, &found.settings);
    if !changes.is_empty() {
        return Next::act(Action::DeleteMethod { at: at.clone(), changes });
    }
    let changes = diff_integration(&want.integration, found.integration.as_ref());
    let mut next = Next::update(changes, |changes| write_integration(at, &want.integration, found, changes));
    next.and(responses(at, &want.integration, found));
    next
}

/// An integration keeps its responses where its templates, URI and credentials alone differ; anything else is rare, and put anew.
fn write_integration(at: &Place, want: &Integration, found: &Observed, changes: Changes) -> Action {
    let to = Integration { responses: BTreeMap::new(), ..want.clone() };
    match &found.integration {
        Some(from)
            if (from.kind, to.kind) == (IntegrationKind::Aws, IntegrationKind::Aws)
                && from.other_settings == to.other_settings
                && from.passthrough_behavior == to.passthrough_behavior =>
        {
            Action::UpdateIntegration {
                at: at.clone(),
                to,
                from: Integration { responses: BTreeMap::new(), ..from.clone() },
                changes,
            }
        }
        Some(_) | None => Action::PutIntegration { at: at.clone(), integration: to, changes },
    }
}

/// A status is declared on the method before the integration translates to it, and goes after that.
fn responses(at: &Place, want: &Integration, found: &Observed) -> Next<Action> {
    let mut next = Next::nothing();
    for status in want.responses.keys().filter(|status| !found.responses.contains(*status)) {
        next.and(Next::act(Action::PutMethodResponse { at: at.clone(), status: *status }));
    }
    let Some(integration) = &found.integration else { return next };
    for (status, response) in &want.responses {
        let changes = diff_response(response, integration.responses.get(status));
        if found.responses.contains(status) && !changes.is_empty() {
            next.and(Next::act(Action::PutIntegrationResponse {
                at: at.clone(),
                status: *status,
                response: response.clone(),
                changes,
            }));
        }
    }
    for status in integration.responses.keys().filter(|status| !want.responses.contains_key(*status)) {
        next.and(Next::act(Action::DeleteIntegrationResponse { at: at.clone(), status: *status }));
    }
    for status in found.responses.iter().filter(|status| !want.responses.contains_key(*status)) {
        if !integration.responses.contains_key(status) {
            next.and(Next::act(Action::DeleteMethodResponse { at: at.clone(), status: *status }));
        }
    }
    next
}

fn diff_settings(want: &Settings, found: &Settings) -> Changes {
    let Settings {
        operation_name,
        authorization_type,
        authorizer_id,
        authorization_scopes,
        request_parameters,
        request_validator_id,
        request_models,
        api_key_required,
    } = want;
    Changes::none()
        .at("operationName", &found.operation_name, operation_name)
        .at("authorizationType", &found.authorization_type, authorization_type)
        .at("authorizerId", &found.authorizer_id, authorizer_id)
        .at("authorizationScopes", &found.authorization_scopes, authorization_scopes)
        .at("requestParameters", &found.request_parameters, request_parameters)
        .at("requestValidatorId", &found.request_validator_id, request_validator_id)
        .at("requestModels", &found.request_models, request_models)
        .at("apiKeyRequired", &found.api_key_required, api_key_required)
}

fn diff_integration(want: &Integration, found: Option<&Integration>) -> Changes {
    let Integration { kind, uri, credentials, passthrough_behavior, request_templates, other_settings, responses: _ } =
        want;
    let Some(found) = found else {
        return Changes::none().at(
            "integration",
            &None,
            &Some(if uri.is_empty() { kind.shown() } else { uri.clone() }),
        );
    };
    Changes::none()
        .at("type", &found.kind, kind)
        .at("uri", &found.uri, uri)
        .at("credentials", &found.credentials, credentials)
        .at("passthroughBehavior", &found.passthrough_behavior, passthrough_behavior)
        .at("requestTemplates", &found.request_templates, request_templates)
        .at("integration", &found.other_settings, other_settings)
}

fn diff_response(want: &IntegrationResponse, found: Option<&IntegrationResponse>) -> Changes {
    let IntegrationResponse { selection_pattern, content_handling, templates } = want;
    let Some(found) = found else {
        return Changes::none().at("integrationResponse", &None, &Some(templates.shown()));
    };
    Changes::none()
        .at("selectionPattern", &found.selection_pattern, selection_pattern)
        .at("contentHandling", &found.content_handling, content_handling)
        .at("responseTemplates", &found.templates, templates)
}

/// Folds an action that AWS confirmed into the methods of its resource. Returns whether the answer tells all: what becomes of the
/// responses of an integration that is put anew isn't documented, so that it is read again.
pub fn fold(methods: &mut BTreeMap<HttpMethod, Observed>, action: &Action) -> bool {
    let method = action.at().method;
    match (action, methods.get_mut(&method)) {
        (Action::PutMethod { settings, .. }, _) => {
            methods.insert(method, Observed { settings: settings.clone(), ..Observed::default() });
        }
        (Action::DeleteMethod { .. }, _) => {
            methods.remove(&method);
        }
        (Action::UpdateMethod { .. }, Some(found)) => found.settings.operation_name = Some(RETAINED.to_owned()),
        (Action::PutIntegration { .. }, Some(Observed { integration: Some(_), .. }) | None) => return false,
        (Action::PutIntegration { integration, .. }, Some(found)) => found.integration = Some(integration.clone()),
        (Action::UpdateIntegration { to, .. }, Some(Observed { integration: Some(found), .. })) => {
            *found = Integration { responses: std::mem::take(&mut found.responses), ..to.clone() };
        }
        (Action::PutMethodResponse { status, .. }, Some(found)) => {
            found.responses.insert(*status);
        }
        (Action::DeleteMethodResponse { status, .. }, Some(found)) => {
            found.responses.remove(status);
        }
        (Action::PutIntegrationResponse { status, response, .. }, Some(Observed { integration: Some(found), .. })) => {
            found.responses.insert(*status, response.clone());
        }
        (Action::DeleteIntegrationResponse { status, .. }, Some(Observed { integration: Some(found), .. })) => {
            found.responses.remove(status);
        }
        (
            Action::UpdateMethod { .. }
            | Action::UpdateIntegration { .. }
            | Action::PutMethodResponse { .. }
            | Action::DeleteMethodResponse { .. }
            | Action::PutIntegrationResponse { .. }
            | Action::DeleteIntegrationResponse { .. },
            _,
        ) => return false,
    }
    true
}

/// The `operationName` of a method that was let go: any that is no marker of ours. It stands in generated SDKs alone.
pub const RETAINED: &str = "retained";

/// The URI of an action of Step Functions as an integration calls it.
pub fn integration_uri(state_machine: &Arn, action: &str) -> String {
    format!("arn:{}:apigateway:{}:states:action/{action}", state_machine.partition(), state_machine.region())
}

impl Shown for BTreeMap<String, String> {
    fn shown(&self) -> String {
        self.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join(", ")
    }
}

impl Shown for BTreeMap<String, bool> {
    fn shown(&self) -> String {
        self.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join(", ")
    }
}

//! Authorizers. The name follows from what an authorizer says, so that routes that say the same share one, and it marks the authorizer as ours.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use crate::arn::Arn;
use crate::change::{Changes, cut};
use crate::next::Next;
use crate::owner::{MARKER, hash};
use crate::reason::Reason;

/// The authorizers by name.
pub type Desired = BTreeMap<String, Settings>;

/// All authorizers of an API by name.
pub type Observed = BTreeMap<String, Authorizer>;

/// One authorizer as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Authorizer {
    /// Its id.
    pub id: String,
    /// What it says.
    pub settings: Settings,
}

/// What an authorizer says. The same type is desired and observed.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// COGNITO_USER_POOLS, TOKEN or REQUEST.
    pub type_: String,
    /// The user pools whose tokens are accepted.
    pub provider_arns: BTreeSet<String>,
    /// How API Gateway invokes the function.
    pub uri: Option<String>,
    /// The role that API Gateway assumes for that.
    pub credentials: Option<String>,
    /// Where the caller's identity is.
    pub identity_sources: BTreeSet<String>,
    /// What the token must match before the function is asked.
    pub identity_validation_expression: Option<String>,
    /// How long an answer is cached, in seconds; whatever AWS has, if none is wanted.
    pub result_ttl_seconds: Option<i32>,
}

/// The type of an authorizer of user pools.
pub const COGNITO: &str = "COGNITO_USER_POOLS";
/// Where a caller's token is, unless the manifest says otherwise.
pub const AUTHORIZATION_HEADER: &str = "method.request.header.Authorization";

/// The authorization type of methods with an authorizer of this type. None for a type that isn't supported, such as JWT.
fn authorization_type(type_: &str) -> Option<&'static str> {
    match type_ {
        COGNITO => Some(COGNITO),
        "TOKEN" | "REQUEST" => Some("CUSTOM"),
        _ => None,
    }
}

/// Returns why a method of this authorization type can't use the authorizer with this id. API Gateway would take any, and check nothing or
/// something else than the manifest says.
pub fn why_unusable(authorization: &str, id: &str, found: Option<&Authorizer>) -> Option<(Reason, String)> {
    let Some(Authorizer { settings: Settings { type_, .. }, .. }) = found else {
        return Some((Reason::ReferenceNotFound, format!("REST API has none with the id {id}")));
    };
    let why = match authorization_type(type_) {
        Some(needed) if needed == authorization => return None,
        Some(needed) => format!("{id} is of type {type_}, which needs `auth.type: {needed}`"),
        None => {
            let type_ = cut(type_, 40);
            format!("{id} is of type {type_}, which is not supported: TOKEN, REQUEST and {COGNITO} are")
        }
    };
    Some((Reason::InvalidReference, why))
}

/// One API Gateway call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates it.
    CreateAuthorizer { rest_api_id: String, name: String, settings: Settings },
    /// Puts back what differs.
    UpdateAuthorizer { rest_api_id: String, name: String, id: String, to: Settings, from: Settings, changes: Changes },
    /// Deletes it, once no method uses it.
    DeleteAuthorizer { rest_api_id: String, name: String, id: String },
}

impl Action {
    /// The authorizer's name.
    pub fn name(&self) -> &str {
        match self {
            Self::CreateAuthorizer { name, .. }
            | Self::UpdateAuthorizer { name, .. }
            | Self::DeleteAuthorizer { name, .. } => name,
        }
    }

    /// Whether this hands a role to API Gateway, which must be there by then.
    pub fn puts_role(&self) -> bool {
        match self {
            Self::CreateAuthorizer { settings, .. } | Self::UpdateAuthorizer { to: settings, .. } => {
                settings.credentials.is_some()
            }
            Self::DeleteAuthorizer { .. } => false,
        }
    }
}

impl Settings {
    /// The authorizer of these user pools.
    pub fn cognito(provider_arns: BTreeSet<String>, result_ttl_seconds: Option<i32>) -> Self {
        Self {
            type_: COGNITO.to_owned(),
            provider_arns,
            uri: None,
            credentials: None,
            identity_sources: BTreeSet::from([AUTHORIZATION_HEADER.to_owned()]),
            identity_validation_expression: None,
            result_ttl_seconds,
        }
    }

    /// Its name: what says the same has the same.
    pub fn name(&self) -> String {
        let ttl = self.result_ttl_seconds.map(|ttl| format!("cached for {ttl} s"));
        let pools = self.provider_arns.iter().map(String::as_str);
        if self.type_ == COGNITO {
            return format!("{MARKER}cognito-{}", hash(pools.chain(ttl.as_deref())));
        }
        let text = |part: &Option<String>| part.clone().unwrap_or_default();
        let once = [self.type_.clone(), text(&self.uri), text(&self.credentials), text(&ttl)];
        let expression = text(&self.identity_validation_expression);
        let parts = once.iter().chain([&expression]).chain(&self.identity_sources);
        format!("{MARKER}lambda-{}", hash(parts.map(String::as_str)))
    }
}

/// As it enters the hash of what a stage serves. One of user pools alone is written as they were before anything else could be said: an
/// upgrade deploys nothing.
impl Serialize for Settings {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.type_ == COGNITO && self.result_ttl_seconds.is_none() {
            return self.provider_arns.serialize(serializer);
        }
        let Self { type_, provider_arns, uri, credentials, identity_sources, .. } = self;
        let rest = (&self.identity_validation_expression, self.result_ttl_seconds);
        (type_, provider_arns, uri, credentials, identity_sources, rest).serialize(serializer)
    }
}

/// How API Gateway invokes a function. Source: CreateAuthorizer, `authorizerUri`.
pub fn invocation_uri(function: &Arn) -> String {
    let (partition, region) = (function.partition(), function.region());
    format!("arn:{partition}:apigateway:{region}:lambda:path/2015-03-31/functions/{function}/invocations")
}

/// What is next; an authorizer of ours that is not wanted goes once no method uses it.
pub fn next(rest_api_id: &str, want: &Desired, found: &Observed, used: &BTreeSet<String>) -> Next<Action> {
    let mut next = Next::nothing();
    for (name, settings) in want {
        next.and(match found.get(name) {
            None => Next::act(Action::CreateAuthorizer {
                rest_api_id: rest_api_id.to_owned(),
                name: name.clone(),
                settings: settings.clone(),
            }),
            Some(found) => Next::update(diff(settings, &found.settings), |changes| Action::UpdateAuthorizer {
                rest_api_id: rest_api_id.to_owned(),
                name: name.clone(),
                id: found.id.clone(),
                to: settings.clone(),
                from: found.settings.clone(),
                changes,
            }),
        });
    }
    for (name, Authorizer { id, .. }) in found {
        if name.starts_with(MARKER) && !want.contains_key(name) && !used.contains(id) {
            next.and(Next::act(Action::DeleteAuthorizer {
                rest_api_id: rest_api_id.to_owned(),
                name: name.clone(),
                id: id.clone(),
            }));
        }
    }
    next
}

fn diff(want: &Settings, found: &Settings) -> Changes {
    let Settings {
        type_,
        provider_arns,
        uri,
        credentials,
        identity_sources,
        identity_validation_expression,
        result_ttl_seconds,
    } = want;
    let ttl = result_ttl_seconds.or(found.result_ttl_seconds);
    Changes::none()
        .at("type", &found.type_, type_)
        .at("providerARNs", &found.provider_arns, provider_arns)
        .at("authorizerUri", &found.uri, uri)
        .at("authorizerCredentials", &found.credentials, credentials)
        .at("identitySource", &found.identity_sources, identity_sources)
        .at("identityValidationExpression", &found.identity_validation_expression, identity_validation_expression)
        .at("authorizerResultTtlInSeconds", &found.result_ttl_seconds, &ttl)
}

/// Folds an action that AWS confirmed; `id` is what a create answered.
pub fn fold(found: &mut Observed, action: &Action, id: Option<String>) {
    match (action, id) {
        (Action::CreateAuthorizer { name, settings, .. }, Some(id)) => {
            found.insert(name.clone(), Authorizer { id, settings: settings.clone() });
        }
        (Action::CreateAuthorizer { .. }, None) => {}
        (Action::UpdateAuthorizer { name, id, to, .. }, _) => {
            found.insert(name.clone(), Authorizer { id: id.clone(), settings: to.clone() });
        }
        (Action::DeleteAuthorizer { name, .. }, _) => {
            found.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::a_function("CUSTOM", Some("TOKEN"), None)]
    #[case::a_function_of_the_request("CUSTOM", Some("REQUEST"), None)]
    #[case::user_pools(COGNITO, Some(COGNITO), None)]
    #[case::pools_for_a_function(
        "CUSTOM",
        Some(COGNITO),
        Some("x1 is of type COGNITO_USER_POOLS, which needs `auth.type: COGNITO_USER_POOLS`")
    )]
    #[case::a_function_for_pools(COGNITO, Some("TOKEN"), Some("x1 is of type TOKEN, which needs `auth.type: CUSTOM`"))]
    #[case::a_new_type(
        "CUSTOM",
        Some("JWT"),
        Some("x1 is of type JWT, which is not supported: TOKEN, REQUEST and COGNITO_USER_POOLS are")
    )]
    #[case::none("CUSTOM", None, Some("REST API has none with the id x1"))]
    fn an_authorizer_is_used_by_methods_of_its_type(
        #[case] authorization: &str,
        #[case] type_: Option<&str>,
        #[case] expected: Option<&str>,
    ) {
        let found = type_.map(|type_| {
            let settings = Settings { type_: type_.to_owned(), ..Settings::cognito(BTreeSet::new(), None) };
            Authorizer { id: "x1".to_owned(), settings }
        });
        assert_eq!(why_unusable(authorization, "x1", found.as_ref()).map(|(_, why)| why).as_deref(), expected);
    }
}

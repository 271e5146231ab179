//! What a manifest says of who may call a route.

use kube_derive::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Who may call a route.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("(self.type == 'COGNITO_USER_POOLS' && !has(self.authorizerId)) == has(self.userPoolArns)")
        .message("userPoolArns is required with type COGNITO_USER_POOLS, unless authorizerId is said, and allowed with no other"),
    validation = Rule::new("self.type == 'COGNITO_USER_POOLS' || !has(self.scopes)")
        .message("scopes is allowed with type COGNITO_USER_POOLS alone"),
    validation = Rule::new("(self.type == 'CUSTOM' && !has(self.authorizerId)) == has(self.lambda)")
        .message("lambda is required with type CUSTOM, unless authorizerId is said, and allowed with no other"),
    validation = Rule::new("self.type in ['COGNITO_USER_POOLS', 'CUSTOM'] || !has(self.authorizerId)")
        .message("authorizerId is allowed with types COGNITO_USER_POOLS and CUSTOM"),
    validation = Rule::new("has(self.userPoolArns) || has(self.lambda) || !has(self.authorizerResultTtlInSeconds)")
        .message("authorizerResultTtlInSeconds is allowed with userPoolArns and lambda")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Auth {
    /// How a caller is checked.
    #[serde(rename = "type")]
    pub type_: AuthType,
    /// The Cognito user pools whose tokens are accepted. For COGNITO_USER_POOLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 10), inner(length(max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub user_pool_arns: Vec<String>,
    /// Scopes of which an access token must carry one; without them an identity token is expected. For COGNITO_USER_POOLS.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 10), inner(length(max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub scopes: Vec<String>,
    /// The Lambda function that says who may call. For CUSTOM. Routes that say the same share one authorizer, and so its cached answers:
    /// the policy that the function answers must hold for all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lambda: Option<LambdaAuthorizer>,
    /// The id of an existing authorizer of the API. It is used, never changed. In place of `lambda` or `userPoolArns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub authorizer_id: Option<String>,
    /// How long an answer of the authorizer is cached, in seconds; 0 caches none. Defaults to 300. For `lambda` and `userPoolArns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 3600))]
    pub authorizer_result_ttl_in_seconds: Option<i32>,
}

/// How a caller is checked.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum AuthType {
    /// Anyone may call.
    None,
    /// The request must be signed by a principal that may `execute-api:Invoke`.
    AwsIam,
    /// The Authorization header must hold a token of one of the user pools.
    CognitoUserPools,
    /// A Lambda function says who may call.
    Custom,
}

/// A Lambda function that says who may call.
#[derive(KubeSchema, Clone, Debug, PartialEq, Serialize, Deserialize)]
#[x_kube(
    crates(kube_core = "kube_core"),
    validation = Rule::new("self.type == 'TOKEN' || !has(self.identityValidationExpression)")
        .message("identityValidationExpression is allowed with type TOKEN alone"),
    validation = Rule::new("self.type == 'REQUEST' || !has(self.identitySources) || self.identitySources.size() == 1")
        .message("type TOKEN has one identity source, a header")
)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LambdaAuthorizer {
    /// What the function is given.
    #[serde(rename = "type")]
    pub type_: LambdaAuthorizerType,
    /// The function's ARN, with an alias or a version if one is meant. The gateway role of our own gets the permission to invoke exactly
    /// it; an existing one (`gatewayRole.arn`) must allow it `lambda:InvokeFunction`.
    #[schemars(length(min = 1, max = 256))]
    pub function_arn: String,
    /// Where the caller's identity is: a request without one of them is refused with 401, and answers are cached by them. As AWS spells
    /// them: `method.request.header.X`, and with REQUEST `method.request.querystring.x`, `stageVariables.x` and `context.x` too. Defaults
    /// to `method.request.header.Authorization` with TOKEN; required with REQUEST, unless `authorizerResultTtlInSeconds` is 0.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(min = 1, max = 10), inner(length(min = 1, max = 256)), extend("x-kubernetes-list-type" = "set"))]
    pub identity_sources: Vec<String>,
    /// A regular expression for the token: what doesn't match is refused with 401, and the function isn't asked. For TOKEN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub identity_validation_expression: Option<String>,
}

/// What a Lambda authorizer is given.
#[derive(JsonSchema, Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum LambdaAuthorizerType {
    /// The token of one header.
    Token,
    /// The request: headers, query, path, stage variables and context.
    Request,
}

impl LambdaAuthorizerType {
    /// As AWS spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "TOKEN",
            Self::Request => "REQUEST",
        }
    }
}

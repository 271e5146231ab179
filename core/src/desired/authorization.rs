//! Who may call a route: the authorizer that checks it, if one does.

use std::collections::BTreeSet;

use crate::api::{Auth, AuthType, LambdaAuthorizer, LambdaAuthorizerType};
use crate::arn::Arn;
use crate::kinds::authorizer::{AUTHORIZATION_HEADER, COGNITO, Settings, invocation_uri};
use crate::kinds::method::Authorization;
use crate::mistakes::{FieldPath, Mistakes};

use super::routes::Routes;

/// How long AWS caches an answer for which nothing is said, in seconds. Source: CreateAuthorizer, `authorizerResultTtlInSeconds`.
const TTL_DEFAULT: i32 = 300;
/// And how long at most.
const TTL_MAX: i32 = 3_600;

/// Who may call; `role` is the one that invokes a function, None if it could not be told. Authorizers, and what they call, are added to the
/// routes.
pub fn parse(
    auth: &Auth,
    role: Option<&Arn>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
    routes: &mut Routes,
) -> Option<Authorization> {
    check_combination(auth, at, mistakes);
    let scopes = || auth.scopes.iter().cloned().collect();
    let existing = |type_: &str, id: &String| Authorization::Existing {
        type_: type_.to_owned(),
        authorizer_id: id.clone(),
        scopes: scopes(),
    };
    match (auth.type_, &auth.authorizer_id) {
        (AuthType::None, _) => Some(Authorization::None),
        (AuthType::AwsIam, _) => Some(Authorization::AwsIam),
        (AuthType::CognitoUserPools, Some(id)) => Some(existing(COGNITO, id)),
        (AuthType::Custom, Some(id)) => Some(existing("CUSTOM", id)),
        (AuthType::CognitoUserPools, None) => {
            check_user_pools(&auth.user_pool_arns, &at.field("userPoolArns"), mistakes);
            let pools = auth.user_pool_arns.iter().cloned().collect();
            let settings = Settings::cognito(pools, auth.authorizer_result_ttl_in_seconds);
            let authorizer = settings.name();
            routes.authorizers.insert(authorizer.clone(), settings);
            Some(Authorization::Cognito { authorizer, scopes: scopes() })
        }
        (AuthType::Custom, None) => {
            let at = at.field("lambda");
            let Some(lambda) = &auth.lambda else {
                mistakes.add(at, "", "is required with type CUSTOM, unless authorizerId is said");
                return None;
            };
            let ttl = auth.authorizer_result_ttl_in_seconds.unwrap_or(TTL_DEFAULT);
            let identity_sources = identity_sources(lambda, ttl, &at, mistakes);
            let function = function(&lambda.function_arn, &at.field("functionArn"), mistakes)?;
            let settings = Settings {
                type_: lambda.type_.as_str().to_owned(),
                provider_arns: BTreeSet::new(),
                uri: Some(invocation_uri(&function)),
                credentials: Some(role?.to_string()),
                identity_sources,
                identity_validation_expression: lambda.identity_validation_expression.clone(),
                result_ttl_seconds: Some(ttl),
            };
            let authorizer = settings.name();
            routes.authorizers.insert(authorizer.clone(), settings);
            routes.calls.functions.insert(function);
            Some(Authorization::Custom { authorizer })
        }
    }
}

/// What is said of one type, and makes no sense with another.
fn check_combination(auth: &Auth, at: &FieldPath, mistakes: &mut Mistakes) {
    let (cognito, custom) = (auth.type_ == AuthType::CognitoUserPools, auth.type_ == AuthType::Custom);
    if let Some(id) = &auth.authorizer_id {
        if !cognito && !custom {
            let allowed = "allowed with types COGNITO_USER_POOLS and CUSTOM: leave it out";
            mistakes.add(at.field("authorizerId"), id, allowed);
        }
        let in_its_place = [
            ("lambda", auth.lambda.is_some()),
            ("userPoolArns", !auth.user_pool_arns.is_empty()),
            ("authorizerResultTtlInSeconds", auth.authorizer_result_ttl_in_seconds.is_some()),
        ];
        for (field, _) in in_its_place.into_iter().filter(|(_, is_said)| *is_said) {
            mistakes.add(at.field(field), "", "not allowed with authorizerId, which is used as it is: leave one out");
        }
        return;
    }
    if auth.lambda.is_some() && !custom {
        mistakes.add(at.field("lambda"), "", "allowed with type CUSTOM alone: leave it out, or set the type");
    }
    if !cognito {
        for (field, list) in [("userPoolArns", &auth.user_pool_arns), ("scopes", &auth.scopes)] {
            if let Some(first) = list.first() {
                let allowed = "allowed with type COGNITO_USER_POOLS alone: leave it out, or set the type";
                mistakes.add(at.field(field), first, allowed);
            }
        }
    }
    if let Some(ttl) = auth.authorizer_result_ttl_in_seconds {
        let at = at.field("authorizerResultTtlInSeconds");
        if !cognito && !custom {
            mistakes.add(at, ttl, "allowed with types COGNITO_USER_POOLS and CUSTOM: leave it out");
        } else if !(0..=TTL_MAX).contains(&ttl) {
            mistakes.add(at, ttl, format!("allowed are 0 to {TTL_MAX} seconds"));
        }
    }
}

fn check_user_pools(arns: &[String], at: &FieldPath, mistakes: &mut Mistakes) {
    if arns.is_empty() {
        mistakes.add(at.clone(), "", "at least one is required with type COGNITO_USER_POOLS");
    }
    for (index, text) in arns.iter().enumerate() {
        let is_pool = text
            .parse::<Arn>()
            .is_ok_and(|arn| arn.service() == "cognito-idp" && arn.resource().starts_with("userpool/"));
        if !is_pool {
            let allowed = "must be a user pool's ARN, `arn:aws:cognito-idp:<region>:<account>:userpool/<id>`";
            mistakes.add(at.index(index), text, allowed);
        }
    }
}

/// One function, and no pattern: it is all that the role may invoke. It may be in another account, whose policy then has to allow our role.
fn function(text: &str, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Arn> {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '$'))
    };
    let is_function = |arn: &Arn| {
        let parts: Vec<&str> = arn.resource().split(':').collect();
        let named = matches!(parts.as_slice(), ["function", name] | ["function", name, _] if is_name(name));
        let qualified = parts.get(2).is_none_or(|qualifier| is_name(qualifier));
        arn.service() == "lambda" && is_name(arn.region()) && !arn.account().is_empty() && named && qualified
    };
    let arn = text.parse::<Arn>().ok().filter(is_function);
    if arn.is_none() {
        mistakes.add(at.clone(), text, "must be a function's ARN, `arn:aws:lambda:<region>:<account>:function:<name>`");
    }
    arn
}

fn identity_sources(lambda: &LambdaAuthorizer, ttl: i32, at: &FieldPath, mistakes: &mut Mistakes) -> BTreeSet<String> {
    const HEADER: &str = "method.request.header.";
    const ANY: [&str; 4] = [HEADER, "method.request.querystring.", "stageVariables.", "context."];
    let at_sources = at.field("identitySources");
    let allowed: &[&str] = match lambda.type_ {
        LambdaAuthorizerType::Token => &ANY[..1],
        LambdaAuthorizerType::Request => &ANY,
    };
    for (index, source) in lambda.identity_sources.iter().enumerate() {
        let name = allowed.iter().find_map(|prefix| source.strip_prefix(prefix));
        let is_name = |name: &str| {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '$'))
        };
        if !name.is_some_and(is_name) {
            let told = format!("allowed with {} are {}", lambda.type_.as_str(), shown(allowed));
            mistakes.add(at_sources.index(index), source, told);
        }
    }
    match (lambda.type_, lambda.identity_sources.len()) {
        (LambdaAuthorizerType::Token, 0) => return BTreeSet::from([AUTHORIZATION_HEADER.to_owned()]),
        (LambdaAuthorizerType::Request, 0) if ttl > 0 => {
            let told = "required with REQUEST, as answers are cached by them: name what tells callers apart, or set \
                        authorizerResultTtlInSeconds to 0";
            mistakes.add(at_sources, "", told);
        }
        (LambdaAuthorizerType::Token, 2..) => mistakes.add(at_sources, "", "TOKEN has one identity source, a header"),
        (LambdaAuthorizerType::Token | LambdaAuthorizerType::Request, _) => {}
    }
    if let (LambdaAuthorizerType::Request, Some(expression)) = (lambda.type_, &lambda.identity_validation_expression) {
        mistakes.add(at.field("identityValidationExpression"), expression, "allowed with type TOKEN alone");
    }
    lambda.identity_sources.iter().cloned().collect()
}

fn shown(prefixes: &[&str]) -> String {
    prefixes.iter().map(|prefix| format!("`{prefix}<name>`")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111111111111:function:may:live";
    const POOL: &str = "arn:aws:cognito-idp:eu-central-1:000000000000:userpool/a";

    fn parsed(auth: &Value) -> (Option<Authorization>, Routes, Vec<String>) {
        let (auth, role) = (serde_json::from_value(auth.clone()).unwrap(), "arn:aws:iam::000000000000:role/g");
        let (mut routes, mut mistakes) = (Routes::default(), Mistakes::none());
        let at = FieldPath::spec().field("auth");
        let authorization = parse(&auth, Some(&role.parse().unwrap()), &at, &mut mistakes, &mut routes);
        (authorization, routes, mistakes.iter().map(ToString::to_string).collect())
    }

    fn custom(lambda: &Value, more: &Value) -> Value {
        let mut auth = json!({ "type": "CUSTOM", "lambda": { "type": "TOKEN", "functionArn": FUNCTION } });
        auth["lambda"].as_object_mut().unwrap().extend(lambda.as_object().unwrap().clone());
        auth.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        auth
    }

    #[test]
    fn a_function_is_asked_by_the_gateway_role() {
        let (authorization, routes, mistakes) = parsed(&custom(&json!({}), &json!({})));
        assert_eq!(mistakes, [""; 0]);
        let [(name, settings)] = routes.authorizers.iter().collect::<Vec<_>>()[..] else { panic!("{routes:?}") };
        assert_eq!(authorization, Some(Authorization::Custom { authorizer: name.clone() }));
        assert_eq!(routes.calls.functions, BTreeSet::from([FUNCTION.parse().unwrap()]));
        let uri = format!("arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations");
        assert_eq!(settings.uri, Some(uri), "the Region is the function's");
        assert_eq!(settings.credentials.as_deref(), Some("arn:aws:iam::000000000000:role/g"));
        assert_eq!(settings.identity_sources, BTreeSet::from([AUTHORIZATION_HEADER.to_owned()]));
        assert_eq!(settings.result_ttl_seconds, Some(300));
    }

    #[test]
    fn what_says_the_same_is_shared_and_nothing_else() {
        let name = |auth: Value| parsed(&auth).1.authorizers.into_keys().next().unwrap();
        let pools = |more: Value| {
            let mut auth = json!({ "type": "COGNITO_USER_POOLS", "userPoolArns": [POOL] });
            auth.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            name(auth)
        };
        let sources = json!(["method.request.header.Authorization"]);
        let said = custom(&json!({ "identitySources": sources }), &json!({ "authorizerResultTtlInSeconds": 300 }));
        assert_eq!(name(said), name(custom(&json!({}), &json!({}))), "a default that is said");
        let names = [
            pools(json!({})),
            pools(json!({ "authorizerResultTtlInSeconds": 300 })),
            name(custom(&json!({}), &json!({}))),
            name(custom(&json!({}), &json!({ "authorizerResultTtlInSeconds": 0 }))),
            name(custom(&json!({ "type": "REQUEST", "identitySources": sources }), &json!({}))),
            name(custom(&json!({ "identityValidationExpression": "x" }), &json!({}))),
            name(custom(&json!({ "functionArn": "arn:aws:lambda:eu-west-1:111111111111:function:may" }), &json!({}))),
        ];
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        assert_eq!(pools(json!({ "scopes": ["a/b"] })), names[0], "scopes are the method's");
        assert_eq!(names[0], format!("sfe-cognito-{}", crate::owner::hash([POOL])), "as it was always named");
    }

    #[test]
    fn what_is_deployed_of_user_pools_alone_stays_as_it_was() {
        let pools = BTreeSet::from([POOL.to_owned()]);
        let text = |ttl| serde_json::to_string(&Settings::cognito(pools.clone(), ttl)).unwrap();
        assert_eq!(text(None), format!(r#"["{POOL}"]"#));
        assert_ne!(text(Some(300)), text(Some(0)));
    }

    #[test]
    fn one_that_exists_is_used_as_it_is() {
        for (type_, method) in [("CUSTOM", "CUSTOM"), ("COGNITO_USER_POOLS", COGNITO)] {
            let (authorization, routes, mistakes) = parsed(&json!({ "type": type_, "authorizerId": "abc" }));
            let (authorizer_id, scopes) = ("abc".to_owned(), BTreeSet::new());
            let existing = Authorization::Existing { type_: method.to_owned(), authorizer_id, scopes };
            assert_eq!((authorization, routes, mistakes), (Some(existing), Routes::default(), Vec::new()));
        }
    }

    #[rstest]
    #[case::no_function(json!({ "type": "CUSTOM" }), "spec.auth.lambda: is required with type CUSTOM, unless authorizerId is said")]
    #[case::function_without_the_type(
        json!({ "type": "NONE", "lambda": { "type": "TOKEN", "functionArn": FUNCTION } }),
        "spec.auth.lambda: allowed with type CUSTOM alone: leave it out, or set the type"
    )]
    #[case::pools_without_the_type(
        custom(&json!({}), &json!({ "userPoolArns": [POOL] })),
        "spec.auth.userPoolArns: `arn:aws:cognito-idp:eu-central-1:000000000000:userpool/a`: allowed with type COGNITO_USER_POOLS alone: leave it out, or set the type"
    )]
    #[case::scopes_of_a_function(
        custom(&json!({}), &json!({ "scopes": ["a/b"] })),
        "spec.auth.scopes: `a/b`: allowed with type COGNITO_USER_POOLS alone: leave it out, or set the type"
    )]
    #[case::no_pools(json!({ "type": "COGNITO_USER_POOLS" }), "spec.auth.userPoolArns: at least one is required with type COGNITO_USER_POOLS")]
    #[case::id_for_everyone(
        json!({ "type": "NONE", "authorizerId": "abc" }),
        "spec.auth.authorizerId: `abc`: allowed with types COGNITO_USER_POOLS and CUSTOM: leave it out"
    )]
    #[case::id_and_function(
        custom(&json!({}), &json!({ "authorizerId": "abc" })),
        "spec.auth.lambda: not allowed with authorizerId, which is used as it is: leave one out"
    )]
    #[case::id_and_ttl(
        json!({ "type": "CUSTOM", "authorizerId": "abc", "authorizerResultTtlInSeconds": 5 }),
        "spec.auth.authorizerResultTtlInSeconds: not allowed with authorizerId, which is used as it is: leave one out"
    )]
    #[case::nothing_to_cache(
        json!({ "type": "AWS_IAM", "authorizerResultTtlInSeconds": 5 }),
        "spec.auth.authorizerResultTtlInSeconds: `5`: allowed with types COGNITO_USER_POOLS and CUSTOM: leave it out"
    )]
    #[case::too_long(
        custom(&json!({}), &json!({ "authorizerResultTtlInSeconds": 3601 })),
        "spec.auth.authorizerResultTtlInSeconds: `3601`: allowed are 0 to 3600 seconds"
    )]
    #[case::a_pattern_of_functions(
        custom(&json!({ "functionArn": "arn:aws:lambda:eu-west-1:111111111111:function:*" }), &json!({})),
        "spec.auth.lambda.functionArn: `arn:aws:lambda:eu-west-1:111111111111:function:*`: must be a function's ARN, `arn:aws:lambda:<region>:<account>:function:<name>`"
    )]
    #[case::no_function_s_arn(
        custom(&json!({ "functionArn": POOL }), &json!({})),
        "spec.auth.lambda.functionArn: `arn:aws:cognito-idp:eu-central-1:000000000000:userpool/a`: must be a function's ARN, `arn:aws:lambda:<region>:<account>:function:<name>`"
    )]
    #[case::token_in_the_query(
        custom(&json!({ "identitySources": ["method.request.querystring.t"] }), &json!({})),
        "spec.auth.lambda.identitySources[0]: `method.request.querystring.t`: allowed with TOKEN are `method.request.header.<name>`"
    )]
    #[case::two_tokens(
        custom(&json!({ "identitySources": ["method.request.header.A", "method.request.header.B"] }), &json!({})),
        "spec.auth.lambda.identitySources: TOKEN has one identity source, a header"
    )]
    #[case::no_name(
        custom(&json!({ "type": "REQUEST", "identitySources": ["context."] }), &json!({})),
        "spec.auth.lambda.identitySources[0]: `context.`: allowed with REQUEST are `method.request.header.<name>`, `method.request.querystring.<name>`, \
         `stageVariables.<name>`, `context.<name>`"
    )]
    #[case::cached_for_everyone(
        custom(&json!({ "type": "REQUEST" }), &json!({})),
        "spec.auth.lambda.identitySources: required with REQUEST, as answers are cached by them: name what tells callers apart, or set \
         authorizerResultTtlInSeconds to 0"
    )]
    #[case::expression_of_a_request(
        custom(&json!({ "type": "REQUEST", "identityValidationExpression": "x" }), &json!({ "authorizerResultTtlInSeconds": 0 })),
        "spec.auth.lambda.identityValidationExpression: `x`: allowed with type TOKEN alone"
    )]
    fn what_makes_no_sense_is_refused(#[case] auth: Value, #[case] says: &str) {
        assert_eq!(parsed(&auth).2, [says]);
    }
}

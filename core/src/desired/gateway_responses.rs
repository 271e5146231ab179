//! What the gateway answers by itself: each field checked, and everything that AWS would choose chosen, so that it can be compared.

use std::collections::{BTreeMap, BTreeSet};

use crate::api::{GatewayBody, GatewayResponse, StepFunctionEndpointSpec};
use crate::kinds::gateway_response;
use crate::mapping::{Cors, HeaderName, MediaType, constant_body};
use crate::mistakes::{FieldPath, Mistakes};

/// The types, and the status of each where it is not said. Source: API Gateway Developer Guide, "Gateway response types"; the two defaults leave
/// each error its own.
const TYPES: [(&str, Option<u16>); 21] = [
    ("ACCESS_DENIED", Some(403)),
    ("API_CONFIGURATION_ERROR", Some(500)),
    ("AUTHORIZER_CONFIGURATION_ERROR", Some(500)),
    ("AUTHORIZER_FAILURE", Some(500)),
    ("BAD_REQUEST_BODY", Some(400)),
    ("BAD_REQUEST_PARAMETERS", Some(400)),
    ("DEFAULT_4XX", None),
    ("DEFAULT_5XX", None),
    ("EXPIRED_TOKEN", Some(403)),
    ("INTEGRATION_FAILURE", Some(504)),
    ("INTEGRATION_TIMEOUT", Some(504)),
    ("INVALID_API_KEY", Some(403)),
    ("INVALID_SIGNATURE", Some(403)),
    ("MISSING_AUTHENTICATION_TOKEN", Some(403)),
    ("QUOTA_EXCEEDED", Some(429)),
    ("REQUEST_TOO_LARGE", Some(413)),
    ("RESOURCE_NOT_FOUND", Some(404)),
    ("THROTTLED", Some(429)),
    ("UNAUTHORIZED", Some(401)),
    ("UNSUPPORTED_MEDIA_TYPE", Some(415)),
    ("WAF_FILTERED", Some(403)),
];

/// AWS's own body.
const MESSAGE: &str = r#"{"message":$context.error.messageString}"#;

/// The manifest's gateway responses; `at` is `spec`.
pub fn parse(spec: &StepFunctionEndpointSpec, at: &FieldPath, mistakes: &mut Mistakes) -> gateway_response::Desired {
    let at_all = at.field("gatewayResponses");
    let is_guest = spec.api.as_ref().is_some_and(|api| api.endpoint_ref.is_some());
    if is_guest && !spec.gateway_responses.is_empty() {
        mistakes.add(at_all, "", "not allowed with api.endpointRef: whoever has the API says them");
        return BTreeMap::new();
    }
    let is_others = spec.api.as_ref().is_some_and(|api| api.rest_api_id.is_some());
    let cors = of_cors(spec, is_guest || is_others, at);
    let responses = spec.gateway_responses.iter().filter_map(|(type_, said)| {
        let at = at_all.key(type_);
        let Some((_, status)) = TYPES.into_iter().find(|(name, _)| name == type_) else {
            let names: Vec<&str> = TYPES.into_iter().map(|(name, _)| name).collect();
            mistakes.add(at, type_, format!("allowed are {}", names.join(", ")));
            return None;
        };
        response(said, status, &cors, &at, mistakes).map(|response| (type_.clone(), response))
    });
    let mut responses: gateway_response::Desired = responses.collect();
    if !cors.is_empty() {
        for type_ in ["DEFAULT_4XX", "DEFAULT_5XX"] {
            responses.entry(type_.to_owned()).or_insert_with(|| gateway_response::GatewayResponse {
                status: None,
                parameters: BTreeMap::new(),
                templates: BTreeMap::from([("application/json".to_owned(), MESSAGE.to_owned())]),
            });
        }
    }
    for response in responses.values_mut() {
        response.parameters.extend(cors.clone());
    }
    responses
}

/// What `cors` adds to each of them. On another's API it holds for the routes alone; what is wrong with it is told with the routes.
fn of_cors(spec: &StepFunctionEndpointSpec, is_anothers: bool, at: &FieldPath) -> BTreeMap<String, String> {
    let said = spec.cors.as_ref().filter(|_| !is_anothers);
    let cors = said.and_then(|said| Cors::parse(said, &at.field("cors"), &mut Mistakes::none()));
    cors.map(|cors| cors.gateway_parameters()).unwrap_or_default()
}

fn response(
    said: &GatewayResponse,
    status: Option<u16>,
    cors: &BTreeMap<String, String>,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Option<gateway_response::GatewayResponse> {
    let GatewayResponse { status: said_status, headers: said_headers, content_type, body: said_body } = said;
    let status = said_status.or(status);
    if let Some(wrong) = status.filter(|status| !(400..=599).contains(status)) {
        mistakes.add(at.field("status"), wrong, "400 to 599 is allowed");
    }
    let (mut taken, mut parameters) = (BTreeSet::new(), BTreeMap::new());
    for (name, value) in said_headers {
        let at = at.field("headers").key(name);
        mistakes.take(at.clone(), name, HeaderName::parse(name, &mut taken));
        let parameter = format!("gatewayresponse.header.{name}");
        if cors.keys().any(|of_cors| of_cors.eq_ignore_ascii_case(&parameter)) {
            mistakes.add(at.clone(), name, "leave it out: `cors` says it");
        }
        // Between apostrophes, of which there is no escape.
        if value.is_empty() || !value.chars().all(|c| matches!(c, ' '..='~') && c != '\'') {
            mistakes.add(at, value, "printable ASCII without an apostrophe is required");
        }
        parameters.insert(parameter, format!("'{value}'"));
    }
    let media_type = match content_type {
        None => None,
        Some(text) => Some(mistakes.take(at.field("contentType"), text, MediaType::parse(text))?),
    };
    let body = body(said_body.as_ref(), &at.field("body"), mistakes)?;
    let default = if body.is_json { "application/json" } else { "text/plain; charset=utf-8" };
    if let Some(type_) = media_type.as_ref().filter(|type_| type_.is_json() != body.is_json) {
        let allowed =
            if body.is_json { "the body is JSON: use text for another type" } else { "a text may be no JSON" };
        mistakes.add(at.field("contentType"), type_.as_str(), allowed);
    }
    let type_ = media_type.as_ref().map_or(default, MediaType::as_str).to_owned();
    Some(gateway_response::GatewayResponse {
        status: status.map(|status| status.to_string()),
        parameters,
        templates: BTreeMap::from([(type_, body.template)]),
    })
}

struct Template {
    template: String,
    is_json: bool,
}

/// These templates are no Velocity: `$context` and `$stageVariables` alone are replaced.
fn body(said: Option<&GatewayBody>, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Template> {
    let Some(said) = said else { return Some(Template { template: MESSAGE.to_owned(), is_json: true }) };
    let GatewayBody { constant, constant_json, text } = said;
    match (constant, constant_json, text) {
        (None, None, Some(text)) if text.contains('$') => {
            mistakes.add(at.field("text"), text, "not allowed is `$`, which API Gateway reads as a variable here");
            None
        }
        (None, None, Some(text)) => Some(Template { template: text.clone(), is_json: false }),
        (_, _, None) => constant_body(constant.as_ref(), constant_json.as_ref(), at, mistakes)
            .map(|template| Template { template, is_json: true }),
        (Some(_), _, Some(_)) | (_, Some(_), Some(_)) => {
            mistakes.add(at.clone(), "", "exactly one of constant, constantJson and text is required");
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::{Value, json};

    use super::*;

    /// What becomes of one gateway response, or what is wrong with it.
    fn check(said: &Value) -> String {
        let spec = json!({ "stateMachine": {}, "routes": [], "gatewayResponses": said });
        let mut mistakes = Mistakes::none();
        let parsed = parse(&serde_json::from_value(spec).unwrap(), &FieldPath::spec(), &mut mistakes);
        let wrong: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        if wrong.is_empty() { format!("{parsed:?}") } else { wrong.join(", ") }
    }

    #[rstest]
    #[case::nothing_but_a_header(
        json!({ "DEFAULT_4XX": { "headers": { "X-A": "a b" } } }),
        r#"{"DEFAULT_4XX": GatewayResponse { status: None, parameters: {"gatewayresponse.header.X-A": "'a b'"}, templates: {"application/json": "{\"message\":$context.error.messageString}"} }}"#
    )]
    #[case::constants_are_no_variables(
        json!({ "THROTTLED": { "body": { "constant": { "a": "$context.requestId" } } } }),
        r#"{"THROTTLED": GatewayResponse { status: Some("429"), parameters: {}, templates: {"application/json": "{\"a\":\"\\u0024context.requestId\"}"} }}"#
    )]
    #[case::text(
        json!({ "THROTTLED": { "contentType": "text/html", "body": { "text": "<p>" } } }),
        r#"{"THROTTLED": GatewayResponse { status: Some("429"), parameters: {}, templates: {"text/html": "<p>"} }}"#
    )]
    #[case::variables_in_text(
        json!({ "THROTTLED": { "body": { "text": "$x" } } }),
        "spec.gatewayResponses[THROTTLED].body.text: `$x`: not allowed is `$`, which API Gateway reads as a variable here"
    )]
    #[case::status_and_headers(
        json!({ "THROTTLED": { "status": 200, "headers": { "Date": "x", "X-A": "it's", "X-B": "a\nb" } } }),
        "spec.gatewayResponses[THROTTLED].status: `200`: 400 to 599 is allowed, \
         spec.gatewayResponses[THROTTLED].headers[Date]: `Date`: leave it out: API Gateway drops, renames or sets it itself, \
         spec.gatewayResponses[THROTTLED].headers[X-A]: `it's`: printable ASCII without an apostrophe is required, \
         spec.gatewayResponses[THROTTLED].headers[X-B]: `a b`: printable ASCII without an apostrophe is required"
    )]
    #[case::bodies(
        json!({ "THROTTLED": { "body": { "constant": 1, "text": "x" } }, "UNAUTHORIZED": { "body": {} }, "WAF_FILTERED": { "contentType": "text/html" } }),
        "spec.gatewayResponses[THROTTLED].body: exactly one of constant, constantJson and text is required, \
         spec.gatewayResponses[UNAUTHORIZED].body: exactly one of constant, constantJson and text is required, \
         spec.gatewayResponses[WAF_FILTERED].contentType: `text/html`: the body is JSON: use text for another type"
    )]
    fn it_reads_as(#[case] said: Value, #[case] expected: &str) {
        assert_eq!(check(&said), expected);
    }

    #[test]
    fn a_type_is_one_of_awss() {
        let wrong = check(&json!({ "Throttled": {} }));
        assert!(
            wrong.starts_with("spec.gatewayResponses[Throttled]: `Throttled`: allowed are ACCESS_DENIED, "),
            "{wrong}"
        );
    }

    /// Their names and parameters.
    fn parameters(spec: Value) -> Vec<String> {
        let mut mistakes = Mistakes::none();
        let parsed = parse(&serde_json::from_value(spec).unwrap(), &FieldPath::spec(), &mut mistakes);
        assert!(mistakes.is_empty(), "{mistakes:?}");
        parsed.iter().map(|(type_, response)| format!("{type_} {:?}", response.parameters)).collect()
    }

    #[test]
    fn cors_tells_pages_of_errors_too() {
        let said = |origins: Value, credentials: bool| {
            json!({ "stateMachine": {}, "routes": [], "cors": { "origins": origins, "credentials": credentials },
                "gatewayResponses": { "THROTTLED": { "headers": { "Retry-After": "1" } }, "DEFAULT_5XX": { "body": { "text": "x" } } } })
        };
        let origin = r#""gatewayresponse.header.Access-Control-Allow-Origin": "'*'""#;
        let retry = r#""gatewayresponse.header.Retry-After": "'1'""#;
        assert_eq!(
            parameters(said(json!(["*"]), false)),
            [
                format!("DEFAULT_4XX {{{origin}}}"),
                format!("DEFAULT_5XX {{{origin}}}"),
                format!("THROTTLED {{{origin}, {retry}}}"),
            ]
        );
        let several = json!(["https://a.example", "https://b.example"]);
        assert_eq!(
            parameters(said(several, true)),
            ["DEFAULT_5XX {}".to_owned(), format!("THROTTLED {{{retry}}}")],
            "several origins with credentials"
        );
        let mut guest = said(json!(["*"]), false);
        guest["api"] = json!({ "endpointRef": { "name": "a" } });
        guest["gatewayResponses"] = json!({});
        assert_eq!(parameters(guest), [""; 0]);
    }

    #[test]
    fn no_header_is_said_twice() {
        let spec = json!({ "stateMachine": {}, "routes": [], "cors": { "origins": ["*"] },
            "gatewayResponses": { "THROTTLED": { "headers": { "access-control-allow-origin": "*", "Access-Control-Max-Age": "1" } } } });
        let mut mistakes = Mistakes::none();
        parse(&serde_json::from_value(spec).unwrap(), &FieldPath::spec(), &mut mistakes);
        let wrong: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        let at = "spec.gatewayResponses[THROTTLED].headers[access-control-allow-origin]";
        assert_eq!(wrong, [format!("{at}: `access-control-allow-origin`: leave it out: `cors` says it")]);
    }

    #[test]
    fn a_guest_has_none() {
        let spec = json!({ "stateMachine": {}, "routes": [], "api": { "endpointRef": { "name": "a" } }, "gatewayResponses": { "THROTTLED": {} } });
        let mut mistakes = Mistakes::none();
        parse(&serde_json::from_value(spec).unwrap(), &FieldPath::spec(), &mut mistakes);
        let wrong: Vec<String> = mistakes.iter().map(ToString::to_string).collect();
        assert_eq!(wrong, ["spec.gatewayResponses: not allowed with api.endpointRef: whoever has the API says them"]);
    }
}

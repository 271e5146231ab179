//! Resource policies of REST APIs: who may call, beside what the routes ask for.

use serde_json::{Map, Value, json};

use super::{Form, PolicyDocument, items, normal};
use crate::change::Shown;
use crate::definition::read_document;

/// The most characters of a resource policy. Source: API Gateway quotas, "Length of resource policy".
pub(super) const CHARACTERS_MAX: usize = 8192;

/// The resource policy of a REST API, or that it has none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourcePolicy(Option<PolicyDocument>);

impl ResourcePolicy {
    /// What a manifest says, in JSON or YAML; the error says what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document = read_document(text).map_err(|why| format!("a policy is JSON or YAML: {why}"))?;
        let statements = items(document.get("Statement"));
        let is_one = |statement: &Value| matches!(statement["Effect"].as_str(), Some("Allow" | "Deny"));
        if statements.is_empty() || !statements.iter().all(is_one) {
            return Err("a policy has a `Statement`, each with `Effect` Allow or Deny".to_owned());
        }
        let document = PolicyDocument::of(document);
        match document.to_json().chars().count() {
            0..=CHARACTERS_MAX => Ok(Self(Some(document))),
            characters => Err(format!("a policy has up to {CHARACTERS_MAX} characters, this one {characters}")),
        }
    }

    /// What we made.
    pub(super) fn of(document: PolicyDocument) -> Self {
        Self(Some(document))
    }

    /// What API Gateway answers: JSON as the inside of a JSON string, with a backslash before each quote and slash. JSON as it is is read too.
    pub fn observed(text: Option<&str>) -> Self {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return Self(None) };
        let unescaped: Option<String> = serde_json::from_str(&format!("\"{text}\"")).ok();
        let documents = [Some(text), unescaped.as_deref()].into_iter().flatten();
        let read = documents.filter_map(|json| serde_json::from_str(json).ok()).find(Value::is_object);
        Self(Some(read.map_or_else(|| PolicyDocument(Form::Unreadable(text.to_owned())), PolicyDocument::of)))
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// Compact JSON; nothing where there is none, which takes a policy away.
    pub fn to_json(&self) -> String {
        self.0.as_ref().map(PolicyDocument::to_json).unwrap_or_default()
    }

    /// As it is compared on this API. API Gateway spells out what is short: `execute-api:/*` becomes the ARN of this API, an account the ARN of
    /// its root, and true the text `true`.
    #[must_use]
    pub fn on(&self, rest_api_id: &str) -> Self {
        let Some(PolicyDocument(Form::Read(document))) = &self.0 else { return self.clone() };
        let mut document = document.clone();
        let statements = match document.get_mut("Statement") {
            Some(Value::Array(all)) => all.iter_mut().collect(),
            Some(one) => vec![one],
            None => Vec::new(),
        };
        for statement in statements.into_iter().filter_map(Value::as_object_mut) {
            shorten(statement, rest_api_id);
        }
        Self(Some(PolicyDocument(Form::Read(normal(document)))))
    }
}

fn shorten(statement: &mut Map<String, Value>, rest_api_id: &str) {
    for key in ["Resource", "NotResource"] {
        if let Some(found) = statement.get_mut(key) {
            each_text(found, &|text| of_this_api(text, rest_api_id));
        }
    }
    for key in ["Principal", "NotPrincipal"] {
        let Some(principal) = statement.get_mut(key) else { continue };
        if let Some(found) = principal.get_mut("AWS") {
            each_text(found, &account_of_root);
        }
        if *principal == json!({ "AWS": "*" }) {
            *principal = Value::from("*");
        }
    }
    if let Some(found) = statement.get_mut("Condition") {
        each_text(found, &|_| None);
    }
}

/// Each string here as `short` says it; numbers and booleans as strings.
fn each_text(value: &mut Value, short: &dyn Fn(&str) -> Option<String>) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| each_text(item, short)),
        Value::Object(members) => members.values_mut().for_each(|member| each_text(member, short)),
        Value::String(text) => {
            if let Some(shorter) = short(text) {
                *text = shorter;
            }
        }
        Value::Number(_) | Value::Bool(_) => *value = Value::from(value.to_string()),
        Value::Null => {}
    }
}

/// `execute-api:/x` for `arn:aws:execute-api:<region>:<account>:<id>/x`.
fn of_this_api(arn: &str, rest_api_id: &str) -> Option<String> {
    let path = arn.strip_prefix("arn:")?.splitn(5, ':').nth(4)?.strip_prefix(rest_api_id)?;
    let is_call = arn.split(':').nth(2) == Some("execute-api");
    (is_call && path.starts_with('/')).then(|| format!("execute-api:{path}"))
}

/// The account for `arn:aws:iam::<account>:root`.
fn account_of_root(arn: &str) -> Option<String> {
    let (service, account) = arn.strip_suffix(":root")?.rsplit_once("::")?;
    (service.starts_with("arn:") && service.ends_with(":iam")).then(|| account.to_owned())
}

impl Shown for ResourcePolicy {
    fn shown(&self) -> String {
        self.0.shown()
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const ALL: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"execute-api:Invoke","Resource":"execute-api:/*","Condition":{"NotIpAddress":{"aws:SourceIp":["192.0.2.0/24"]},"Bool":{"aws:SecureTransport":true}}}]}"#;

    fn escaped(text: &str) -> String {
        text.replace('"', r#"\""#).replace('/', r"\/")
    }

    #[rstest]
    #[case::as_it_is(ALL, true)]
    #[case::escaped(&escaped(ALL), true)]
    #[case::spelled_out(
        &escaped(&ALL.replace("execute-api:/*", "arn:aws:execute-api:eu-central-1:000000000000:a1/*").replace("true", "\"true\"").replace(r#""*","#, r#"{"AWS":"*"},"#)),
        true
    )]
    #[case::of_another_api(&ALL.replace("execute-api:/*", "arn:aws:execute-api:eu-central-1:000000000000:a12/*"), false)]
    #[case::another_range(&escaped(&ALL.replace("192.0.2.0/24", "192.0.2.0/23")), false)]
    #[case::none("", false)]
    #[case::unreadable("{", false)]
    fn is_compared_by_meaning(#[case] found: &str, #[case] equal: bool) {
        let (want, found) = (ResourcePolicy::parse(ALL).unwrap(), ResourcePolicy::observed(Some(found)));
        assert_eq!(want.on("a1") == found.on("a1"), equal, "{want:?} {found:?}");
    }

    #[test]
    fn an_account_is_its_root() {
        let of = |principal: &str| {
            let document = json!({ "Statement": { "Effect": "Allow", "Principal": { "AWS": [principal] } } });
            ResourcePolicy::observed(Some(&document.to_string())).on("a1")
        };
        let (account, root) = (of("111122223333"), of("arn:aws-cn:iam::111122223333:root"));
        assert_eq!(account, root);
        assert_ne!(account, of("arn:aws:iam::111122223333:role/root"));
    }

    #[rstest]
    #[case::yaml(
        "Statement: [{Effect: Deny, Principal: '*'}]",
        "{\"Statement\":{\"Effect\":\"Deny\",\"Principal\":\"*\"}}"
    )]
    #[case::no_statement("{}", "a policy has a `Statement`, each with `Effect` Allow or Deny")]
    #[case::no_effect("Statement: [{Effect: allow}]", "a policy has a `Statement`, each with `Effect` Allow or Deny")]
    #[case::a_list("[]", "a policy has a `Statement`, each with `Effect` Allow or Deny")]
    fn a_manifest_says(#[case] text: &str, #[case] says: &str) {
        assert_eq!(ResourcePolicy::parse(text).map_or_else(|why| why, |policy| policy.to_json()), says);
    }

    #[test]
    fn has_a_size() {
        let policy = |length: usize| {
            let frame = r#"{"Statement":{"Effect":"Deny","Sid":""}}"#;
            ResourcePolicy::parse(&frame.replace("\"\"", &format!("\"{}\"", "x".repeat(length - frame.len()))))
        };
        assert!(policy(8192).is_ok());
        assert_eq!(policy(8193).unwrap_err(), "a policy has up to 8192 characters, this one 8193");
    }
}

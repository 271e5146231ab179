//! The JSON schema that API Gateway checks a body with, before its template is rendered.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// The draft that API Gateway knows.
pub(super) const DRAFT_4: &str = "http://json-schema.org/draft-04/schema#";

/// What a value of the request may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// Any JSON value.
    Json,
    /// A string alone.
    Text,
}

/// An object of which some members are read; what isn't read is not restricted.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Model {
    members: BTreeMap<String, Member>,
}

#[derive(Clone, Debug, Default, PartialEq)]
struct Member {
    required: bool,
    text: bool,
    within: Model,
}

impl Model {
    /// Adds the member at the end of `path`. If it is required, so are all on the way.
    pub(super) fn add(&mut self, path: &[String], required: bool, kind: Kind) {
        let Some((name, rest)) = path.split_first() else { return };
        let member = self.members.entry(name.clone()).or_default();
        member.required |= required;
        if rest.is_empty() {
            member.text |= kind == Kind::Text;
        } else {
            member.within.add(rest, required, kind);
        }
    }

    /// The schema, draft 4: the one that API Gateway knows.
    pub(super) fn schema(&self) -> Value {
        let mut schema = self.object();
        schema["$schema"] = json!(DRAFT_4);
        schema
    }

    /// The schema of any JSON document.
    pub(super) fn any() -> Value {
        json!({ "$schema": DRAFT_4 })
    }

    fn object(&self) -> Value {
        let required: Vec<&String> =
            self.members.iter().filter(|(_, member)| member.required).map(|(name, _)| name).collect();
        let mut object = json!({ "type": "object" });
        if !self.members.is_empty() {
            object["properties"] = self.members.iter().map(|(name, member)| (name.clone(), member.schema())).collect();
        }
        // An empty list is not allowed in draft 4.
        if !required.is_empty() {
            object["required"] = json!(required);
        }
        object
    }

    fn requires_a_member(&self) -> bool {
        self.members.values().any(|member| member.required)
    }
}

impl Member {
    fn schema(&self) -> Value {
        if self.text {
            json!({ "type": "string" })
        } else if self.within.requires_a_member() {
            self.within.object()
        } else {
            // Of an optional member nothing is known: where it stands there may be no object at all.
            json!({})
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::one(&[("a", true, Kind::Json)], json!({"type": "object", "required": ["a"], "properties": {"a": {}}}))]
    #[case::optional(&[("a", false, Kind::Json)], json!({"type": "object", "properties": {"a": {}}}))]
    #[case::text(&[("a", false, Kind::Text)], json!({"type": "object", "properties": {"a": {"type": "string"}}}))]
    #[case::nested(&[("a.b", true, Kind::Json), ("a.c", false, Kind::Json)], json!({
        "type": "object", "required": ["a"],
        "properties": {"a": {"type": "object", "required": ["b"], "properties": {"b": {}, "c": {}}}}
    }))]
    #[case::optional_nested(&[("a.b", false, Kind::Json)], json!({"type": "object", "properties": {"a": {}}}))]
    #[case::required_once(&[("a", false, Kind::Json), ("a", true, Kind::Json)], json!({
        "type": "object", "required": ["a"], "properties": {"a": {}}
    }))]
    fn reads_as(#[case] members: &[(&str, bool, Kind)], #[case] mut schema: Value) {
        let mut model = Model::default();
        for (path, required, kind) in members {
            let path: Vec<String> = path.split('.').map(str::to_owned).collect();
            model.add(&path, *required, *kind);
        }
        schema["$schema"] = json!("http://json-schema.org/draft-04/schema#");
        assert_eq!(model.schema(), schema);
    }
}

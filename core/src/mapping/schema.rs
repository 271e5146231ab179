//! The JSON schema that a manifest gives for bodies: what API Gateway can't check is refused, by the keyword.

use serde_json::{Map, Value, json};

use crate::mistakes::{FieldPath, Mistakes};

use super::model::DRAFT_4;

/// Keywords of draft 4 whose value is no schema. Source: JSON Schema draft 4, which API Gateway's models are. `id` is left out, as it
/// changes what a `$ref` means.
const PLAIN: [&str; 22] = [
    "$schema",
    "title",
    "description",
    "default",
    "type",
    "enum",
    "format",
    "required",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "pattern",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "$ref",
];
/// Keywords whose value is a schema, or for some a boolean.
const SCHEMA: [&str; 4] = ["not", "items", "additionalItems", "additionalProperties"];
/// Keywords whose value is a list of schemas.
const SCHEMAS: [&str; 3] = ["allOf", "anyOf", "oneOf"];
/// Keywords whose value is an object of schemas.
const NAMED: [&str; 4] = ["properties", "patternProperties", "definitions", "dependencies"];

const TYPES: [&str; 7] = ["array", "boolean", "integer", "null", "number", "object", "string"];

/// How deep a schema nests at most.
const DEPTH_MAX: usize = 64;
/// How many values it has at most, once definitions stand where they are referred to.
const NODES_MAX: usize = 20_000;

/// What a `$ref` begins with.
const DEFINITION: &str = "#/definitions/";

/// The schema as it is given to API Gateway: what the manifest says and, beside it, what the route reads.
pub(super) fn parse(text: &str, read: Option<Value>, at: &FieldPath, mistakes: &mut Mistakes) -> Option<Value> {
    let parsed = serde_json::from_str(text).or_else(|_| serde_saphyr::from_str::<Value>(text));
    let parsed = parsed.map_err(|_| "a JSON schema is expected, as JSON or YAML text: an object");
    let Value::Object(mut said) = mistakes.take(at.clone(), text, parsed)? else {
        mistakes.add(at.clone(), text, "a JSON schema is expected, as JSON or YAML text: an object");
        return None;
    };
    let before = mistakes.iter().count();
    let definitions: Vec<String> =
        said.get("definitions").and_then(Value::as_object).into_iter().flat_map(|all| all.keys().cloned()).collect();
    let mut walk = Walk { definitions, at, mistakes };
    walk.schema(&Value::Object(said.clone()), "", DEPTH_MAX);
    if mistakes.iter().count() > before {
        return None;
    }
    said.remove("$schema");
    let definitions = said.remove("definitions").unwrap_or_default();
    let mut budget = NODES_MAX;
    let Some(Value::Object(mut said)) = inlined(&Value::Object(said), &definitions, DEPTH_MAX, &mut budget) else {
        let allowed =
            format!("a schema of at most {NODES_MAX} parts is expected, in which no definition refers to itself");
        mistakes.add(at.clone(), "$ref", allowed);
        return None;
    };
    let Some(mut read) = read else {
        said.insert("$schema".to_owned(), json!(DRAFT_4));
        return Some(Value::Object(said));
    };
    if let Some(object) = read.as_object_mut() {
        object.remove("$schema");
    }
    Some(json!({ "$schema": DRAFT_4, "allOf": [read, said] }))
}

/// The schema with each definition in place of what refers to it: what API Gateway makes of a `$ref` within a model isn't documented.
fn inlined(schema: &Value, definitions: &Value, depth: usize, budget: &mut usize) -> Option<Value> {
    let depth = depth.checked_sub(1)?;
    *budget = budget.checked_sub(1)?;
    let mut each = |value: &Value| inlined(value, definitions, depth, budget);
    match schema {
        Value::Object(members) => {
            let referred = members.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(DEFINITION));
            if let Some(name) = referred {
                return each(definitions.get(name)?);
            }
            let members = members.iter().map(|(key, value)| Some((key.clone(), each(value)?)));
            members.collect::<Option<Map<String, Value>>>().map(Value::Object)
        }
        Value::Array(items) => items.iter().map(each).collect::<Option<Vec<Value>>>().map(Value::Array),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => Some(plain.clone()),
    }
}

struct Walk<'a> {
    definitions: Vec<String>,
    at: &'a FieldPath,
    mistakes: &'a mut Mistakes,
}

impl Walk<'_> {
    fn wrong(&mut self, pointer: &str, allowed: impl Into<String>) {
        let found = if pointer.is_empty() { "/" } else { pointer };
        self.mistakes.add(self.at.clone(), found, allowed);
    }

    fn schema(&mut self, schema: &Value, pointer: &str, depth: usize) {
        let (Some(schema), Some(depth)) = (schema.as_object(), depth.checked_sub(1)) else {
            return self.wrong(pointer, format!("a schema, an object, is expected here, at most {DEPTH_MAX} deep"));
        };
        for (keyword, value) in schema {
            let at = format!("{pointer}/{keyword}");
            if PLAIN.contains(&keyword.as_str()) {
                self.plain(keyword, value, &at);
            } else if SCHEMAS.contains(&keyword.as_str()) || keyword == "items" && value.is_array() {
                match value.as_array() {
                    Some(items) if !items.is_empty() => {
                        for (index, item) in items.iter().enumerate() {
                            self.schema(item, &format!("{at}/{index}"), depth);
                        }
                    }
                    Some(_) | None => self.wrong(&at, "a list of schemas is expected here"),
                }
            } else if SCHEMA.contains(&keyword.as_str()) {
                if !(keyword.starts_with("additional") && value.is_boolean()) {
                    self.schema(value, &at, depth);
                }
            } else if NAMED.contains(&keyword.as_str()) {
                match value.as_object() {
                    Some(named) => {
                        for (name, value) in
                            named.iter().filter(|(_, value)| keyword != "dependencies" || !value.is_array())
                        {
                            self.schema(value, &format!("{at}/{name}"), depth);
                        }
                    }
                    None => self.wrong(&at, "an object of schemas is expected here"),
                }
            } else {
                self.wrong(
                    &at,
                    "API Gateway doesn't check this keyword: JSON schema draft 4 is all that it knows, without `id`",
                );
            }
        }
    }

    fn plain(&mut self, keyword: &str, value: &Value, at: &str) {
        let is_type = |value: &Value| value.as_str().is_some_and(|type_| TYPES.contains(&type_));
        let names =
            |value: &Value| value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(Value::is_string));
        match keyword {
            "$schema" if !matches!(value.as_str(), Some(DRAFT_4 | "http://json-schema.org/draft-04/schema")) => {
                self.wrong(at, format!("{DRAFT_4} is all that API Gateway knows"));
            }
            "$ref" => {
                let name = value.as_str().and_then(|text| text.strip_prefix(DEFINITION));
                if !name.is_some_and(|name| self.definitions.iter().any(|known| known == name)) {
                    self.wrong(at, "`#/definitions/<name>` of this schema is expected: API Gateway fetches no other");
                }
            }
            "type"
                if !is_type(value)
                    && !value.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(is_type)) =>
            {
                self.wrong(at, format!("one of {} is expected", TYPES.join(", ")));
            }
            "required" if !names(value) => self.wrong(at, "a list of names is expected, as in draft 4"),
            "exclusiveMinimum" | "exclusiveMaximum" if !value.is_boolean() => {
                self.wrong(at, "true or false is expected, beside minimum or maximum, as in draft 4");
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn check(text: &str, read: Option<Value>) -> Result<Value, Vec<String>> {
        let mut mistakes = Mistakes::none();
        let parsed = parse(text, read, &FieldPath::spec().field("s"), &mut mistakes);
        parsed.ok_or_else(|| mistakes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_schema_stands_beside_what_is_read() {
        let said = "{type: object, definitions: {n: {type: integer}}, properties: {a: {$ref: '#/definitions/n'}}}";
        let alone = check(said, None).unwrap();
        let whole = json!({ "$schema": DRAFT_4, "type": "object", "properties": { "a": { "type": "integer" } } });
        assert_eq!(alone, whole);
        let both = check(said, Some(json!({ "$schema": DRAFT_4, "type": "object", "required": ["a"] }))).unwrap();
        let (read, said) = (&both["allOf"][0], &both["allOf"][1]);
        assert_eq!(
            (read, &said["properties"]),
            (&json!({ "type": "object", "required": ["a"] }), &whole["properties"])
        );
    }

    #[rstest]
    #[case::later_draft(
        r#"{"properties":{"a":{"const":1}}}"#,
        "spec.s: `/properties/a/const`: API Gateway doesn't check this keyword"
    )]
    #[case::another_file(
        r#"{"$ref":"https://x/y"}"#,
        "spec.s: `/$ref`: `#/definitions/<name>` of this schema is expected"
    )]
    #[case::no_definition(r##"{"$ref":"#/definitions/x"}"##, "spec.s: `/$ref`:")]
    #[case::another_draft(
        r#"{"$schema":"http://json-schema.org/draft-07/schema#"}"#,
        "spec.s: `/$schema`: http://json-schema.org/draft-04"
    )]
    #[case::number(r#"{"minimum":1,"exclusiveMinimum":1}"#, "spec.s: `/exclusiveMinimum`: true or false")]
    #[case::type_("type: text", "spec.s: `/type`: one of array")]
    #[case::required(r#"{"properties":{"a":{"required":true}}}"#, "spec.s: `/properties/a/required`: a list of names")]
    #[case::list("[1]", "spec.s: `[1]`: a JSON schema is expected")]
    #[case::nothing("{", "spec.s: `{`: a JSON schema is expected")]
    #[case::of_itself(
        "{definitions: {a: {items: {$ref: '#/definitions/a'}}}, $ref: '#/definitions/a'}",
        "spec.s: `$ref`: a schema of at most"
    )]
    #[case::no_schema(r#"{"anyOf":[1]}"#, "spec.s: `/anyOf/0`: a schema, an object")]
    fn what_api_gateway_cant_check_is_refused(#[case] text: &str, #[case] told: &str) {
        let mistakes = check(text, None).unwrap_err();
        assert!(mistakes.len() == 1 && mistakes[0].starts_with(told), "{mistakes:?}");
    }
}

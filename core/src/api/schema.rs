//! Schemas that a derive can't say: free-form JSON, and maps whose values are bounded.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Any JSON value but null, kept as it is.
pub fn any(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

/// Headers by name: 20 at most, 2,048 characters each.
pub fn headers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 20,
        "additionalProperties": { "type": "string", "maxLength": 2048 }
    })
}

/// `${NAME}` to text: 100 names at most, 4,096 characters each.
pub fn substitutions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 100,
        "additionalProperties": { "type": "string", "maxLength": 4096 }
    })
}

/// Names to ARNs: 50 at most.
pub fn arns(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "minProperties": 1,
        "maxProperties": 50,
        "additionalProperties": { "type": "string", "maxLength": 256 }
    })
}

/// Stage variables: 100 at most. API Gateway's own limits are 64 and 512 characters.
pub fn stage_variables(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 100,
        "additionalProperties": { "type": "string", "maxLength": 512 }
    })
}

/// Labels: 16 at most.
pub fn labels(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 16,
        "additionalProperties": { "type": "string", "maxLength": 63 }
    })
}

/// Tags: 46 at most, as AWS has 50 for each object and four are ours.
pub fn tags(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 46,
        "additionalProperties": { "type": "string", "maxLength": 256 }
    })
}

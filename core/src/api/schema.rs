//! Schemas that a derive can't say: free-form JSON, and maps whose values are bounded.

use schemars::{Schema, SchemaGenerator, json_schema};

/// Any JSON value but null, kept as it is.
pub fn any(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "x-kubernetes-preserve-unknown-fields": true })
}

/// `${NAME}` to text: 100 names at most, 4,096 characters each.
pub fn substitutions(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 100,
        "additionalProperties": { "type": "string", "maxLength": 4096 }
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

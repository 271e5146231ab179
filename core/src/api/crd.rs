//! The CustomResourceDefinition, generated from the types; `crds/` and the chart hold its text, and a test fails on drift.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{CustomResourceDefinition, JSON};
use kube_core::CustomResourceExt as _;

use super::spec::StepFunctionEndpoint;

/// The CustomResourceDefinition that the cluster needs.
pub fn crd() -> CustomResourceDefinition {
    let mut crd = StepFunctionEndpoint::crd();
    for version in &mut crd.spec.versions {
        // A column of priority 0 is a perpetual difference in Argo CD: the API server leaves the default out.
        for column in version.additional_printer_columns.iter_mut().flatten() {
            column.priority = column.priority.filter(|priority| *priority != 0);
        }
        let properties = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
            .and_then(|root| root.properties.as_mut());
        if let Some(status) = properties.and_then(|properties| properties.get_mut("status")) {
            // Without it kstatus, Flux and `helm --wait` take an object that the operator has not seen for ready.
            status.default = Some(JSON(serde_json::json!({ "observedGeneration": -1 })));
        }
    }
    crd
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    /// What a schema lacks, each with its path.
    fn check(schema: &Value, path: &str, in_list: bool, wrong: &mut Vec<String>) {
        let has = |key: &str| schema.get(key).is_some();
        let bounded = match schema["type"].as_str() {
            Some("string") => has("maxLength") || has("enum"),
            Some("array") => has("maxItems"),
            Some("object") => has("properties") || has("maxProperties"),
            Some("integer") => has("maximum"),
            _ => true,
        };
        if !bounded {
            wrong.push(format!("{path}: not bounded: CEL's cost limit refuses what could be of any size"));
        }
        if in_list && has("default") {
            wrong.push(format!("{path}: a default inside a list leaves GitOps tools out of sync for ever"));
        }
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            if member["description"].as_str().unwrap_or_default().is_empty() {
                wrong.push(format!("{path}: `kubectl explain` says nothing"));
            }
            check(member, &path, in_list, wrong);
        }
        if has("items") {
            check(&schema["items"], &format!("{path}[]"), true, wrong);
        }
        if has("additionalProperties") {
            check(&schema["additionalProperties"], &format!("{path}{{}}"), in_list, wrong);
        }
    }

    fn schema() -> Value {
        let crd = serde_json::to_value(super::crd()).unwrap();
        crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
    }

    #[test]
    fn every_field_is_described_and_bounded() {
        let mut wrong = Vec::new();
        check(&schema()["properties"]["spec"], "spec", false, &mut wrong);
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    /// Client-side apply keeps the whole of it in an annotation, of which Kubernetes allows 256 KiB.
    #[test]
    fn it_can_be_applied_by_a_client() {
        let size = serde_json::to_string(&super::crd()).unwrap().len();
        assert!(size < 250 * 1024, "{size} bytes");
    }

    #[test]
    fn an_object_that_nobody_has_seen_is_not_ready() {
        assert_eq!(schema()["properties"]["status"]["default"], serde_json::json!({ "observedGeneration": -1 }));
    }
}

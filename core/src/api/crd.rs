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

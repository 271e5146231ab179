//! `sfe crd`: the CustomResourceDefinition as YAML.

use std::io::Write as _;

use super::CliError;

/// Prints the CustomResourceDefinition.
pub fn run() -> Result<(), CliError> {
    let text = text().map_err(|error| CliError::new(format!("crd failed: {error}"), "report it"))?;
    let written = std::io::stdout().write_all(text.as_bytes());
    written.map_err(|error| CliError::new(format!("write to standard output failed: {error}"), "check where it goes"))
}

/// JSON is YAML too; a reader gets YAML's lines.
fn text() -> Result<String, serde_saphyr::ser::Error> {
    serde_saphyr::to_string(&sfe_core::api::crd())
}

#[cfg(test)]
mod tests {
    #[test]
    fn what_is_installed_is_what_the_code_says() {
        let says = super::text().unwrap();
        for file in ["crds/stepfunctionendpoints.yaml", "charts/stepfunction-endpoint/files/stepfunctionendpoints.yaml"]
        {
            let holds = std::fs::read_to_string(format!("{}/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
            assert!(holds == says, "{file} differs from core/src/api: run `make crds`");
        }
    }

    /// Client-side apply keeps the whole object in an annotation of at most 256 KiB.
    #[test]
    fn it_can_be_applied_from_a_client() {
        assert!(super::text().unwrap().len() < 250 * 1024);
        assert!(serde_json::to_string(&sfe_core::api::crd()).unwrap().len() < 250 * 1024);
    }
}

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

//! The command line: flags, and one file a subcommand.

mod crd;
mod identity;
mod leadership;
mod plan;
mod policy;
mod run;

use clap::{Parser, Subcommand};

/// Puts an AWS Step Functions workflow behind an HTTP endpoint, from one Kubernetes manifest.
#[derive(Debug, Parser)]
#[command(name = "sfe", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the operator.
    Run(Box<run::Flags>),
    /// Prints what the operator would do for a manifest, and does none of it.
    Plan(Box<plan::Flags>),
    /// Prints the IAM policy that the operator needs.
    Policy(Box<policy::Flags>),
    /// Prints the CustomResourceDefinition.
    Crd,
}

/// What went wrong: `what failed: detail`, and `hint: what to do`.
#[derive(Debug, thiserror::Error)]
#[error("{what}\nhint: {hint}")]
pub struct CliError {
    what: String,
    hint: String,
}

impl CliError {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { what: what.into(), hint: hint.into() }
    }
}

/// Does what the command line says.
pub fn main(cli: Cli) -> Result<(), CliError> {
    match cli.command {
        Command::Run(flags) => run::run(*flags),
        Command::Plan(flags) => plan::run(*flags),
        Command::Policy(flags) => policy::run(*flags),
        Command::Crd => crd::run(),
    }
}

//! The operator, and a kubectl plugin: flags, then the subcommand.

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match sfe::cli::main(sfe::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("sfe: {error}");
            ExitCode::FAILURE
        }
    }
}

//! `sfe-sandbox prepare`, `up` and `run`: the sandbox from a terminal.

use std::os::unix::process::ExitStatusExt;
use std::process::{ExitCode, ExitStatus};
use std::time::Instant;

use sfe_sandbox::{Error, Sandbox};
use tokio::process::Command;
use tokio::signal::unix::{Signal, SignalKind, signal};

const USAGE: &str = "\
usage: sfe-sandbox up                  start a sandbox, print how to use it, and keep it until Ctrl-C
       sfe-sandbox run -- COMMAND...   start a sandbox, run the command in it, and exit as it does
       sfe-sandbox prepare             build what a sandbox needs; with --with-helm also Helm and kubeconform
       sfe-sandbox helm                build Helm and print where it is";
const EXIT_USAGE: u8 = 2;
const EXIT_NOT_RUN: u8 = 127;

enum Task {
    Up,
    Run { program: String, arguments: Vec<String> },
    Prepare,
    PrepareWithHelm,
    Helm,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Some(task) = parse(std::env::args().skip(1).collect()) else {
        eprintln!("{USAGE}");
        return ExitCode::from(EXIT_USAGE);
    };
    match perform(task).await {
        Ok(code) => code,
        Err(error) => {
            eprintln!("sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: Vec<String>) -> Option<Task> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["up"] => Some(Task::Up),
        ["prepare"] => Some(Task::Prepare),
        ["prepare", "--with-helm"] => Some(Task::PrepareWithHelm),
        ["helm"] => Some(Task::Helm),
        ["run", "--", program, arguments @ ..] => Some(Task::Run {
            program: (*program).to_owned(),
            arguments: arguments.iter().map(|word| (*word).to_owned()).collect(),
        }),
        _ => None,
    }
}

async fn perform(task: Task) -> Result<ExitCode, Error> {
    match task {
        Task::Up => up().await,
        Task::Run { program, arguments } => run(&program, &arguments).await,
        Task::Prepare => sfe_sandbox::prepare().await.map(|()| ExitCode::SUCCESS),
        Task::Helm => {
            println!("{}", sfe_sandbox::helm_tools().await?.helm.display());
            Ok(ExitCode::SUCCESS)
        }
        Task::PrepareWithHelm => {
            // One after the other: each build takes all processors by itself.
            sfe_sandbox::prepare().await?;
            sfe_sandbox::helm_tools().await.map(|_| ExitCode::SUCCESS)
        }
    }
}

async fn up() -> Result<ExitCode, Error> {
    let mut stop = Stop::new()?;
    let sandbox = tokio::select! {
        started = start() => started?,
        () = stop.asked() => return Ok(ExitCode::SUCCESS),
    };
    for (name, value) in sandbox.environment() {
        println!("export {name}={}", quoted(&value));
    }
    if let Some(bin) = sandbox.tool("kubectl").parent() {
        println!("export PATH={}:\"$PATH\"", quoted(&bin.display().to_string()));
    }
    println!();
    println!("# LocalStack:  curl {}/_localstack/health", sandbox.aws_endpoint());
    println!("# a stage:     curl {}", sandbox.stage_url("API_ID", "STAGE", "PATH"));
    println!("# what passed: curl {0}/_sandbox/requests, curl {0}/_sandbox/calls", sandbox.aws_endpoint());
    println!("# logs:        {}", sandbox.directory().display());
    println!("# Ctrl-C ends it");
    stop.asked().await;
    Ok(ExitCode::SUCCESS)
}

async fn run(program: &str, arguments: &[String]) -> Result<ExitCode, Error> {
    let mut stop = Stop::new()?;
    let sandbox = tokio::select! {
        started = start() => started?,
        () = stop.asked() => return Ok(ExitCode::FAILURE),
    };
    let mut command = sandbox.command(program);
    command.args(arguments).env("SANDBOX_PYTHON", sandbox.tool("python"));
    let mut child = match Command::from(command).kill_on_drop(true).spawn() {
        Ok(child) => child,
        Err(error) => {
            eprintln!("sandbox: running {program}: {error}");
            return Ok(ExitCode::from(EXIT_NOT_RUN));
        }
    };
    // A Ctrl-C reaches the command as well, which decides itself when it ends.
    let status = tokio::select! {
        status = wait_through_interrupts(&mut child, &mut stop.interrupt) => status,
        _ = stop.terminate.recv() => return Ok(ExitCode::FAILURE),
    };
    Ok(status.map_or(ExitCode::FAILURE, exit_code))
}

async fn start() -> Result<Sandbox, Error> {
    let begin = Instant::now();
    let sandbox = Sandbox::start().await?;
    eprintln!("sandbox: ready after {:.1} s", begin.elapsed().as_secs_f64());
    Ok(sandbox)
}

async fn wait_through_interrupts(
    child: &mut tokio::process::Child,
    interrupt: &mut Signal,
) -> std::io::Result<ExitStatus> {
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = interrupt.recv() => {}
        }
    }
}

/// What asks the sandbox to end.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
}

impl Stop {
    fn new() -> Result<Self, Error> {
        let listen = |kind| signal(kind).map_err(|error| Error::new("listening for signals", error));
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())? })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// As a shell has it: 128 and the signal's number for what a signal ended.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    ExitCode::from(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1))
}

/// Quoted for a shell.
fn quoted(value: &str) -> String {
    format!("'{}'", value.replace('\'', "'\\''"))
}

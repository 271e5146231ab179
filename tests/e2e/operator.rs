//! Our binary as a process: started, stopped, killed.

use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::guarded::Guarded;
use crate::http;
use crate::world::{World, output, until};

const LOG_LINES_SHOWN: usize = 25;
const STOP_TIMEOUT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(5);
const STARTS_MAX: u32 = 3;

/// A running operator. Dropping it kills it, and prints the end of its log if the test has failed.
pub struct Operator {
    /// What its AWS calls are signed with: `operator-<namespace>`.
    pub access_key: String,
    /// Where it serves /healthz, /readyz and /metrics: `127.0.0.1:<port>`.
    pub address: String,
    log: PathBuf,
    process: Guarded,
}

impl Operator {
    /// Starts one for this namespace alone, with the rights of an administrator, and waits until it is ready. Flags
    /// are added as they are.
    pub async fn start(world: &World, namespace: &str, flags: &[&str]) -> Self {
        Self::launch(world, namespace, |command, address| {
            command.args(["run", "--namespace", namespace, "--log-format", "text", "--listen", address]).args(flags);
        })
        .await
    }

    /// Installs the chart for this namespace, and starts what it says: its arguments and environment, with the rights of its ServiceAccount.
    pub async fn start_as_chart(world: &World, namespace: &str) -> Self {
        Self::start_as_chart_with(world, namespace, &[]).await
    }

    /// The same with further values, as Helm's arguments.
    pub async fn start_as_chart_with(world: &World, namespace: &str, values: &[&str]) -> Self {
        helm(world, namespace, &[&["install", "sfe", CHART, "--create-namespace"][..], values].concat()).await;
        Self::start_as_installed(world, namespace).await
    }

    /// Starts what the chart said when it was installed for this namespace.
    pub async fn start_as_installed(world: &World, namespace: &str) -> Self {
        let system = system(namespace);
        let selector = ["--namespace", &system, "--selector", "app.kubernetes.io/instance=sfe", "--output", "json"];
        let found = world.kubectl(["get", "deployment"].into_iter().chain(selector));
        let found: Value = serde_json::from_str(&found).unwrap();
        let pod = &found["items"][0]["spec"]["template"]["spec"];
        let account = pod["serviceAccountName"].as_str().unwrap_or_else(|| panic!("the chart has no account: {found}"));
        let token = world.kubectl(["create", "token", account, "--namespace", &system]);
        let kubeconfig = world.sandbox.kubeconfig_for(&system, token.trim()).unwrap();
        let container = &pod["containers"][0];
        let arguments = strings(&container["args"]);
        // The port that the pod's probes ask is one of this machine's, which something else may have.
        assert!(!arguments.iter().any(|flag| flag.starts_with("--listen")), "a test can't choose the port: {pod}");
        Self::launch(world, namespace, |command, address| {
            command.args(&arguments).env("KUBECONFIG", &kubeconfig).env("SFE_LISTEN", address);
            command.env_remove("SFE_LEADER_ELECTION");
            for variable in container["env"].as_array().map(Vec::as_slice).unwrap_or_default() {
                let value = variable["value"].as_str().unwrap_or_else(|| panic!("no value is known of {variable}"));
                command.env(variable["name"].as_str().unwrap(), value);
            }
        })
        .await
    }

    /// `configure` gets the command, in the sandbox's environment, and where it should listen.
    pub async fn launch(world: &World, name: &str, configure: impl Fn(&mut Command, &str)) -> Self {
        let mut start = 1;
        loop {
            let mut operator = Self::spawn(world, name, &configure);
            match operator.until_ready().await {
                Ok(()) => return operator,
                // Someone else took the port between our look and the operator's.
                Err(said) if said.contains("in use") && start < STARTS_MAX => start += 1,
                Err(said) => panic!("the operator of {name} ended: {said}"),
            }
        }
    }

    fn spawn(world: &World, name: &str, configure: &impl Fn(&mut Command, &str)) -> Self {
        let access_key = format!("operator-{name}");
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string();
        let log = world.sandbox.directory().join(format!("{access_key}.log"));
        let output = File::options().create(true).append(true).open(&log).unwrap();
        let mut command = world.sandbox.command(env!("CARGO_BIN_EXE_sfe"));
        for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("SFE_")) {
            command.env_remove(variable);
        }
        // Killed and started again, it goes on at once: it is the only one of its namespace, unless a test says otherwise.
        command.env("AWS_ACCESS_KEY_ID", &access_key).env("SFE_LEADER_ELECTION", "false");
        // No rate limit holds on the local AWS; a test of the operator's own says `--rate-share`.
        command.env("SFE_RATE_SHARE", "off");
        configure(&mut command, &address);
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let process = Guarded::spawn(&mut command);
        Self { access_key, address, log, process }
    }

    /// The log's end if it ends instead.
    async fn until_ready(&mut self) -> Result<(), String> {
        let url = format!("http://{}/readyz", self.address);
        until("the operator is ready", async || {
            if self.process.ended().is_some() {
                return Ok(Err(self.log_end()));
            }
            match http::get(url.as_str()).try_send().await {
                Ok(answer) if answer.status == 200 => Ok(Ok(())),
                other => Err(format!("{other:?}: {}", self.log_end())),
            }
        })
        .await
    }

    /// Kills it as a machine that fails does: nothing more is done.
    pub fn kill9(mut self) {
        self.process.end();
    }

    /// Asks it to stop (SIGTERM), and waits until it has.
    pub fn stop(mut self) -> ExitStatus {
        self.signal("-TERM");
        let end = Instant::now() + STOP_TIMEOUT;
        loop {
            if let Some(status) = self.process.ended() {
                return status;
            }
            assert!(Instant::now() < end, "not stopped within {STOP_TIMEOUT:?} of SIGTERM: {}", self.log_end());
            thread::sleep(POLL);
        }
    }

    /// Sends it a signal, such as `-STOP`.
    pub fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.process.id().to_string()]).status().unwrap();
        assert!(sent.success(), "kill failed: {sent}");
    }

    /// How it has ended by itself, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended()
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// All that operators of this name have logged.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }

    /// If the test has failed.
    pub fn print_log_of_a_failure(&self) {
        if thread::panicking() {
            eprintln!("--- the end of {} ---\n{}\n---", self.log.display(), self.log_end());
        }
    }
}

/// This repository's.
pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/stepfunction-endpoint");

/// Where the chart for this namespace is installed.
fn system(namespace: &str) -> String {
    format!("{namespace}-operator")
}

/// Helm, in a namespace of its own for the operator of another one. No kubelet runs, so no pod does.
pub async fn helm(world: &World, namespace: &str, arguments: &[&str]) {
    let tools = sfe_sandbox::helm_tools().await.unwrap_or_else(|error| panic!("no Helm: {error}"));
    let mut helm = world.sandbox.command(tools.helm);
    for (variable, directory) in
        [("HELM_CACHE_HOME", "cache"), ("HELM_CONFIG_HOME", "config"), ("HELM_DATA_HOME", "data")]
    {
        helm.env(variable, world.sandbox.directory().join("helm").join(directory));
    }
    helm.arg(arguments[0]).args(["--namespace", &system(namespace)]);
    if arguments[0] != "uninstall" {
        // The sandbox has the CRD already. Nothing else differs from what a person installs who lets manifests name Secrets.
        let watched = format!("watchNamespace={namespace}");
        for value in [
            "publishConfigMaps=true",
            "secrets.enabled=true",
            "crds.install=false",
            "image.repository=none",
            "rateShare=off",
            "logFormat=text",
            &watched,
        ] {
            helm.args(["--set", value]);
        }
    }
    helm.args(&arguments[1..]);
    output(&mut helm, "").unwrap_or_else(|said| panic!("{said}"));
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.process.end();
        self.print_log_of_a_failure();
    }
}

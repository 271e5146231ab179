//! A Kubernetes API server and an AWS to run against, without Docker and without an account.
//!
//! Always so:
//! - Everything listens on the loopback address only, and lives in one scratch directory in the system's temporary
//!   directory.
//! - When the process that started a sandbox ends, in whatever way, the sandbox's processes end and its directory goes.
//! - A person's own kubeconfig, AWS configuration and credentials are neither read nor written.
//! - Sandboxes share nothing but the programs they are made of, so any number may run at once.
//!
//! Not there: no kubelet and no controller manager, so Pods don't run, a deleted Namespace stays Terminating, and what
//! is owned isn't deleted with its owner. LocalStack enforces neither IAM policies, authorizers nor throttling.
//!
//! The programs are built once into `target/sandbox` of the workspace, or into the directory that `SFE_SANDBOX_DIR`
//! names. With `SFE_SANDBOX_KEEP` set, scratch directories stay, with the logs in them.

mod aws;
mod error;
mod gate;
mod http;
mod kubernetes;
mod ports;
mod progress;
mod supervisor;
mod tools;

use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

pub use aws::{Call, IntegrationRequest, Params, Rendered, Rendering};
pub use error::Error;
pub use gate::Gate;
pub use tools::{HelmTools, actionlint, helm_tools};

use error::Failed;
use kubernetes::Access;
use ports::Ports;
use supervisor::Supervisor;
use tools::Tools;

const STARTS_MAX: u32 = 3;
/// How the variables begin that lead an SDK, kubectl or Helm to what is a person's own.
const ELSEWHERE: [&str; 4] = ["AWS_", "KUBE", "HELM_KUBE", "HELM_NAMESPACE"];

/// A running etcd, kube-apiserver and LocalStack. Dropping it ends them and waits until they are gone.
pub struct Sandbox {
    access: Access,
    aws_endpoint: String,
    gate: Gate,
    kubeconfig: PathBuf,
    localstack_port: u16,
    supervisor: Supervisor,
    tools: Tools,
}

/// Builds or finds what a sandbox is made of. The first time this takes minutes, and says on standard error what it
/// does; later it only looks whether all is there. [`Sandbox::start`] does the same.
///
/// # Errors
///
/// No Go or no Python 3.13, with a hint what to install, or a build that fails, with the end of its output.
pub async fn prepare() -> Result<(), Error> {
    tools::prepare().await.map(|_| ())
}

impl Sandbox {
    /// Starts one and waits until all of it answers and the CRDs in the workspace's `crds/*.yaml` are established;
    /// without that directory there are none.
    ///
    /// # Errors
    ///
    /// Those of [`prepare`], or a program that ends or doesn't answer within a minute, with the end of its log.
    pub async fn start() -> Result<Self, Error> {
        let tools = tools::prepare().await?;
        let mut start = 1;
        loop {
            match Self::start_with(&tools).await {
                Err(error) if error.is_port_taken() && start < STARTS_MAX => start += 1,
                outcome => return outcome,
            }
        }
    }

    async fn start_with(tools: &Tools) -> Result<Self, Error> {
        let scratch = supervisor::scratch_directory()?;
        let ports = Ports::choose()?;
        let gate = Gate::open(SocketAddr::from((Ipv4Addr::LOCALHOST, ports.localstack)))?;
        let access = Access::new(tools, &ports)?;
        let kubeconfig = access.write_kubeconfig(&scratch, "admin", &access.token)?;
        for empty in ["aws-config", "aws-credentials"] {
            fs::write(scratch.join(empty), "").failed(|| format!("writing {empty}"))?;
        }
        let mut processes = kubernetes::processes(tools, &ports, &access, &scratch)?;
        processes.push(aws::process(tools, &ports, gate.port(), &scratch)?);
        let supervisor = Supervisor::start(&tools.python, scratch, &processes)?;
        let crds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crds");
        tokio::try_join!(
            kubernetes::ready(&supervisor, &tools.kubectl, &kubeconfig, ports.kube_apiserver, &crds),
            aws::ready(&supervisor, ports.localstack),
        )?;
        Ok(Self {
            access,
            aws_endpoint: format!("http://127.0.0.1:{}", gate.port()),
            gate,
            kubeconfig,
            localstack_port: ports.localstack,
            supervisor,
            tools: tools.clone(),
        })
    }

    /// The kubeconfig of an administrator (`system:masters`); its context is `sandbox`.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Writes the kubeconfig of whoever holds a token, such as one that `kubectl create token` made for a
    /// ServiceAccount.
    ///
    /// # Errors
    ///
    /// The name is no file name, or the file can't be written.
    pub fn kubeconfig_for(&self, name: &str, token: &str) -> Result<PathBuf, Error> {
        if name.is_empty() || name.contains('/') {
            return Err(Error::new("writing a kubeconfig", format!("not a file name: {name}")));
        }
        self.access.write_kubeconfig(self.supervisor.scratch(), name, token)
    }

    /// The API server's URL, such as `https://127.0.0.1:40123`.
    #[must_use]
    pub fn api_server(&self) -> &str {
        &self.access.server
    }

    /// The certificate, in PEM, that the API server's is signed with.
    #[must_use]
    pub fn ca_certificate(&self) -> &str {
        &self.access.ca
    }

    /// The endpoint of every AWS service, such as `http://127.0.0.1:40124`. It leads through the gate that
    /// [`aws_reachable`](Self::aws_reachable) shuts.
    #[must_use]
    pub fn aws_endpoint(&self) -> &str {
        &self.aws_endpoint
    }

    /// The same, but past the gate: where a proxy of a test's own leads to.
    #[must_use]
    pub fn aws_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.localstack_port))
    }

    /// The URL of a path under a REST API's stage. The path may start with a slash or not, and may end with a query
    /// string.
    #[must_use]
    pub fn stage_url(&self, api_id: &str, stage: &str, path: &str) -> String {
        format!("{}/restapis/{api_id}/{stage}/_user_request_/{}", self.aws_endpoint, path.trim_start_matches('/'))
    }

    /// Lets calls through to AWS (`true`), or has them refused (`false`) without LocalStack losing its state. The
    /// sandbox's own records stay readable.
    ///
    /// # Errors
    ///
    /// The port can't be bound again.
    pub async fn aws_reachable(&self, reachable: bool) -> Result<(), Error> {
        self.gate.set_open(reachable).await
    }

    /// The variables by which kubectl, the AWS SDKs and our own program find the sandbox. [`command`](Self::command)
    /// also takes away what could lead elsewhere.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let scratch = self.supervisor.scratch();
        [
            ("KUBECONFIG", self.kubeconfig.display().to_string()),
            ("KUBECACHEDIR", scratch.join("kube-cache").display().to_string()),
            ("AWS_ENDPOINT_URL", self.aws_endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", "test".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
            ("AWS_REGION", "eu-central-1".to_owned()),
            ("AWS_EC2_METADATA_DISABLED", "true".to_owned()),
            ("AWS_CONFIG_FILE", scratch.join("aws-config").display().to_string()),
            ("AWS_SHARED_CREDENTIALS_FILE", scratch.join("aws-credentials").display().to_string()),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    /// A command with [`environment`](Self::environment) and with none of this process's own variables for Kubernetes
    /// or AWS; kubectl comes first on its PATH.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        for (name, _) in env::vars_os() {
            let leads_elsewhere =
                name.to_str().is_some_and(|name| ELSEWHERE.iter().any(|start| name.starts_with(start)));
            if leads_elsewhere {
                command.env_remove(name);
            }
        }
        let path = env::var_os("PATH").unwrap_or_default();
        let directories = self.tools.kubectl.parent().map(Path::to_path_buf).into_iter().chain(env::split_paths(&path));
        // A directory with a colon in its name can't stand in a PATH, which then stays as it is.
        command.env("PATH", env::join_paths(directories).unwrap_or(path));
        command.envs(self.environment());
        command
    }

    /// The path of `kubectl`, `kube-apiserver`, `etcd`, or of a program in LocalStack's Python environment such as
    /// `python` or `microburst`.
    #[must_use]
    pub fn tool(&self, name: &str) -> PathBuf {
        match name {
            "kubectl" => self.tools.kubectl.clone(),
            "kube-apiserver" => self.tools.kube_apiserver.clone(),
            "etcd" => self.tools.etcd.clone(),
            _ => self.tools.python.with_file_name(name),
        }
    }

    /// What LocalStack, kube-apiserver and etcd print, in `localstack.log`, `kube-apiserver.log` and `etcd.log`, is in
    /// this directory. Files may be added to it.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.supervisor.scratch()
    }

    /// What API Gateway sent to AWS services after the request of this index, oldest first; all of it after 0. The
    /// oldest of more than 100 000 are lost.
    ///
    /// # Errors
    ///
    /// LocalStack doesn't answer.
    pub async fn requests_after(&self, index: u64) -> Result<Vec<IntegrationRequest>, Error> {
        aws::requests_after(self.localstack_port, index).await
    }

    /// The calls of AWS APIs after the call of this index, oldest first; all of them after 0. The oldest of more than
    /// 100 000 are lost.
    ///
    /// # Errors
    ///
    /// LocalStack doesn't answer.
    pub async fn calls_after(&self, index: u64) -> Result<Vec<Call>, Error> {
        aws::calls_after(self.localstack_port, index).await
    }

    /// Delays each call of an AWS API by this many milliseconds, at most 60 000, from now on. Invocations of stages are
    /// not delayed.
    ///
    /// # Errors
    ///
    /// LocalStack doesn't answer, or it is too long.
    pub async fn set_latency(&self, ms: u64) -> Result<(), Error> {
        aws::set_latency(self.localstack_port, ms).await
    }

    /// Renders a mapping template as LocalStack does for a stage's invocation, for what can't be made to happen there.
    ///
    /// # Errors
    ///
    /// LocalStack doesn't answer, or the template fails, with the engine's words.
    pub async fn render(&self, rendering: &Rendering<'_>) -> Result<Rendered, Error> {
        aws::render(self.localstack_port, rendering).await
    }
}

use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::process::Command;

use crate::error::{Error, Failed};
use crate::ports::Ports;
use crate::supervisor::{Process, Supervisor};
use crate::tools::{Tools, run};

const ETCD: &str = "etcd";
const KUBE_APISERVER: &str = "kube-apiserver";
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(100);
const ESTABLISHED_TIMEOUT: &str = "--timeout=30s";
const ESTABLISHED_WITHIN: Duration = Duration::from_secs(30);

/// How the admin's kubeconfig and the API server are reached.
pub(crate) struct Access {
    pub server: String,
    pub token: String,
    pub ca: String,
}

impl Access {
    pub fn new(tools: &Tools, ports: &Ports) -> Result<Self, Error> {
        let ca_path = tools.certificates.join("ca.crt");
        Ok(Self {
            server: format!("https://127.0.0.1:{}", ports.kube_apiserver),
            token: random_token()?,
            ca: fs::read_to_string(&ca_path).failed(|| format!("reading {}", ca_path.display()))?,
        })
    }

    /// Writes a kubeconfig of this name for whoever holds the token, into the directory that also holds the CA's
    /// certificate.
    pub fn write_kubeconfig(&self, scratch: &Path, name: &str, token: &str) -> Result<PathBuf, Error> {
        let ca = scratch.join("ca.crt");
        // JSON is YAML, and needs no second library to be written.
        let kubeconfig = json!({
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "sandbox", "cluster": {"server": self.server, "certificate-authority": ca}}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": name, "namespace": "default"}}],
            "current-context": "sandbox",
        });
        let path = scratch.join(format!("kubeconfig-{name}"));
        let failed = || format!("writing {}", path.display());
        fs::write(&ca, &self.ca).failed(failed)?;
        fs::write(&path, serde_json::to_vec_pretty(&kubeconfig).failed(failed)?).failed(failed)?;
        Ok(path)
    }
}

pub(crate) fn processes(tools: &Tools, ports: &Ports, access: &Access, scratch: &Path) -> Result<Vec<Process>, Error> {
    let tokens = scratch.join("tokens.csv");
    fs::write(&tokens, format!("{},admin,admin,\"system:masters\"\n", access.token))
        .failed(|| format!("writing {}", tokens.display()))?;
    let etcd_url = format!("http://127.0.0.1:{}", ports.etcd);
    let service_account_key = tools.certificates.join("service-account.key").display().to_string();
    let etcd = vec![
        tools.etcd.display().to_string(),
        format!("--data-dir={}", scratch.join(ETCD).display()),
        format!("--listen-client-urls={etcd_url}"),
        format!("--advertise-client-urls={etcd_url}"),
        format!("--listen-peer-urls=http://127.0.0.1:{}", ports.etcd_peer),
        "--unsafe-no-fsync".to_owned(),
        "--log-level=error".to_owned(),
    ];
    let kube_apiserver = vec![
        tools.kube_apiserver.display().to_string(),
        format!("--etcd-servers={etcd_url}"),
        "--bind-address=127.0.0.1".to_owned(),
        format!("--secure-port={}", ports.kube_apiserver),
        format!("--cert-dir={}", scratch.display()),
        format!("--tls-cert-file={}", tools.certificates.join("apiserver.crt").display()),
        format!("--tls-private-key-file={}", tools.certificates.join("apiserver.key").display()),
        format!("--service-account-issuer={}", access.server),
        format!("--service-account-key-file={service_account_key}"),
        format!("--service-account-signing-key-file={service_account_key}"),
        "--authorization-mode=RBAC".to_owned(),
        format!("--token-auth-file={}", tokens.display()),
        "--service-cluster-ip-range=10.0.0.0/24".to_owned(),
        // No controller makes a ServiceAccount's token here, for which this admission would wait.
        "--disable-admission-plugins=ServiceAccount".to_owned(),
        "--allow-privileged=true".to_owned(),
    ];
    let env = BTreeMap::from([("HOME".to_owned(), scratch.display().to_string())]);
    Ok(vec![
        Process { name: ETCD, argv: etcd, env: env.clone() },
        Process { name: KUBE_APISERVER, argv: kube_apiserver, env },
    ])
}

/// Waits until the API server says that it's ready and has made the namespace `default`, then applies the CRDs in the
/// directory, if there are any.
pub(crate) async fn ready(
    supervisor: &Supervisor,
    kubectl: &Path,
    kubeconfig: &Path,
    port: u16,
    crds: &Path,
) -> Result<(), Error> {
    let until = Instant::now() + READY_TIMEOUT;
    let mut answer = Err(Error::new("connecting to kube-apiserver", "nothing listens"));
    loop {
        supervisor.check(ETCD)?;
        supervisor.check(KUBE_APISERVER)?;
        if tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            answer = answers(kubectl, kubeconfig).await;
        }
        if answer.is_ok() {
            break;
        }
        if Instant::now() > until {
            let log = supervisor.log_end(KUBE_APISERVER);
            return answer.map_err(|error| Error::new("waiting for kube-apiserver", format!("{error}\n{log}")));
        }
        tokio::time::sleep(POLL).await;
    }
    apply_crds(kubectl, kubeconfig, crds).await
}

async fn answers(kubectl: &Path, kubeconfig: &Path) -> Result<(), Error> {
    run(command(kubectl, kubeconfig).args(["get", "--raw", "/readyz"])).await?;
    run(command(kubectl, kubeconfig).args(["get", "--raw", "/api/v1/namespaces/default"])).await?;
    Ok(())
}

async fn apply_crds(kubectl: &Path, kubeconfig: &Path, crds: &Path) -> Result<(), Error> {
    let is_yaml = |entry: &fs::DirEntry| entry.path().extension().is_some_and(|extension| extension == "yaml");
    let has_any = fs::read_dir(crds).is_ok_and(|entries| entries.flatten().any(|entry| is_yaml(&entry)));
    if !has_any {
        return Ok(());
    }
    run(command(kubectl, kubeconfig).args(["apply", "--server-side", "--validate=false", "-f"]).arg(crds)).await?;
    let deadline = Instant::now() + ESTABLISHED_WITHIN;
    loop {
        let wait = ["wait", "--for=condition=Established", ESTABLISHED_TIMEOUT, "-f"];
        match run(command(kubectl, kubeconfig).args(wait).arg(crds)).await {
            Ok(_) => return Ok(()),
            // kubectl gives up on an object that has no conditions at all yet: it is asked again.
            Err(error) if Instant::now() > deadline || !error.to_string().contains("conditions accessor") => {
                return Err(error);
            }
            Err(_) => {}
        }
    }
}

/// kubectl keeps a cache of what it discovered in its home, which would else be the person's.
fn command(kubectl: &Path, kubeconfig: &Path) -> Command {
    let mut command = Command::new(kubectl);
    command.env_clear().arg("--kubeconfig").arg(kubeconfig);
    if let Some(scratch) = kubeconfig.parent() {
        command.env("HOME", scratch);
    }
    command
}

/// Other users of the machine reach the API server's port too.
fn random_token() -> Result<String, Error> {
    let mut bytes = [0_u8; 16];
    fs::File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .failed(|| "reading /dev/urandom".to_owned())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};
use std::{env, fs};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::error::{Error, Failed};
use crate::http::request;
use crate::ports::Ports;
use crate::supervisor::{Process, Supervisor};
use crate::tools::Tools;

const LAUNCHER: &str = include_str!("../localstack.py");
const LOCALSTACK: &str = "localstack";
const READY_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(50);

/// A request as API Gateway sent it to an AWS service, recorded before the service read it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct IntegrationRequest {
    /// Counts from 1 for each sandbox, without gaps.
    pub index: u64,
    /// When it left the gateway, in milliseconds since 1970.
    pub time_ms: u64,
    /// `$context.requestId`, which the client is told in `x-amzn-RequestId`.
    pub request_id: String,
    /// The REST API's id.
    pub api_id: String,
    /// The stage's name.
    pub stage: String,
    /// The resource as the API has it, such as `/orders/{id}`.
    pub resource_path: Option<String>,
    /// The client's HTTP method.
    pub http_method: String,
    /// The action in the integration's URI, such as `StartExecution`; none where the URI names a path.
    pub action: Option<String>,
    /// The X-Amz-Target header that says so to the service, such as `AWSStepFunctions.StartExecution`.
    pub target: Option<String>,
    /// The rendered mapping template, character by character.
    pub body: String,
}

/// A call of an AWS API from outside of LocalStack: neither a stage's invocation nor what an integration calls.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Call {
    /// Counts from 1 for each sandbox, without gaps.
    pub index: u64,
    /// When it came in, in milliseconds since 1970.
    pub time_ms: u64,
    /// The service as the SDKs call it, such as `apigateway` or `stepfunctions`.
    pub service: String,
    /// The operation, such as `CreateRestApi`.
    pub operation: String,
    /// The access key id that it was signed with, by which callers are told apart. Any word but a number of 12 digits
    /// means the account 000000000000.
    pub access_key: Option<String>,
}

/// A mapping template and what it is given. All but the template may be left at their default.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Rendering<'a> {
    /// The template of a request or of a response.
    pub template: &'a str,
    /// `$input.body`.
    pub body: &'a str,
    /// `$input.params()`.
    pub params: Params,
    /// `$context`, an object.
    pub context: Value,
    /// `$stageVariables`.
    #[serde(rename = "stageVariables")]
    pub stage_variables: BTreeMap<String, String>,
}

/// The parameters of a request by their source.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Params {
    /// `$input.params().path`
    pub path: BTreeMap<String, String>,
    /// `$input.params().querystring`
    pub querystring: BTreeMap<String, String>,
    /// `$input.params().header`, the names in the case that the client wrote.
    pub header: BTreeMap<String, String>,
}

/// What a mapping template rendered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct Rendered {
    /// The text, character by character.
    pub text: String,
    /// `$context.responseOverride.status`, if the template set it to something that AWS heeds.
    pub status_override: Option<u16>,
    /// What the template set below `$context.responseOverride.header`, by name.
    pub headers: BTreeMap<String, String>,
}

pub(crate) fn process(tools: &Tools, ports: &Ports, gate_port: u16, scratch: &Path) -> Result<Process, Error> {
    let launcher = scratch.join("localstack.py");
    fs::write(&launcher, LAUNCHER).failed(|| format!("writing {}", launcher.display()))?;
    let tmp = scratch.join("tmp");
    fs::create_dir(&tmp).failed(|| format!("making the directory {}", tmp.display()))?;
    let env = [
        ("HOME", scratch.display().to_string()),
        ("PATH", env::var("PATH").unwrap_or_default()),
        ("TMPDIR", tmp.display().to_string()),
        ("FILESYSTEM_ROOT", scratch.join("filesystem").display().to_string()),
        ("DNS_ADDRESS", "0".to_owned()),
        ("DISABLE_EVENTS", "1".to_owned()),
        ("SKIP_SSL_CERT_DOWNLOAD", "1".to_owned()),
        // Loaded while kube-apiserver starts, rather than within the first call of each.
        ("EAGER_SERVICE_LOADING", "1".to_owned()),
        ("STRICT_SERVICE_LOADING", "0".to_owned()),
        ("SERVICES", "apigateway,iam,logs,stepfunctions,sts".to_owned()),
        // The default server listens on every interface, whatever GATEWAY_LISTEN says.
        ("GATEWAY_SERVER", "hypercorn".to_owned()),
        ("GATEWAY_LISTEN", format!("127.0.0.1:{}", ports.localstack)),
        ("LOCALSTACK_HOST", format!("localhost:{gate_port}")),
    ];
    Ok(Process {
        name: LOCALSTACK,
        argv: vec![tools.python.display().to_string(), "-I".to_owned(), launcher.display().to_string()],
        env: env.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
    })
}

pub(crate) async fn ready(supervisor: &Supervisor, port: u16) -> Result<(), Error> {
    let until = Instant::now() + READY_TIMEOUT;
    loop {
        supervisor.check(LOCALSTACK)?;
        match request(port, "GET", "/_localstack/health", &[]).await {
            Ok(answer) if answer.status == 200 => return Ok(()),
            _ if Instant::now() > until => {
                return Err(Error::new("waiting for LocalStack", supervisor.log_end(LOCALSTACK)));
            }
            _ => tokio::time::sleep(POLL).await,
        }
    }
}

pub(crate) async fn requests_after(port: u16, index: u64) -> Result<Vec<IntegrationRequest>, Error> {
    exchange(port, "GET", &format!("/_sandbox/requests?after={index}"), &[]).await
}

pub(crate) async fn calls_after(port: u16, index: u64) -> Result<Vec<Call>, Error> {
    exchange(port, "GET", &format!("/_sandbox/calls?after={index}"), &[]).await
}

pub(crate) async fn set_latency(port: u16, ms: u64) -> Result<(), Error> {
    let body = json!({ "ms": ms }).to_string();
    exchange::<Value>(port, "PUT", "/_sandbox/latency", body.as_bytes()).await.map(|_| ())
}

pub(crate) async fn render(port: u16, rendering: &Rendering<'_>) -> Result<Rendered, Error> {
    let body = serde_json::to_vec(rendering).failed(|| "writing a rendering".to_owned())?;
    exchange(port, "POST", "/_sandbox/render", &body).await
}

async fn exchange<T: DeserializeOwned>(port: u16, method: &str, path: &str, body: &[u8]) -> Result<T, Error> {
    let what = || format!("{method} {path} of the sandbox's LocalStack");
    let answer = request(port, method, path, body).await?;
    if answer.status != 200 {
        return Err(Error::new(what(), String::from_utf8_lossy(&answer.body)));
    }
    serde_json::from_slice(&answer.body).failed(what)
}

//! What all tests share: one sandbox, clients of its AWS and its API server, and one runtime for all of them, since a
//! connection dies with the runtime that opened it.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kube::api::{Api, DynamicObject};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::discovery::ApiResource;
use serde_json::Value;
use sfe_sandbox::{Call, Sandbox};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

/// What a wait is given that says nothing else. Most end within a second; this is for a machine that does much else.
pub const DEADLINE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);

static RUNTIME: LazyLock<Runtime> = LazyLock::new(|| {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("no runtime")
});
static WORLD: OnceCell<World> = OnceCell::const_new();

/// The sandbox and its clients.
pub struct World {
    pub sandbox: Sandbox,
    pub apigateway: aws_sdk_apigateway::Client,
    pub iam: aws_sdk_iam::Client,
    pub logs: aws_sdk_cloudwatchlogs::Client,
    pub sfn: aws_sdk_sfn::Client,
    pub kube: kube::Client,
    last_call: AtomicU64,
}

/// Runs a test in the shared world. For `#[test] fn story() { run(async |world| { ... }) }`.
pub fn run(test: impl AsyncFnOnce(&'static World)) {
    RUNTIME.block_on(async { test(World::get().await).await });
}

/// Runs a test in a world that shares nothing with the other tests: its operator may work on all namespaces.
pub fn run_in(world: &'static OnceCell<World>, test: impl AsyncFnOnce(&'static World)) {
    RUNTIME.block_on(async { test(world.get_or_init(World::start).await).await });
}

impl World {
    /// The one world, started by the first who asks.
    pub async fn get() -> &'static Self {
        WORLD.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let sandbox = Sandbox::start().await.unwrap_or_else(|error| panic!("the sandbox didn't start: {error}"));
        let config = aws_config::SdkConfig::builder()
            .behavior_version(aws_config::BehaviorVersion::latest())
            .endpoint_url(sandbox.aws_endpoint())
            .region(aws_config::Region::new("eu-central-1"))
            .credentials_provider(aws_sdk_sfn::config::SharedCredentialsProvider::new(
                aws_sdk_sfn::config::Credentials::new("the-tests", "test", None, None, "tests"),
            ))
            .build();
        let kubeconfig = Kubeconfig::read_from(sandbox.kubeconfig()).unwrap();
        let kube = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await.unwrap();
        Self {
            apigateway: aws_sdk_apigateway::Client::new(&config),
            iam: aws_sdk_iam::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            sfn: aws_sdk_sfn::Client::new(&config),
            kube: kube::Client::try_from(kube).unwrap(),
            last_call: AtomicU64::new(0),
            sandbox,
        }
    }

    /// Makes a namespace. Its name should start no other's: AWS objects are told apart by it.
    pub fn create_namespace(&self, namespace: &str) {
        self.kubectl(["create", "namespace", namespace]);
    }

    /// What kubectl prints; it must succeed.
    pub fn kubectl<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> String {
        self.kubectl_with(arguments, "").unwrap_or_else(|said| panic!("{said}"))
    }

    /// What kubectl prints, or how it fails; `input` is its standard input.
    pub fn kubectl_with<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
        input: &str,
    ) -> Result<String, String> {
        output(self.sandbox.command("kubectl").args(arguments), input)
    }

    /// `kubectl apply -f -` of one or more manifests, as YAML or JSON.
    pub fn apply(&self, namespace: &str, manifests: &str) -> String {
        self.try_apply(namespace, manifests).unwrap_or_else(|said| panic!("{said}"))
    }

    /// The same, where the API server may refuse.
    pub fn try_apply(&self, namespace: &str, manifests: &str) -> Result<String, String> {
        self.kubectl_with(["apply", "--namespace", namespace, "-f", "-"], manifests)
    }

    /// Deletes a StepFunctionEndpoint without waiting for its finalizer.
    pub fn delete(&self, namespace: &str, name: &str) {
        self.kubectl(["delete", "sfe", name, "--namespace", namespace, "--wait=false"]);
    }

    /// The StepFunctionEndpoints of a namespace.
    pub fn endpoints(&self, namespace: &str) -> Api<DynamicObject> {
        let resource = ApiResource {
            group: "sfe.dev".to_owned(),
            version: "v1alpha1".to_owned(),
            api_version: "sfe.dev/v1alpha1".to_owned(),
            kind: "StepFunctionEndpoint".to_owned(),
            plural: "stepfunctionendpoints".to_owned(),
        };
        Api::namespaced_with(self.kube.clone(), namespace, &resource)
    }

    /// A StepFunctionEndpoint as it is now; none once it is gone.
    pub async fn endpoint(&self, namespace: &str, name: &str) -> Option<Value> {
        let found = self.endpoints(namespace).get_opt(name).await;
        let found = found.unwrap_or_else(|error| panic!("reading {namespace}/{name}: {error}"));
        found.map(|object| serde_json::to_value(object).unwrap())
    }

    /// Waits until a StepFunctionEndpoint is as it is wanted, such as [`is_ready`].
    pub async fn until_endpoint(
        &self,
        namespace: &str,
        name: &str,
        what: &str,
        holds: impl Fn(&Value) -> bool,
    ) -> Value {
        let found = async || {
            let object = self.endpoint(namespace, name).await.ok_or_else(|| "no such object".to_owned())?;
            if holds(&object) { Ok(object) } else { Err(told(&object)) }
        };
        until(&format!("{namespace}/{name}: {what}"), found).await
    }

    /// Waits until its status speaks of its last change and says Ready.
    pub async fn until_ready(&self, namespace: &str, name: &str) -> Value {
        self.until_endpoint(namespace, name, "Ready", is_ready).await
    }

    /// Waits until it is gone from the API server.
    pub async fn until_gone(&self, namespace: &str, name: &str) {
        let gone = async || match self.endpoint(namespace, name).await {
            None => Ok(()),
            Some(object) => Err(told(&object)),
        };
        until(&format!("{namespace}/{name}: gone"), gone).await;
    }

    /// The local URL of a path on the stage that serves a StepFunctionEndpoint; on a guest's, that of its host.
    pub fn stage_url(&self, endpoint: &Value, path: &str) -> String {
        let url = endpoint["status"]["url"].as_str().unwrap_or_else(|| panic!("no status.url: {}", told(endpoint)));
        let (host, stage) = url.trim_start_matches("https://").split_once('/').unwrap();
        self.sandbox.stage_url(host.split('.').next().unwrap(), stage, path)
    }

    /// The index of the last AWS call, to be given to [`calls_after`](Self::calls_after).
    pub async fn last_call(&self) -> u64 {
        let known = self.last_call.load(Ordering::Relaxed);
        let last = self.sandbox.calls_after(known).await.unwrap().last().map_or(known, |call| call.index);
        self.last_call.fetch_max(last, Ordering::Relaxed);
        last
    }

    /// The AWS calls of one operator after this index, by its access key.
    pub async fn calls_after(&self, index: u64, access_key: &str) -> Vec<Call> {
        let calls = self.sandbox.calls_after(index).await.unwrap();
        calls.into_iter().filter(|call| call.access_key.as_deref() == Some(access_key)).collect()
    }
}

/// Asks until the answer is there. A wait that ends too late says what was there instead.
pub async fn until<T, E: Debug>(what: &str, ask: impl AsyncFnMut() -> Result<T, E>) -> T {
    until_within(DEADLINE, what, ask).await
}

/// The same with another deadline.
pub async fn until_within<T, E: Debug>(
    deadline: Duration,
    what: &str,
    mut ask: impl AsyncFnMut() -> Result<T, E>,
) -> T {
    let end = Instant::now() + deadline;
    loop {
        match ask().await {
            Ok(answer) => return answer,
            Err(instead) if Instant::now() > end => panic!("not within {deadline:?}: {what}: {instead:?}"),
            Err(_) => tokio::time::sleep(POLL).await,
        }
    }
}

/// Whether the status speaks of the last change and says Ready.
pub fn is_ready(endpoint: &Value) -> bool {
    let observed = &endpoint["status"]["observedGeneration"];
    *observed == endpoint["metadata"]["generation"] && condition(endpoint, "Ready")["status"] == "True"
}

/// One condition; null where there is none of this type.
pub fn condition<'a>(endpoint: &'a Value, type_: &str) -> &'a Value {
    let conditions = endpoint["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    conditions.iter().find(|condition| condition["type"] == type_).unwrap_or(&Value::Null)
}

/// The conditions in one line, for a person who asks why.
pub fn told(endpoint: &Value) -> String {
    let conditions = endpoint["status"]["conditions"].as_array().map(Vec::as_slice).unwrap_or_default();
    let told = conditions.iter().map(|condition| {
        format!("{}={} {}: {}", condition["type"], condition["status"], condition["reason"], condition["message"])
    });
    let generation = format!(
        "generation {}, observed {}",
        endpoint["metadata"]["generation"], endpoint["status"]["observedGeneration"]
    );
    [generation].into_iter().chain(told).collect::<Vec<_>>().join("; ")
}

/// What a command prints on standard output, or all that it said where it fails.
pub fn output(command: &mut Command, input: &str) -> Result<String, String> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    if output.status.success() { Ok(out.into_owned()) } else { Err(format!("{command:?}: {out}{err}")) }
}

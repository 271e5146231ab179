//! What the README quotes: AWS calls by operation, seconds from apply to Ready and from change to live, memory. `make bench` prints it of a release build, `SFE_BINARY`. On
//! the sandbox no rate limit of AWS holds; the operator's own is off unless `SFE_RATE_SHARE` says otherwise, and is printed.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Namespace};
use kube::api::{Api, DeleteParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use sfe_core::api::StepFunctionEndpoint;
use sfe_core::status::is_true;
use sfe_sandbox::Sandbox;

type Failure = Box<dyn std::error::Error>;

/// How long anything here may take.
const DEADLINE: Duration = Duration::from_secs(60);
/// How often is looked whether it is so: what every time below is exact to.
const LOOK: Duration = Duration::from_millis(5);
/// The access key by which the operator's calls are told from others.
const KEY: &str = "bench";

const SCENARIOS: [(&str, &str); 4] = [
    ("1 existing state machine", include_str!("../examples/1-existing-state-machine.yaml")),
    ("2 path, body, Cognito", include_str!("../examples/2-path-and-body-with-cognito.yaml")),
    ("3 fire and forget", include_str!("../examples/3-fire-and-forget.yaml")),
    ("4 two on one API", include_str!("../examples/4-sync-and-async-on-one-api.yaml")),
];

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let bench = Bench::start().await?;
    bench.make_existing_state_machine().await?;
    let (operator, ready) = bench.operator(&[]).await?;
    println!("rate limits of the operator: {}", rate_share());
    println!("binary ready: {:.2} s\nmemory at rest, nothing to watch: {}", ready.as_secs_f64(), memory(&operator)?);
    for (index, (name, text)) in SCENARIOS.iter().enumerate() {
        bench.scenario(&format!("scenario-{}", index + 1), name, text).await?;
    }
    bench.scenario("large", LARGE, &large()).await?;
    bench.sandbox.set_latency(50).await?;
    let slow = bench.create("slow", SCENARIOS[2].1).await?;
    println!("\n3 fire and forget, each AWS call 50 ms slower: apply to Ready {:.2} s", slow.as_secs_f64());
    bench.sandbox.set_latency(0).await?;
    let many = bench.many(20).await?;
    println!("20 at once: apply to the last Ready {:.2} s", many.as_secs_f64());
    println!("memory with 26 endpoints: {}", memory(&operator)?);
    drop(operator);
    println!("\nnothing to do, a new process, each namespace by itself:");
    for (index, (name, _)) in SCENARIOS.iter().enumerate() {
        bench.nothing_to_do(&format!("scenario-{}", index + 1), name).await?;
    }
    bench.nothing_to_do("large", LARGE).await?;
    Ok(())
}

/// The name of [`large`].
const LARGE: &str = "30 routes";

/// An API of 30 routes, each with fields of the body, the path and the query.
fn large() -> String {
    let routes = (0..30).map(|index| {
        format!(
            "  - path: /orders/{{id}}/step-{index}\n    method: POST\n    auth: {{type: NONE}}\n    input: {{fields: {{id: {{path: id}}, who: {{body: $.who}}, q: {{query: q, optional: true}}}}}}\n"
        )
    });
    let head = "apiVersion: sfe.dev/v1alpha1\nkind: StepFunctionEndpoint\nmetadata: {name: large}\nspec:\n  stateMachine:\n    definition: '{StartAt: A, States: {A: {Type: Pass, End: true}}}'\n  routes:\n";
    format!("{head}{}", routes.collect::<String>())
}

/// How many calls looked for executions, which are left out then.
fn without_looks(calls: &mut BTreeMap<String, usize>) -> usize {
    let looks = ["logs:FilterLogEvents", "stepfunctions:ListExecutions"];
    looks.iter().filter_map(|look| calls.remove(*look)).sum()
}

/// The share of AWS's rates that the operator takes.
fn rate_share() -> String {
    std::env::var("SFE_RATE_SHARE").unwrap_or_else(|_| "off".to_owned())
}

struct Bench {
    sandbox: Sandbox,
    client: Client,
}

/// An operator that ends with this value.
struct Operator(Child);

impl Drop for Operator {
    fn drop(&mut self) {
        if self.0.kill().is_ok() {
            let _ended = self.0.wait();
        }
    }
}

impl Bench {
    async fn start() -> Result<Self, Failure> {
        let sandbox = Sandbox::start().await?;
        let config = Kubeconfig::read_from(sandbox.kubeconfig())?;
        let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
        Ok(Self { sandbox, client: Client::try_from(config)? })
    }

    /// What scenario 1 refers to.
    async fn make_existing_state_machine(&self) -> Result<(), Failure> {
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .endpoint_url(self.sandbox.aws_endpoint())
            .region("eu-central-1")
            .credentials_provider(aws_sdk_sfn::config::Credentials::new("person", "test", None, None, "bench"))
            .load()
            .await;
        let request = aws_sdk_sfn::Client::new(&config).create_state_machine().name("existing");
        let definition = r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#;
        request.definition(definition).role_arn("arn:aws:iam::000000000000:role/existing").send().await?;
        Ok(())
    }

    async fn operator(&self, flags: &[&str]) -> Result<(Operator, Duration), Failure> {
        let port = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let address = format!("127.0.0.1:{port}");
        let binary = std::env::var("SFE_BINARY").unwrap_or_else(|_| env!("CARGO_BIN_EXE_sfe").to_owned());
        let mut command: Command = self.sandbox.command(binary);
        command.args(["run", "--listen", &address, "--cluster-id", "bench"]).args(flags);
        command.env("SFE_RATE_SHARE", rate_share());
        // One alone, killed and started again: it waits for no Lease of the one before.
        command.env("AWS_ACCESS_KEY_ID", KEY).env("SFE_LEADER_ELECTION", "false").stderr(Stdio::null());
        let begin = Instant::now();
        let operator = Operator(command.spawn()?);
        until("the operator to be ready", async || Ok(is_ready(&address).then_some(()))).await?;
        Ok((operator, begin.elapsed()))
    }

    async fn scenario(&self, namespace: &str, name: &str, text: &str) -> Result<(), Failure> {
        let at = self.last_call().await?;
        let ready = self.create(namespace, text).await?;
        let calls = self.calls_after(at).await?;
        let at = self.last_call().await?;
        let live = self.change(namespace).await?;
        let mut change = self.calls_after(at).await?;
        without_looks(&mut change);
        println!("\n{name}: apply to Ready {:.2} s, change to live {:.2} s", ready.as_secs_f64(), live.as_secs_f64());
        println!("  {}\n  to change one route: {}", listed(&calls), listed(&change));
        Ok(())
    }

    /// Applies the manifests, the endpoints at last, and waits until all are Ready.
    async fn create(&self, namespace: &str, text: &str) -> Result<Duration, Failure> {
        self.make_namespace(namespace).await?;
        let documents: Vec<Value> = text.split("\n---\n").map(serde_saphyr::from_str).collect::<Result<_, _>>()?;
        let begin = Instant::now();
        let endpoints = self.apply(namespace, &documents).await?;
        for name in endpoints {
            self.until_ready(namespace, &name).await?;
        }
        Ok(begin.elapsed())
    }

    async fn make_namespace(&self, name: &str) -> Result<(), Failure> {
        let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        namespaces.create(&PostParams::default(), &Namespace { metadata, ..Namespace::default() }).await?;
        Ok(())
    }

    async fn apply(&self, namespace: &str, documents: &[Value]) -> Result<Vec<String>, Failure> {
        let (parameters, mut endpoints) = (PatchParams::apply("bench"), Vec::new());
        for document in documents {
            let name = document["metadata"]["name"].as_str().ok_or("a manifest has no name")?;
            if document["kind"] == "ConfigMap" {
                let api: Api<ConfigMap> = Api::namespaced(self.client.clone(), namespace);
                api.patch(name, &parameters, &Patch::Apply(document)).await?;
            } else {
                self.endpoints(namespace).patch(name, &parameters, &Patch::Apply(document)).await?;
                endpoints.push(name.to_owned());
            }
        }
        Ok(endpoints)
    }

    fn endpoints(&self, namespace: &str) -> Api<StepFunctionEndpoint> {
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn until_ready(&self, namespace: &str, name: &str) -> Result<(), Failure> {
        let api = self.endpoints(namespace);
        until(&format!("{namespace}/{name} to be Ready"), async || {
            let object = api.get(name).await?;
            let current = |status: &sfe_core::api::StepFunctionEndpointStatus| {
                status.observed_generation == object.metadata.generation
                    && is_true(status, "Ready")
                    && is_true(status, "Live")
            };
            Ok(object.status.as_ref().is_some_and(current).then_some(()))
        })
        .await
    }

    /// Changes what the first route answers, and waits until the stage serves it.
    async fn change(&self, namespace: &str) -> Result<Duration, Failure> {
        let api = self.endpoints(namespace);
        let mut object = api.list(&kube::api::ListParams::default()).await?.items.remove(0);
        let name = object.metadata.name.clone().unwrap_or_default();
        let responses = object.spec.routes[0].responses.get_or_insert_default();
        responses.success.get_or_insert_default().body =
            Some(serde_json::from_value(json!({ "constant": { "changed": true } }))?);
        let patch = json!({ "spec": { "routes": object.spec.routes } });
        let begin = Instant::now();
        api.patch(&name, &PatchParams::default(), &Patch::Merge(patch)).await?;
        self.until_ready(namespace, &name).await?;
        Ok(begin.elapsed())
    }

    async fn many(&self, count: usize) -> Result<Duration, Failure> {
        self.make_namespace("many").await?;
        let one: Value = serde_saphyr::from_str(SCENARIOS[2].1)?;
        let named = |index: usize| {
            let mut manifest = one.clone();
            manifest["metadata"]["name"] = json!(format!("webhook-{index}"));
            manifest
        };
        let manifests: Vec<Value> = (0..count).map(named).collect();
        let begin = Instant::now();
        for name in self.apply("many", &manifests).await? {
            self.until_ready("many", &name).await?;
        }
        let took = begin.elapsed();
        self.endpoints("many").delete_collection(&DeleteParams::default(), &kube::api::ListParams::default()).await?;
        until("the many to be gone", async || {
            Ok(self.endpoints("many").list(&kube::api::ListParams::default()).await?.items.is_empty().then_some(()))
        })
        .await?;
        Ok(took)
    }

    async fn nothing_to_do(&self, namespace: &str, name: &str) -> Result<(), Failure> {
        let at = self.last_call().await?;
        let (_operator, _) = self.operator(&["--namespace", namespace]).await?;
        let mut last = (usize::MAX, Instant::now());
        until("the operator to be at rest", async || {
            let count = self.calls_after(at).await?.values().sum();
            if count != last.0 {
                last = (count, Instant::now());
            }
            Ok((last.1.elapsed() > Duration::from_secs(1)).then_some(()))
        })
        .await?;
        let mut calls = self.calls_after(at).await?;
        calls.retain(|operation, _| !operation.ends_with(":GetCallerIdentity")); // once a process
        let looks = without_looks(&mut calls);
        println!("{name}\n  {}; and {looks} for executions", listed(&calls));
        Ok(())
    }

    async fn last_call(&self) -> Result<u64, Failure> {
        Ok(self.sandbox.calls_after(0).await?.last().map_or(0, |call| call.index))
    }

    async fn calls_after(&self, at: u64) -> Result<BTreeMap<String, usize>, Failure> {
        let mut by_operation = BTreeMap::new();
        for call in
            self.sandbox.calls_after(at).await?.into_iter().filter(|call| call.access_key.as_deref() == Some(KEY))
        {
            *by_operation.entry(format!("{}:{}", call.service, call.operation)).or_default() += 1;
        }
        Ok(by_operation)
    }
}

async fn until<T>(what: &str, mut look: impl AsyncFnMut() -> Result<Option<T>, Failure>) -> Result<T, Failure> {
    let begin = Instant::now();
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        if begin.elapsed() > DEADLINE {
            return Err(format!("waited {} s for {what}", DEADLINE.as_secs()).into());
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn is_ready(address: &str) -> bool {
    use std::io::{Read as _, Write as _};
    let Ok(mut stream) = std::net::TcpStream::connect(address) else { return false };
    let asked = stream.write_all(b"GET /readyz HTTP/1.0\r\n\r\n");
    let mut answer = String::new();
    asked.is_ok() && stream.read_to_string(&mut answer).is_ok() && answer.contains(" 200 ")
}

fn listed(calls: &BTreeMap<String, usize>) -> String {
    let lines: Vec<String> = calls.iter().map(|(operation, count)| format!("{count} {operation}")).collect();
    format!("{} AWS calls: {}", calls.values().sum::<usize>(), lines.join(", "))
}

/// Now and at its peak, in MiB.
fn memory(operator: &Operator) -> Result<String, Failure> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", operator.0.id()))?;
    let mib = |field: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap_or("0 kB");
        line.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1024.0
    };
    Ok(format!("{:.1} MiB, {:.1} MiB at its peak", mib("VmRSS:"), mib("VmHWM:")))
}

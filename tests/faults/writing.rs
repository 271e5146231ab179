//! The API server refuses a write: the object has changed since it was read.

use std::fs;
use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::fixtures::{ORDERS, objects_of_orders, owner, writes};
use crate::http;
use crate::operator::Operator;
use crate::picture;
use crate::world::{World, until};

/// A proxy before the API server, which refuses one write as the API server does an old resourceVersion's.
struct ApiServer {
    kubeconfig: PathBuf,
    inner: Arc<Inner>,
    server: JoinHandle<()>,
}

/// Whether this status is the one.
type Which = fn(&Value) -> bool;

struct Inner {
    client: kube::Client,
    /// Which status write is refused next, by what it writes.
    refused: Mutex<Option<Which>>,
}

impl ApiServer {
    async fn open(world: &World, name: &str) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let server = format!("http://{}", listener.local_addr().unwrap());
        let kubeconfig = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "proxy",
            "clusters": [{ "name": "proxy", "cluster": { "server": server } }],
            "users": [{ "name": "proxy", "user": {} }],
            "contexts": [{ "name": "proxy", "context": { "cluster": "proxy", "user": "proxy" } }],
        });
        let path = world.sandbox.directory().join(format!("{name}.kubeconfig"));
        fs::write(&path, kubeconfig.to_string()).unwrap();
        let inner = Arc::new(Inner { client: world.kube.clone(), refused: Mutex::default() });
        let router = axum::Router::new().fallback(serve).with_state(Arc::clone(&inner));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { kubeconfig: path, inner, server }
    }

    /// The next status write of which this holds is refused, and nothing of it is written.
    fn refuse(&self, which: Which) {
        *self.inner.refused.lock().unwrap() = Some(which);
    }

    fn has_refused(&self) -> bool {
        self.inner.refused.lock().unwrap().is_none()
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    let (head, body) = request.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
    if head.method == "PATCH" && head.uri.path().ends_with("/status") && inner.refuses(&body) {
        let message = "the object has been modified; please apply your changes to the latest version and try again";
        let status = json!({
            "apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Failure",
            "reason": "Conflict", "code": 409, "message": message,
        });
        return (StatusCode::CONFLICT, [("content-type", "application/json")], status.to_string()).into_response();
    }
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let mut forward = axum::http::Request::builder().method(head.method).uri(path);
    for (name, value) in head.headers.iter().filter(|(name, _)| *name != "host") {
        forward = forward.header(name, value);
    }
    match inner.client.send(forward.body(kube::client::Body::from(body.to_vec())).unwrap()).await {
        Ok(answer) => answer.map(Body::new),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

impl Inner {
    fn refuses(&self, body: &[u8]) -> bool {
        let written: Value = serde_json::from_slice(body).unwrap_or_default();
        self.refused.lock().unwrap().take_if(|which| which(&written["status"])).is_some()
    }
}

/// The intent's write before CreateRestApi, then the first write after it. The first means that nothing is made yet; after
/// the second AWS knows what the object doesn't.
pub async fn a_conflict_on_the_status_after_a_create(world: &'static World) {
    let namespace = "faults-conflict";
    world.create_namespace(namespace);
    let api_server = ApiServer::open(world, namespace).await;
    let operator = Operator::launch(world, namespace, |command, address| {
        command.args(["run", "--namespace", namespace, "--cluster-id", namespace, "--log-format", "text"]);
        command.args(["--listen", address, "--retry-min", "100ms", "--create-settle", "1s"]);
        command.env("KUBECONFIG", &api_server.kubeconfig);
    })
    .await;
    let moments: [(&str, Which); 2] = [
        ("the intent", |status| status["api"]["createIntendedAt"].is_string() && status["api"]["restApiId"].is_null()),
        ("the id of the API", |status| status["api"]["restApiId"].is_string()),
    ];
    for (what, which) in moments {
        let from = world.last_call().await;
        api_server.refuse(which);
        world.apply(namespace, ORDERS);
        until(&format!("{what}: refused"), async || if api_server.has_refused() { Ok(()) } else { Err("not yet") })
            .await;
        let endpoint = world.until_live(namespace, "orders").await;
        let in_aws = picture::api_id(world, &owner(namespace, "orders")).await;
        assert_eq!(endpoint["status"]["api"]["restApiId"].as_str(), in_aws.as_deref(), "{what}");
        assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace), "{what}");
        let calls = world.calls_after(from, &operator.access_key).await;
        let made = writes(&calls);
        for once in ["CreateRestApi", "CreateStateMachine", "CreateDeployment", "CreateStage"] {
            assert_eq!(made.iter().filter(|made| **made == once).count(), 1, "{what}: {once} in {made:?}");
        }
        assert!(!made.iter().any(|made| made.starts_with("Delete")), "{what}: {made:?}");
        let answer = http::post(world.stage_url(&endpoint, "/orders"), "{}").send().await;
        assert_eq!(answer.status, 200, "{what}: {answer:?}");
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, [""; 0], "{what}");
    }
}

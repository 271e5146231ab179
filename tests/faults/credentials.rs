//! Credentials expire and are renewed, as those of a pod's identity are: an address that the SDK asks gives them out.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::fixtures::{ORDERS, check_same_status, differences, is_live, objects_of_orders, owner, writes};
use crate::http;
use crate::microburst::Microburst;
use crate::operator::Operator;
use crate::picture;
use crate::world::{World, condition, told, until};

/// Gives out credentials in the form of a container's endpoint: EKS Pod Identity's, and ECS's.
struct Giver {
    address: String,
    given: Arc<Mutex<Given>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Given {
    /// The access key, and how long credentials hold from when they are given. None while there are none to be had.
    credentials: Option<(String, SignedDuration)>,
    asked: usize,
}

impl Giver {
    async fn open() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = format!("http://{}/credentials", listener.local_addr().unwrap());
        let given = Arc::new(Mutex::new(Given::default()));
        let router = axum::Router::new().fallback(give).with_state(Arc::clone(&given));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, given, server }
    }

    fn gives(&self, access_key: &str, for_long: SignedDuration) {
        self.given.lock().unwrap().credentials = Some((access_key.to_owned(), for_long));
    }

    fn gives_none(&self) {
        self.given.lock().unwrap().credentials = None;
    }

    fn asked(&self) -> usize {
        self.given.lock().unwrap().asked
    }
}

impl Drop for Giver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn give(State(given): State<Arc<Mutex<Given>>>) -> Response {
    let mut given = given.lock().unwrap();
    given.asked += 1;
    let Some((access_key, for_long)) = &given.credentials else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let credentials = json!({
        "AccessKeyId": access_key, "SecretAccessKey": "test", "Token": "of-the-tests",
        "Expiration": format!("{:.0}", Timestamp::now() + *for_long),
    });
    ([("content-type", "application/json")], credentials.to_string()).into_response()
}

/// How AWS refuses calls with these credentials once they have expired.
fn expired(access_key: &str) -> Value {
    let rule = |service: &str, code: &str, status: u16| {
        json!({
            "service": service,
            "headers": { "authorization": format!("Credential={access_key}/") },
            "error": { "code": code, "status": status, "message": "The security token included in the request is expired" },
        })
    };
    json!([
        rule("iam", "ExpiredToken", 403),
        rule("apigateway", "ExpiredTokenException", 403),
        rule("stepfunctions", "ExpiredTokenException", 400),
        rule("logs", "ExpiredTokenException", 400),
    ])
}

/// First those that expire soon, while there are no others to be had; then, later, others. The operator goes on with them
/// without a restart; nothing was written meanwhile, nobody was called, and the endpoint served all the time.
pub async fn they_expire_and_are_renewed(world: &'static World) {
    let namespace = "faults-expired";
    world.create_namespace(namespace);
    let (proxy, giver) = (Microburst::start(world).await, Giver::open().await);
    let (first, renewed) = (format!("first-{namespace}"), format!("renewed-{namespace}"));
    // So short that the end of the last ones can be waited for; the SDK asks anew some seconds before it.
    giver.gives(&first, SignedDuration::from_secs(20));
    let operator = Operator::launch(world, namespace, |command, address| {
        command.args(["run", "--namespace", namespace, "--cluster-id", namespace, "--log-format", "text"]);
        command.args(["--listen", address, "--drift-interval", "1s", "--retry-min", "200ms", "--retry-max", "1s"]);
        command.env("AWS_ENDPOINT_URL", proxy.endpoint());
        command.env_remove("AWS_ACCESS_KEY_ID").env_remove("AWS_SECRET_ACCESS_KEY");
        command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", &giver.address);
    })
    .await;
    let pid = operator.pid();
    world.apply(namespace, ORDERS);
    let good = world.until_live(namespace, "orders").await;
    let (owner, url) = (owner(namespace, "orders"), world.stage_url(&good, "/orders"));
    let before = picture::of(world, &owner).await;

    giver.gives_none();
    proxy.rules(&expired(&first)).await;
    let from = world.last_call().await;
    let asked = giver.asked();
    let away = world.until_endpoint(namespace, "orders", "Reconciling", is_waiting).await;
    for known in ["url", "routes", "api", "stateMachine", "gatewayRoleArn", "workflowRoleArn", "logGroup"] {
        assert_eq!(away["status"][known], good["status"][known], "status.{known}: {}", told(&away));
    }
    assert_eq!(http::post(url.as_str(), "{}").send().await.status, 200, "the stage needs no operator");
    // A change waits.
    let change = json!({ "spec": { "stage": { "name": "blue" } } });
    let generation = world.patch(namespace, "orders", &change).await["metadata"]["generation"].clone();
    let open = |endpoint: &Value| is_waiting(endpoint) && endpoint["status"]["observedGeneration"] == generation;
    world.until_endpoint(namespace, "orders", "Reconciling the change", open).await;
    // The SDK has noticed the end as well, and asks for others in vain.
    until("asked for others", async || {
        let endpoint = world.endpoint(namespace, "orders").await.unwrap();
        assert!(is_waiting(&endpoint), "{}", told(&endpoint));
        if giver.asked() > asked + 2 { Ok(()) } else { Err(giver.asked()) }
    })
    .await;
    assert_eq!(writes(&world.calls_after(from, &first).await), [""; 0]);
    assert_eq!(differences(&picture::of(world, &owner).await, &before), [""; 0], "while there were no credentials");

    giver.gives(&renewed, SignedDuration::from_hours(1));
    let endpoint = world.until_live(namespace, "orders").await;
    assert_eq!(operator.pid(), pid);
    let answer = http::post(world.stage_url(&endpoint, "/orders"), "{}").send().await;
    assert_eq!((answer.status, endpoint["status"]["api"]["stage"].as_str()), (200, Some("blue")), "{answer:?}");
    let calls = world.calls_after(from, &renewed).await;
    let made = writes(&calls);
    assert!(made.contains(&"CreateStage") && !made.contains(&"CreateRestApi"), "{made:?}");
    assert_eq!(writes(&world.calls_after(from, &first).await), [""; 0]);
    let objects: Vec<String> = objects_of_orders(namespace).iter().map(|line| line.replace("/prod", "/blue")).collect();
    assert_eq!(world.inventory(namespace).await, objects);
    // Again: nothing, and no secret has got into the log.
    check_same_status(&world.endpoint(namespace, "orders").await.unwrap(), &endpoint, "after the renewal");
    assert!(!operator.log().contains("of-the-tests"), "the session token is in the log");
    assert!(is_live(&endpoint));
}

/// Not Ready, which nobody but time can change.
fn is_waiting(endpoint: &Value) -> bool {
    condition(endpoint, "Reconciling")["status"] == "True"
        && condition(endpoint, "Stalled").is_null()
        && condition(endpoint, "Ready")["status"] == "False"
}

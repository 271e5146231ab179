//! AWS can't be reached, or the operator is told to stop in the middle: nothing is lost, and all goes on by itself.

use std::cell::OnceCell;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sfe_sandbox::Gate;

use super::turnstile::{Nth, Release, Side, Turnstile};
use super::{ORDERS, check_same_status, is_live, objects_of_orders, owner, picture, start_through};
use crate::http;
use crate::operator::Operator;
use crate::world::{self, World, condition, told, until};

const FLAGS: [&str; 6] = ["--drift-interval", "1s", "--retry-min", "200ms", "--retry-max", "1s"];

#[test]
fn while_aws_is_away_the_last_good_status_stays() {
    world::run(async |world| {
        let namespace = "outages-away";
        world.create_namespace(namespace);
        let gate = Gate::open(world.sandbox.aws_address()).unwrap();
        let aws = format!("http://127.0.0.1:{}", gate.port());
        let operator = start_through(world, namespace, &aws, &FLAGS).await;
        world.apply(namespace, &ORDERS.replace("interval: 1h", "interval: 1s"));
        let endpoint = world.until_live(namespace, "orders").await;
        let url = world.stage_url(&endpoint, "/orders");
        assert_eq!(http::post(url.as_str(), "{}").send().await.status, 200);
        let good = world
            .until_endpoint(namespace, "orders", "one execution is told", |endpoint| {
                is_live(endpoint) && endpoint["status"]["executions"]["recent"][0]["stopDate"].is_string()
            })
            .await;

        gate.set_open(false).await.unwrap();
        let away = world.until_endpoint(namespace, "orders", "Reconciling", is_away).await;
        check_kept(&good, &away);
        let message = condition(&away, "Reconciling")["message"].as_str().unwrap();
        assert!(message.contains("AWS can't be reached"), "{message}");
        assert_eq!(http::post(url.as_str(), "{}").send().await.status, 200, "the stage needs no operator");

        // It tries again and again, and has nothing new to tell.
        // The first may have been cut off in the middle and name other reads: the second begins once the first whole one has told.
        until_failed_looks(&operator, failed_looks(&operator).await + 2).await;
        let failed = failed_looks(&operator).await;
        let before = world.endpoint(namespace, "orders").await.unwrap();
        until_failed_looks(&operator, failed + 3).await;
        let after = world.endpoint(namespace, "orders").await.unwrap();
        check_same_status(&after, &before, "three more tries");

        // A change meanwhile is told to be open, and is live soon after AWS is back.
        let change = json!({ "spec": { "stage": { "name": "blue" } } });
        let changed = world.patch(namespace, "orders", &change).await;
        let generation = &changed["metadata"]["generation"];
        let open = |endpoint: &Value| is_away(endpoint) && endpoint["status"]["observedGeneration"] == *generation;
        let away = world.until_endpoint(namespace, "orders", "Reconciling the change", open).await;
        check_kept(&good, &away);
        gate.set_open(true).await.unwrap();
        let back = world.until_live(namespace, "orders").await;
        let answer = http::post(world.stage_url(&back, "/orders"), "{}").send().await;
        assert_eq!((answer.status, back["status"]["api"]["stage"].as_str()), (200, Some("blue")), "{answer:?}");
        world
            .until_endpoint(namespace, "orders", "the executions of the meantime are told", |endpoint| {
                let executions = &endpoint["status"]["executions"];
                executions["reason"].is_null()
                    && executions["recent"].as_array().is_some_and(|recent| recent.len() == 3)
            })
            .await;

        // Deleting waits for AWS as well.
        gate.set_open(false).await.unwrap();
        world.delete(namespace, "orders");
        world
            .until_endpoint(namespace, "orders", "waits for AWS to be deleted", |endpoint| {
                is_away(endpoint) && endpoint["metadata"]["deletionTimestamp"].is_string()
            })
            .await;
        gate.set_open(true).await.unwrap();
        world.until_gone(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, [""; 0]);
    });
}

/// Not Ready, and that is nobody's fault.
fn is_away(endpoint: &Value) -> bool {
    condition(endpoint, "Reconciling")["status"] == "True"
        && condition(endpoint, "Stalled").is_null()
        && condition(endpoint, "Ready")["status"] == "False"
}

/// What was known is still told.
fn check_kept(good: &Value, now: &Value) {
    for member in ["url", "routes", "api", "stateMachine", "gatewayRoleArn", "workflowRoleArn", "logGroup"] {
        assert_eq!(now["status"][member], good["status"][member], "status.{member}: {}", told(now));
    }
    let recent = |endpoint: &Value| endpoint["status"]["executions"]["recent"].clone();
    assert_eq!(recent(now), recent(good), "status.executions.recent: {}", told(now));
    assert_eq!(condition(now, "Live")["status"], "True", "what was live still is: {}", told(now));
}

async fn until_failed_looks(operator: &Operator, count: u64) {
    until("enough tries", async || {
        let now = failed_looks(operator).await;
        if now >= count { Ok(()) } else { Err((count, now)) }
    })
    .await;
}

/// How often it has failed to look at the REST APIs, by its own metrics: not at all as long as there is no such line.
async fn failed_looks(operator: &Operator) -> u64 {
    let metrics = http::get(format!("http://{}/metrics", operator.address)).send().await.body;
    let of_failed_looks = r#"sfe_aws_calls_total{operation="apigateway:GetRestApis",result="failed"}"#;
    let line = metrics.lines().find(|line| line.starts_with(of_failed_looks));
    line.map_or(0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}

#[test]
fn an_operator_that_starts_before_aws_comes_up_with_it() {
    world::run(async |world| {
        let namespace = "outages-at-start";
        world.create_namespace(namespace);
        world.apply(namespace, ORDERS);
        let gate = Gate::open(world.sandbox.aws_address()).unwrap();
        gate.set_open(false).await.unwrap();
        let aws = format!("http://127.0.0.1:{}", gate.port());
        let address = OnceCell::new();
        let start = Operator::launch(world, namespace, |command, listen| {
            address.set(listen.to_owned()).expect("one start is enough");
            command.args(["run", "--namespace", namespace, "--cluster-id", namespace, "--log-format", "text"]);
            command.args(["--listen", listen]).env("AWS_ENDPOINT_URL", &aws);
        });
        let open = async {
            let answers = async |path: &str, status: u16| {
                until(&format!("{path} answers {status} without AWS"), async || {
                    let address = address.get().ok_or("no address yet")?;
                    match http::get(format!("http://{address}{path}")).try_send().await {
                        Ok(answer) if answer.status == status => Ok(()),
                        _ => Err("no such answer"),
                    }
                })
                .await;
            };
            // Alive, so that it isn't restarted, but not ready.
            answers("/healthz", 200).await;
            answers("/readyz", 503).await;
            gate.set_open(true).await.unwrap();
        };
        let (operator, ()) = tokio::join!(start, open);
        world.until_live(namespace, "orders").await;
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert!(operator.stop().success());
    });
}

#[test]
fn a_stop_in_the_middle_of_creating_loses_nothing() {
    world::run(async |world| {
        let namespace = "outages-stop";
        world.create_namespace(namespace);
        let turnstile = Turnstile::open(world.sandbox.aws_address()).await;
        // The settling time of a lost CreateRestApi, 15 s, is never waited for: its answer is kept.
        for call in ["CreateRole ", "CreateLogGroup ", "POST /restapis", "CreateStateMachine ", "PUT /restapis/"] {
            stop_during(world, namespace, &turnstile, call).await;
        }
    });
}

async fn stop_during(world: &World, namespace: &str, turnstile: &Turnstile, call: &'static str) {
    world.apply(namespace, ORDERS);
    let mut held = turnstile.hold(Nth::Named(call), Side::After);
    let operator = start_through(world, namespace, turnstile.endpoint(), &[]).await;
    held.reached().await;
    let stops = || operator.log().matches("stopping").count();
    let (before, asked) = (stops(), Instant::now());
    operator.signal("-TERM");
    // What is in flight ends and nothing more begins: the stop is seen before the answer comes.
    until(&format!("{call}: the stop is seen"), async || if stops() > before { Ok(()) } else { Err("not logged") })
        .await;
    held.release(Release::Pass);
    let status = operator.stop();
    assert!(status.success(), "{call}: {status}");
    assert!(asked.elapsed() < Duration::from_secs(5), "{call}: stopped after {:?}", asked.elapsed());
    let endpoint = world.endpoint(namespace, "orders").await.unwrap();
    let in_aws = picture::api_id(world, &owner(namespace, "orders")).await;
    assert_eq!(
        endpoint["status"]["api"]["restApiId"].as_str(),
        in_aws.as_deref(),
        "{call}: what was answered is recorded: {}",
        endpoint["status"]
    );

    let restarted = Instant::now();
    let operator = start_through(world, namespace, turnstile.endpoint(), &[]).await;
    let log = operator.log();
    let after = log.rsplit("stopping").next().and_then(|log| log.split("started account").next()).unwrap();
    assert!(!after.contains("applying"), "{call}: calls that began after the stop: {after}");
    world.until_live(namespace, "orders").await;
    assert!(restarted.elapsed() < Duration::from_secs(8), "{call}: waited for what it knew: {:?}", restarted.elapsed());
    assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace), "{call}");
    world.delete(namespace, "orders");
    world.until_gone(namespace, "orders").await;
    operator.kill9();
}

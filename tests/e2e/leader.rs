//! Two replicas, of which one writes, whatever happens to it.

mod late;

use std::time::{Duration, Instant};

use serde_json::Value;
use sfe_sandbox::Gate;

use crate::lifecycle::turnstile::{Nth, Release, Side, Turnstile};
use crate::lifecycle::{ORDERS, objects_of_orders, touch, writes};
use crate::operator::Operator;
use crate::world::{World, run, until};

/// Of a leader that is lost: it renews every 2 s, and a busy machine may miss one.
const SHORT: [&str; 4] = ["--lease-duration", "10s", "--lease-renew-deadline", "6s"];

/// One replica of the operator of a namespace, which reaches AWS and the API server as it is told.
struct Replica<'a> {
    world: &'static World,
    namespace: &'static str,
    letter: &'static str,
    aws: &'a str,
    kubeconfig: &'a str,
    flags: &'a [&'a str],
}

impl<'a> Replica<'a> {
    fn new(world: &'static World, namespace: &'static str, letter: &'static str, flags: &'a [&'a str]) -> Self {
        let kubeconfig = world.sandbox.kubeconfig().to_str().unwrap();
        Self { world, namespace, letter, aws: world.sandbox.aws_endpoint(), kubeconfig, flags }
    }

    /// Ready, which a follower is too.
    async fn start(&self) -> Operator {
        let name = format!("{}-{}", self.namespace, self.letter);
        Operator::launch(self.world, &name, |command, address| {
            command.args(["run", "--namespace", self.namespace, "--cluster-id", self.namespace]);
            command.args(["--log-format", "text", "--listen", address, "--leader-election", "true"]).args(self.flags);
            command.env("AWS_ENDPOINT_URL", self.aws).env("KUBECONFIG", self.kubeconfig);
        })
        .await
    }
}

/// Who holds the Lease of a namespace's operators, and when it was renewed.
fn lease(world: &World, namespace: &str) -> (Option<String>, Option<String>) {
    let name = format!("stepfunction-endpoint-{namespace}");
    let found = world.kubectl(["get", "lease", &name, "--namespace", "default", "--output", "json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    let text = |field: &str| found["spec"][field].as_str().map(str::to_owned);
    (text("holderIdentity"), text("renewTime"))
}

fn leads(operator: &Operator) -> usize {
    operator.log().matches("leading lease=").count()
}

async fn until_leads(operator: &Operator) {
    until("it leads", async || if leads(operator) > 0 { Ok(()) } else { Err(operator.log()) }).await;
}

/// Waits until it has ended as one that lost the Lease does.
async fn until_lost(operator: &mut Operator) {
    let status = until("it ends", async || operator.ended().ok_or("it still runs")).await;
    let log = operator.log();
    assert!(!status.success(), "{status}: {log}");
    assert!(log.contains("leadership lost: the Lease default/stepfunction-endpoint-"), "{log}");
    assert!(log.contains("hint: "), "{log}");
}

#[test]
fn a_stop_hands_over_at_once_and_what_is_converged_stays_untouched() {
    run(async |world| {
        let namespace = "leader-stop";
        world.create_namespace(namespace);
        // With the Lease as it is by default: nobody waits for its 40 s.
        let first = Replica::new(world, namespace, "a", &[]).start().await;
        until_leads(&first).await;
        let second = Replica::new(world, namespace, "b", &[]).start().await;
        world.apply(namespace, ORDERS);
        world.until_live(namespace, "orders").await;
        assert_eq!(leads(&second), 0);
        let calls = world.calls_after(0, &second.access_key).await;
        let calls: Vec<&str> = calls.iter().map(|call| call.operation.as_str()).collect();
        assert_eq!(calls, ["GetCallerIdentity"], "a follower only asks who it is");

        let from = world.last_call().await;
        let stopped = Instant::now();
        assert!(first.stop().success());
        until_leads(&second).await;
        assert!(stopped.elapsed() < Duration::from_secs(15), "not at once: {:?}", stopped.elapsed());
        // A process without any memory looks at all of it, and finds nothing to do; told to look again, too.
        until("the second looks", async || match world.looks_after(from, &second).await {
            0 => Err("not yet"),
            looks => Ok(looks),
        })
        .await;
        world.patch(namespace, "orders", &touch()).await;
        world.until_live(namespace, "orders").await;
        let third = Replica::new(world, namespace, "a", &[]).start().await;
        assert!(second.stop().success());
        until("the third leads, and looks", async || match world.looks_after(from, &third).await {
            0 => Err("not yet"),
            looks => Ok(looks),
        })
        .await;
        assert!(third.stop().success());
        let calls = world.sandbox.calls_after(from).await.unwrap();
        let of_ours = |key: &Option<String>| key.as_ref().is_some_and(|key| key.contains(namespace));
        let calls: Vec<_> = calls.into_iter().filter(|call| of_ours(&call.access_key)).collect();
        assert!(calls.len() > 20, "both have looked: {calls:?}");
        assert_eq!(writes(&calls), [""; 0], "a restart writes to AWS though nothing changed");
        assert_eq!(lease(world, namespace).0, None, "released");
    });
}

#[test]
fn a_leader_whose_api_server_hangs_ends_before_another_leads() {
    run(async |world| {
        let namespace = "leader-hung";
        world.create_namespace(namespace);
        let api_server = world.sandbox.api_server().trim_start_matches("https://").parse().unwrap();
        let gate = Gate::open(api_server).unwrap();
        let behind_gate = world.sandbox.directory().join("kubeconfig-leader-hung");
        let kubeconfig = std::fs::read_to_string(world.sandbox.kubeconfig()).unwrap();
        let server = format!("https://127.0.0.1:{}", gate.port());
        std::fs::write(&behind_gate, kubeconfig.replace(world.sandbox.api_server(), &server)).unwrap();
        let turnstile = Turnstile::open(world.sandbox.aws_address()).await;
        let mut replica = Replica::new(world, namespace, "a", &SHORT);
        (replica.aws, replica.kubeconfig) = (turnstile.endpoint(), behind_gate.to_str().unwrap());
        let mut first = replica.start().await;
        until_leads(&first).await;
        let second = Replica::new(world, namespace, "b", &SHORT).start().await;

        // In the middle of creating, with one call in flight.
        let mut held = turnstile.hold(Nth::Named("CreateRole "), Side::After);
        world.apply(namespace, ORDERS);
        held.reached().await;
        gate.set_hung(true);
        let lost = "the Lease is lost";
        until(lost, async || if first.log().contains(lost) { Ok(()) } else { Err(first.log()) }).await;
        let begun = turnstile.calls();
        held.release(Release::Pass);
        until_lost(&mut first).await;
        assert_eq!(leads(&second), 0, "another leads before the first has ended");
        assert_eq!(turnstile.calls(), begun, "calls that began after the Lease was lost");

        until_leads(&second).await;
        world.until_live(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));

        // What the first sent last arrives now, long after it was sent: it changes nothing.
        let (holder, renewed) = lease(world, namespace);
        gate.set_hung(false);
        let mut renewals = vec![renewed];
        until("three more renewals", async || {
            let (now, renewed) = lease(world, namespace);
            assert_eq!(now, holder, "a late renewal took the Lease");
            if renewals.last() != Some(&renewed) {
                renewals.push(renewed);
            }
            if renewals.len() > 3 { Ok(()) } else { Err(renewals.len()) }
        })
        .await;
        assert!(renewals.is_sorted(), "a late renewal set the Lease back: {renewals:?}");

        // Started again, as Kubernetes does, it follows, until it leads again.
        let again = replica.start().await;
        world.patch(namespace, "orders", &touch()).await;
        assert_eq!((leads(&again), lease(world, namespace).0), (1, holder), "once, as the process before");
        assert!(second.stop().success());
        until("the first leads again", async || if leads(&again) == 2 { Ok(()) } else { Err(again.log()) }).await;
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert_eq!(world.inventory(namespace).await, [""; 0]);
    });
}

#[test]
fn a_leader_that_was_paused_does_not_try_again() {
    // It never reaches AWS, in a way that the SDK would try again.
    check_paused("leader-paused-retry", "CreateRole ", Side::Before, Release::Lose);
}

#[test]
fn a_leader_that_was_paused_does_not_go_on() {
    // It was done, and the next call is due once its answer is read.
    check_paused("leader-paused-next", "CreateLogGroup ", Side::After, Release::Pass);
}

/// Pauses a leader in the middle of creating, with this call in flight, until another has led. No attempt is sent after it goes on.
fn check_paused(namespace: &'static str, call: &'static str, side: Side, release: Release) {
    run(async |world| {
        world.create_namespace(namespace);
        let turnstile = Turnstile::open(world.sandbox.aws_address()).await;
        let mut replica = Replica::new(world, namespace, "a", &SHORT);
        replica.aws = turnstile.endpoint();
        let mut first = replica.start().await;
        until_leads(&first).await;
        let second = Replica::new(world, namespace, "b", &SHORT).start().await;
        let mut held = turnstile.hold(Nth::Named(call), side);
        world.apply(namespace, ORDERS);
        held.reached().await;
        first.signal("-STOP");
        until_leads(&second).await;
        world.until_live(namespace, "orders").await;
        let converged = world.endpoint(namespace, "orders").await.unwrap();

        let begun = turnstile.calls();
        held.release(release);
        first.signal("-CONT");
        until_lost(&mut first).await;
        assert_eq!(turnstile.calls(), begun, "calls that began after the pause");
        let after = world.endpoint(namespace, "orders").await.unwrap();
        crate::lifecycle::check_same_status(&after, &converged, "the paused replica wrote to the cluster");
        assert_eq!(world.inventory(namespace).await, objects_of_orders(namespace));
        world.delete(namespace, "orders");
        world.until_gone(namespace, "orders").await;
        assert!(second.stop().success());
    });
}

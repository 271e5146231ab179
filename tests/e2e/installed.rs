//! What becomes of AWS when the operator is upgraded, uninstalled and installed again: nothing.

use std::fs;
use std::path::{Path, PathBuf};

use crate::http::post;
use crate::lifecycle::{is_live, writes};
use crate::operator::{CHART, Operator, helm};
use crate::world::{World, run, until};

const NAMESPACE: &str = "installed";
/// All of examples/: every kind of AWS object in every form.
const NAMES: [&str; 25] = [
    "answers",
    "approvals",
    "envelope",
    "fenced",
    "first",
    "guarded-orders",
    "hello",
    "incoming",
    "keyed",
    "links",
    "machines",
    "named",
    "neighbours",
    "pages",
    "recipes",
    "refusals",
    "second",
    "tagged",
    "templated",
    "told",
    "trigger",
    "uploads",
    "validated",
    "webhook",
    "widgets",
];
/// The examples that take an operator of several namespaces, someone else's API or a setting of the account: see sharing, settings and
/// stages.
const ELSEWHERE: [&str; 5] = [
    "6-one-api-across-namespaces.yaml",
    "7-beside-others-on-their-api.yaml",
    "access-log.yaml",
    "stage-settings.yaml",
    "stages.yaml",
];
/// The operator looks again and again, and says at what. Its Lease can't be released where its rights went before it did.
const OFTEN: [&str; 8] = [
    "--set",
    "driftInterval=1s",
    "--set",
    "log=sfe=debug",
    "--set",
    "leaderElection.leaseDuration=5s",
    "--set",
    "leaderElection.renewDeadline=3s",
];

async fn apply_all(world: &World) {
    let machine = world.sfn.create_state_machine().name("existing").role_arn("arn:aws:iam::000000000000:role/existing");
    machine.definition(r#"{"StartAt":"A","States":{"A":{"Type":"Pass","End":true}}}"#).send().await.unwrap();
    let mut applied = 0;
    for file in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")).unwrap() {
        let path = file.unwrap().path();
        if ELSEWHERE.iter().any(|name| path.ends_with(name)) {
            continue;
        }
        let manifests = fs::read_to_string(path).unwrap();
        applied += manifests.matches("kind: StepFunctionEndpoint").count();
        world.apply(NAMESPACE, &manifests);
    }
    assert_eq!(applied, NAMES.len(), "an example is missing here");
    for name in NAMES {
        world.until_live(NAMESPACE, name).await;
    }
}

/// The chart as another version.
fn next_version(world: &World) -> PathBuf {
    let next = world.sandbox.directory().join("next-chart");
    let copied = std::process::Command::new("cp").args(["-r", CHART]).arg(&next).status().unwrap();
    assert!(copied.success());
    let chart = fs::read_to_string(next.join("Chart.yaml")).unwrap();
    let renamed = chart.replace("version: 0.1.0", "version: 0.2.0").replace("appVersion: 0.1.0", "appVersion: 0.2.0");
    assert_ne!(renamed, chart);
    fs::write(next.join("Chart.yaml"), renamed).unwrap();
    next
}

/// A process without any memory has looked at all of each endpoint, from beginning to end, twice, and written nothing.
async fn check_writes_nothing(world: &World, from: u64, operator: &Operator, logged: usize, what: &str) {
    for name in NAMES {
        // Each pass reads the role once; the third begins when the second has ended.
        let role = format!("role sfe-{NAMESPACE}-{name}-gateway-");
        until(&format!("{what}: {name} is looked at three times"), async || {
            let log = operator.log().split_off(logged);
            let looks =
                log.lines().filter(|line| line.contains("operation=iam:GetRole ") && line.contains(&role)).count();
            if looks >= 3 { Ok(()) } else { Err(looks) }
        })
        .await;
    }
    let calls = world.calls_after(from, &operator.access_key).await;
    assert_eq!(writes(&calls), [""; 0], "{what}: writes to AWS though nothing changed");
    for name in NAMES {
        assert!(is_live(&world.endpoint(NAMESPACE, name).await.unwrap()), "{what}: {name}");
    }
}

#[test]
fn an_upgrade_and_an_uninstall_leave_aws_as_it_is() {
    run(async |world| {
        world.create_namespace(NAMESPACE);
        let operator = Operator::start_as_chart(world, NAMESPACE).await;
        apply_all(world).await;
        let inventory = world.inventory(NAMESPACE).await;
        assert!(operator.stop().success());

        let next = next_version(world);
        helm(world, NAMESPACE, &[&["upgrade", "sfe", next.to_str().unwrap()][..], &OFTEN].concat()).await;
        let from = world.last_call().await;
        let operator = Operator::start_as_installed(world, NAMESPACE).await;
        check_writes_nothing(world, from, &operator, 0, "the upgrade").await;

        // A kubelet would stop the Pod.
        helm(world, NAMESPACE, &["uninstall", "sfe"]).await;
        let logged = operator.log().len();
        assert!(operator.stop().success());
        assert_eq!(world.inventory(NAMESPACE).await, inventory);
        let calls = world.calls_after(from, &format!("operator-{NAMESPACE}")).await;
        assert_eq!(writes(&calls), [""; 0], "the uninstall writes to AWS");
        for name in NAMES {
            let endpoint = world.endpoint(NAMESPACE, name).await.unwrap_or_else(|| panic!("{name} is gone"));
            assert!(endpoint["metadata"]["deletionTimestamp"].is_null() && is_live(&endpoint), "{name}: {endpoint}");
        }
        let hook = world.stage_url(&world.endpoint(NAMESPACE, "webhook").await.unwrap(), "/");
        assert_eq!(post(hook, "{}").send().await.status, 200, "the stage needs no operator");

        helm(world, NAMESPACE, &[&["install", "sfe", CHART][..], &OFTEN].concat()).await;
        let operator = Operator::start_as_installed(world, NAMESPACE).await;
        check_writes_nothing(world, from, &operator, logged, "the next install").await;
        for name in NAMES {
            world.delete(NAMESPACE, name);
        }
        for name in NAMES {
            world.until_gone(NAMESPACE, name).await;
        }
        assert_eq!(world.inventory(NAMESPACE).await, [""; 0]);
        assert!(operator.stop().success());
    });
}

//! An operator without AWS credentials says so, and what to configure.

use std::net::{Ipv4Addr, TcpListener};
use std::process::Stdio;

use crate::guarded::Guarded;
use crate::http;
use crate::world::{World, output, run, until};

/// What configures credentials on each platform.
const HINTS: [&str; 4] =
    ["EKS Pod Identity", "eks.amazonaws.com/role-arn", "AWS_WEB_IDENTITY_TOKEN_FILE", "credentialsSecret"];

fn command(world: &World) -> std::process::Command {
    let mut command = world.sandbox.command(env!("CARGO_BIN_EXE_sfe"));
    command
        .env_remove("AWS_ACCESS_KEY_ID")
        .env_remove("AWS_SECRET_ACCESS_KEY")
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

#[test]
fn who_has_no_credentials_says_what_to_configure() {
    run(async |world| {
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().to_string();
        let log = world.sandbox.directory().join("operator-without-credentials.log");
        let mut command = command(world);
        command.args([
            "run",
            "--namespace",
            "default",
            "--cluster-id",
            "a",
            "--log-format",
            "text",
            "--listen",
            &address,
        ]);
        let file = std::fs::File::create(&log).unwrap();
        command.env("SFE_LEADER_ELECTION", "false").stdin(Stdio::null()).stdout(file.try_clone().unwrap()).stderr(file);
        let mut operator = Guarded::spawn(&mut command);
        let body =
            until("/readyz says why", async || match http::get(format!("http://{address}/readyz")).try_send().await {
                Ok(answer) if answer.status == 503 && answer.body.contains("credentials failed") => Ok(answer.body),
                other => Err(format!("{other:?}")),
            })
            .await;
        let said = std::fs::read_to_string(&log).unwrap();
        assert!(operator.ended().is_none(), "it goes on trying");
        for hint in HINTS {
            assert!(body.contains(hint) && said.contains(hint), "{hint}: {body} {said}");
        }
        assert!(body.contains(
            "not ready: AWS credentials failed: sts:GetCallerIdentity failed: the operator has no AWS credentials: "
        ));
        operator.end();
    });
}

#[test]
fn a_plan_without_credentials_fails_with_what_to_configure() {
    run(async |world| {
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/hello.yaml");
        let mut plan = command(world);
        plan.args(["plan", "--cluster-id", "a", "--filename", manifest]);
        let said = output(&mut plan, "").unwrap_err();
        assert!(HINTS.iter().all(|hint| said.contains(hint)), "{said}");
    });
}

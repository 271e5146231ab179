//! microburst: a proxy that speaks AWS's protocols, and breaks calls by rules.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};
use std::{env, fs};

use serde_json::{Value, json};

use crate::guarded::Guarded;
use crate::http;
use crate::world::{World, until};

/// Chance is seeded, so that the same order of calls meets the same faults.
const LAUNCHER: &str = "import random, sys; random.seed(int(sys.argv.pop(1))); \
                        from microburst.cli import main; sys.exit(main())";
const SEED: &str = "4";
const STARTS_MAX: u32 = 3;

/// A running proxy before the sandbox's AWS. Dropping it ends it.
pub struct Microburst {
    endpoint: String,
    log: PathBuf,
    process: Guarded,
}

impl Microburst {
    /// One without rules, that passes all through.
    pub async fn start(world: &World) -> Self {
        let mut start = 1;
        loop {
            let mut proxy = Self::spawn(world);
            match proxy.until_ready().await {
                Ok(()) => return proxy,
                // Someone else took the port between our look and the proxy's.
                Err(said) if said.contains("in use") && start < STARTS_MAX => start += 1,
                Err(said) => panic!("microburst ended: {said}"),
            }
        }
    }

    fn spawn(world: &World) -> Self {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port().to_string();
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let log = world.sandbox.directory().join(format!("microburst-{count}.log"));
        let output = File::create(&log).unwrap();
        let seed = env::var("SFE_TEST_SEED").unwrap_or_else(|_| SEED.to_owned());
        let mut command = world.sandbox.command(world.sandbox.tool("python"));
        command.args(["-I", "-c", LAUNCHER, &seed, "--port", &port]);
        command.args(["--upstream", &format!("http://{}", world.sandbox.aws_address())]);
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        let process = Guarded::spawn(&mut command);
        Self { endpoint: format!("http://127.0.0.1:{port}"), log, process }
    }

    /// Its log if it ends instead.
    async fn until_ready(&mut self) -> Result<(), String> {
        let url = self.control("health");
        until("microburst is ready", async || {
            if self.process.ended().is_some() {
                return Ok(Err(fs::read_to_string(&self.log).unwrap_or_default()));
            }
            match http::get(url.as_str()).try_send().await {
                Ok(answer) if answer.status == 200 => Ok(Ok(())),
                other => Err(format!("{other:?}")),
            }
        })
        .await
    }

    /// What the operator takes for AWS's endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// From now on these rules hold and no others; none of them lets all through. Their form is microburst's own, in
    /// which Step Functions is `stepfunctions`.
    pub async fn rules(&self, rules: &Value) {
        let answer = http::post(self.control("rules"), rules.to_string()).send().await;
        let taken = answer.status == 200 && answer.json().as_array().map(Vec::len) == rules.as_array().map(Vec::len);
        assert!(taken, "microburst doesn't take {rules}: {answer:?}");
    }

    pub async fn no_rules(&self) {
        self.rules(&json!([])).await;
    }

    /// How many calls it has broken, since its start.
    pub async fn fired(&self) -> u64 {
        let stats = http::get(self.control("stats")).send().await.json();
        stats["requests"]["faulted"].as_u64().unwrap_or_else(|| panic!("no count of faults: {stats}"))
    }

    fn control(&self, what: &str) -> String {
        format!("{}/_microburst/{what}", self.endpoint)
    }
}

/// The rule that a call is answered with this error. Its status is AWS's own.
pub fn error(service: &str, operation: &str, code: &str, status: u16, message: &str) -> Value {
    json!({
        "service": service, "operation": operation,
        "error": { "code": code, "status": status, "message": message },
    })
}

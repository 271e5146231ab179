//! The requests are sent, and what became of each is compared with what it meant.

use std::collections::BTreeMap;
use std::env;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use futures::StreamExt as _;
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::document::{Node, utf16};
use super::meant::{Fate, Meant};
use super::request::{Request, any_request};
use super::routes;
use crate::serving::{Endpoint, cut, run};
use crate::world::World;

/// How many requests are sent unless SFE_HOSTILE_REQUESTS says otherwise, and how many at the same time.
const REQUESTS: u64 = 1000;
const AT_ONCE: usize = 6;
/// The seed of the first, unless SFE_HOSTILE_SEED says otherwise; each further one has the next.
const SEED: u64 = 1;
/// After how many requests what the gateway sent is looked at.
const BATCH: usize = 200;
/// A person reads the failures.
const FAILURES_MAX: usize = 5;
const SHRINKS_MAX: usize = 60;

/// What was answered.
struct Answer {
    /// 0 if nothing was.
    status: u16,
    request_id: String,
    body: String,
}

struct Target {
    world: &'static World,
    endpoint: Endpoint,
    prefix: String,
    executions: String,
    /// The index of the last call that was looked at.
    seen: AtomicU64,
}

#[test]
fn a_hostile_request_is_what_it_meant_or_a_4xx() {
    run(async |world| {
        let target = Target::apply(world).await;
        let (count, first) = (setting("SFE_HOSTILE_REQUESTS", REQUESTS), setting("SFE_HOSTILE_SEED", SEED));
        let began = Instant::now();
        let mut fates: BTreeMap<(Fate, u16), usize> = BTreeMap::new();
        let (mut failures, mut started, mut seed) = (Vec::new(), 0, first);
        while seed < first + count && failures.len() < FAILURES_MAX {
            let seeds: Vec<u64> = (seed..first + count).take(BATCH).collect();
            seed += seeds.len() as u64;
            let requests: Vec<Request> = seeds.iter().map(|seed| tree(*seed).current()).collect();
            for (seed, judged) in seeds.iter().zip(target.send_all(&requests).await) {
                *fates.entry((judged.fate, judged.status / 100)).or_default() += 1;
                started += usize::from(judged.status == 200);
                failures.extend(judged.why.map(|why| (*seed, why)));
            }
            eprintln!("{} requests in {:.0?}: {fates:?}", seed - first, began.elapsed());
        }
        let mut told = String::new();
        for (seed, why) in failures.iter().take(FAILURES_MAX) {
            let _ = writeln!(told, "\n{}", target.story(*seed, why).await);
        }
        assert!(failures.is_empty(), "{} of {} requests were not served as meant{told}", failures.len(), seed - first);
        // Neither more executions than answers of success, nor so few that nothing was shown.
        assert_eq!(target.executions_started().await, started, "executions, and answers that told of one");
        let accepted: usize =
            fates.iter().filter(|((fate, _), _)| *fate == Fate::Accepted).map(|(_, count)| count).sum();
        assert!(count < 100 || accepted * 3 > usize::try_from(count).unwrap(), "almost all were odd: {fates:?}");
    });
}

fn setting(name: &str, otherwise: u64) -> u64 {
    env::var(name)
        .map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no whole number: {text}")))
}

/// The request of a seed, and what it can be made smaller to.
fn tree(seed: u64) -> impl ValueTree<Value = Request> {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config = Config { failure_persistence: None, ..Config::default() };
    let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    any_request().new_tree(&mut runner).unwrap()
}

/// How a request ended.
struct Judged {
    fate: Fate,
    status: u16,
    /// What is wrong.
    why: Option<String>,
}

impl Target {
    async fn apply(world: &'static World) -> Self {
        let endpoint = Endpoint::apply(world, "hostile", &routes::manifest("hostile").to_string()).await;
        let url = endpoint.url("/");
        let prefix = url
            .split_once("://")
            .and_then(|(_, rest)| rest.find('/').map(|at| rest[at..].trim_end_matches('/').to_owned()));
        let executions = endpoint.state_machine().replace(":stateMachine:", ":execution:") + ":";
        Self { world, endpoint, prefix: prefix.unwrap(), executions, seen: AtomicU64::new(0) }
    }

    async fn send(&self, request: &Request) -> Result<Answer, std::io::Error> {
        let mut stream = TcpStream::connect(self.world.sandbox.aws_address()).await?;
        // A server that refuses the head may be gone before it has the body.
        let _ = stream.write_all(&request.bytes(&self.prefix)).await;
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes).await;
        let text = String::from_utf8_lossy(&bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let header = |line: &str| {
            let (name, value) = line.split_once(':')?;
            name.eq_ignore_ascii_case("x-amzn-requestid").then(|| value.trim().to_owned())
        };
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        end.map(drop).or_else(|error| if status.is_some() { Ok(()) } else { Err(error) })?;
        let request_id = head.lines().find_map(header).unwrap_or_default();
        Ok(Answer { status: status.unwrap_or(0), request_id, body: body.to_owned() })
    }

    /// Each request with what became of it.
    async fn send_all(&self, requests: &[Request]) -> Vec<Judged> {
        let before = self.seen.load(Ordering::Relaxed);
        let answers: Vec<_> =
            futures::stream::iter(requests).map(|request| self.send(request)).buffered(AT_ONCE).collect().await;
        let sent = self.world.sandbox.requests_after(before).await.unwrap();
        self.seen.store(sent.last().map_or(before, |sent| sent.index), Ordering::Relaxed);
        let mut bodies: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for sent in sent.iter().filter(|sent| sent.api_id == self.endpoint.api_id) {
            bodies.entry(&sent.request_id).or_default().push(&sent.body);
        }
        let judge = |(request, answer): (&Request, Result<Answer, std::io::Error>)| {
            let answer =
                answer.unwrap_or_else(|error| Answer { status: 0, request_id: String::new(), body: error.to_string() });
            let meant = Meant::of(request, &answer.request_id, &self.executions);
            let sent = bodies.remove(answer.request_id.as_str()).unwrap_or_default();
            let why = self.compare(request, &meant, &answer, &sent).err().map(|why| {
                let Answer { status, body, .. } = &answer;
                format!(
                    "{why}\n  meant    {:?}: {:?}\n  sent     {sent:?}\n  answered {status} {:?}",
                    meant.fate,
                    meant.call,
                    cut(body)
                )
            });
            Judged { fate: meant.fate, status: answer.status, why }
        };
        let judged = requests.iter().zip(answers).map(judge).collect();
        assert!(bodies.is_empty(), "calls without an answer: {bodies:?}");
        judged
    }

    fn compare(&self, request: &Request, meant: &Meant, answer: &Answer, sent: &[&str]) -> Result<(), &'static str> {
        let was_sent = match sent {
            [] => false,
            // What Step Functions refuses, whatever is around it.
            [one] if one.trim() == "{}" => false,
            [one] => {
                self.is_call(one, request, meant).then_some(()).ok_or("what was sent is not what was meant")?;
                true
            }
            _ => return Err("more than one call was sent"),
        };
        let starts = request.route().action == "StartExecution";
        let started = match answer.status {
            200..=299 => true,
            400..=499 => false,
            // LocalStack looks for a task among executions that are about to start, and fails on them now and then.
            500 if was_sent && !starts => false,
            _ => return Err("neither a success nor a 4xx"),
        };
        match (started, meant.fate) {
            (true, _) if !was_sent || !starts => Err("a success without a call that could succeed"),
            (true, Fate::Refused) => Err("what must be refused had success"),
            (true, _) if !answer.body.contains(&self.executions) => Err("the answer doesn't tell of the execution"),
            // Step Functions knows no such task or execution: that the call was made as meant is what counts.
            (false, Fate::Accepted) if starts || !was_sent => Err("what was meant well was refused"),
            (true | false, Fate::Accepted | Fate::Either | Fate::Refused) => Ok(()),
        }
    }

    /// Whether this is the one call that was meant, with nothing more in it.
    fn is_call(&self, sent: &str, request: &Request, meant: &Meant) -> bool {
        let (Some(Node::Object(mut members)), Some(call)) = (Node::read(sent), &meant.call) else { return false };
        let mut take = |name: &str| {
            let at = members.iter().position(|(found, _)| *found == utf16(name))?;
            if let (_, Node::Text(text)) = members.remove(at) { Some(text) } else { None }
        };
        let starts = request.route().action == "StartExecution";
        let arn = !starts || take("stateMachineArn").is_some_and(|arn| arn == utf16(self.endpoint.state_machine()));
        let all = call.iter().all(|(name, value)| take(name).is_some_and(|text| value.is(&text)));
        arn && all && members.is_empty()
    }

    /// The smallest request that fails as the one of this seed does.
    async fn story(&self, seed: u64, first: &str) -> String {
        let mut tree = tree(seed);
        let judge = async |request: &Request| self.send_all(std::slice::from_ref(request)).await.remove(0).why;
        let Some(mut why) = judge(&tree.current()).await else {
            return format!("`make hostile SEED={seed}`, not by itself: {first}\n  request  {:?}", tree.current());
        };
        let mut smallest = tree.current();
        for _ in 0..SHRINKS_MAX {
            if !tree.simplify() {
                break;
            }
            match judge(&tree.current()).await {
                Some(still) => (smallest, why) = (tree.current(), still),
                None if !tree.complicate() => break,
                None => {}
            }
        }
        format!("`make hostile SEED={seed} REQUESTS=1`: {why}\n  request  {smallest:?}")
    }

    async fn executions_started(&self) -> usize {
        let list = self.world.sfn.list_executions().state_machine_arn(self.endpoint.state_machine()).max_results(1000);
        let mut pages = list.into_paginator().send();
        let mut count = 0;
        while let Some(page) = pages.next().await {
            count += page.unwrap().executions().len();
        }
        count
    }
}

//! What the serving tests share: one operator as the chart installs it, and endpoints that are called.

use std::fmt;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_sdk_apigateway::types::Method;
use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::Value;
use sfe_sandbox::IntegrationRequest;
use tokio::sync::OnceCell;

use crate::http::{Answer, Request};
use crate::operator::Operator;
use crate::world::{self, World, told};

/// Where all of them are: the operator watches this namespace alone.
pub const NAMESPACE: &str = "scenarios";

static OPERATOR: OnceCell<Operator> = OnceCell::const_new();

/// Runs a test beside the one operator of all serving tests.
pub fn run(test: impl AsyncFnOnce(&'static World)) {
    world::run(async |world| {
        let start = async || {
            world.create_namespace(NAMESPACE);
            Operator::start_as_chart(world, NAMESPACE).await
        };
        let _log = Log(OPERATOR.get_or_init(start).await);
        test(world).await;
    });
}

struct Log(&'static Operator);

impl Drop for Log {
    fn drop(&mut self) {
        self.0.print_log_of_a_failure();
    }
}

/// A StepFunctionEndpoint that is Ready.
pub struct Endpoint {
    pub world: &'static World,
    pub object: Value,
    pub api_id: String,
    seen: AtomicU64,
}

impl Endpoint {
    /// Applies manifests and waits until the one of this name is Ready.
    pub async fn apply(world: &'static World, name: &str, manifests: &str) -> Self {
        world.apply(NAMESPACE, manifests);
        Self::ready(world, name).await
    }

    /// Waits until one that was applied is Ready.
    pub async fn ready(world: &'static World, name: &str) -> Self {
        let object = world.until_ready(NAMESPACE, name).await;
        let url = object["status"]["url"].as_str().unwrap_or_else(|| panic!("no status.url: {}", told(&object)));
        let host = url.strip_prefix("https://").and_then(|url| url.split('.').next());
        Self {
            world,
            api_id: host.unwrap_or_else(|| panic!("no API in {url}")).to_owned(),
            object,
            seen: AtomicU64::new(0),
        }
    }

    /// The URL of a path on the stage.
    pub fn url(&self, path: &str) -> String {
        self.world.stage_url(&self.object, path)
    }

    /// Sends a request, and sees what the gateway sent because of it. One at a time: they could not be told apart.
    pub async fn call(&self, request: Request) -> Served {
        let what = request.to_string();
        self.sent().await; // by someone else who shares the API
        let answer = request.send().await;
        Served { what, answer, sent: self.sent().await }
    }

    /// What the gateway has sent since it was last asked.
    async fn sent(&self) -> Vec<Sent> {
        let sent = self.world.sandbox.requests_after(self.seen.load(Ordering::Relaxed)).await.unwrap();
        if let Some(last) = sent.last() {
            self.seen.store(last.index, Ordering::Relaxed);
        }
        sent.into_iter().filter(|sent| sent.api_id == self.api_id).map(Sent::of).collect()
    }

    /// A method as API Gateway has it, with its integration.
    pub async fn method(&self, method: &str, path: &str) -> Method {
        let ask = self.world.apigateway.get_resources().rest_api_id(&self.api_id).embed("methods").limit(500);
        let resources = ask.send().await.unwrap();
        let resource = resources.items().iter().find(|resource| resource.path() == Some(path));
        let methods = resource.unwrap_or_else(|| panic!("no resource {path}")).resource_methods();
        let found = methods.and_then(|methods| methods.get(method));
        found.unwrap_or_else(|| panic!("no method {method} {path}")).clone()
    }

    /// The ARN of its state machine.
    pub fn state_machine(&self) -> &str {
        let arn = self.object["status"]["stateMachine"]["arn"].as_str();
        arn.unwrap_or_else(|| panic!("no status.stateMachine.arn: {}", told(&self.object)))
    }
}

/// What came of one request.
pub struct Served {
    pub what: String,
    pub answer: Answer,
    pub sent: Vec<Sent>,
}

/// A call of Step Functions as it left the gateway.
#[derive(Clone, PartialEq, Eq)]
pub struct Sent {
    pub action: String,
    /// The members in their order, none lost that is there twice. None if the body is anything but an object of strings.
    pub members: Option<Vec<(String, String)>>,
    raw: String,
}

impl Sent {
    fn of(request: IntegrationRequest) -> Self {
        let members = serde_json::from_str(&request.body).ok().map(|Members(members)| members);
        Self { action: request.action.unwrap_or_default(), members, raw: request.body }
    }
}

impl Served {
    /// The call that was sent, if it is the only one.
    pub fn one(&self) -> &Sent {
        let [one] = self.sent.as_slice() else { panic!("{}: one call was expected: {self:?}", self.what) };
        one
    }

    /// The input of the one execution that was started, of this state machine, and with nothing else said.
    pub fn input(&self, state_machine: &str) -> Result<&str, String> {
        let [Sent { members: Some(members), .. }] = self.sent.as_slice() else {
            return Err(format!("not one call of Step Functions: {self:?}"));
        };
        let said: Vec<(&str, &str)> = members.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        match said[..] {
            [("input", input), ("stateMachineArn", arn)] if arn == state_machine => Ok(input),
            _ => Err(format!("not just an input for {state_machine}: {self:?}")),
        }
    }
}

/// What was answered and sent, in one line.
impl fmt::Debug for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "answered {:?}, sent {:?}", self.answer, self.sent)
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.action)?;
        match &self.members {
            Some(members) => f.debug_map().entries(members.iter().map(|(name, value)| (name, cut(value)))).finish(),
            None => write!(f, "(not an object of strings) {:?}", cut(&self.raw)),
        }
    }
}

/// At most a few hundred characters: a line is for a person.
pub fn cut(text: &str) -> String {
    const MAX: usize = 300;
    match text.char_indices().nth(MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}... ({} bytes)", &text[..end], text.len()),
    }
}

/// The members of a JSON object in their order, none lost that is there twice.
pub struct Members<V>(pub Vec<(String, V)>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Members<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for All<V> {
            type Value = Members<V>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<V>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All(PhantomData))
    }
}

/// What went wrong in a table of cases: all of it, not the first.
#[derive(Default)]
pub struct Failures {
    cases: usize,
    failed: Vec<String>,
}

impl Failures {
    /// Notes how a case ended.
    pub fn note(&mut self, case: &str, result: Result<(), String>) {
        self.cases += 1;
        self.failed.extend(result.err().map(|why| format!("{case}: {why}")));
    }

    /// Fails if any did.
    pub fn end(self) {
        let Self { cases, failed } = self;
        assert!(failed.is_empty(), "{} of {cases} cases failed:\n{}", failed.len(), failed.join("\n"));
    }
}

//! A proxy between one operator and AWS. It writes down each call, can hold one of them while a test does something, and
//! can behave as AWS does where LocalStack doesn't.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse as _, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Where a call stands while it is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// AWS has not got it.
    Before,
    /// AWS has done it, and the operator has no answer.
    After,
}

/// Which call is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nth {
    /// The n-th call from now on, counted from 1.
    Call(usize),
    /// The n-th from now on of those that change something.
    Write(usize),
    /// The next of which [`Passed::what`] begins so.
    Named(&'static str),
    /// The next of which [`Passed::what`] begins so, and ends so.
    NamedWithEnd(&'static str, &'static str),
}

/// What is done with a held call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// It goes on.
    Pass,
    /// It never reaches AWS, or its answer never reaches the operator.
    Lose,
}

/// The proxy. Dropping it ends it.
pub struct Turnstile {
    endpoint: String,
    inner: Arc<Inner>,
    server: JoinHandle<()>,
}

/// A call that will be held. Dropping it lets the call pass.
pub struct Held {
    reached: oneshot::Receiver<String>,
    release: oneshot::Sender<Release>,
}

impl Held {
    /// Waits until the call is held, and says which it is.
    pub async fn reached(&mut self) -> String {
        (&mut self.reached).await.unwrap_or_else(|_| panic!("the proxy has ended"))
    }

    pub fn release(self, release: Release) {
        // Whoever sent it may have died meanwhile.
        let _ = self.release.send(release);
    }
}

struct Inner {
    target: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
    state: Mutex<Passage>,
}

#[derive(Default)]
struct Passage {
    calls: Vec<Passed>,
    holds: Vec<Hold>,
    instead: Option<Instead>,
    /// The REST APIs that are being written to, where that is for one at a time.
    busy: Option<BTreeSet<String>>,
}

/// What is answered in AWS's place to some calls: the status, and the body.
pub type Instead = Box<dyn Fn(&Passed) -> Option<(u16, Value)> + Send>;

/// One call, in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed {
    /// `CreateRole sfe-shop-orders-gateway-0123456789`, or `POST /restapis` for API Gateway.
    pub what: String,
    pub is_write: bool,
}

struct Hold {
    left: Nth,
    side: Side,
    reached: oneshot::Sender<String>,
    release: oneshot::Receiver<Release>,
}

impl Turnstile {
    /// One before the AWS at this address.
    pub async fn open(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let client = Client::builder(TokioExecutor::new()).build_http();
        let inner = Arc::new(Inner { target, client, state: Mutex::default() });
        let router = axum::Router::new().fallback(serve).with_state(Arc::clone(&inner));
        let server = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { endpoint, inner, server }
    }

    /// What the operator takes for AWS's endpoint.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Holds one call to come.
    pub fn hold(&self, nth: Nth, side: Side) -> Held {
        let (reached, reached_receiver) = oneshot::channel();
        let (release_sender, release) = oneshot::channel();
        self.inner.state.lock().unwrap().holds.push(Hold { left: nth, side, reached, release });
        Held { reached: reached_receiver, release: release_sender }
    }

    /// Holds none of those any more that were not reached.
    pub fn hold_none(&self) {
        self.inner.state.lock().unwrap().holds.clear();
    }

    /// Answers calls in AWS's place from now on, those that `instead` has an answer for. They are not held.
    pub fn answer(&self, instead: impl Fn(&Passed) -> Option<(u16, Value)> + Send + 'static) {
        self.inner.state.lock().unwrap().instead = Some(Box::new(instead));
    }

    /// Lets AWS answer everything again.
    pub fn answer_none(&self) {
        self.inner.state.lock().unwrap().instead = None;
    }

    /// From now on a write to a REST API that is being written to is refused with ConflictException, as AWS does.
    pub fn one_writer_at_a_time(&self) {
        self.inner.state.lock().unwrap().busy.get_or_insert_default();
    }

    /// All calls so far.
    pub fn calls(&self) -> Vec<Passed> {
        self.inner.state.lock().unwrap().calls.clone()
    }
}

impl Drop for Turnstile {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Hold {
    /// Counts a call, and says whether it is the one.
    fn counts(&mut self, call: &Passed) -> bool {
        let left = match &mut self.left {
            Nth::Named(start) => return call.what.starts_with(*start),
            Nth::NamedWithEnd(start, end) => return call.what.starts_with(*start) && call.what.ends_with(*end),
            Nth::Write(_) if !call.is_write => return false,
            Nth::Call(left) | Nth::Write(left) => left,
        };
        *left -= 1;
        *left == 0
    }

    async fn wait(self, call: &Passed) -> Release {
        if self.reached.send(call.what.clone()).is_err() {
            return Release::Pass;
        }
        self.release.await.unwrap_or(Release::Pass)
    }
}

/// In a task of its own: AWS ends what it has begun, even where the caller dies.
async fn serve(State(inner): State<Arc<Inner>>, request: Request) -> Response {
    tokio::spawn(async move { inner.pass(request).await }).await.unwrap()
}

impl Inner {
    async fn pass(&self, request: Request) -> Response {
        let (head, body) = request.into_parts();
        // Whoever died while it sent has called nothing.
        let Ok(body) = to_bytes(body, usize::MAX).await else { return StatusCode::BAD_REQUEST.into_response() };
        let call = passed(&head, &body);
        let mut hold = match self.note(&call) {
            Ok(hold) => hold,
            Err((status, answer)) => return json_answer(status, &answer),
        };
        let answer = self.exchange(head, body, &call, &mut hold).await;
        self.release(&call);
        let is_lost = match hold {
            Some(held) => held.wait(&call).await == Release::Lose,
            None => false,
        };
        if is_lost { StatusCode::BAD_GATEWAY.into_response() } else { answer }
    }

    /// AWS's answer, or that of a call that was lost on its way there.
    async fn exchange(&self, head: Parts, body: Bytes, call: &Passed, hold: &mut Option<Hold>) -> Response {
        if let Some(held) = hold.take_if(|hold| hold.side == Side::Before)
            && held.wait(call).await == Release::Lose
        {
            return StatusCode::BAD_GATEWAY.into_response();
        }
        let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
        let mut forward = hyper::Request::builder().method(head.method).uri(format!("http://{}{path}", self.target));
        *forward.headers_mut().unwrap() = head.headers;
        let answer = self.client.request(forward.body(Full::from(body)).unwrap()).await;
        match answer {
            Ok(answer) => {
                let (head, body) = answer.into_parts();
                let body = body.collect().await.unwrap().to_bytes();
                Response::from_parts(head, Body::from(body))
            }
            Err(error) => (StatusCode::BAD_GATEWAY, format!("{error:?}")).into_response(),
        }
    }

    /// Writes a call down, and says what holds it or what is answered in AWS's place.
    fn note(&self, call: &Passed) -> Result<Option<Hold>, (u16, Value)> {
        let mut state = self.state.lock().unwrap();
        state.calls.push(call.clone());
        if let Some(answer) = state.instead.as_ref().and_then(|instead| instead(call)) {
            return Err(answer);
        }
        if let (Some(busy), Some(api)) = (&mut state.busy, call.rest_api())
            && !busy.insert(api.to_owned())
        {
            let message = "Unable to complete operation due to concurrent modification. Please try again later.";
            return Err((409, json!({ "__type": "ConflictException", "message": message })));
        }
        let at = state.holds.iter_mut().position(|hold| hold.counts(call));
        Ok(at.map(|at| state.holds.remove(at)))
    }

    fn release(&self, call: &Passed) {
        if let (Some(busy), Some(api)) = (&mut self.state.lock().unwrap().busy, call.rest_api()) {
            busy.remove(api);
        }
    }
}

impl Passed {
    /// The id of the REST API that it changes.
    fn rest_api(&self) -> Option<&str> {
        let (_, path) = self.what.split_once(" /restapis/").filter(|_| self.is_write)?;
        path.split('/').next()
    }
}

fn json_answer(status: u16, body: &Value) -> Response {
    let mut answer = Response::new(Body::from(body.to_string()));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap();
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer
}

/// What a request asks for: X-Amz-Target names it, or the form's Action, or method and path.
fn passed(head: &Parts, body: &[u8]) -> Passed {
    let target = head.headers.get("x-amz-target").and_then(|target| target.to_str().ok());
    let body = std::str::from_utf8(body).unwrap_or_default();
    let form = |name: &str| body.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    let (operation, object) = match (target, form("Action")) {
        (Some(target), _) => {
            let asked: Value = serde_json::from_str(body).unwrap_or_default();
            let names = ["name", "stateMachineArn", "logGroupName", "resourceArn"];
            let object = names.iter().find_map(|name| asked[name].as_str()).unwrap_or_default();
            (target.rsplit('.').next().unwrap_or_default().to_owned(), object.to_owned())
        }
        (None, Some(action)) => (action.to_owned(), form("RoleName").unwrap_or_default().to_owned()),
        (None, None) => (head.method.to_string(), head.uri.path().to_owned()),
    };
    let is_read = ["Get", "GET", "List", "Describe", "Filter"].iter().any(|verb| operation.starts_with(verb));
    Passed { what: format!("{operation} {object}"), is_write: !is_read }
}

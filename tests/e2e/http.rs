//! HTTP calls as a client makes them, answers as they came.

use std::fmt;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::HeaderMap;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

type Bytes = http_body_util::combinators::BoxBody<hyper::body::Bytes, std::convert::Infallible>;

/// The longest of all: a synchronous workflow, which API Gateway waits 29 s for.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(40);

/// What was answered.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub content_type: Option<String>,
    pub body: String,
    headers: HeaderMap,
}

impl Answer {
    /// The one value of a header, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.get_all(name).iter();
        let value = values.next().map(|value| value.to_str().unwrap());
        assert!(values.next().is_none(), "{name} is there twice: {:?}", self.headers);
        value
    }

    /// The body, which must be JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("the body is no JSON: {error}: {self:?}"))
    }
}

/// In one line.
impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}", self.status, self.body)
    }
}

/// One request. Made by [`get`] and [`post`].
#[derive(Clone)]
pub struct Request {
    method: String,
    url: String,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    lower_case: bool,
}

/// A request without a body.
pub fn get(url: impl Into<String>) -> Request {
    request("GET", url)
}

/// A request with a JSON body.
pub fn post(url: impl Into<String>, body: impl Into<Vec<u8>>) -> Request {
    request("POST", url).header("content-type", "application/json").body(body)
}

/// A request of any method, without headers and body.
pub fn request(method: &str, url: impl Into<String>) -> Request {
    Request { method: method.to_owned(), url: url.into(), headers: Vec::new(), body: Vec::new(), lower_case: false }
}

/// Its method and URL.
impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.url)
    }
}

impl Request {
    /// Sets a header; another of the same name goes.
    pub fn header(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Without this header.
    pub fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
        self
    }

    /// Sends the names of headers in lower case, as HTTP/2 does; else each word begins with a capital letter.
    pub fn lower_case(mut self) -> Self {
        self.lower_case = true;
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The answer, whatever its status.
    pub async fn send(self) -> Answer {
        let what = self.to_string();
        self.try_send().await.unwrap_or_else(|error| panic!("{what} was not answered: {error}"))
    }

    /// The answer, or why there is none.
    pub async fn try_send(self) -> Result<Answer, String> {
        let mut request = hyper::Request::builder().method(self.method.as_str()).uri(&self.url);
        for (name, value) in &self.headers {
            request = request.header(name, value.as_slice());
        }
        let request = request.body(Full::from(self.body).boxed()).map_err(|error| error.to_string())?;
        // A connection for each: one that was kept would break where a test cuts AWS off.
        let client: Client<HttpConnector, Bytes> = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .http1_title_case_headers(!self.lower_case)
            .build_http();
        let exchange = async {
            let answer = client.request(request).await.map_err(|error| format!("{error:?}"))?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await.map_err(|error| error.to_string())?.to_bytes();
            let content_type = head.headers.get("content-type").and_then(|value| value.to_str().ok());
            Ok(Answer {
                status: head.status.as_u16(),
                content_type: content_type.map(str::to_owned),
                body: String::from_utf8(body.to_vec()).map_err(|error| error.to_string())?,
                headers: head.headers,
            })
        };
        tokio::time::timeout(ANSWER_TIMEOUT, exchange).await.map_err(|_| "too late".to_owned())?
    }
}

//! Lets no request out but the one that was announced: an SDK's client sends what anybody asks it to, and the operator's IAM policy, rates
//! and metrics are derived from the list of operations.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use aws_sdk_sfn::config::interceptors::{BeforeSerializationInterceptorContextRef, FinalizerInterceptorContextRef};
use aws_sdk_sfn::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::interceptors::dyn_dispatch_hint;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use jiff::Timestamp;
use sfe_core::operation::Operation;

use super::limiter::{Limiter, Place};

tokio::task_local! {
    static ANNOUNCED: Operation;
}

/// Waits for a call, which may make this operation's requests.
pub async fn open<T>(operation: Operation, call: impl Future<Output = T>) -> T {
    ANNOUNCED.scope(operation, call).await
}

/// Stands in every client. It sees each attempt, also those that the SDK makes by itself.
pub struct Gate {
    limiter: Arc<Limiter>,
    place: Place,
}

impl Gate {
    /// One for the clients of a Region.
    pub fn new(limiter: Arc<Limiter>, place: Place) -> Self {
        Self { limiter, place }
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gate")
    }
}

#[dyn_dispatch_hint]
impl Intercept for Gate {
    fn name(&self) -> &'static str {
        "Gate"
    }

    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        cfg: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = cfg.load::<Metadata>().ok_or("a request without a name")?;
        match ANNOUNCED.try_with(|operation| *operation) {
            Ok(operation) if is(operation, request) => Ok(()),
            Ok(operation) => Err(format!("{} {} was made as {operation}", request.service(), request.name()).into()),
            Err(_) => Err(format!("{} {} was not announced", request.service(), request.name()).into()),
        }
    }

    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let answer = context.response();
        let throttled = answer.is_some_and(|answer| is_throttle(answer.status().as_u16(), answer.body().bytes()));
        if let (true, Ok(operation)) = (throttled, ANNOUNCED.try_with(|operation| *operation)) {
            self.limiter.throttled(&self.place, operation, Timestamp::now());
        }
        Ok(())
    }
}

/// Whether AWS says that there were too many calls. API Gateway does by the status alone; Step Functions, IAM and CloudWatch Logs by an error
/// code under the status 400, which stands in JSON, XML or a header's place in the body.
fn is_throttle(status: u16, body: Option<&[u8]>) -> bool {
    const CODES: [&str; 4] = ["Throttling", "TooManyRequests", "RequestLimitExceeded", "SlowDown"];
    let says = |code: &str| body.is_some_and(|body| body.windows(code.len()).any(|part| part == code.as_bytes()));
    status == 429 || (400..600).contains(&status) && CODES.into_iter().any(says)
}

/// Whether the SDK's request is this operation.
fn is(operation: Operation, request: &Metadata) -> bool {
    let service = match request.service() {
        "API Gateway" => "apigateway",
        "CloudWatch Logs" => "logs",
        "IAM" => "iam",
        "SFN" => "states",
        "STS" => "sts",
        _ => return false,
    };
    operation.service() == service && operation.action() == request.name()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::TcpListener;
    use std::sync::Mutex;
    use std::thread;
    use std::time::Duration;

    use aws_config::retry::RetryConfig;
    use aws_config::{BehaviorVersion, Region, SdkConfig};
    use aws_credential_types::provider::error::CredentialsError;
    use aws_credential_types::provider::{ProvideCredentials, future};
    use aws_sdk_sfn::config::{Credentials, SharedCredentialsProvider};
    use aws_sdk_sfn::error::DisplayErrorContext;

    use super::super::clients::{Calls, Clients, Uncounted};
    use super::super::error::Class;
    use super::super::limiter::Rates;
    use super::*;
    use crate::fence::Fence;

    /// Clients of a port where nobody listens: what gets through the gate ends there.
    fn clients() -> Clients {
        clients_of("http://127.0.0.1:9", RetryConfig::disabled(), Arc::new(Uncounted))
    }

    fn clients_of(endpoint: &str, retries: RetryConfig, calls: Arc<dyn Calls>) -> Clients {
        let credentials = SharedCredentialsProvider::new(Credentials::new("a", "b", None, None, "test"));
        clients_with(endpoint, credentials, retries, calls)
    }

    fn clients_with(
        endpoint: &str,
        credentials: SharedCredentialsProvider,
        retries: RetryConfig,
        calls: Arc<dyn Calls>,
    ) -> Clients {
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials)
            .retry_config(retries)
            .build();
        let place = Place { account: "000000000000".to_owned(), region: "eu-central-1".to_owned() };
        let limiter = Limiter::start(Rates::default(), Arc::clone(&calls));
        Clients::new(&config, calls, Arc::new(Fence::open()), limiter, place)
    }

    /// The last rate that was told of each lane.
    #[derive(Default)]
    struct Told(Mutex<BTreeMap<&'static str, f64>>);

    impl Calls for Told {
        fn ended(&self, _: Operation, _: Duration, _: bool) {}
        fn waited(&self, _: Operation, _: Duration) {}
        fn lane(&self, of: &'static str, _: &str, _: usize, per_second: f64) {
            self.0.lock().unwrap().insert(of, per_second);
        }
    }

    /// As API Gateway tells it, by which the SDK knows that it may try again.
    const TOO_MANY: &str = "429 Too Many Requests\r\nx-amzn-errortype: TooManyRequestsException";

    /// Answers one request after the other with these, and tells where.
    fn answers(answers: &'static [&'static str]) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            for (answer, stream) in answers.iter().zip(listener.incoming()) {
                let mut stream = stream.unwrap();
                let mut request = BufReader::new(stream.try_clone().unwrap());
                let mut line = String::new();
                while request.read_line(&mut line).unwrap() > 2 {
                    line.clear();
                }
                write!(stream, "HTTP/1.1 {answer}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}").unwrap();
            }
        });
        format!("http://{address}")
    }

    #[tokio::test]
    async fn a_throttle_is_seen_also_where_the_sdk_s_own_retry_succeeds() {
        let (told, endpoint) = (Arc::new(Told::default()), answers(&[TOO_MANY, "200 OK"]));
        let retries = RetryConfig::standard().with_initial_backoff(Duration::from_millis(1));
        let clients = clients_of(&endpoint, retries, Arc::clone(&told) as Arc<dyn Calls>);
        let stages = clients.apigateway.get_stages().rest_api_id("a").send();
        clients.call(Operation::GetStages, "x", stages).await.unwrap();
        assert_eq!(*told.0.lock().unwrap(), BTreeMap::from([("apigateway", 2.5)]), "half of 5 a second");
    }

    #[tokio::test]
    async fn a_throttled_call_without_a_documented_rate_gets_one_for_a_while() {
        let (told, endpoint) = (Arc::new(Told::default()), answers(&[TOO_MANY]));
        let clients = clients_of(&endpoint, RetryConfig::disabled(), Arc::clone(&told) as Arc<dyn Calls>);
        let groups = clients.logs.describe_log_groups().send();
        let error = clients.call(Operation::DescribeLogGroups, "x", groups).await.unwrap_err();
        assert_eq!(error.class, Class::Throttled);
        assert_eq!(*told.0.lock().unwrap(), BTreeMap::from([("logs:DescribeLogGroups", 2.5)]));
    }

    #[tokio::test]
    async fn a_denial_without_words_is_one_of_iam_s_actions() {
        const DENIED: &str = "403 Forbidden\r\nx-amzn-errortype: AccessDeniedException\r\nx-amzn-requestid: 1b-2c";
        let clients = clients_of(&answers(&[DENIED]), RetryConfig::disabled(), Arc::new(Uncounted));
        let request = clients.apigateway.create_stage().rest_api_id("a").stage_name("b").deployment_id("c").send();
        let error = clients.call(Operation::CreateStage, "stage b", request).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "apigateway:CreateStage failed: AccessDeniedException (stage b, HTTP 403, request 1b-2c)"
        );
        let allow = "allow `apigateway:POST` on `arn:aws:apigateway:eu-central-1::/restapis/*/stages` and `apigateway:PUT` on \
                     `arn:aws:apigateway:eu-central-1::/tags/*` in the IAM policy";
        assert!(format!("{:?}", error.remedy()).contains(allow), "{:?}", error.remedy());
    }

    /// Credentials that can't be had.
    #[derive(Debug)]
    struct NoCredentials;

    impl ProvideCredentials for NoCredentials {
        fn provide_credentials<'a>(&'a self) -> future::ProvideCredentials<'a>
        where
            Self: 'a,
        {
            future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("no providers in chain")))
        }
    }

    #[tokio::test]
    async fn a_lack_of_credentials_is_told_as_such() {
        let credentials = SharedCredentialsProvider::new(NoCredentials);
        let clients = clients_with("http://127.0.0.1:9", credentials, RetryConfig::disabled(), Arc::new(Uncounted));
        let request = clients.apigateway.get_rest_apis().send();
        let error = clients.call(Operation::GetRestApis, "all", request).await.unwrap_err();
        assert_eq!(error.class, Class::NoCredentials);
        assert!(error.to_string().contains("failed: the operator has no AWS credentials: "), "{error}");
        assert!(error.to_string().contains("no providers in chain"), "{error}");
    }

    #[test]
    fn a_throttle_is_told_by_its_status_or_its_code() {
        for (status, body, is) in [
            (429, "", true),
            (400, r#"{"__type":"ThrottlingException","message":"Rate exceeded"}"#, true),
            (400, "<Error><Code>Throttling</Code></Error>", true),
            (400, r#"{"__type":"ValidationException"}"#, false),
            (200, r#"{"description":"Throttling"}"#, false),
        ] {
            assert_eq!(is_throttle(status, Some(body.as_bytes())), is, "{status} {body}");
        }
    }

    #[tokio::test]
    async fn a_call_that_is_not_in_the_list_can_not_be_made() {
        let clients = clients();
        let start = clients.sfn.start_execution().state_machine_arn("arn").send().await;
        let said = DisplayErrorContext(start.unwrap_err()).to_string();
        assert!(said.contains("SFN StartExecution was not announced"), "{said}");
        let start = clients.sfn.start_execution().state_machine_arn("arn").send();
        let said = clients.call(Operation::CreateStateMachine, "x", start).await.unwrap_err().to_string();
        assert!(said.contains("SFN StartExecution was made as states:CreateStateMachine"), "{said}");
    }

    #[tokio::test]
    async fn a_call_that_is_announced_is_made() {
        let clients = clients();
        let calls = [
            clients.call(Operation::GetRestApis, "x", clients.apigateway.get_rest_apis().send()).await.err(),
            clients.call(Operation::GetRole, "x", clients.iam.get_role().role_name("x").send()).await.err(),
            clients.call(Operation::DescribeLogGroups, "x", clients.logs.describe_log_groups().send()).await.err(),
            clients
                .call(Operation::ListExecutions, "x", clients.sfn.list_executions().state_machine_arn("x").send())
                .await
                .err(),
            clients.call(Operation::GetCallerIdentity, "x", clients.sts.get_caller_identity().send()).await.err(),
        ];
        for error in calls {
            let said = error.unwrap().to_string();
            assert!(said.contains("AWS can't be reached"), "{said}");
        }
    }
}

//! The sandbox keeps its promises: what passes through it is exact, it can be cut off, and nothing of it stays.

#![allow(clippy::unwrap_used, reason = "clippy.toml allows it in tests, but not in what tests call")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sfe_sandbox::{Params, Rendering, Sandbox};

const WHOLE_BODY: &str = r#"{"input": "$util.escapeJavaScript($input.body).replaceAll("\\'","'")"}"#;
const END_TIMEOUT: Duration = Duration::from_secs(10);

#[tokio::test]
async fn two_at_once_are_apart_and_exact() {
    let (one, two) = tokio::join!(Sandbox::start(), Sandbox::start());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_ne!(one.aws_endpoint(), two.aws_endpoint());
    assert_ne!(one.api_server(), two.api_server());

    stage_passes_bodies_on(&one).await;
    templates_render_as_on_aws(&one).await;
    calls_are_told_apart_and_delayed(&one).await;
    aws_can_be_cut_off(&one).await;
    tokens_are_those_of_their_account(&one);
    assert_eq!(two.calls_after(0).await.unwrap(), [], "the other sandbox saw nothing");

    let (first, second) = (one.directory().to_owned(), two.directory().to_owned());
    drop(one);
    assert!(!first.exists(), "{}", first.display());
    assert_eq!(kubectl(&two, &["get", "--raw", "/readyz"]).trim(), "ok", "the other sandbox goes on");
    drop(two);
    assert!(!second.exists(), "{}", second.display());
}

fn hostile() -> Vec<String> {
    let text = [
        "it's",
        "\"",
        "\\'",
        "\\\\'",
        "'\\",
        "a\nb\r\n\tc",
        "\u{1}\u{0}\u{1f}\u{8}\u{c}",
        "\u{2028}\u{2029}",
        "\u{7f}\u{80}",
        "é😀",
        "$input.body ${x} $!y $util.escapeJavaScript('a')",
        "#set($a = 1) #if(true) ## #* *# #end",
        "@@",
        "</script>/",
        "\\u0027",
        "",
    ];
    let mut bodies: Vec<String> = text.iter().map(|text| json!({ "text": text }).to_string()).collect();
    bodies.push(json!({ "text": "'\"\\é".repeat(40 * 1024) }).to_string());
    bodies.extend([r#"{"n": 1.10, "n": 1e400}"#, " [ ] "].map(str::to_owned));
    bodies.extend(["token=x&y", "it's", "  ", "{\"raw\": \"\u{1}\u{7f}\u{2028}\"}"].map(str::to_owned));
    bodies
}

async fn stage_passes_bodies_on(sandbox: &Sandbox) {
    let mut bodies = hostile();
    bodies.push(String::new());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stage.py");
    let mut child = sandbox
        .command(sandbox.tool("python"))
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(serde_json::to_string(&bodies).unwrap().as_bytes()).unwrap();
    let output: Value = serde_json::from_slice(&child.wait_with_output().unwrap().stdout).unwrap();

    // The whole body of a request without one is an empty object.
    bodies.pop();
    bodies.push("{}".to_owned());
    let requests = sandbox.requests_after(0).await.unwrap();
    assert_eq!(requests.len(), bodies.len());
    for (request, body) in requests.iter().zip(&bodies) {
        assert_eq!(&input_of(&request.body), body);
        assert_eq!(request.target.as_deref(), Some("AWSStepFunctions.StartExecution"));
        assert_eq!(
            (request.resource_path.as_deref(), request.http_method.as_str(), request.stage.as_str()),
            (Some("/run"), "POST", "test")
        );
        assert_eq!(Some(request.api_id.as_str()), output["api_id"].as_str());
    }
    assert_eq!(
        requests.iter().map(|request| request.index).collect::<Vec<_>>(),
        (1..=bodies.len() as u64).collect::<Vec<_>>()
    );
    assert_eq!(sandbox.requests_after(requests.len() as u64).await.unwrap(), []);
    // A gateway's own call isn't among those of operators.
    let calls = sandbox.calls_after(0).await.unwrap();
    assert!(calls.iter().any(|call| call.operation == "CreateRestApi"));
    assert!(calls.iter().all(|call| call.operation != "StartExecution"));
}

fn input_of(request_body: &str) -> String {
    let request: Value = serde_json::from_str(request_body).unwrap();
    request["input"].as_str().unwrap().to_owned()
}

async fn templates_render_as_on_aws(sandbox: &Sandbox) {
    for body in hostile() {
        let rendering = Rendering { template: WHOLE_BODY, body: &body, ..Rendering::default() };
        assert_eq!(input_of(&sandbox.render(&rendering).await.unwrap().text), body);
    }
    let header = BTreeMap::from([("idempotency-key".to_owned(), "it's".to_owned())]);
    let check = async |template: &str, body: &str, text: &str, status_override: Option<u16>| {
        let params = Params { header: header.clone(), ..Params::default() };
        let context = json!({ "authorizer": { "claims": { "x-y": "claimed" } } });
        let rendered =
            sandbox.render(&Rendering { template, body, params, context, ..Rendering::default() }).await.unwrap();
        assert_eq!((rendered.text.as_str(), rendered.status_override), (text, status_override), "{template}");
    };
    check("$util.escapeJavaScript($input.body)", "'/é\u{7f}😀\u{1}", "\\'\\/\\u00E9\u{7f}\\uD83D\\uDE00\\u0001", None)
        .await;
    check(
        "[$input.path('$.x')]#if($input.path('$.x') == $null)a#end#if($input.path('$.x') == '')b#end",
        "{}",
        "[]ab",
        None,
    )
    .await;
    check("$input.body|$input.json('$.x')", "", "{}|\"\"", None).await;
    check("#if($input.params().header.containsKey('idempotency-key') == true)yes#end", "", "yes", None).await;
    check("#if($input.params().header.containsKey('Idempotency-Key') == true)yes#end", "", "", None).await;
    let look = "#foreach($n in $input.params().header.keySet())#if($n.equalsIgnoreCase('Idempotency-Key'))\
                $input.params().header.get($n)#end#end";
    check(look, "", "it's", None).await;
    check("$context.authorizer.claims['x-y'] $context.authorizer.claims.get('x-y')", "", "claimed claimed", None).await;
    let aborted = "#if($input.path('$.status') == 'ABORTED')#set($context.responseOverride.status = 500)stopped#end";
    check(aborted, r#"{"status": "ABORTED"}"#, "stopped", Some(500)).await;
    check("#if($input.path('$.__type').endsWith('#X'))x#end", r#"{"__type": "a#X"}"#, "x", None).await;
    check("$input.path('$.output')", r#"{"output": "{\"n\": 1.10}"}"#, "{\"n\": 1.10}", None).await;
}

async fn calls_are_told_apart_and_delayed(sandbox: &Sandbox) {
    let before = sandbox.calls_after(0).await.unwrap().last().map_or(0, |call| call.index);
    sandbox.set_latency(300).await.unwrap();
    let list = "import boto3; boto3.client('apigateway', region_name='eu-central-1').get_rest_apis()";
    let start = Instant::now();
    let status = sandbox
        .command(sandbox.tool("python"))
        .args(["-c", list])
        .env("AWS_ACCESS_KEY_ID", "second-operator")
        .status()
        .unwrap();
    assert!(status.success());
    assert!(start.elapsed() > Duration::from_millis(300));
    sandbox.set_latency(0).await.unwrap();
    let calls = sandbox.calls_after(before).await.unwrap();
    let [call] = calls.as_slice() else { unreachable!("{calls:?}") };
    assert_eq!((call.service.as_str(), call.operation.as_str()), ("apigateway", "GetRestApis"));
    assert_eq!(call.access_key.as_deref(), Some("second-operator"));
}

async fn aws_can_be_cut_off(sandbox: &Sandbox) {
    let address = sandbox.aws_endpoint().trim_start_matches("http://").to_owned();
    sandbox.aws_reachable(false).await.unwrap();
    let refused = TcpStream::connect(&address).unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert!(!sandbox.calls_after(0).await.unwrap().is_empty(), "the records stay readable");
    sandbox.aws_reachable(false).await.unwrap();
    sandbox.aws_reachable(true).await.unwrap();
    sandbox.aws_reachable(true).await.unwrap();
    TcpStream::connect(&address).unwrap();
}

fn tokens_are_those_of_their_account(sandbox: &Sandbox) {
    kubectl(sandbox, &["create", "serviceaccount", "operator"]);
    kubectl(sandbox, &["create", "role", "reader", "--verb=get,list", "--resource=configmaps"]);
    kubectl(sandbox, &["create", "rolebinding", "reader", "--role=reader", "--serviceaccount=default:operator"]);
    let token = kubectl(sandbox, &["create", "token", "operator"]);
    let kubeconfig = sandbox.kubeconfig_for("operator", token.trim()).unwrap();
    let can = |verb: &str| {
        let mut command = sandbox.command("kubectl");
        let output =
            command.env("KUBECONFIG", &kubeconfig).args(["auth", "can-i", verb, "configmaps"]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    assert_eq!((can("list").as_str(), can("delete").as_str()), ("yes", "no"));
}

fn kubectl(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let output = sandbox.command("kubectl").args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn killed_leaves_nothing() {
    let mut owner = Command::new(env!("CARGO_BIN_EXE_sfe-sandbox")).arg("up").stdout(Stdio::piped()).spawn().unwrap();
    let lines = BufReader::new(owner.stdout.take().unwrap()).lines().map(Result::unwrap);
    let printed: Vec<String> = lines.take_while(|line| !line.contains("Ctrl-C")).collect();
    let value = |name: &str| {
        let start = format!("export {name}='");
        printed.iter().find_map(|line| line.strip_prefix(&start)?.strip_suffix('\'')).unwrap().to_owned()
    };
    let kubeconfig = PathBuf::from(value("KUBECONFIG"));
    let server: Value = serde_json::from_slice(&std::fs::read(&kubeconfig).unwrap()).unwrap();
    let server = server["clusters"][0]["cluster"]["server"].as_str().unwrap().trim_start_matches("https://").to_owned();
    TcpStream::connect(&server).unwrap();

    // The signal is KILL, which leaves the owner no time for anything.
    owner.kill().unwrap();
    owner.wait().unwrap();
    let until = Instant::now() + END_TIMEOUT;
    while kubeconfig.parent().unwrap().exists() || TcpStream::connect(&server).is_ok() {
        assert!(Instant::now() < until, "still there: {}", kubeconfig.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

use proptest::prelude::*;
use rstest::rstest;

use super::*;
use crate::operation::matches;

fn key(method: HttpMethod, path: &str) -> RouteKey {
    RouteKey { path: path.to_owned(), method }
}

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

fn office() -> Callers {
    Callers { allow: Sources { cidrs: set(&["192.0.2.0/24"]), ..Sources::default() }, ..Callers::default() }
}

#[rstest]
#[case::all_that_is_open_is_one(
    &[(HttpMethod::Get, "/a", Gate::Open), (HttpMethod::Any, "/b/{id}", Gate::Open)],
    "execute-api:/*"
)]
#[case::what_is_signed_is_left_to_iam(
    &[(HttpMethod::Get, "/", Gate::Open), (HttpMethod::Get, "/a/{id}", Gate::Open), (HttpMethod::Post, "/a/{id}", Gate::Signed)],
    "execute-api:/prod/GET/ execute-api:/prod/GET/a/*"
)]
#[case::so_is_what_a_function_decides(&[(HttpMethod::Get, "/a", Gate::Lambda)], "")]
#[case::any_other_method(
    &[(HttpMethod::Any, "/a", Gate::Open), (HttpMethod::Get, "/a", Gate::Signed), (HttpMethod::Head, "/a", Gate::Open)],
    "execute-api:/prod/DELETE/a execute-api:/prod/HEAD/a execute-api:/prod/OPTIONS/a execute-api:/prod/PATCH/a execute-api:/prod/POST/a execute-api:/prod/PUT/a"
)]
#[case::a_star_goes_on(
    &[(HttpMethod::Get, "/a/{id}", Gate::Open), (HttpMethod::Get, "/a/{id}/b", Gate::Lambda)],
    "GET /a/{id} would open GET /a/{id}/b, as a `*` of a policy goes beyond a `/`: set the same `auth` for both, or change one path"
)]
#[case::an_escaped_slash(
    &[(HttpMethod::Get, "/a/{id}/b", Gate::Open), (HttpMethod::Any, "/a/{id}", Gate::Signed)],
    "GET /a/{id}/b would open ANY /a/{id}, as a `*` of a policy goes beyond a `/`: set the same `auth` for both, or change one path"
)]
fn an_allow_names(#[case] methods: &[(HttpMethod, &str, Gate)], #[case] expected: &str) {
    let methods: Vec<_> = methods.iter().map(|(method, path, gate)| (key(*method, path), *gate)).collect();
    let found = resources(&methods, &["prod"], |gate| gate == Gate::Open, |gate| gate != Gate::Open);
    let found = found.map(|found| found.into_iter().collect::<Vec<_>>().join(" "));
    assert_eq!(found.unwrap_or_else(|why| why), expected);
}

#[test]
fn a_policy_reads() {
    let callers = Callers {
        deny: Sources { cidrs: set(&["192.0.2.7/32"]), ..Sources::default() },
        accounts: set(&["111122223333"]),
        ..office()
    };
    let methods = [(key(HttpMethod::Get, "/a"), Gate::Open), (key(HttpMethod::Post, "/a"), Gate::Signed)];
    let policy = callers.policy(&methods, &["prod"], false).unwrap();
    let statement = |rest: &str| format!(r#"{{"Action":"execute-api:Invoke",{rest}}}"#);
    let expected = [
        statement(
            r#""Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.7/32"}},"Effect":"Deny","Principal":"*","Resource":"execute-api:/*""#,
        ),
        statement(
            r#""Condition":{"NotIpAddress":{"aws:SourceIp":"192.0.2.0/24"}},"Effect":"Deny","Principal":"*","Resource":"execute-api:/*""#,
        ),
        statement(r#""Effect":"Allow","Principal":"*","Resource":"execute-api:/prod/GET/a""#),
        statement(r#""Effect":"Allow","Principal":{"AWS":"111122223333"},"Resource":"execute-api:/*""#),
    ];
    assert_eq!(policy.to_json(), format!(r#"{{"Statement":[{}],"Version":"2012-10-17"}}"#, expected.join(",")));
    let answered = policy.to_json().replace("111122223333", "arn:aws:iam::111122223333:root");
    let answered = answered.replace("execute-api:/", "arn:aws:execute-api:eu-central-1:000000000000:a1/");
    assert_eq!(ResourcePolicy::observed(Some(&answered)).on("a1"), policy.on("a1"), "as API Gateway answers it");
}

#[test]
fn a_policy_has_a_size() {
    let methods = |count: usize| -> Vec<_> {
        let open = (0..count).map(|at| (key(HttpMethod::Get, &format!("/{at:020}")), Gate::Open));
        open.chain([(key(HttpMethod::Get, "/a"), Gate::Signed)]).collect()
    };
    let policy = office().policy(&methods(50), &["prod"], false).unwrap().to_json();
    let longest = "arn:aws-us-gov:execute-api:ap-southeast-1:000000000000:a1b2c3d4e5/";
    assert!(policy.replace("execute-api:/", longest).chars().count() <= CHARACTERS_MAX);
    let why = office().policy(&methods(100), &["prod"], false).unwrap_err();
    assert!(why.starts_with("it would have 1") && why.contains("characters of 8192"), "{why}");
}

#[rstest]
#[case("192.0.2.0/24", "")]
#[case("0.0.0.0/0", "")]
#[case("::/0", "")]
#[case("2001:db8::/32", "")]
#[case("192.0.2.1/24", "the range is 192.0.2.0/24: set the bits after its length to zero")]
#[case("2001:db8::1/64", "the range is 2001:db8::/64: set the bits after its length to zero")]
#[case("192.0.2.1", "allowed are ranges such as 192.0.2.0/24, 192.0.2.1/32 and 2001:db8::/32")]
#[case("192.0.2.0/33", "allowed are ranges such as 192.0.2.0/24, 192.0.2.1/32 and 2001:db8::/32")]
#[case("192.0.2.0/+4", "allowed are ranges such as 192.0.2.0/24, 192.0.2.1/32 and 2001:db8::/32")]
#[case("192.0.2/24", "allowed are ranges such as 192.0.2.0/24, 192.0.2.1/32 and 2001:db8::/32")]
fn a_range_reads(#[case] text: &str, #[case] mistake: &str) {
    assert_eq!(Cidr::parse(text).err().unwrap_or_default(), mistake);
}

#[test]
fn a_range_contains() {
    let contains = |wide: &str, narrow: &str| Cidr::parse(wide).unwrap().contains(&Cidr::parse(narrow).unwrap());
    assert!(contains("0.0.0.0/0", "192.0.2.0/24") && contains("192.0.2.0/24", "192.0.2.128/25"));
    assert!(!contains("192.0.2.0/25", "192.0.2.0/24") && !contains("::/0", "192.0.2.0/24"));
}

/// What IAM says of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allow,
    Neither,
    Deny,
}

/// A call: where it comes from, by whom, and what else has decided about it.
#[derive(Clone, Debug)]
struct Caller {
    address: &'static str,
    /// Known on a private API alone.
    vpc: &'static str,
    /// The account of who signed the request.
    account: Option<&'static str>,
    /// What IAM policies of who signed it say, a Lambda authorizer, or Cognito (never neither).
    other: Verdict,
}

const OWN: &str = "000000000000";

/// As IAM reads a document. Source: IAM user guide, "Policy evaluation logic", "IAM JSON policy elements: Condition operators" (a negated one is
/// true of a key that is missing).
fn verdict(policy: &ResourcePolicy, caller: &Caller, resource: &str, is_private: bool) -> Verdict {
    let document: Value = serde_json::from_str(&policy.to_json()).unwrap();
    let list = |value: &Value| match value {
        Value::Array(items) => items.iter().map(|item| item.as_str().unwrap().to_owned()).collect(),
        value => vec![value.as_str().unwrap().to_owned()],
    };
    let known = |key: &str| match key {
        "aws:SourceIp" => (!is_private).then_some(caller.address),
        "aws:VpcSourceIp" => is_private.then_some(caller.address),
        "aws:SourceVpc" => is_private.then_some(caller.vpc),
        other => panic!("{other}"),
    };
    let inside = |range: &str, address: &str| {
        let bits = if address.contains(':') { 128 } else { 32 };
        Cidr::parse(range).unwrap().contains(&Cidr::parse(&format!("{address}/{bits}")).unwrap())
    };
    let holds = |operator: &str, key: &str, values: &[String]| {
        let any = |matches: &dyn Fn(&str, &str) -> bool| {
            known(key).is_some_and(|found| values.iter().any(|value| matches(value, found)))
        };
        match operator {
            "IpAddress" => any(&inside),
            "NotIpAddress" => !any(&inside),
            "StringEquals" => any(&|value, found| value == found),
            "StringNotEquals" => !any(&|value, found| value == found),
            other => panic!("{other}"),
        }
    };
    let statements = match &document["Statement"] {
        Value::Array(all) => all.clone(),
        one => vec![one.clone()],
    };
    let mut result = Verdict::Neither;
    for statement in statements {
        let is_of = match &statement["Principal"] {
            Value::String(any) => any == "*",
            principal => caller.account.is_some_and(|account| list(&principal["AWS"]).iter().any(|one| one == account)),
        };
        let names = list(&statement["Resource"]).iter().any(|pattern| matches(pattern, resource));
        let conditions = statement["Condition"].as_object().cloned().unwrap_or_default();
        let applies = conditions.iter().all(|(operator, keys)| {
            keys.as_object().unwrap().iter().all(|(key, values)| holds(operator, key, &list(values)))
        });
        if is_of && names && applies {
            match statement["Effect"].as_str() {
                Some("Deny") => return Verdict::Deny,
                _ => result = Verdict::Allow,
            }
        }
    }
    result
}

/// Whether API Gateway lets a call in, by its tables.
fn lets_in(gate: Gate, policy: Verdict, caller: &Caller) -> bool {
    if policy == Verdict::Deny || caller.other == Verdict::Deny {
        return false;
    }
    let (by_policy, by_other) = (policy == Verdict::Allow, caller.other == Verdict::Allow);
    match gate {
        Gate::Open => by_policy && by_other,
        Gate::Lambda => by_policy || by_other,
        Gate::Signed if caller.account == Some(OWN) => by_policy || by_other,
        Gate::Signed => caller.account.is_some() && by_policy && by_other,
    }
}

/// What the lists mean.
fn is_meant(callers: &Callers, gate: Gate, caller: &Caller, is_private: bool) -> bool {
    let comes_from = |sources: &Sources| {
        let by_address = sources.cidrs.iter().any(|range| {
            let bits = if caller.address.contains(':') { 128 } else { 32 };
            Cidr::parse(range).unwrap().contains(&Cidr::parse(&format!("{}/{bits}", caller.address)).unwrap())
        });
        by_address || (is_private && sources.vpcs.contains(caller.vpc))
    };
    let from = (callers.allow.is_empty() || comes_from(&callers.allow)) && !comes_from(&callers.deny);
    let who = match (gate, caller.account) {
        (Gate::Open | Gate::Lambda, _) | (Gate::Signed, Some(OWN)) => true,
        (Gate::Signed, account) => account.is_some_and(|account| callers.accounts.contains(account)),
    };
    from && who && caller.other == Verdict::Allow
}

const PATHS: [&str; 7] = ["/", "/a", "/a/{id}", "/a/{id}/b", "/b", "/b/{rest+}", "/a/b"];
const METHODS: [HttpMethod; 3] = [HttpMethod::Any, HttpMethod::Get, HttpMethod::Post];
const RANGES: [&str; 5] = ["192.0.2.0/24", "192.0.2.0/25", "198.51.100.0/24", "2001:db8::/32", "0.0.0.0/0"];
const VPCS: [&str; 2] = ["vpc-11111111", "vpc-22222222"];

fn any_methods() -> impl Strategy<Value = Vec<(RouteKey, Gate)>> {
    let gate = prop_oneof![3 => Just(Gate::Open), 1 => Just(Gate::Signed), 1 => Just(Gate::Lambda)];
    let key = (prop::sample::select(&METHODS[..]), prop::sample::select(&PATHS[..]))
        .prop_map(|(method, path)| key(method, path));
    prop::collection::btree_map(key, gate, 1..6).prop_map(|methods| methods.into_iter().collect())
}

fn any_callers() -> impl Strategy<Value = Callers> {
    let sources = || {
        let texts =
            |all: &'static [&'static str]| prop::sample::subsequence(all, 0..=all.len()).prop_map(|texts| set(&texts));
        (texts(&RANGES), texts(&VPCS)).prop_map(|(cidrs, vpcs)| Sources { cidrs, vpcs, ..Sources::default() })
    };
    let accounts = prop::sample::subsequence(vec!["111122223333"], 0..=1).prop_map(|texts| set(&texts));
    let callers =
        (prop_oneof![Just(Sources::default()), sources()], prop_oneof![Just(Sources::default()), sources()], accounts);
    callers.prop_map(|(allow, deny, accounts)| Callers { allow, deny, accounts })
}

fn any_caller() -> impl Strategy<Value = Caller> {
    let address = prop::sample::select(vec![
        "192.0.2.1",
        "192.0.2.200",
        "198.51.100.9",
        "203.0.113.1",
        "2001:db8::1",
        "2001:db9::1",
    ]);
    let vpc = prop::sample::select(vec![VPCS[0], VPCS[1], "vpc-33333333"]);
    let account = prop::sample::select(vec![None, Some(OWN), Some("111122223333"), Some("444455556666")]);
    let other = prop::sample::select(vec![Verdict::Allow, Verdict::Neither, Verdict::Deny]);
    (address, vpc, account, other).prop_map(|(address, vpc, account, other)| Caller { address, vpc, account, other })
}

/// Requests that a method serves, as their ARN has them.
fn requests(key: &RouteKey, methods: &[(RouteKey, Gate)]) -> Vec<String> {
    let mut requests = Vec::new();
    for (verb, _) in calls(key, methods) {
        for value in ["x", "b", "x/b", "x/y"] {
            let parts: Vec<&str> =
                key.path.split('/').map(|part| if part.starts_with('{') { value } else { part }).collect();
            requests.push(format!("execute-api:/prod/{verb}{}", parts.join("/")));
        }
    }
    requests
}

proptest! {
    #[test]
    fn a_policy_lets_in_whom_the_lists_mean(
        methods in any_methods(), callers in any_callers(), caller in any_caller(), is_private in any::<bool>()
    ) {
        let Ok(policy) = callers.policy(&methods, &["prod"], is_private) else { return Ok(()) };
        for (key, gate) in &methods {
            // Nobody signs what asks for no signature, and what else decides there is whether Cognito knows the token.
            let mut caller = caller.clone();
            if *gate != Gate::Signed {
                caller.account = None;
            }
            if *gate == Gate::Open && caller.other == Verdict::Neither {
                caller.other = Verdict::Deny;
            }
            for resource in requests(key, &methods) {
                // Another method may be the one that serves this.
                let verdict = if policy.is_none() { Verdict::Neither } else { verdict(&policy, &caller, &resource, is_private) };
                let found = lets_in(*gate, verdict, &caller);
                prop_assert_eq!(found, is_meant(&callers, *gate, &caller, is_private), "{:?} {} {}", caller, resource, policy.to_json());
            }
        }
    }

    #[test]
    fn patterns_overlap_where_a_text_matches_both(one in "[ab*]{0,6}", other in "[ab*]{0,6}", text in "[ab]{0,8}") {
        if matches(&one, &text) && matches(&other, &text) {
            prop_assert!(overlap(one.as_bytes(), other.as_bytes()), "{} {} {}", one, other, text);
        }
        if !other.contains('*') {
            prop_assert_eq!(overlap(one.as_bytes(), other.as_bytes()), matches(&one, &other));
        }
        prop_assert_eq!(overlap(one.as_bytes(), other.as_bytes()), overlap(other.as_bytes(), one.as_bytes()));
    }
}

//! What a cluster's admin lets the manifests of each namespace refer to: accounts, existing roles, existing state machines, others' REST APIs,
//! existing log groups and streams.
//!
//! Rules that match a namespace add up. What no rule allows is refused; with no rule at all a namespace has objects of its own alone.

use serde::Deserialize;

use crate::arn::Arn;

/// The most rules.
const RULES_MAX: usize = 1_000;

/// The rules, as they are written.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Limits(Vec<Rule>);

/// What the namespaces of one rule may refer to.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    /// Names of namespaces; `*` stands for any characters.
    namespaces: Vec<String>,
    /// Accounts in which they may have objects; every account without it.
    accounts: Option<Vec<String>>,
    /// ARNs of existing roles, `*` standing for any characters within a part of the ARN.
    #[serde(default)]
    roles: Vec<String>,
    /// ARNs of existing state machines, likewise.
    #[serde(default)]
    state_machines: Vec<String>,
    /// Ids of others' REST APIs, or `*`.
    #[serde(default)]
    rest_apis: Vec<String>,
    /// ARNs of existing log groups and Firehose streams, likewise.
    #[serde(default)]
    log_destinations: Vec<String>,
}

/// What one namespace may refer to.
#[derive(Clone, Debug)]
pub struct Allowed<'a>(Vec<&'a Rule>);

impl Limits {
    /// Reads rules from YAML: a list. Errors say which rule and field is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let limits: Option<Self> = serde_saphyr::from_str(text).map_err(|error| error.to_string())?;
        let limits = limits.unwrap_or_default();
        if limits.0.len() > RULES_MAX {
            return Err(format!("{} rules: at most {RULES_MAX} are allowed", limits.0.len()));
        }
        for (index, rule) in limits.0.iter().enumerate() {
            rule.check().map_err(|wrong| format!("rule {}: {wrong}", index + 1))?;
        }
        Ok(limits)
    }

    /// What this namespace may refer to.
    pub fn of(&self, namespace: &str) -> Allowed<'_> {
        let names = |rule: &&Rule| rule.namespaces.iter().any(|pattern| matches(pattern, namespace));
        Allowed(self.0.iter().filter(names).collect())
    }
}

impl Rule {
    fn check(&self) -> Result<(), String> {
        if self.namespaces.is_empty() {
            return Err("namespaces: at least one is required".to_owned());
        }
        let is_account = |text: &String| text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit());
        if let Some(wrong) = self.accounts.iter().flatten().find(|text| !is_account(text)) {
            return Err(format!("accounts: `{wrong}`: an account has twelve digits, in quotes"));
        }
        let arns = [
            ("roles", &self.roles),
            ("stateMachines", &self.state_machines),
            ("logDestinations", &self.log_destinations),
        ];
        for (field, patterns) in arns {
            let is_arn =
                |text: &&String| text.as_str() == "*" || text.starts_with("arn:") && text.split(':').count() >= 6;
            if let Some(wrong) = patterns.iter().find(|text| !is_arn(text)) {
                return Err(format!(
                    "{field}: `{wrong}`: must be an ARN, with `*` for any characters of a part, or `*` alone"
                ));
            }
        }
        let is_id = |text: &&String| text.as_str() == "*" || text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if let Some(wrong) = self.rest_apis.iter().find(|text| !is_id(text)) {
            return Err(format!("restApis: `{wrong}`: must be an id such as `a1b2c3d4e5`, or `*` alone"));
        }
        Ok(())
    }
}

impl Allowed<'_> {
    /// Whether objects may be in this account; else what is allowed.
    pub fn account(&self, account: &str) -> Result<(), String> {
        let lists: Vec<&Vec<String>> = self.0.iter().filter_map(|rule| rule.accounts.as_ref()).collect();
        let any = lists.len() < self.0.len() || self.0.is_empty();
        if any || lists.iter().any(|list| list.iter().any(|allowed| allowed == account)) {
            return Ok(());
        }
        Err(told("accounts", lists.into_iter().flatten()))
    }

    /// Whether this role may be named; else what is allowed.
    pub fn role(&self, arn: &Arn) -> Result<(), String> {
        let patterns = || self.0.iter().flat_map(|rule| &rule.roles);
        if patterns().any(|pattern| matches_arn(pattern, arn)) { Ok(()) } else { Err(told("roles", patterns())) }
    }

    /// Whether this state machine may be named; else what is allowed.
    pub fn state_machine(&self, arn: &Arn) -> Result<(), String> {
        let patterns = || self.0.iter().flat_map(|rule| &rule.state_machines);
        if patterns().any(|pattern| matches_arn(pattern, arn)) {
            Ok(())
        } else {
            Err(told("state machines", patterns()))
        }
    }

    /// Whether this log group or stream may be named; else what is allowed.
    pub fn log_destination(&self, arn: &Arn) -> Result<(), String> {
        let patterns = || self.0.iter().flat_map(|rule| &rule.log_destinations);
        if patterns().any(|pattern| matches_arn(pattern, arn)) {
            Ok(())
        } else {
            Err(told("log destinations", patterns()))
        }
    }

    /// Whether routes may be put on this REST API of someone else's; else what is allowed.
    pub fn rest_api(&self, id: &str) -> Result<(), String> {
        let ids = || self.0.iter().flat_map(|rule| &rule.rest_apis);
        if ids().any(|allowed| allowed == "*" || allowed == id) { Ok(()) } else { Err(told("REST APIs", ids())) }
    }
}

fn told<'a>(what: &str, allowed: impl Iterator<Item = &'a String>) -> String {
    const SHOWN_MAX: usize = 10;
    let shown: Vec<&str> = allowed.take(SHOWN_MAX).map(String::as_str).collect();
    let allowed = if shown.is_empty() { "none".to_owned() } else { shown.join(", ") };
    format!("the cluster's admin limits the {what} of this namespace: allowed are {allowed}")
}

/// Part by part, so that no `*` reaches into another part: a name can't pass for an account.
fn matches_arn(pattern: &str, arn: &Arn) -> bool {
    let parts = |text: &str| text.splitn(6, ':').map(str::to_owned).collect::<Vec<_>>();
    let (patterns, found) = (parts(pattern), parts(arn.as_str()));
    pattern == "*" || patterns.len() == found.len() && patterns.iter().zip(&found).all(|(one, text)| matches(one, text))
}

/// Whether the whole text is as the pattern says, `*` standing for any characters, none included.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut left) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        // The first place is as good as any: what follows needs no more than what is left.
        let Some(at) = left.find(part) else { return false };
        left = left.get(at + part.len()..).unwrap_or_default();
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const RULES: &str = r#"
- namespaces: [shop, team-a-*]
  accounts: ["000000000000"]
  roles: ["arn:aws:iam::000000000000:role/shop/*"]
  stateMachines: ["arn:aws:states:*:000000000000:stateMachine:shop-*"]
- namespaces: [shop]
  stateMachines: ["arn:aws:states:eu-central-1:000000000000:stateMachine:common"]
- namespaces: [admin]
  roles: ["*"]
  stateMachines: ["*"]
"#;

    fn machine(namespace: &str, name: &str) -> Result<(), String> {
        let arn = format!("arn:aws:states:eu-central-1:000000000000:stateMachine:{name}");
        Limits::parse(RULES).unwrap().of(namespace).state_machine(&arn.parse().unwrap())
    }

    #[rstest]
    #[case::by_glob("shop", "shop-orders", true)]
    #[case::by_another_rule("shop", "common", true)]
    #[case::of_another("shop", "bank-orders", false)]
    #[case::only_as_a_whole("shop", "my-shop-orders", false)]
    #[case::namespace_by_glob("team-a-test", "shop-orders", true)]
    #[case::no_prefix("team-a", "shop-orders", false)]
    #[case::not_by_another_rule("team-a-test", "common", false)]
    #[case::all("admin", "bank-orders", true)]
    #[case::no_rule("other", "shop-orders", false)]
    #[case::no_other_part("shop", "bank:000000000000:stateMachine:shop-x", false)]
    fn state_machines_are_limited(#[case] namespace: &str, #[case] name: &str, #[case] allowed: bool) {
        assert_eq!(machine(namespace, name).is_ok(), allowed);
    }

    #[test]
    fn what_is_refused_says_what_is_allowed() {
        let said = "the cluster's admin limits the state machines of this namespace: allowed are";
        assert_eq!(machine("other", "x").unwrap_err(), format!("{said} none"));
        let allowed = "arn:aws:states:*:000000000000:stateMachine:shop-*";
        assert_eq!(machine("team-a-1", "x").unwrap_err(), format!("{said} {allowed}"));
        let limits = Limits::parse(RULES).unwrap();
        assert!(limits.of("team-a-1").account("000000000000").is_ok());
        assert!(limits.of("team-a-1").account("111111111111").unwrap_err().ends_with("allowed are 000000000000"));
        assert!(
            limits.of("other").account("111111111111").is_ok() && limits.of("shop").account("111111111111").is_ok()
        );
        let role = |name: &str| format!("arn:aws:iam::000000000000:role/{name}").parse::<Arn>().unwrap();
        assert!(limits.of("shop").role(&role("shop/x")).is_ok());
        assert!(limits.of("shop").role(&role("admin")).unwrap_err().ends_with("role/shop/*"));
    }

    #[rstest]
    #[case("- {namespaces: []}", "rule 1: namespaces: at least one is required")]
    #[case("- {namespaces: [a], accounts: ['12']}", "rule 1: accounts: `12`: an account has twelve digits, in quotes")]
    #[case(
        "- {namespaces: [a]}\n- {namespaces: [b], roles: ['role/*']}",
        "rule 2: roles: `role/*`: must be an ARN, with `*` for any characters of a part, or `*` alone"
    )]
    #[case("- {namespaces: [a], role: []}", "role")]
    #[case(
        "- {namespaces: [a], restApis: ['a*']}",
        "rule 1: restApis: `a*`: must be an id such as `a1b2c3d4e5`, or `*` alone"
    )]
    fn a_wrong_rule_is_refused(#[case] text: &str, #[case] says: &str) {
        let said = Limits::parse(text).unwrap_err();
        assert!(said.contains(says), "{said}");
    }

    #[rstest]
    fn no_rule_is_a_rule(#[values("", "[]", "# nothing")] text: &str) {
        assert_eq!(Limits::parse(text), Ok(Limits::default()));
    }

    #[rstest]
    #[case("a*c", "abc", true)]
    #[case("a*c", "ac", true)]
    #[case("a*b*b", "ab", false)]
    #[case("a*b*b", "abb", true)]
    #[case("*", "", true)]
    #[case("a", "ab", false)]
    fn a_glob_matches(#[case] pattern: &str, #[case] text: &str, #[case] expected: bool) {
        assert_eq!(matches(pattern, text), expected);
    }
}

//! The resource policy that lists of a manifest make: where calls may come from, and which accounts may sign them.
//!
//! An Allow decides by the kind of a method. Source: API Gateway developer guide, "How API Gateway resource policies affect authorization
//! workflow", tables A and B.
//!
//! - Without authorization, and with Cognito, nobody calls without one.
//! - Of a signed request, and of what a Lambda authorizer answers, either that or the policy has to allow it: an Allow for everybody would let in
//!   whom the other one doesn't. So it never covers such a method, and where a call comes from is limited by a Deny, which holds for all.
//! - A signed request of another account needs both.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde_json::{Map, Value, json};

use super::resource::CHARACTERS_MAX;
use super::{PolicyDocument, ResourcePolicy};
use crate::api::HttpMethod;
use crate::desired::RouteKey;

/// By how much API Gateway lengthens a resource when it spells it out, at most.
const SPELLED_OUT: usize =
    "arn:aws-us-gov:execute-api:ap-southeast-1:000000000000:a1b2c3d4e5".len() - "execute-api:".len();

/// Who may call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Callers {
    /// Calls come from one of these; from anywhere, if there is none.
    pub allow: Sources,
    /// Calls don't come from any of these.
    pub deny: Sources,
    /// The other accounts whose identities may sign requests.
    pub accounts: BTreeSet<String>,
}

/// Where calls come from.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sources {
    /// Ranges of addresses.
    pub cidrs: BTreeSet<String>,
    /// VPCs, of a private API.
    pub vpcs: BTreeSet<String>,
    /// VPC endpoints, of a private API.
    pub vpc_endpoints: BTreeSet<String>,
}

/// What lets a call in beside the policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Gate {
    /// Nothing, or Cognito: the policy has to allow it too.
    Open,
    /// A signature.
    Signed,
    /// What a Lambda authorizer answers.
    Lambda,
}

impl Gate {
    /// That of an authorization type, as AWS spells it.
    pub fn of(authorization_type: &str) -> Self {
        match authorization_type {
            "NONE" | "COGNITO_USER_POOLS" => Self::Open,
            "AWS_IAM" => Self::Signed,
            _ => Self::Lambda, // CUSTOM: nothing is allowed beside what the authorizer says
        }
    }
}

impl Sources {
    /// Whether none is said.
    pub fn is_empty(&self) -> bool {
        self.cidrs.is_empty() && self.vpcs.is_empty() && self.vpc_endpoints.is_empty()
    }

    /// By which keys a policy knows them. Source: developer guide, "AWS condition keys that can be used in API Gateway resource policies".
    fn keys(&self, is_private: bool) -> impl Iterator<Item = (&'static str, &BTreeSet<String>)> {
        let address = if is_private { "aws:VpcSourceIp" } else { "aws:SourceIp" };
        let keys = [(address, &self.cidrs), ("aws:SourceVpc", &self.vpcs), ("aws:SourceVpce", &self.vpc_endpoints)];
        keys.into_iter().filter(|(_, values)| !values.is_empty())
    }
}

impl Callers {
    /// Whether any VPC is named, by which a private API alone knows its callers.
    pub fn name_vpcs(&self) -> bool {
        [&self.allow, &self.deny].iter().any(|sources| !sources.vpcs.is_empty() || !sources.vpc_endpoints.is_empty())
    }

    /// The policy of an API with these methods, each stage of which has them; the error says why there can be none.
    pub fn policy(
        &self,
        methods: &[(RouteKey, Gate)],
        stages: &[&str],
        is_private: bool,
    ) -> Result<ResourcePolicy, String> {
        let mut statements = Vec::new();
        if !self.allow.is_empty() {
            let mut condition = Map::new();
            for (key, values) in self.allow.keys(is_private) {
                let operator = if key.ends_with("SourceIp") { "NotIpAddress" } else { "StringNotEquals" };
                condition.entry(operator).or_insert_with(|| json!({}))[key] = json!(values);
            }
            statements.push(denying(&Value::Object(condition)));
        }
        for (key, values) in self.deny.keys(is_private) {
            let operator = if key.ends_with("SourceIp") { "IpAddress" } else { "StringEquals" };
            statements.push(denying(&json!({ operator: { key: values } })));
        }
        let is_open = |gate: Gate| gate == Gate::Open;
        let open = resources(methods, stages, is_open, |gate| !is_open(gate))?;
        statements.extend((!open.is_empty()).then(|| allowing(&json!("*"), &open)));
        if !self.accounts.is_empty() {
            let signed = resources(methods, stages, |gate| gate == Gate::Signed, |gate| gate == Gate::Lambda)?;
            let accounts = json!({ "AWS": self.accounts });
            statements.extend((!signed.is_empty()).then(|| allowing(&accounts, &signed)));
        }
        if statements.is_empty() {
            return Ok(ResourcePolicy::default());
        }
        let policy = PolicyDocument::allow(statements);
        let text = policy.to_json();
        let characters = text.chars().count() + text.matches("execute-api:/").count() * SPELLED_OUT;
        if characters > CHARACTERS_MAX {
            return Err(format!(
                "it would have {characters} characters of {CHARACTERS_MAX}, as it names each route where some have auth AWS_IAM or CUSTOM: \
                 put those on an API of their own, or name fewer sources"
            ));
        }
        Ok(ResourcePolicy::of(policy))
    }
}

fn denying(condition: &Value) -> Value {
    json!({
        "Effect": "Deny",
        "Principal": "*",
        "Action": "execute-api:Invoke",
        "Resource": "execute-api:/*",
        "Condition": condition,
    })
}

fn allowing(principal: &Value, resources: &BTreeSet<String>) -> Value {
    json!({ "Effect": "Allow", "Principal": principal, "Action": "execute-api:Invoke", "Resource": resources })
}

/// What an Allow names to cover the methods that it is meant for and none that it would open: all of the API, if there is no such method.
fn resources(
    methods: &[(RouteKey, Gate)],
    stages: &[&str],
    is_meant: impl Fn(Gate) -> bool,
    would_open: impl Fn(Gate) -> bool,
) -> Result<BTreeSet<String>, String> {
    let (meant, kept): (Vec<_>, Vec<_>) = (
        methods.iter().filter(|(_, gate)| is_meant(*gate)).map(|(key, _)| key).collect(),
        methods.iter().filter(|(_, gate)| would_open(*gate)).map(|(key, _)| key).collect(),
    );
    if meant.is_empty() {
        return Ok(BTreeSet::new());
    }
    if kept.is_empty() {
        return Ok(BTreeSet::from(["execute-api:/*".to_owned()]));
    }
    let mut resources = BTreeSet::new();
    for key in meant {
        for (verb, path) in calls(key, methods) {
            let clash = kept.iter().find(|kept| {
                calls(kept, methods).any(|(other, kept)| other == verb && overlap(path.as_bytes(), kept.as_bytes()))
            });
            if let Some(kept) = clash {
                return Err(format!(
                    "{} {} would open {} {}, as a `*` of a policy goes beyond a `/`: set the same `auth` for both, or change one path",
                    key.method, key.path, kept.method, kept.path
                ));
            }
            resources.extend(stages.iter().map(|stage| format!("execute-api:/{stage}/{verb}{path}")));
        }
    }
    Ok(resources)
}

/// The verbs that a method serves, ANY those that have no method of their own on its path, with the path as a policy has it.
fn calls(key: &RouteKey, methods: &[(RouteKey, Gate)]) -> impl Iterator<Item = (HttpMethod, String)> {
    let parts: Vec<&str> = key.path.split('/').map(|part| if part.starts_with('{') { "*" } else { part }).collect();
    let path = parts.join("/");
    let verbs: Vec<HttpMethod> = match key.method {
        HttpMethod::Any => {
            let has_its_own =
                |verb: &HttpMethod| methods.iter().any(|(other, _)| other.path == key.path && other.method == *verb);
            VERBS.into_iter().filter(|verb| !has_its_own(verb)).collect()
        }
        verb => vec![verb],
    };
    verbs.into_iter().map(move |verb| (verb, path.clone()))
}

/// What ANY stands for.
const VERBS: [HttpMethod; 7] = [
    HttpMethod::Delete,
    HttpMethod::Get,
    HttpMethod::Head,
    HttpMethod::Options,
    HttpMethod::Patch,
    HttpMethod::Post,
    HttpMethod::Put,
];

/// Whether some text matches both patterns, in which `*` stands for any characters. The parameter of a path too, as nothing documents that an
/// escaped `/` in it stays escaped.
fn overlap(one: &[u8], other: &[u8]) -> bool {
    // Whether what is left of both from here on overlaps: of the byte behind this one, then of this one.
    let mut reached = vec![false; other.len() + 1];
    for at in (0..=one.len()).rev() {
        let mut here = vec![false; other.len() + 1];
        for place in (0..=other.len()).rev() {
            here[place] = match (one.get(at), other.get(place)) {
                (None, None) => true,
                (Some(b'*'), theirs) => reached[place] || (theirs.is_some() && here[place + 1]),
                (ours, Some(b'*')) => here[place + 1] || (ours.is_some() && reached[place]),
                (Some(byte), Some(same)) => byte == same && reached[place + 1],
                (Some(_), None) | (None, Some(_)) => false,
            };
        }
        reached = here;
    }
    reached[0]
}

/// A range of addresses, such as `192.0.2.0/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    /// As 128 bits; those of IPv4 come first.
    bits: u128,
    length: u32,
    is_v4: bool,
}

impl Cidr {
    /// The error says what is allowed.
    pub fn parse(text: &str) -> Result<Self, String> {
        let allowed = || "allowed are ranges such as 192.0.2.0/24, 192.0.2.1/32 and 2001:db8::/32".to_owned();
        let (address, length) = text.split_once('/').ok_or_else(allowed)?;
        let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        let length: u32 = length.parse().ok().filter(|_| digits).ok_or_else(allowed)?;
        let (bits, width, is_v4) = match address.parse().map_err(|_| allowed())? {
            IpAddr::V4(address) => (u128::from(address.to_bits()) << 96, 32, true),
            IpAddr::V6(address) => (address.to_bits(), 128, false),
        };
        if length > width {
            return Err(allowed());
        }
        let found = Self { bits, length, is_v4 };
        if bits & !found.mask() != 0 {
            let network = bits & found.mask();
            let network = if is_v4 {
                u32::try_from(network >> 96).map(|bits| IpAddr::V4(bits.into())).map_err(|_| allowed())?
            } else {
                IpAddr::V6(network.into())
            };
            return Err(format!("the range is {network}/{length}: set the bits after its length to zero"));
        }
        Ok(found)
    }

    /// Whether all of the other range is in this one.
    pub fn contains(&self, other: &Self) -> bool {
        self.is_v4 == other.is_v4 && self.length <= other.length && other.bits & self.mask() == self.bits
    }

    fn mask(&self) -> u128 {
        if self.length == 0 { 0 } else { u128::MAX << (128 - self.length) }
    }
}

#[cfg(test)]
mod tests;

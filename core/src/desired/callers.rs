//! Who may call the API: a policy as the manifest says it, or the lists of which one is made.

use crate::api::{self, AuthType, StepFunctionEndpointSpec};
use crate::mistakes::{FieldPath, Mistakes};
use crate::owner::Site;
use crate::policy::{Callers, Cidr, ResourcePolicy, Sources};

use super::{Routes, stage};

/// What the lists say, if there are any. What is wrong with them is told by `check`.
pub fn callers(policy: &api::ApiPolicy) -> Option<Callers> {
    let (allow, deny) = (policy.allow.as_ref(), policy.deny.as_ref());
    let sources = |lists: Option<Lists<'_>>| {
        let set = |at: usize| lists.iter().flat_map(|lists| lists[at].1).cloned().collect();
        Sources { cidrs: set(0), vpcs: set(1), vpc_endpoints: set(2) }
    };
    (allow.is_some() || deny.is_some()).then(|| Callers {
        allow: sources(allow.map(allowed)),
        deny: sources(deny.map(denied)),
        accounts: allow.iter().flat_map(|allow| allow.accounts.clone()).collect(),
    })
}

/// Sources of calls by their fields: ranges of addresses, VPCs, VPC endpoints.
type Lists<'a> = [(&'static str, &'a Vec<String>); 3];

fn allowed(allow: &api::AllowedCallers) -> Lists<'_> {
    [("cidrs", &allow.cidrs), ("vpcs", &allow.vpcs), ("vpcEndpoints", &allow.vpc_endpoints)]
}

fn denied(deny: &api::DeniedCallers) -> Lists<'_> {
    [("cidrs", &deny.cidrs), ("vpcs", &deny.vpcs), ("vpcEndpoints", &deny.vpc_endpoints)]
}

/// What AWS would refuse, and what would let in or keep out others than it seems.
pub fn check(spec: &StepFunctionEndpointSpec, site: &Site, at: &FieldPath, mistakes: &mut Mistakes) {
    let Some(api) = &spec.api else { return };
    let Some(policy) = &api.policy else { return };
    let at = at.field("api").field("policy");
    let (at_allow, at_deny) = (at.field("allow"), at.field("deny"));
    if let Some(document) = &policy.document {
        mistakes.take(at.field("document"), document, ResourcePolicy::parse(document));
        for (at, is_said) in [(&at_allow, policy.allow.is_some()), (&at_deny, policy.deny.is_some())] {
            if is_said {
                mistakes.add(at.clone(), "", "not allowed with document, which says all: leave one out");
            }
        }
    }
    let (mut allowed_ranges, mut denied_ranges) = (Vec::new(), Vec::new());
    if let Some(allow) = &policy.allow {
        if allowed(allow).iter().all(|(_, list)| list.is_empty()) && allow.accounts.is_empty() {
            let why = "one of cidrs, vpcs, vpcEndpoints and accounts is required: leave it out, or name one";
            mistakes.add(at_allow.clone(), "", why);
        }
        allowed_ranges = check_sources(allowed(allow), api, &at_allow, mistakes);
        check_accounts(spec, allow, site, &at_allow.field("accounts"), mistakes);
    }
    if let Some(deny) = &policy.deny {
        if denied(deny).iter().all(|(_, list)| list.is_empty()) {
            let why = "one of cidrs, vpcs and vpcEndpoints is required: leave it out, or name one";
            mistakes.add(at_deny.clone(), "", why);
        }
        denied_ranges = check_sources(denied(deny), api, &at_deny, mistakes);
    }
    for (index, text, range) in allowed_ranges {
        if let Some((_, wider, _)) = denied_ranges.iter().find(|(_, _, denied)| denied.contains(&range)) {
            let at = at_allow.field("cidrs").index(index);
            mistakes.add(at, text, format!("all of it is denied by {wider}: leave one of the two out"));
        }
    }
    check_same(policy, &at_allow, mistakes);
}

/// Each value; the ranges that could be read, each with its place and its text.
fn check_sources<'a>(
    lists: Lists<'a>,
    api: &api::Api,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) -> Vec<(usize, &'a String, Cidr)> {
    let [(_, cidrs), vpcs, endpoints] = lists;
    for ((field, ids), prefix) in [(vpcs, "vpc-"), (endpoints, "vpce-")] {
        if let (Some(first), Some(endpoint_type)) = (ids.first(), api.endpoint_type) {
            let type_ = endpoint_type.as_str();
            let why =
                format!("an API of type {type_} does not know the VPC of a caller, a private one does: leave it out");
            mistakes.add(at.field(field), first, why);
        }
        for (index, id) in ids.iter().enumerate() {
            let digits = id.strip_prefix(prefix).unwrap_or_default();
            let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
            if !(8..=17).contains(&digits.len()) || !digits.bytes().all(is_digit) {
                mistakes.add(at.field(field).index(index), id, format!("must be an id such as {prefix}1a2b3c4d"));
            }
        }
    }
    let at = at.field("cidrs");
    let ranges = cidrs.iter().enumerate().filter_map(|(index, text)| {
        let range = mistakes.take(at.index(index), text, Cidr::parse(text))?;
        Some((index, text, range))
    });
    ranges.collect()
}

/// A VPC that is allowed and denied.
fn check_same(policy: &api::ApiPolicy, at: &FieldPath, mistakes: &mut Mistakes) {
    let (Some(allow), Some(deny)) = (&policy.allow, &policy.deny) else { return };
    for ((field, allowed), (_, denied)) in allowed(allow).into_iter().zip(denied(deny)).skip(1) {
        for (index, id) in allowed.iter().enumerate().filter(|(_, id)| denied.contains(id)) {
            mistakes.add(at.field(field).index(index), id, "is denied too: leave one of the two out");
        }
    }
}

/// Accounts are known by signatures alone.
fn check_accounts(
    spec: &StepFunctionEndpointSpec,
    allow: &api::AllowedCallers,
    site: &Site,
    at: &FieldPath,
    mistakes: &mut Mistakes,
) {
    for (index, account) in allow.accounts.iter().enumerate() {
        if account.len() != 12 || !account.bytes().all(|byte| byte.is_ascii_digit()) {
            mistakes.add(at.index(index), account, "must be the twelve digits of an account");
        } else if *account == site.account {
            let why = "is the API's own account, in which IAM policies alone decide who may call: leave it out";
            mistakes.add(at.index(index), account, why);
        }
    }
    if let Some(first) = allow.accounts.first()
        && !spec.routes.iter().any(|route| route.auth.type_ == AuthType::AwsIam)
    {
        let why =
            "no route has auth AWS_IAM, by which alone the account of a caller is known: set it, or leave this out";
        mistakes.add(at.clone(), first, why);
    }
}

/// Whether a policy of the lists can be made for these routes.
pub fn check_routes(spec: &StepFunctionEndpointSpec, routes: &Routes, at: &FieldPath, mistakes: &mut Mistakes) {
    if let Some(why) = obstacle(spec, routes) {
        mistakes.add(at.field("api").field("policy"), "", why);
    }
}

/// Why no policy of the lists can be made for these routes, if that is so.
pub fn obstacle(spec: &StepFunctionEndpointSpec, routes: &Routes) -> Option<String> {
    let callers = callers(spec.api.as_ref()?.policy.as_ref()?)?;
    let methods: Vec<_> =
        routes.methods.iter().map(|(key, method)| (key.clone(), method.authorization.gate())).collect();
    let further = spec.stages.iter().map(|stage| stage.name.as_str());
    let stages: Vec<&str> = [stage::name(spec.stage.as_ref())].into_iter().chain(further).collect();
    callers.policy(&methods, &stages, false).err()
}

#[cfg(test)]
mod tests;

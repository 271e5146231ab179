//! The REST API. CreateRestApi has no token and names are not unique, so an intent is recorded before it, and the API is known by
//! its tags alone.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::api::EndpointType;
use crate::change::Changes;
use crate::claim::{Claim, Found};
use crate::next::{Next, Seen, Until, unread};
use crate::owner::Tags;
use crate::policy::ResourcePolicy;
use crate::reason::Reason;
use crate::tags;

/// A REST API as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Its name, which need not be unique.
    pub name: String,
    /// Whether the default endpoint is switched off.
    pub disable_execute_api_endpoint: bool,
    /// Where it answers; None leaves it, and a new one is REGIONAL.
    pub endpoint_type: Option<EndpointType>,
    /// From how many bytes on an answer is compressed, `NO_COMPRESSION` for none; None leaves it.
    pub minimum_compression_size: Option<i32>,
    /// The content types whose bodies are bytes.
    pub binary_media_types: BTreeSet<String>,
    /// Who may call, beside what the methods ask for; None leaves it. A new API gets it before anything is deployed.
    pub policy: Option<ResourcePolicy>,
    /// Its tags, the owner's among them.
    pub tags: Tags,
}

/// A REST API that compresses no answer.
pub const NO_COMPRESSION: i32 = -1;

impl Desired {
    /// A REST API of which nothing else is said.
    pub fn new(name: String, tags: Tags) -> Self {
        Self {
            name,
            disable_execute_api_endpoint: false,
            endpoint_type: None,
            minimum_compression_size: None,
            binary_media_types: BTreeSet::new(),
            policy: None,
            tags,
        }
    }

    /// Where a new one answers.
    pub fn new_endpoint_type(&self) -> &'static str {
        self.endpoint_type.unwrap_or(EndpointType::Regional).as_str()
    }
}

/// A REST API that carries the owner's tags.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Whether the default endpoint is switched off.
    pub disable_execute_api_endpoint: bool,
    /// Where it answers, as AWS spells it.
    pub endpoint_type: String,
    /// From how many bytes on an answer is compressed, `NO_COMPRESSION` for none.
    pub minimum_compression_size: i32,
    /// The content types whose bodies are bytes.
    pub binary_media_types: BTreeSet<String>,
    /// Who may call, beside what the methods ask for.
    pub policy: ResourcePolicy,
    /// When it was created: of several the oldest is kept.
    pub created_at: Timestamp,
    /// Its tags.
    pub tags: Tags,
    /// Further APIs with the same tags.
    pub duplicates: Vec<String>,
}

/// Whether a create was about to be made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Intent {
    /// No create is open.
    #[default]
    None,
    /// An earlier pass, perhaps of a process that has died, was about to create: its call may still be in flight.
    Earlier(Timestamp),
    /// Recorded in this pass, under the resourceVersion that was read at its start.
    Recorded(Timestamp),
}

/// One API Gateway call, or the record that goes before it.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Writes the intent to create into the status. A conflict means that the object has changed: start again.
    RecordIntent,
    /// Creates it with its tags. Never retried blindly.
    CreateRestApi(Desired),
    /// Puts back what differs; `from` are the binary media types that are there, as each is added and taken off by itself.
    UpdateRestApi { id: String, to: Desired, from: BTreeSet<String>, changes: Changes },
    /// Puts tags on: it is taken over with everything on it, or what differs is put back.
    TagResource { id: String, arn: String, tags: Tags },
    /// Takes tags off: those that left the manifest, or with the owner's it is let go with everything on it.
    UntagResource { id: String, arn: String, keys: BTreeSet<String> },
    /// Deletes it with everything on it.
    DeleteRestApi { id: String },
}

/// What is next for the REST API. `now` is when this pass began, before its reads; an earlier intent is settled by "not found" only
/// `settle` after it.
pub fn next(
    want: Option<&Desired>,
    seen: &Seen<Observed>,
    intent: Intent,
    now: Timestamp,
    settle: SignedDuration,
) -> Next<Action> {
    match (want, seen) {
        (_, Seen::Unknown) => unread("REST API"),
        (Some(want), Seen::Present(found)) => Next::update(diff(want, found), |changes| Action::UpdateRestApi {
            id: found.id.clone(),
            to: want.clone(),
            from: found.binary_media_types.clone(),
            changes,
        }),
        (None, Seen::Present(found)) => Next::act(Action::DeleteRestApi { id: found.id.clone() }),
        (want, Seen::Absent) => match (want, intent) {
            (_, Intent::Earlier(at)) if now < at + settle => {
                let why = "an earlier CreateRestApi may still be in flight";
                Next::wait_until("REST API", why, Until::Time(at + settle))
            }
            (Some(_), Intent::None | Intent::Earlier(_)) => Next::act(Action::RecordIntent),
            (Some(want), Intent::Recorded(_)) => Next::act(Action::CreateRestApi(want.clone())),
            (None, Intent::None | Intent::Earlier(_) | Intent::Recorded(_)) => Next::nothing(),
        },
    }
}

/// What is next for the tags of an API of ours.
pub fn tagged(claim: &Claim<'_>, want: &Desired, found: &Observed) -> Next<Action> {
    let arn = || claim.site.rest_api_arn(&found.id);
    let put = |tags| Action::TagResource { id: found.id.clone(), arn: arn(), tags };
    let take = |keys| Action::UntagResource { id: found.id.clone(), arn: arn(), keys };
    tags::next(claim.owner, &want.tags, &found.tags, put, take)
}

/// What is next where an API without an owner and with the wanted name is taken over; None where there is none. Names are not unique: of
/// several a person has to choose.
pub fn adopt(claim: &Claim<'_>, want: &Desired, namesakes: &Seen<Vec<Observed>>) -> Option<Next<Action>> {
    let Seen::Present(namesakes) = namesakes else { return Some(unread("REST API")) };
    match namesakes.as_slice() {
        [] => None,
        [found] => {
            let (theirs, ours) = ("those that are there", "`spec.routes`, beside others on other paths or methods");
            let changes = diff(want, found).at("methods", &theirs.to_owned(), &ours.to_owned());
            let (id, arn) = (found.id.clone(), claim.site.rest_api_arn(&found.id));
            let found = Found { kind: "REST API", name: &found.id, tags: &found.tags, obstacle: None };
            Some(claim.foreign(found, changes, |tags| Action::TagResource { id, arn, tags }))
        }
        several => {
            let ids: Vec<&str> = several.iter().map(|api| api.id.as_str()).collect();
            Some(Next::refuse(
                Reason::OwnershipConflict,
                format!("REST API can't be adopted: several are named {} and nobody's: {}", want.name, ids.join(", ")),
                "rename or delete all but one of them, or set another `api.name`".to_owned(),
            ))
        }
    }
}

fn diff(want: &Desired, found: &Observed) -> Changes {
    let Desired {
        name,
        disable_execute_api_endpoint,
        endpoint_type,
        minimum_compression_size,
        binary_media_types,
        policy,
        tags: _,
    } = want;
    let mut changes = Changes::none()
        .at("name", &found.name, name)
        .at("disableExecuteApiEndpoint", &found.disable_execute_api_endpoint, disable_execute_api_endpoint)
        .at("binaryMediaTypes", &found.binary_media_types, binary_media_types);
    if let Some(wanted) = endpoint_type {
        changes = changes.at("endpointType", &found.endpoint_type, &wanted.as_str().to_owned());
    }
    if let Some(wanted) = minimum_compression_size {
        changes = changes.at("minimumCompressionSize", &found.minimum_compression_size, wanted);
    }
    if let Some(wanted) = policy {
        changes = changes.at("policy", &found.policy.on(&found.id), &wanted.on(&found.id));
    }
    changes
}

/// The resource policy that a deployment of this API holds once nothing differs; None where there is none.
pub fn deployed_policy(want: &Desired, found: &Observed) -> Option<ResourcePolicy> {
    let policy = want.policy.as_ref().unwrap_or(&found.policy);
    (!policy.is_none()).then(|| policy.on(&found.id))
}

/// Of all APIs with the owner's tags the one to keep: that of the status, else the oldest.
pub fn choose(mut found: Vec<Observed>, in_status: Option<&str>) -> Seen<Observed> {
    found.sort_by_key(|api| (Some(api.id.as_str()) != in_status, api.created_at, api.id.clone()));
    let mut found = found.into_iter();
    match found.next() {
        Some(kept) => Seen::Present(Observed { duplicates: found.map(|api| api.id).collect(), ..kept }),
        None => Seen::Absent,
    }
}

/// Folds an action that AWS confirmed. A create's answer is folded by its reader, as it bears the id; a delete is seen by a read alone.
pub fn fold(seen: &mut Seen<Observed>, action: &Action) {
    match (action, seen.present_mut()) {
        (Action::RecordIntent, _) => {}
        (Action::UpdateRestApi { to, .. }, Some(found)) => found.update(to),
        (Action::TagResource { id, tags, .. }, Some(found)) if found.id == *id => found.tags.extend(tags.clone()),
        (Action::UntagResource { keys, .. }, Some(found)) if !tags::let_go(keys) => {
            found.tags.retain(|key, _| !keys.contains(key));
        }
        (
            Action::CreateRestApi(_)
            | Action::UpdateRestApi { .. }
            | Action::TagResource { .. }
            | Action::UntagResource { .. }
            | Action::DeleteRestApi { .. },
            _,
        ) => *seen = Seen::Unknown, // let go, another of the same tags may be there
    }
}

/// A REST API as CreateRestApi leaves it.
pub fn created(want: &Desired, id: String, created_at: Timestamp) -> Observed {
    let Desired {
        name,
        disable_execute_api_endpoint,
        endpoint_type: _,
        minimum_compression_size,
        binary_media_types,
        policy: _,
        tags,
    } = want.clone();
    Observed {
        id,
        name,
        disable_execute_api_endpoint,
        endpoint_type: want.new_endpoint_type().to_owned(),
        minimum_compression_size: minimum_compression_size.unwrap_or(NO_COMPRESSION),
        binary_media_types,
        policy: ResourcePolicy::default(),
        created_at,
        tags,
        duplicates: Vec::new(),
    }
}

impl Observed {
    /// As UpdateRestApi leaves it.
    pub fn update(&mut self, to: &Desired) {
        let Desired {
            name,
            disable_execute_api_endpoint,
            endpoint_type,
            minimum_compression_size,
            binary_media_types,
            policy,
            tags: _,
        } = to;
        self.name.clone_from(name);
        self.binary_media_types.clone_from(binary_media_types);
        self.disable_execute_api_endpoint = *disable_execute_api_endpoint;
        if let Some(endpoint_type) = endpoint_type {
            endpoint_type.as_str().clone_into(&mut self.endpoint_type);
        }
        self.minimum_compression_size = minimum_compression_size.unwrap_or(self.minimum_compression_size);
        if let Some(policy) = policy {
            self.policy = policy.on(&self.id);
        }
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    const DENY: &str = "Statement: [{Effect: Deny, Principal: '*', Resource: 'execute-api:/*'}]";
    const SPELLED_OUT: &str =
        r#"{\"Statement\":[{\"Effect\":\"Deny\",\"Principal\":\"*\",\"Resource\":\"arn:aws:execute-api:r:0:a1\/*\"}]}"#;

    fn found(policy: &str) -> Observed {
        let new = created(&Desired::new("api".to_owned(), Tags::new()), "a1".to_owned(), Timestamp::UNIX_EPOCH);
        let policy = ResourcePolicy::observed(Some(policy));
        Observed { endpoint_type: "PRIVATE".to_owned(), minimum_compression_size: 5, policy, ..new }
    }

    fn want(change: impl FnOnce(&mut Desired)) -> Desired {
        let mut want = Desired::new("api".to_owned(), Tags::new());
        change(&mut want);
        want
    }

    #[rstest]
    #[case::what_is_not_said_stays(want(|_| {}), "")]
    #[case::a_type(want(|want| want.endpoint_type = Some(EndpointType::Edge)), "endpointType PRIVATE -> EDGE")]
    #[case::bytes(want(|want| want.binary_media_types.extend(["image/png".to_owned()])), "binaryMediaTypes none -> image/png")]
    #[case::no_compression(want(|want| want.minimum_compression_size = Some(NO_COMPRESSION)), "minimumCompressionSize 5 -> -1")]
    #[case::the_same_policy(want(|want| want.policy = ResourcePolicy::parse(DENY).ok()), "")]
    #[case::no_policy(
        want(|want| want.policy = Some(ResourcePolicy::default())),
        r#"policy {"Statement":{"Effect":"Deny","Principal":"*","Resource":"execute-api:/*"}} -> none"#
    )]
    fn differs_as(#[case] want: Desired, #[case] expected: &str) {
        let mut found = found(SPELLED_OUT);
        assert_eq!(diff(&want, &found).to_string(), expected);
        found.update(&want);
        assert!(diff(&want, &found).is_empty(), "again: nothing");
    }

    #[test]
    fn a_deployment_holds_the_policy_that_the_api_will_have() {
        let deny = ResourcePolicy::parse(DENY).ok();
        let (unsaid, none) = (want(|_| {}), want(|want| want.policy = Some(ResourcePolicy::default())));
        assert_eq!(deployed_policy(&want(|want| want.policy.clone_from(&deny)), &found("")), deny);
        assert_eq!(deployed_policy(&unsaid, &found(SPELLED_OUT)), deny, "it stays");
        assert_eq!(deployed_policy(&none, &found(SPELLED_OUT)), None);
        assert_eq!(deployed_policy(&unsaid, &found("")), None);
    }
}

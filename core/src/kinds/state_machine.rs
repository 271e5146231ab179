//! The state machine of Step Functions.

use std::collections::BTreeSet;
use std::fmt;

use crate::api::{LogLevel, StateMachineType};
use crate::arn::Arn;
use crate::change::{Changes, Shown};
use crate::claim::{Claim, Found};
use crate::definition::Definition;
use crate::next::{Next, Seen, unread};
use crate::owner::{Owner, Tags};
use crate::tags;

/// A state machine as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Its name.
    pub name: String,
    /// Its ARN, which follows from the name.
    pub arn: Arn,
    /// Its type, which can't be changed in place.
    pub type_: StateMachineType,
    /// What it does.
    pub definition: Definition,
    /// The role it runs with.
    pub role_arn: Arn,
    /// What it logs.
    pub logging: Logging,
    /// Its tags, the owner's among them.
    pub tags: Tags,
}

/// What a state machine writes to its log.
#[derive(Clone, Debug, PartialEq)]
pub struct Logging {
    /// Which events.
    pub level: LogLevel,
    /// Whether payloads too.
    pub include_execution_data: bool,
    /// Where to; nowhere with OFF.
    pub log_group_arn: Option<Arn>,
}

/// A state machine as it was read.
#[derive(Clone, PartialEq)]
pub struct Observed {
    /// Its type.
    pub type_: StateMachineType,
    /// Whether AWS is still deleting it.
    pub deleting: bool,
    /// How many executions of it run, up to [`RUNNING_MAX`]; read of one that AWS is deleting alone, as it waits for them.
    pub running: Option<usize>,
    /// What it does.
    pub definition: Definition,
    /// The role it runs with.
    pub role_arn: String,
    /// What it logs.
    pub logging: Logging,
    /// Its tags.
    pub tags: Tags,
}

/// Leaves out what is not known: a text of tests/upgrade changes only where an upgrade changes something in AWS.
impl fmt::Debug for Observed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { type_, deleting, running, definition, role_arn, logging, tags } = self;
        let mut debug = f.debug_struct("Observed");
        debug.field("type_", type_).field("deleting", deleting);
        if let Some(running) = running {
            debug.field("running", running);
        }
        debug.field("definition", definition).field("role_arn", role_arn).field("logging", logging).field("tags", tags);
        debug.finish()
    }
}

/// One Step Functions call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates it. May answer with another's machine of the same name, so that only a read tells.
    CreateStateMachine(Desired),
    /// Puts back what differs.
    UpdateStateMachine { to: Desired, changes: Changes },
    /// Puts tags on: it is taken over, or what differs is put back.
    TagResource { arn: Arn, tags: Tags },
    /// Takes tags off: those that left the manifest, or with the owner's it is let go.
    UntagResource { arn: Arn, keys: BTreeSet<String> },
    /// Asks for its deletion, which AWS finishes later.
    DeleteStateMachine { arn: Arn },
}

impl Action {
    /// The state machine's ARN.
    pub fn arn(&self) -> &Arn {
        match self {
            Self::CreateStateMachine(want) | Self::UpdateStateMachine { to: want, .. } => &want.arn,
            Self::TagResource { arn, .. } | Self::UntagResource { arn, .. } | Self::DeleteStateMachine { arn } => arn,
        }
    }
}

/// What is next for one state machine; `arn` is that of the deterministic name of ours.
pub fn next(claim: &Claim<'_>, arn: &Arn, want: Option<&Desired>, seen: &Seen<Observed>) -> Next<Action> {
    match (want, seen) {
        (_, Seen::Unknown) => unread("state machine"), // an unclear answer creates and deletes nothing
        (_, Seen::Present(found)) if found.deleting && (claim.adopts || claim.owns(&found.tags)) => {
            wait_for_deletion(arn, found)
        }
        (Some(want), Seen::Present(found)) if !claim.owns(&found.tags) => foreign(claim, want, found),
        (Some(want), Seen::Present(found)) => {
            let mut next =
                Next::update(diff(want, found), |changes| Action::UpdateStateMachine { to: want.clone(), changes });
            let put = |tags| Action::TagResource { arn: arn.clone(), tags };
            let take = |keys| Action::UntagResource { arn: arn.clone(), keys };
            next.and(tags::next(claim.owner, &want.tags, &found.tags, put, take));
            next
        }
        (Some(want), Seen::Absent) => Next::act(Action::CreateStateMachine(want.clone())),
        (None, Seen::Present(found)) if claim.owns(&found.tags) => {
            Next::act(Action::DeleteStateMachine { arn: arn.clone() })
        }
        (None, Seen::Present(_) | Seen::Absent) => Next::nothing(), // another's, or gone
    }
}

/// The most running executions that are counted.
pub const RUNNING_MAX: usize = 100;

/// AWS deletes a state machine once all its executions have ended. Source: Step Functions API reference, DeleteStateMachine.
fn wait_for_deletion(arn: &Arn, found: &Observed) -> Next<Action> {
    let why = match found.running {
        None | Some(0) => "AWS is still deleting it".to_owned(),
        Some(running) => {
            let more = if running >= RUNNING_MAX { " or more" } else { "" };
            format!(
                "AWS deletes it once its {running}{more} running executions end. To end them, stop each with `aws stepfunctions \
                 stop-execution --execution-arn <arn>`; `aws stepfunctions list-executions --status-filter RUNNING --state-machine-arn \
                 {arn}` lists them"
            )
        }
    };
    Next::wait_for_aws("state machine", &why)
}

/// The type of a state machine can't be changed.
fn foreign(claim: &Claim<'_>, want: &Desired, found: &Observed) -> Next<Action> {
    let changes = diff(want, found);
    let why = format!("it is of type {}, and a type can't be changed", found.type_.as_str());
    let hint = "delete it if nothing uses it";
    let obstacle = (found.type_ != want.type_).then_some((why.as_str(), hint));
    let found = Found { kind: "state machine", name: &want.name, tags: &found.tags, obstacle };
    claim.foreign(found, changes, |tags| Action::TagResource { arn: want.arn.clone(), tags })
}

/// What lets a state machine of ours go.
pub fn release(owner: &Owner, arn: &Arn, seen: &Seen<Observed>) -> Next<Action> {
    match seen {
        Seen::Unknown => unread("state machine"),
        Seen::Present(found) if !owner.owns(&found.tags) => Next::nothing(),
        Seen::Present(found) if found.deleting => wait_for_deletion(arn, found),
        Seen::Present(found) => Next::act(Action::UntagResource { arn: arn.clone(), keys: tags::of_ours(&found.tags) }),
        Seen::Absent => Next::nothing(),
    }
}

fn diff(want: &Desired, found: &Observed) -> Changes {
    let Desired { name: _, arn: _, type_: _, definition, role_arn, logging, tags: _ } = want;
    Changes::none()
        .at("definition", &found.definition, definition)
        .at("roleArn", &found.role_arn, &role_arn.to_string())
        .at("loggingConfiguration", &found.logging, logging)
}

/// Folds an action that AWS confirmed. A create may have answered with another's, and a delete is asynchronous: both are read again.
pub fn fold(seen: &mut Seen<Observed>, action: &Action) {
    match (action, seen.present_mut()) {
        (Action::UpdateStateMachine { to, .. }, Some(found)) => {
            found.definition = to.definition.clone();
            found.role_arn = to.role_arn.to_string();
            found.logging = to.logging.clone();
        }
        (Action::TagResource { tags, .. }, Some(found)) => found.tags.extend(tags.clone()),
        (Action::UntagResource { keys, .. }, Some(found)) => found.tags.retain(|key, _| !keys.contains(key)),
        (
            Action::CreateStateMachine(_)
            | Action::UpdateStateMachine { .. }
            | Action::TagResource { .. }
            | Action::UntagResource { .. }
            | Action::DeleteStateMachine { .. },
            _,
        ) => *seen = Seen::Unknown,
    }
}

/// A state machine as it will be read once it is as wanted: what a plan predicts.
pub fn predicted(want: &Desired) -> Observed {
    Observed {
        type_: want.type_,
        deleting: false,
        running: None,
        definition: want.definition.clone(),
        role_arn: want.role_arn.to_string(),
        logging: want.logging.clone(),
        tags: want.tags.clone(),
    }
}

impl Shown for Logging {
    fn shown(&self) -> String {
        let level = match self.level {
            LogLevel::All => "ALL",
            LogLevel::Error => "ERROR",
            LogLevel::Fatal => "FATAL",
            LogLevel::Off => "OFF",
        };
        let data = if self.include_execution_data { " with execution data" } else { "" };
        let to = self.log_group_arn.as_ref().map(|arn| format!(" to {arn}")).unwrap_or_default();
        format!("{level}{data}{to}")
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case::unknown(None, "AWS is still deleting it")]
    #[case::none(Some(0), "AWS is still deleting it")]
    #[case::some(
        Some(3),
        "AWS deletes it once its 3 running executions end. To end them, stop each with `aws stepfunctions stop-execution"
    )]
    #[case::many(Some(RUNNING_MAX), "AWS deletes it once its 100 or more running executions end")]
    fn a_deletion_tells_what_it_waits_for(#[case] running: Option<usize>, #[case] says: &str) {
        let owner = Owner { cluster: "c".to_owned(), namespace: "n".to_owned(), name: "a".to_owned() };
        let arn: Arn = "arn:aws:states:eu-central-1:000000000000:stateMachine:a".parse().unwrap();
        let found = Observed {
            type_: StateMachineType::Standard,
            deleting: true,
            running,
            definition: Definition::observed("{}"),
            role_arn: String::new(),
            logging: Logging { level: LogLevel::Off, include_execution_data: false, log_group_arn: None },
            tags: owner.tags(),
        };
        let next = release(&owner, &arn, &Seen::Present(found));
        assert!(next.waiting[0].why.starts_with(says), "{:?}", next.waiting);
    }
}

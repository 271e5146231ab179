//! The CloudWatch Logs groups to which the state machine and the stages write.

use std::collections::BTreeSet;

use crate::arn::Arn;
use crate::change::Changes;
use crate::claim::{Claim, Found};
use crate::next::{Next, Seen, unread};
use crate::owner::{Owner, Tags};
use crate::tags;

/// What one of the two log groups is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Purpose {
    /// The state machine's events.
    Workflow,
    /// A line of each request. Its name is that of the other and more, so that whoever looks for that one finds this one too.
    Access,
}

impl Purpose {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Workflow, Self::Access];

    /// The object as it is told.
    pub fn object(self) -> &'static str {
        match self {
            Self::Workflow => "log group",
            Self::Access => "access log group",
        }
    }
}

/// A log group as it should be.
#[derive(Clone, Debug, PartialEq)]
pub struct Desired {
    /// Its name.
    pub name: String,
    /// How many days events are kept.
    pub retention_days: i32,
    /// Its tags, the owner's among them.
    pub tags: Tags,
}

/// A log group as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// How many days events are kept; for ever without it.
    pub retention_days: Option<i32>,
    /// Its tags.
    pub tags: Tags,
}

/// One CloudWatch Logs call.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Creates the group; the retention follows.
    CreateLogGroup(Desired),
    /// Sets the retention.
    PutRetentionPolicy { name: String, retention_days: i32, changes: Changes },
    /// Puts tags on: it is taken over, or what differs is put back.
    TagResource { name: String, arn: Arn, tags: Tags },
    /// Takes tags off: those that left the manifest, or with the owner's it is let go.
    UntagResource { name: String, arn: Arn, keys: BTreeSet<String> },
    /// Deletes the group and what it holds.
    DeleteLogGroup { name: String },
}

impl Action {
    /// The group's name.
    pub fn log_group(&self) -> &str {
        match self {
            Self::CreateLogGroup(Desired { name, .. })
            | Self::PutRetentionPolicy { name, .. }
            | Self::TagResource { name, .. }
            | Self::UntagResource { name, .. }
            | Self::DeleteLogGroup { name } => name,
        }
    }
}

/// What is next for a log group; `name` is the deterministic name of ours.
pub fn next(
    purpose: Purpose,
    claim: &Claim<'_>,
    name: &str,
    want: Option<&Desired>,
    seen: &Seen<Observed>,
) -> Next<Action> {
    match (want, seen) {
        (_, Seen::Unknown) => unread(purpose.object()),
        (Some(want), Seen::Present(found)) if !claim.owns(&found.tags) => foreign(purpose, claim, want, found),
        (Some(want), Seen::Present(found)) => {
            let mut next = Next::update(diff(want, found), |changes| Action::PutRetentionPolicy {
                name: want.name.clone(),
                retention_days: want.retention_days,
                changes,
            });
            next.and(tagged(claim, want, found));
            next
        }
        (Some(want), Seen::Absent) => Next::act(Action::CreateLogGroup(want.clone())),
        (None, Seen::Present(found)) if claim.owns(&found.tags) => {
            Next::act(Action::DeleteLogGroup { name: name.to_owned() })
        }
        (None, Seen::Present(_) | Seen::Absent) => Next::nothing(), // another's, or gone
    }
}

fn tagged(claim: &Claim<'_>, want: &Desired, found: &Observed) -> Next<Action> {
    let Some(arn) = claim.site.log_group_arn(&want.name) else { return Next::nothing() };
    let (name, put_on) = (want.name.clone(), arn.clone());
    let put = |tags| Action::TagResource { name: name.clone(), arn: put_on, tags };
    let take = |keys| Action::UntagResource { name: name.clone(), arn, keys };
    tags::next(claim.owner, &want.tags, &found.tags, put, take)
}

fn foreign(purpose: Purpose, claim: &Claim<'_>, want: &Desired, found: &Observed) -> Next<Action> {
    let (name, changes) = (&want.name, diff(want, found));
    let Some(arn) = claim.site.log_group_arn(name) else { return Next::foreign(purpose.object(), name) };
    let found = Found { kind: purpose.object(), name, tags: &found.tags, obstacle: None };
    claim.foreign(found, changes, |tags| Action::TagResource { name: name.clone(), arn, tags })
}

/// What lets a log group go, if it is ours.
pub fn release(purpose: Purpose, owner: &Owner, name: &str, arn: &Arn, seen: &Seen<Observed>) -> Next<Action> {
    match seen {
        Seen::Unknown => unread(purpose.object()),
        Seen::Present(found) if owner.owns(&found.tags) => Next::act(Action::UntagResource {
            name: name.to_owned(),
            arn: arn.clone(),
            keys: tags::of_ours(&found.tags),
        }),
        Seen::Present(_) | Seen::Absent => Next::nothing(),
    }
}

fn diff(want: &Desired, found: &Observed) -> Changes {
    let Desired { name: _, retention_days, tags: _ } = want;
    Changes::none().at("retentionInDays", &found.retention_days, &Some(*retention_days))
}

/// Folds an action that AWS confirmed. A delete is seen by a read alone.
pub fn fold(seen: &mut Seen<Observed>, action: &Action) {
    *seen = match action {
        Action::CreateLogGroup(want) => Seen::Present(Observed { retention_days: None, tags: want.tags.clone() }),
        Action::PutRetentionPolicy { retention_days, .. } => match seen.present() {
            Some(found) => Seen::Present(Observed { retention_days: Some(*retention_days), tags: found.tags.clone() }),
            None => Seen::Unknown,
        },
        Action::TagResource { tags, .. } => match seen.present_mut() {
            Some(found) => {
                found.tags.extend(tags.clone());
                return;
            }
            None => Seen::Unknown,
        },
        Action::UntagResource { keys, .. } => match seen.present_mut() {
            Some(found) => {
                found.tags.retain(|key, _| !keys.contains(key));
                return;
            }
            None => Seen::Unknown,
        },
        Action::DeleteLogGroup { .. } => Seen::Unknown,
    }
}

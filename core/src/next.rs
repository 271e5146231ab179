//! What comes next: the actions whose inputs are known now, what is waited for, and what needs a person. All three empty is what
//! converged means.

use jiff::Timestamp;

use crate::change::Changes;
use crate::reason::Reason;

/// What of an AWS object is known. Unread is not absent: on Unknown nothing is created, deleted or reported.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Seen<T> {
    /// Not read yet, or an answer that doesn't tell.
    #[default]
    Unknown,
    /// A read said that there is none.
    Absent,
    /// A read, or the answer to a write, showed this.
    Present(T),
}

impl<T> Seen<T> {
    /// What is present, if it is known to be.
    pub fn present(&self) -> Option<&T> {
        match self {
            Self::Present(found) => Some(found),
            Self::Unknown | Self::Absent => None,
        }
    }

    /// What is present, to fold an answer into it.
    pub fn present_mut(&mut self) -> Option<&mut T> {
        match self {
            Self::Present(found) => Some(found),
            Self::Unknown | Self::Absent => None,
        }
    }

    /// Whether a read said that there is none.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Absent)
    }

    /// Whether it has not been read.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Unknown)
    }
}

/// Actions of one kind or of all, what is waited for, and what needs a person.
#[derive(Clone, Debug, PartialEq)]
pub struct Next<A> {
    /// Ready now, in the order in which they depend on each other.
    pub actions: Vec<A>,
    /// Why something is not ready yet.
    pub waiting: Vec<Waiting>,
    /// What the operator will not do by itself.
    pub refused: Vec<Refusal>,
    /// What is taken over, and what that changes: for each there is an action or a wait as well.
    pub adoptions: Vec<Adoption>,
}

/// An object without an owner that is taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Adoption {
    /// The object, as its actions name it.
    pub object: String,
    /// What that changes in it.
    pub changes: Changes,
}

/// Something that is not ready yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The object, such as `state machine`.
    pub object: String,
    /// What is waited for.
    pub why: String,
    /// What ends the wait.
    pub until: Until,
}

/// What ends a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// Another object of this endpoint, in this same pass.
    Sibling,
    /// AWS finishes something: look again soon.
    Aws,
    /// The status tells of it first: look again soon.
    Told,
    /// Another object in the cluster changes, which is watched.
    Cluster,
    /// This moment.
    Time(Timestamp),
}

/// What the operator will not do by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The cause.
    pub reason: Reason,
    /// What is wrong: `what failed: detail`.
    pub why: String,
    /// What a person can do.
    pub hint: String,
}

impl Refusal {
    /// The order in which refusals and failures are reported.
    pub fn key(&self) -> (bool, Reason, &str, Option<&str>) {
        (false, self.reason, &self.why, Some(&self.hint))
    }
}

impl<A> Next<A> {
    /// Nothing to do.
    pub fn nothing() -> Self {
        Self { actions: Vec::new(), waiting: Vec::new(), refused: Vec::new(), adoptions: Vec::new() }
    }

    /// One action.
    pub fn act(action: A) -> Self {
        Self { actions: vec![action], ..Self::nothing() }
    }

    /// A wait for something of this endpoint itself.
    pub fn wait(object: &str, why: &str) -> Self {
        Self::wait_until(object, why, Until::Sibling)
    }

    /// A wait for AWS to finish something.
    pub fn wait_for_aws(object: &str, why: &str) -> Self {
        Self::wait_until(object, why, Until::Aws)
    }

    /// A wait that ends as `until` says.
    pub fn wait_until(object: &str, why: &str, until: Until) -> Self {
        Self { waiting: vec![Waiting { object: object.to_owned(), why: why.to_owned(), until }], ..Self::nothing() }
    }

    /// A same-named object that is not ours: nothing is touched.
    pub fn foreign(kind: &str, name: &str) -> Self {
        Self::refuse(
            Reason::OwnershipConflict,
            format!("{kind} is not ours: {name} exists without this endpoint's tags"),
            format!(
                "annotate the StepFunctionEndpoint with `sfe.dev/adopt: \"true\"` to have {name} tagged with `sfe.dev/cluster`, \
                 `sfe.dev/namespace` and `sfe.dev/name` and changed as `status.adoption` then says, or delete it if nothing uses it"
            ),
        )
    }

    /// Something that needs a person.
    pub fn refuse(reason: Reason, why: String, hint: String) -> Self {
        Self { refused: vec![Refusal { reason, why, hint }], ..Self::nothing() }
    }

    /// The action that `make` makes of the differences, if there are any.
    pub fn update(changes: Changes, make: impl FnOnce(Changes) -> A) -> Self {
        if changes.is_empty() { Self::nothing() } else { Self::act(make(changes)) }
    }

    /// Both.
    pub fn and(&mut self, other: Self) {
        self.actions.extend(other.actions);
        self.waiting.extend(other.waiting);
        self.refused.extend(other.refused);
        self.adoptions.extend(other.adoptions);
    }

    /// Nothing but these, in this order.
    pub fn of(actions: impl IntoIterator<Item = A>) -> Self {
        Self { actions: actions.into_iter().collect(), ..Self::nothing() }
    }

    /// The same of another type of action.
    pub fn map<B>(self, convert: impl FnMut(A) -> B) -> Next<B> {
        let Self { actions, waiting, refused, adoptions } = self;
        Next { actions: actions.into_iter().map(convert).collect(), waiting, refused, adoptions }
    }

    /// Whether there is nothing left to do, to wait for or to refuse.
    pub fn is_empty(&self) -> bool {
        self.actions.is_empty() && self.waiting.is_empty() && self.refused.is_empty()
    }
}

/// A wait for the read of an object.
pub fn unread<A>(object: &str) -> Next<A> {
    Next::wait(object, "not read yet")
}

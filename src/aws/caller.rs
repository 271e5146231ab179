//! For whom a call is made, which decides who is next where calls wait; and whether it is one's turn.

use jiff::Timestamp;
use sfe_core::operation::Operation;

/// For whom a call is made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The manifest's namespace.
    pub namespace: String,
    /// The manifest's name; nothing for the operator itself.
    pub name: String,
    /// How urgent it is.
    pub urgency: Urgency,
}

/// How urgent a call is, the most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Urgency {
    /// What someone has just asked for: a new or a changed manifest, and that a deleted one stops serving.
    New,
    /// A look whether all is still as it was.
    Drift,
    /// What is left of a deleted manifest once it serves nothing.
    Delete,
}

/// What a pass asks its turn for before it starts it, as the wait may be longer than a pass should take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Errand {
    /// A call of which AWS allows less than one a second.
    Call(Operation),
    /// All reads of one endpoint, to look for drift.
    DriftCheck,
}

/// Whether it is one's turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Now; it is kept for a minute.
    Now,
    /// Not yet.
    Later {
        /// How many are before.
        ahead: usize,
        /// When to ask again: two minutes after it the place is lost.
        at: Timestamp,
        /// When it is expected to be one's turn.
        ready_at: Timestamp,
    },
}

impl Caller {
    /// The operator itself.
    pub fn operator() -> Self {
        Self { namespace: String::new(), name: String::new(), urgency: Urgency::New }
    }

    /// Whether both are of one manifest.
    pub fn is_same(&self, other: &Self) -> bool {
        self.namespace == other.namespace && self.name == other.name
    }
}

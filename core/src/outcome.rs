//! How one pass ended, and when to look again.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::action::Action;
use crate::api::{Drift, ExecutionsStatus};
use crate::desired::{Desired, Undesired};
use crate::next::{Next, Refusal, Until};
use crate::observed::Observed;
use crate::publish::Publication;
use crate::reason::Reason;

/// How one pass ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// What the manifest asks for, or why nothing can be told of that.
    pub desired: Result<Desired, Undesired>,
    /// What happened to the AWS objects; None if nothing was due, and what the status says of them still holds.
    pub convergence: Option<Convergence>,
    /// The executions, if they were due.
    pub executions: Option<ExecutionsStatus>,
    /// What became of `publish`; None where nothing is published, and what the status says of that still holds.
    pub publication: Option<Publication>,
    /// What could not be read or written beside them.
    pub failures: Vec<Failure>,
    /// The look that was asked for by `sfe.dev/requestedAt`, if any: this pass answers it.
    pub requested_at: Option<String>,
}

/// What happened to the AWS objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Convergence {
    /// What is known at the end.
    pub observed: Observed,
    /// What is left.
    pub next: Next<Action>,
    /// What failed.
    pub failures: Vec<Failure>,
    /// What had been changed by someone else.
    pub drift: Vec<Drift>,
    /// How many AWS writes were confirmed.
    pub applied: usize,
    /// Whether an intent was written to the status meanwhile.
    pub recorded: bool,
}

/// One thing that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The cause.
    pub reason: Reason,
    /// `what failed: detail`.
    pub message: String,
    /// What helps.
    pub remedy: Remedy,
}

impl Failure {
    /// A failure that ends by itself.
    pub fn retry(reason: Reason, message: String) -> Self {
        Self { reason, message, remedy: Remedy::Retry }
    }

    /// A failure that a person has to end; the hint says how.
    pub fn person(reason: Reason, message: String, hint: String) -> Self {
        Self { reason, message, remedy: Remedy::Person { hint } }
    }

    /// The order in which failures are reported: what needs a person first, then by reason.
    fn key(&self) -> (bool, Reason, &str, Option<&str>) {
        let hint = match &self.remedy {
            Remedy::Retry => None,
            Remedy::Person { hint } => Some(hint.as_str()),
        };
        (hint.is_none(), self.reason, &self.message, hint)
    }
}

/// What helps after a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Trying again.
    Retry,
    /// A person; the hint says what to do.
    Person { hint: String },
}

/// When to look again after each kind of end. All are settings of the operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// The first retry; each further one doubles it.
    pub retry_min: SignedDuration,
    /// The longest wait for a retry.
    pub retry_max: SignedDuration,
    /// When something needs a person.
    pub stalled: SignedDuration,
    /// How often drift is looked for.
    pub drift: SignedDuration,
}

impl Outcome {
    /// All that failed.
    pub fn failures(&self) -> impl Iterator<Item = &Failure> {
        self.failures.iter().chain(self.convergence.iter().flat_map(|convergence| &convergence.failures))
    }

    /// Whether the status was written before the pass ended.
    pub fn has_recorded(&self) -> bool {
        self.convergence.as_ref().is_some_and(|convergence| convergence.recorded)
            || self.publication.as_ref().is_some_and(|publication| publication.recorded)
    }

    /// Whether to try again soon: something failed that may pass, or AWS is busy. What waits for a part that needs a person is not tried again.
    pub fn must_retry(&self) -> bool {
        self.failures().any(|failure| failure.remedy == Remedy::Retry)
            || self.convergence.iter().flat_map(|convergence| &convergence.next.waiting).any(|wait| match wait.until {
                Until::Aws | Until::Told => true,
                Until::Sibling => !self.is_stalled(),
                Until::Cluster | Until::Time(_) => false,
            })
    }

    /// Whether something is about to be published.
    fn publishes(&self) -> bool {
        self.publication.as_ref().is_some_and(|publication| publication.pending)
    }

    /// Whether nothing may be written, and AWS is known to differ: only a person can make that end.
    pub fn differs_unwritten(&self) -> bool {
        self.desired.as_ref().is_ok_and(|desired| desired.observed_only)
            && self.convergence.as_ref().is_some_and(|convergence| !convergence.next.actions.is_empty())
    }

    /// Whether a person must do something.
    pub fn is_stalled(&self) -> bool {
        self.differs_unwritten()
            || matches!(self.desired, Err(Undesired::Invalid(_)))
            || self.convergence.as_ref().is_some_and(|convergence| !convergence.next.refused.is_empty())
            || self.failures().any(|failure| matches!(failure.remedy, Remedy::Person { .. }))
    }

    /// Whether all is as the manifest says: nothing left to do, to wait for or to refuse, and nothing failed.
    pub fn is_converged(&self) -> bool {
        self.desired.is_ok()
            && !self.publishes()
            && self.failures().next().is_none()
            && self.convergence.as_ref().is_none_or(|convergence| convergence.next.is_empty())
    }

    /// When to look again: after `attempts` passes in a row that must be tried again, `jitter` between 0 and 1.
    pub fn requeue(&self, pace: Pace, attempts: u32, jitter: f64, now: Timestamp) -> SignedDuration {
        let mut after = if self.must_retry() {
            let doubled = pace.retry_min.saturating_mul(1 << attempts.min(16));
            let bounded = doubled.min(pace.retry_max).as_secs_f64();
            SignedDuration::from_secs_f64(bounded * (0.75 + jitter / 2.0))
        } else if self.is_stalled() || self.desired.is_err() {
            pace.stalled
        } else {
            pace.drift
        };
        for wait in self.convergence.iter().flat_map(|convergence| &convergence.next.waiting) {
            if let Until::Time(at) = wait.until {
                after = after.min(now.duration_until(at).max(SignedDuration::from_millis(100)));
            }
        }
        after
    }

    /// The cause that needs a person, or else the one of the retries, the wait or the work that is left. Of several causes the first of
    /// [`Reason`]'s order.
    pub fn reason(&self) -> Reason {
        if self.differs_unwritten() {
            return Reason::DriftDetected;
        }
        let refused = self.convergence.iter().flat_map(|convergence| &convergence.next.refused);
        let refused = refused.map(|refusal| refusal.reason);
        let failed = |is_person: bool| {
            let failures = self.failures().filter(move |failure| (failure.remedy != Remedy::Retry) == is_person);
            failures.map(|failure| failure.reason)
        };
        match &self.desired {
            Err(Undesired::Invalid(_)) => Reason::InvalidManifest,
            Ok(_) | Err(Undesired::Waiting(_)) => failed(true)
                .chain(refused)
                .min()
                .or_else(|| failed(false).min())
                .unwrap_or(if self.desired.is_err() { Reason::WaitingForReference } else { Reason::InProgress }),
        }
    }

    /// What is wrong, each as `what failed: detail`, with `hint: what to do` where a person must act. At most 4,000 characters; what is left
    /// out is counted.
    pub fn problem(&self) -> String {
        let mut lines = Vec::new();
        match &self.desired {
            Err(Undesired::Invalid(mistakes)) => {
                lines.push(format!(
                    "manifest refused: {} mistakes, nothing was changed in AWS",
                    mistakes.iter().count()
                ));
                lines.push("hint: correct these fields, `kubectl explain sfe.spec` describes them".to_owned());
                lines.extend(mistakes.iter().map(ToString::to_string));
            }
            Err(Undesired::Waiting(waits)) => lines.extend(waits.iter().map(|wait| format!("waiting: {wait}"))),
            Ok(_) => {}
        }
        if let (true, Some(convergence)) = (self.differs_unwritten(), &self.convergence) {
            let objects: BTreeSet<&str> = convergence.drift.iter().map(|row| row.object.as_str()).collect();
            let objects: Vec<&str> = objects.into_iter().collect();
            lines.push(format!("observed only, AWS differs from the manifest: {}", objects.join(", ")));
            lines.push(
                "hint: `status.drift` says how; `managementPolicy: Full` makes it as the manifest says".to_owned(),
            );
        }
        // In an order of their own, as calls end in any: a status that says the same is not written again. What needs a person is first.
        let mut failed: BTreeSet<(bool, Reason, &str, Option<&str>)> = self.failures().map(Failure::key).collect();
        failed.extend(self.convergence.iter().flat_map(|convergence| &convergence.next.refused).map(Refusal::key));
        for (_, _, message, hint) in failed {
            lines.push(message.to_owned());
            lines.extend(hint.map(|hint| format!("hint: {hint}")));
        }
        if let Some(Convergence { next, .. }) = &self.convergence {
            let waits = next.waiting.iter().filter(|wait| wait.until != Until::Sibling || lines.is_empty());
            let waits: Vec<String> = waits.map(|wait| format!("waiting: {}: {}", wait.object, wait.why)).collect();
            lines.extend(waits);
        }
        if self.publishes() {
            lines.push("waiting: what `spec.publish` names is about to be written".to_owned());
        }
        bounded(&lines)
    }
}

/// As many lines as fit into 4,000 characters, the last counting the others.
fn bounded(lines: &[String]) -> String {
    const CHARACTERS_MAX: usize = 4_000;
    let mut text = String::new();
    for (index, line) in lines.iter().enumerate() {
        if text.chars().count() + line.chars().count() > CHARACTERS_MAX {
            return format!("{text}and {} more", lines.len() - index);
        }
        text.push_str(line);
        text.push('\n');
    }
    text.trim_end().to_owned()
}

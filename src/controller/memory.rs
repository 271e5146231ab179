//! What is remembered of an object between two passes: when it was looked at, so that nothing is looked at too often.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::hash::{DefaultHasher, Hasher as _};

use jiff::{SignedDuration, Timestamp};
use sfe_core::desired::Desired;
use sfe_core::next::Until;
use sfe_core::observed::Observed;
use sfe_core::outcome::Convergence;

use super::turn::Awaited;
use super::unreadable::Unreadable;

/// What is remembered of an object. A restart forgets it, and all is looked at anew.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What was desired when AWS was last found to be so, and when that was.
    pub converged: Option<(Fingerprint, Timestamp)>,
    /// What was desired when AWS was last found to be so, as long as nothing was written since: also while a read fails.
    steady: Option<Fingerprint>,
    /// What was observed when AWS was last found to be so, or but for what another object has to do first; and when the oldest of that was
    /// read.
    pub observed: Option<(Observed, Timestamp)>,
    /// Whether a call that nobody waits for any more may still take effect, or has done so unseen; None before the first pass.
    doubt: Option<bool>,
    /// When executions were last read.
    pub executions_at: Option<Timestamp>,
    /// When a look for drift has its turn, which it did not have yet.
    pub postponed_to: Option<Timestamp>,
    /// How the last pass ended that waits for its turn, so that asking again needs no reading.
    turn: Option<AwaitedTurn>,
    /// When the last pass ended that may have made something.
    pub made_at: Option<Timestamp>,
    /// When the last pass ended in which the answer of a write got lost.
    pub lost_at: Option<Timestamp>,
    /// The calls whose answers can't be read.
    pub unreadable: Unreadable,
    /// How many passes in a row must be tried again.
    pub attempts: u32,
    /// What was desired in the last passes, the writes that each of them made for it, and how many in a row did: one that comes back doesn't
    /// take effect.
    repeated: (Fingerprint, BTreeMap<String, u32>),
}

/// How a pass ended that waits for its turn.
#[derive(Clone, Debug)]
struct AwaitedTurn {
    desired: Fingerprint,
    awaited: Awaited,
    convergence: Convergence,
    since: Timestamp,
}

/// A number that is the same as long as the same is desired.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// That of what is desired. Within one process alone: it is never written.
    pub fn of(desired: &Desired) -> Self {
        let mut digest = Digest::default();
        _ = write!(digest, "{desired:?}"); // a hasher takes everything
        Self(digest.0.finish())
    }
}

/// Hashes what is written to it, without holding it.
#[derive(Default)]
struct Digest(DefaultHasher);

impl fmt::Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        Ok(())
    }
}

impl Memory {
    /// Whether AWS was found to be as desired, less than `drift` ago.
    pub fn is_fresh(&self, desired: &Desired, now: Timestamp, drift: SignedDuration) -> bool {
        self.converged.as_ref().is_some_and(|(known, at)| now < *at + drift && *known == Fingerprint::of(desired))
    }

    /// Whether the same was desired when AWS was last found to be so, and nothing was written since: then a difference is someone else's.
    pub fn is_steady(&self, desired: &Desired) -> bool {
        let converged = self.converged.as_ref().map(|(known, _)| known);
        converged.or(self.steady.as_ref()).is_some_and(|known| *known == Fingerprint::of(desired))
    }

    /// Notes whether the next difference is still someone else's: a look that failed has told of none, and a write that was refused has put
    /// nothing back.
    pub fn note_steady(&mut self, desired: &Desired, is_steady: bool) {
        self.steady = is_steady.then(|| Fingerprint::of(desired));
    }

    /// The writes that the last passes made for what is desired now, and how many passes in a row did.
    pub fn repeated(&self, desired: &Desired) -> BTreeMap<String, u32> {
        let any = !self.repeated.1.is_empty() && self.repeated.0 == Fingerprint::of(desired);
        if any { self.repeated.1.clone() } else { BTreeMap::new() }
    }

    /// Notes the writes of a pass.
    pub fn note_writes(&mut self, desired: &Desired, writes: impl IntoIterator<Item = String>) {
        let fingerprint = Fingerprint::of(desired);
        let before =
            if self.repeated.0 == fingerprint { std::mem::take(&mut self.repeated.1) } else { BTreeMap::new() };
        let counted = writes.into_iter().map(|write| (before.get(&write).map_or(1, |n| n + 1), write));
        self.repeated = (fingerprint, counted.map(|(n, write)| (write, n)).collect());
    }

    /// Notes how a pass ended.
    pub fn note(&mut self, desired: Option<&Desired>, convergence: Option<&Convergence>, retry: bool, now: Timestamp) {
        self.attempts = if retry { self.attempts.saturating_add(1) } else { 0 };
        if let (Some(desired), Some(convergence)) = (desired, convergence) {
            let converged = convergence.next.is_empty() && convergence.failures.is_empty();
            let since = self.observed.as_ref().map_or(now, |(_, at)| *at);
            self.converged = converged.then(|| (Fingerprint::of(desired), since));
        }
    }

    /// Whether some call may have taken effect unseen; `may_precede` where that could be one of a process before this.
    pub fn is_in_doubt(&self, may_precede: bool) -> bool {
        self.doubt.unwrap_or(may_precede)
    }

    /// Notes whether some call may take effect unseen: one of this pass whose answer was no clear yes, or one of a process before this. It
    /// lasts until all is read once more and nothing had to be written.
    pub fn note_doubt(&mut self, is_unclear: bool, may_precede: bool, looked: bool) {
        self.doubt = Some(is_unclear || !looked && self.is_in_doubt(may_precede));
    }

    /// Keeps what was observed, the oldest of it `at` that time, if nothing is left but what others do, and nothing is in doubt.
    pub fn keep(&mut self, convergence: &Convergence, at: Timestamp) {
        let next = &convergence.next;
        let done = next.actions.is_empty() && next.refused.is_empty() && convergence.failures.is_empty();
        let by_others = next.waiting.iter().all(|wait| wait.until == Until::Cluster || wait.until == Until::Sibling);
        self.observed = (done && by_others && self.doubt == Some(false)).then(|| (convergence.observed.clone(), at));
    }

    /// Keeps how a pass ended that began at `since` and waits for its turn, if nothing else is in its way.
    pub fn keep_turn(
        &mut self,
        desired: &Desired,
        convergence: &Convergence,
        awaited: Option<Awaited>,
        since: Timestamp,
    ) {
        let alone = convergence.failures.is_empty() && convergence.next.refused.is_empty();
        self.turn = awaited.filter(|_| alone).map(|awaited| AwaitedTurn {
            desired: Fingerprint::of(desired),
            awaited,
            convergence: Convergence { applied: 0, recorded: false, ..convergence.clone() },
            since,
        });
    }

    /// What the last pass waits for, if the same is desired still and that pass was less than `kept_for` ago; and how it ended.
    pub fn awaits_turn(
        &self,
        desired: &Desired,
        now: Timestamp,
        kept_for: SignedDuration,
    ) -> Option<(&Awaited, &Convergence)> {
        let turn = self.turn.as_ref().filter(|turn| now < turn.since + kept_for)?;
        (turn.desired == Fingerprint::of(desired)).then_some((&turn.awaited, &turn.convergence))
    }

    /// What was observed less than `drift` ago, and when: it need not be read again to see whether there is anything to do, and what.
    pub fn recently_observed(&self, now: Timestamp, drift: SignedDuration) -> Option<&(Observed, Timestamp)> {
        self.observed.as_ref().filter(|(_, at)| now < *at + drift)
    }

    /// When something is due again: drift or executions.
    pub fn due_in(&self, desired: &Desired, now: Timestamp, drift: SignedDuration) -> SignedDuration {
        // A look that had to be postponed is overdue already: then the later moment counts.
        let postponed = self.postponed_to.filter(|at| *at > now);
        let drift = postponed.or(self.converged.as_ref().map(|(_, at)| *at + drift)).map(|at| now.duration_until(at));
        let executions = self
            .executions_at
            .filter(|_| desired.executions.keep > 0)
            .map(|at| now.duration_until(at + desired.executions.interval));
        let due = [drift, executions].into_iter().flatten().min().unwrap_or(SignedDuration::MAX);
        due.max(SignedDuration::from_millis(10))
    }
}

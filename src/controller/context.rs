//! What every reconcile shares.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::{SignedDuration, Timestamp};
use sfe_core::desired::Settings;
use sfe_core::outcome::Pace;

use super::cluster::Key;
use super::memory::Memory;

/// The operator's own options.
#[derive(Clone, Debug)]
pub struct Options {
    /// Cluster, account and Region.
    pub settings: Settings,
    /// When to look again.
    pub pace: Pace,
    /// How long a call whose answer was lost may take until it is read for sure: its own delay and that of a read together. Until then "not
    /// found" settles nothing.
    pub settle: SignedDuration,
    /// How long a new role may stay unassumable before that needs a person.
    pub role_grace: SignedDuration,
}

/// What every reconcile shares.
pub struct Context<A, C, K> {
    /// AWS.
    pub aws: A,
    /// The cluster.
    pub cluster: C,
    /// The time.
    pub clock: K,
    /// The operator's own options.
    pub options: Options,
    memories: Mutex<BTreeMap<Key, Memory>>,
    began: OnceLock<Timestamp>,
    stopping: AtomicBool,
}

impl<A, C, K> Context<A, C, K> {
    /// A context without memories.
    pub fn new(aws: A, cluster: C, clock: K, options: Options) -> Self {
        let (memories, began, stopping) = (Mutex::default(), OnceLock::new(), AtomicBool::new(false));
        Self { aws, cluster, clock, options, memories, began, stopping }
    }

    /// What is remembered of an object: when things are looked at again, and when a deletion may end. A restart forgets it, and is as careful
    /// as after a call (see [`began`](Self::began)).
    pub fn memory(&self, key: &Key) -> Memory {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned().unwrap_or_default()
    }

    /// Remembers.
    pub fn remember(&self, key: Key, memory: Memory) {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).insert(key, memory);
    }

    /// Forgets an object that is gone.
    pub fn forget(&self, key: &Key) {
        self.memories.lock().unwrap_or_else(PoisonError::into_inner).remove(key);
    }

    /// When this process had its first pass: before that another may have written.
    pub fn began(&self, now: Timestamp) -> Timestamp {
        *self.began.get_or_init(|| now)
    }

    /// From now on no write starts; those in flight end, and their answers are kept.
    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// Whether the operator is about to stop.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

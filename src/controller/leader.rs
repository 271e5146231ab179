//! One leader among the replicas: who holds the Lease writes, the others only watch. `fence` says why two never act at once, `lease` how the
//! Lease is held.
//!
//! Who loses it ends. Nothing that it remembers is true any more once another has led, and a process that is gone writes nothing: that is surer
//! than to find each thing that would have to be forgotten. Kubernetes starts it again, as a follower.

use std::hash::{BuildHasher as _, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use kube::Client;
use kube_lease_manager::{LeaseCreateMode, LeaseManager, LeaseManagerError, LeaseParams};

use crate::fence::{Fence, Term};

use super::lease::LeaseView;

/// How often a Lease is renewed until nothing more may begin: so many renewals may fail.
const RENEWALS: u64 = 3;

/// This replica's part in the election.
pub struct Election {
    client: Client,
    namespace: String,
    name: String,
    identity: String,
    term: Term,
    interval: Duration,
    fence: Arc<Fence>,
    manager: Option<LeaseManager>,
}

impl Election {
    /// Runs for the Lease of this name. `client` must not retry; the durations of `term` are whole seconds, the first the longer one.
    pub fn new(client: Client, namespace: String, name: String, term: Term, fence: Arc<Fence>) -> Self {
        let interval = Duration::from_secs((term.renew_deadline.as_secs() / RENEWALS).max(1));
        let identity = identity();
        let client = LeaseView::new(identity.clone(), term, interval, Arc::clone(&fence)).client(client);
        Self { client, namespace, name, identity, term, interval, fence, manager: None }
    }

    /// The Lease, as `namespace/name`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Who this replica is in the Lease.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// Waits until this replica leads. It returns too where a whole term passed unseen since the Lease was acquired: then it is
    /// [`lost`](Self::lost) at once.
    pub async fn won(&mut self) {
        while !self.fence.is_leading() && !self.fence.is_over() {
            self.step().await;
        }
    }

    /// Renews the Lease until nothing more may begin.
    pub async fn lost(&mut self) {
        let fence = Arc::clone(&self.fence);
        while fence.is_leading() {
            let mut step = pin!(self.step());
            loop {
                // What is over by the clock is over, whatever the API server is waited for.
                tokio::select! {
                    () = &mut step => break,
                    () = tokio::time::sleep(fence.left()) => if !fence.is_leading() { return },
                }
            }
        }
    }

    /// Gives the Lease up, so that another can have it at once. What is not answered in time the other waits for.
    pub async fn release(&mut self) {
        if !self.fence.is_leading() {
            return;
        }
        let Some(manager) = &self.manager else { return };
        match tokio::time::timeout(self.interval, manager.release()).await {
            Ok(Ok(())) => tracing::info!(lease = self.name(), "the Lease is released"),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the Lease could not be released: another replica waits until it ends")
            }
            Err(_) => tracing::warn!("the Lease could not be released in time: another replica waits until it ends"),
        }
    }

    /// Until something changes. An error begins anew: the Lease is read before it is written again.
    async fn step(&mut self) {
        if let Err(error) = self.changed().await {
            tracing::warn!(lease = self.name(), %error, "the Lease could not be read or renewed: again");
            self.manager = None;
            tokio::time::sleep(self.interval / 2).await;
        }
    }

    async fn changed(&mut self) -> Result<(), LeaseManagerError> {
        let manager = match self.manager.take() {
            Some(manager) => manager,
            None => self.manager().await?,
        };
        self.manager.insert(manager).changed().await.map(|_| ())
    }

    async fn manager(&self) -> Result<LeaseManager, LeaseManagerError> {
        let duration = self.term.duration.as_secs();
        // It renews so long before the end.
        let grace = duration.saturating_sub(self.interval.as_secs()).max(1);
        let parameters = LeaseParams::new(&self.identity, duration, grace);
        let create = LeaseCreateMode::AutoCreate;
        LeaseManager::new(self.client.clone(), &self.name, &self.namespace, parameters, create).await
    }
}

/// The pod's name, for people, and a number, as two processes are never the same.
fn identity() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}_{:016x}", host.trim(), RandomState::new().hash_one(std::process::id()))
}

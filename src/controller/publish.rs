//! The ConfigMap and the Secret that tell other workloads: read in each pass, written where they differ.

use std::collections::BTreeSet;

use sfe_core::api::{PublishedKind, PublishedObject, StepFunctionEndpoint};
use sfe_core::outcome::{Failure, Outcome};
use sfe_core::publish::{Data, Found, Plan, Publication, Step, is_ours, next, plan};

use crate::aws::Aws;

use super::clock::Clock;
use super::cluster::{Cluster, ClusterError, Key};
use super::context::Context;
use super::status;

/// What is still to be written, and over what.
type Write = (PublishedObject, Option<Found>);

/// Publishes what the manifest says, once it is live; a failure is part of the outcome.
pub async fn run<A: Aws, C: Cluster, K: Clock>(
    ctx: &Context<A, C, K>,
    live: &StepFunctionEndpoint,
    outcome: Outcome,
) -> Outcome {
    let told = status::next(ctx, live, &outcome);
    let Some(Plan { wanted, data, former }) = plan(live, &outcome, &told) else { return outcome };
    let recorded: BTreeSet<PublishedObject> = told.published.iter().cloned().collect();
    let mut pass = Pass { ctx, live, outcome, recorded, has_written: false };
    if let Some(data) = &data {
        let writes = pass.compare(&wanted, data).await;
        pass.write(writes, data).await;
    }
    let is_moved = wanted.is_empty() || data.is_some();
    if is_moved && pass.outcome.failures.is_empty() {
        pass.remove(&former).await;
    }
    pass.outcome.publication = Some(Publication { objects: pass.recorded, pending: false, recorded: pass.has_written });
    pass.outcome
}

struct Pass<'a, A, C, K> {
    ctx: &'a Context<A, C, K>,
    live: &'a StepFunctionEndpoint,
    outcome: Outcome,
    /// What may be there of ours.
    recorded: BTreeSet<PublishedObject>,
    /// Whether the status was written.
    has_written: bool,
}

impl<A: Aws, C: Cluster, K: Clock> Pass<'_, A, C, K> {
    /// What differs, and may be written.
    async fn compare(&mut self, wanted: &BTreeSet<PublishedObject>, data: &Data) -> Vec<Write> {
        let mut writes = Vec::new();
        for object in wanted {
            let found = match self.ctx.cluster.published(&Key::of(self.live).namespace, object).await {
                Ok(found) => found,
                Err(error) => {
                    self.fail(object, &error);
                    continue;
                }
            };
            match next(self.live, object, data, found.as_ref()) {
                Step::Nothing => drop(self.recorded.insert(object.clone())),
                Step::Create | Step::Update => writes.push((object.clone(), found)),
                Step::Refuse(failure) => {
                    self.recorded.remove(object);
                    self.outcome.failures.push(failure);
                }
            }
        }
        writes
    }

    /// Writes it, once the status records what is new: a crash in between must not make anything be forgotten.
    async fn write(&mut self, writes: Vec<Write>, data: &Data) {
        let objects = writes.iter().map(|(object, _)| object.clone());
        let all: BTreeSet<PublishedObject> = self.recorded.iter().cloned().chain(objects).collect();
        if all.len() > self.recorded.len() {
            self.outcome.publication = Some(Publication { objects: all.clone(), pending: true, recorded: false });
            let status = status::next(self.ctx, self.live, &self.outcome);
            let is_unchanged = !self.outcome.has_recorded();
            if let Err(error) = self.ctx.cluster.write_status(self.live, &status, is_unchanged).await {
                let message = format!("publish failed: {error}");
                self.outcome.failures.push(Failure { message, ..error.failure(None) });
                return;
            }
            self.recorded = all;
            self.has_written = true;
        }
        for (object, found) in writes {
            tracing::info!(%object, "publishing");
            if let Err(error) = self.ctx.cluster.write_published(self.live, &object, found.as_ref(), data).await {
                self.fail(&object, &error);
            }
        }
    }

    /// Deletes what a former manifest named, where it is ours still.
    async fn remove(&mut self, former: &BTreeSet<PublishedObject>) {
        for object in former {
            match self.remove_one(object).await {
                Ok(()) => drop(self.recorded.remove(object)),
                Err(error) => self.fail(object, &error),
            }
        }
    }

    async fn remove_one(&self, object: &PublishedObject) -> Result<(), ClusterError> {
        let namespace = Key::of(self.live).namespace;
        match self.ctx.cluster.published(&namespace, object).await? {
            Some(found) if is_ours(self.live, &found) => {
                tracing::info!(%object, "deleting what was published");
                self.ctx.cluster.delete_published(&namespace, object, &found).await
            }
            Some(_) | None => Ok(()),
        }
    }

    fn fail(&mut self, object: &PublishedObject, error: &ClusterError) {
        let hint = match object.kind {
            PublishedKind::ConfigMap => {
                "set `publishConfigMaps: true` in the chart's values, which lets the operator write ConfigMaps"
            }
            PublishedKind::Secret => "set `secrets.enabled: true` in the chart's values, or publish in a ConfigMap",
        };
        let failure = error.failure(Some(hint));
        self.outcome.failures.push(Failure { message: format!("publish failed: {object}: {error}"), ..failure });
    }
}

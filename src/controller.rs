//! The controller: watches manifests, reconciles each, writes its status. What it does is generic over AWS, the cluster and the clock.

mod clock;
mod cluster;
mod context;
mod converge;
mod desired;
mod executions;
mod finalizer;
mod keys;
mod kubernetes;
mod leader;
mod lease;
mod memory;
mod pass;
mod plan;
mod publish;
mod published;
mod reconcile;
mod status;
mod touched;
mod turn;
mod unreadable;
mod watch;

pub use clock::{Clock, SystemClock};
pub use cluster::{Cluster, ClusterError, Key, NewSecret, Secret, StateChange};
pub use context::{Context, Options};
pub use kubernetes::{KubeCluster, fenced};
pub use leader::Election;
pub use plan::{Planned, plan};
pub use reconcile::reconcile;
pub use touched::{Touched, guests, on_same_api, selected, users_of_config_map};
pub use watch::{Course, run};

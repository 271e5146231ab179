//! The flags of the election, and what comes of it.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use clap::{ArgAction, Args};
use jiff::SignedDuration;
use kube::Client;
use tokio::sync::{Notify, oneshot};

use crate::controller::Election;
use crate::fence::{Fence, MARGIN, MachineClocks, Term};

use super::CliError;

/// How one of several replicas is elected to write.
#[derive(Debug, Args)]
pub struct Leadership {
    /// Whether replicas elect a leader; `false` where there is but one.
    #[arg(long, env = "SFE_LEADER_ELECTION", default_value_t = true, action = ArgAction::Set)]
    leader_election: bool,
    /// The name of the Lease; `stepfunction-endpoint` without it, followed by `-` and the `--namespace`, if there is one.
    #[arg(long, env = "SFE_LEASE_NAME")]
    lease_name: Option<String>,
    /// The namespace of the Lease; the Pod's own, or that of the kubeconfig's context, without it. It should not be the one that is watched:
    /// a Lease goes with its namespace, and nothing would be left to elect who deletes what that namespace had in AWS.
    #[arg(long, env = "SFE_LEASE_NAMESPACE")]
    lease_namespace: Option<String>,
    /// How long after the leader's last sign of life another one takes over, 3s to 5m.
    #[arg(long, env = "SFE_LEASE_DURATION", default_value = "40s", value_parser = seconds)]
    lease_duration: SignedDuration,
    /// How long a leader goes on without renewing the Lease. A call may take as long as is left then, less a second: 20 s is as long as any takes.
    #[arg(long, env = "SFE_LEASE_RENEW_DEADLINE", default_value = "15s", value_parser = seconds)]
    lease_renew_deadline: SignedDuration,
}

/// `15s`, `1m`: whole seconds, as a Lease has them.
fn seconds(text: &str) -> Result<SignedDuration, String> {
    let parsed: SignedDuration = text.parse().map_err(|_| "allowed are durations such as `15s`".to_owned())?;
    let allowed = SignedDuration::from_secs(1)..=SignedDuration::from_mins(5);
    let whole = parsed.subsec_nanos() == 0 && allowed.contains(&parsed);
    if whole { Ok(parsed) } else { Err("allowed are whole seconds, 1s to 5m".to_owned()) }
}

impl Leadership {
    /// Closed until this replica is elected; open where none is.
    pub fn fence(&self) -> Arc<Fence> {
        let fence = || Fence::following(Arc::new(MachineClocks::default()));
        Arc::new(if self.leader_election { fence() } else { Fence::open() })
    }

    /// This replica's part in the election, if there is one. `watched` is the one namespace that it works on.
    pub fn election(
        &self,
        client: &Client,
        watched: Option<&str>,
        fence: &Arc<Fence>,
    ) -> Result<Option<Election>, CliError> {
        if !self.leader_election {
            return Ok(None);
        }
        let (term, name) = (self.term()?, self.name(watched));
        let namespace = self.lease_namespace.clone().unwrap_or_else(|| client.default_namespace().to_owned());
        Ok(Some(Election::new(client.clone(), namespace, name, term, Arc::clone(fence))))
    }

    fn term(&self) -> Result<Term, CliError> {
        let seconds = |duration: SignedDuration| Duration::from_secs(duration.as_secs().unsigned_abs());
        let (duration, renew_deadline) = (seconds(self.lease_duration), seconds(self.lease_renew_deadline));
        if renew_deadline + MARGIN >= duration {
            let what = "--lease-renew-deadline failed: it is not 2 s shorter than --lease-duration";
            return Err(CliError::new(what, "leave the calls in flight their time: their longest takes 20 s"));
        }
        Ok(Term { duration, renew_deadline })
    }

    /// Operators that watch the same have the same Lease, as far as they are in one namespace.
    fn name(&self, watched: Option<&str>) -> String {
        let own = "stepfunction-endpoint";
        match (&self.lease_name, watched) {
            (Some(name), _) => name.clone(),
            (None, Some(watched)) => format!("{own}-{watched}"),
            (None, None) => own.to_owned(),
        }
    }
}

/// Lets `operator` run until it ends by itself. It may act once `leads` was notified; where the Lease is lost, `lost` tells it to end, and it is
/// left alone as soon as another may lead.
pub async fn lead(
    election: Option<Election>,
    fence: &Fence,
    operator: impl Future<Output = ()>,
    leads: Arc<Notify>,
    lost: &Notify,
) -> Result<(), CliError> {
    let Some(mut election) = election else {
        leads.notify_one();
        operator.await;
        return Ok(());
    };
    let (lease, mut operator) = (election.name(), pin!(operator));
    let (end, has_ended) = oneshot::channel::<()>();
    // In a task of its own: a renewal must not wait for what the operator computes.
    let mut campaign = tokio::spawn(async move {
        let (lease, identity) = (election.name(), election.identity().to_owned());
        tracing::info!(lease, identity, "following");
        let led = async {
            election.won().await;
            tracing::info!(lease, identity, "leading");
            leads.notify_one();
            election.lost().await;
        };
        let ended_first = tokio::select! {
            () = led => false,
            _ = has_ended => true,
        };
        if ended_first {
            election.release().await;
        }
    });
    tokio::select! {
        () = &mut operator => {
            let _ = end.send(());
            let _ = campaign.await;
            return Ok(());
        }
        _ = &mut campaign => {}
    }
    tracing::error!(lease, "the Lease is lost: nothing more begins, what is in flight ends");
    lost.notify_one();
    if tokio::time::timeout(fence.left_to_end(), operator).await.is_err() {
        tracing::error!("what was in flight is cut off: another replica may lead from now on");
    }
    let what = format!("leadership lost: the Lease {lease} was not renewed in time, or is another's");
    Err(CliError::new(
        what,
        "none, if it is started again, as in a Deployment; else see whether the API server answers",
    ))
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches as _;

    use super::*;

    fn flags(arguments: &[&str]) -> Leadership {
        let command = Leadership::augment_args(clap::Command::new("sfe"));
        let matches = command.try_get_matches_from([&["sfe"], arguments].concat()).unwrap();
        Leadership::from_arg_matches(&matches).unwrap()
    }

    #[test]
    fn what_is_in_flight_has_its_time() {
        let term = flags(&[]).term().unwrap();
        assert!(term.duration - term.renew_deadline - MARGIN >= Duration::from_secs(20), "the longest call: {term:?}");
        assert!(flags(&["--lease-duration=3s", "--lease-renew-deadline=1s"]).term().is_ok());
        for wrong in
            [["--lease-duration=3s", "--lease-renew-deadline=2s"], ["--lease-duration=5s", "--lease-renew-deadline=5m"]]
        {
            let error = flags(&wrong).term().unwrap_err().to_string();
            assert!(error.contains("--lease-renew-deadline failed") && error.contains("\nhint: "), "{error}");
        }
    }

    #[test]
    fn operators_of_different_namespaces_have_different_leases() {
        assert_eq!(flags(&[]).name(None), "stepfunction-endpoint");
        assert_eq!(flags(&[]).name(Some("team-a")), "stepfunction-endpoint-team-a");
        assert_eq!(flags(&["--lease-name=mine"]).name(Some("team-a")), "mine");
    }

    #[test]
    fn without_an_election_nothing_is_fenced() {
        assert!(flags(&["--leader-election=false"]).fence().check().is_ok());
        assert!(flags(&[]).fence().check().is_err());
    }

    #[test]
    fn a_lease_is_of_whole_seconds() {
        assert_eq!(seconds("15s"), Ok(SignedDuration::from_secs(15)));
        assert_eq!(seconds("1m"), Ok(SignedDuration::from_mins(1)));
        for wrong in ["1500ms", "0s", "6m", "soon", "-3s"] {
            assert!(seconds(wrong).is_err(), "{wrong}");
        }
    }
}

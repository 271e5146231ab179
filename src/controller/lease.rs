//! The requests by which kube-lease-manager holds the Lease, made safe on their way.
//!
//! By itself that crate compares the wall clocks of two machines, and patches the Lease whatever it has become since it was read: a renewal that
//! is late, by a hung connection or a stopped process, would put an old time into another's Lease, which a third then takes too early. So its
//! client leads through here:
//!
//! - Each patch carries the `resourceVersion` that this replica last saw. What has changed since is a conflict, however late the patch arrives.
//! - Another's Lease is not taken before its whole duration has passed since this replica first saw its last renewal, by this replica's own clock.
//!   So that the crate waits for the same, it is shown a time of renewal that says so; and one that makes it look again each interval,
//!   to see a Lease that was released.
//! - A Lease that was deleted and made anew is not free sooner: who held it may not know yet.
//! - A renewal that was answered tells the fence when it was asked for. An answer that shows another's Lease closes it.
//! - What gets no answer within an interval has failed.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::{Method, Request, Response, StatusCode};
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use kube::client::Body;
use serde_json::{Value, json};

use crate::fence::{Fence, Moment, Term};

/// Why a request was not sent, or its answer not passed on.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Another holds it, or may still believe so.
    #[error("the Lease is another's for {0:?} more")]
    Held(Duration),
    /// It was not read before it was written.
    #[error("the Lease is not known yet")]
    Unknown,
    /// It has changed since it was read.
    #[error("the Lease has changed since it was read")]
    Changed,
    /// The API server did not answer.
    #[error("no answer within {0:?}")]
    NoAnswer(Duration),
    /// What was sent or answered is no Lease.
    #[error("a Lease can't be read: {0}")]
    Malformed(#[from] serde_json::Error),
    /// The API server could not be asked.
    #[error("{0}")]
    Kube(#[from] kube::Error),
}

/// What this replica knows of the Lease.
pub struct LeaseView {
    identity: String,
    term: Term,
    /// How often the Lease is renewed, or looked at.
    interval: Duration,
    fence: Arc<Fence>,
    seen: Mutex<Option<Seen>>,
}

#[derive(Clone, Debug)]
struct Seen {
    uid: Option<String>,
    version: Option<String>,
    holder: Option<String>,
    renewed: Option<MicroTime>,
    /// Until when another may still act, by CLOCK_MONOTONIC alone: a wall clock that jumps ahead must not end another's term.
    held_until: Option<Duration>,
}

impl LeaseView {
    /// Nothing is known yet.
    pub fn new(identity: String, term: Term, interval: Duration, fence: Arc<Fence>) -> Arc<Self> {
        Arc::new(Self { identity, term, interval, fence, seen: Mutex::new(None) })
    }

    /// A client of which every request is about the Lease. `inner` must not retry.
    pub fn client(self: &Arc<Self>, inner: Client) -> Client {
        let namespace = inner.default_namespace().to_owned();
        let view = Arc::clone(self);
        let service = tower::service_fn(move |request: Request<Body>| {
            let (view, inner) = (Arc::clone(&view), inner.clone());
            async move {
                let answer = tokio::time::timeout(view.interval, view.exchange(&inner, request)).await;
                answer.unwrap_or(Err(LeaseError::NoAnswer(view.interval)))
            }
        });
        Client::new(service, namespace)
    }

    async fn exchange(&self, inner: &Client, request: Request<Body>) -> Result<Response<Body>, LeaseError> {
        let (mut head, body) = request.into_parts();
        let is_patch = head.method == Method::PATCH;
        let mut body = body.collect_bytes().await?.to_vec();
        let mut renews = false;
        if is_patch {
            (body, renews) = self.admit(&body)?;
            head.headers.remove(http::header::CONTENT_LENGTH);
        }
        let asked = self.fence.now();
        let answer = inner.send(Request::from_parts(head, Body::from(body))).await?;
        let (mut head, body) = answer.into_parts();
        let body = body.collect_bytes().await?.to_vec();
        match head.status {
            StatusCode::NOT_FOUND => self.fence.lost(),
            // What was not a conflict of ours with itself: the crate starts again from what it then reads.
            StatusCode::CONFLICT if is_patch => return Err(LeaseError::Changed),
            status if status.is_success() => {
                head.headers.remove(http::header::CONTENT_LENGTH);
                let shown = self.note(&body, renews.then_some(asked))?;
                return Ok(Response::from_parts(head, Body::from(shown)));
            }
            _ => {}
        }
        Ok(Response::from_parts(head, Body::from(body)))
    }

    /// The patch under the version that was last seen, and whether it renews; an error where the Lease is another's.
    fn admit(&self, patch: &[u8]) -> Result<(Vec<u8>, bool), LeaseError> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or(LeaseError::Unknown)?;
        let now = self.fence.now();
        let left = seen.held_until.map(|until| until.saturating_sub(now.monotonic)).unwrap_or_default();
        if !left.is_zero() {
            return Err(LeaseError::Held(left));
        }
        let mut patch: Value = serde_json::from_slice(patch)?;
        let renews = patch["spec"]["renewTime"].is_string();
        patch["metadata"] = json!({ "resourceVersion": seen.version.ok_or(LeaseError::Unknown)? });
        Ok((serde_json::to_vec(&patch)?, renews))
    }

    /// Notes a Lease as it was answered, and tells it as the crate is to see it.
    fn note(&self, answer: &[u8], asked: Option<Moment>) -> Result<Vec<u8>, LeaseError> {
        let mut lease: Lease = serde_json::from_slice(answer)?;
        let now = self.fence.now();
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.filter(|holder| !holder.is_empty());
        let is_ours = holder.as_deref() == Some(&self.identity);
        let duration = spec.lease_duration_seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let duration = duration.map_or(self.term.duration, Duration::from_secs);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let before = seen.take();
        let held_until = match &before {
            // The same renewal: it counts from when it was first seen.
            Some(before) if before.holder == holder && before.renewed == spec.renew_time => before.held_until,
            // Deleted and made anew: who held it may not know yet.
            Some(before) if before.uid != lease.metadata.uid && holder.is_none() => before.held_until,
            _ => holder.is_some().then(|| now.monotonic + duration),
        };
        let held_until = held_until.filter(|_| !is_ours);
        let former = before.and_then(|before| before.holder);
        if former != holder && !is_ours {
            tracing::info!(holder, "the Lease is another's, or nobody's");
        }
        *seen = Some(Seen {
            uid: lease.metadata.uid.clone(),
            version: lease.metadata.resource_version.clone(),
            holder,
            renewed: spec.renew_time,
            held_until,
        });
        drop(seen);
        match (is_ours, asked) {
            (true, Some(asked)) => self.fence.renewed(asked, self.term),
            (true, None) => {}
            (false, _) => self.fence.lost(),
        }
        if let (Some(until), Some(spec)) = (held_until, &mut lease.spec) {
            // The crate takes it once the time of renewal and the duration have passed by the wall clock.
            let left = until.saturating_sub(now.monotonic).min(self.interval);
            let shown = now.wall + left;
            let shown = if left.is_zero() { shown - Duration::from_millis(1) } else { shown };
            spec.renew_time = micro_time(shown - duration);
            spec.lease_duration_seconds = i32::try_from(duration.as_secs()).ok();
        }
        Ok(serde_json::to_vec(&lease)?)
    }
}

fn micro_time(time: SystemTime) -> Option<MicroTime> {
    k8s_openapi::jiff::Timestamp::try_from(time).ok().map(MicroTime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fence::tests::{SetClocks, TERM};

    const INTERVAL: Duration = Duration::from_secs(3);

    fn view() -> (Arc<SetClocks>, Arc<Fence>, Arc<LeaseView>) {
        let clocks = Arc::new(SetClocks::default());
        let fence = Arc::new(Fence::following(Arc::<SetClocks>::clone(&clocks)));
        let view = LeaseView::new("us".to_owned(), TERM, INTERVAL, Arc::clone(&fence));
        (clocks, fence, view)
    }

    /// A Lease: its uid and version, who holds it, and when it was renewed, in seconds after some moment.
    fn lease(uid: &str, version: &str, holder: Option<&str>, renewed: u8) -> Vec<u8> {
        let renewed = holder.map(|_| format!("2026-01-01T00:00:{renewed:02}.000000Z"));
        let spec = json!({"holderIdentity": holder, "renewTime": renewed, "leaseDurationSeconds": 15});
        let metadata = json!({"name": "sfe", "uid": uid, "resourceVersion": version});
        serde_json::to_vec(&json!({"metadata": metadata, "spec": spec})).unwrap()
    }

    const RENEWAL: &[u8] = br#"{"spec":{"renewTime":"2026-01-01T00:00:00.000000Z"}}"#;
    const RELEASE: &[u8] = br#"{"spec":{"renewTime":null,"holderIdentity":null}}"#;

    #[track_caller]
    fn check_held(view: &LeaseView, seconds: u64) {
        match view.admit(RENEWAL) {
            Err(LeaseError::Held(left)) => assert_eq!(left, Duration::from_secs(seconds)),
            other => panic!("it can be written: {other:?}"),
        }
    }

    #[test]
    fn a_patch_is_of_the_version_that_was_seen() {
        let (_, _, view) = view();
        assert!(matches!(view.admit(RENEWAL), Err(LeaseError::Unknown)));
        view.note(&lease("a", "7", None, 0), None).unwrap();
        let (patch, renews) = view.admit(RENEWAL).unwrap();
        let patch: Value = serde_json::from_slice(&patch).unwrap();
        assert_eq!((patch["metadata"]["resourceVersion"].as_str(), renews), (Some("7"), true));
        assert!(patch["spec"]["renewTime"].is_string(), "{patch}");
        assert!(!view.admit(RELEASE).unwrap().1);
    }

    #[test]
    fn anothers_term_counts_from_when_its_renewal_was_first_seen() {
        let (clocks, _, view) = view();
        view.note(&lease("a", "7", Some("other"), 0), None).unwrap();
        check_held(&view, 15);
        clocks.pass(14_000);
        view.note(&lease("a", "7", Some("other"), 0), None).unwrap();
        check_held(&view, 1);
        view.note(&lease("a", "8", Some("other"), 9), None).unwrap();
        check_held(&view, 15); // whatever that time is by the other's clock
        clocks.pass_each(14_000, 3_600_000); // nor does our own wall clock count
        check_held(&view, 1);
        clocks.pass(1_000);
        assert!(view.admit(RENEWAL).is_ok());
    }

    #[test]
    fn the_crate_sees_times_of_our_own_clock() {
        let (clocks, fence, view) = view();
        let end = |answer: Vec<u8>| {
            let lease: Lease = serde_json::from_slice(&answer).unwrap();
            let spec = lease.spec.unwrap();
            let renewed = SystemTime::from(spec.renew_time.unwrap().0);
            renewed + Duration::from_secs(spec.lease_duration_seconds.unwrap().unsigned_abs().into())
        };
        let shown = view.note(&lease("a", "7", Some("other"), 0), None).unwrap();
        assert_eq!(end(shown), fence.now().wall + INTERVAL, "it looks again soon");
        clocks.pass(13_000);
        let shown = view.note(&lease("a", "7", Some("other"), 0), None).unwrap();
        assert_eq!(end(shown), fence.now().wall + Duration::from_secs(2));
        clocks.pass(2_000);
        let shown = view.note(&lease("a", "7", Some("other"), 0), None).unwrap();
        assert!(end(shown) < fence.now().wall, "it has ended");
        let ours = lease("a", "8", Some("us"), 0);
        let shown: Value = serde_json::from_slice(&view.note(&ours, None).unwrap()).unwrap();
        assert_eq!(shown["spec"]["renewTime"], "2026-01-01T00:00:00.000000Z", "ours stays as it is");
    }

    #[test]
    fn a_released_lease_is_free_at_once() {
        let (_, _, view) = view();
        view.note(&lease("a", "7", Some("other"), 0), None).unwrap();
        view.note(&lease("a", "8", None, 0), None).unwrap();
        assert!(view.admit(RENEWAL).is_ok());
    }

    #[test]
    fn a_lease_that_was_deleted_is_not_free_sooner() {
        let (clocks, _, view) = view();
        view.note(&lease("a", "7", Some("other"), 0), None).unwrap();
        for version in ["9", "10"] {
            clocks.pass(5_000);
            view.note(&lease("b", version, None, 0), None).unwrap();
        }
        check_held(&view, 5);
        clocks.pass(5_000);
        assert!(view.admit(RENEWAL).is_ok());
    }

    #[test]
    fn only_an_answered_renewal_opens_the_fence() {
        let (clocks, fence, view) = view();
        let asked = fence.now();
        view.note(&lease("a", "7", Some("us"), 0), None).unwrap();
        assert!(!fence.is_leading(), "to read that the Lease is ours renews nothing");
        clocks.pass(4_000);
        view.note(&lease("a", "8", Some("us"), 1), Some(asked)).unwrap();
        assert_eq!(fence.left(), Duration::from_secs(6));
    }

    #[test]
    fn anothers_lease_closes_the_fence() {
        for found in [lease("a", "8", Some("other"), 1), lease("a", "8", None, 1), lease("b", "9", None, 0)] {
            let (_, fence, view) = view();
            view.note(&lease("a", "7", Some("us"), 0), Some(fence.now())).unwrap();
            assert!(fence.is_leading());
            view.note(&found, Some(fence.now())).unwrap();
            assert!(fence.check().is_err(), "{}", String::from_utf8_lossy(&found));
        }
    }

    /// What the crate is answered where the API server answers so, and whether this replica still leads then.
    async fn answered(method: Method, status: u16, body: Vec<u8>) -> (Result<u16, String>, bool) {
        let (_, fence, view) = view();
        view.note(&lease("a", "7", Some("us"), 0), Some(fence.now())).unwrap();
        let inner = tower::service_fn(move |_: Request<Body>| {
            let body = body.clone();
            async move { Response::builder().status(status).body(Body::from(body)) }
        });
        let request = Request::builder().method(method).body(Body::from(RENEWAL.to_vec())).unwrap();
        let answer = view.client(Client::new(inner, "default")).send(request).await;
        (answer.map(|answer| answer.status().as_u16()).map_err(|error| error.to_string()), fence.is_leading())
    }

    #[tokio::test]
    async fn each_answer_is_told_as_it_is() {
        let ours = lease("a", "8", Some("us"), 1);
        assert_eq!(answered(Method::PATCH, 200, ours.clone()).await, (Ok(200), true));
        assert_eq!(answered(Method::GET, 200, ours).await, (Ok(200), true));
        assert_eq!(answered(Method::GET, 200, lease("a", "8", Some("other"), 1)).await, (Ok(200), false));
        assert_eq!(answered(Method::PATCH, 404, Vec::new()).await, (Ok(404), false), "somebody deleted it");
        assert_eq!(answered(Method::PATCH, 500, Vec::new()).await, (Ok(500), true), "until its time is over");
        // The crate would go on with what it knew; as an error it makes it begin anew.
        let (conflict, leads) = answered(Method::PATCH, 409, Vec::new()).await;
        assert!(conflict.as_ref().is_err_and(|error| error.contains("has changed since it was read")), "{conflict:?}");
        assert!(leads, "who it is now the next read tells");
    }
}

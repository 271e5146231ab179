//! A renewal that the API server gets long after it was sent.

use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, Request, StatusCode};
use kube::Client;
use kube::client::Body;
use sfe::controller::Election;
use sfe::fence::{Fence, MachineClocks, Term};
use tokio::sync::{mpsc, oneshot};

use super::lease;
use crate::world::{World, run, until};

const TERM: Term = Term { duration: Duration::from_secs(8), renew_deadline: Duration::from_secs(6) };
const LATE: &str = "late";

/// A patch that was sent and has not arrived: what lets it go on, and its answer's status.
struct OnItsWay {
    arrive: oneshot::Sender<()>,
    status: oneshot::Receiver<StatusCode>,
}

/// A client whose patches, once that is wanted, stay on their way, whether or not their sender still waits.
fn slow(client: Client, is_slow: &Arc<Mutex<bool>>) -> (Client, mpsc::UnboundedReceiver<OnItsWay>) {
    let (sent, on_their_way) = mpsc::unbounded_channel();
    let (namespace, is_slow) = (client.default_namespace().to_owned(), Arc::clone(is_slow));
    let service = tower::service_fn(move |request: Request<Body>| {
        let (client, sent) = (client.clone(), sent.clone());
        let held = (request.method() == Method::PATCH && *is_slow.lock().unwrap()).then(oneshot::channel::<()>);
        async move {
            let Some((arrive, arrives)) = held else { return client.send(request).await };
            let (told, status) = oneshot::channel();
            sent.send(OnItsWay { arrive, status }).unwrap();
            tokio::spawn(async move {
                arrives.await.unwrap();
                told.send(client.send(request).await.unwrap().status()).unwrap();
            });
            std::future::pending().await
        }
    });
    (Client::new(service, namespace), on_their_way)
}

fn election(world: &World, client: Client) -> (Arc<Fence>, Election) {
    let fence = Arc::new(Fence::following(Arc::new(MachineClocks::default())));
    let name = format!("stepfunction-endpoint-{LATE}");
    let namespace = world.kube.default_namespace().to_owned();
    (Arc::clone(&fence), Election::new(client, namespace, name, TERM, fence))
}

#[test]
fn a_late_renewal_changes_nothing() {
    run(async |world| {
        let is_slow = Arc::new(Mutex::new(false));
        let (client, mut on_their_way) = slow(world.kube.clone(), &is_slow);
        let (first_fence, mut first) = election(world, client);
        first.won().await;
        *is_slow.lock().unwrap() = true;
        let (second_fence, mut second) = election(world, world.kube.clone());
        {
            // None of the first's renewals arrives, and so the second has the Lease in the end.
            let mut won = pin!(second.won());
            tokio::select! {
                () = &mut won => panic!("the second leads while the first does"),
                () = first.lost() => {}
            }
            assert!(!first_fence.is_leading());
            won.await;
        }
        assert!(second_fence.is_leading());
        let before = lease(world, LATE);
        assert_eq!(before.0.as_deref(), Some(second.identity()));

        let mut arrived = Vec::new();
        while let Ok(OnItsWay { arrive, status }) = on_their_way.try_recv() {
            arrive.send(()).unwrap();
            arrived.push(status.await.unwrap());
        }
        assert!(!arrived.is_empty(), "no renewal was sent");
        assert!(arrived.iter().all(|status| *status == StatusCode::CONFLICT), "{arrived:?}");
        assert_eq!(lease(world, LATE), before);

        // The second goes on, and gives the Lease up in the end.
        let renewed = async {
            until("the second renews", async || if lease(world, LATE) == before { Err("not yet") } else { Ok(()) })
                .await;
        };
        tokio::select! {
            () = second.lost() => panic!("the second has lost the Lease"),
            () = renewed => {}
        }
        second.release().await;
        assert_eq!(lease(world, LATE), (None, None));
        assert!(!second_fence.is_leading(), "who has released it acts no more");
    });
}

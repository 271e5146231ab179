use std::net::{Ipv4Addr, SocketAddr};
use std::{io, thread};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::error::{Error, Failed};

const CONNECTIONS_MAX: usize = 1024;
const BACKLOG: u32 = 1024;
const CHUNK: usize = 16 * 1024;

/// A TCP forwarder on a loopback port, which can be shut and opened again, or hang.
///
/// Shut, it refuses connections and has closed those that were open, so that whoever talks through it sees a service
/// that isn't there, while the service keeps its state. The port stays the same, and no other process can take it
/// meanwhile. Hung, it takes connections and bytes, and nothing is answered; what it took arrives late. It runs on a thread of its own, so it outlives the runtime it was made in; dropping it ends it.
pub struct Gate {
    port: u16,
    orders: mpsc::Sender<Order>,
    hung: watch::Sender<bool>,
}

struct Order {
    open: bool,
    done: oneshot::Sender<io::Result<()>>,
}

/// A bound socket that doesn't listen holds the port, and the kernel refuses connections to it.
enum Entrance {
    Open(TcpListener),
    Shut(TcpSocket),
}

impl Gate {
    /// Forwards each connection to `target`, from now on.
    ///
    /// # Errors
    ///
    /// No free port, or no thread.
    pub fn open(target: SocketAddr) -> Result<Self, Error> {
        let failed = || format!("opening a gate to {target}");
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).failed(failed)?;
        listener.set_nonblocking(true).failed(failed)?;
        let port = listener.local_addr().failed(failed)?.port();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().failed(failed)?;
        let entrance = {
            let _context = runtime.enter();
            Entrance::Open(TcpListener::from_std(listener).failed(failed)?)
        };
        let (orders, received) = mpsc::channel(1);
        let (hung, is_hung) = watch::channel(false);
        thread::Builder::new()
            .name(format!("gate-{port}"))
            .spawn(move || runtime.block_on(forward(port, entrance, target, received, is_hung)))
            .failed(failed)?;
        Ok(Self { port, orders, hung })
    }

    /// The loopback port that the gate listens on, the same whether open or shut.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Lets connections through (`true`), or closes them and refuses new ones (`false`). It has happened once this
    /// returns.
    ///
    /// # Errors
    ///
    /// The port can't be bound again.
    pub async fn set_open(&self, open: bool) -> Result<(), Error> {
        let what = || format!("{} the gate on port {}", if open { "opening" } else { "shutting" }, self.port);
        let (done, happened) = oneshot::channel();
        self.orders.send(Order { open, done }).await.failed(what)?;
        happened.await.failed(what)?.failed(what)
    }

    /// Holds what comes, in both directions (`true`), or lets it go on, late (`false`).
    pub fn set_hung(&self, hung: bool) {
        self.hung.send_replace(hung);
    }
}

/// Waits while the gate is hung; false once it is gone.
async fn flows(hung: &mut watch::Receiver<bool>) -> bool {
    hung.wait_for(|hung| !hung).await.is_ok()
}

/// The next connection; none ever comes in through a shut entrance.
async fn accept(entrance: Option<&Entrance>) -> io::Result<TcpStream> {
    match entrance {
        Some(Entrance::Open(listener)) => Ok(listener.accept().await?.0),
        Some(Entrance::Shut(_)) | None => std::future::pending().await,
    }
}

async fn forward(
    port: u16,
    entrance: Entrance,
    target: SocketAddr,
    mut orders: mpsc::Receiver<Order>,
    hung: watch::Receiver<bool>,
) {
    // None only where the port could not be bound again, which the next order tries once more.
    let mut entrance = Some(entrance);
    let mut connections = JoinSet::new();
    loop {
        let has_room = connections.len() < CONNECTIONS_MAX;
        tokio::select! {
            order = orders.recv() => {
                let Some(Order { open, done }) = order else { return };
                if !open {
                    connections.shutdown().await;
                }
                let outcome = turn(port, entrance.take(), open).map(|turned| entrance = Some(turned));
                // Whoever gave the order may have stopped waiting for it.
                let _ = done.send(outcome);
            }
            accepted = accept(entrance.as_ref()), if has_room => {
                // A connection that ended before it was accepted is its client's affair.
                if let Ok(client) = accepted {
                    connections.spawn(connect(client, target, hung.clone()));
                }
            }
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

/// Opens or shuts the entrance; one that is already as asked stays.
fn turn(port: u16, entrance: Option<Entrance>, open: bool) -> io::Result<Entrance> {
    let socket = match entrance {
        Some(Entrance::Open(listener)) if open => return Ok(Entrance::Open(listener)),
        Some(Entrance::Open(listener)) => {
            // Its port can't be bound again before it's gone.
            drop(listener);
            bind(port)?
        }
        Some(Entrance::Shut(socket)) => socket,
        None => bind(port)?,
    };
    if open { socket.listen(BACKLOG).map(Entrance::Open) } else { Ok(Entrance::Shut(socket)) }
}

fn bind(port: u16) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    Ok(socket)
}

async fn connect(client: TcpStream, target: SocketAddr, mut hung: watch::Receiver<bool>) {
    if !flows(&mut hung).await {
        return;
    }
    // Dropping the client closes it, which is what a client of a dead service sees.
    let Ok(service) = TcpStream::connect(target).await else { return };
    // Without this, small writes wait for each other and a benchmark measures that.
    let _ = client.set_nodelay(true);
    let _ = service.set_nodelay(true);
    let ((client_reads, client_writes), (service_reads, service_writes)) = (client.into_split(), service.into_split());
    // One that breaks ends both.
    let _ =
        tokio::try_join!(pump(client_reads, service_writes, hung.clone()), pump(service_reads, client_writes, hung));
}

/// Hands on what is read, and its end.
async fn pump(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut hung: watch::Receiver<bool>,
) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK];
    loop {
        let read = from.read(&mut chunk).await?;
        if !flows(&mut hung).await {
            return Ok(());
        }
        match chunk.get(..read) {
            None | Some([]) => return to.shutdown().await,
            Some(bytes) => to.write_all(bytes).await?,
        }
    }
}

use std::net::{Ipv4Addr, TcpListener};

use crate::error::{Error, Failed};

/// Loopback ports that were free a moment ago. All are held until the last is chosen, so no two are the same.
pub(crate) struct Ports {
    pub etcd: u16,
    pub etcd_peer: u16,
    pub kube_apiserver: u16,
    pub localstack: u16,
}

impl Ports {
    pub fn choose() -> Result<Self, Error> {
        let failed = || "choosing free ports".to_owned();
        let mut held = Vec::with_capacity(4);
        let mut port = || {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).failed(failed)?;
            let port = listener.local_addr().failed(failed)?.port();
            held.push(listener);
            Ok(port)
        };
        Ok(Self { etcd: port()?, etcd_peer: port()?, kube_apiserver: port()?, localstack: port()? })
    }
}

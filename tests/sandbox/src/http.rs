use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::error::{Error, Failed};

const ANSWER_BYTES_MAX: u64 = 512 * 1024 * 1024;
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Answer {
    pub status: u16,
    pub body: Vec<u8>,
}

/// One request on one connection in HTTP/1.0, whose answers end with the connection and are never chunked: enough for
/// LocalStack on the loopback address.
pub(crate) async fn request(port: u16, method: &str, path: &str, body: &[u8]) -> Result<Answer, Error> {
    let what = || format!("{method} {path} on port {port}");
    let exchange = async {
        let mut stream = TcpStream::connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await?;
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1:{port}\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        let mut answer = Vec::new();
        stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(ANSWER_TIMEOUT, exchange).await.failed(what)?.failed(what)?;
    parse(&answer).ok_or_else(|| Error::new(what(), "the answer isn't HTTP"))
}

fn parse(answer: &[u8]) -> Option<Answer> {
    let head_length = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = str::from_utf8(answer.get(..head_length)?).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some(Answer { status, body: answer.get(head_length + 4..)?.to_vec() })
}

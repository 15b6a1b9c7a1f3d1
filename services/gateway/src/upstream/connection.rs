//! One connection to a replica: opening it, and closing it together with its holder.
//!
//! The rule it keeps: a connection lives on its worker's thread and ends with its holder. One that is dropped during an
//! exchange is closed at once, so that the service notices that its client has gone.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::name::Name;
use crate::body::Incoming;

/// The longest head of an answer, and the most that is buffered for sending before no more is taken from the client;
/// bytes.
const BUFFER_LIMIT: usize = 64 * 1024;

/// An open connection.
pub(super) struct Connection {
    pub(super) sender: SendRequest<Incoming>,
    driver: JoinHandle<()>,
    /// Whether it carried an exchange before, so that the service may have closed it since.
    pub(super) reused: bool,
    pub(super) idle_since: Instant,
}

impl Connection {
    /// Opens a connection to `authority` (`host:port`), name lookup included, within `limit`.
    pub(super) async fn open(authority: &str, name: &Name, limit: Duration) -> io::Result<Connection> {
        let connecting = async { TcpStream::connect(&*name.addresses(authority).await?).await };
        let stream = match tokio::time::timeout(limit, connecting).await {
            Ok(opened) => opened?,
            Err(_) => return Err(io::Error::from(io::ErrorKind::TimedOut)),
        };
        stream.set_nodelay(true)?;
        let socket = Socket(TokioIo::new(stream));
        let (sender, driving) =
            Builder::new().max_buf_size(BUFFER_LIMIT).handshake(socket).await.map_err(io::Error::other)?;
        let driver = tokio::task::spawn_local(async move {
            // An error also reaches the caller that waits for the answer or reads it.
            let _ = driving.await;
        });
        Ok(Connection { sender, driver, reused: false, idle_since: Instant::now() })
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// The socket, except that only reading reports that the connection broke.
///
/// A service may answer a long upload early (413, 415) and close. Then sending fails while the answer is already here,
/// and it would be lost if the failure of a write ended the exchange. Reading meets the same end right after it.
struct Socket(TokioIo<TcpStream>);

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        unless_failed(Pin::new(&mut self.0).poll_write(context, bytes))
    }

    fn is_write_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        unless_failed(Pin::new(&mut self.0).poll_write_vectored(context, parts))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Nothing needs to wake a failed write: the same event wakes the read that waits beside it.
fn unless_failed(written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
    if matches!(written, Poll::Ready(Err(_))) { Poll::Pending } else { written }
}

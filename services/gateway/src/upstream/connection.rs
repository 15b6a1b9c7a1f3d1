//! One TCP connection to a replica with its two buffers: opening it, asking whether it still lives, moving bytes.
//!
//! The rule it keeps: a connection is only ever used again when the answer before was read to its last byte.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;
use tokio::net::TcpStream;
use tokio_util::io::poll_read_buf;

/// What a read asks the system for at once, bytes.
const READ_SIZE: usize = 16 * 1024;

/// An open connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: TcpStream,
    /// Bytes that arrived and were not taken yet.
    pub(super) incoming: BytesMut,
    /// Bytes that still have to be sent.
    pub(super) outgoing: BytesMut,
    /// It carried an exchange before, so the other side may have closed it meanwhile.
    pub(super) reused: bool,
    pub(super) idle_since: Instant,
}

impl Connection {
    /// Opens a connection to `authority` (`host:port`), name lookup included, within `limit`.
    pub(super) async fn open(authority: &str, limit: Duration) -> io::Result<Connection> {
        let stream = match tokio::time::timeout(limit, TcpStream::connect(authority)).await {
            Ok(opened) => opened?,
            Err(_) => return Err(io::Error::from(io::ErrorKind::TimedOut)),
        };
        stream.set_nodelay(true)?;
        Ok(Connection {
            stream,
            incoming: BytesMut::with_capacity(READ_SIZE),
            outgoing: BytesMut::with_capacity(1024),
            reused: false,
            idle_since: Instant::now(),
        })
    }

    /// Whether an idle connection can carry another request: nothing arrived and the other side did not close.
    ///
    /// Costs no system call while nothing happened on the socket.
    pub(super) fn is_quiet(&self) -> bool {
        let mut probe = [0_u8; 1];
        matches!(self.stream.try_read(&mut probe), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }

    /// Sends what is waiting; ready when nothing is left.
    pub(super) fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.outgoing.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &self.outgoing))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                sent => self.outgoing.advance(sent),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Reads once; zero bytes mean that the other side will send nothing more.
    pub(super) fn poll_receive(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if self.incoming.capacity() - self.incoming.len() < READ_SIZE / 4 {
            self.incoming.reserve(READ_SIZE);
        }
        poll_read_buf(Pin::new(&mut self.stream), context, &mut self.incoming)
    }
}

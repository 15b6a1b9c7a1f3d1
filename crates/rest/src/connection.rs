//! One client's socket, with the limits that the HTTP library does not have.
//! The rule: no client holds a connection by doing nothing. One that does not take its answer is cut off, and one that
//! goes on sending after its answer is listened to for a while, so that it can read the answer, and then closed.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio::time::Sleep;

use crate::problem::Problem;
use crate::problems;
use crate::unread::{Progress, Unread};

/// So many bytes are read and thrown away after the last answer, at most.
const LINGER_BYTES: usize = 64 * 1024 * 1024;
/// For so long, at most.
const LINGER_TIME: Duration = Duration::from_secs(5);
/// So many connections at once, of all servers of this process. Further ones are closed without it.
const MOST_LINGERING: usize = 1_024;

/// What a client gets that asks whether it may send its body. It is no answer yet.
const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

static LINGERING: AtomicUsize = AtomicUsize::new(0);

/// The slowest that a client may take its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// While an answer waits for its client, the client takes at least so many bytes,
    pub bytes: u64,
    /// within each period of this length.
    pub within: Duration,
}

/// A client's socket.
pub(crate) struct Connection {
    /// `None` only after the drop.
    stream: Option<TcpStream>,
    unread: Unread,
    pace: Pace,
    /// Whether a client that closes its side wants its answer no more.
    hang_up_ends: bool,
    waiting: Option<Waiting>,
}

/// A period in which an answer waits for its client.
struct Waiting {
    timer: Pin<Box<Sleep>>,
    taken: u64,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, pace: Pace, hang_up_ends: bool) -> Connection {
        Connection { stream: Some(stream), unread: Unread::default(), pace, hang_up_ends, waiting: None }
    }

    /// The place for a body that was not read.
    pub(crate) fn unread(&self) -> &Unread {
        &self.unread
    }

    fn stream(&mut self) -> io::Result<Pin<&mut TcpStream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::Error::from(io::ErrorKind::NotConnected))
    }

    /// Counts what the client took; an error when that is too little.
    fn watch(&mut self, context: &mut Context<'_>, written: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        let Pace { bytes, within } = self.pace;
        match &written {
            Poll::Ready(Ok(length)) => {
                if let Some(waiting) = &mut self.waiting {
                    waiting.taken += *length as u64;
                }
            }
            Poll::Ready(Err(_)) => {}
            Poll::Pending => {
                let begin = || Waiting { timer: Box::pin(tokio::time::sleep(within)), taken: 0 };
                let waiting = self.waiting.get_or_insert_with(begin);
                while waiting.timer.as_mut().poll(context).is_ready() {
                    if waiting.taken < bytes {
                        metrics::counter!("http_slow_readers_total").increment(1);
                        tracing::debug!(bytes, ?within, "a client takes its answer too slowly and is cut off");
                        return Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)));
                    }
                    *waiting = begin();
                }
            }
        }
        written
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = self.stream()?.poll_read(context, buffer);
        let ended = matches!(read, Poll::Ready(Ok(()))) && buffer.filled().len() == before && buffer.remaining() > 0;
        if ended && self.hang_up_ends {
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::ConnectionAborted)));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = self.stream()?.poll_write(context, bytes);
        if matches!(written, Poll::Ready(Ok(_))) && bytes != GO_ON {
            self.unread.note_answer();
        }
        self.watch(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The server flushes when everything is written: then nothing waits for the client.
        self.waiting = None;
        self.stream()?.poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(context)
    }
}

impl Drop for Connection {
    /// A socket that is closed while bytes arrive resets the connection, and the client may lose the answer that it has
    /// not read yet.
    fn drop(&mut self) {
        let Some(stream) = self.stream.take() else { return };
        let missing = match self.unread.progress() {
            Progress::Ended => return,
            Progress::Broken if !self.unread.is_answered() => Some(broken_body()),
            Progress::Broken | Progress::Open => None,
        };
        let place = Lingering::begin();
        if let (Ok(runtime), Some(place)) = (Handle::try_current(), place) {
            runtime.spawn(async move {
                let _ = tokio::time::timeout(LINGER_TIME, linger(stream, missing)).await;
                drop(place);
            });
        }
    }
}

/// The answer to a request whose body the HTTP library could not read: it drops the request without one.
fn broken_body() -> String {
    let problem = Problem::new(problems::MALFORMED_REQUEST).detail("The body broke off, or its chunks cannot be read.");
    let body = problem.to_json().to_string();
    format!(
        "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/problem+json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// One of the connections that are listened to after their last answer.
struct Lingering;

impl Lingering {
    fn begin() -> Option<Lingering> {
        // Made first: dropping it takes the count back.
        let place = Lingering;
        (LINGERING.fetch_add(1, Ordering::Relaxed) < MOST_LINGERING).then_some(place)
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        LINGERING.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn linger(mut stream: TcpStream, missing: Option<String>) -> io::Result<()> {
    if let Some(answer) = missing {
        stream.write_all(answer.as_bytes()).await?;
    }
    stream.shutdown().await?;
    let mut buffer = vec![0; 64 * 1024];
    let mut left = LINGER_BYTES;
    loop {
        let length = stream.read(&mut buffer).await?;
        if length == 0 || length > left {
            return Ok(());
        }
        left -= length;
    }
}

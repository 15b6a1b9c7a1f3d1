//! An HTTP server that receives webhooks: it keeps each request, and answers, hangs and breaks off as a test orders.
//! The rule: it checks no signature by itself; [`Received::is_signed_with`] does that as a receiver would, with code of its own.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// What a request is answered.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reply {
    /// This status.
    Status(u16),
    /// 429, to come back in so many seconds.
    Later(u64),
    /// A redirect to another path of the same server.
    Redirect,
    /// The connection is closed.
    Close,
    /// 200, after so many milliseconds.
    Slow(u64),
    /// The request is not taken, and nothing is said for so many milliseconds.
    Unread(u64),
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) path: String,
    /// When it had come.
    pub(crate) at: Instant,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

#[derive(Default)]
struct State {
    replies: VecDeque<Reply>,
    requests: Vec<Received>,
}

/// A running server; it ends with the runtime of its test.
pub(crate) struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(State::default())));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // What a client breaks off is nothing to report.
                tokio::spawn(async move { serve(stream, &state).await.unwrap_or_default() });
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook?key=of-the-receiver", self.address)
    }

    /// What the next requests are answered; the others 204.
    pub(crate) fn reply(&self, replies: &[Reply]) {
        self.state.lock().unwrap().replies.extend(replies);
    }

    /// Answers as usual again.
    pub(crate) fn relent(&self) {
        self.state.lock().unwrap().replies.clear();
    }

    pub(crate) fn requests(&self) -> Vec<Received> {
        self.state.lock().unwrap().requests.clone()
    }
}

async fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut headers: Vec<(String, String)> = Vec::new();
        loop {
            line.clear();
            read.read_line(&mut line).await?;
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_lowercase(), value.trim().to_owned()));
        }
        let mut received = Received { path, at: Instant::now(), headers, body: Vec::new() };
        received.body.resize(received.header("content-length").parse().unwrap_or(0), 0);
        read.read_exact(&mut received.body).await?;
        let reply = {
            let mut state = state.lock().unwrap();
            let reply = state.replies.pop_front().unwrap_or(Reply::Status(204));
            if !matches!(reply, Reply::Unread(_)) {
                state.requests.push(received);
            }
            reply
        };
        let (status, more) = match reply {
            Reply::Close => return Ok(()),
            Reply::Status(status) => (status, String::new()),
            Reply::Later(seconds) => (429, format!("retry-after: {seconds}\r\n")),
            Reply::Redirect => (307, "location: /elsewhere\r\n".to_owned()),
            Reply::Unread(pause) => {
                let _gone = tokio::time::timeout(Duration::from_millis(pause), read.read_u8()).await;
                return Ok(());
            }
            Reply::Slow(pause) => {
                let _gone = tokio::time::timeout(Duration::from_millis(pause), read.read_u8()).await;
                (200, String::new())
            }
        };
        write.write_all(format!("HTTP/1.1 {status} Said\r\n{more}content-length: 0\r\n\r\n").as_bytes()).await?;
    }
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The ids of the facts that it tells.
    pub(crate) fn facts(&self) -> Vec<String> {
        let json = self.json();
        json["data"]["facts"].as_array().unwrap().iter().map(|fact| fact["id"].as_str().unwrap().to_owned()).collect()
    }

    /// Whether one of its signatures is that of this secret.
    pub(crate) fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
        let mut signed = format!("{}.{}.", self.header("webhook-id"), self.header("webhook-timestamp")).into_bytes();
        signed.extend(&self.body);
        let key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        self.header("webhook-signature").split(' ').any(|signature| {
            let tag = signature.strip_prefix("v1,").and_then(|tag| STANDARD.decode(tag).ok()).unwrap_or_default();
            hmac::verify(&key, &signed, &tag).is_ok()
        })
    }
}

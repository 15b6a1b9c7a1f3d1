//! An SMTP server that keeps what it is given, and refuses, hangs and breaks off as a test orders.
//! The rule: it speaks RFC 5321 and decides at the step of the conversation where a real one would.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The name and password that it lets in, as `AUTH PLAIN` says them.
pub(crate) const CREDENTIALS: &str = "store:right";

/// What becomes of one message.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Answer {
    /// This code to the recipient; nothing is taken.
    Recipient(u16),
    /// This code after the message was read; it is not taken.
    Content(u16),
    /// The connection is closed before the message is taken.
    Close,
    /// The message is taken, and the connection closed instead of saying so.
    Lose,
    /// The message is read and taken after so many milliseconds; who has hung up by then is not told.
    Late(u64),
    /// The message is taken, and said to be after so many milliseconds.
    LateReply(u64),
}

/// A message that was taken.
#[derive(Debug, Clone)]
pub(crate) struct Mail {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    headers: Vec<(String, String)>,
    /// The content type and the decoded text of each part.
    parts: Vec<(String, String)>,
}

#[derive(Default)]
struct State {
    answers: VecDeque<Answer>,
    mails: Vec<Mail>,
    connections: usize,
}

/// A running server; it ends with the runtime of its test.
pub(crate) struct MailServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl MailServer {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, state) = (listener.local_addr().unwrap(), Arc::new(Mutex::new(State::default())));
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                state.lock().unwrap().connections += 1;
                // What a client breaks off is nothing to report.
                tokio::spawn(async move { converse(stream, &state).await.unwrap_or_default() });
            }
        });
        Self { address, state }
    }

    /// The value for `SMTP_URL`, with this name and password.
    pub(crate) fn url(&self, credentials: &str) -> String {
        format!("smtp://{credentials}@{}", self.address)
    }

    /// What becomes of the next messages.
    pub(crate) fn answer(&self, answers: &[Answer]) {
        self.state.lock().unwrap().answers.extend(answers);
    }

    /// Answers as usual again.
    pub(crate) fn relent(&self) {
        self.state.lock().unwrap().answers.clear();
    }

    /// How many of the ordered answers were not given yet.
    pub(crate) fn left(&self) -> usize {
        self.state.lock().unwrap().answers.len()
    }

    pub(crate) fn mails(&self) -> Vec<Mail> {
        self.state.lock().unwrap().mails.clone()
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.lock().unwrap().connections
    }
}

async fn converse(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::new(read);
    let (mut from, mut to, mut answer) = (String::new(), Vec::new(), None);
    write.write_all(b"220 mail.example ESMTP\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if read.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let said = line.trim_end().to_owned();
        let command = said.split([' ', ':']).next().unwrap_or_default().to_ascii_uppercase();
        let reply = match command.as_str() {
            "EHLO" => "250-mail.example\r\n250-8BITMIME\r\n250 AUTH PLAIN".to_owned(),
            "AUTH" => {
                let given = said.rsplit(' ').next().map(|given| STANDARD.decode(given).unwrap()).unwrap_or_default();
                let given = String::from_utf8(given).unwrap().trim_start_matches('\0').replace('\0', ":");
                if given == CREDENTIALS { "235 let in".to_owned() } else { "535 5.7.8 not let in".to_owned() }
            }
            "MAIL" => {
                from = address(&said);
                to.clear();
                answer = state.lock().unwrap().answers.pop_front();
                "250 ok".to_owned()
            }
            "RCPT" => match answer {
                Some(Answer::Recipient(code)) => format!("{code} no such mailbox here"),
                _ => {
                    to.push(address(&said));
                    "250 ok".to_owned()
                }
            },
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                let content = content(&mut read).await?;
                let mail = || Mail::parse(&from, &to, &content);
                let take = || state.lock().unwrap().mails.push(mail());
                match answer {
                    Some(Answer::Close) => return Ok(()),
                    Some(Answer::Lose) => {
                        take();
                        return Ok(());
                    }
                    Some(Answer::Content(code)) => format!("{code} not taken"),
                    Some(Answer::Late(pause)) => {
                        let waited = tokio::time::timeout(Duration::from_millis(pause), read.read_u8()).await;
                        if waited.is_ok() {
                            return Ok(());
                        }
                        take();
                        "250 taken".to_owned()
                    }
                    Some(Answer::LateReply(pause)) => {
                        take();
                        let _gone = tokio::time::timeout(Duration::from_millis(pause), read.read_u8()).await;
                        "250 taken".to_owned()
                    }
                    Some(Answer::Recipient(_)) | None => {
                        take();
                        "250 taken".to_owned()
                    }
                }
            }
            "QUIT" => {
                write.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => "250 ok".to_owned(),
        };
        write.write_all(format!("{reply}\r\n").as_bytes()).await?;
    }
}

/// What stands between the angle brackets.
fn address(said: &str) -> String {
    said.split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .map_or_else(String::new, |(address, _)| address.to_owned())
}

/// A message up to the line with a single dot.
async fn content(read: &mut BufReader<tokio::net::tcp::OwnedReadHalf>) -> std::io::Result<String> {
    let mut content = String::new();
    loop {
        let mut line = String::new();
        if read.read_line(&mut line).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == ".\r\n" {
            return Ok(content);
        }
        content.push_str(line.strip_prefix('.').unwrap_or(&line));
    }
}

impl Mail {
    fn parse(from: &str, to: &[String], content: &str) -> Self {
        let (head, body) = content.split_once("\r\n\r\n").unwrap();
        let headers = headers(head);
        let kind = value(&headers, "content-type");
        let boundary =
            kind.split_once("boundary=\"").and_then(|(_, rest)| rest.split_once('"')).map(|(found, _)| found);
        let separator = format!("--{}", boundary.unwrap());
        let parts = body.split(&separator).skip(1).filter(|part| !part.starts_with("--")).map(part).collect();
        Self { from: from.to_owned(), to: to.to_vec(), headers, parts }
    }

    /// The value of a header, as it was sent.
    pub(crate) fn header(&self, name: &str) -> &str {
        value(&self.headers, name)
    }

    /// The text of the part of this content type.
    pub(crate) fn text(&self, kind: &str) -> &str {
        let part = self.parts.iter().find(|(of, _)| of.starts_with(kind));
        part.map(|(_, text)| text.as_str()).unwrap_or_else(|| panic!("no part is {kind}: {:?}", self.parts))
    }
}

/// The headers, each on one line.
fn headers(head: &str) -> Vec<(String, String)> {
    let unfolded = head.trim_start().replace("\r\n ", " ").replace("\r\n\t", " ");
    let named = |line: &str| line.split_once(':').map(|(name, value)| (name.to_lowercase(), value.trim().to_owned()));
    unfolded.lines().filter_map(named).collect()
}

fn value<'h>(headers: &'h [(String, String)], name: &str) -> &'h str {
    headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str()).unwrap_or_default()
}

/// A part with its text decoded.
fn part(part: &str) -> (String, String) {
    let (head, body) = part.split_once("\r\n\r\n").unwrap();
    let headers = headers(head);
    let bytes = match value(&headers, "content-transfer-encoding").to_lowercase().as_str() {
        "base64" => STANDARD.decode(body.replace("\r\n", "")).unwrap(),
        "quoted-printable" => unquoted(body),
        _ => body.as_bytes().to_vec(),
    };
    (value(&headers, "content-type").to_owned(), String::from_utf8(bytes).unwrap().replace("\r\n", "\n"))
}

/// Quoted-printable: `=E1` is a byte, and a line that ends with `=` goes on.
fn unquoted(text: &str) -> Vec<u8> {
    let joined = text.replace("=\r\n", "");
    let (mut bytes, mut rest) = (Vec::new(), joined.as_bytes());
    while let [first, behind @ ..] = rest {
        match (first, behind) {
            (b'=', [high, low, behind @ ..]) => {
                let digits = [*high, *low];
                bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap());
                rest = behind;
            }
            _ => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    bytes
}

//! The messages to the operations team, read from the stand-in. With a real bot they are in the chat.

use std::time::{Duration, Instant};

use devstack::{Error, bot_api};
use serde::Deserialize;

use crate::stack::EnvFile;

/// A chat gets one message per second; when none came for this long, all of them have arrived.
const QUIET: Duration = Duration::from_millis(3_500);

/// The longest wait.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Default, Deserialize)]
struct Inbox {
    messages: Vec<bot_api::Message>,
    refused: u64,
}

/// What the stand-in had received before the demo's orders.
#[derive(Debug, Default)]
pub(super) struct Seen {
    last: i64,
    refused: u64,
}

/// What it received since.
#[derive(Debug, Default)]
pub(super) struct Received {
    messages: Vec<bot_api::Message>,
    refused: u64,
    real: bool,
}

impl Received {
    pub(super) fn words(&self) -> Vec<String> {
        if self.real {
            return vec!["they went to Telegram; look into the chat".to_owned()];
        }
        let mut lines = vec![format!(
            "{} message{} at one per second and chat, {} refused with 429; the first and the last:",
            self.messages.len(),
            if self.messages.len() == 1 { "" } else { "s" },
            self.refused
        )];
        let count = self.messages.len();
        for (at, message) in self.messages.iter().enumerate() {
            if at < 2 || at + 2 >= count {
                lines.push(format!("  ┌ message {}", at + 1));
                let mut text = message.text.lines();
                lines.extend(text.by_ref().take(6).map(|line| format!("  │ {line}")));
                let more = text.count();
                if more > 0 {
                    lines.push(format!("  │ … {more} more lines"));
                }
            }
        }
        lines
    }
}

pub(super) async fn last_seen(env: &EnvFile) -> Seen {
    let inbox = inbox(env, 0).await.unwrap_or_default();
    Seen { last: inbox.messages.last().map_or(0, |message| message.message_id), refused: inbox.refused }
}

/// Waits until no more messages arrive.
pub(super) async fn wait(env: &EnvFile, seen: &Seen) -> Result<Received, Error> {
    if env.get("MESSAGES_URL").is_none() {
        return Ok(Received { real: true, ..Received::default() });
    }
    let deadline = Instant::now() + PATIENCE;
    let (mut count, mut changed) = (0, Instant::now());
    loop {
        let inbox = inbox(env, seen.last).await?;
        if inbox.messages.len() != count {
            count = inbox.messages.len();
            changed = Instant::now();
        }
        if (count > 0 && changed.elapsed() > QUIET) || Instant::now() > deadline {
            return Ok(Received {
                messages: inbox.messages,
                refused: inbox.refused.saturating_sub(seen.refused),
                real: false,
            });
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn inbox(env: &EnvFile, since: i64) -> Result<Inbox, Error> {
    let url = format!("{}?since={since}", env.required("MESSAGES_URL")?);
    let action = "read the stand-in's messages";
    reqwest::get(url).await.map_err(Error::http(action))?.json().await.map_err(Error::http(action))
}

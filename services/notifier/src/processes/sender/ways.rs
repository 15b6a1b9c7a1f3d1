//! The ways out of the notifier, behind one port: a message goes the way of its destination.
//! The rule: a way says what became of an attempt and nothing else; what follows from that is the same for all of them.

use kernel::Clock;

use super::{Mailer, NoClient, Telegram, Webhooks};
use crate::config::Settings;
use crate::domain::{Batch, Button, Endpoint, Message, Outcome};

/// A client for every way, cheap to clone.
#[derive(Debug, Clone)]
pub struct Ways {
    telegram: Telegram,
    mailer: Option<Mailer>,
    webhooks: Webhooks,
}

impl Ways {
    /// The ways that are configured. An attempt takes no longer than 8 seconds on any of them.
    ///
    /// # Errors
    /// [`NoClient`] when TLS cannot be set up.
    pub fn new(settings: &Settings) -> Result<Self, NoClient> {
        let mailer =
            settings.smtp.as_ref().map(Mailer::new).transpose().map_err(|error| NoClient(error.to_string()))?;
        Ok(Self { telegram: Telegram::new(settings)?, mailer, webhooks: Webhooks::new(settings.webhooks)? })
    }

    /// The bot, which is listened to as well.
    #[must_use]
    pub fn telegram(&self) -> Telegram {
        self.telegram.clone()
    }

    /// Whether there is a server for mail.
    pub(super) fn have_mail(&self) -> bool {
        self.mailer.is_some()
    }

    /// Makes one attempt to send a message. Only a chat shows the buttons.
    pub(super) async fn send(&self, batch: &Batch, message: &Message, buttons: &[Button]) -> Outcome {
        match &batch.endpoint {
            Endpoint::Chat(address) => self.telegram.tell(address, &message.text, &batch.way, buttons).await,
            Endpoint::Email { to, .. } => match &self.mailer {
                Some(mailer) => mailer.send(to, batch.letter(Clock::now())).await,
                None => Outcome::Unauthorised { cause: "SMTP_URL is not set".to_owned() },
            },
            Endpoint::Webhook { webhook, .. } => match serde_json::to_vec(&batch.notice(Clock::now())) {
                Ok(body) => self.webhooks.post(webhook, &batch.message_id(), body).await,
                Err(error) => Outcome::Refused { cause: format!("the message has no JSON: {error}") },
            },
        }
    }
}

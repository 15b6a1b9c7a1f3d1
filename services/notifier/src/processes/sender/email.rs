//! The way to a mailbox: one e-mail over SMTP, one outcome.
//! The rules: this alone knows how mail is sent; and a conversation that was broken off is never gone on with.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kernel::Email;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use service::Secret;

use super::{CALL, chain, short};
use crate::config::Smtp;
use crate::domain::{Letter, Outcome};

/// How long a connection that nobody uses is kept.
const IDLE: Duration = Duration::from_secs(60);
/// The most connections that are kept.
const CONNECTIONS: u32 = 4;

type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// The SMTP server of the configuration, cheap to clone. It never prints the URL, which has a password.
#[derive(Clone)]
pub(super) struct Mailer {
    url: Secret,
    from: Mailbox,
    limit: Duration,
    transport: Arc<Mutex<Transport>>,
}

impl std::fmt::Debug for Mailer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Mailer").field("from", &self.from).finish_non_exhaustive()
    }
}

impl Mailer {
    /// A client of the server. An attempt takes no longer than 8 seconds.
    ///
    /// # Errors
    /// When the URL is none of SMTP, or TLS cannot be set up.
    pub(super) fn new(settings: &Smtp) -> Result<Self, Error> {
        let transport = transport(&settings.url)?;
        let (url, from) = (settings.url.clone(), settings.from.clone());
        Ok(Self { url, from, limit: CALL, transport: Arc::new(Mutex::new(transport)) })
    }

    /// Sends one letter.
    pub(super) async fn send(&self, to: &Email, letter: Letter) -> Outcome {
        let message = match self.message(to, letter) {
            Ok(message) => message,
            Err(cause) => return Outcome::Refused { cause },
        };
        let transport = self.transport.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match tokio::time::timeout(self.limit, transport.send(message)).await {
            Ok(Ok(_)) => Outcome::Sent { message: None },
            Ok(Err(error)) => refusal(&error),
            Err(_) => {
                self.start_anew();
                let limit = self.limit.as_secs();
                Outcome::Unknown { cause: format!("the SMTP server did not answer within {limit} seconds") }
            }
        }
    }

    fn message(&self, to: &Email, Letter { id, subject, plain, html }: Letter) -> Result<Message, String> {
        let to = to.as_str().parse::<Mailbox>().map_err(|error| format!("the address takes no mail: {error}"))?;
        let domain = self.from.email.domain().to_owned();
        // RFC 3834: nobody's absence note answers it.
        let automatic = HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        let mut message = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(subject)
            .message_id(Some(format!("<{id}@{domain}>")))
            .multipart(MultiPart::alternative_plain_html(plain, html))
            .map_err(|error| format!("the message cannot be made an e-mail: {error}"))?;
        message.headers_mut().insert_raw(automatic);
        Ok(message)
    }

    /// Leaves all connections behind: one of them was broken off, and whoever used it next would read an answer that is another
    /// message's.
    fn start_anew(&self) {
        match transport(&self.url) {
            Ok(fresh) => *self.transport.lock().unwrap_or_else(PoisonError::into_inner) = fresh,
            Err(error) => tracing::error!(%error, "no new connections to the SMTP server can be made"),
        }
    }
}

fn transport(url: &Secret) -> Result<Transport, Error> {
    let pool = PoolConfig::new().max_size(CONNECTIONS).idle_timeout(IDLE);
    Ok(Transport::from_url(url.expose())?.timeout(Some(CALL)).pool_config(pool).build())
}

/// What an error means for the deliveries of the message.
fn refusal(error: &Error) -> Outcome {
    let cause = short(&chain(error));
    let code = error.status().map(|code| code.to_string()).unwrap_or_default();
    match code.as_str() {
        // Nobody is let in with this name and password, or without one.
        "530" | "534" | "535" | "538" => Outcome::Unauthorised { cause },
        // The server does not serve this sender, whoever the mail is for (RFC 3463, X.7).
        code if code.starts_with('5') && cause.contains(" 5.7.") => Outcome::Unauthorised { cause },
        // The mailbox is unknown, closed or somewhere else.
        "550" | "551" | "553" | "556" => Outcome::Unreachable { cause },
        // What a server answers that serves nobody just now, or does not know what it was told.
        "500" | "501" | "502" | "503" | "504" | "521" => Outcome::Unavailable { cause },
        code if code.starts_with('5') => Outcome::Refused { cause },
        code if code.starts_with('4') => Outcome::Unavailable { cause },
        // Nothing was said yet: there was no connection. The library tells it by its words alone.
        _ if error.is_tls() || error.is_client() || cause.starts_with("Connection error") => {
            Outcome::Unavailable { cause }
        }
        _ => Outcome::Unknown { cause },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_server_that_is_not_there_took_nothing_and_no_cause_has_the_password() {
        // Nobody listens on the first port.
        let url = Secret::new("smtp://store:hunter2@127.0.0.1:1");
        let mailer = Mailer::new(&Smtp { url, from: "store@shop.example".parse().unwrap() }).unwrap();
        let text = || "x".to_owned();
        let letter = Letter { id: text(), subject: text(), plain: text(), html: text() };
        let outcome = mailer.send(&Email::parse("a@b.example").unwrap(), letter).await;
        let Outcome::Unavailable { cause } = outcome else { panic!("{outcome:?}") };
        assert!(!cause.contains("hunter2") && !format!("{mailer:?}").contains("hunter2"), "{cause}");
    }
}

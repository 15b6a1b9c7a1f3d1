//! What keeps messages from being sent until a person mends it.
//! The rule: it is told in words that say what to do, and nothing is lost meanwhile.

use std::fmt;

use super::Chat;

/// The subject of the bot among the budgets. No chat has this name.
pub const BOT: &str = "bot";

/// The subject of the SMTP server among the budgets. No chat has this name.
pub const SMTP: &str = "smtp";

/// The subject of what has no destination, among the budgets: whose lease it is to send it. No chat has this name.
pub const CONFIGURED: &str = "configured";

/// What is refused, and why. Ordered, what carries many messages comes first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// Telegram does not know the token of the bot.
    Token {
        /// Telegram's code and description.
        cause: String,
    },
    /// The SMTP server does not take what is sent with the name and password of the configuration.
    Mail {
        /// The server's code and words.
        cause: String,
    },
    /// The bot may not write to a chat.
    Chat {
        /// The chat.
        chat: Chat,
        /// Telegram's code and description.
        cause: String,
    },
}

impl Obstacle {
    /// What it is of, in metrics.
    #[must_use]
    pub const fn of(&self) -> &'static str {
        match self {
            Self::Token { .. } => "token",
            Self::Mail { .. } => "mail",
            Self::Chat { .. } => "chat",
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { cause } => write!(
                formatter,
                "Telegram does not know the token of the bot ({cause}); set TELEGRAM_BOT_TOKEN to the token that BotFather gave"
            ),
            Self::Mail { cause } => write!(
                formatter,
                "no mail is taken from the notifier ({cause}); set SMTP_URL to a server, a name and a password that are right"
            ),
            Self::Chat { chat, cause } => {
                write!(formatter, "the bot may not write to the chat {chat} ({cause}); let it in again")
            }
        }
    }
}

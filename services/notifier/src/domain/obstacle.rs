//! What keeps messages from being sent until a person mends it.
//! The rule: it is told in words that say what to do, and nothing is lost meanwhile.

use std::fmt;

use super::Chat;

/// The subject of the bot among the budgets. No chat has this name.
pub const BOT: &str = "bot";

/// The subject of what has no destination, among the budgets: whose lease it is to send it. No chat has this name.
pub const CONFIGURED: &str = "configured";

/// What Telegram refuses, and why. Ordered, the bot comes first: without it no chat is reached.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Obstacle {
    /// Telegram does not know the token of the bot.
    Token {
        /// Telegram's code and description.
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

impl fmt::Display for Obstacle {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Token { cause } => write!(
                formatter,
                "Telegram does not know the token of the bot ({cause}); set TELEGRAM_BOT_TOKEN to the token that BotFather gave"
            ),
            Self::Chat { chat, cause } => {
                write!(formatter, "the bot may not write to the chat {chat} ({cause}); let it in again")
            }
        }
    }
}

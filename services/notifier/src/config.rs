//! The configuration, read once at the start.
//! The rule: every bad variable is reported at once.

use assembly::Surroundings;
use service::Secret;
use service::config::Reader;

use crate::NAME;
use crate::domain::{Chat, MAX_PER_MINUTE};

/// The public Bot API.
const TELEGRAM: &str = "https://api.telegram.org";

/// Which chat is told, how, and how much is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The token of the bot.
    pub token: Secret,
    /// The chat of the operations team.
    pub chat: Chat,
    /// The address of the Bot API, with or without `/bot` behind it.
    pub bot_api: String,
    /// Messages per minute to this chat; `None` is what Telegram allows for this kind of chat.
    pub per_minute: Option<u32>,
    /// Days for which sent deliveries are kept.
    pub keep_days: i32,
    /// Days for which the copy of an order is kept after its last event.
    pub order_keep_days: i32,
}

/// Reads the configuration; `None` when a variable was refused.
pub fn read(env: &mut Reader) -> Option<(Surroundings, Settings)> {
    // No `?` before everything is read, so that every bad variable is reported.
    let surroundings = Surroundings::read(env, NAME, 7105);
    let token = env.secret("TELEGRAM_BOT_TOKEN", "The bot's token, as BotFather gave it");
    let chat = env.parsed("TELEGRAM_CHAT_ID", "The chat of the operations team: a number or @name", |text| {
        Chat::parse(text).map_err(|error| error.reason().to_owned())
    });
    let bot_api =
        env.or("BOT_API_URL", TELEGRAM.to_owned(), "The Bot API, without the token").and_then(|url: String| {
            match reqwest::Url::parse(&url).is_ok_and(|parsed| ["http", "https"].contains(&parsed.scheme())) {
                true => Some(url),
                false => env.refuse("BOT_API_URL", "must be a URL that begins with https:// or http://"),
            }
        });
    let per_minute = env.within(
        "TELEGRAM_MESSAGES_PER_MINUTE",
        0,
        0..=MAX_PER_MINUTE,
        "Messages per minute to the chat; 0 is what Telegram allows: 20 in groups and channels, 60 in private chats",
    );
    let keep_days = env.within("DELIVERY_KEEP_DAYS", 30, 1..=3650, "Days for which sent deliveries are kept");
    let order_keep_days =
        env.within("ORDER_KEEP_DAYS", 90, 2..=3650, "Days for which the bot knows an order after its last event");
    let settings = Settings {
        token: token?,
        chat: chat?,
        bot_api: bot_api?,
        per_minute: per_minute.map(|number| (number > 0).then_some(number))?,
        keep_days: keep_days?,
        order_keep_days: order_keep_days?,
    };
    Some((surroundings?, settings))
}

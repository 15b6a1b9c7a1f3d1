//! Configuration, read once; every bad variable is reported at once.

use service::config::Reader;
use service::{Secret, settings};

use crate::domain::{Chat, MOST_PER_MINUTE};

/// Where the Bot API is when nothing else is said.
const TELEGRAM: &str = "https://api.telegram.org";

/// Everything that the notifier is told from outside.
#[derive(Debug)]
pub struct Config {
    /// Where the data is.
    pub database: settings::Database,
    /// Where the events are.
    pub kafka: settings::Kafka,
    /// The bot.
    pub token: Secret,
    /// The chat of the operations team.
    pub chat: Chat,
    /// The Bot API, with or without `/bot` behind it.
    pub bot_api: String,
    /// Messages per minute; none is what Telegram allows for this kind of chat.
    pub per_minute: Option<u32>,
    /// Days for which told deliveries are kept.
    pub keep_days: i32,
}

/// Reads it.
pub fn read(env: &mut Reader) -> Option<Config> {
    // Everything is read first, so that every bad variable is reported.
    let database = settings::database(env, "notifier");
    let kafka = settings::kafka(env);
    let token = env.secret("TELEGRAM_BOT_TOKEN", "The bot's token, as BotFather gave it");
    let chat = env.parsed("TELEGRAM_CHAT_ID", "The chat of the operations team: a number or @name", |text| {
        Chat::parse(text).map_err(|error| error.to_string())
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
        0..=MOST_PER_MINUTE,
        "Messages per minute to the chat; 0 is what Telegram allows: 20 in groups and channels, 60 in private chats",
    );
    let keep_days = env.within("DELIVERY_KEEP_DAYS", 30, 1..=3650, "Days for which told deliveries are kept");
    Some(Config {
        database: database?,
        kafka: kafka?,
        token: token?,
        chat: chat?,
        bot_api: bot_api?,
        per_minute: per_minute.map(|number| (number > 0).then_some(number))?,
        keep_days: keep_days?,
    })
}

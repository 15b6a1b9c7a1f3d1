//! The configuration, read once at the start.
//! The rule: every bad variable is reported at once.

use assembly::Surroundings;
use kernel::{Malformed, TimeZone};
use lettre::message::Mailbox;
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use service::Secret;
use service::config::Reader;

use crate::NAME;
use crate::domain::{Chat, ClockTime, Language, MAX_PER_MINUTE, OrderLink, Voice, WebhookPolicy};

/// The public Bot API.
const TELEGRAM: &str = "https://api.telegram.org";

/// Which chat is told, how, and how much is kept.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The token of the bot.
    pub token: Secret,
    /// The chat of the operations team.
    pub chat: Chat,
    /// How this chat is spoken to. The link to an order is that of all destinations.
    pub voice: Voice,
    /// When the chat is told each day what happened the day before; none: never.
    pub heartbeat_at: Option<ClockTime>,
    /// The address of the Bot API, with or without `/bot` behind it.
    pub bot_api: String,
    /// Messages per minute to this chat; `None` is what Telegram allows for this kind of chat.
    pub per_minute: Option<u32>,
    /// How mail is sent; none: no destination is an e-mail address.
    pub smtp: Option<Smtp>,
    /// Which webhooks are taken.
    pub webhooks: WebhookPolicy,
    /// From how many facts of one kind within a minute, for one destination, on there is a flood; none: there never is one.
    pub flood_from: Option<u32>,
    /// Days for which sent deliveries are kept.
    pub keep_days: i32,
    /// Days for which the copy of an order is kept after its last event.
    pub order_keep_days: i32,
}

/// The server that mail is given to.
#[derive(Debug, Clone)]
pub struct Smtp {
    /// Its URL, with the name and the password.
    pub url: Secret,
    /// Who the mail is from.
    pub from: Mailbox,
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
    let language = worded(
        env,
        "TELEGRAM_CHAT_LANGUAGE",
        Language::default().into(),
        "The language in the chat: en or vi",
        Language::parse,
    );
    let zone = TimeZone::default();
    let time_zone = worded(
        env,
        "TELEGRAM_CHAT_TIME_ZONE",
        zone.as_str(),
        "The time zone of the times in the chat, such as Asia/Ho_Chi_Minh",
        TimeZone::parse,
    );
    let heartbeat_at = env
        .optional::<String>("TELEGRAM_CHAT_HEARTBEAT_AT", "When the chat is told what happened the day before: 08:00")
        .and_then(|at| match at.as_deref().map(ClockTime::parse).transpose() {
            Ok(at) => Some(at),
            Err(error) => env.refuse("TELEGRAM_CHAT_HEARTBEAT_AT", error.reason()),
        });
    let order_link =
        env.optional::<OrderLink>("ORDER_LINK", "The page of an order: https://shop.example/orders/{order}");
    let smtp = smtp(env);
    let inside = env.or(
        "WEBHOOK_ALLOW_PRIVATE",
        false,
        "Whether webhooks may be at private addresses and without TLS: true in development alone",
    );
    let flood_from = env.within(
        "FLOOD_FROM",
        40,
        0..=1_000,
        "More placed or confirmed orders than this within a minute become one message a minute; 0: they never do",
    );
    let keep_days = env.within("DELIVERY_KEEP_DAYS", 30, 1..=3650, "Days for which sent deliveries are kept");
    let order_keep_days =
        env.within("ORDER_KEEP_DAYS", 90, 2..=3650, "Days for which the bot knows an order after its last event");
    let settings = Settings {
        token: token?,
        chat: chat?,
        voice: Voice { language: language?, time_zone: time_zone?, order_link: order_link?, templates: Vec::new() },
        heartbeat_at: heartbeat_at?,
        bot_api: bot_api?,
        smtp: smtp?,
        webhooks: WebhookPolicy { inside: inside? },
        per_minute: per_minute.map(|number| (number > 0).then_some(number))?,
        flood_from: flood_from.map(|number| (number > 0).then_some(number))?,
        keep_days: keep_days?,
        order_keep_days: order_keep_days?,
    };
    Some((surroundings?, settings))
}

/// `SMTP_URL` and `SMTP_FROM`: both or neither.
fn smtp(env: &mut Reader) -> Option<Option<Smtp>> {
    let url = env.optional_secret_parsed(
        "SMTP_URL",
        "The server that takes mail: smtps://name:password@smtp.example:465, or smtp://…:587?tls=required",
        smtp_url,
    );
    let from =
        env.optional::<Mailbox>("SMTP_FROM", "Who the mail is from: Cyber Store <store@shop.example>, with SMTP_URL");
    match (url?, from?) {
        (Some(url), Some(from)) => Some(Some(Smtp { url, from })),
        (None, None) => Some(None),
        (Some(_), None) => env.refuse("SMTP_FROM", "is not set, and SMTP_URL is; set both or neither"),
        (None, Some(_)) => env.refuse("SMTP_URL", "is not set, and SMTP_FROM is; set both or neither"),
    }
}

/// Checks the URL of an SMTP server. A password goes through TLS, unless the server is on this machine.
fn smtp_url(text: &str) -> Result<Secret, String> {
    let form = "must be smtps://name:password@host:465 or smtp://name:password@host:587?tls=required";
    let url = reqwest::Url::parse(text).map_err(|_| form.to_owned())?;
    // An error of the parser could show the password.
    AsyncSmtpTransport::<Tokio1Executor>::from_url(text).map_err(|_| form.to_owned())?;
    let encrypted =
        url.scheme() == "smtps" || url.query_pairs().any(|(name, value)| name == "tls" && value == "required");
    let local = url.host_str().is_some_and(|host| ["localhost", "127.0.0.1", "[::1]"].contains(&host));
    if url.password().is_some() && !encrypted && !local {
        return Err("has a password and no TLS; use smtps:// or add ?tls=required".to_owned());
    }
    if url.password().is_none() && !url.username().is_empty() {
        return Err("has a name and no password".to_owned());
    }
    Ok(Secret::new(text))
}

/// A variable with a default that the domain has a rule for.
fn worded<T>(
    env: &mut Reader,
    name: &'static str,
    default: &str,
    meaning: &str,
    parse: fn(&str) -> Result<T, Malformed>,
) -> Option<T> {
    let text: String = env.or(name, default.to_owned(), meaning)?;
    parse(&text).map_or_else(|error| env.refuse(name, error.reason()), Some)
}

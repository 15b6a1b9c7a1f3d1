//! What somebody asks the bot for in a chat, and what it answers.
//! The rule: what is no command of ours gets no answer, and no answer says whether a code exists that was not the right one.

use std::time::Duration;

use kernel::{OrganisationId, Sku, Timestamp};

use super::outside::outside;
use super::{AskedDay, AskedOrder, DestinationState, LinkCode, Press, Question, answer};

/// Something that the bot was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// A message.
    Said(Received),
    /// A pressed button.
    Pressed(Press),
}

/// A message that the bot was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// Telegram's number of it. They rise, and begin anew with any number after a week of silence.
    pub update: i64,
    /// The chat that it was sent in.
    pub chat: i64,
    /// The topic, where the chat is a forum.
    pub topic: Option<i64>,
    /// Telegram's id of the account that sent it; none where a channel, a group or a bot did.
    pub account: Option<i64>,
    /// When it was sent, by Telegram's clock.
    pub sent_at: Timestamp,
    /// Its text; empty where it has none.
    pub text: String,
}

/// The age in minutes from which a message is not answered any more: whoever sent it does not wait for that.
const STALE_MINUTES: i64 = 15;

impl Received {
    /// What it asks the bot with the name `own` for; `None` for what is no command of ours, or was sent too long ago.
    #[must_use]
    pub fn request(&self, own: &str, now: Timestamp) -> Option<Request> {
        if (now - self.sent_at).num_minutes() >= STALE_MINUTES { None } else { Request::parse(&self.text, own) }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// To link the chat, or the account where the code is a person's; none where what was sent is no code.
    Link(Option<LinkCode>),
    /// To link the account of whoever asks; none where what was sent is no code.
    Me(Option<LinkCode>),
    /// What is linked here, and how it is.
    Status,
    /// What there is to ask for.
    Help,
    /// A question that members are answered.
    Ask(Question),
    /// That nothing is told here for so long; none that it is told again.
    Mute(Option<Duration>),
}

/// The longest time for which a destination may be silent.
const LONGEST_MUTE: Duration = Duration::from_secs(7 * 24 * 3_600);

impl Request {
    /// Reads a message; `None` for what is no command of ours. In a group a command may name a bot, `/link@name CODE`, and is only
    /// for the one of that name. A command whose argument cannot be read asks for help.
    fn parse(text: &str, own: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let command = words.next()?.strip_prefix('/')?;
        let (command, named) = command.split_once('@').unwrap_or((command, own));
        if !named.eq_ignore_ascii_case(own) {
            return None;
        }
        let argument = words.next();
        let asked = match command.to_ascii_lowercase().as_str() {
            "link" => Some(Self::Link(argument.and_then(LinkCode::parse))),
            "me" => Some(Self::Me(argument.and_then(LinkCode::parse))),
            "status" => Some(Self::Status),
            "help" | "start" => Some(Self::Help),
            "orders" => day(argument).map(|day| Self::Ask(Question::Orders(day))),
            "order" => argument.and_then(AskedOrder::parse).map(|name| Self::Ask(Question::Order(name))),
            "stock" => argument.and_then(|sku| Sku::parse(sku).ok()).map(|sku| Self::Ask(Question::Stock(sku))),
            "sales" => Some(Self::Ask(Question::Sales)),
            "mute" => argument.and_then(mute),
            _ => return None,
        };
        Some(asked.unwrap_or(Self::Help))
    }
}

fn day(word: Option<&str>) -> Option<AskedDay> {
    match word.map(str::to_lowercase).as_deref() {
        None | Some("today") => Some(AskedDay::Today),
        Some("yesterday") => Some(AskedDay::Yesterday),
        Some(_) => None,
    }
}

/// `30m`, `2h`, `1d`, or `off`.
fn mute(word: &str) -> Option<Request> {
    let word = word.to_ascii_lowercase();
    if word == "off" {
        return Some(Request::Mute(None));
    }
    let (unit, minutes) = [('m', 1), ('h', 60), ('d', 24 * 60)].into_iter().find(|(unit, _)| word.ends_with(*unit))?;
    let number: u64 = word.strip_suffix(unit)?.parse().ok()?;
    let duration = Duration::from_secs(number.checked_mul(minutes)?.checked_mul(60)?);
    (number > 0 && duration <= LONGEST_MUTE).then_some(Request::Mute(Some(duration)))
}

/// What the bot does about something that it was sent, besides what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reaction {
    /// It answers in the chat, in Telegram's HTML.
    Answer(String),
    /// It finds out what these organisations, each with its name for people, have to answer, and says that in the chat.
    Look {
        /// The organisations.
        organisations: Vec<(OrganisationId, String)>,
        /// The question.
        question: Question,
    },
    /// It tells whoever pressed a button what becomes of that.
    Toast {
        /// Telegram's id of the press.
        callback: String,
        /// What is told.
        text: &'static str,
    },
}

/// What is linked to a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linked {
    /// How people know the organisation.
    pub organisation: String,
    /// What the organisation calls the destination.
    pub name: String,
    /// What becomes of its messages.
    pub state: DestinationState,
    /// Messages that wait.
    pub pending: i64,
    /// Messages that Telegram refused.
    pub failed: i64,
    /// Until when it is silent, where somebody asked for that.
    pub muted_until: Option<Timestamp>,
}

/// The answer to a code that links nothing: wrong, used or expired.
pub const REFUSED: &str = "That code is not valid. Codes are good for 15 minutes and once; staff makes them.";

/// The answer to what only members are answered.
pub const UNLINKED: &str = "Only members of the store are answered here. Make a code with POST <code>/admin/v1/chat-links</code> and \
    send it to this bot with /me, best in a private chat.";

/// The answer to a member who may not see or do what was asked for.
pub const NOT_PERMITTED: &str = "Your role in the store does not allow that.";

/// The answer to `/mute` where no destination is linked.
pub const NOTHING_TO_MUTE: &str =
    "Only a destination can be silent, and none of a store where you may manage them is linked here.";

/// What is told about a button that asks order for something.
pub const ASKED: &str = "Asked. What becomes of it is told here.";

/// What is told about a button that was not made for this place, or not by this bot.
pub const UNKNOWN_BUTTON: &str = "This button does nothing here.";

/// What is told about a button to somebody who is no member.
pub const NO_MEMBER: &str = "Only members of the store may do that. Link your account with /me CODE.";

/// The answer to `/help`.
pub const HELP: &str = "This bot tells what happens in a store.\n\
    /link followed by a code of your staff: tell it in this chat\n\
    /me followed by your own code: answer you and let you press buttons\n\
    /orders today, /orders yesterday: what was ordered\n\
    /order followed by a number: one order\n\
    /stock followed by a SKU: what can be sold\n\
    /sales: what was sold today and yesterday\n\
    /mute 2h, /mute off: tell nothing here for a while (m, h or d, at most 7d), and then what came\n\
    /status: what is linked here, and how it is\n\
    /help: this list";

/// The answer to a code that links an account.
#[must_use]
pub fn account_linked(organisation: &str) -> String {
    format!("Your account is linked in {}: commands answer you, and you may press buttons.", outside(organisation, 120))
}

/// The answer to `/mute`: until when a number of destinations is silent, or that they are not any more.
#[must_use]
pub fn muted(until: Option<Timestamp>) -> String {
    match until {
        Some(until) => format!(
            "Nothing is told here until {}. What happens meanwhile is told then; /mute off ends it.",
            until.format("%Y-%m-%d %H:%M UTC")
        ),
        None => "What happens is told here again.".to_owned(),
    }
}

/// The answer to `/status`, in Telegram's HTML.
#[must_use]
pub fn status(linked: &[Linked]) -> String {
    if linked.is_empty() {
        return "Nothing is linked to this chat. Staff makes a code; send it with /link.".to_owned();
    }
    let line = |linked: &Linked| {
        let state: &'static str = linked.state.into();
        let (name, organisation) = (outside(&linked.name, 100), outside(&linked.organisation, 120));
        let silent = linked.muted_until.map(|until| format!(", silent until {}", until.format("%Y-%m-%d %H:%M UTC")));
        let silent = silent.unwrap_or_default();
        format!("{name} of {organisation}: {state}{silent}, {} pending, {} failed", linked.pending, linked.failed)
    };
    answer(&[(String::new(), linked.iter().map(line).collect())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_with_and_without_the_bots_name_and_everything_else_is_none() {
        let parse = |text| Request::parse(text, "cyber_bot");
        assert_eq!(parse("/status"), Some(Request::Status));
        assert_eq!(parse(" /Help@Cyber_Bot please"), Some(Request::Help));
        assert_eq!(parse("/start"), Some(Request::Help));
        assert_eq!(parse("/link"), Some(Request::Link(None)));
        assert_eq!(parse("/link nonsense"), Some(Request::Link(None)));
        assert!(matches!(parse("/link@cyber_bot abcd-efgh-jkmn"), Some(Request::Link(Some(_)))));
        for none in ["", "hello", "/", "/cancel", "link ABCD-EFGH-JKMN", "say /help", "/status@other_bot", "/status@"] {
            assert_eq!(parse(none), None, "{none}");
        }
    }

    #[test]
    fn a_members_command_is_read_with_its_argument_and_asks_for_help_without_the_right_one() {
        let parse = |text| Request::parse(text, "cyber_bot").unwrap();
        let hours = |hours: u64| Request::Mute(Some(Duration::from_secs(hours * 3_600)));
        let sku = Sku::parse("TEA-1").unwrap();
        for (text, asked) in [
            ("/orders", Request::Ask(Question::Orders(AskedDay::Today))),
            ("/orders Yesterday", Request::Ask(Question::Orders(AskedDay::Yesterday))),
            ("/order@cyber_bot #1001", Request::Ask(Question::Order(AskedOrder::Number(1001)))),
            ("/stock TEA-1", Request::Ask(Question::Stock(sku))),
            ("/sales", Request::Ask(Question::Sales)),
            ("/mute 2h", hours(2)),
            ("/mute 7d", hours(168)),
            ("/mute 60M", hours(1)),
            ("/mute off", Request::Mute(None)),
        ] {
            assert_eq!(parse(text), asked, "{text}");
        }
        for wrong in [
            "/orders tomorrow",
            "/order",
            "/order one",
            "/stock",
            "/stock Ä",
            "/mute",
            "/mute 0h",
            "/mute 8d",
            "/mute h",
            "/mute -1h",
            "/mute 99999999999999999999h",
            "/mute 18446744073709551615d",
            "/mute 2 h",
        ] {
            assert_eq!(parse(wrong), Request::Help, "{wrong}");
        }
        assert_eq!(parse("/me nonsense"), Request::Me(None));
    }

    #[test]
    fn a_message_that_was_sent_long_ago_asks_for_nothing() {
        let sent_at = Timestamp::from_timestamp(1_800_000_000, 0).unwrap();
        let received = Received { update: 1, chat: 1, topic: None, account: None, sent_at, text: "/help".to_owned() };
        let after = |seconds: i64| {
            received.request("cyber_bot", Timestamp::from_timestamp(1_800_000_000 + seconds, 0).unwrap())
        };
        assert_eq!((after(-60), after(899), after(900)), (Some(Request::Help), Some(Request::Help), None));
    }

    #[test]
    fn a_status_names_what_is_linked_without_bringing_it_to_life() {
        assert!(status(&[]).starts_with("Nothing is linked"));
        let linked = Linked {
            organisation: "Acme (acme)".to_owned(),
            name: "@all <b>".to_owned(),
            state: DestinationState::Paused,
            pending: 3,
            failed: 0,
            muted_until: None,
        };
        let said = "<code>@all &lt;b&gt;</code> of Acme (acme): paused, 3 pending, 0 failed";
        assert_eq!(status(&[linked]), said);
    }
}

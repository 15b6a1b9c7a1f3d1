//! What the team is told, in which words, and how fast.
//! The rule: everything here is pure. No clock, no database, no network.

mod batch;
mod bot;
mod budget;
mod button;
mod chat;
mod chat_link;
mod delivery;
mod destination;
mod endpoint;
mod fact;
mod flood;
mod heartbeat;
mod lenient;
mod letter;
mod link_code;
mod manner;
mod member;
mod message;
mod obstacle;
mod order;
mod organisation;
mod outcome;
mod outside;
mod question;
mod request;
mod rules;
mod schedule;
mod stock;
mod voice;
mod webhook;
mod words;

pub use batch::{Batch, Lease, Receiver, Target, Way, follow};
pub use bot::BotId;
pub use budget::{Arrivals, BOT_LIMITS, Budget, Decision, Limits, Pace};
pub use button::{Button, ButtonSeal, Press, Sealed, order_of_all};
pub use chat::{Chat, ChatKind, MAX_PER_MINUTE};
pub use chat_link::{ChatLink, LINK_CODE_LIFE, Place};
pub use delivery::{Delivery, NewDelivery, Planned, Unreadable};
pub use destination::{
    Address, Destination, DestinationChange, DestinationKind, DestinationName, DestinationState, MOST_DESTINATIONS,
    Recipient, Wishes,
};
pub use endpoint::{Carrier, Endpoint, Lane};
pub use fact::{Counted, Fact, FactKind, OrderName, Severity};
pub use flood::Flood;
pub use heartbeat::Heartbeat;
pub use letter::{Letter, Notice};
pub use link_code::{LinkCode, LinkCodes};
pub use manner::{FollowUp, Manner};
pub use member::Member;
pub use message::{Message, TELEGRAM_LIMIT, compose};
pub use obstacle::{BOT, CONFIGURED, Obstacle, SMTP};
pub use order::{LINES_KEPT, OrderCopy, OrderedLine, newest_of_each};
pub use organisation::OrganisationName;
pub use outcome::{Outcome, back_off};
pub use question::{
    AskedDay, AskedOrder, KnownOrder, KnownStock, ORDERS_SHOWN, Question, Sales, answer, nothing_of, order, orders_of,
    sales, stock,
};
pub use request::{
    ASKED, HELP, Heard, Linked, NO_MEMBER, NOT_PERMITTED, NOTHING_TO_MUTE, REFUSED, Reaction, Received, Request,
    UNKNOWN_BUTTON, UNLINKED, account_linked, muted, status,
};
pub use rules::{Circumstances, Rules};
pub use schedule::{ClockTime, Digest, Quiet, end_of_minute};
pub use stock::{StockCopy, StockLevel};
pub use voice::{Language, OrderLink, Voice};
pub use webhook::{Offer, Webhook, WebhookPolicy, WebhookSecret, WebhookUrl};
pub use words::{Template, shown};

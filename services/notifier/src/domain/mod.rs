//! What the team is told, in which words, and how fast.
//! The rule: everything here is pure. No clock, no database, no network.

mod batch;
mod bot;
mod budget;
mod chat;
mod delivery;
mod destination;
mod fact;
mod flood;
mod heartbeat;
mod link_code;
mod manner;
mod message;
mod obstacle;
mod organisation;
mod outcome;
mod outside;
mod request;
mod rules;
mod schedule;
mod voice;
mod words;

pub use batch::{Batch, Lease, Receiver, Target, Way, follow};
pub use bot::BotId;
pub use budget::{Arrivals, BOT_LIMITS, Budget, Decision, Limits, Pace};
pub use chat::{Chat, ChatKind, MAX_PER_MINUTE};
pub use delivery::{Delivery, NewDelivery, Planned, Unreadable};
pub use destination::{
    Address, Destination, DestinationChange, DestinationKind, DestinationName, DestinationState, MOST_DESTINATIONS,
    Wishes,
};
pub use fact::{Counted, Fact, FactKind, OrderName, Severity};
pub use flood::Flood;
pub use heartbeat::Heartbeat;
pub use link_code::{LinkCode, LinkCodes};
pub use manner::{FollowUp, Manner};
pub use message::{Message, TELEGRAM_LIMIT, compose};
pub use obstacle::{BOT, CONFIGURED, Obstacle};
pub use organisation::OrganisationName;
pub use outcome::{Outcome, back_off};
pub use request::{HELP, Linked, REFUSED, Received, Request, status};
pub use rules::{Circumstances, Rules};
pub use schedule::{ClockTime, Digest, Quiet, end_of_minute};
pub use voice::{Language, OrderLink, Voice};
pub use words::{Template, shown};

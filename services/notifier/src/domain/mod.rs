//! What is told, in which words, and how fast: pure, without a clock, a database or a network.
//! Everything here can be tried without a stack.

mod budget;
mod chat;
mod delivery;
mod fact;
mod message;
mod organisation;
mod outcome;
mod words;

pub use budget::{Arrivals, BOT_LIMITS, Budget, Decision, Limits, Pace};
pub use chat::{Chat, ChatKind, MOST_PER_MINUTE, MalformedChat};
pub use delivery::{Delivery, NewDelivery};
pub use fact::{Fact, Kind, Reason};
pub use message::{Message, TELEGRAM_LIMIT, compose};
pub use organisation::OrganisationName;
pub use outcome::{Outcome, back_off};

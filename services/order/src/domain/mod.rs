//! What an order is and may become. Pure: no database, no clock of its own, no I/O.

mod draft;
mod order;
mod product;
mod refusal;
mod status;
mod token;

pub use draft::{Draft, DraftError, Flaw, LINE_LIMIT, Offer, Reference, Wanted};
pub use order::{Actor, Line, NotCancellable, Order, OrderEvent, OrderState, Step, Summary, Verdict};
pub use product::{Product, Variant};
pub use refusal::Refusal;
pub use status::{Cause, Effect, Facts, FulfilmentStatus, PaymentStatus, Rule, Status, TRANSITIONS, Trigger, decide};
pub use token::{OrderToken, TokenDigest};

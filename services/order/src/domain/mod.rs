//! What an order is and may become. The rule: pure code, without a database, a clock of its own or I/O.

mod deadline;
mod draft;
mod holds;
mod line;
mod order;
mod product;
mod reference;
mod status;
mod token;
mod view;

pub use deadline::Deadline;
pub use draft::{Draft, DraftError, Fault, Flaw, LINE_LIMIT, PriceChange, RequestedLine};
pub use holds::{HoldLimits, Holder, Origin};
pub use line::Line;
pub use order::{NotCancellable, Order, OrderEvent, Requester, ReservationOutcome, Step};
pub use product::{Offer, Product, Variant};
pub use reference::Reference;
pub use status::{Effect, Facts, FulfilmentStatus, PaymentStatus, Status, Trigger, decide};
pub use token::{OrderToken, Ownership, TokenDigest};
pub use view::{OrderView, Summary};

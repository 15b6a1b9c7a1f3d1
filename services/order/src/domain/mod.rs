//! What an order is and may become. The rule: pure code, without a database, a clock of its own or I/O.

mod addition;
mod amounts;
mod arrival;
mod buyer;
mod contact;
mod deadline;
mod draft;
mod holds;
mod intake;
mod life;
mod line;
mod member;
mod order;
mod outcome;
mod parcel;
mod payment;
mod product;
mod reference;
mod returns;
mod timeline;
mod token;
mod view;
mod wanted;
mod wording;

pub use addition::{AddedLine, AddedPieces, Addition, AdditionEnd, AdditionView, Begins, Edit, EditedLine};
pub use amounts::{Direction, LinePrice, Range};
pub use arrival::{Arrival, ArrivalStatus, ArrivedReturn, Open, SoldElsewhere, Walk};
pub use buyer::{Buyer, BuyerExport, OrderRecord, Turnover};
pub use contact::{Address, BuyerKey, Contact, ContactDetails, ContactText, PhoneNumber};
pub use contracts::order::{FulfilmentStatus, PaymentStatus, Source, Status, StockPolicy};
pub use deadline::Deadline;
pub use draft::{
    Draft, DraftError, Fault, Flaw, LINE_LIMIT, LineTerms, OrderTerms, PriceChange, RequestedLine, StatedAmount,
};
pub use holds::{HoldLimits, Holder, Origin, Queued};
pub use intake::{CancelledTurn, Intake, IntakeStatus, PlacementRefusal};
pub use life::{
    Action, Asked, Change, Event, Funds, Life, LineLife, Marks, Opening, Receipt, Refusal, Requester, Selection, Side,
    Trigger, decide,
};
pub use line::{Line, PriceSource};
pub use member::Member;
pub use order::{Goods, Impossible, Order, Step};
pub use outcome::{ChatStep, Outcome, StepRefusal};
pub use parcel::{Dispatch, Parcel, SkuPieces};
pub use payment::{
    Manual, MoneyRequest, Moved, Movement, Moving, NotMoved, Payment, PaymentProvider, Payments, Provider,
    RecordedPayment, RecordedRefund, Refund, RequestKey,
};
pub use product::{Offer, OtherPrices, Product, Variant};
pub use reference::Reference;
pub use returns::{Return, ReturnStatus, ReturnStep, advance};
pub use timeline::{Details, TimelineEntry, Transition};
pub use token::{OrderToken, Ownership, TokenDigest};
pub use view::{OrderDetail, OrderView, Summary};
pub use wanted::WantedOrder;
pub use wording::{Label, Remark};

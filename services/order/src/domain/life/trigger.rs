//! What can happen to an order, and what people can do with it. The rule: a trigger says what somebody asks or tells, never what
//! becomes of the order.

use contracts::catalog::Reason;
use kernel::{CustomerId, ParcelId, ReturnId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::amounts::LinePrice;
use crate::domain::parcel::{Dispatch, SkuPieces};
use crate::domain::payment::{Payment, Refund};
use crate::domain::wording::Remark;

/// So many pieces of each line, in the order of the lines.
pub type Selection = Vec<i64>;

/// What catalog is asked to hold for an order beyond what it has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    /// Which addition of the order it is, from 1.
    pub number: i64,
    /// More pieces of its lines.
    pub more: Selection,
    /// New lines: how many pieces, and what they cost.
    pub lines: Vec<(i64, LinePrice)>,
}

/// Who asks for an order to be cancelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Requester {
    /// The holder of the order token.
    Shopper,
    /// A member of the organisation.
    Staff,
}

/// Where something comes from that keeps an order from being fulfilled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Side {
    /// From here: staff, its shopper, or want of stock.
    #[default]
    Here,
    /// From the channel where it was sold.
    Channel,
}

impl Side {
    /// As it is stored.
    #[must_use]
    pub fn of(is_channel: bool) -> Self {
        if is_channel { Self::Channel } else { Self::Here }
    }
}

/// What can happen to an order after it was placed.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Trigger {
    /// Catalog answered: reserved.
    Reserved,
    /// Catalog answered: rejected, for these reasons.
    #[strum(serialize = "refused")]
    Rejected(Vec<Reason>),
    /// It was sold elsewhere and stands, whatever catalog will say.
    SoldElsewhere,
    /// Catalog promised it what it could not have.
    Oversold(Vec<SkuPieces>),
    /// Catalog says that the reservation is gone: it expired, before the confirmation or without one.
    #[strum(serialize = "reservation-expired")]
    ReservationLost,
    /// The sweep found the order past its deadline, by the database's clock.
    #[strum(serialize = "deadline")]
    DeadlinePassed,
    /// The sweep found that nobody has paid for the order in time, by the database's clock.
    #[strum(serialize = "unpaid")]
    UnpaidTooLong,
    /// The holder of the order token, or its customer, cancels the whole order.
    #[strum(serialize = "shopper")]
    ShopperCancels,
    /// A member of the organisation cancels the whole order, of which nothing was sent.
    #[strum(serialize = "staff")]
    StaffCancels,
    /// A member of the organisation cancels these pieces; without a selection all that were not sent.
    #[strum(serialize = "staff")]
    StaffCancelsLines(Option<Selection>),
    /// A member of the organisation takes these pieces off before anything is packed.
    Edit(Selection),
    /// A member of the organisation wants pieces added before anything is packed.
    AddPieces(Asked),
    /// Catalog answered: it holds what the addition of this number asked for.
    AdditionGiven(i64),
    /// Catalog answered: it does not, for these reasons.
    AdditionRefused(i64, Vec<Reason>),
    /// A member of the organisation does not want the addition any more that catalog has not answered.
    WithdrawAddition,
    /// It must not be fulfilled for now.
    Hold(Side),
    /// It may be fulfilled again. A channel says so of what it held back itself.
    Release(Side),
    /// Somebody asks to cancel it.
    RequestCancellation(Side),
    /// It is not cancelled, although somebody asked. A channel says so of what was asked there.
    DeclineCancellation(Side),
    /// These pieces are packed; without a selection all that are not.
    Pack(Option<Selection>),
    /// A parcel with these pieces leaves; without a selection with all that have not. What was not packed is packed by it.
    Ship(Option<Selection>, Dispatch),
    /// A parcel with these pieces arrives.
    Deliver(Selection, ParcelId),
    /// Nothing more is expected.
    Complete,
    /// These pieces are to come back.
    RequestReturn(Selection, ReturnId),
    /// A return is taken once it is there.
    ApproveReturn(ReturnId),
    /// A return of these pieces is not taken.
    DeclineReturn(Selection, ReturnId),
    /// A return is over.
    ReceiveReturn(Receipt),
    /// Money was promised or received.
    RecordPayment(Payment),
    /// Money was given back of a payment.
    Refund {
        /// What is given back.
        refund: Refund,
        /// What was left of the payment, in minor units.
        left: i64,
    },
    /// Somebody wrote something down.
    AddNote(Remark),
    /// A customer takes the order into their account, which was a guest's.
    Claim(CustomerId),
    /// What is held on the person who ordered goes.
    EraseContact,
}

/// What became of the pieces of a return.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The return.
    pub id: ReturnId,
    /// What was to come back.
    pub requested: Selection,
    /// What came back of it.
    pub returned: Selection,
    /// What of that cannot be sold again.
    pub written_off: Selection,
}

impl Trigger {
    /// The cause as it stands in the history.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        self.into()
    }
}

/// What people can do with an order, as refusals name it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    strum::Display,
    strum::VariantArray,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Action {
    /// Stop it from being fulfilled.
    Hold,
    /// Let it be fulfilled again.
    Release,
    /// Pack pieces.
    Pack,
    /// Send a parcel.
    Ship,
    /// Say that a parcel has arrived.
    Deliver,
    /// Say that nothing more is expected.
    Complete,
    /// Cancel what was not sent.
    Cancel,
    /// Take pieces off or add some before anything is packed.
    Edit,
    /// Withdraw what catalog was asked to add.
    WithdrawAddition,
    /// Ask to cancel it.
    RequestCancellation,
    /// Do not cancel it, although somebody asked.
    DeclineCancellation,
    /// Ask to give pieces back.
    RequestReturn,
    /// Approve, decline or receive a return.
    SettleReturn,
    /// Record money that was received or promised.
    RecordPayment,
    /// Record money that was given back.
    Refund,
}

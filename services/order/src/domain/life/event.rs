//! What is told of a change of an order, and why there is none. The rule: an event carries what its history and its topic need.

use contracts::catalog::Reason;
use contracts::order::Cause;
use kernel::{CustomerId, ParcelId, ReturnId};

use super::Life;
use super::trigger::{Action, Selection};
use crate::domain::amounts::{Direction, Range};
use crate::domain::parcel::{Dispatch, SkuPieces};
use crate::domain::payment::{Payment, Refund};
use crate::domain::wording::Remark;

/// What is told of a change, by its name in the history.
#[derive(Debug, Clone, PartialEq, Eq, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum Event {
    /// Catalog holds its pieces.
    Confirmed,
    /// Catalog cannot hold them, for these reasons.
    Rejected(Vec<Reason>),
    /// All of it was cancelled.
    Cancelled(Cause),
    /// Some of it was cancelled.
    LinesCancelled(Cause),
    /// Pieces were taken off before anything was packed.
    Edited,
    /// Catalog is asked for more than it has.
    AdditionRequested(i64),
    /// The pieces that this addition asked for are its own.
    #[strum(serialize = "edited")]
    AdditionGiven(i64),
    /// They are not, for these reasons.
    AdditionRefused(i64, Vec<Reason>),
    /// They are not, since nobody wants them any more.
    #[strum(serialize = "addition-refused")]
    AdditionWithdrawn(i64),
    /// It is held back.
    Held,
    /// It is not held back any more.
    Released,
    /// Somebody asked to cancel it.
    CancellationRequested,
    /// It is not cancelled.
    CancellationDeclined,
    /// Pieces were packed.
    Packed,
    /// A parcel left.
    Shipped(Dispatch),
    /// A parcel arrived.
    Delivered(ParcelId),
    /// Nothing more is expected.
    Completed,
    /// Pieces are to come back.
    ReturnRequested(ReturnId),
    /// They will be taken.
    ReturnApproved(ReturnId),
    /// They will not be taken.
    ReturnDeclined(ReturnId),
    /// Pieces came back.
    Returned {
        /// The return.
        id: ReturnId,
        /// Those that can be sold again.
        restocked: Selection,
    },
    /// Money was received or promised.
    PaymentRecorded(Payment),
    /// Money was given back.
    Refunded(Refund),
    /// Somebody wrote something down.
    NoteAdded(Remark),
    /// A customer took it into their account.
    Claimed(CustomerId),
    /// What was held on the person who ordered is gone.
    ContactErased,
    /// More was promised than could be had.
    Oversold(Vec<SkuPieces>),
}

impl Event {
    /// Whether the pieces that it is about are sold by it or go back.
    #[must_use]
    pub fn direction(&self) -> Direction {
        match self {
            Self::Cancelled(_)
            | Self::LinesCancelled(_)
            | Self::Edited
            | Self::ReturnRequested(_)
            | Self::Returned { .. } => Direction::Back,
            Self::Confirmed
            | Self::Rejected(_)
            | Self::AdditionRequested(_)
            | Self::AdditionGiven(_)
            | Self::AdditionRefused(..)
            | Self::AdditionWithdrawn(_)
            | Self::Held
            | Self::Released
            | Self::CancellationRequested
            | Self::CancellationDeclined
            | Self::Packed
            | Self::Shipped(_)
            | Self::Delivered(_)
            | Self::Completed
            | Self::ReturnApproved(_)
            | Self::ReturnDeclined(_)
            | Self::PaymentRecorded(_)
            | Self::Refunded(_)
            | Self::NoteAdded(_)
            | Self::Claimed(_)
            | Self::ContactErased
            | Self::Oversold(_) => Direction::Forth,
        }
    }
}

/// What a trigger leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The state afterwards.
    pub life: Life,
    /// What is told.
    pub event: Event,
    /// The pieces that it happened to; empty where it happened to none.
    pub moved: Vec<Range>,
}

/// Why somebody cannot have what they ask for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It cannot be done with the order as it is.
    #[error("cannot be done with it now: {action}")]
    NotNow {
        /// What was asked for.
        action: Action,
    },
    /// More pieces of a line are asked for than it can be done with.
    #[error("{asked} pieces of line {line} are asked for, which can be done with {most} of them: {action}")]
    TooMany {
        /// What was asked for.
        action: Action,
        /// The line's place, from 0.
        line: usize,
        /// The pieces that were asked for.
        asked: i64,
        /// The most that can be.
        most: i64,
    },
    /// No piece would be left, which is a cancellation.
    #[error("no piece would be left: {action}")]
    LastPiece {
        /// What was asked for.
        action: Action,
    },
    /// It was sold elsewhere, where it is changed.
    #[error("it was sold elsewhere: {action}")]
    SoldElsewhere {
        /// What was asked for.
        action: Action,
    },
    /// Pieces of a line were cancelled, and with them a part of what is taken off or added to all of it.
    #[error("pieces of line {line} were cancelled with their share of its discount, tax or shipping: {action}")]
    SharedOut {
        /// What was asked for.
        action: Action,
        /// The line's place, from 0.
        line: usize,
    },
    /// No piece is asked for.
    #[error("no piece is named: {action}")]
    Nothing {
        /// What was asked for.
        action: Action,
    },
    /// More money is given back than is there, or more is recorded than can be counted.
    #[error("the amount is more than {most} minor units, which is the most: {action}")]
    TooMuch {
        /// What was asked for.
        action: Action,
        /// The most, in minor units.
        most: i64,
    },
}

//! Every way in which a command or a query of this service can fail. The rule: each variant knows its class, so that
//! the HTTP door, the retry and the dead letter decide alike.

use kernel::{BuyerId, Malformed, OrderId, ParcelId, PaymentId, ReturnId, Sku};
use mediator::{Class, Classified};

use crate::domain::{DraftError, Impossible, IntakeStatus, Label};

/// Why a command or query of this service failed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The order cannot be placed as it is.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// Somebody asks for what cannot be done with the order as it is.
    #[error(transparent)]
    Impossible(#[from] Impossible),
    /// Somebody cancels a queued order that was placed or refused already.
    #[error("order {order} has had its turn and is {}; {}", <&str>::from(.status), after_its_turn(*.status))]
    HadItsTurn {
        /// The order.
        order: OrderId,
        /// What became of it.
        status: IntakeStatus,
    },
    /// The order has no line of a SKU.
    #[error("order {order} has no line of {sku}; name the SKUs that it has")]
    NotOfOrder {
        /// The order.
        order: OrderId,
        /// The SKU that was named.
        sku: Sku,
    },
    /// A price is stated for a line that has another one.
    #[error("{sku} has a price in order {order}, which its pieces keep; leave the price out, or place another order")]
    PriceOfLine {
        /// The order.
        order: OrderId,
        /// The line's index in the request, from 0.
        line: usize,
        /// The SKU.
        sku: Sku,
    },
    /// The order has no such parcel.
    #[error("order {order} has no parcel {parcel}; read the order to see which it has")]
    ParcelNotFound {
        /// The order.
        order: OrderId,
        /// The id that was asked for.
        parcel: ParcelId,
    },
    /// The order has no such return.
    #[error("order {order} has no return {id}; read the order to see which it has")]
    ReturnNotFound {
        /// The order.
        order: OrderId,
        /// The id that was asked for.
        id: ReturnId,
    },
    /// The order has no such payment.
    #[error("order {order} has no payment {payment}; read the order to see which it has")]
    PaymentNotFound {
        /// The order.
        order: OrderId,
        /// The id that was asked for.
        payment: PaymentId,
    },
    /// Whoever moves the money does not answer.
    #[error("the payment provider moved nothing for order {order}: {reason}; try again")]
    ProviderAway {
        /// The order.
        order: OrderId,
        /// Why, in the provider's words.
        reason: String,
    },
    /// An amount is in another currency than the order.
    #[error("order {order} is in {currency}; state the amount in it")]
    OtherCurrency {
        /// The order.
        order: OrderId,
        /// Its currency.
        currency: kernel::Currency,
    },
    /// Whoever places the order has as many open ones as one may have.
    #[error("{limit} orders are open from here already, which is the most; pay for some, cancel some, or wait a day")]
    TooManyOpen {
        /// The most.
        limit: u32,
    },
    /// The organisation is suspended, and places no orders.
    #[error("the organisation is suspended, so its shop is closed; order again when it is open")]
    Suspended,
    /// The same call brings an order twice, and the first was refused.
    #[error("the first order of this call that is called {external_reference} was refused; correct both, or send one")]
    FirstRefused {
        /// The channel's own name of it.
        external_reference: Label,
    },
    /// Another transaction imported the same order; the second attempt finds it.
    #[error("somebody else imported the same order at this moment; try again")]
    Overtaken,
    /// There is no such order, or the order token belongs to another one: the answer does not tell which.
    #[error("there is no order {order} here; check the id and, in the shop, the order token")]
    NotFound {
        /// The id that was asked for.
        order: OrderId,
    },
    /// Catalog answered for orders that were never placed here.
    #[error("catalog answered for orders that are not here: {}; find out who placed them", list(.orders))]
    Unplaced {
        /// The ids of the answers.
        orders: Vec<OrderId>,
    },
    /// The order has changed since the caller read it.
    #[error("order {order} has version {current} by now; read it again and repeat the step")]
    Stale {
        /// The order.
        order: OrderId,
        /// Its version now.
        current: i64,
    },
    /// Nobody with this id has ordered.
    #[error("nobody with the id {buyer} has ordered here; find them by name, address or number")]
    BuyerNotFound {
        /// The id that was asked for.
        buyer: BuyerId,
    },
    /// A value that a client sent makes no sense here, such as a cursor of another list.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A query that is not valid.
    #[error("the query was refused: {0}")]
    QueryRefused(query::Faults),
    /// A stored row breaks a rule of the domain: somebody wrote past this service.
    #[error("the stored row of {what} breaks a rule: {reason}; repair the row")]
    Corrupt {
        /// The row.
        what: String,
        /// The rule.
        reason: String,
    },
    /// The database refused or could not be reached.
    #[error(transparent)]
    Storage(#[from] persistence::Error),
}

impl Error {
    /// The error with everything that is wrong, for those who see no fields.
    #[must_use]
    pub fn in_full(&self) -> String {
        if let Self::Draft(refused) = self { refused.in_full() } else { self.to_string() }
    }

    /// A stored row that cannot be read.
    pub(crate) fn corrupt(what: impl std::fmt::Display, reason: impl std::fmt::Display) -> Self {
        Self::Corrupt { what: what.to_string(), reason: reason.to_string() }
    }
}

impl From<query::Error> for Error {
    fn from(error: query::Error) -> Self {
        match error {
            query::Error::Refused(faults) => Self::QueryRefused(faults),
            query::Error::Cursor(malformed) => Self::Malformed(malformed),
            query::Error::Storage(error) => Self::Storage(error),
        }
    }
}

impl From<persistence::DieselError> for Error {
    fn from(error: persistence::DieselError) -> Self {
        Self::Storage(error.into())
    }
}

impl Classified for Error {
    fn class(&self) -> Class {
        match self {
            Self::Draft(_)
            | Self::TooManyOpen { .. }
            | Self::Suspended
            | Self::Impossible(_)
            | Self::HadItsTurn { .. }
            | Self::NotOfOrder { .. }
            | Self::PriceOfLine { .. }
            | Self::ParcelNotFound { .. }
            | Self::ReturnNotFound { .. }
            | Self::PaymentNotFound { .. }
            | Self::OtherCurrency { .. }
            | Self::FirstRefused { .. }
            | Self::NotFound { .. }
            | Self::BuyerNotFound { .. }
            | Self::Stale { .. }
            | Self::Malformed(_)
            | Self::QueryRefused(_) => Class::Refused,
            Self::Overtaken | Self::ProviderAway { .. } => Class::Transient,
            Self::Unplaced { .. } | Self::Corrupt { .. } => Class::Permanent,
            Self::Storage(error) => error.class(),
        }
    }
}

/// What is left to do where a queued order cannot be cancelled any more.
fn after_its_turn(status: IntakeStatus) -> &'static str {
    match status {
        IntakeStatus::Placed => "cancel the order itself, without /queue in its path",
        IntakeStatus::Queued | IntakeStatus::Refused | IntakeStatus::Cancelled => "nothing comes of it",
    }
}

fn list(orders: &[OrderId]) -> String {
    orders.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

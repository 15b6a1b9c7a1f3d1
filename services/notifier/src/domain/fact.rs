//! The facts that the operations team hears of, in the notifier's own words: what is stored with a delivery.

use kernel::{Money, OrderId, Quantity, Sku};
use serde::{Deserialize, Serialize};

/// Something that happened, with what a person needs to understand it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fact {
    /// A shopper placed an order.
    OrderPlaced {
        /// Which order.
        order: OrderId,
        /// Number of lines.
        lines: u32,
        /// Units over all lines.
        units: i64,
        /// What it comes to.
        total: Money,
        /// The shopper's own word for it.
        reference: Option<String>,
    },
    /// Its stock is reserved and held.
    OrderConfirmed {
        /// Which order.
        order: OrderId,
        /// What it comes to.
        total: Money,
    },
    /// It cannot be fulfilled.
    OrderRejected {
        /// Which order.
        order: OrderId,
        /// Why; one entry per line that is wrong.
        reasons: Vec<Reason>,
    },
    /// It was called off.
    OrderCancelled {
        /// Which order.
        order: OrderId,
        /// By whom or what, as the event says it: `shopper`, `staff`, `deadline`, `reservation-expired`.
        cause: String,
    },
    /// A stock level fell to its threshold.
    StockLow {
        /// What is running out.
        sku: Sku,
        /// Units that can still be sold.
        available: i64,
        /// The level at which to warn.
        threshold: i64,
    },
}

/// Why an order was rejected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Reason {
    /// No such SKU.
    UnknownSku {
        /// The SKU.
        sku: Sku,
    },
    /// More was wanted than there is.
    OutOfStock {
        /// The SKU.
        sku: Sku,
        /// Units wanted.
        requested: Quantity,
        /// Units there.
        available: i64,
    },
    /// The price changed between offer and reservation.
    PriceChanged {
        /// The SKU.
        sku: Sku,
        /// What the order carried.
        offered: Money,
        /// What it costs now.
        current: Money,
    },
    /// It exists and is not sold.
    NotForSale {
        /// The SKU.
        sku: Sku,
    },
    /// The order had been cancelled before.
    OrderCancelled,
}

/// The kinds of facts, in the order in which a person wants to hear of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`Fact::OrderRejected`].
    Rejected,
    /// [`Fact::OrderCancelled`].
    Cancelled,
    /// [`Fact::StockLow`].
    StockLow,
    /// [`Fact::OrderConfirmed`].
    Confirmed,
    /// [`Fact::OrderPlaced`].
    Placed,
}

impl Kind {
    /// All kinds, most urgent first.
    pub const ALL: [Self; 5] = [Self::Rejected, Self::Cancelled, Self::StockLow, Self::Confirmed, Self::Placed];

    /// The word for columns and metrics.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Placed => "order-placed",
            Self::Confirmed => "order-confirmed",
            Self::Rejected => "order-rejected",
            Self::Cancelled => "order-cancelled",
            Self::StockLow => "stock-low",
        }
    }
}

impl Fact {
    /// Which kind it is.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::OrderPlaced { .. } => Kind::Placed,
            Self::OrderConfirmed { .. } => Kind::Confirmed,
            Self::OrderRejected { .. } => Kind::Rejected,
            Self::OrderCancelled { .. } => Kind::Cancelled,
            Self::StockLow { .. } => Kind::StockLow,
        }
    }

    /// The money of it, where a sum over many makes sense.
    #[must_use]
    pub fn total(&self) -> Option<Money> {
        match self {
            Self::OrderPlaced { total, .. } | Self::OrderConfirmed { total, .. } => Some(*total),
            Self::OrderRejected { .. } | Self::OrderCancelled { .. } | Self::StockLow { .. } => None,
        }
    }
}

//! The facts that the operations team is told of. A fact is stored as JSON in the row of its delivery.
//! The rule: rows outlive the version that wrote them, so the JSON form of a fact may grow and never change.

use contracts::catalog::Reason;
use contracts::notifier::ChatStep;
use contracts::order::{Cause, OversoldLine, Status, StepRefusal};
use kernel::{Day, ImportId, Malformed, Money, OrderId, ReturnId, Sku};
use serde::{Deserialize, Serialize};

/// An order as people know it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderName {
    /// The id of the order.
    pub order: OrderId,
    /// Its number in the organisation; none where an older release told it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<i64>,
}

impl From<OrderId> for OrderName {
    fn from(order: OrderId) -> Self {
        Self { order, number: None }
    }
}

/// How many facts of a kind there were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// The kind.
    pub of: FactKind,
    /// Their number.
    pub facts: u64,
}

/// How much a fact matters.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
    strum::EnumString,
    strum::IntoStaticStr,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Severity {
    /// It is as it should be.
    Info,
    /// Somebody should look at it, today.
    Warning,
    /// Something was promised that cannot be kept unless somebody acts now.
    Critical,
}

/// Something that happened, with what a person needs to understand it. The most urgent kinds stand first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, strum::EnumDiscriminants)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[strum_discriminants(
    name(FactKind),
    doc = "The kind of a fact, ordered from the most urgent to the least.",
    derive(
        Hash,
        PartialOrd,
        Ord,
        Serialize,
        Deserialize,
        schemars::JsonSchema,
        strum::EnumString,
        strum::IntoStaticStr,
        strum::VariantNames
    ),
    serde(rename_all = "kebab-case"),
    strum(serialize_all = "kebab-case")
)]
pub enum Fact {
    /// A chat was linked to the destination.
    Linked {
        /// What the organisation calls the destination.
        name: String,
    },
    /// Staff tries the destination out.
    Test,
    /// What became of a button that somebody pressed.
    ActionAnswered {
        /// The order.
        order: OrderId,
        /// Its number in the organisation, where it is known.
        number: Option<i64>,
        /// The step that was asked for.
        step: ChatStep,
        /// Why it was not taken; none where it was.
        refused: Option<StepRefusal>,
        /// Where the order stands, where that may be said.
        status: Option<Status>,
    },
    /// What happened on a day, so that silence is noticed.
    Heartbeat {
        /// The day, by the clocks of the destination.
        day: Day,
        /// How often what happened.
        counts: Vec<Counted>,
    },
    /// More of an order was sold elsewhere than could be had.
    OrderOversold {
        /// The order.
        #[serde(flatten)]
        order: OrderName,
        /// What could not be had.
        lines: Vec<OversoldLine>,
    },
    /// The stock of an order is not set aside any more, so nobody may send it before somebody has looked.
    OrderHeld {
        /// The order.
        #[serde(flatten)]
        order: OrderName,
        /// Why, where that was said.
        reason: Option<String>,
    },
    /// Catalog could not reserve the stock of an order.
    OrderRejected {
        /// The order.
        #[serde(flatten)]
        order: OrderName,
        /// Everything that stood against it.
        reasons: Vec<Reason>,
    },
    /// A person or a deadline ended an order.
    OrderCancelled {
        /// The order.
        #[serde(flatten)]
        order: OrderName,
        /// Who or what ended it.
        cause: Cause,
    },
    /// The last piece of a SKU is gone.
    StockDepleted {
        /// The SKU.
        sku: Sku,
        /// Units that can still be sold: none, or negative where more was promised.
        available: i64,
    },
    /// Somebody wants to give pieces of an order back.
    ReturnRequested {
        /// The order.
        #[serde(flatten)]
        order: OrderName,
        /// The return.
        return_id: ReturnId,
        /// Pieces that are to come back.
        units: i64,
        /// Why, where that was said.
        reason: Option<String>,
    },
    /// An import of products ended with rows that were refused, or before its file did.
    ImportFailed {
        /// The import.
        import: ImportId,
        /// Rows that were read.
        rows: u64,
        /// Rows that were refused.
        failed: u64,
        /// Why it ended before the file did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// The available stock got to its threshold or below.
    StockLow {
        /// The SKU that is running out.
        sku: Sku,
        /// Units that can still be sold.
        available: i64,
        /// The level at which the warning is given.
        threshold: i64,
    },
    /// The stock of an order is reserved, and the order stands.
    OrderConfirmed {
        /// The order.
        #[serde(flatten)]
        order: OrderName,
        /// The sum of its lines.
        total: Money,
    },
    /// A shopper placed an order.
    OrderPlaced {
        /// The order.
        #[serde(flatten)]
        order: OrderName,
        /// Number of lines.
        lines: u32,
        /// Units over all lines.
        units: i64,
        /// The sum of its lines.
        total: Money,
        /// The shopper's own name for the order.
        reference: Option<String>,
    },
}

impl FactKind {
    /// The name in the column `kind`, in the fact's JSON and in metrics: `order-rejected`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// How much facts of this kind matter.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::OrderOversold | Self::OrderHeld => Severity::Critical,
            Self::OrderRejected
            | Self::OrderCancelled
            | Self::StockDepleted
            | Self::ReturnRequested
            | Self::ImportFailed
            | Self::StockLow => Severity::Warning,
            Self::Linked
            | Self::Test
            | Self::ActionAnswered
            | Self::Heartbeat
            | Self::OrderConfirmed
            | Self::OrderPlaced => Severity::Info,
        }
    }

    /// Whether facts of this kind wait for quiet hours to end and for digests.
    #[must_use]
    pub fn waits(self) -> bool {
        !self.is_about_the_destination() && self.severity() < Severity::Critical
    }

    /// Whether many facts of this kind become a number.
    #[must_use]
    pub fn collapses(self) -> bool {
        !self.is_about_the_destination() && self.severity() == Severity::Info
    }

    /// The kinds that are told at once, whatever the clock says.
    #[must_use]
    pub fn urgent() -> Vec<&'static str> {
        let kinds = <Self as strum::VariantNames>::VARIANTS.iter().copied();
        kinds.filter(|name| Self::parse(name).is_ok_and(|kind| !kind.waits())).collect()
    }

    /// Whether it is about the destination itself or was asked for there, which no rule leaves out.
    #[must_use]
    pub const fn is_about_the_destination(self) -> bool {
        matches!(self, Self::Linked | Self::Test | Self::ActionAnswered | Self::Heartbeat)
    }

    /// Reads the name.
    ///
    /// # Errors
    /// When there is no such kind.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        kernel::parse_name("kind", text)
    }
}

impl Fact {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> FactKind {
        self.into()
    }

    /// The order that it is about; none where it is about something else.
    #[must_use]
    pub fn order(&self) -> Option<OrderId> {
        match self {
            Self::OrderPlaced { order, .. }
            | Self::OrderConfirmed { order, .. }
            | Self::OrderRejected { order, .. }
            | Self::OrderCancelled { order, .. }
            | Self::OrderOversold { order, .. }
            | Self::OrderHeld { order, .. }
            | Self::ReturnRequested { order, .. } => Some(order.order),
            Self::Linked { .. }
            | Self::Test
            // An answer stands for itself, whatever became of the order's other messages.
            | Self::ActionAnswered { .. }
            | Self::Heartbeat { .. }
            | Self::ImportFailed { .. }
            | Self::StockDepleted { .. }
            | Self::StockLow { .. } => None,
        }
    }

    /// Its amount of money, for the kinds whose amounts can be added up.
    #[must_use]
    pub fn total(&self) -> Option<Money> {
        match self {
            Self::OrderPlaced { total, .. } | Self::OrderConfirmed { total, .. } => Some(*total),
            Self::Linked { .. }
            | Self::Test
            | Self::ActionAnswered { .. }
            | Self::Heartbeat { .. }
            | Self::OrderOversold { .. }
            | Self::OrderHeld { .. }
            | Self::OrderRejected { .. }
            | Self::OrderCancelled { .. }
            | Self::StockDepleted { .. }
            | Self::ReturnRequested { .. }
            | Self::ImportFailed { .. }
            | Self::StockLow { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const ORDER: &str = "ord_01h455vb4pex5vsknk084sn02q";
    const IMPORT: &str = "imp_01h455vb4pex5vsknk084sn02q";
    const RETURN: &str = "ret_01h455vb4pex5vsknk084sn02q";

    fn usd(amount: &str) -> Value {
        json!({ "amount": amount, "currency": "USD" })
    }

    /// Every fact as the first version that knew it stored it.
    fn stored() -> Vec<Value> {
        let mut rows = vec![
            json!({ "kind": "order-placed", "order": ORDER, "lines": 2, "units": 3, "total": usd("30.00"), "reference": null }),
            json!({ "kind": "order-placed", "order": ORDER, "lines": 1, "units": 1, "total": usd("0.05"), "reference": "web-17" }),
            json!({ "kind": "order-confirmed", "order": ORDER, "total": usd("30.00") }),
            json!({ "kind": "order-rejected", "order": ORDER, "reasons": [
                { "reason": "unknown-sku", "sku": "TEA-1" },
                { "reason": "out-of-stock", "sku": "TEA-1", "requested": 5, "available": 2 },
                { "reason": "price-changed", "sku": "TEA-1", "offered": usd("10.00"), "current": usd("12.50") },
                { "reason": "not-for-sale", "sku": "TEA-1" },
                { "reason": "order-cancelled" },
            ] }),
            json!({ "kind": "order-rejected", "order": ORDER, "reasons": [{ "reason": "not-in-channel", "sku": "TEA-1" }] }),
            json!({ "kind": "stock-low", "sku": "TEA-1", "available": 3, "threshold": 5 }),
            json!({ "kind": "linked", "name": "Operations" }),
            json!({ "kind": "test" }),
            json!({ "kind": "action-answered", "order": ORDER, "number": 1001, "step": "cancel", "refused": null, "status": "cancelled" }),
            json!({ "kind": "action-answered", "order": ORDER, "number": null, "step": "pack", "refused": "not-permitted", "status": null }),
            json!({ "kind": "import-failed", "import": IMPORT, "rows": 1200, "failed": 7 }),
            json!({ "kind": "import-failed", "import": IMPORT, "rows": 10, "failed": 0, "reason": "the service is stopping" }),
            json!({ "kind": "heartbeat", "day": "2026-11-27", "counts": [{ "of": "order-placed", "facts": 3 }] }),
            json!({ "kind": "stock-depleted", "sku": "TEA-1", "available": -1 }),
            json!({ "kind": "order-oversold", "order": ORDER, "lines": [{ "sku": "TEA-1", "quantity": 2 }] }),
            json!({ "kind": "order-held", "order": ORDER, "reason": null }),
            json!({ "kind": "return-requested", "order": ORDER, "return_id": RETURN, "units": 2, "reason": "too small" }),
        ];
        rows.push(json!({ "kind": "order-confirmed", "order": ORDER, "number": 1001, "total": usd("30.00") }));
        for cause in ["shopper", "staff", "deadline", "reservation-expired"] {
            rows.push(json!({ "kind": "order-cancelled", "order": ORDER, "cause": cause }));
        }
        rows
    }

    #[test]
    fn what_an_earlier_version_stored_is_read_and_is_still_written_so() {
        for row in stored() {
            let fact: Fact = serde_json::from_value(row.clone()).unwrap_or_else(|error| panic!("{row}: {error}"));
            assert_eq!(serde_json::to_value(&fact).unwrap(), row);
            assert_eq!(row["kind"], fact.kind().as_str());
        }
    }
}

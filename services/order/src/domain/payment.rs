//! Money that was recorded for an order, and money that went back. The rule: what is recorded never changes, and no refund takes more
//! of a payment than is left of it.

use contracts::order::PaymentKind;
use kernel::{Money, PaymentId, RefundId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::wording::Label;

/// Who moves the money. Whoever is connected later gets a name here.
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
    strum::EnumString,
    strum::IntoStaticStr,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Provider {
    /// A person, who writes down what was paid and given back.
    Manual,
    /// The channel where the order was sold, which received the money.
    Channel,
}

/// Money that was received or promised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Payment {
    /// Its identity.
    pub id: PaymentId,
    /// Whether the money is there.
    pub kind: PaymentKind,
    /// Who moved it.
    pub provider: Provider,
    /// How it was paid: cash, bank transfer.
    pub method: Label,
    /// The payer's or the bank's reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Label>,
    /// How much.
    pub amount: Money,
}

/// Money that was given back of a payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Refund {
    /// Its identity.
    pub id: RefundId,
    /// The payment that it is of.
    pub payment: PaymentId,
    /// How it was given back.
    pub method: Label,
    /// The payee's or the bank's reference.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<Label>,
    /// How much.
    pub amount: Money,
}

/// A payment with the time of its recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedPayment {
    /// The payment.
    #[serde(flatten)]
    pub payment: Payment,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// A refund with the time of its recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordedRefund {
    /// The refund.
    #[serde(flatten)]
    pub refund: Refund,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

//! Money that was recorded for an order, money that went back, and the port to whoever moves it. The rules: what is recorded never
//! changes, no refund takes more of a payment than is left of it, and nothing is recorded that the provider did not move.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use aws_lc_rs::digest;
use contracts::order::PaymentKind;
use kernel::{Money, OrderId, OrganisationId, PaymentId, RefundId, Timestamp};
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
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Provider {
    /// A person, who writes down what was paid and given back.
    Manual,
    /// The channel where the order was sold, which received the money.
    Channel,
}

/// The port to whoever moves the money of orders.
///
/// It is asked while the order is locked, after everything else was checked and before anything is written: what it moved is recorded,
/// and what it did not move is not. A client that repeats its request, and a transaction that is tried again, ask again under the same
/// name. So a provider moves the money of one name once, and answers the same each time.
pub trait PaymentProvider: fmt::Debug + Send + Sync {
    /// The name under which its payments are recorded.
    fn name(&self) -> Provider;

    /// Takes in, or has promised, what the payment says.
    fn receive<'a>(&'a self, request: &'a MoneyRequest, payment: &'a Payment) -> Moving<'a>;

    /// Gives back what the refund says, of a payment that it took in.
    fn give_back<'a>(&'a self, request: &'a MoneyRequest, refund: &'a Refund) -> Moving<'a>;
}

/// One request to move money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoneyRequest {
    /// The order that it is about.
    pub order: OrderId,
    /// Its name: 64 characters, the same whenever the same caller asks for the same under the same key, and of no other request.
    pub name: String,
}

impl MoneyRequest {
    /// The request to move this amount that somebody makes. `scope` names who asks for what and under which key: the caller, the operation,
    /// the key. A key is good for another request where the first was refused, so the order and the amount count as well.
    #[must_use]
    pub fn of(organisation: OrganisationId, scope: [&str; 3], order: OrderId, amount: Money) -> Self {
        let scope = format!("{organisation}\n{}\n{order}\n{amount}", scope.join("\n"));
        let digest = digest::digest(&digest::SHA256, scope.as_bytes());
        Self { order, name: digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect() }
    }
}

/// What a provider is at.
pub type Moving<'a> = Pin<Box<dyn Future<Output = Result<(), NotMoved>> + Send + 'a>>;

/// Why a provider moved nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotMoved {
    /// It will not, for this reason in words.
    Refused(String),
    /// It does not answer, or cannot for now; the same may be asked again.
    Away(String),
}

/// People, who have moved the money before they write it down.
#[derive(Debug, Clone, Copy)]
pub struct Manual;

impl PaymentProvider for Manual {
    fn name(&self) -> Provider {
        Provider::Manual
    }

    fn receive<'a>(&'a self, _request: &'a MoneyRequest, _payment: &'a Payment) -> Moving<'a> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn give_back<'a>(&'a self, _request: &'a MoneyRequest, _refund: &'a Refund) -> Moving<'a> {
        Box::pin(std::future::ready(Ok(())))
    }
}

/// The providers that this installation has: the one by which payments are taken in, and people.
#[derive(Debug, Clone)]
pub struct Payments(Arc<dyn PaymentProvider>);

impl Payments {
    /// Takes payments in by this provider.
    #[must_use]
    pub fn by(provider: impl PaymentProvider + 'static) -> Self {
        Self(Arc::new(provider))
    }

    /// By whom payments are taken in.
    #[must_use]
    pub fn provider(&self) -> &dyn PaymentProvider {
        &*self.0
    }

    /// Who gives back what was taken in by a provider of this name. People do where it is none that is connected here: a channel, or one
    /// that was connected before.
    #[must_use]
    pub fn of(&self, name: Provider) -> &dyn PaymentProvider {
        if self.0.name() == name { &*self.0 } else { &Manual }
    }
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

//! Money that was recorded for an order, money that went back, and the port to whoever moves it. The rules: what is recorded never
//! changes, no refund takes more of a payment than is left of it, and nothing is recorded that the provider did not move.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use aws_lc_rs::digest;
use contracts::order::PaymentKind;
use kernel::{Id, Kind, Money, OrderId, OrganisationId, PaymentId, RefundId, Timestamp};
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
/// and what it did not move is not. A client that repeats its request, and a transaction that is tried again, ask again with the same
/// request. So a provider moves the money of one key once, and answers the same each time.
pub trait PaymentProvider: fmt::Debug + Send + Sync {
    /// The name under which its payments are recorded.
    fn name(&self) -> Provider;

    /// Moves the money.
    fn carry_out<'a>(&'a self, request: &'a MoneyRequest) -> Moving<'a>;
}

/// What is to become of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// It is promised: the payer's account sets it aside.
    Authorise,
    /// It is taken in.
    Capture,
    /// It goes back to the payer, by this refund.
    Refund(RefundId),
}

/// One request to move money. All of it is the same when the request is repeated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MoneyRequest {
    /// The order that it is about.
    pub order: OrderId,
    /// The payment that is made, or of which money goes back.
    pub payment: PaymentId,
    /// What is to be done.
    pub movement: Movement,
    /// How it is paid or given back.
    pub method: Label,
    /// How much.
    pub amount: Money,
    /// The idempotency key for the provider, written as 64 hexadecimal digits: of no other request.
    pub key: RequestKey,
}

/// What makes a request to move money the same request: who asks for what, of which order, under which idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestKey([u8; 32]);

impl RequestKey {
    /// The key of the request that somebody makes. `scope` is the caller, the operation, and the caller's own key. That is good for another
    /// request where the first was refused, so the order, what is asked for and the amount count as well.
    #[must_use]
    pub fn of(organisation: OrganisationId, scope: [&str; 3], order: OrderId, what: &str, amount: Money) -> Self {
        let scope = format!("{organisation}\n{}\n{order}\n{what}\n{amount}", scope.join("\n"));
        let digest = digest::digest(&digest::SHA256, scope.as_bytes());
        let mut key = [0; 32];
        key.iter_mut().zip(digest.as_ref()).for_each(|(byte, of_digest)| *byte = *of_digest);
        Self(key)
    }

    /// The identity of what the request makes, so that a repeat makes the same thing.
    #[must_use]
    pub fn id<K: Kind>(&self) -> Id<K> {
        let mut bytes = [0; 16];
        bytes.iter_mut().zip(self.0).for_each(|(byte, of_key)| *byte = of_key);
        Id::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }
}

impl fmt::Display for RequestKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}

/// What a provider is at.
pub type Moving<'a> = Pin<Box<dyn Future<Output = Result<Moved, NotMoved>> + Send + 'a>>;

/// What a provider says of money that it moved.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// Its own name of the movement, by which it is asked about it.
    pub reference: Option<Label>,
}

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

    fn carry_out<'a>(&'a self, _request: &'a MoneyRequest) -> Moving<'a> {
        Box::pin(std::future::ready(Ok(Moved::default())))
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
    /// What the provider calls it; none where people moved the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_reference: Option<Label>,
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
    /// What the provider calls it; none where people moved the money.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_reference: Option<Label>,
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

#[cfg(test)]
mod tests {
    use kernel::Currency;

    use super::*;

    #[test]
    fn a_request_has_one_key_and_another_request_another() {
        let (organisation, order) = (OrganisationId::new(), OrderId::new());
        let money = |minor| Money::from_minor(minor, Currency::parse("USD").unwrap()).unwrap();
        let key = |key: &str, order, what: &str, minor| {
            RequestKey::of(organisation, ["usr_1", "order.record-payment", key], order, what, money(minor))
        };
        let first = key("one", order, "received", 990);
        assert_eq!(first, key("one", order, "received", 990));
        let made = |key: RequestKey| -> PaymentId { key.id() };
        assert_eq!(made(first), made(key("one", order, "received", 990)));
        let others = [
            key("two", order, "received", 990),
            key("one", OrderId::new(), "received", 990),
            key("one", order, "authorised", 990),
            key("one", order, "received", 991),
        ];
        for other in others {
            assert!(first != other && made(first) != made(other), "{first} and {other}");
        }
        assert!(first.to_string().len() == 64 && first.to_string().bytes().all(|digit| digit.is_ascii_hexdigit()));
    }
}

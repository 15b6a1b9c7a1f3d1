//! The timeline of an order: what happened to it, who did it, why, and which event made them do it. The rule: entries are only
//! added.

use contracts::{
    catalog::Reason,
    order::{FulfilmentStatus, PaymentStatus, Status},
};
use kernel::{EventId, ParcelId, ReturnId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    addition::{AddedLine, Addition},
    life::Event,
    order::Step,
    parcel::SkuPieces,
    payment::{Payment, Refund},
    wording::{Label, Remark},
};

/// What an entry is about, besides the statuses.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Details {
    /// The pieces that it happened to, or that were asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<SkuPieces>,
    /// Those of them that can be sold again.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub restocked: Vec<SkuPieces>,
    /// Pieces that were promised although they could not be had.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub oversold: Vec<SkuPieces>,
    /// Why catalog could not hold the stock.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The addition, by its number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub addition: Option<i64>,
    /// The parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parcel: Option<ParcelId>,
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Label>,
    /// The carrier's number of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<Label>,
    /// The return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_id: Option<ReturnId>,
    /// The payment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment: Option<Payment>,
    /// The refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund: Option<Refund>,
    /// What somebody wrote down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<Remark>,
}

impl Details {
    pub(super) fn of(step: &Step) -> Self {
        let lines = step.moved.iter().map(|line| SkuPieces { sku: line.sku.clone(), quantity: line.quantity });
        let back = step.restocked.iter().map(|line| SkuPieces { sku: line.sku.clone(), quantity: line.quantity });
        let addition = step.addition.as_ref();
        let details = Self {
            lines: lines.collect(),
            restocked: back.collect(),
            addition: addition.map(|addition| addition.number),
            ..Self::default()
        };
        match &step.event {
            Event::Rejected(reasons) => Self { reasons: reasons.clone(), ..details },
            Event::AdditionRequested(_) => Self { lines: addition.map(asked_for).unwrap_or_default(), ..details },
            Event::AdditionRefused(_, reasons) => Self { reasons: reasons.clone(), ..details },
            Event::Shipped(dispatch) => Self {
                parcel: Some(dispatch.id),
                carrier: dispatch.carrier.clone(),
                tracking_number: dispatch.tracking_number.clone(),
                ..details
            },
            Event::Delivered(parcel) => Self { parcel: Some(*parcel), ..details },
            Event::ReturnRequested(id)
            | Event::ReturnApproved(id)
            | Event::ReturnDeclined(id)
            | Event::Returned { id, .. } => Self { return_id: Some(*id), ..details },
            Event::PaymentRecorded(payment) => Self { payment: Some(payment.clone()), ..details },
            Event::Refunded(refund) => Self { refund: Some(refund.clone()), ..details },
            Event::NoteAdded(note) => Self { note: Some(note.clone()), ..details },
            Event::Oversold(lines) => Self { oversold: lines.clone(), ..details },
            Event::Confirmed
            | Event::Cancelled(_)
            | Event::LinesCancelled(_)
            | Event::Edited
            | Event::AdditionGiven(_)
            | Event::AdditionWithdrawn(_)
            | Event::Held
            | Event::Released
            | Event::CancellationRequested
            | Event::CancellationDeclined
            | Event::Packed
            | Event::Claimed(_)
            | Event::ContactErased
            | Event::Completed => details,
        }
    }
}

fn asked_for(addition: &Addition) -> Vec<SkuPieces> {
    let pieces = |line: &AddedLine| SkuPieces { sku: line.goods.sku.clone(), quantity: line.quantity };
    addition.lines.iter().map(pieces).collect()
}

/// A change of an order as its shopper follows it: without who did it, what was said about it and what moved money.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Transition {
    /// The order's version that it led to.
    pub version: i64,
    /// What happened: `packed`, `lines-cancelled`; absent in entries of an older release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// Where the order stands.
    pub status: Status,
    /// Whether it is paid for; absent in entries of an older release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_status: Option<PaymentStatus>,
    /// Whether the goods have left; absent in entries of an older release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fulfilment_status: Option<FulfilmentStatus>,
    /// The pieces that it happened to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<SkuPieces>,
    /// Why it was rejected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reasons: Vec<Reason>,
    /// The parcel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parcel: Option<ParcelId>,
    /// Who carries it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<Label>,
    /// The carrier's number of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracking_number: Option<Label>,
    /// The return.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub return_id: Option<ReturnId>,
    /// When it happened.
    pub occurred_at: Timestamp,
}

/// One entry of the timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimelineEntry {
    /// The order's version that it led to; the same number that the event carries.
    pub version: i64,
    /// The status before; absent for the beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Status>,
    /// The status after.
    pub to: Status,
    /// Whether it was paid for then; absent in entries of an older release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payment_status: Option<PaymentStatus>,
    /// Whether the goods had left then; absent in entries of an older release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fulfilment_status: Option<FulfilmentStatus>,
    /// What happened: `packed`, `lines-cancelled`; absent in entries that an older release is still writing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// What led to it: `staff`, `shopper`, `deadline`, `ship`.
    pub cause: String,
    /// Who did it: a member's, an API key's or a customer's id, `shopper` for a guest, `system:order` for the service itself.
    pub actor: String,
    /// The event of another service that led to it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_event: Option<EventId>,
    /// Why, in somebody's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Remark>,
    /// What it was about.
    #[serde(flatten)]
    pub details: Details,
    /// When it happened.
    pub occurred_at: Timestamp,
}

impl TimelineEntry {
    /// The entry as the order's shopper sees it; `None` for what is the staff's own, such as a note.
    #[must_use]
    pub fn for_shopper(self) -> Option<Transition> {
        let Details { lines, reasons, parcel, carrier, tracking_number, return_id, note, .. } = self.details;
        note.is_none().then_some(Transition {
            version: self.version,
            event: self.event,
            status: self.to,
            payment_status: self.payment_status,
            fulfilment_status: self.fulfilment_status,
            lines,
            reasons,
            parcel,
            carrier,
            tracking_number,
            return_id,
            occurred_at: self.occurred_at,
        })
    }
}

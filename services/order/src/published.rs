//! Domain → contract: the life of an order, published on `order.order.v1`, and its wait before that, on `order.intake.v1`, both under
//! the order's id; and what became of what people asked for in a chat, on `order.outcome.v1`.
//! The rule: only the shape changes here; nothing is decided.

use contracts::order::{self, IntakeEvent, OrderEvent, OutcomeEvent, Source, Standing};
use kernel::{ActionId, DestinationId, OrderId, SignedMoney};

use crate::domain::{
    AddedLine, ChatStep, Dispatch, Event, Line, OrderView, Outcome, Payment, PriceSource, Refund, SkuPieces, Step,
};

/// The beginning of an order, as other services read it.
#[must_use]
pub fn placed(view: &OrderView, standing: Standing) -> OrderEvent {
    order::Placed {
        order: view.id,
        lines: view.lines.iter().map(line).collect(),
        total: view.total,
        placed_at: view.placed_at,
        deadline_at: view.deadline_at,
        shopper_reference: view.reference.as_ref().map(|reference| reference.as_str().to_owned()),
        // What was sold elsewhere was listed and priced there.
        priced_in: (view.source != Source::Import).then(|| view.channel.clone()),
        standing: Some(Box::new(standing)),
    }
    .into()
}

/// An order that was taken in, as this service itself reads it.
#[must_use]
pub fn queued(order: OrderId) -> IntakeEvent {
    order::Queued { order }.into()
}

/// What became of a step, as whoever asked for it hears of it.
#[must_use]
pub fn outcome(
    (action, order, step, destination): (ActionId, OrderId, ChatStep, Option<DestinationId>),
    outcome: Outcome,
) -> OutcomeEvent {
    match outcome {
        Outcome::Done { number, status } => order::StepDone { action, order, step, destination, number, status }.into(),
        Outcome::Refused { reason, stands } => {
            let (number, status) = stands.map_or((None, None), |(number, status)| (number, Some(status)));
            order::StepRefused { action, order, step, destination, reason, number, status }.into()
        }
    }
}

fn line(line: &Line) -> order::OrderLine {
    order::OrderLine {
        sku: line.sku.clone(),
        product: line.product,
        variant: line.variant,
        product_version: line.product_version,
        quantity: line.quantity,
        unit_price: line.unit_price,
        price_given: line.price_source != PriceSource::Catalog,
    }
}

fn added_line(line: &AddedLine) -> order::OrderLine {
    order::OrderLine {
        sku: line.goods.sku.clone(),
        product: line.goods.product,
        variant: line.goods.variant,
        product_version: line.goods.product_version,
        quantity: line.quantity,
        unit_price: line.unit_price,
        price_given: line.price_given(),
    }
}

/// A step of an order's life, as other services read it.
#[must_use]
pub fn event(step: Step) -> OrderEvent {
    let (order, lines, standing) = (step.order, step.moved, Box::new(step.standing));
    let reason = step.reason.map(|reason| reason.to_string());
    match step.event {
        Event::Confirmed => {
            let total = standing.total;
            order::Confirmed { order, total, standing: Some(standing) }.into()
        }
        Event::Rejected(reasons) => order::Rejected { order, reasons, standing: Some(standing) }.into(),
        Event::Cancelled(cause) => order::Cancelled { order, cause, reason, lines, standing: Some(standing) }.into(),
        Event::LinesCancelled(cause) => order::LinesCancelled { order, cause, reason, lines, standing }.into(),
        Event::Edited => order::Edited { order, reason, addition: None, lines, standing }.into(),
        Event::AdditionGiven(number) => order::Edited { order, reason, addition: Some(number), lines, standing }.into(),
        Event::AdditionRequested(number) => {
            let lines = step.addition.iter().flat_map(|addition| &addition.lines).map(added_line).collect();
            let priced_in = Some(standing.channel.clone());
            order::AdditionRequested { order, number, reason, lines, priced_in, standing }.into()
        }
        Event::AdditionRefused(number, reasons) => {
            order::AdditionRefused { order, number, reasons, withdrawn: false, reason: None, standing }.into()
        }
        Event::AdditionWithdrawn(number) => {
            order::AdditionRefused { order, number, reasons: Vec::new(), withdrawn: true, reason, standing }.into()
        }
        Event::Held => order::Held { order, reason, standing }.into(),
        Event::Released => order::Released { order, reason, standing }.into(),
        Event::CancellationRequested => order::CancellationRequested { order, reason, standing }.into(),
        Event::CancellationDeclined => order::CancellationDeclined { order, reason, standing }.into(),
        Event::Packed => order::Packed { order, lines, standing }.into(),
        Event::Shipped(Dispatch { id, carrier, tracking_number }) => order::Shipped {
            order,
            parcel: id,
            carrier: carrier.map(|carrier| carrier.to_string()),
            tracking_number: tracking_number.map(|number| number.to_string()),
            lines,
            standing,
        }
        .into(),
        Event::Delivered(parcel) => order::Delivered { order, parcel, lines, standing }.into(),
        Event::Completed => order::Completed { order, standing }.into(),
        Event::ReturnRequested(return_id) => {
            order::ReturnRequested { order, return_id, reason, lines, standing }.into()
        }
        Event::ReturnApproved(return_id) => order::ReturnApproved { order, return_id, standing }.into(),
        Event::ReturnDeclined(return_id) => order::ReturnDeclined { order, return_id, reason, standing }.into(),
        Event::Returned { id, .. } => {
            order::Returned { order, return_id: id, lines, restocked: step.restocked, standing }.into()
        }
        Event::PaymentRecorded(Payment { id, kind, method, reference, amount, .. }) => order::PaymentRecorded {
            order,
            payment: id,
            kind,
            method: method.to_string(),
            reference: reference.map(|reference| reference.to_string()),
            amount,
            standing,
        }
        .into(),
        Event::Refunded(Refund { id, payment, method, reference, amount }) => order::Refunded {
            order,
            refund: id,
            payment,
            method: method.to_string(),
            reference: reference.map(|reference| reference.to_string()),
            reason,
            amount: SignedMoney::from(amount).opposite(),
            standing,
        }
        .into(),
        Event::Claimed(customer) => order::Claimed { order, customer, standing }.into(),
        Event::ContactErased => order::ContactErased { order, standing }.into(),
        Event::Oversold(pieces) => {
            let line = |pieces: SkuPieces| order::OversoldLine { sku: pieces.sku, quantity: pieces.quantity };
            order::Oversold { order, lines: pieces.into_iter().map(line).collect(), standing }.into()
        }
        Event::NoteAdded(text) => order::NoteAdded { order, text: text.to_string(), standing }.into(),
    }
}

//! Orders that were sold elsewhere and arrive here, wherever they stand by then. The rule: an import reaches its status by the steps
//! that lead there, each decided as if somebody took it; what cannot be reached any more is left as it is.

use contracts::order::{PaymentKind, StockPolicy};
use kernel::{Money, ParcelId, PaymentId, ReturnId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    life::{Action, Receipt, Trigger},
    order::{Order, Step},
    parcel::{Dispatch, SkuPieces},
    payment::{Payment, Provider},
    wording::{Label, Remark},
};
use crate::error::Error;

/// What the channel said of an order that was sold there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SoldElsewhere {
    /// The channel's own name of the order; no two of one organisation and channel have the same.
    pub external_reference: Label,
    /// The channel's own word for where it stands.
    pub raw_status: Label,
    /// When the channel said so.
    pub raw_status_at: Timestamp,
    /// What it takes from stock.
    pub stock: StockPolicy,
}

/// Where an order stands that arrives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalStatus {
    /// It is to be fulfilled.
    #[default]
    Confirmed,
    /// It must not be fulfilled for now.
    OnHold,
    /// Every piece is packed.
    Packed,
    /// Every piece has left.
    Shipped,
    /// Every piece has arrived.
    Delivered,
    /// Nothing more is expected of it.
    Completed,
    /// The buyer asked to cancel it.
    CancelRequested,
    /// What had not left was cancelled.
    Cancelled,
    /// Everything is to come back.
    ReturnRequested,
    /// Everything came back.
    Returned,
}

/// What an import says of the life of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Where it stands.
    pub status: ArrivalStatus,
    /// Who carries what left.
    pub carrier: Option<Label>,
    /// The carrier's number of it.
    pub tracking_number: Option<Label>,
    /// What the channel received for it.
    pub paid: Option<Money>,
    /// Whether what came back can be sold again.
    pub restocked: bool,
}

/// What is still open of an order.
#[derive(Debug, Default)]
pub struct Open {
    /// Parcels that have not arrived.
    pub parcels: Vec<(ParcelId, Vec<SkuPieces>)>,
    /// Returns that nobody has settled.
    pub returns: Vec<(ReturnId, Vec<SkuPieces>)>,
}

/// A return that an import made or settled.
#[derive(Debug)]
pub struct ArrivedReturn {
    /// The return that was made here, or that was open.
    pub id: ReturnId,
    /// What is to come back.
    pub lines: Vec<SkuPieces>,
    /// What came back and can be sold again, and what came back and cannot; none while nothing has.
    pub received: Option<(Vec<SkuPieces>, Vec<SkuPieces>)>,
}

/// The steps that an import took with an order, and what they made.
#[derive(Debug, Default)]
pub struct Walk {
    /// The steps, in their order.
    pub steps: Vec<Step>,
    /// Parcels that left.
    pub parcels: Vec<(Dispatch, Vec<SkuPieces>)>,
    /// Parcels that arrived, of these and of earlier ones.
    pub delivered: Vec<ParcelId>,
    /// Returns that were made or settled.
    pub returns: Vec<ArrivedReturn>,
    /// Money that the channel received.
    pub payments: Vec<Payment>,
}

impl Walk {
    fn take(&mut self, order: &mut Order, on: Trigger, reason: Option<Remark>) -> Result<Vec<SkuPieces>, Error> {
        let step = order.take(on, reason)?;
        let lines = step.as_ref().map(|step| step.details().lines).unwrap_or_default();
        self.steps.extend(step);
        Ok(lines)
    }
}

impl Arrival {
    /// The way of an order that was just placed to where it stands.
    ///
    /// # Errors
    /// `Corrupt` when an amount cannot be told.
    pub fn arrive(&self, order: &mut Order) -> Result<Walk, Error> {
        let mut walk = Walk::default();
        walk.take(order, Trigger::SoldElsewhere, None)?;
        self.receive(order, &mut walk)?;
        self.follow(order, Open::default(), &mut walk)?;
        Ok(walk)
    }

    /// The way of an order that arrived before, of which the channel said something newer.
    ///
    /// # Errors
    /// As [`Self::arrive`].
    pub fn resume(&self, order: &mut Order, said: &Label, open: Open) -> Result<Walk, Error> {
        let mut walk = Walk::default();
        let note = Remark::parse(&format!("{} says: {said}", order.channel))?;
        walk.take(order, Trigger::AddNote(note), None)?;
        self.receive(order, &mut walk)?;
        self.follow(order, open, &mut walk)?;
        Ok(walk)
    }

    /// What the channel has received in all, less what is recorded already.
    fn receive(&self, order: &mut Order, walk: &mut Walk) -> Result<(), Error> {
        let Some(paid) = self.paid else { return Ok(()) };
        let more = paid.minor().saturating_sub(order.life.funds.received);
        if more <= 0 {
            return Ok(());
        }
        let amount = Money::from_minor(more, paid.currency())?;
        let method = Label::parse(order.channel.as_str())?;
        let (kind, provider) = (PaymentKind::Received, Provider::Channel);
        let payment =
            Payment { id: PaymentId::new(), kind, provider, method, reference: None, provider_reference: None, amount };
        walk.take(order, Trigger::RecordPayment(payment.clone()), None)?;
        walk.payments.push(payment);
        Ok(())
    }

    fn follow(&self, order: &mut Order, mut open: Open, walk: &mut Walk) -> Result<(), Error> {
        match self.status {
            ArrivalStatus::Confirmed => {}
            ArrivalStatus::OnHold => self.once(order, walk, Action::Hold, Trigger::Hold)?,
            ArrivalStatus::Packed => self.once(order, walk, Action::Pack, Trigger::Pack(None))?,
            ArrivalStatus::CancelRequested => {
                self.once(order, walk, Action::RequestCancellation, Trigger::RequestCancellation)?;
            }
            ArrivalStatus::Cancelled => {
                self.once(order, walk, Action::Cancel, Trigger::StaffCancelsLines(None))?;
            }
            ArrivalStatus::Shipped => self.send(order, &mut open, walk)?,
            ArrivalStatus::Delivered => self.deliver(order, &mut open, walk)?,
            ArrivalStatus::Completed => {
                self.deliver(order, &mut open, walk)?;
                self.once(order, walk, Action::Complete, Trigger::Complete)?;
            }
            ArrivalStatus::ReturnRequested => self.ask_back(order, &mut open, walk)?,
            ArrivalStatus::Returned => self.take_back(order, &mut open, walk)?,
        }
        Ok(())
    }

    /// A step, where it can be taken.
    fn once(&self, order: &mut Order, walk: &mut Walk, action: Action, on: Trigger) -> Result<(), Error> {
        if !order.life.permits(action) {
            return Ok(());
        }
        let reason = (action == Action::Cancel).then(|| Remark::parse(&format!("cancelled on {}", order.channel)));
        walk.take(order, on, reason.transpose()?).map(drop)
    }

    /// Everything leaves that has not. What has left elsewhere is not held back here.
    fn send(&self, order: &mut Order, open: &mut Open, walk: &mut Walk) -> Result<(), Error> {
        if order.has_unsent() {
            self.once(order, walk, Action::DeclineCancellation, Trigger::DeclineCancellation)?;
            self.once(order, walk, Action::Release, Trigger::Release)?;
        }
        if !order.life.permits(Action::Ship) {
            return Ok(());
        }
        let (carrier, tracking_number) = (self.carrier.clone(), self.tracking_number.clone());
        let dispatch = Dispatch { id: ParcelId::new(), carrier, tracking_number };
        let lines = walk.take(order, Trigger::Ship(None, dispatch.clone()), None)?;
        open.parcels.push((dispatch.id, lines.clone()));
        walk.parcels.push((dispatch, lines));
        Ok(())
    }

    fn deliver(&self, order: &mut Order, open: &mut Open, walk: &mut Walk) -> Result<(), Error> {
        self.send(order, open, walk)?;
        for (id, lines) in std::mem::take(&mut open.parcels) {
            let selection = order.selection(&lines)?;
            walk.take(order, Trigger::Deliver(selection, id), None)?;
            walk.delivered.push(id);
        }
        Ok(())
    }

    fn ask_back(&self, order: &mut Order, open: &mut Open, walk: &mut Walk) -> Result<(), Error> {
        self.deliver(order, open, walk)?;
        if !order.life.permits(Action::RequestReturn) {
            return Ok(());
        }
        let id = ReturnId::new();
        let lines = walk.take(order, Trigger::RequestReturn(order.life.returnable(), id), None)?;
        open.returns.push((id, lines.clone()));
        walk.returns.push(ArrivedReturn { id, lines, received: None });
        Ok(())
    }

    fn take_back(&self, order: &mut Order, open: &mut Open, walk: &mut Walk) -> Result<(), Error> {
        self.ask_back(order, open, walk)?;
        for (id, lines) in std::mem::take(&mut open.returns) {
            let requested = order.selection(&lines)?;
            let lost = if self.restocked { vec![0; requested.len()] } else { requested.clone() };
            let receipt = Receipt { id, requested: requested.clone(), returned: requested, written_off: lost };
            walk.take(order, Trigger::ReceiveReturn(receipt), None)?;
            let received = if self.restocked { (lines.clone(), Vec::new()) } else { (Vec::new(), lines.clone()) };
            match walk.returns.iter_mut().find(|made| made.id == id) {
                Some(made) => made.received = Some(received),
                None => walk.returns.push(ArrivedReturn { id, lines, received: Some(received) }),
            }
        }
        Ok(())
    }
}

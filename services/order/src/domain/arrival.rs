//! Orders that were sold elsewhere and arrive here, wherever they stand by then. The rule: an import reaches its status by the steps
//! that lead there, each decided as if somebody took it; what cannot be reached any more is left as it is.

use contracts::order::{PaymentKind, Status, StockPolicy};
use kernel::{Money, ParcelId, PaymentId, ReturnId, Sku, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    life::{Action, LineLife, Receipt, Selection, Side, Trigger},
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArrivalStatus {
    /// It is to be fulfilled. What the channel held back or asked to cancel before, it does not any more.
    Confirmed,
    /// The channel says that it must not be fulfilled for now.
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

impl ArrivalStatus {
    /// How far along it is, on the scale of [`progress`].
    fn progress(self) -> u8 {
        progress(match self {
            Self::Confirmed => Status::Confirmed,
            Self::OnHold => Status::OnHold,
            Self::Packed => Status::Packed,
            Self::Shipped => Status::Shipped,
            Self::Delivered => Status::Delivered,
            Self::Completed => Status::Completed,
            Self::CancelRequested => Status::CancelRequested,
            Self::Cancelled => Status::Cancelled,
            Self::ReturnRequested => Status::ReturnRequested,
            Self::Returned => Status::Returned,
        })
    }
}

/// How far along an order of this status is, from 0.
fn progress(status: Status) -> u8 {
    match status {
        Status::Pending | Status::Confirmed => 0,
        Status::OnHold | Status::CancelRequested => 1,
        Status::Packed => 2,
        Status::Shipped => 3,
        Status::Delivered => 4,
        Status::Completed => 5,
        Status::ReturnRequested => 6,
        Status::Returned | Status::Cancelled | Status::Rejected => 7,
    }
}

/// What an import says of the life of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Where it stands; none where whoever brings it cannot tell by the channel's word, which is kept all the same.
    pub status: Option<ArrivalStatus>,
    /// Pieces that the channel says are packed, where not all of them are.
    pub packed: Vec<SkuPieces>,
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

    /// How far along it says that the order is: of two words of one moment, the one that is further along is the later one.
    #[must_use]
    pub fn progress(&self) -> u8 {
        self.status.map_or(0, ArrivalStatus::progress)
    }

    /// Whether it says that an order of this status is further along.
    #[must_use]
    pub fn is_beyond(&self, status: Status) -> bool {
        self.progress() > progress(status)
    }

    /// The way of an order that arrived before, of which the channel said something newer. `said` is its word, where that is another one
    /// than before.
    ///
    /// # Errors
    /// As [`Self::arrive`].
    pub fn resume(&self, order: &mut Order, said: Option<&Label>, open: Open) -> Result<Walk, Error> {
        let mut walk = Walk::default();
        if let Some(said) = said {
            let note = Remark::parse(&format!("{} says: {said}", order.channel))?;
            walk.take(order, Trigger::AddNote(note), None)?;
        }
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
        let Some(status) = self.status else { return self.pack(order, walk) };
        match status {
            ArrivalStatus::Confirmed => {
                self.go_on(order, walk)?;
                self.pack(order, walk)?;
            }
            ArrivalStatus::OnHold => {
                walk.take(order, Trigger::DeclineCancellation(Side::Channel), None)?;
                self.pack(order, walk)?;
                self.once(order, walk, Action::Hold, Trigger::Hold(Side::Channel))?;
            }
            ArrivalStatus::Packed => {
                self.go_on(order, walk)?;
                self.once(order, walk, Action::Pack, Trigger::Pack(None))?;
            }
            ArrivalStatus::CancelRequested => {
                self.pack(order, walk)?;
                let request = Trigger::RequestCancellation(Side::Channel);
                self.once(order, walk, Action::RequestCancellation, request)?;
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

    /// The channel neither holds it back nor asks to cancel it any more. What was held back or asked for here stays so.
    fn go_on(&self, order: &mut Order, walk: &mut Walk) -> Result<(), Error> {
        walk.take(order, Trigger::DeclineCancellation(Side::Channel), None)?;
        walk.take(order, Trigger::Release(Side::Channel), None)?;
        Ok(())
    }

    /// Packs what the channel says is packed and is not yet, where it can be. SKUs that the order does not have were never its own.
    fn pack(&self, order: &mut Order, walk: &mut Walk) -> Result<(), Error> {
        let said = |sku: &Sku| {
            let pieces = self.packed.iter().filter(|packed| packed.sku == *sku).map(|packed| packed.quantity.get());
            pieces.fold(0, i64::saturating_add)
        };
        let lines = order.goods.iter().zip(&order.life.lines);
        let more: Selection = lines
            .map(|(goods, LineLife { pieces, .. })| {
                said(&goods.sku).min(pieces.ordered - pieces.cancelled).saturating_sub(pieces.packed).max(0)
            })
            .collect();
        if more.iter().all(|count| *count == 0) {
            return Ok(());
        }
        self.once(order, walk, Action::Pack, Trigger::Pack(Some(more)))
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
            let decline = Trigger::DeclineCancellation(Side::Here);
            self.once(order, walk, Action::DeclineCancellation, decline)?;
            self.once(order, walk, Action::Release, Trigger::Release(Side::Here))?;
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

//! The life of an order. The rule: [`decide`] says for every state and every trigger what the order becomes and what is told of it,
//! and nothing else does. The status follows from the state, so no status contradicts where the pieces are.

mod event;
mod trigger;

use contracts::order::{Cause, FulfilmentStatus, PaymentKind, PaymentStatus, Pieces, Source, Status};
use kernel::{Malformed, Quantity};
use strum::VariantArray as _;

use super::amounts::{LinePrice, Range};
use super::line::Line;

pub use event::{Change, Event, Refusal};
pub use trigger::{Action, Asked, Receipt, Requester, Selection, Side, Trigger};

/// What catalog has said about the order's pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opening {
    /// Nothing yet.
    Awaited,
    /// They are held; or the order was cancelled before that, which comes to the same.
    Given,
    /// They cannot be had.
    Refused,
}

/// A line: where its pieces are, and what they come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LineLife {
    /// Where its pieces are.
    pub pieces: Pieces,
    /// What it comes to.
    pub price: LinePrice,
}

/// The money of an order, in minor units of its currency. Each only rises.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Funds {
    /// What was promised.
    pub authorised: i64,
    /// What was received.
    pub received: i64,
    /// What was given back of it.
    pub refunded: i64,
}

/// What the status of an order does not say while something else comes first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// It must not be fulfilled for now, as who says.
    pub held: Option<Side>,
    /// Who asked to cancel it, where somebody has.
    pub asking: Side,
    /// Nothing more is expected of it.
    pub completed: bool,
    /// It was sold elsewhere.
    pub sold_elsewhere: bool,
    /// More of it was promised than could be had.
    pub oversold: bool,
}

/// The whole state of an order, as far as it decides what can happen next.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Life {
    /// What catalog has said.
    pub opening: Opening,
    /// It must not be fulfilled for now. What is held back here stays held back whatever its channel says.
    pub held: Option<Side>,
    /// Somebody asked to cancel it, and nobody has decided.
    pub cancel_requested: Option<Side>,
    /// Nothing more is expected of it.
    pub completed: bool,
    /// It was sold elsewhere: no want of stock undoes that.
    pub sold_elsewhere: bool,
    /// More of it was promised than could be had.
    pub oversold: bool,
    /// What catalog was asked to hold beyond what it has, and has not answered yet.
    pub addition: Option<Asked>,
    /// Its lines.
    pub lines: Vec<LineLife>,
    /// Its money.
    pub funds: Funds,
}

impl LineLife {
    /// A line as it was stored, of an order in this status. What is reserved follows from the rest. A replica of the release before
    /// cancels an order without counting its pieces.
    #[must_use]
    pub fn restore(status: Status, counted: Pieces, price: LinePrice) -> Self {
        let cancelled = if status == Status::Cancelled { counted.ordered } else { counted.cancelled };
        let packed = counted.packed.min(counted.ordered - cancelled);
        let stands = !matches!(status, Status::Pending | Status::Rejected);
        let reserved = if stands { counted.ordered - cancelled - counted.shipped } else { 0 };
        Self { pieces: Pieces { reserved, cancelled, packed, ..counted }, price }
    }
}

impl Life {
    /// A life as it was stored: its status, what the status does not say while something else comes first, its open addition, its lines
    /// and its money. A replica of the release before ends an order without its addition, which is over then all the same.
    ///
    /// # Errors
    /// When no order can be in that state.
    pub fn restore(
        status: Status,
        Marks { held, asking, completed, sold_elsewhere, oversold }: Marks,
        addition: Option<Asked>,
        lines: Vec<LineLife>,
        funds: Funds,
    ) -> Result<Self, Malformed> {
        let opening = match status {
            Status::Pending => Opening::Awaited,
            Status::Rejected => Opening::Refused,
            _ => Opening::Given,
        };
        let cancel_requested = (status == Status::CancelRequested).then_some(asking);
        let addition = addition.filter(|_| !matches!(status, Status::Cancelled | Status::Rejected));
        let life =
            Self { opening, held, cancel_requested, completed, sold_elsewhere, oversold, addition, lines, funds };
        life.check()?;
        if life.status() != status {
            return Err(Malformed::new("status", format!("is {status}, while the pieces say {}", life.status())));
        }
        Ok(life)
    }

    /// The life of an order of these lines that was just placed.
    #[must_use]
    pub fn of(source: Source, lines: &[Line]) -> Self {
        let placed = Self::placed(lines.iter().map(|line| (line.quantity.get(), line.price())));
        Self { sold_elsewhere: source == Source::Import, ..placed }
    }

    /// The life of an order that was just placed.
    #[must_use]
    pub fn placed(lines: impl IntoIterator<Item = (i64, LinePrice)>) -> Self {
        let line = |(ordered, price)| LineLife { pieces: Pieces { ordered, ..Pieces::default() }, price };
        Self {
            opening: Opening::Awaited,
            held: None,
            cancel_requested: None,
            completed: false,
            sold_elsewhere: false,
            oversold: false,
            addition: None,
            lines: lines.into_iter().map(line).collect(),
            funds: Funds::default(),
        }
    }

    fn sum(&self, of: impl Fn(&Pieces) -> i64) -> i64 {
        self.lines.iter().map(|line| of(&line.pieces)).sum()
    }

    /// Whether nothing can be done with its pieces any more, because none is left or none was ever there.
    fn has_ended(&self) -> bool {
        self.opening == Opening::Refused || self.sum(live) == 0
    }

    /// Where the order stands: its least advanced piece decides, and what waits for a decision comes first.
    #[must_use]
    pub fn status(&self) -> Status {
        let live = self.sum(live);
        match self.opening {
            Opening::Refused => Status::Rejected,
            _ if live == 0 => Status::Cancelled,
            Opening::Awaited => Status::Pending,
            Opening::Given if self.cancel_requested.is_some() => Status::CancelRequested,
            Opening::Given if self.held.is_some() => Status::OnHold,
            Opening::Given if self.sum(|pieces| pieces.return_requested) > 0 => Status::ReturnRequested,
            Opening::Given if self.sum(|pieces| pieces.returned) == live => Status::Returned,
            Opening::Given if self.completed => Status::Completed,
            Opening::Given if self.sum(|pieces| pieces.delivered) == live => Status::Delivered,
            Opening::Given if self.sum(|pieces| pieces.shipped) == live => Status::Shipped,
            Opening::Given if self.sum(|pieces| pieces.packed) == live => Status::Packed,
            Opening::Given => Status::Confirmed,
        }
    }

    /// Whether the goods have left.
    #[must_use]
    pub fn fulfilment(&self) -> FulfilmentStatus {
        let (live, shipped, returned) =
            (self.sum(live), self.sum(|pieces| pieces.shipped), self.sum(|pieces| pieces.returned));
        match (shipped, returned) {
            (0, _) => FulfilmentStatus::Unfulfilled,
            (_, returned) if returned == live => FulfilmentStatus::Returned,
            (_, 1..) => FulfilmentStatus::PartlyReturned,
            (shipped, _) if shipped == live => FulfilmentStatus::Fulfilled,
            _ => FulfilmentStatus::PartlyFulfilled,
        }
    }

    /// What is to be paid: everything that was not cancelled, in minor units.
    #[must_use]
    pub fn due(&self) -> i64 {
        self.net(live)
    }

    /// What the first so many pieces of each line come to.
    fn net(&self, count: fn(&Pieces) -> i64) -> i64 {
        let net = |LineLife { pieces, price }: &LineLife| {
            price.net(pieces.ordered, Range { before: 0, count: count(pieces) })
        };
        self.lines.iter().map(net).fold(0, i64::saturating_add)
    }

    /// Whether it costs nothing. What was cancelled as a whole costs what it did: nobody has paid for it.
    fn is_free(&self) -> bool {
        let count = if self.sum(live) == 0 { |pieces: &Pieces| pieces.ordered } else { live };
        self.net(count) == 0
    }

    /// Whether it is paid for. What costs nothing is, without a payment.
    #[must_use]
    pub fn payment(&self) -> PaymentStatus {
        let Funds { authorised, received, refunded } = self.funds;
        match (received, refunded) {
            (0, _) if self.is_free() => PaymentStatus::Paid,
            (0, _) if authorised > 0 => PaymentStatus::Authorised,
            (0, _) => PaymentStatus::Unpaid,
            (received, refunded) if refunded == received => PaymentStatus::Refunded,
            // Less was received than is due, and so it is whatever was refunded.
            (received, _) if received < self.due() => PaymentStatus::PartlyPaid,
            (_, 0) => PaymentStatus::Paid,
            // What went back was beyond the price of everything that was ordered.
            (received, refunded) if received - refunded >= self.net(|pieces| pieces.ordered) => PaymentStatus::Paid,
            _ => PaymentStatus::PartlyRefunded,
        }
    }

    /// What staff can do with it.
    #[must_use]
    pub fn possible(&self) -> Vec<Action> {
        Action::VARIANTS.iter().copied().filter(|action| self.permits(*action)).collect()
    }

    /// Whether pieces of it are still to leave.
    #[must_use]
    pub fn has_unsent(&self) -> bool {
        self.sum(unsent) > 0
    }

    /// The pieces of each line that can come back.
    #[must_use]
    pub fn returnable(&self) -> Selection {
        self.lines.iter().map(|line| returnable(&line.pieces)).collect()
    }

    /// What its shopper can do with it.
    #[must_use]
    pub fn possible_for_shopper(&self) -> Vec<Action> {
        let cancel = self.shopper_may_cancel().then_some(Action::Cancel);
        let request = self.permits(Action::RequestCancellation).then_some(Action::RequestCancellation);
        cancel.into_iter().chain(request).collect()
    }

    /// Whether pieces of it wait to be sent, and nothing here holds them yet. Where somebody asked to cancel it, it is held back behind that:
    /// should it go on, nobody sends it before somebody has looked.
    fn can_be_held_back(&self) -> bool {
        self.opening == Opening::Given && !self.has_ended() && self.held != Some(Side::Here) && self.sum(unsent) > 0
    }

    /// Whether that can be done with it now.
    #[must_use]
    pub fn permits(&self, action: Action) -> bool {
        let stands = self.opening == Opening::Given && !self.has_ended();
        // What is packed and sent is all that the order is to have, so it waits for what was asked for.
        let may_go_on = stands && self.held.is_none() && self.cancel_requested.is_none() && self.addition.is_none();
        let unsent = self.sum(unsent);
        match action {
            Action::Hold => self.can_be_held_back() && self.cancel_requested.is_none(),
            Action::Release => self.held.is_some(),
            Action::Pack => may_go_on && self.sum(unpacked) > 0,
            Action::Ship => may_go_on && unsent > 0,
            Action::Deliver => self.sum(under_way) > 0,
            Action::Complete => !self.completed && self.status() == Status::Delivered,
            Action::Cancel => self.opening != Opening::Refused && unsent > 0,
            // What takes the last piece off is a cancellation.
            Action::Edit => self.may_be_changed() && unsent > i64::from(self.sold_elsewhere),
            Action::WithdrawAddition => self.addition.is_some(),
            Action::RequestCancellation => stands && self.cancel_requested != Some(Side::Here) && unsent > 0,
            Action::DeclineCancellation => self.cancel_requested.is_some(),
            Action::RequestReturn => self.sum(returnable) > 0,
            Action::SettleReturn => self.sum(|pieces| pieces.return_requested) > 0,
            Action::RecordPayment => true,
            Action::Refund => self.funds.received > self.funds.refunded,
        }
    }

    /// Whether it stands with nothing packed, and nothing is asked for that would change it.
    fn may_be_changed(&self) -> bool {
        let stands = self.opening == Opening::Given && !self.has_ended();
        stands && self.sum(|pieces| pieces.packed) == 0 && self.addition.is_none()
    }

    /// Whether it holds stock that nobody has paid for or works on.
    fn holds_unpaid(&self) -> bool {
        let waits = self.status() == Status::Confirmed && self.payment() == PaymentStatus::Unpaid;
        waits && !self.sold_elsewhere && self.may_be_changed()
    }

    /// Whether pieces can be added to it at all.
    ///
    /// # Errors
    /// [`Refusal`] says why not.
    pub fn can_be_added_to(&self) -> Result<(), Refusal> {
        if self.sold_elsewhere {
            return Err(Refusal::SoldElsewhere { action: Action::Edit });
        }
        if self.permits(Action::Edit) { Ok(()) } else { Err(Refusal::NotNow { action: Action::Edit }) }
    }

    /// Whether this can be asked for beyond what it has.
    fn can_ask_for(&self, asked: &Asked) -> Result<(), Refusal> {
        let action = Action::Edit;
        self.can_be_added_to()?;
        for (line, (LineLife { pieces, price }, more)) in self.lines.iter().zip(&asked.more).enumerate() {
            let most = Quantity::MOST - pieces.ordered;
            if !(0..=most).contains(more) {
                return Err(Refusal::TooMany { action, line, asked: *more, most });
            }
            // What was told of the pieces that were cancelled would be another part of the line's discount, tax and shipping.
            if *more > 0 && pieces.cancelled > 0 && price.plain() != *price {
                return Err(Refusal::SharedOut { action, line });
            }
        }
        let more: i64 = self.lines.iter().zip(&asked.more).map(|(_, more)| more).sum();
        if more == 0 && asked.lines.is_empty() { Err(Refusal::Nothing { action }) } else { Ok(()) }
    }

    /// Money that was received or promised goes back by a person's decision, and so does what was packed, never by the shopper's
    /// click alone.
    fn shopper_may_cancel(&self) -> bool {
        let untouched = self.sum(|pieces| pieces.packed) == 0 && self.funds == Funds::default();
        self.opening == Opening::Awaited && !self.has_ended() || self.permits(Action::Cancel) && untouched
    }

    /// Refuses a state that no order can be in: whoever wrote it wrote past [`decide`].
    ///
    /// # Errors
    /// The rule that it breaks.
    pub fn check(&self) -> Result<(), Malformed> {
        let broken = |reason| Err(Malformed::new("the order's state", reason));
        for LineLife { pieces, .. } in &self.lines {
            let Pieces {
                ordered,
                reserved,
                packed,
                shipped,
                delivered,
                cancelled,
                return_requested,
                returned,
                written_off,
            } = *pieces;
            let numbers = [packed, shipped, delivered, cancelled, return_requested, returned, written_off];
            if ordered < 1 || numbers.iter().any(|number| *number < 0) {
                return broken("has a line with a negative number of pieces, or with none");
            }
            if packed > ordered - cancelled || shipped > packed || delivered > shipped {
                return broken("has a line with pieces that skipped a step");
            }
            if return_requested + returned > delivered || written_off > returned {
                return broken("has a line with pieces that come back and were never there");
            }
            let stands = self.opening == Opening::Given;
            if reserved != if stands { ordered - cancelled - shipped } else { 0 } {
                return broken("has a line whose reserved pieces are not those that wait to be sent");
            }
            if !stands && (packed > 0 || cancelled > 0) {
                return broken("has pieces that moved before catalog gave them");
            }
        }
        if self.sold_elsewhere && self.opening == Opening::Refused {
            return broken("is rejected, although it was sold elsewhere");
        }
        if let Some(asked) = &self.addition {
            let before = Self { addition: None, ..self.clone() };
            if before.can_ask_for(asked).is_err() {
                return broken("waits for an addition that cannot be asked for");
            }
        }
        if self.oversold && !(self.sold_elsewhere && self.opening == Opening::Given) {
            return broken("is oversold, although it was not sold elsewhere");
        }
        let marks = [self.held, self.cancel_requested];
        if marks.contains(&Some(Side::Channel)) && !self.sold_elsewhere {
            return broken("is held back, or to be cancelled, by a channel where it was not sold");
        }
        if marks.iter().any(Option::is_some) && (self.opening != Opening::Given || self.sum(unsent) == 0) {
            return broken("is held back, or to be cancelled, with nothing left to send");
        }
        let arrived = self.opening == Opening::Given
            && !self.has_ended()
            && self.sum(|pieces| pieces.delivered) == self.sum(live);
        if self.completed && !arrived {
            return broken("is completed with pieces that have not arrived");
        }
        let Funds { authorised, received, refunded } = self.funds;
        if authorised < 0 || refunded < 0 || refunded > received {
            return broken("has given back more money than it received");
        }
        Ok(())
    }

    /// What `wanted` comes to, or all that it can be done with.
    fn select(
        &self,
        action: Action,
        wanted: Option<&Selection>,
        most: fn(&Pieces) -> i64,
    ) -> Result<Selection, Refusal> {
        let lines = self.lines.iter().enumerate();
        let pick = |(line, life): (usize, &LineLife)| {
            let most = most(&life.pieces);
            match wanted.map(|wanted| wanted.get(line).copied().unwrap_or(0)) {
                None => Ok(most),
                Some(asked) if (0..=most).contains(&asked) => Ok(asked),
                Some(asked) => Err(Refusal::TooMany { action, line, asked, most }),
            }
        };
        let selection: Selection = lines.map(pick).collect::<Result<_, _>>()?;
        if selection.iter().sum::<i64>() == 0 { Err(Refusal::Nothing { action }) } else { Ok(selection) }
    }

    /// Moves pieces of each line and tells of it.
    fn moving(mut self, event: Event, selection: &Selection, place: fn(&mut Pieces, i64) -> Range) -> Change {
        let moved = self.lines.iter_mut().zip(selection).map(|(line, count)| place(&mut line.pieces, *count)).collect();
        if self.sum(unsent) == 0 {
            self.held = None;
            self.cancel_requested = None;
        }
        Change { life: self, event, moved }
    }

    /// Nobody waits for these pieces to come back any more.
    fn over(mut self, requested: &Selection) -> Self {
        for (line, count) in self.lines.iter_mut().zip(requested) {
            line.pieces.return_requested -= count;
        }
        self
    }

    fn telling(self, event: Event) -> Change {
        Change { life: self, event, moved: Vec::new() }
    }

    /// Cancels pieces that were not sent. What was packed of them is unpacked.
    fn cancelling(mut self, cause: Cause, selection: &Selection) -> Change {
        let awaited = self.opening == Opening::Awaited;
        self.opening = Opening::Given;
        let change = self.moving(Event::LinesCancelled(cause), selection, |pieces, count| {
            pieces.cancelled += count;
            pieces.packed = pieces.packed.min(pieces.ordered - pieces.cancelled);
            pieces.reserved = (pieces.reserved - count).max(0);
            Range::from_end(pieces.ordered, pieces.cancelled, count)
        });
        debug_assert!(!awaited || change.life.has_ended(), "what catalog has not answered is cancelled as a whole");
        if change.life.has_ended() {
            // Catalog reads that it ended after what was asked for, so whatever it holds for that is free again.
            let life = Life { addition: None, ..change.life };
            return Change { life, event: Event::Cancelled(cause), ..change };
        }
        change
    }

    /// Adds what catalog holds for it by now: pieces of its lines, which stand behind the others, and new lines.
    fn extended(mut self, asked: Asked) -> Change {
        let Asked { number, more, lines } = asked;
        let mut moved = Vec::with_capacity(self.lines.len() + lines.len());
        for (place, line) in self.lines.iter_mut().enumerate() {
            let (pieces, count) = (&mut line.pieces, more.get(place).copied().unwrap_or(0));
            pieces.ordered += count;
            pieces.reserved += count;
            moved.push(Range::onwards(pieces.ordered - pieces.cancelled, count));
        }
        for (count, price) in lines {
            let pieces = Pieces { ordered: count, reserved: count, ..Pieces::default() };
            self.lines.push(LineLife { pieces, price });
            moved.push(Range::onwards(count, count));
        }
        Change { life: self, event: Event::AdditionGiven(number), moved }
    }
}

/// Pieces that are still wanted, or were when they left.
fn live(pieces: &Pieces) -> i64 {
    pieces.ordered - pieces.cancelled
}

fn unsent(pieces: &Pieces) -> i64 {
    live(pieces) - pieces.shipped
}

fn unpacked(pieces: &Pieces) -> i64 {
    live(pieces) - pieces.packed
}

fn under_way(pieces: &Pieces) -> i64 {
    pieces.shipped - pieces.delivered
}

fn returnable(pieces: &Pieces) -> i64 {
    pieces.delivered - pieces.returned - pieces.return_requested
}

/// What a trigger makes of an order, and what is told of it. `None` where it came twice or too late: it succeeds without effect. Only a
/// person who asks for the impossible is refused.
///
/// # Errors
/// [`Refusal`] says what does not fit.
pub fn decide(life: &Life, on: &Trigger) -> Result<Option<Change>, Refusal> {
    use Status::{Cancelled, Pending, Rejected};
    let (status, now) = (life.status(), life.clone());
    let everything = || life.lines.iter().map(|line| unsent(&line.pieces)).collect::<Selection>();
    let untouched = life.sum(|pieces| pieces.shipped) == 0;
    let permitted = |action| if life.permits(action) { Ok(()) } else { Err(Refusal::NotNow { action }) };
    let change = match on {
        Trigger::Reserved | Trigger::SoldElsewhere if status == Pending => {
            let mut now = now;
            now.opening = Opening::Given;
            now.lines.iter_mut().for_each(|line| line.pieces.reserved = line.pieces.ordered);
            now.telling(Event::Confirmed)
        }
        Trigger::Rejected(reasons) if status == Pending && !life.sold_elsewhere => {
            Life { opening: Opening::Refused, ..now }.telling(Event::Rejected(reasons.clone()))
        }
        // What was sold elsewhere is sold, whether or not catalog can reserve it. Nobody sends it before somebody has looked.
        Trigger::Rejected(_) if life.sold_elsewhere && life.can_be_held_back() => {
            Life { held: Some(Side::Here), ..now }.telling(Event::Held)
        }
        Trigger::DeadlinePassed if status == Pending => now.cancelling(Cause::Deadline, &everything()),
        Trigger::UnpaidTooLong if life.holds_unpaid() => now.cancelling(Cause::Deadline, &everything()),
        Trigger::Reserved
        | Trigger::SoldElsewhere
        | Trigger::Rejected(_)
        | Trigger::DeadlinePassed
        | Trigger::UnpaidTooLong => return Ok(None),
        Trigger::Oversold(lines)
            if life.sold_elsewhere && life.opening == Opening::Given && !life.has_ended() && !life.oversold =>
        {
            Life { oversold: true, ..now }.telling(Event::Oversold(lines.clone()))
        }
        Trigger::Oversold(_) => return Ok(None),
        Trigger::ReservationLost if !life.has_ended() && untouched && !life.sold_elsewhere => {
            now.cancelling(Cause::ReservationExpired, &everything())
        }
        // What has left cannot be taken back because its reservation is gone. Nothing is set aside for the rest, so nobody sends it
        // before somebody has looked.
        Trigger::ReservationLost if life.can_be_held_back() => {
            Life { held: Some(Side::Here), ..now }.telling(Event::Held)
        }
        Trigger::ReservationLost => return Ok(None),

        Trigger::ShopperCancels | Trigger::StaffCancels | Trigger::StaffCancelsLines(_) if status == Cancelled => {
            return Ok(None);
        }
        // All that was not sent was cancelled before, and what was sent stays sent.
        Trigger::StaffCancelsLines(None) if life.sum(unsent) == 0 && life.sum(|pieces| pieces.cancelled) > 0 => {
            return Ok(None);
        }
        Trigger::ShopperCancels if life.shopper_may_cancel() && untouched => {
            now.cancelling(Cause::Shopper, &everything())
        }
        Trigger::StaffCancels if life.permits(Action::Cancel) && untouched => {
            now.cancelling(Cause::Staff, &everything())
        }
        // Catalog answers for a whole order, so nothing less is cancelled before it has. The same while it is asked for more.
        Trigger::StaffCancelsLines(wanted) if life.permits(Action::Cancel) => {
            let selection = life.select(Action::Cancel, wanted.as_ref(), unsent)?;
            if (status == Pending || life.addition.is_some()) && selection != everything() {
                return Err(Refusal::NotNow { action: Action::Cancel });
            }
            now.cancelling(Cause::Staff, &selection)
        }
        Trigger::ShopperCancels | Trigger::StaffCancels | Trigger::StaffCancelsLines(_) => {
            return Err(Refusal::NotNow { action: Action::Cancel });
        }

        Trigger::Edit(less) => {
            permitted(Action::Edit)?;
            let selection = life.select(Action::Edit, Some(less), unsent)?;
            if selection == everything() {
                return Err(Refusal::LastPiece { action: Action::Edit });
            }
            Change { event: Event::Edited, ..now.cancelling(Cause::Staff, &selection) }
        }

        Trigger::AddPieces(asked) => {
            life.can_ask_for(asked)?;
            Life { addition: Some(asked.clone()), ..now }.telling(Event::AdditionRequested(asked.number))
        }
        Trigger::AdditionGiven(number) => match &life.addition {
            Some(asked) if asked.number == *number => Life { addition: None, ..now }.extended(asked.clone()),
            _ => return Ok(None),
        },
        Trigger::AdditionRefused(number, reasons) => match &life.addition {
            Some(asked) if asked.number == *number => {
                Life { addition: None, ..now }.telling(Event::AdditionRefused(*number, reasons.clone()))
            }
            _ => return Ok(None),
        },
        Trigger::WithdrawAddition => match &life.addition {
            Some(asked) => Life { addition: None, ..now }.telling(Event::AdditionWithdrawn(asked.number)),
            None if matches!(status, Pending | Cancelled | Rejected) => {
                return Err(Refusal::NotNow { action: Action::WithdrawAddition });
            }
            None => return Ok(None),
        },

        Trigger::Hold(side) if life.held == Some(*side) => return Ok(None),
        // What is held back here is held back; a channel adds nothing to that.
        Trigger::Hold(Side::Channel) if life.held.is_some() || !life.sold_elsewhere => return Ok(None),
        Trigger::Hold(side) => {
            permitted(Action::Hold)?;
            Life { held: Some(*side), ..now }.telling(Event::Held)
        }
        Trigger::Release(side) if life.held.is_some_and(|held| *side == Side::Here || held == *side) => {
            Life { held: None, ..now }.telling(Event::Released)
        }
        Trigger::DeclineCancellation(side)
            if life.cancel_requested.is_some_and(|asked| *side == Side::Here || asked == *side) =>
        {
            Life { cancel_requested: None, ..now }.telling(Event::CancellationDeclined)
        }
        Trigger::Release(Side::Here) if matches!(status, Pending | Cancelled | Rejected) => {
            return Err(Refusal::NotNow { action: Action::Release });
        }
        Trigger::DeclineCancellation(Side::Here) if matches!(status, Pending | Cancelled | Rejected) => {
            return Err(Refusal::NotNow { action: Action::DeclineCancellation });
        }
        Trigger::Release(_) | Trigger::DeclineCancellation(_) => return Ok(None),
        // What was asked for here is not the channel's to take back, so it stands above what the channel asks for.
        Trigger::RequestCancellation(Side::Channel) if life.cancel_requested.is_some() || !life.sold_elsewhere => {
            return Ok(None);
        }
        Trigger::RequestCancellation(side) if life.cancel_requested == Some(*side) || status == Cancelled => {
            return Ok(None);
        }
        Trigger::RequestCancellation(side) => {
            permitted(Action::RequestCancellation)?;
            Life { cancel_requested: Some(*side), ..now }.telling(Event::CancellationRequested)
        }

        // Everything was packed, or sent, before, however far the order has gone on since.
        Trigger::Pack(None) if life.sum(|pieces| pieces.packed) > 0 && life.sum(unpacked) == 0 => return Ok(None),
        Trigger::Ship(None, _) if !untouched && life.sum(unsent) == 0 => return Ok(None),
        Trigger::Pack(wanted) => {
            permitted(Action::Pack)?;
            let selection = life.select(Action::Pack, wanted.as_ref(), unpacked)?;
            now.moving(Event::Packed, &selection, |pieces, count| {
                pieces.packed += count;
                Range::onwards(pieces.packed, count)
            })
        }
        Trigger::Ship(wanted, dispatch) => {
            permitted(Action::Ship)?;
            let selection = life.select(Action::Ship, wanted.as_ref(), unsent)?;
            now.moving(Event::Shipped(dispatch.clone()), &selection, |pieces, count| {
                pieces.shipped += count;
                pieces.packed = pieces.packed.max(pieces.shipped);
                pieces.reserved -= count;
                Range::onwards(pieces.shipped, count)
            })
        }
        Trigger::Deliver(wanted, parcel) => {
            permitted(Action::Deliver)?;
            let selection = life.select(Action::Deliver, Some(wanted), under_way)?;
            now.moving(Event::Delivered(*parcel), &selection, |pieces, count| {
                pieces.delivered += count;
                Range::onwards(pieces.delivered, count)
            })
        }
        Trigger::Complete if life.completed => return Ok(None),
        Trigger::Complete => {
            permitted(Action::Complete)?;
            Life { completed: true, ..now }.telling(Event::Completed)
        }

        Trigger::RequestReturn(wanted, id) => {
            permitted(Action::RequestReturn)?;
            let selection = life.select(Action::RequestReturn, Some(wanted), returnable)?;
            now.moving(Event::ReturnRequested(*id), &selection, |pieces, count| {
                pieces.return_requested += count;
                Range::onwards(pieces.returned + pieces.return_requested, count)
            })
        }
        Trigger::ApproveReturn(id) => {
            permitted(Action::SettleReturn)?;
            now.telling(Event::ReturnApproved(*id))
        }
        Trigger::DeclineReturn(requested, id) => {
            let selection = life.select(Action::SettleReturn, Some(requested), |pieces| pieces.return_requested)?;
            now.over(&selection).telling(Event::ReturnDeclined(*id))
        }
        Trigger::ReceiveReturn(Receipt { id, requested, returned, written_off }) => {
            let selection = life.select(Action::SettleReturn, Some(requested), |pieces| pieces.return_requested)?;
            within(returned, &selection)?;
            within(written_off, returned)?;
            if returned.iter().sum::<i64>() == 0 {
                return Err(Refusal::Nothing { action: Action::SettleReturn });
            }
            let mut now = now.over(&selection);
            for (line, count) in now.lines.iter_mut().zip(written_off) {
                line.pieces.written_off += count;
            }
            let written_off = written_off.iter().copied().chain(std::iter::repeat(0));
            let restocked = returned.iter().zip(written_off).map(|(returned, lost)| returned - lost).collect();
            now.moving(Event::Returned { id: *id, restocked }, returned, |pieces, count| {
                pieces.returned += count;
                Range::onwards(pieces.returned, count)
            })
        }

        Trigger::RecordPayment(payment) => {
            let mut funds = life.funds;
            let sum = match payment.kind {
                PaymentKind::Authorised => &mut funds.authorised,
                PaymentKind::Received => &mut funds.received,
            };
            *sum = added(*sum, payment.amount.minor())?;
            Life { funds, ..now }.telling(Event::PaymentRecorded(payment.clone()))
        }
        Trigger::Refund { refund, left } => {
            permitted(Action::Refund)?;
            let most = (*left).min(life.funds.received - life.funds.refunded);
            let asked = refund.amount.minor();
            if !(1..=most).contains(&asked) {
                return Err(Refusal::TooMuch { action: Action::Refund, most });
            }
            let refunded = life.funds.refunded + asked;
            Life { funds: Funds { refunded, ..life.funds }, ..now }.telling(Event::Refunded(refund.clone()))
        }
        Trigger::AddNote(text) => now.telling(Event::NoteAdded(text.clone())),
        Trigger::Claim(customer) => now.telling(Event::Claimed(*customer)),
        Trigger::EraseContact => now.telling(Event::ContactErased),
    };
    Ok(Some(change))
}

/// The sum, where it can be counted.
fn added(sum: i64, amount: i64) -> Result<i64, Refusal> {
    let most = i64::MAX - sum;
    let refused = || Refusal::TooMuch { action: Action::RecordPayment, most };
    if (1..=most).contains(&amount) { Ok(sum + amount) } else { Err(refused()) }
}

/// Whether `part` is no more than `whole`, line by line.
fn within(part: &Selection, whole: &Selection) -> Result<(), Refusal> {
    for (line, asked) in part.iter().enumerate() {
        let most = whole.get(line).copied().unwrap_or(0);
        if !(0..=most).contains(asked) {
            return Err(Refusal::TooMany { action: Action::SettleReturn, line, asked: *asked, most });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;

//! What the catalog promises an order, decided in memory for a whole batch of order events.
//! The rules: an order gets every line or none, but for one that is sold already, which gets every line; a line costs what it costs in
//! the order's sales channel; a state changes only along the transitions of [`State`]; following an event twice has no second effect.

use std::collections::BTreeMap;

use contracts::catalog::{Listing, Reason};
use contracts::order::OrderLine;
use kernel::{ChannelCode, Money, OrderId, ProductId, Quantity, Sku, Timestamp, VariantId};
use mutants::Mutant;

use super::availability::Stock;
use super::price::{PriceWindow, price};
use super::stock::{Movement, StockFault};

/// The state of a reservation, by the name in the store.
///
/// `reserved → held | released | expired`, `held → released`, `void → rejected`; the others are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::IntoStaticStr, strum::EnumString, strum::VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum State {
    /// Set aside until it expires.
    Reserved,
    /// The order confirmed: kept without expiry.
    Held,
    /// The order was cancelled.
    Released,
    /// Nobody confirmed in time.
    Expired,
    /// Not everything could be set aside.
    Rejected,
    /// The order was cancelled before its placing arrived.
    Void,
}

/// Pieces of one SKU that an order has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The variant behind the SKU.
    pub variant: VariantId,
    /// The SKU.
    pub sku: Sku,
    /// The pieces that are set aside: all of the order's, lines of one SKU summed, less those that left or were cancelled since.
    pub pieces: i64,
    /// What became of the others.
    pub moved: Moved,
    /// Pieces that were promised although they could not be had, when the order was placed.
    pub oversold: i64,
}

/// What became of an order's pieces of one SKU since its beginning. Each number only rises, so what comes twice or late says nothing new.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Moved {
    /// Pieces that left.
    pub shipped: i64,
    /// Pieces that were cancelled before they left.
    pub cancelled: i64,
    /// Pieces that came back and can be sold again.
    pub restocked: i64,
}

/// What is promised to one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The order.
    pub order: OrderId,
    /// Its state.
    pub state: State,
    /// One per SKU, sorted by SKU. Empty when nothing was ever promised or moved.
    pub lines: Vec<Line>,
    /// When it runs out; set while `reserved`.
    pub expires_at: Option<Timestamp>,
    /// A late confirmation was refused already.
    pub confirm_refused: bool,
    /// The last addition to the order that was decided; 0 before the first. An addition that comes again is not decided again.
    pub addition: i64,
    /// From 1, rises with every change.
    pub version: i64,
}

impl Reservation {
    /// The line of the SKU of `new`, which becomes it where there is none.
    fn line(&mut self, new: &Line) -> &mut Line {
        let place = match self.lines.binary_search_by(|known| known.sku.cmp(&new.sku)) {
            Ok(place) => place,
            Err(place) => {
                self.lines.insert(place, new.clone());
                place
            }
        };
        &mut self.lines[place]
    }
}

/// One SKU with its price and its stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    /// The variant behind the SKU.
    pub variant: VariantId,
    /// Its product.
    pub product: ProductId,
    /// The base price of one piece.
    pub base_price: Money,
    /// Its prices for a while that are planned or current.
    pub windows: Vec<PriceWindow>,
    /// The last change of its product, of which its prices are.
    pub priced_at: Timestamp,
    /// Whether product and variant are active.
    pub for_sale: bool,
    /// The sales channels that its product is sold in.
    pub listing: Listing,
    /// Its level, terms and version.
    pub stock: Stock,
}

impl Shelf {
    /// What one piece costs in a sales channel.
    fn price_in(&self, channel: &ChannelCode) -> Money {
        price(self.base_price, &[], &self.windows, Some(channel), self.priced_at).amount
    }
}

/// How an order wants its pieces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Claim {
    /// It is placed here: what is not for sale, or not at its price, is refused.
    Wanted,
    /// It was sold elsewhere: it gets what can be had, whatever is for sale here.
    Sold,
    /// It was sold elsewhere and gets its lines also where they cannot be had.
    Promised,
}

impl Claim {
    /// Whether this stands against it.
    fn is_refused_for(self, reason: &Reason) -> bool {
        match self {
            Self::Wanted => true,
            Self::Sold => matches!(reason, Reason::UnknownSku { .. } | Reason::OutOfStock { .. }),
            Self::Promised => matches!(reason, Reason::UnknownSku { .. }),
        }
    }
}

/// What happened to an order, as far as it concerns the stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderFact {
    /// It asks for these lines, and gives up at the deadline.
    Placed {
        /// What was ordered, at which prices.
        lines: Vec<OrderLine>,
        /// The sales channel whose prices they have, and which they have to be listed in. Without one the prices are the shop's, and the
        /// listing is no matter.
        channel: Option<ChannelCode>,
        /// Until when the order waits for the answer.
        deadline_at: Timestamp,
        /// How it wants them.
        claim: Claim,
    },
    /// It was confirmed.
    Confirmed,
    /// It was confirmed and asks for these lines as well.
    AdditionRequested {
        /// Which addition of the order it is, from 1.
        number: i64,
        /// What is added, at which prices.
        lines: Vec<OrderLine>,
        /// As of a placed order.
        channel: Option<ChannelCode>,
    },
    /// An addition was withdrawn before its answer was heard.
    AdditionWithdrawn {
        /// Which addition of the order it is, from 1.
        number: i64,
        /// The pieces of each SKU that are set aside for the order then.
        kept: Vec<(Sku, i64)>,
    },
    /// Pieces of it left, came back or were cancelled: so many of each SKU since its beginning.
    Moved(Vec<(Sku, Moved)>),
    /// It was cancelled.
    Cancelled,
    /// It was rejected, since its lines could not be reserved.
    Rejected,
}

/// What order is told about a reservation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notice {
    /// Everything is set aside.
    Reserved {
        /// One per SKU.
        lines: Vec<Line>,
        /// Until when, if nobody confirms.
        expires_at: Timestamp,
    },
    /// Nothing is set aside, for these reasons.
    Rejected(Vec<Reason>),
    /// What was set aside is free again, since nobody confirmed in time.
    Expired,
    /// A confirmation came for an order that has nothing set aside.
    ConfirmRefused,
    /// Everything that was to be added is held.
    Extended {
        /// Which addition of the order it is.
        number: i64,
        /// One per SKU, with the pieces that were added.
        lines: Vec<Line>,
    },
    /// Nothing of it is held, for these reasons.
    ExtensionRefused {
        /// Which addition of the order it is.
        number: i64,
        /// Every reason.
        reasons: Vec<Reason>,
    },
}

/// A notice with its order and the event that caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderNotice {
    /// Index of the cause, as it was given to [`Book::follow`].
    pub cause: usize,
    /// The order.
    pub order: OrderId,
    /// The reservation's version after the change that the notice reports.
    pub version: i64,
    /// What order is told.
    pub notice: Notice,
}

/// A movement of the ledger with its order and the event that caused it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderMovement {
    /// Index of the cause.
    pub cause: usize,
    /// The order.
    pub order: OrderId,
    /// The variant whose level moved.
    pub variant: VariantId,
    /// The variant's SKU.
    pub sku: Sku,
    /// How the level moved.
    pub movement: Movement,
}

/// A shelf that the batch changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedShelf {
    /// The SKU.
    pub sku: Sku,
    /// As it is now, its version raised by one.
    pub shelf: Shelf,
    /// Its stock before the batch.
    pub before: Stock,
    /// Index of the cause that changed it last.
    pub cause: usize,
}

/// Everything that a batch leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Reservations that the batch created.
    pub created: Vec<Reservation>,
    /// Reservations that the batch found and changed.
    pub changed: Vec<Reservation>,
    /// Shelves whose level changed.
    pub shelves: Vec<ChangedShelf>,
    /// The ledger's new entries, in the order of the events.
    pub movements: Vec<OrderMovement>,
    /// What order is told, in the order of the events.
    pub notices: Vec<OrderNotice>,
}

impl Outcome {
    /// Whether more of this SKU was promised than could be had, to an order that was sold elsewhere.
    #[must_use]
    pub fn has_oversold(&self, sku: &Sku) -> bool {
        let lines = self.created.iter().chain(&self.changed).flat_map(|reservation| &reservation.lines);
        lines.into_iter().any(|line| line.sku == *sku && line.oversold > 0)
    }
}

/// A stored level that contradicts a reservation: a defect, never the order's fault.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the stock of {sku} contradicts the reservation of {order}: {fault}; compare its level with the ledger")]
pub struct Contradiction {
    /// The SKU.
    pub sku: Sku,
    /// The order.
    pub order: OrderId,
    /// What does not fit.
    pub fault: StockFault,
}

/// A shelf, its stock before the batch and the last event that changed it.
struct TrackedShelf {
    shelf: Shelf,
    before: Stock,
    changed_by: Option<usize>,
}

/// A reservation and what the batch did to it.
struct TrackedReservation {
    reservation: Reservation,
    is_new: bool,
    is_changed: bool,
}

/// The locked rows of one batch. Facts are followed in the order of their offsets; [`Book::close`] gives what to write.
pub struct Book {
    shelves: BTreeMap<Sku, TrackedShelf>,
    reservations: BTreeMap<OrderId, TrackedReservation>,
    movements: Vec<OrderMovement>,
    notices: Vec<OrderNotice>,
}

impl Book {
    /// Opens the book over the rows that the batch has locked.
    #[must_use]
    pub fn open(shelves: BTreeMap<Sku, Shelf>, reservations: Vec<Reservation>) -> Self {
        let shelves = shelves
            .into_iter()
            .map(|(sku, shelf)| {
                let before = shelf.stock;
                (sku, TrackedShelf { shelf, before, changed_by: None })
            })
            .collect();
        let reservations = reservations
            .into_iter()
            .map(|reservation| {
                (reservation.order, TrackedReservation { reservation, is_new: false, is_changed: false })
            })
            .collect();
        Self { shelves, reservations, movements: Vec::new(), notices: Vec::new() }
    }

    /// Follows one fact. `cause` is the caller's index of the event; `margin` is how long a reservation outlives the
    /// order's deadline.
    ///
    /// # Errors
    /// [`Contradiction`] when the store is not consistent.
    pub fn follow(
        &mut self,
        cause: usize,
        order: OrderId,
        fact: &OrderFact,
        margin: chrono::Duration,
    ) -> Result<(), Contradiction> {
        match fact {
            OrderFact::Placed { lines, channel, deadline_at, claim } => {
                // A deadline near the end of time has no room for the margin.
                let expires_at = deadline_at.checked_add_signed(margin).unwrap_or(*deadline_at);
                self.place(cause, order, Wanted { lines, channel: channel.as_ref() }, *claim, expires_at)
            }
            OrderFact::Confirmed => self.confirm(cause, order),
            OrderFact::AdditionRequested { number, lines, channel } => {
                self.extend(cause, order, *number, Wanted { lines, channel: channel.as_ref() })
            }
            OrderFact::AdditionWithdrawn { number, kept } => self.take_back(cause, order, *number, kept),
            OrderFact::Moved(lines) => self.follow_pieces(cause, order, lines),
            OrderFact::Cancelled => self.cancel(cause, order),
            // Order rejects only what this catalog rejected, so nothing is set aside.
            OrderFact::Rejected => Ok(()),
        }
    }

    /// Expires a reservation. The caller has found it due by the database's clock.
    ///
    /// # Errors
    /// [`Contradiction`] when the store is not consistent.
    pub fn expire(&mut self, cause: usize, order: OrderId) -> Result<(), Contradiction> {
        if self.state_of(order) == Some(State::Reserved) {
            self.end(cause, order, State::Expired, |stock, pieces| stock.level.expire(pieces))?;
            self.notify(cause, order, Notice::Expired);
        }
        Ok(())
    }

    /// What is to be written.
    #[must_use]
    pub fn close(self) -> Outcome {
        let mut outcome = Outcome { movements: self.movements, notices: self.notices, ..Outcome::default() };
        for tracked in self.reservations.into_values() {
            match (tracked.is_new, tracked.is_changed) {
                (true, _) => outcome.created.push(tracked.reservation),
                (false, true) => outcome.changed.push(tracked.reservation),
                (false, false) => {}
            }
        }
        for (sku, mut tracked) in self.shelves {
            if let Some(cause) = tracked.changed_by {
                tracked.shelf.stock.version += 1;
                outcome.shelves.push(ChangedShelf { sku, shelf: tracked.shelf, before: tracked.before, cause });
            }
        }
        outcome
    }

    fn state_of(&self, order: OrderId) -> Option<State> {
        self.reservations.get(&order).map(|tracked| tracked.reservation.state)
    }

    fn place(
        &mut self,
        cause: usize,
        order: OrderId,
        asked: Wanted<'_>,
        claim: Claim,
        expires_at: Timestamp,
    ) -> Result<(), Contradiction> {
        let early = self.early(order);
        match self.state_of(order) {
            None => {}
            Some(State::Void) if !early.is_empty() => {}
            Some(State::Void) => {
                self.change(order, |reservation| reservation.state = State::Rejected);
                self.notify(cause, order, Notice::Rejected(vec![Reason::OrderCancelled]));
                return Ok(());
            }
            Some(_) => return Ok(()),
        }
        let mut wanted = asked.pieces_by_sku();
        for line in &early {
            let gone = line.moved.shipped + line.moved.cancelled;
            wanted.entry(&line.sku).and_modify(|pieces| *pieces = (*pieces - gone).max(0));
        }
        let mut reasons = self.reasons_against(asked, &wanted);
        reasons.retain(|reason| claim.is_refused_for(reason));
        if !reasons.is_empty() {
            self.enter(order, State::Rejected, early, None);
            self.notify(cause, order, Notice::Rejected(reasons));
            return Ok(());
        }
        let blindly = mutants::is_on(Mutant::UnconditionalReserve);
        let mut promised = Vec::with_capacity(wanted.len());
        for (sku, pieces) in wanted {
            let Some(tracked) = self.shelves.get(sku) else { continue };
            let moved = early.iter().find(|line| line.sku == *sku).map(|line| line.moved).unwrap_or_default();
            let oversold = if blindly { 0 } else { (pieces - tracked.shelf.stock.sellable()).max(0) };
            promised.push(Line { variant: tracked.shelf.variant, sku: sku.clone(), pieces, moved, oversold });
        }
        let reserve = if claim == Claim::Promised || blindly { Stock::promise } else { Stock::reserve };
        for line in promised.iter().filter(|line| line.pieces > 0) {
            self.shift(cause, order, line, reserve)?;
        }
        let was_early = !early.is_empty();
        self.enter(order, State::Reserved, promised.clone(), Some(expires_at));
        self.notify(cause, order, Notice::Reserved { lines: promised, expires_at });
        // Pieces move of confirmed orders only.
        if was_early { self.confirm(cause, order) } else { Ok(()) }
    }

    /// What moved of an order before its placing arrived.
    fn early(&self, order: OrderId) -> Vec<Line> {
        let tracked = self.reservations.get(&order).filter(|tracked| tracked.reservation.state == State::Void);
        tracked.map(|tracked| tracked.reservation.lines.clone()).unwrap_or_default()
    }

    /// Enters a reservation, also where something of the order came before its placing.
    fn enter(&mut self, order: OrderId, state: State, lines: Vec<Line>, expires_at: Option<Timestamp>) {
        if self.reservations.contains_key(&order) {
            self.change(order, |reservation| {
                reservation.state = state;
                reservation.lines = lines;
                reservation.expires_at = expires_at;
            });
        } else {
            self.create(order, state, lines, expires_at);
        }
    }

    /// Brings the pieces of an order to where they are by now. What left was confirmed, whether or not that has arrived; what was not
    /// set aside is taken from what is free.
    fn follow_pieces(&mut self, cause: usize, order: OrderId, lines: &[(Sku, Moved)]) -> Result<(), Contradiction> {
        match self.state_of(order) {
            None => self.create(order, State::Void, Vec::new(), None),
            Some(State::Reserved) => self.confirm(cause, order)?,
            Some(State::Held | State::Released | State::Expired | State::Rejected | State::Void) => {}
        }
        for (sku, moved) in lines {
            self.follow_line(cause, order, sku, *moved)?;
        }
        Ok(())
    }

    fn follow_line(&mut self, cause: usize, order: OrderId, sku: &Sku, now: Moved) -> Result<(), Contradiction> {
        let Some(tracked) = self.reservations.get(&order) else { return Ok(()) };
        let is_held = tracked.reservation.state == State::Held;
        let known = tracked.reservation.lines.iter().find(|line| line.sku == *sku).cloned();
        let line = known.or_else(|| {
            let variant = self.shelves.get(sku)?.shelf.variant;
            Some(Line { variant, sku: sku.clone(), pieces: 0, moved: Moved::default(), oversold: 0 })
        });
        let fault = StockFault::NotTaken { asked: now.shipped, taken: 0 };
        let mut line = line.ok_or_else(|| Contradiction { sku: sku.clone(), order, fault })?;
        let risen = |before: i64, after: i64| (after - before).max(0);
        let left = risen(line.moved.shipped, now.shipped);
        let cancelled = risen(line.moved.cancelled, now.cancelled);
        let back = risen(line.moved.restocked, now.restocked);
        if (left, cancelled, back) == (0, 0, 0) {
            return Ok(());
        }
        let of = |pieces: i64| Line { pieces, ..line.clone() };
        let promised = if is_held { line.pieces } else { 0 };
        let held = left.min(promised);
        let freed = cancelled.min(promised - held);
        if left > 0 {
            self.shift(cause, order, &of(held), |stock, held| stock.level.commit(held, left - held))?;
        }
        if freed > 0 {
            self.shift(cause, order, &of(freed), |stock, pieces| stock.level.release_held(pieces))?;
        }
        if back > 0 {
            self.shift(cause, order, &of(back), |stock, pieces| Ok(stock.level.restock(pieces)))?;
        }
        if is_held {
            line.pieces -= held + freed;
        }
        line.moved.shipped += left;
        line.moved.cancelled += cancelled;
        line.moved.restocked += back;
        self.change(order, |reservation| reservation.line(&line).clone_from(&line));
        Ok(())
    }

    /// Holds what is added to a confirmed order, all of it or nothing. Whether the confirmation has arrived is no matter: order adds to
    /// nothing else.
    fn extend(&mut self, cause: usize, order: OrderId, number: i64, asked: Wanted<'_>) -> Result<(), Contradiction> {
        match self.reservations.get(&order).map(|tracked| (tracked.reservation.state, tracked.reservation.addition)) {
            Some((_, decided)) if number <= decided => return Ok(()),
            Some((State::Reserved, _)) => self.confirm(cause, order)?,
            Some(_) => {}
            // Nothing was ever reserved for this one, and nothing may be from now on.
            None => self.create(order, State::Void, Vec::new(), None),
        }
        let wanted = asked.pieces_by_sku();
        let reasons = match self.state_of(order) {
            Some(State::Held) => self.reasons_against(asked, &wanted),
            _ => vec![Reason::OrderCancelled],
        };
        if !reasons.is_empty() {
            self.change(order, |reservation| reservation.addition = number);
            self.notify(cause, order, Notice::ExtensionRefused { number, reasons });
            return Ok(());
        }
        let mut added = Vec::with_capacity(wanted.len());
        for (sku, pieces) in wanted {
            let Some(tracked) = self.shelves.get(sku) else { continue };
            let variant = tracked.shelf.variant;
            added.push(Line { variant, sku: sku.clone(), pieces, moved: Moved::default(), oversold: 0 });
        }
        for line in &added {
            self.shift(cause, order, line, Stock::extend)?;
        }
        self.change(order, |reservation| {
            reservation.addition = number;
            for line in &added {
                reservation.line(&Line { pieces: 0, ..line.clone() }).pieces += line.pieces;
            }
        });
        self.notify(cause, order, Notice::Extended { number, lines: added });
        Ok(())
    }

    /// Frees what is held for an addition that was withdrawn. What is held beyond what the order keeps was given for the last
    /// addition, so nothing is freed when another one has been decided since. One that was never decided will not be.
    fn take_back(
        &mut self,
        cause: usize,
        order: OrderId,
        number: i64,
        kept: &[(Sku, i64)],
    ) -> Result<(), Contradiction> {
        let Some(TrackedReservation { reservation, .. }) = self.reservations.get(&order) else { return Ok(()) };
        if number < reservation.addition {
            return Ok(());
        }
        if number > reservation.addition {
            self.change(order, |reservation| reservation.addition = number);
            return Ok(());
        }
        if reservation.state != State::Held {
            return Ok(());
        }
        for mut line in reservation.lines.clone() {
            let kept = kept.iter().find(|(sku, _)| *sku == line.sku).map_or(0, |(_, pieces)| *pieces);
            let over = line.pieces - kept;
            if over > 0 {
                let freed = Line { pieces: over, ..line.clone() };
                self.shift(cause, order, &freed, |stock, pieces| stock.level.release_held(pieces))?;
                line.pieces = kept;
                self.change(order, |reservation| reservation.line(&line).clone_from(&line));
            }
        }
        Ok(())
    }

    /// Every reason why the order cannot have its lines, SKU by SKU.
    fn reasons_against(&self, asked: Wanted<'_>, wanted: &BTreeMap<&Sku, i64>) -> Vec<Reason> {
        let shop = ChannelCode::shop();
        let mut reasons = Vec::new();
        for (&sku, &requested) in wanted {
            let Some(TrackedShelf { shelf, .. }) = self.shelves.get(sku) else {
                reasons.push(Reason::UnknownSku { sku: sku.clone() });
                continue;
            };
            if !shelf.for_sale {
                reasons.push(Reason::NotForSale { sku: sku.clone() });
            } else if asked.channel.is_some_and(|channel| !shelf.listing.includes(channel)) {
                reasons.push(Reason::NotInChannel { sku: sku.clone() });
            }
            let current = shelf.price_in(asked.channel.unwrap_or(&shop));
            let is_wrong = |line: &&OrderLine| line.sku == *sku && !line.price_given && line.unit_price != current;
            if let Some(line) = asked.lines.iter().find(is_wrong) {
                reasons.push(Reason::PriceChanged { sku: sku.clone(), offered: line.unit_price, current });
            }
            let available = shelf.stock.sellable();
            // A reservation's line cannot say more than `Quantity::MOST`, however much there is.
            if requested > available.min(Quantity::MOST) && !mutants::is_on(Mutant::UnconditionalReserve) {
                reasons.push(Reason::OutOfStock { sku: sku.clone(), requested: quantity(requested), available });
            }
        }
        reasons
    }

    fn confirm(&mut self, cause: usize, order: OrderId) -> Result<(), Contradiction> {
        match self.reservations.get(&order) {
            Some(TrackedReservation { reservation, .. }) => match reservation.state {
                State::Reserved => self.end(cause, order, State::Held, |stock, pieces| stock.level.hold(pieces)),
                State::Held | State::Released => Ok(()),
                State::Expired | State::Rejected | State::Void => {
                    if !reservation.confirm_refused {
                        self.change(order, |reservation| reservation.confirm_refused = true);
                        self.notify(cause, order, Notice::ConfirmRefused);
                    }
                    Ok(())
                }
            },
            // Order confirms only what was reserved. Nothing ever was for this one, and nothing may be from now on.
            None => {
                self.create(order, State::Void, Vec::new(), None);
                self.change(order, |reservation| reservation.confirm_refused = true);
                self.notify(cause, order, Notice::ConfirmRefused);
                Ok(())
            }
        }
    }

    fn cancel(&mut self, cause: usize, order: OrderId) -> Result<(), Contradiction> {
        match self.state_of(order) {
            Some(State::Reserved) => {
                self.end(cause, order, State::Released, |stock, pieces| stock.level.release_reserved(pieces))
            }
            Some(State::Held) => {
                self.end(cause, order, State::Released, |stock, pieces| stock.level.release_held(pieces))
            }
            Some(State::Void) if !self.early(order).is_empty() => {
                self.change(order, |reservation| reservation.lines.clear());
                Ok(())
            }
            Some(State::Expired) if mutants::is_on(Mutant::UnguardedRelease) => {
                self.end(cause, order, State::Released, |stock, pieces| stock.level.release_held(pieces))
            }
            Some(State::Released | State::Expired | State::Rejected | State::Void) => Ok(()),
            None => {
                self.create(order, State::Void, Vec::new(), None);
                Ok(())
            }
        }
    }

    /// Moves the pieces of every line of a reservation and takes it to its next state.
    fn end(
        &mut self,
        cause: usize,
        order: OrderId,
        state: State,
        how: impl Fn(&mut Stock, i64) -> Result<Movement, StockFault>,
    ) -> Result<(), Contradiction> {
        let Some(tracked) = self.reservations.get(&order) else { return Ok(()) };
        for line in tracked.reservation.lines.clone().into_iter().filter(|line| line.pieces > 0) {
            self.shift(cause, order, &line, &how)?;
        }
        self.change(order, |reservation| {
            reservation.state = state;
            reservation.expires_at = None;
        });
        Ok(())
    }

    fn shift(
        &mut self,
        cause: usize,
        order: OrderId,
        line: &Line,
        how: impl Fn(&mut Stock, i64) -> Result<Movement, StockFault>,
    ) -> Result<(), Contradiction> {
        let contradiction = |fault| Contradiction { sku: line.sku.clone(), order, fault };
        let Some(tracked) = self.shelves.get_mut(&line.sku) else {
            return Err(contradiction(StockFault::NotTaken { asked: line.pieces, taken: 0 }));
        };
        let movement = how(&mut tracked.shelf.stock, line.pieces).map_err(contradiction)?;
        tracked.changed_by = Some(cause);
        self.movements.push(OrderMovement { cause, order, variant: line.variant, sku: line.sku.clone(), movement });
        Ok(())
    }

    fn create(&mut self, order: OrderId, state: State, lines: Vec<Line>, expires_at: Option<Timestamp>) {
        let reservation =
            Reservation { order, state, lines, expires_at, confirm_refused: false, addition: 0, version: 1 };
        self.reservations.insert(order, TrackedReservation { reservation, is_new: true, is_changed: true });
    }

    fn change(&mut self, order: OrderId, how: impl FnOnce(&mut Reservation)) {
        if let Some(tracked) = self.reservations.get_mut(&order) {
            how(&mut tracked.reservation);
            tracked.reservation.version += 1;
            tracked.is_changed = true;
        }
    }

    fn notify(&mut self, cause: usize, order: OrderId, notice: Notice) {
        let version = self.reservations.get(&order).map_or(1, |tracked| tracked.reservation.version);
        self.notices.push(OrderNotice { cause, order, version, notice });
    }
}

/// What an order asks for.
#[derive(Clone, Copy)]
struct Wanted<'o> {
    lines: &'o [OrderLine],
    /// As [`OrderFact::Placed`] has it.
    channel: Option<&'o ChannelCode>,
}

impl<'o> Wanted<'o> {
    /// The pieces of each SKU; lines of one SKU are summed.
    fn pieces_by_sku(self) -> BTreeMap<&'o Sku, i64> {
        let mut pieces: BTreeMap<&Sku, i64> = BTreeMap::new();
        for line in self.lines {
            *pieces.entry(&line.sku).or_default() += line.quantity.get();
        }
        pieces
    }
}

/// The pieces as a quantity; a sum over an order's lines may be more than a quantity can say.
pub(crate) fn quantity(pieces: i64) -> Quantity {
    let clamped = pieces.clamp(1, Quantity::MOST);
    #[expect(clippy::expect_used, reason = "the value was clamped to the type's bounds in the line above")]
    Quantity::new(clamped).expect("a clamped quantity is within its bounds")
}

#[cfg(test)]
mod tests;

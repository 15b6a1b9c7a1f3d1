//! What the catalog promises an order, decided in memory for a whole batch of order events.
//! The rules: an order gets every line or none; a state is left only in the directions of [`State`]; an event that was
//! followed before changes nothing.

use std::collections::BTreeMap;

use kernel::{Money, OrderId, ProductId, Quantity, Sku, Timestamp, VariantId};

use super::stock::{Level, Movement, Stock, StockFault};

/// Where a reservation stands.
///
/// `reserved → held | released | expired`, `held → released`, `void → rejected`; the others are final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

impl State {
    /// As the store has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Reserved => "reserved",
            State::Held => "held",
            State::Released => "released",
            State::Expired => "expired",
            State::Rejected => "rejected",
            State::Void => "void",
        }
    }

    /// The state that is written so, if there is one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [State::Reserved, State::Held, State::Released, State::Expired, State::Rejected, State::Void]
            .into_iter()
            .find(|state| state.as_str() == text)
    }
}

/// Pieces of one SKU that an order has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The variant behind the SKU.
    pub variant: VariantId,
    /// The SKU.
    pub sku: Sku,
    /// All pieces of it in the order: lines of one SKU are summed.
    pub pieces: i64,
}

/// What is promised to one order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reservation {
    /// The order.
    pub order: OrderId,
    /// Where it stands.
    pub state: State,
    /// One per SKU, sorted by SKU. Empty when nothing was ever promised.
    pub lines: Vec<Line>,
    /// When it runs out; set while `reserved`.
    pub expires_at: Option<Timestamp>,
    /// The order confirmed too late and was told so.
    pub confirm_refused: bool,
    /// From 1, rises with every change.
    pub version: i64,
}

/// One SKU as the batch finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shelf {
    /// The variant behind the SKU.
    pub variant: VariantId,
    /// Its product.
    pub product: ProductId,
    /// What one piece costs now.
    pub price: Money,
    /// Whether product and variant are active.
    pub for_sale: bool,
    /// How many there are.
    pub stock: Stock,
}

/// One line as the order has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderedLine {
    /// The SKU.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// What the shopper was offered for one piece.
    pub unit_price: Money,
}

/// What order says about one of its orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OrderFact {
    /// It asks for these lines, and gives up at the deadline.
    Placed {
        /// What it wants.
        lines: Vec<OrderedLine>,
        /// Until when the order waits for the answer.
        deadline_at: Timestamp,
    },
    /// It goes ahead.
    Confirmed,
    /// It is off.
    Cancelled,
    /// It was told no, and says so.
    Rejected,
}

/// Why an order gets nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing has this SKU.
    UnknownSku {
        /// As ordered.
        sku: Sku,
    },
    /// Fewer are available.
    OutOfStock {
        /// As ordered.
        sku: Sku,
        /// All pieces of it in the order.
        requested: i64,
        /// What could be had.
        available: i64,
    },
    /// The price is another one by now.
    PriceChanged {
        /// As ordered.
        sku: Sku,
        /// What the order carried.
        offered: Money,
        /// What it costs.
        current: Money,
    },
    /// Product or variant is not sold.
    NotForSale {
        /// As ordered.
        sku: Sku,
    },
    /// It was cancelled before.
    OrderCancelled,
}

/// What the catalog says about an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Everything is set aside.
    Reserved {
        /// One per SKU.
        lines: Vec<Line>,
        /// Until when.
        expires_at: Timestamp,
    },
    /// Nothing is.
    Rejected(Vec<Refusal>),
    /// It was set aside, and no longer is.
    Expired,
    /// A confirmation came for something that is not set aside.
    ConfirmRefused,
}

/// An answer, to whom, and which event asked for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// Index of the cause, as it was given to [`Book::follow`].
    pub cause: usize,
    /// The order.
    pub order: OrderId,
    /// The reservation's version with it.
    pub version: i64,
    /// What is said.
    pub answer: Answer,
}

/// A movement of the ledger with its order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderMovement {
    /// Index of the cause.
    pub cause: usize,
    /// The order.
    pub order: OrderId,
    /// What moved.
    pub variant: VariantId,
    /// Its SKU.
    pub sku: Sku,
    /// How.
    pub movement: Movement,
}

/// A shelf that the batch changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedShelf {
    /// The SKU.
    pub sku: Sku,
    /// As it is now, its version raised by one.
    pub shelf: Shelf,
    /// Index of the cause that changed it last.
    pub cause: usize,
    /// Whether the batch took it across its threshold.
    pub fell_low: bool,
}

/// Everything that a batch leads to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Reservations that did not exist before.
    pub created: Vec<Reservation>,
    /// Reservations that did.
    pub changed: Vec<Reservation>,
    /// Shelves whose figures are others now.
    pub shelves: Vec<ChangedShelf>,
    /// The ledger's new entries, in order.
    pub movements: Vec<OrderMovement>,
    /// What order is told, in order.
    pub replies: Vec<Reply>,
}

/// A figure in the store that contradicts a reservation: a defect, never the order's fault.
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

struct Open {
    shelf: Shelf,
    before: Level,
    touched_by: Option<usize>,
}

struct Kept {
    reservation: Reservation,
    is_new: bool,
    touched: bool,
}

/// The locked rows of one batch. Facts are followed in the order of their offsets; [`Book::close`] says what to write.
pub struct Book {
    shelves: BTreeMap<Sku, Open>,
    reservations: BTreeMap<OrderId, Kept>,
    movements: Vec<OrderMovement>,
    replies: Vec<Reply>,
}

#[derive(Clone, Copy)]
enum Ending {
    Hold,
    ReleaseReserved,
    ReleaseHeld,
    Expire,
}

impl Book {
    /// Opens the book over the rows that the batch has locked.
    #[must_use]
    pub fn open(shelves: BTreeMap<Sku, Shelf>, reservations: Vec<Reservation>) -> Self {
        let shelves = shelves
            .into_iter()
            .map(|(sku, shelf)| {
                let before = shelf.stock.level;
                (sku, Open { shelf, before, touched_by: None })
            })
            .collect();
        let reservations = reservations
            .into_iter()
            .map(|reservation| (reservation.order, Kept { reservation, is_new: false, touched: false }))
            .collect();
        Self { shelves, reservations, movements: Vec::new(), replies: Vec::new() }
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
            OrderFact::Placed { lines, deadline_at } => {
                // A deadline at the end of time has no time behind it.
                let expires_at = deadline_at.checked_add_signed(margin).unwrap_or(*deadline_at);
                self.place(cause, order, lines, expires_at)
            }
            OrderFact::Confirmed => self.confirm(cause, order),
            OrderFact::Cancelled => self.cancel(cause, order),
            // Only what this catalog rejected is rejected, so nothing is set aside for it.
            OrderFact::Rejected => Ok(()),
        }
    }

    /// Lets a reservation run out whose time is over; that it is over, the database's clock says.
    ///
    /// # Errors
    /// [`Contradiction`] when the store is not consistent.
    pub fn expire(&mut self, cause: usize, order: OrderId) -> Result<(), Contradiction> {
        let state = self.reservations.get(&order).map(|kept| kept.reservation.state);
        if state == Some(State::Reserved) {
            self.end(cause, order, State::Expired, Ending::Expire)?;
            self.reply(cause, order, Answer::Expired);
        }
        Ok(())
    }

    /// What is to be written.
    #[must_use]
    pub fn close(self) -> Outcome {
        let mut outcome = Outcome { movements: self.movements, replies: self.replies, ..Outcome::default() };
        for kept in self.reservations.into_values() {
            match (kept.is_new, kept.touched) {
                (true, _) => outcome.created.push(kept.reservation),
                (false, true) => outcome.changed.push(kept.reservation),
                (false, false) => {}
            }
        }
        for (sku, mut open) in self.shelves {
            if let Some(cause) = open.touched_by {
                open.shelf.stock.version += 1;
                let fell_low = open.shelf.stock.fell_low(open.before);
                outcome.shelves.push(ChangedShelf { sku, shelf: open.shelf, cause, fell_low });
            }
        }
        outcome
    }

    fn place(
        &mut self,
        cause: usize,
        order: OrderId,
        lines: &[OrderedLine],
        expires_at: Timestamp,
    ) -> Result<(), Contradiction> {
        match self.reservations.get(&order).map(|kept| kept.reservation.state) {
            None => {}
            Some(State::Void) => {
                self.change(order, |reservation| reservation.state = State::Rejected);
                self.reply(cause, order, Answer::Rejected(vec![Refusal::OrderCancelled]));
                return Ok(());
            }
            Some(_) => return Ok(()),
        }
        let mut wanted: BTreeMap<&Sku, i64> = BTreeMap::new();
        for line in lines {
            *wanted.entry(&line.sku).or_default() += line.quantity.get();
        }
        let refusals = self.refusals(lines, &wanted);
        if !refusals.is_empty() {
            self.create(order, State::Rejected, Vec::new(), None);
            self.reply(cause, order, Answer::Rejected(refusals));
            return Ok(());
        }
        let mut promised = Vec::with_capacity(wanted.len());
        for (sku, pieces) in wanted {
            let Some(open) = self.shelves.get(sku) else { continue };
            promised.push(Line { variant: open.shelf.variant, sku: sku.clone(), pieces });
        }
        for line in &promised {
            self.shift(cause, order, line, Level::reserve)?;
        }
        self.create(order, State::Reserved, promised.clone(), Some(expires_at));
        self.reply(cause, order, Answer::Reserved { lines: promised, expires_at });
        Ok(())
    }

    /// Every reason why the order cannot have its lines, SKU by SKU.
    fn refusals(&self, lines: &[OrderedLine], wanted: &BTreeMap<&Sku, i64>) -> Vec<Refusal> {
        let mut refusals = Vec::new();
        for (sku, requested) in wanted {
            let Some(Open { shelf, .. }) = self.shelves.get(*sku) else {
                refusals.push(Refusal::UnknownSku { sku: (*sku).clone() });
                continue;
            };
            if !shelf.for_sale {
                refusals.push(Refusal::NotForSale { sku: (*sku).clone() });
            }
            let stale = lines.iter().find(|line| line.sku == **sku && line.unit_price != shelf.price);
            if let Some(line) = stale {
                refusals.push(Refusal::PriceChanged {
                    sku: (*sku).clone(),
                    offered: line.unit_price,
                    current: shelf.price,
                });
            }
            let available = shelf.stock.level.available();
            // More than a line can say is more than can be promised, however much there is.
            if *requested > available.min(Quantity::MOST) {
                refusals.push(Refusal::OutOfStock { sku: (*sku).clone(), requested: *requested, available });
            }
        }
        refusals
    }

    fn confirm(&mut self, cause: usize, order: OrderId) -> Result<(), Contradiction> {
        match self.reservations.get(&order) {
            Some(Kept { reservation, .. }) => match reservation.state {
                State::Reserved => self.end(cause, order, State::Held, Ending::Hold),
                State::Held | State::Released => Ok(()),
                State::Expired | State::Rejected | State::Void => {
                    if !reservation.confirm_refused {
                        self.change(order, |reservation| reservation.confirm_refused = true);
                        self.reply(cause, order, Answer::ConfirmRefused);
                    }
                    Ok(())
                }
            },
            // Order confirms what was reserved. This one never was, so nothing may be promised, now or later.
            None => {
                self.create(order, State::Void, Vec::new(), None);
                self.change(order, |reservation| reservation.confirm_refused = true);
                self.reply(cause, order, Answer::ConfirmRefused);
                Ok(())
            }
        }
    }

    fn cancel(&mut self, cause: usize, order: OrderId) -> Result<(), Contradiction> {
        match self.reservations.get(&order).map(|kept| kept.reservation.state) {
            Some(State::Reserved) => self.end(cause, order, State::Released, Ending::ReleaseReserved),
            Some(State::Held) => self.end(cause, order, State::Released, Ending::ReleaseHeld),
            Some(State::Released | State::Expired | State::Rejected | State::Void) => Ok(()),
            None => {
                self.create(order, State::Void, Vec::new(), None);
                Ok(())
            }
        }
    }

    /// Moves every line of a reservation and takes it to its next state.
    fn end(&mut self, cause: usize, order: OrderId, state: State, ending: Ending) -> Result<(), Contradiction> {
        let Some(kept) = self.reservations.get(&order) else { return Ok(()) };
        for line in kept.reservation.lines.clone() {
            let how = match ending {
                Ending::Hold => Level::hold,
                Ending::ReleaseReserved => Level::release_reserved,
                Ending::ReleaseHeld => Level::release_held,
                Ending::Expire => Level::expire,
            };
            self.shift(cause, order, &line, how)?;
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
        how: impl FnOnce(&mut Level, i64) -> Result<Movement, StockFault>,
    ) -> Result<(), Contradiction> {
        let contradiction = |fault| Contradiction { sku: line.sku.clone(), order, fault };
        let Some(open) = self.shelves.get_mut(&line.sku) else {
            return Err(contradiction(StockFault::NotTaken { asked: line.pieces, taken: 0 }));
        };
        let movement = how(&mut open.shelf.stock.level, line.pieces).map_err(contradiction)?;
        open.touched_by = Some(cause);
        self.movements.push(OrderMovement { cause, order, variant: line.variant, sku: line.sku.clone(), movement });
        Ok(())
    }

    fn create(&mut self, order: OrderId, state: State, lines: Vec<Line>, expires_at: Option<Timestamp>) {
        let reservation = Reservation { order, state, lines, expires_at, confirm_refused: false, version: 1 };
        self.reservations.insert(order, Kept { reservation, is_new: true, touched: true });
    }

    fn change(&mut self, order: OrderId, how: impl FnOnce(&mut Reservation)) {
        if let Some(kept) = self.reservations.get_mut(&order) {
            how(&mut kept.reservation);
            kept.reservation.version += 1;
            kept.touched = true;
        }
    }

    fn reply(&mut self, cause: usize, order: OrderId, answer: Answer) {
        let version = self.reservations.get(&order).map_or(1, |kept| kept.reservation.version);
        self.replies.push(Reply { cause, order, version, answer });
    }
}

#[cfg(test)]
mod tests;

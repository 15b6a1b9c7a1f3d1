//! The level of one SKU and the movements that change it.
//! The rule: none of the three figures is ever negative, and the sum of the movements is the level. No adjustment takes away what
//! orders were promised; what they are promised beyond it is decided by `super::availability`.

use std::borrow::Cow;
use std::fmt;

use contracts::catalog::{Availability, Backorder};
use kernel::{Malformed, ProductId, Sku, Timestamp, VariantId};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};

use super::availability::Stock;

/// What an address names a stock level by. Text that has the form of a variant's id is one.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub enum StockKey {
    /// The SKU.
    Sku(Sku),
    /// The variant that has the SKU.
    Variant(VariantId),
}

impl TryFrom<String> for StockKey {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        match text.parse() {
            Ok(variant) => Ok(Self::Variant(variant)),
            Err(_) => Sku::parse(&text).map(Self::Sku),
        }
    }
}

impl JsonSchema for StockKey {
    fn schema_name() -> Cow<'static, str> {
        "StockKey".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        // Every variant's id has the form of a SKU too.
        Sku::json_schema(generator)
    }
}

impl fmt::Display for StockKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sku(sku) => write!(formatter, "SKU {sku}"),
            Self::Variant(variant) => write!(formatter, "variant {variant}"),
        }
    }
}

/// How many pieces there are and how many are promised to orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Level {
    on_hand: i64,
    reserved: i64,
    held: i64,
}

/// Why a level changes, by the name in the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, strum::IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum MovementKind {
    /// Somebody received or lost pieces, or set their number.
    Adjust,
    /// Somebody counted what is there.
    Count,
    /// Pieces went from one place to another: one movement on each side.
    Transfer,
    /// Pieces are set aside for a placed order, until it confirms or they expire.
    Reserve,
    /// Reserved pieces become held ones, since the order was confirmed.
    Hold,
    /// Pieces are held for a confirmed order that something is added to.
    Extend,
    /// Reserved or held pieces are free again, since the order was cancelled.
    Release,
    /// Reserved pieces are free again, since nobody confirmed the order in time.
    Expire,
    /// Pieces left with a parcel.
    Commit,
    /// Pieces came back and can be sold again.
    Restock,
}

/// One entry of the ledger: signed changes of the three figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Movement {
    /// Why the level changed.
    pub kind: MovementKind,
    /// Change of the pieces on hand.
    pub on_hand: i64,
    /// Change of the pieces that wait for a confirmation.
    pub reserved: i64,
    /// Change of the pieces of confirmed orders.
    pub held: i64,
}

/// How the pieces on hand change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Adjustment {
    /// This many more, or fewer when it is negative.
    Delta(i64),
    /// This many, however many there were.
    Set(i64),
    /// As many as there are; only the terms change.
    Unchanged,
}

/// A movement that a level does not allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StockFault {
    /// More is asked for than is available.
    #[error("{requested} are asked for, but {available} are available")]
    NotAvailable {
        /// Pieces asked for.
        requested: i64,
        /// Pieces that are free.
        available: i64,
    },
    /// Fewer pieces would be on hand than are promised to orders.
    #[error(
        "{on_hand} on hand would be less than the {promised} that are reserved or held for orders; if no more are there, count \
         them"
    )]
    BelowPromised {
        /// Pieces that would be on hand.
        on_hand: i64,
        /// Pieces reserved or held.
        promised: i64,
    },
    /// Fewer are at the place than are taken from it.
    #[error("{asked} are taken from a place that has {there}; adjust or count where they are, or transfer them first")]
    NotThere {
        /// Pieces to take.
        asked: i64,
        /// Pieces that are there.
        there: i64,
    },
    /// Pieces are brought to a location that serves no orders.
    #[error(
        "nothing is brought to a location that is not active, since orders would be promised it; activate it first"
    )]
    Closed,
    /// More than [`Level::MOST`].
    #[error("on hand must be at most 1000000000")]
    TooMany,
    /// More is given back than was taken.
    #[error("{asked} cannot be given back, only {taken} were taken")]
    NotTaken {
        /// Pieces to give back.
        asked: i64,
        /// Pieces that were taken.
        taken: i64,
    },
}

impl Movement {
    /// One side of a transfer.
    #[must_use]
    pub(super) const fn transfer(on_hand: i64) -> Self {
        Self { kind: MovementKind::Transfer, on_hand, reserved: 0, held: 0 }
    }
}

impl Level {
    /// The most that can be on hand: far from where sums overflow.
    pub const MOST: i64 = 1_000_000_000;

    /// A level as it was stored.
    #[must_use]
    pub const fn restore(on_hand: i64, reserved: i64, held: i64) -> Self {
        Self { on_hand, reserved, held }
    }

    /// Pieces in the house.
    #[must_use]
    pub const fn on_hand(self) -> i64 {
        self.on_hand
    }

    /// Pieces that wait for a confirmation.
    #[must_use]
    pub const fn reserved(self) -> i64 {
        self.reserved
    }

    /// Pieces of confirmed orders.
    #[must_use]
    pub const fn held(self) -> i64 {
        self.held
    }

    /// Pieces that nobody was promised; negative when more was promised than is there.
    #[must_use]
    pub const fn free(self) -> i64 {
        self.on_hand - self.reserved - self.held
    }

    /// Adds `delta` pieces, or takes them away when it is negative.
    ///
    /// # Errors
    /// When pieces are taken away and less would be left than is promised to orders, or there would be more than [`Self::MOST`].
    pub fn adjust(&mut self, delta: i64) -> Result<Movement, StockFault> {
        let on_hand = self.on_hand.checked_add(delta).ok_or(StockFault::TooMany)?;
        if on_hand > Self::MOST {
            return Err(StockFault::TooMany);
        }
        let promised = self.reserved + self.held;
        if delta < 0 && on_hand < promised {
            return Err(StockFault::BelowPromised { on_hand, promised });
        }
        Ok(self.apply(Movement { kind: MovementKind::Adjust, on_hand: delta, reserved: 0, held: 0 }))
    }

    /// Says how many pieces are there, whatever was promised: somebody counted them.
    ///
    /// # Errors
    /// When that is negative or more than [`Self::MOST`].
    pub fn count(&mut self, counted: i64) -> Result<Movement, StockFault> {
        if counted > Self::MOST {
            return Err(StockFault::TooMany);
        }
        if counted < 0 {
            return Err(StockFault::BelowPromised { on_hand: counted, promised: 0 });
        }
        let on_hand = counted - self.on_hand;
        Ok(self.apply(Movement { kind: MovementKind::Count, on_hand, reserved: 0, held: 0 }))
    }

    /// Sets pieces aside for an order. Whether they may be sold is the caller's question.
    pub(super) fn reserve(&mut self, pieces: i64) -> Movement {
        self.apply(Movement { kind: MovementKind::Reserve, on_hand: 0, reserved: pieces, held: 0 })
    }

    /// Turns reserved pieces into held ones, since the order was confirmed.
    ///
    /// # Errors
    /// When fewer are reserved.
    pub fn hold(&mut self, pieces: i64) -> Result<Movement, StockFault> {
        taken(pieces, self.reserved)?;
        Ok(self.apply(Movement { kind: MovementKind::Hold, on_hand: 0, reserved: -pieces, held: pieces }))
    }

    /// Holds more pieces for an order that is confirmed. Whether they may be sold is the caller's question.
    pub(super) fn extend(&mut self, pieces: i64) -> Movement {
        self.apply(Movement { kind: MovementKind::Extend, on_hand: 0, reserved: 0, held: pieces })
    }

    /// Frees pieces that were only reserved, since the order was cancelled.
    ///
    /// # Errors
    /// When fewer are reserved.
    pub fn release_reserved(&mut self, pieces: i64) -> Result<Movement, StockFault> {
        taken(pieces, self.reserved)?;
        Ok(self.apply(Movement { kind: MovementKind::Release, on_hand: 0, reserved: -pieces, held: 0 }))
    }

    /// Frees pieces that were held, since the order was cancelled.
    ///
    /// # Errors
    /// When fewer are held.
    pub fn release_held(&mut self, pieces: i64) -> Result<Movement, StockFault> {
        taken(pieces, self.held)?;
        Ok(self.apply(Movement { kind: MovementKind::Release, on_hand: 0, reserved: 0, held: -pieces }))
    }

    /// Frees pieces whose reservation ran out.
    ///
    /// # Errors
    /// When fewer are reserved.
    pub fn expire(&mut self, pieces: i64) -> Result<Movement, StockFault> {
        taken(pieces, self.reserved)?;
        Ok(self.apply(Movement { kind: MovementKind::Expire, on_hand: 0, reserved: -pieces, held: 0 }))
    }

    /// Takes out what left with a parcel: `held` pieces that the order had, and `free` ones that nobody was promised. It has left
    /// whatever the books say, so where they have fewer, they have none afterwards.
    ///
    /// # Errors
    /// When fewer are held.
    pub fn commit(&mut self, held: i64, free: i64) -> Result<Movement, StockFault> {
        taken(held, self.held)?;
        let free = free.min(self.free().max(0));
        let on_hand = -(held + free).min(self.on_hand);
        Ok(self.apply(Movement { kind: MovementKind::Commit, on_hand, reserved: 0, held: -held }))
    }

    /// Puts back what an order returned. It is there whatever the books can say, so there are [`Self::MOST`] at most afterwards.
    pub fn restock(&mut self, pieces: i64) -> Movement {
        let on_hand = pieces.min(Self::MOST - self.on_hand);
        self.apply(Movement { kind: MovementKind::Restock, on_hand, reserved: 0, held: 0 })
    }

    fn apply(&mut self, movement: Movement) -> Movement {
        self.on_hand += movement.on_hand;
        self.reserved += movement.reserved;
        self.held += movement.held;
        movement
    }
}

fn taken(asked: i64, taken: i64) -> Result<(), StockFault> {
    if asked > taken { Err(StockFault::NotTaken { asked, taken }) } else { Ok(()) }
}

/// The stock of one SKU as it is now: the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockItem {
    sku: Sku,
    variant: VariantId,
    product: ProductId,
    /// Pieces in the house, at all locations.
    on_hand: i64,
    /// Pieces that wait for their orders' confirmation.
    reserved: i64,
    /// Pieces of confirmed orders that have not left yet.
    held: i64,
    /// Pieces that are kept back.
    safety_stock: i64,
    /// What is there and may be sold: on hand less reserved less held less safety stock. Negative when more was promised.
    available: i64,
    /// What an order may still have, backorders included; 1000000000 stands for any number.
    sellable: i64,
    /// What may be sold beyond what is there.
    backorder: Backorder,
    /// What shoppers are told.
    availability: Availability,
    /// A warning comes when this many or fewer are available.
    low_threshold: i64,
    /// Rises with every transaction that changes the level.
    version: i64,
    updated_at: Timestamp,
}

impl StockItem {
    /// A row of stock with the SKU, variant and product that it belongs to.
    #[must_use]
    pub fn new(sku: Sku, variant: VariantId, product: ProductId, stock: Stock, updated_at: Timestamp) -> Self {
        Self {
            sku,
            variant,
            product,
            on_hand: stock.level.on_hand(),
            reserved: stock.level.reserved(),
            held: stock.level.held(),
            safety_stock: stock.terms.safety_stock,
            available: stock.available(),
            sellable: stock.sellable(),
            backorder: stock.terms.backorder,
            availability: stock.availability(),
            low_threshold: stock.terms.low_threshold,
            version: stock.version,
            updated_at,
        }
    }

    /// The product that the SKU belongs to.
    #[must_use]
    pub const fn product(&self) -> ProductId {
        self.product
    }

    /// The SKU whose stock it is.
    #[must_use]
    pub fn sku(&self) -> &Sku {
        &self.sku
    }
}

/// What became of one row of a call that adjusts many levels.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LevelOutcome {
    /// The row's place in the call, from 1.
    pub line: u64,
    /// Whether it changed something.
    pub result: LevelResult,
    /// The SKU that it names.
    pub sku: Sku,
    /// The level after the whole call, where the row changed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stock: Option<StockItem>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Whether a row changed a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LevelResult {
    /// It did.
    Updated,
    /// The level was so already.
    Unchanged,
    /// It was refused.
    Failed,
}

/// What became of the levels of one call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AdjustedLevels {
    /// Each row's outcome, in the order of the call.
    pub rows: Vec<LevelOutcome>,
    /// Rows that changed a level.
    pub updated: usize,
    /// Rows whose level was so already.
    pub unchanged: usize,
    /// Rows that were refused.
    pub failed: usize,
}

impl AdjustedLevels {
    /// Counts outcomes.
    #[must_use]
    pub fn of(rows: Vec<LevelOutcome>) -> Self {
        let count = |result: LevelResult| rows.iter().filter(|row| row.result == result).count();
        let (updated, unchanged) = (count(LevelResult::Updated), count(LevelResult::Unchanged));
        let failed = count(LevelResult::Failed);
        Self { rows, updated, unchanged, failed }
    }

    /// The products whose stock was changed.
    pub fn products(&self) -> impl Iterator<Item = ProductId> {
        self.rows.iter().filter_map(|row| row.stock.as_ref()).map(StockItem::product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_wander_from_free_to_reserved_to_held_and_back() {
        let mut level = Level::default();
        level.adjust(10).unwrap();
        level.reserve(4);
        level.hold(3).unwrap();
        assert_eq!(level, Level::restore(10, 1, 3));
        assert_eq!(level.free(), 6);
        level.release_held(3).unwrap();
        level.expire(1).unwrap();
        assert_eq!(level, Level::restore(10, 0, 0));
    }

    #[test]
    fn what_is_not_there_cannot_be_taken() {
        let mut level = Level::restore(5, 2, 1);
        assert_eq!(level.adjust(-3), Err(StockFault::BelowPromised { on_hand: 2, promised: 3 }));
        assert_eq!(level.hold(3), Err(StockFault::NotTaken { asked: 3, taken: 2 }));
        assert_eq!(level.release_held(2), Err(StockFault::NotTaken { asked: 2, taken: 1 }));
        assert_eq!(level.adjust(Level::MOST), Err(StockFault::TooMany));
        assert_eq!(level.adjust(i64::MAX), Err(StockFault::TooMany));
        assert_eq!(level.count(-1), Err(StockFault::BelowPromised { on_hand: -1, promised: 0 }));
        assert_eq!(level.count(Level::MOST + 1), Err(StockFault::TooMany));
        assert_eq!(level, Level::restore(5, 2, 1), "a refused movement changes nothing");
    }

    #[test]
    fn what_leaves_goes_from_the_hands_and_from_the_promise_together() {
        let mut level = Level::restore(10, 1, 4);
        let movement = level.commit(3, 0).unwrap();
        assert_eq!((movement.on_hand, movement.held, level), (-3, -3, Level::restore(7, 1, 1)));
        assert_eq!(level.commit(2, 0), Err(StockFault::NotTaken { asked: 2, taken: 1 }));
        // What nobody was promised is taken as far as it is there, and nobody's promise with it.
        assert_eq!(level.commit(0, 9).unwrap().on_hand, -5);
        assert_eq!(level, Level::restore(2, 1, 1));
        level.restock(4);
        assert_eq!(level, Level::restore(6, 1, 1));
        level.restock(Level::MOST);
        assert_eq!(level, Level::restore(Level::MOST, 1, 1));
        // Where a count found fewer than were promised, nothing is left.
        let mut short = Level::restore(1, 0, 3);
        assert_eq!(short.commit(3, 0).unwrap().on_hand, -1);
        assert_eq!(short, Level::restore(0, 0, 0));
    }

    #[test]
    fn a_count_says_what_is_there_and_what_arrives_may_still_be_too_little() {
        let mut level = Level::restore(9, 2, 5);
        let movement = level.count(4).unwrap();
        assert_eq!((movement.kind, movement.on_hand, level.free()), (MovementKind::Count, -5, -3));
        assert_eq!(level.adjust(-1), Err(StockFault::BelowPromised { on_hand: 3, promised: 7 }));
        level.adjust(2).unwrap();
        assert_eq!(level, Level::restore(6, 2, 5));
    }
}

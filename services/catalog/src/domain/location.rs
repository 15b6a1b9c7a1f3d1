//! Places where pieces are, and moving pieces between them. Which of them serves an order is decided by `super::serving`.
//! The rule: orders take from the sum of a SKU. A location has some of its pieces, and the default location those that no other has;
//! no place ever has fewer than none, and one that serves no orders has none at all, or the sum would promise what nobody sends.

use std::fmt;

use contracts::catalog::Backorder;
use kernel::{Malformed, Sku, Slug, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::availability::Stock;
use super::stock::{Adjustment, Level, Movement, StockFault};
use super::wording::Title;

/// A place where pieces are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// Its name in requests; never changes.
    pub code: Slug,
    /// Its name for people.
    pub name: Title,
    /// The lowest serves first.
    pub priority: i32,
    /// Whether orders are served from it. Only a location without pieces serves none.
    pub active: bool,
    /// Rises by one with each change.
    pub version: i64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
}

impl Location {
    /// The most locations of an organisation.
    pub const MOST: i64 = 50;
    /// What the default location is called. It has this code in no table, and the priority 0.
    pub const DEFAULT: &'static str = "default";

    /// The code of the default location.
    #[must_use]
    pub fn default_code() -> Slug {
        #[expect(clippy::expect_used, reason = "the constant is a slug, which the tests of this file read")]
        Slug::parse(Self::DEFAULT).expect("the code of the default location is a slug")
    }
}

/// What is to be different about a location. What is `None` stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LocationChange {
    /// Its name for people.
    pub name: Option<Title>,
    /// Whether it serves before others.
    pub priority: Option<i32>,
    /// Whether orders are served from it.
    pub active: Option<bool>,
}

impl Location {
    /// Changes it; whether anything is different now.
    pub fn change(&mut self, change: &LocationChange, now: Timestamp) -> bool {
        let before = (self.name.clone(), self.priority, self.active);
        self.name = change.name.clone().unwrap_or_else(|| self.name.clone());
        self.priority = change.priority.unwrap_or(self.priority);
        self.active = change.active.unwrap_or(self.active);
        if before == (self.name.clone(), self.priority, self.active) {
            return false;
        }
        self.version += 1;
        self.updated_at = now;
        true
    }
}

/// A place that a request names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The one that has whatever no other has.
    Default,
    /// A location.
    At(Slug),
}

impl Place {
    /// Reads the code of a location, or `default`.
    ///
    /// # Errors
    /// When it cannot be a code.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text == Location::DEFAULT { Ok(Self::Default) } else { Slug::parse(text).map(Self::At) }
    }

    /// The place that a request names, or the default location when it names none.
    ///
    /// # Errors
    /// When it cannot be a code.
    pub fn named(text: Option<&str>) -> Result<Self, Malformed> {
        text.map_or(Ok(Self::Default), Self::parse)
    }
}

/// A place with the pieces of one SKU that are there. The default location's follow from the stock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placed {
    /// The default location.
    Default,
    /// A location and what it has.
    At {
        /// The location.
        code: Slug,
        /// Its pieces.
        on_hand: i64,
        /// Whether orders are served from it.
        active: bool,
    },
}

impl Placed {
    /// The location's code; none is the default location.
    #[must_use]
    pub const fn code(&self) -> Option<&Slug> {
        match self {
            Self::Default => None,
            Self::At { code, .. } => Some(code),
        }
    }

    /// The pieces that are there.
    #[must_use]
    pub fn on_hand(&self, stock: &Stock) -> i64 {
        match self {
            Self::Default => stock.level.on_hand() - stock.located,
            Self::At { on_hand, .. } => *on_hand,
        }
    }

    /// Brings pieces, or takes them away when `delta` is negative.
    ///
    /// # Errors
    /// When so many are not there, when orders were promised them, when there would be too many, or when the location is not active.
    pub fn adjust(&mut self, stock: &mut Stock, delta: i64) -> Result<Movement, StockFault> {
        self.can_take(delta)?;
        let there = self.on_hand(stock);
        if delta < 0 && delta.saturating_add(there) < 0 {
            return Err(StockFault::NotThere { asked: delta.saturating_neg(), there });
        }
        let movement = stock.level.adjust(delta)?;
        self.put(stock, delta);
        Ok(movement)
    }

    /// Says how many pieces are there, whatever was promised.
    ///
    /// # Errors
    /// When that is negative, there would be too many in all, or more than before where the location is not active.
    pub fn count(&mut self, stock: &mut Stock, counted: i64) -> Result<Movement, StockFault> {
        let there = self.on_hand(stock);
        if counted < 0 {
            return Err(StockFault::NotThere { asked: counted.saturating_neg(), there: 0 });
        }
        self.can_take(counted.saturating_sub(there))?;
        let movement = stock.level.count(stock.level.on_hand().saturating_add(counted.saturating_sub(there)))?;
        self.put(stock, movement.on_hand);
        Ok(movement)
    }

    /// Moves pieces from here to another place.
    ///
    /// # Errors
    /// When so many are not here, or the other place is not active.
    pub fn transfer(&mut self, to: &mut Self, stock: &mut Stock, pieces: i64) -> Result<[Movement; 2], StockFault> {
        let there = self.on_hand(stock);
        if pieces > there {
            return Err(StockFault::NotThere { asked: pieces, there });
        }
        to.can_take(pieces)?;
        self.put(stock, -pieces);
        to.put(stock, pieces);
        Ok([Movement::transfer(-pieces), Movement::transfer(pieces)])
    }

    fn can_take(&self, delta: i64) -> Result<(), StockFault> {
        match self {
            Self::At { active: false, .. } if delta > 0 => Err(StockFault::Closed),
            _ => Ok(()),
        }
    }

    /// The default location has the rest, so nothing is kept of it.
    fn put(&mut self, stock: &mut Stock, delta: i64) {
        if let Self::At { on_hand, .. } = self {
            *on_hand += delta;
            stock.located += delta;
        }
    }
}

/// How staff change what a place has of a SKU, and the terms that the SKU is sold on. Terms that are `None` stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelChange {
    /// Where the pieces come or go.
    pub place: Place,
    /// How its pieces change.
    pub adjustment: Adjustment,
    /// The new threshold, 0 to 1,000,000,000.
    pub low_threshold: Option<i64>,
    /// How many pieces are kept back, 0 to 1,000,000,000.
    pub safety_stock: Option<i64>,
    /// What may be sold beyond what is there.
    pub backorder: Option<Backorder>,
}

impl LevelChange {
    /// Makes the change at its place; the movement, if pieces came or went. The version stays, since a transaction may do this more
    /// than once.
    ///
    /// # Errors
    /// As [`Placed::adjust`]; nothing is changed then.
    pub fn apply(&self, placed: &mut Placed, stock: &mut Stock) -> Result<Option<Movement>, StockFault> {
        let delta = match self.adjustment {
            Adjustment::Delta(delta) => delta,
            Adjustment::Set(pieces) if pieces > Level::MOST => return Err(StockFault::TooMany),
            Adjustment::Set(pieces) => pieces.max(-1) - placed.on_hand(stock),
            Adjustment::Unchanged => 0,
        };
        let movement = placed.adjust(stock, delta)?;
        let terms = &mut stock.terms;
        terms.low_threshold = self.low_threshold.unwrap_or(terms.low_threshold);
        terms.safety_stock = self.safety_stock.unwrap_or(terms.safety_stock);
        terms.backorder = self.backorder.unwrap_or(terms.backorder);
        Ok((delta != 0).then_some(movement))
    }
}

/// What a location has of a SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedPieces {
    /// The location.
    pub location: Slug,
    /// Its pieces.
    pub on_hand: i64,
    /// Pieces that orders are to have from it.
    pub promised: i64,
}

/// What a place has, for the choice of who serves an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlaceLevel {
    /// The location's code; `default` is the one that has whatever no other has.
    #[schemars(with = "Slug")]
    pub location: String,
    /// The lowest serves first; the default location has 0.
    pub priority: i32,
    /// Whether orders are served from it.
    pub active: bool,
    /// Its pieces.
    pub on_hand: i64,
    /// Those of them that orders are to have. More than there are, where pieces went elsewhere meanwhile.
    pub promised: i64,
}

impl PlaceLevel {
    /// The pieces that it can give to one more order; none when it serves no orders.
    #[must_use]
    pub fn available(&self) -> i64 {
        if self.active { (self.on_hand - self.promised).max(0) } else { 0 }
    }
}

/// Pieces of a SKU at a location.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct StockedPlace {
    /// The location's code.
    pub location: Slug,
    /// The SKU.
    pub sku: Sku,
    /// How many are there.
    pub pieces: i64,
}

impl fmt::Display for StockedPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { location, sku, pieces } = self;
        write!(formatter, "{location} has {pieces} of {sku}")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::availability::Terms;
    use crate::domain::stock::Level;

    fn stock(on_hand: i64, reserved: i64) -> Stock {
        Stock { level: Level::restore(on_hand, reserved, 0), terms: Terms::default(), located: 0, version: 1 }
    }

    fn at(code: &str) -> Placed {
        Placed::At { code: Slug::parse(code).unwrap(), on_hand: 0, active: true }
    }

    #[test]
    fn nothing_comes_to_a_place_that_serves_no_orders() {
        let (mut stock, mut rest) = (stock(10, 4), Placed::Default);
        let mut closed = Placed::At { code: Slug::parse("closed").unwrap(), on_hand: 2, active: false };
        stock.located = 2;
        assert_eq!(closed.adjust(&mut stock, 1), Err(StockFault::Closed));
        assert_eq!(closed.count(&mut stock, 3), Err(StockFault::Closed));
        assert_eq!(rest.transfer(&mut closed, &mut stock, 1), Err(StockFault::Closed));
        assert_eq!((closed.on_hand(&stock), rest.on_hand(&stock)), (2, 8), "nothing has changed");
        closed.transfer(&mut rest, &mut stock, 1).unwrap();
        closed.adjust(&mut stock, -1).unwrap();
        assert_eq!((closed.on_hand(&stock), rest.on_hand(&stock)), (0, 9), "what is there may go");
    }

    #[test]
    fn the_default_location_has_a_code_like_others() {
        assert_eq!(Location::default_code().as_str(), Location::DEFAULT);
    }

    #[test]
    fn pieces_move_between_places_and_the_sum_stays() {
        let (mut stock, mut rest, mut shop) = (stock(10, 4), Placed::Default, at("shop"));
        let [gone, come] = rest.transfer(&mut shop, &mut stock, 7).unwrap();
        assert_eq!((gone.on_hand, come.on_hand), (-7, 7));
        assert_eq!((rest.on_hand(&stock), shop.on_hand(&stock), stock.available()), (3, 7, 6));
        assert_eq!(rest.transfer(&mut shop, &mut stock, 4), Err(StockFault::NotThere { asked: 4, there: 3 }));
        assert_eq!(rest.adjust(&mut stock, -4), Err(StockFault::NotThere { asked: 4, there: 3 }));
        shop.adjust(&mut stock, 2).unwrap();
        rest.adjust(&mut stock, -1).unwrap();
        shop.count(&mut stock, 1).unwrap();
        assert_eq!((rest.on_hand(&stock), shop.on_hand(&stock), stock.level.free()), (2, 1, -1));
    }

    proptest! {
        #[test]
        fn no_place_has_fewer_than_none_and_together_they_are_the_sum(
            steps in prop::collection::vec((0..3_usize, 0..3_usize, 0..4_u8, -9..15_i64), 1..60),
        ) {
            let (mut stock, mut places) = (stock(0, 0), [Placed::Default, at("one"), at("two")]);
            let mut ledger = [0; 3];
            for (from, to, deed, pieces) in steps {
                match deed {
                    0 if from != to => {
                        let (mut source, mut target) = (places[from].clone(), places[to].clone());
                        if let Ok([gone, come]) = source.transfer(&mut target, &mut stock, pieces.max(1)) {
                            (places[from], places[to]) = (source, target);
                            ledger[from] += gone.on_hand;
                            ledger[to] += come.on_hand;
                        }
                    }
                    1 => ledger[from] += places[from].count(&mut stock, pieces).map_or(0, |moved| moved.on_hand),
                    _ => ledger[from] += places[from].adjust(&mut stock, pieces).map_or(0, |moved| moved.on_hand),
                }
                let there = [0, 1, 2].map(|place| places[place].on_hand(&stock));
                prop_assert_eq!(there, ledger);
                prop_assert!(there.iter().all(|pieces| *pieces >= 0));
                prop_assert_eq!(there.iter().sum::<i64>(), stock.level.on_hand());
            }
        }
    }
}

//! Places where pieces are, moving pieces between them, and which of them serves an order.
//! The rule: orders take from the sum of a SKU. A location has some of its pieces, and the default location those that no other has;
//! no place ever has fewer than none.

use std::cmp::Reverse;

use kernel::{Malformed, Slug, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::availability::Stock;
use super::stock::{Movement, StockFault};
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
    /// Whether orders are served from it.
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
    },
}

impl Placed {
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
    /// When so many are not there, when orders were promised them, or when there would be too many.
    pub fn adjust(&mut self, stock: &mut Stock, delta: i64) -> Result<Movement, StockFault> {
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
    /// When that is negative, or there would be too many in all.
    pub fn count(&mut self, stock: &mut Stock, counted: i64) -> Result<Movement, StockFault> {
        let there = self.on_hand(stock);
        if counted < 0 {
            return Err(StockFault::NotThere { asked: counted.saturating_neg(), there: 0 });
        }
        let movement = stock.level.count(stock.level.on_hand().saturating_add(counted.saturating_sub(there)))?;
        self.put(stock, movement.on_hand);
        Ok(movement)
    }

    /// Moves pieces from here to another place.
    ///
    /// # Errors
    /// When so many are not here.
    pub fn transfer(&mut self, to: &mut Self, stock: &mut Stock, pieces: i64) -> Result<[Movement; 2], StockFault> {
        let there = self.on_hand(stock);
        if pieces > there {
            return Err(StockFault::NotThere { asked: pieces, there });
        }
        self.put(stock, -pieces);
        to.put(stock, pieces);
        Ok([Movement::transfer(-pieces), Movement::transfer(pieces)])
    }

    /// The default location has the rest, so nothing is kept of it.
    fn put(&mut self, stock: &mut Stock, delta: i64) {
        if let Self::At { on_hand, .. } = self {
            *on_hand += delta;
            stock.located += delta;
        }
    }
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
}

/// What one place gives to an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Portion {
    /// The location's code.
    #[schemars(with = "Slug")]
    pub location: String,
    /// The pieces that it gives.
    pub pieces: i64,
}

/// Which places serve so many pieces: of those that have all of them the first by priority, then by most pieces. Only where none has
/// all of them, the order is split, in the same order of places. What nowhere is is left out.
#[must_use]
pub fn serving(levels: &[PlaceLevel], pieces: i64) -> Vec<Portion> {
    let mut places: Vec<&PlaceLevel> = levels.iter().filter(|level| level.active && level.on_hand > 0).collect();
    places.sort_by_key(|level| (level.priority, Reverse(level.on_hand), level.location.clone()));
    let portion = |level: &PlaceLevel, pieces| Portion { location: level.location.clone(), pieces };
    if let Some(whole) = places.iter().find(|level| level.on_hand >= pieces) {
        return vec![portion(whole, pieces)];
    }
    let mut left = pieces;
    let mut portions = Vec::new();
    for level in places {
        let given = level.on_hand.min(left);
        if given > 0 {
            portions.push(portion(level, given));
            left -= given;
        }
    }
    portions
}

/// Splits a movement of an order among the places of its SKU, which have so many pieces less, or more, afterwards. What leaves comes from
/// the places that serve it, and from those that serve no orders only where the others have too little. What comes back, and what
/// changes a promise only, belongs to the default location.
///
/// # Errors
/// When a place has a code that none can have.
pub fn moving(levels: &mut [PlaceLevel], movement: Movement) -> Result<Vec<(Option<Slug>, Movement)>, Malformed> {
    let pieces = -movement.on_hand;
    if pieces <= 0 {
        let default = levels.iter_mut().find(|level| level.location == Location::DEFAULT);
        default.into_iter().for_each(|level| level.on_hand += movement.on_hand);
        return Ok(vec![(None, movement)]);
    }
    let mut portions = serving(levels, pieces);
    let mut left = pieces - portions.iter().map(|portion| portion.pieces).sum::<i64>();
    for level in levels.iter().filter(|level| !level.active) {
        let given = level.on_hand.min(left);
        if given > 0 {
            portions.push(Portion { location: level.location.clone(), pieces: given });
            left -= given;
        }
    }
    // What was promised beyond the pieces that are there goes with the first portion.
    let mut held = movement.held + pieces;
    let mut split = Vec::with_capacity(portions.len());
    for Portion { location, pieces } in portions {
        levels.iter_mut().filter(|level| level.location == location).for_each(|level| level.on_hand -= pieces);
        let place = if location == Location::DEFAULT { None } else { Some(Slug::parse(&location)?) };
        split.push((place, Movement { on_hand: -pieces, held: held - pieces, ..movement }));
        held = 0;
    }
    Ok(split)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::availability::Terms;
    use crate::domain::stock::{Level, MovementKind};

    fn stock(on_hand: i64, reserved: i64) -> Stock {
        Stock { level: Level::restore(on_hand, reserved, 0), terms: Terms::default(), located: 0, version: 1 }
    }

    fn at(code: &str) -> Placed {
        Placed::At { code: Slug::parse(code).unwrap(), on_hand: 0 }
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

    #[test]
    fn who_has_all_serves_by_priority_then_by_most_and_only_else_an_order_is_split() {
        let level = |location: &str, priority, on_hand, active| PlaceLevel {
            location: location.to_owned(),
            priority,
            active,
            on_hand,
        };
        let levels = [
            level("default", 0, 2, true),
            level("closed", 0, 90, false),
            level("hue", 1, 5, true),
            level("hanoi", 1, 8, true),
        ];
        let served = |pieces| {
            let portions = serving(&levels, pieces);
            portions.into_iter().map(|one| format!("{} {}", one.pieces, one.location)).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(served(2), "2 default");
        assert_eq!(served(3), "3 hanoi");
        assert_eq!(served(9), "2 default, 7 hanoi");
        assert_eq!(served(99), "2 default, 8 hanoi, 5 hue");
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

    #[test]
    fn what_leaves_comes_from_where_it_is_and_every_piece_is_counted_once() {
        let level = |location: &str, priority, active, on_hand| PlaceLevel {
            location: location.to_owned(),
            priority,
            active,
            on_hand,
        };
        let mut levels =
            [level(Location::DEFAULT, 0, true, 2), level("hanoi", 1, true, 3), level("closed", -1, false, 4)];
        let commit = |on_hand, held| Movement { kind: MovementKind::Commit, on_hand, reserved: 0, held };
        let split = moving(&mut levels, commit(-7, -8)).unwrap();
        let told: Vec<_> = split
            .iter()
            .map(|(place, moved)| (place.as_ref().map_or("", |place| place.as_str()), moved.on_hand, moved.held))
            .collect();
        assert_eq!(told, [("", -2, -3), ("hanoi", -3, -3), ("closed", -2, -2)]);
        assert_eq!(levels.each_ref().map(|level| level.on_hand), [0, 0, 2]);
        let back = Movement { kind: MovementKind::Restock, on_hand: 3, reserved: 0, held: 0 };
        assert_eq!(moving(&mut levels, back).unwrap(), [(None, back)]);
        assert_eq!(levels[0].on_hand, 3);
    }
}

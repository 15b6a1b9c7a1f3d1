//! Which places serve an order. The rule: an order takes from the sum, so it is never refused for where its pieces lie; a line is split
//! only where no place has all of its pieces, and pieces that are nowhere are of no place.

use std::cmp::Reverse;

use kernel::{Malformed, Slug, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

use super::location::{Location, PlaceLevel};
use super::stock::Movement;

/// How an organisation chooses the places that serve an order.
#[derive(
    Debug,
    Clone,
    Copy,
    Default,
    PartialEq,
    Eq,
    Serialize,
    Deserialize,
    JsonSchema,
    EnumString,
    IntoStaticStr,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ServingRule {
    /// Each line by itself: the place that serves first by its priority, among equals the one with the most available.
    #[default]
    PriorityThenMostAvailable,
    /// Each line by itself: the place with the most available, among equals the one that serves first by its priority.
    MostAvailable,
    /// One place that has the whole order, the first by priority; where none has it, as `priority-then-most-available`.
    SingleLocationFirst,
}

/// How an organisation sells from its stock. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StockSettings {
    /// How the places are chosen that serve an order.
    pub serving_rule: ServingRule,
    /// Rises by one with each change; 1 until the first one.
    pub version: i64,
    /// When they changed last, if they did.
    pub updated_at: Option<Timestamp>,
}

impl Default for StockSettings {
    fn default() -> Self {
        Self { serving_rule: ServingRule::default(), version: 1, updated_at: None }
    }
}

impl StockSettings {
    /// Chooses another rule; whether anything is different now.
    pub fn change(&mut self, rule: ServingRule, now: Timestamp) -> bool {
        if self.serving_rule == rule {
            return false;
        }
        *self = Self { serving_rule: rule, version: self.version + 1, updated_at: Some(now) };
        true
    }
}

/// One line of an order, with the places that have any of it.
#[derive(Debug, Clone, Copy)]
pub struct Demand<'d> {
    /// The pieces that the order wants.
    pub pieces: i64,
    /// Where its SKU is.
    pub places: &'d [PlaceLevel],
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

/// Which places serve the lines of an order, line by line.
#[must_use]
pub fn serving(rule: ServingRule, order: &[Demand<'_>]) -> Vec<Vec<Portion>> {
    let place = if rule == ServingRule::SingleLocationFirst { of_all(order) } else { None };
    let portions = |line: &Demand<'_>| match place {
        // All of it has left or was cancelled already.
        _ if line.pieces <= 0 => Vec::new(),
        Some(place) => vec![portion(place, line.pieces)],
        None => of_line(rule, line),
    };
    order.iter().map(portions).collect()
}

/// The place that has all of every line.
fn of_all<'d>(order: &[Demand<'d>]) -> Option<&'d str> {
    let (first, others) = order.split_first()?;
    let has = |line: &Demand<'_>, place: &PlaceLevel| {
        line.places.iter().any(|one| one.location == place.location && one.available() >= line.pieces)
    };
    let whole = first.places.iter().filter(|place| has(first, place) && others.iter().all(|line| has(line, place)));
    let place = whole.min_by_key(|place| (place.priority, Reverse(place.available()), &place.location))?;
    Some(&place.location)
}

fn of_line(rule: ServingRule, line: &Demand<'_>) -> Vec<Portion> {
    let mut places: Vec<&PlaceLevel> = line.places.iter().filter(|place| place.available() > 0).collect();
    places.sort_by_key(|place| {
        let most = Reverse(place.available());
        match rule {
            ServingRule::MostAvailable => (most, place.priority, Reverse(0), &place.location),
            ServingRule::PriorityThenMostAvailable | ServingRule::SingleLocationFirst => {
                (Reverse(0), place.priority, most, &place.location)
            }
        }
    });
    if let Some(whole) = places.iter().find(|place| place.available() >= line.pieces) {
        return vec![portion(&whole.location, line.pieces)];
    }
    let mut left = line.pieces;
    let mut portions = Vec::new();
    for place in places {
        let given = place.available().min(left);
        if given > 0 {
            portions.push(portion(&place.location, given));
            left -= given;
        }
    }
    portions
}

fn portion(location: &str, pieces: i64) -> Portion {
    Portion { location: location.to_owned(), pieces }
}

/// Splits a movement of an order among the places of its SKU, which have so many pieces less, or more, afterwards. What leaves comes
/// from those that were to serve the order (`own`), and from others only where these have too little: first from places that serve
/// orders. What comes back, and what changes a promise only, belongs to the default location.
///
/// # Errors
/// When a place has a code that none can have.
pub fn leave(
    places: &mut [PlaceLevel],
    own: &mut [Portion],
    movement: Movement,
) -> Result<Vec<(Option<Slug>, Movement)>, Malformed> {
    if movement.on_hand >= 0 {
        let default = places.iter_mut().filter(|place| place.location == Location::DEFAULT);
        default.for_each(|place| place.on_hand += movement.on_hand);
        return Ok(vec![(None, movement)]);
    }
    let all = -movement.on_hand;
    let (mut left, mut given) = (all, Vec::new());
    for promised in own {
        let place = places.iter_mut().find(|place| place.location == promised.location);
        promised.pieces -= place.map_or(0, |place| take(place, promised.pieces.min(left), &mut given));
        left = all - given.iter().map(|portion| portion.pieces).sum::<i64>();
    }
    let mut others: Vec<&mut PlaceLevel> = places.iter_mut().collect();
    others.sort_by_key(|place| {
        let has_all = place.active && place.on_hand >= left;
        (!place.active, !has_all, place.priority, Reverse(place.on_hand), place.location.clone())
    });
    for place in others {
        left -= take(place, left, &mut given);
    }
    // What was promised beyond the pieces that are there goes with the first portion.
    let mut owed = movement.held + all;
    let mut split = Vec::with_capacity(given.len());
    for Portion { location, pieces } in given {
        let place = if location == Location::DEFAULT { None } else { Some(Slug::parse(&location)?) };
        split.push((place, Movement { on_hand: -pieces, held: owed - pieces, ..movement }));
        owed = 0;
    }
    Ok(split)
}

/// Takes up to `most` pieces from a place, and notes them; how many there were.
fn take(place: &mut PlaceLevel, most: i64, given: &mut Vec<Portion>) -> i64 {
    let pieces = place.on_hand.min(most).max(0);
    place.on_hand -= pieces;
    match given.iter_mut().find(|known| known.location == place.location) {
        Some(known) => known.pieces += pieces,
        None if pieces > 0 => given.push(portion(&place.location, pieces)),
        None => {}
    }
    pieces
}

/// Cuts what an order is to have from places down to the pieces that it still has, the last places first.
pub fn cut(own: &mut Vec<Portion>, pieces: i64) {
    let mut over = own.iter().map(|portion| portion.pieces).sum::<i64>() - pieces;
    for portion in own.iter_mut().rev() {
        let less = portion.pieces.min(over).max(0);
        portion.pieces -= less;
        over -= less;
    }
    own.retain(|portion| portion.pieces > 0);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use strum::VariantNames as _;

    use super::*;
    use crate::domain::stock::MovementKind;

    fn place(location: &str, priority: i32, on_hand: i64) -> PlaceLevel {
        PlaceLevel { location: location.to_owned(), priority, active: true, on_hand, promised: 0 }
    }

    fn served(rule: ServingRule, lines: &[(i64, &[PlaceLevel])]) -> String {
        let demands: Vec<Demand<'_>> =
            lines.iter().map(|(pieces, places)| Demand { pieces: *pieces, places }).collect();
        let line = |portions: Vec<Portion>| {
            portions.into_iter().map(|one| format!("{} {}", one.pieces, one.location)).collect::<Vec<_>>().join(", ")
        };
        serving(rule, &demands).into_iter().map(line).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn who_has_all_of_a_line_serves_it_and_only_else_it_is_split() {
        use ServingRule::{MostAvailable, PriorityThenMostAvailable as Priority};
        let closed = PlaceLevel { active: false, ..place("closed", 0, 90) };
        let promised = PlaceLevel { promised: 4, ..place("promised", 0, 4) };
        let lamps = [place("default", 0, 2), closed, promised, place("hue", 1, 5), place("hanoi", 1, 8)];
        for (rule, pieces, wanted) in [
            (Priority, 2, "2 default"),
            (Priority, 3, "3 hanoi"),
            (Priority, 9, "2 default, 7 hanoi"),
            (Priority, 99, "2 default, 8 hanoi, 5 hue"),
            (MostAvailable, 2, "2 hanoi"),
            (MostAvailable, 9, "8 hanoi, 1 hue"),
            (ServingRule::SingleLocationFirst, 2, "2 default"),
            (ServingRule::SingleLocationFirst, 9, "2 default, 7 hanoi"),
        ] {
            assert_eq!(served(rule, &[(pieces, &lamps)]), wanted, "{rule:?} {pieces}");
        }
    }

    #[test]
    fn one_place_that_has_the_whole_order_goes_before_priority() {
        let lamps = [place("default", 0, 5), place("hanoi", 2, 5), place("hue", 1, 5)];
        let bulbs = [place("default", 0, 1), place("hanoi", 2, 9), place("hue", 1, 9)];
        let order: [(i64, &[PlaceLevel]); 2] = [(2, &lamps), (3, &bulbs)];
        assert_eq!(served(ServingRule::SingleLocationFirst, &order), "2 hue; 3 hue");
        assert_eq!(served(ServingRule::PriorityThenMostAvailable, &order), "2 default; 3 hue");
        let too_many: [(i64, &[PlaceLevel]); 2] = [(2, &lamps), (10, &bulbs)];
        assert_eq!(served(ServingRule::SingleLocationFirst, &too_many), "2 default; 1 default, 9 hue");
    }

    #[test]
    fn rules_have_the_names_of_the_store() {
        assert_eq!(ServingRule::VARIANTS, ["priority-then-most-available", "most-available", "single-location-first"]);
    }

    proptest! {
        #[test]
        fn no_place_gives_more_than_it_has_and_nothing_is_left_lying(
            rule in 0..3_usize,
            places in prop::collection::vec((-2..3_i32, any::<bool>(), 0..9_i64, 0..9_i64), 0..6),
            pieces in 1..40_i64,
        ) {
            let rule: ServingRule = ServingRule::VARIANTS[rule].parse().unwrap();
            let places: Vec<PlaceLevel> = (0..).zip(places).map(|(number, (priority, active, on_hand, promised))| {
                PlaceLevel { location: format!("place-{number}"), priority, active, on_hand, promised }
            }).collect();
            let portions = serving(rule, &[Demand { pieces, places: &places }]).remove(0);
            let given: i64 = portions.iter().map(|one| one.pieces).sum();
            prop_assert_eq!(given, pieces.min(places.iter().map(PlaceLevel::available).sum()));
            for one in portions {
                let place = places.iter().find(|place| place.location == one.location).unwrap();
                prop_assert!(one.pieces > 0 && one.pieces <= place.available());
            }
        }
    }

    #[test]
    fn what_leaves_comes_from_where_it_is_and_every_piece_is_counted_once() {
        let closed = PlaceLevel { active: false, ..place("closed", -1, 4) };
        let mut places = [place(Location::DEFAULT, 0, 2), place("hanoi", 1, 3), closed];
        let commit = |on_hand, held| Movement { kind: MovementKind::Commit, on_hand, reserved: 0, held };
        let split = leave(&mut places, &mut [], commit(-7, -8)).unwrap();
        let told: Vec<_> = split
            .iter()
            .map(|(place, moved)| (place.as_ref().map_or("", |place| place.as_str()), moved.on_hand, moved.held))
            .collect();
        assert_eq!(told, [("", -2, -3), ("hanoi", -3, -3), ("closed", -2, -2)]);
        assert_eq!(places.each_ref().map(|place| place.on_hand), [0, 0, 2]);
        let back = Movement { kind: MovementKind::Restock, on_hand: 3, reserved: 0, held: 0 };
        assert_eq!(leave(&mut places, &mut [], back).unwrap(), [(None, back)]);
        assert_eq!(places[0].on_hand, 3);
    }

    #[test]
    fn what_leaves_comes_first_from_the_places_that_were_to_serve_the_order() {
        let mut places = [place(Location::DEFAULT, 0, 9), place("hanoi", 1, 3), place("hue", 2, 1)];
        let mut own = vec![portion("hue", 2), portion("hanoi", 2)];
        let commit = Movement { kind: MovementKind::Commit, on_hand: -3, reserved: 0, held: -3 };
        let split = leave(&mut places, &mut own, commit).unwrap();
        let told: Vec<_> =
            split.iter().map(|(place, moved)| (place.as_ref().unwrap().as_str(), moved.on_hand)).collect();
        assert_eq!(told, [("hue", -1), ("hanoi", -2)]);
        assert_eq!(places.each_ref().map(|place| place.on_hand), [9, 1, 0]);
        assert_eq!(own, [portion("hue", 1), portion("hanoi", 0)], "hue has no more than one");
        let mut rest = vec![portion("hue", 1), portion("hanoi", 3)];
        cut(&mut rest, 2);
        assert_eq!(rest, [portion("hue", 1), portion("hanoi", 1)]);
        cut(&mut rest, 0);
        assert_eq!(rest, []);
    }
}

//! What pieces of a line come to, and what each line has of an amount of the whole order. The rule: each piece has a place in its line,
//! and shares are cut at the places, so the amounts of all pieces add up to those of the line, and the shares of all lines to the
//! amount, whatever was rounded.

use contracts::order::Amounts;
use kernel::{Currency, Malformed, SignedMoney};

/// The amounts of a whole line, in minor units of the order's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LinePrice {
    /// The price of one piece.
    pub unit: i64,
    /// What is taken off the line.
    pub discount: i64,
    /// Tax beyond the prices.
    pub tax: i64,
    /// The line's share in the cost of shipping.
    pub shipping: i64,
    /// What one piece costs the seller, where that is known.
    pub cost: Option<i64>,
}

/// Which pieces of a line are meant: those after the first `before`, as many as `count`.
///
/// Pieces are sent from the front of a line and cancelled from its end, so one that was cancelled is never one that was sent, in
/// whatever order the two happen. What arrives, and what comes back of it, is counted from the front again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Pieces of the line that stand before them.
    pub before: i64,
    /// How many they are.
    pub count: i64,
}

impl Range {
    /// Pieces that take a step of the way to the buyer, or back from there: the last of the `reached` that have taken it by now.
    #[must_use]
    pub const fn onwards(reached: i64, count: i64) -> Self {
        Self { before: reached - count, count }
    }

    /// Pieces of a line of `ordered` that are cancelled: those before the ones that were cancelled earlier, `cancelled` in all by now.
    #[must_use]
    pub const fn from_end(ordered: i64, cancelled: i64, count: i64) -> Self {
        Self { before: ordered - cancelled, count }
    }
}

/// Whether pieces are sold or go back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// They are sold: the amounts are as they are.
    Forth,
    /// They go back: the amounts are negative.
    Back,
}

impl Direction {
    const fn sign(self) -> i64 {
        match self {
            Self::Forth => 1,
            Self::Back => -1,
        }
    }
}

impl LinePrice {
    /// The price of one and what it costs the seller, with nothing taken off or added.
    #[must_use]
    pub const fn plain(self) -> Self {
        Self { discount: 0, tax: 0, shipping: 0, ..self }
    }

    /// What is due for these pieces of a line of `ordered`, in minor units.
    #[must_use]
    pub fn net(&self, ordered: i64, range: Range) -> i64 {
        let share = |whole| share(whole, ordered, range);
        let gross = self.unit.saturating_mul(range.count);
        gross.saturating_sub(share(self.discount)).saturating_add(share(self.tax)).saturating_add(share(self.shipping))
    }

    /// The amounts of these pieces of a line of `ordered`.
    ///
    /// # Errors
    /// When an amount cannot be written, which no stored line leads to.
    pub fn amounts(
        &self,
        ordered: i64,
        range: Range,
        direction: Direction,
        currency: Currency,
    ) -> Result<Amounts, Malformed> {
        let money = |minor: i64| SignedMoney::from_minor(direction.sign() * minor, currency);
        let share = |whole| money(share(whole, ordered, range));
        Ok(Amounts {
            gross: money(self.unit.saturating_mul(range.count))?,
            discount: share(self.discount)?,
            tax: share(self.tax)?,
            shipping: share(self.shipping)?,
            net: money(self.net(ordered, range))?,
        })
    }

    /// What these pieces cost the seller, where that is known.
    ///
    /// # Errors
    /// When it cannot be written, which no stored line leads to.
    pub fn cost(
        &self,
        range: Range,
        direction: Direction,
        currency: Currency,
    ) -> Result<Option<SignedMoney>, Malformed> {
        let money = |cost: i64| SignedMoney::from_minor(direction.sign() * cost.saturating_mul(range.count), currency);
        self.cost.map(money).transpose()
    }
}

/// The part of `whole` that these of `ordered` pieces have.
fn share(whole: i64, ordered: i64, range: Range) -> i64 {
    cut(whole, ordered, range.before, range.count)
}

/// The part of `whole` that `count` of `all` have, `before` of which stand before them.
fn cut(whole: i64, all: i64, before: i64, count: i64) -> i64 {
    let upto = |reached: i64| i128::from(whole) * i128::from(reached) / i128::from(all.max(1));
    let part = upto(before.saturating_add(count)) - upto(before);
    // A part of a number is no larger than the number.
    i64::try_from(part).unwrap_or(whole)
}

/// What each has of `whole`, in proportion to its weight. The shares add up to `whole`, and none is larger than its weight where
/// `whole` is not larger than all weights together. `None` where the weights are more than can be counted.
///
/// Where nothing weighs anything, the first has all of it.
#[must_use]
pub(super) fn spread(whole: i64, weights: &[i64]) -> Option<Vec<i64>> {
    let all = weights.iter().try_fold(0_i64, |sum, weight| sum.checked_add(*weight))?;
    if all == 0 {
        return Some(weights.iter().enumerate().map(|(place, _)| if place == 0 { whole } else { 0 }).collect());
    }
    let mut before = 0;
    let shares = weights.iter().map(|weight| {
        let share = cut(whole, all, before, *weight);
        before += weight;
        share
    });
    Some(shares.collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_amounts_of_all_pieces_are_those_of_the_line(
            cuts in prop::collection::vec(1..5_i64, 1..8), unit in 0..100_000_i64, discount in 0..10_000_i64, tax in 0..10_000_i64,
        ) {
            let price = LinePrice { unit, discount, tax, shipping: 7, cost: Some(3) };
            let ordered: i64 = cuts.iter().sum();
            let (mut before, mut net, mut taken) = (0, 0, 0);
            for count in cuts {
                let range = Range { before, count };
                net += price.net(ordered, range);
                taken += share(discount, ordered, range);
                before += count;
            }
            prop_assert_eq!((net, taken), (price.net(ordered, Range { before: 0, count: ordered }), discount));
            prop_assert_eq!(net, unit * ordered - discount + tax + 7);
        }
    }

    proptest! {
        #[test]
        fn what_is_spread_over_lines_adds_up_and_takes_no_more_of_a_line_than_it_weighs(
            weights in prop::collection::vec(0..1_000_000_i64, 1..100), part in 0.0..=1.0_f64,
        ) {
            let all: i64 = weights.iter().sum();
            #[expect(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "any part will do")]
            let whole = (all as f64 * part) as i64;
            let shares = spread(whole, &weights).unwrap();
            prop_assert_eq!(shares.iter().sum::<i64>(), whole);
            prop_assert!(shares.iter().zip(&weights).all(|(share, weight)| (0..=*weight).contains(share)), "{:?}", shares);
        }
    }

    #[test]
    fn lines_that_weigh_nothing_leave_all_of_it_to_the_first() {
        assert_eq!(spread(7, &[0, 0]), Some(vec![7, 0]));
        assert_eq!(spread(7, &[3, 0, 4]), Some(vec![3, 0, 4]));
        assert_eq!(spread(1, &[i64::MAX, 1]), None);
    }

    #[test]
    fn pieces_that_go_back_have_negative_amounts() {
        let price = LinePrice { unit: 1_000, discount: 100, tax: 0, shipping: 0, cost: Some(400) };
        let (usd, range) = (Currency::parse("USD").unwrap(), Range { before: 0, count: 1 });
        let back = price.amounts(3, range, Direction::Back, usd).unwrap();
        assert_eq!((back.gross.minor(), back.discount.minor(), back.net.minor()), (-1_000, -33, -967));
        assert_eq!(price.cost(range, Direction::Back, usd).unwrap().unwrap().minor(), -400);
    }
}

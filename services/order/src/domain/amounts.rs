//! What pieces of a line come to. The rule: shares are cut from a line one after the other, so the amounts of all its pieces add up to
//! the amounts of the line, whatever was rounded.

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
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Pieces that had their shares before.
    pub before: i64,
    /// Pieces that have them now.
    pub count: i64,
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
    let upto = |pieces: i64| i128::from(whole) * i128::from(pieces) / i128::from(ordered.max(1));
    let part = upto(range.before + range.count) - upto(range.before);
    // A part of a number is no larger than the number.
    i64::try_from(part).unwrap_or(whole)
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

    #[test]
    fn pieces_that_go_back_have_negative_amounts() {
        let price = LinePrice { unit: 1_000, discount: 100, tax: 0, shipping: 0, cost: Some(400) };
        let (usd, range) = (Currency::parse("USD").unwrap(), Range { before: 0, count: 1 });
        let back = price.amounts(3, range, Direction::Back, usd).unwrap();
        assert_eq!((back.gross.minor(), back.discount.minor(), back.net.minor()), (-1_000, -33, -967));
        assert_eq!(price.cost(range, Direction::Back, usd).unwrap().unwrap().minor(), -400);
    }
}

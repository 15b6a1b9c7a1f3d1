//! What can be sold of a SKU: its level, the seller's terms, and what both mean to whoever sells or buys it.
//! The rule: whatever asks what can be sold asks [`Stock`], so orders, the shop and the topic say the same.

use contracts::catalog::{Availability, Backorder};
use kernel::{Day, Malformed};

use super::stock::{Level, Movement, StockFault};

/// How the seller sells a SKU.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Terms {
    /// The warning comes when what is available gets to this many or fewer; 0 until somebody sets it.
    pub low_threshold: i64,
    /// Pieces that are kept back.
    pub safety_stock: i64,
    /// What may be sold beyond what is there.
    pub backorder: Backorder,
}

impl Terms {
    /// Terms as they are stored: a limit of 0 is none, no limit is any number.
    ///
    /// # Errors
    /// When there is no limit and no promised day.
    pub fn restore(
        low_threshold: i64,
        safety_stock: i64,
        limit: Option<i64>,
        promised_on: Option<Day>,
    ) -> Result<Self, Malformed> {
        let backorder = match (limit, promised_on) {
            (Some(0), _) => Backorder::No,
            (Some(pieces), promised_on) => Backorder::UpTo { pieces, promised_on },
            (None, Some(promised_on)) => Backorder::Unlimited { promised_on },
            (None, None) => return Err(Malformed::new("promised_on", "is needed where backorders have no limit")),
        };
        Ok(Self { low_threshold, safety_stock, backorder })
    }

    /// The limit and the promised day as they are stored.
    #[must_use]
    pub const fn stored_backorder(&self) -> (Option<i64>, Option<Day>) {
        match self.backorder {
            Backorder::No => (Some(0), None),
            Backorder::UpTo { pieces, promised_on } => (Some(pieces), promised_on),
            Backorder::Unlimited { promised_on } => (None, Some(promised_on)),
        }
    }
}

/// Reads the day by which backordered pieces are there.
///
/// # Errors
/// When it is no day of the calendar, written `YYYY-MM-DD`.
pub fn promised_day(text: &str) -> Result<Day, Malformed> {
    let day = Day::parse_from_str(text, "%Y-%m-%d").ok().filter(|day| day.format("%Y-%m-%d").to_string() == text);
    day.ok_or_else(|| Malformed::new("promised_on", "must be a day of the calendar, written like 2027-01-31"))
}

/// One row of stock: the level, the terms that it is sold on, and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stock {
    /// How many pieces there are.
    pub level: Level,
    /// How they are sold.
    pub terms: Terms,
    /// Those of the pieces on hand that are at other locations than the default one.
    pub located: i64,
    /// Rises by one with every transaction that changes the row.
    pub version: i64,
}

/// What a change of stock means to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ripple {
    /// Nothing: the same can be sold.
    None,
    /// Other figures for those who sell.
    Figures,
    /// Shoppers are shown something else.
    Shown,
}

impl Stock {
    /// Pieces that are there and may be sold: what nobody was promised, less the safety stock. Negative when more was promised.
    #[must_use]
    pub const fn available(&self) -> i64 {
        self.level.free() - self.terms.safety_stock
    }

    /// Pieces that an order may still have, backorders included. At most [`Level::MOST`], which stands for any number.
    #[must_use]
    pub fn sellable(&self) -> i64 {
        let beyond = match self.terms.backorder {
            Backorder::No => 0,
            Backorder::UpTo { pieces, .. } => pieces,
            Backorder::Unlimited { .. } => return Level::MOST,
        };
        (self.available() + beyond).clamp(0, Level::MOST)
    }

    /// What shoppers are told.
    #[must_use]
    pub fn availability(&self) -> Availability {
        let available = self.available();
        if available > self.terms.low_threshold {
            Availability::InStock
        } else if available > 0 {
            Availability::FewLeft
        } else if self.sellable() > 0 {
            Availability::Backorder
        } else {
            Availability::SoldOut
        }
    }

    /// By when the next piece is there, where it is sold before that.
    #[must_use]
    pub fn promised_on(&self) -> Option<Day> {
        match (self.availability(), self.terms.backorder) {
            (Availability::Backorder, Backorder::UpTo { promised_on, .. }) => promised_on,
            (Availability::Backorder, Backorder::Unlimited { promised_on }) => Some(promised_on),
            _ => None,
        }
    }

    /// Whether more may be promised than is there, or already is.
    #[must_use]
    pub fn may_be_short(&self) -> bool {
        self.terms.backorder != Backorder::No || self.level.free() < 0
    }

    /// Sets pieces aside for an order.
    ///
    /// # Errors
    /// When fewer can be sold.
    pub fn reserve(&mut self, pieces: i64) -> Result<Movement, StockFault> {
        self.can_be_sold(pieces)?;
        Ok(self.level.reserve(pieces))
    }

    fn can_be_sold(&self, pieces: i64) -> Result<(), StockFault> {
        let available = self.sellable();
        if pieces > available { Err(StockFault::NotAvailable { requested: pieces, available }) } else { Ok(()) }
    }

    /// Holds pieces for a confirmed order that gets more than it had.
    ///
    /// # Errors
    /// When fewer can be sold.
    pub fn extend(&mut self, pieces: i64) -> Result<Movement, StockFault> {
        self.can_be_sold(pieces)?;
        Ok(self.level.extend(pieces))
    }

    /// Sets pieces aside for an order that is sold already, also where they cannot be had: as many are missing then.
    ///
    /// # Errors
    /// None; as [`Self::reserve`].
    pub fn promise(&mut self, pieces: i64) -> Result<Movement, StockFault> {
        Ok(self.level.reserve(pieces))
    }

    /// What going from `before` to now means to others.
    #[must_use]
    pub fn ripple(&self, before: &Self) -> Ripple {
        let shown = |stock: &Self| (stock.availability(), stock.promised_on());
        let figures = |stock: &Self| (stock.available(), stock.level.on_hand(), stock.terms);
        if shown(self) != shown(before) {
            Ripple::Shown
        } else if figures(self) != figures(before) {
            Ripple::Figures
        } else {
            Ripple::None
        }
    }

    /// Whether going from `before` to now crosses the threshold, or takes the last piece, however it came about: pieces went, or
    /// the terms changed. Whoever sets a threshold where none was is told at once, also of a SKU that had run out before.
    #[must_use]
    pub fn got_low(&self, before: &Self) -> bool {
        let was_unset = before.terms.low_threshold == 0 && self.terms.low_threshold > 0;
        let crossed = self.is_low() && (!before.is_low() || was_unset);
        crossed || (self.is_depleted() && !before.is_depleted())
    }

    /// Whether a new SKU begins at or below a threshold that was set for it.
    #[must_use]
    pub const fn begins_low(&self) -> bool {
        self.terms.low_threshold > 0 && self.is_low()
    }

    /// Whether nothing that is there may be sold.
    #[must_use]
    pub const fn is_depleted(&self) -> bool {
        self.available() <= 0
    }

    const fn is_low(&self) -> bool {
        self.available() <= self.terms.low_threshold
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day() -> Day {
        Day::from_ymd_opt(2027, 1, 31).unwrap()
    }

    fn stock(level: (i64, i64, i64), safety_stock: i64, backorder: Backorder) -> Stock {
        let level = Level::restore(level.0, level.1, level.2);
        Stock { level, terms: Terms { low_threshold: 2, safety_stock, backorder }, located: 0, version: 1 }
    }

    #[test]
    fn what_can_be_sold_follows_the_terms() {
        use Availability::{Backorder as Later, FewLeft, InStock, SoldOut};
        let up_to = |pieces| Backorder::UpTo { pieces, promised_on: None };
        let unlimited = Backorder::Unlimited { promised_on: day() };
        for (level, safety, backorder, available, sellable, shown) in [
            ((10, 3, 2), 0, Backorder::No, 5, 5, InStock),
            ((10, 3, 2), 3, Backorder::No, 2, 2, FewLeft),
            ((10, 3, 2), 5, Backorder::No, 0, 0, SoldOut),
            ((10, 3, 2), 9, Backorder::No, -4, 0, SoldOut),
            ((10, 3, 2), 5, up_to(4), 0, 4, Later),
            ((2, 3, 2), 0, up_to(4), -3, 1, Later),
            ((2, 3, 3), 0, up_to(4), -4, 0, SoldOut),
            ((2, 3, 3), 0, Backorder::No, -4, 0, SoldOut),
            ((10, 0, 0), 0, up_to(4), 10, 14, InStock),
            ((0, 500, 0), 0, unlimited, -500, Level::MOST, Later),
            ((9, 0, 0), 0, unlimited, 9, Level::MOST, InStock),
        ] {
            let stock = stock(level, safety, backorder);
            assert_eq!(
                (stock.available(), stock.sellable(), stock.availability()),
                (available, sellable, shown),
                "{stock:?}"
            );
            let is_promised = shown == Later && backorder == unlimited;
            assert_eq!(stock.promised_on(), is_promised.then(day), "{stock:?}");
            let terms = stock.terms;
            let (limit, promised_on) = terms.stored_backorder();
            assert_eq!(Terms::restore(2, safety, limit, promised_on).unwrap(), terms, "stored and read back");
        }
        assert!(Terms::restore(0, 0, None, None).is_err());
    }

    #[test]
    fn the_warning_comes_once_however_stock_gets_low() {
        let stock = |on_hand, low_threshold| Stock {
            level: Level::restore(on_hand, 0, 0),
            terms: Terms { low_threshold, ..Terms::default() },
            located: 0,
            version: 1,
        };
        for (before, now, falls, why) in [
            (stock(4, 3), stock(3, 3), true, "it falls to the threshold"),
            (stock(4, 3), stock(0, 3), true, "it falls below"),
            (stock(3, 3), stock(2, 3), false, "it was low before"),
            (stock(2, 3), stock(0, 3), true, "it was low before, and the last one goes"),
            (stock(0, 3), stock(0, 3), false, "nothing was left before"),
            (stock(1, 3), stock(4, 3), false, "it rises"),
            (stock(10, 5), stock(10, 20), true, "the threshold rises"),
            (stock(10, 20), stock(10, 30), false, "it was low before the threshold rose"),
            (stock(10, 20), stock(10, 5), false, "the threshold falls"),
            (stock(1, 0), stock(0, 0), true, "the last one goes"),
            (stock(0, 0), stock(0, 20), true, "nobody was warned by a threshold before"),
            (stock(0, 0), stock(0, 0), false, "nothing changes"),
        ] {
            assert_eq!(now.got_low(&before), falls, "{why}");
        }
        let mut kept_back = stock(10, 3);
        kept_back.terms.safety_stock = 8;
        assert!(kept_back.got_low(&stock(10, 3)), "the safety stock rises");
        assert!(stock(5, 5).begins_low() && stock(0, 1).begins_low());
        assert!(!stock(6, 5).begins_low() && !stock(0, 0).begins_low(), "no threshold was set");
    }

    #[test]
    fn who_shows_or_sells_hears_of_what_concerns_them() {
        let before = stock((10, 2, 0), 0, Backorder::No);
        for (level, ripple) in [
            ((10, 0, 2), Ripple::None),
            ((10, 3, 0), Ripple::Figures),
            ((11, 3, 0), Ripple::Figures),
            ((10, 8, 0), Ripple::Shown),
            ((10, 5, 5), Ripple::Shown),
        ] {
            assert_eq!(stock(level, 0, Backorder::No).ripple(&before), ripple, "{level:?}");
        }
        let promised = |day| stock((0, 0, 0), 0, Backorder::Unlimited { promised_on: day });
        assert_eq!(promised(day().succ_opt().unwrap()).ripple(&promised(day())), Ripple::Shown);
    }

    #[derive(Debug, Clone)]
    enum Step {
        Adjust(i64),
        Count(i64),
        Reserve(i64),
        Hold(i64),
        ReleaseReserved(i64),
        ReleaseHeld(i64),
        Expire(i64),
        Terms(i64, Option<i64>),
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (-9..20_i64).prop_map(Step::Adjust),
            (0..20_i64).prop_map(Step::Count),
            (1..9_i64).prop_map(Step::Reserve),
            (1..9_i64).prop_map(Step::Hold),
            (1..9_i64).prop_map(Step::ReleaseReserved),
            (1..9_i64).prop_map(Step::ReleaseHeld),
            (1..9_i64).prop_map(Step::Expire),
            (0..5_i64, prop::option::of(0..9_i64)).prop_map(|(safety, limit)| Step::Terms(safety, limit)),
        ]
    }

    proptest! {
        /// Whatever is done in whatever order, allowed or not.
        #[test]
        fn the_ledger_is_the_level_and_nothing_is_sold_beyond_the_terms(steps in prop::collection::vec(step(), 1..60)) {
            let mut stock = stock((0, 0, 0), 0, Backorder::No);
            let (mut on_hand, mut reserved, mut held) = (0, 0, 0);
            for step in steps {
                let before = stock;
                let moved = match step {
                    Step::Adjust(delta) => stock.level.adjust(delta),
                    Step::Count(counted) => stock.level.count(counted),
                    Step::Reserve(pieces) => stock.reserve(pieces),
                    Step::Hold(pieces) => stock.level.hold(pieces),
                    Step::ReleaseReserved(pieces) => stock.level.release_reserved(pieces),
                    Step::ReleaseHeld(pieces) => stock.level.release_held(pieces),
                    Step::Expire(pieces) => stock.level.expire(pieces),
                    Step::Terms(safety, limit) => {
                        stock.terms = Terms::restore(2, safety, limit, Some(day())).unwrap();
                        continue;
                    }
                };
                match moved {
                    Ok(movement) => {
                        on_hand += movement.on_hand;
                        reserved += movement.reserved;
                        held += movement.held;
                        if let Step::Reserve(pieces) = step {
                            prop_assert!(pieces <= before.sellable());
                        }
                        if matches!(step, Step::Adjust(delta) if delta < 0) {
                            prop_assert!(stock.level.free() >= 0, "nothing promised is taken away");
                        }
                    }
                    Err(_) => prop_assert_eq!(stock, before, "a refused movement changes nothing"),
                }
                let level = stock.level;
                prop_assert_eq!((level.on_hand(), level.reserved(), level.held()), (on_hand, reserved, held));
                prop_assert!(level.on_hand() >= 0 && level.reserved() >= 0 && level.held() >= 0);
                prop_assert_eq!(stock.sellable() > 0, stock.availability() != Availability::SoldOut);
            }
        }
    }
}

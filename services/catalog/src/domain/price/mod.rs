//! What a variant costs: its base price, and prices for a while, for one sales channel or for all of them.
//! The rule: [`price`] is the only place that decides. The base price counts in every channel at all times unless a price that
//! is more specific is valid: first one for the channel itself, then one for every channel; of several, the one that began
//! last; of several that began at the same moment, the one that was made last. Ids tell which was made last, here and in SQL.

mod entry;
mod rows;
#[cfg(test)]
mod tests;

use std::fmt;

use kernel::{ChannelCode, Currency, Money, PriceId, Timestamp};

pub use entry::{EntryKind, PriceEntry, PriceState};
pub use rows::{PriceOutcome, PriceResult, WrittenPrices};

/// The furthest that a time of a price may lie ahead: ten years.
const FURTHEST: chrono::Duration = chrono::Duration::days(3_653);

/// A price for a while. It counts from `from` on and no longer at `until`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceWindow {
    /// Its identity.
    pub id: PriceId,
    /// The channel that it is for; every channel when there is none.
    pub channel: Option<ChannelCode>,
    /// The price of one piece.
    pub amount: Money,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends, if it does; earlier than was planned when somebody ended it.
    pub until: Option<Timestamp>,
}

/// A change of a base price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseChange {
    /// Its identity. Of several changes at the same moment, the one that was made first has the lowest.
    pub id: PriceId,
    /// When the base price changed.
    pub at: Timestamp,
    /// What it was until then.
    pub former: Money,
}

/// What a variant costs, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Applied {
    /// The price of one piece.
    pub amount: Money,
    /// The price that it comes from; the base price when there is none.
    pub window: Option<PriceId>,
}

/// The price of a variant at a time: in a channel, or, without one, in the channels that have no prices of their own. `base` is
/// the base price now, `changes` are those of its changes that came after `at`, and `windows` are those of the variant; others
/// than those that decide may be among both.
#[must_use]
pub fn price<'w>(
    base: Money,
    changes: &[BaseChange],
    windows: impl IntoIterator<Item = &'w PriceWindow>,
    channel: Option<&ChannelCode>,
    at: Timestamp,
) -> Applied {
    let is_meant = |window: &&PriceWindow| window.channel.is_none() || window.channel.as_ref() == channel;
    let valid = windows.into_iter().filter(|window| window.is_valid(at)).filter(is_meant);
    match valid.max_by_key(|window| (window.channel.is_some(), window.from, window.id)) {
        Some(window) => Applied { amount: window.amount, window: Some(window.id) },
        None => {
            let since = changes.iter().filter(|change| change.at > at).min_by_key(|change| (change.at, change.id));
            Applied { amount: since.map_or(base, |change| change.former), window: None }
        }
    }
}

impl PriceWindow {
    /// Whether it counts at that time.
    #[must_use]
    pub fn is_valid(&self, at: Timestamp) -> bool {
        self.from <= at && !self.is_over(at)
    }

    /// Whether it has ended by that time.
    #[must_use]
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.until.is_some_and(|until| until <= at)
    }

    /// The next moment after `at` at which it begins or ends.
    #[must_use]
    pub fn next_boundary(&self, at: Timestamp) -> Option<Timestamp> {
        if self.from > at { Some(self.from) } else { self.until.filter(|until| *until > at) }
    }
}

/// A price that somebody wants a variant to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewPrice {
    /// The channel that it is for; every channel when there is none.
    pub channel: Option<ChannelCode>,
    /// The price of one piece.
    pub amount: Money,
    /// When it begins; at once when left out.
    pub from: Option<Timestamp>,
    /// When it ends; not by itself when left out.
    pub until: Option<Timestamp>,
}

impl NewPrice {
    /// The price as it will be, when the product's prices are in this currency.
    ///
    /// # Errors
    /// Every fault at once.
    pub fn window(self, currency: Currency, now: Timestamp) -> Result<PriceWindow, Vec<PriceFault>> {
        let from = self.from.unwrap_or(now);
        let mut faults = Vec::new();
        if self.amount.currency() != currency {
            faults.push(PriceFault::OtherCurrency { found: self.amount.currency(), expected: currency });
        }
        if from < now {
            faults.push(PriceFault::BeginsInThePast);
        }
        if self.until.is_some_and(|until| until <= from) {
            faults.push(PriceFault::EndsBeforeItBegins);
        }
        let is_far = |time: &Timestamp| time.signed_duration_since(now) > FURTHEST;
        if self.from.as_ref().is_some_and(is_far) {
            faults.push(PriceFault::TooFar(Moment::From));
        }
        if self.until.as_ref().is_some_and(is_far) {
            faults.push(PriceFault::TooFar(Moment::Until));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(PriceWindow { id: PriceId::new(), channel: self.channel, amount: self.amount, from, until: self.until })
    }
}

/// One of the two times of a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// When it begins.
    From,
    /// When it ends.
    Until,
}

impl Moment {
    /// The field that it is sent in.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::From => "valid_from",
            Self::Until => "valid_until",
        }
    }
}

impl fmt::Display for Moment {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.field())
    }
}

/// Why a variant cannot have a price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PriceFault {
    /// It is in another currency than the product's prices.
    #[error("must be in {}, as the product's prices are, not in {}", .expected.code(), .found.code())]
    OtherCurrency {
        /// The currency of the price.
        found: Currency,
        /// That of the product's prices.
        expected: Currency,
    },
    /// What something cost in the past is not changed afterwards.
    #[error("must not be in the past; leave it out to begin at once")]
    BeginsInThePast,
    /// It would never be valid.
    #[error("must be later than valid_from, or than now when that is left out")]
    EndsBeforeItBegins,
    /// The time is too far ahead.
    #[error("must be at most ten years ahead")]
    TooFar(Moment),
    /// A row of the same call has changed the base price already.
    #[error("was changed by a row before it; send one row for the base price of a SKU")]
    Repeated,
}

impl PriceFault {
    /// The field that it is about.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::OtherCurrency { .. } | Self::Repeated => "price",
            Self::BeginsInThePast => Moment::From.field(),
            Self::EndsBeforeItBegins => Moment::Until.field(),
            Self::TooFar(moment) => moment.field(),
        }
    }
}

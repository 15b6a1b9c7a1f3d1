//! What a product's variants cost in the shop and elsewhere, and how their prices for a while come and go.
//! The rule: a product costs what its prices say at its last change. Whenever one of them begins or ends the product changes,
//! so the version says what everything costs.

use std::collections::{BTreeMap, BTreeSet};

use kernel::{ChannelCode, Money, PriceId, Timestamp, VariantId};

use super::{Product, Variant};
use crate::domain::price::{NewPrice, PriceFault, PriceWindow};

/// Why a variant does not get a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceRefusal {
    /// The price is wrong in itself.
    Faults(Vec<PriceFault>),
    /// The variant or the product has as many planned and current prices as it may.
    TooMany,
    /// The product is retired.
    Retired,
    /// The product has no such variant.
    NoVariant,
}

/// A price that one row of many gives a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SetPrice {
    /// The base price is this from now on.
    Base(Money),
    /// A price for a while.
    Window(NewPrice),
}

/// What became of a price that one row of many gives a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PriceSet {
    /// The base price changed.
    Base,
    /// The base price was so already.
    Unchanged,
    /// It has this price for a while.
    Window(PriceWindow),
}

/// What one variant costs at its product's last change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// In the organisation's own shop.
    pub shop: Money,
    /// In each other channel that has a price of its own.
    pub channels: BTreeMap<ChannelCode, Money>,
    /// In every other channel.
    pub elsewhere: Money,
}

impl Product {
    /// The most planned and current prices that a variant may have.
    pub const MOST_PRICES_OF_A_VARIANT: usize = 50;
    /// The most planned and current prices that the variants of a product may have together. All of them may stand in one record.
    pub const MOST_PRICES: usize = 1_000;

    /// Whether it can be had in this channel while it is active: it is sold there, and a variant of it is.
    #[must_use]
    pub fn is_for_sale_in(&self, channel: &ChannelCode) -> bool {
        self.details.channels.includes(channel) && self.variants.iter().any(|variant| variant.active)
    }

    /// The lowest price in the shop of an active variant, or of any when none is active.
    #[must_use]
    pub fn price_from(&self) -> Option<Money> {
        let shop = ChannelCode::shop();
        let lowest = |active_only: bool| {
            self.variants
                .iter()
                .filter(|variant| variant.active || !active_only)
                .map(|variant| variant.price_in(Some(&shop), self.updated_at))
                .min_by_key(|price| price.minor())
        };
        lowest(true).or_else(|| lowest(false))
    }

    /// What a variant of it costs in the shop.
    #[must_use]
    pub fn shop_price(&self, variant: &Variant) -> Money {
        variant.price_in(Some(&ChannelCode::shop()), self.updated_at)
    }

    /// What a variant of it costs in every channel.
    #[must_use]
    pub fn offer(&self, variant: &Variant) -> Offer {
        let valid = variant.windows.iter().filter(|window| window.is_valid(self.updated_at));
        let named: BTreeSet<&ChannelCode> = valid.filter_map(|window| window.channel.as_ref()).collect();
        let shop = ChannelCode::shop();
        let cost = |channel: Option<&ChannelCode>| variant.price_in(channel, self.updated_at);
        Offer {
            shop: cost(Some(&shop)),
            channels: named
                .into_iter()
                .filter(|channel| **channel != shop)
                .map(|channel| (channel.clone(), cost(Some(channel))))
                .collect(),
            elsewhere: cost(None),
        }
    }

    /// Gives a variant of it a price. The version rises when the price begins at once. `now` is not before its last change.
    ///
    /// # Errors
    /// Why not; the product is then unchanged.
    pub fn add_price(&mut self, of: VariantId, new: NewPrice, now: Timestamp) -> Result<PriceWindow, PriceRefusal> {
        let added = self.take_window(of, new, now)?;
        if added.is_valid(now) {
            self.advance(now);
        }
        Ok(added)
    }

    /// Gives its variants prices, one after the other, and says what became of each. The version rises once when one of them counts
    /// at once. `now` is not before its last change.
    pub fn set_prices(
        &mut self,
        wanted: Vec<(VariantId, SetPrice)>,
        now: Timestamp,
    ) -> Vec<Result<PriceSet, PriceRefusal>> {
        let set: Vec<Result<PriceSet, PriceRefusal>> =
            wanted.into_iter().map(|(variant, price)| self.set_price(variant, price, now)).collect();
        let counts = |set: &Result<PriceSet, PriceRefusal>| match set {
            Ok(PriceSet::Window(window)) => window.is_valid(now),
            Ok(PriceSet::Base) => true,
            Ok(PriceSet::Unchanged) | Err(_) => false,
        };
        if set.iter().any(counts) {
            self.advance(now);
        }
        set
    }

    fn set_price(&mut self, of: VariantId, price: SetPrice, now: Timestamp) -> Result<PriceSet, PriceRefusal> {
        match price {
            SetPrice::Window(new) => self.take_window(of, new, now).map(PriceSet::Window),
            SetPrice::Base(amount) => self.set_base_price(of, amount),
        }
    }

    fn set_base_price(&mut self, of: VariantId, amount: Money) -> Result<PriceSet, PriceRefusal> {
        if self.status == super::ProductStatus::Retired {
            return Err(PriceRefusal::Retired);
        }
        let variant = self.variants.iter_mut().find(|variant| variant.id == of).ok_or(PriceRefusal::NoVariant)?;
        let (found, expected) = (amount.currency(), variant.price.currency());
        if found != expected {
            return Err(PriceRefusal::Faults(vec![PriceFault::OtherCurrency { found, expected }]));
        }
        if variant.price == amount {
            return Ok(PriceSet::Unchanged);
        }
        // The history has one entry per change of the product, so a second one would hide the first.
        if variant.replaced.is_some() {
            return Err(PriceRefusal::Faults(vec![PriceFault::Repeated]));
        }
        variant.replaced = Some(std::mem::replace(&mut variant.price, amount));
        Ok(PriceSet::Base)
    }

    fn take_window(&mut self, of: VariantId, new: NewPrice, now: Timestamp) -> Result<PriceWindow, PriceRefusal> {
        if self.status == super::ProductStatus::Retired {
            return Err(PriceRefusal::Retired);
        }
        let count = |variant: &Variant| variant.windows.iter().filter(|window| !window.is_over(now)).count();
        let all: usize = self.variants.iter().map(count).sum();
        let variant = self.variants.iter_mut().find(|variant| variant.id == of).ok_or(PriceRefusal::NoVariant)?;
        let window = new.window(variant.price.currency(), now).map_err(PriceRefusal::Faults)?;
        if all >= Self::MOST_PRICES || count(variant) >= Self::MOST_PRICES_OF_A_VARIANT {
            return Err(PriceRefusal::TooMany);
        }
        variant.windows.push(window.clone());
        Ok(window)
    }

    /// Ends a price; false when it is neither planned nor current. The version rises when it was current. `now` is not before
    /// the product's last change.
    pub fn end_price(&mut self, price: PriceId, now: Timestamp) -> bool {
        let is_meant = |window: &PriceWindow| window.id == price && !window.is_over(now);
        let ended = self.variants.iter_mut().find_map(|variant| {
            let at = variant.windows.iter().position(is_meant)?;
            Some(variant.windows.remove(at))
        });
        if ended.as_ref().is_some_and(|window| window.is_valid(now)) {
            self.advance(now);
        }
        ended.is_some()
    }

    /// Lets its prices count that are valid at that time: a new version, whose prices are those of then.
    pub fn advance(&mut self, now: Timestamp) {
        self.version += 1;
        // Replicas' clocks differ. A price that has begun or ended for one of them has done so for all.
        self.updated_at = now.max(self.updated_at);
    }
}

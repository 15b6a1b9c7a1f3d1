//! What somebody wants, before it is an order. The rules: repeated SKUs become one line, an order has one currency, sums are checked,
//! and prices are those of the order's sales channel in this service's own copy of the catalog, unless the seller states them. A shopper
//! states none, and takes nothing off.

use std::collections::HashMap;

use contracts::order::Source;
use kernel::{ChannelCode, Currency, Money, Quantity, Sku};
use serde::{Deserialize, Serialize};
use strum::Display;

use super::{
    amounts::spread,
    line::{Line, PriceSource},
    product::Offer,
};

/// The most lines that one order may have.
pub const LINE_LIMIT: usize = 100;

/// What is wrong with one line of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flaw {
    /// The line's index in the request, from 0.
    pub line: usize,
    /// The SKU.
    pub sku: Sku,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// There is no such SKU.
    Unknown,
    /// The SKU exists and cannot be ordered.
    NotForSale,
    /// The SKU cannot be ordered in the sales channel of this order.
    NotInChannel,
    /// The lines of this SKU together are more than may be ordered, or cost more than can be counted.
    TooMany,
    /// The SKU is priced in this currency, the first line or the order in another.
    OtherCurrency(Currency),
    /// More is taken off than it costs.
    TooMuchOff,
}

impl Fault {
    /// What is wrong with a line of this SKU, in words.
    #[must_use]
    pub fn reason(self, sku: &Sku) -> String {
        match self {
            Self::Unknown => format!("there is no SKU {sku}"),
            Self::NotForSale => format!("{sku} is not for sale"),
            Self::NotInChannel => format!("{sku} is not sold in the sales channel of this order"),
            Self::TooMuchOff => format!("is more than {sku} costs"),
            Self::TooMany => format!("is more of {sku} than one order may have"),
            Self::OtherCurrency(currency) => {
                format!("{sku} is sold in {currency}, the lines before it are not; order it separately")
            }
        }
    }
}

impl DraftError {
    /// The error with every line that is wrong, for those who see no fields.
    #[must_use]
    pub fn in_full(&self) -> String {
        let Self::Unsellable(flaws) = self else { return self.to_string() };
        let lines = flaws.iter().map(|Flaw { line, sku, fault }| format!("line {}: {}", line + 1, fault.reason(sku)));
        format!("{self}: {}", lines.collect::<Vec<_>>().join("; "))
    }
}

/// A line whose price is not the one that the shopper was shown. Programs get it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PriceChange {
    /// The line's index in the request, from 0.
    pub line: usize,
    /// The SKU.
    pub sku: Sku,
    /// The unit price that the shopper was shown.
    pub shown: Money,
    /// The unit price now.
    pub current: Money,
}

/// An amount that the seller may state of a whole order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Display, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum StatedAmount {
    /// What is taken off.
    Discount,
    /// What shipping costs.
    Shipping,
    /// Tax beyond the prices.
    Tax,
    /// What it comes to.
    Total,
    /// What was received for it.
    Paid,
}

/// Why an order cannot be placed. Every line that is wrong is named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DraftError {
    /// There is nothing to order, or too much.
    #[error("an order has 1 to {LINE_LIMIT} lines and this one has {lines}; send that many")]
    LineCount {
        /// Lines in the request.
        lines: usize,
    },
    /// Some lines cannot be sold as they are.
    #[error("{} of the order's lines cannot be sold as they are; correct or remove them", .0.len())]
    Unsellable(Vec<Flaw>),
    /// Everything can be sold, but not at the price that the shopper was shown.
    #[error("{} of the order's prices changed since they were shown; show the current ones and ask again", .0.len())]
    PriceChanged(Vec<PriceChange>),
    /// The total does not fit into the currency's minor units.
    #[error("the order's total is more than can be counted; order less")]
    TotalTooLarge,
    /// An amount of the whole order is in another currency than its lines.
    #[error("the order is in {currency}; state its {field} in it")]
    OtherCurrency {
        /// The amount.
        field: StatedAmount,
        /// The currency of the lines.
        currency: Currency,
    },
    /// More is taken off the order than its lines cost.
    #[error("{discount} are taken off an order whose lines come to {most}; take off no more than that")]
    TooMuchOff {
        /// What is taken off.
        discount: Money,
        /// What the lines come to, less what is taken off them.
        most: Money,
    },
    /// The total that was given is not what the parts add up to.
    #[error(
        "the total is given as {given}, and the parts add up to {computed}; correct what is wrong, or leave the total out"
    )]
    TotalMismatch {
        /// The total as it was given.
        given: Money,
        /// What the parts add up to.
        computed: Money,
    },
}

/// One line of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestedLine {
    /// The SKU.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
    /// The unit price that the shopper was shown, if the client sent it.
    pub shown: Option<Money>,
    /// What the seller states of it.
    pub terms: LineTerms,
}

/// What the seller states of a line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LineTerms {
    /// The price of one, whatever the catalog says.
    pub unit_price: Option<Money>,
    /// What is taken off the line.
    pub discount: Option<Money>,
    /// Tax beyond the price.
    pub tax: Option<Money>,
}

impl LineTerms {
    fn amounts(&self) -> impl Iterator<Item = Money> {
        [self.unit_price, self.discount, self.tax].into_iter().flatten()
    }
}

/// What the seller states of an order. Each amount but the total is spread over the lines, in proportion to what they cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderTerms {
    /// What is taken off the order, beyond what is taken off its lines.
    pub discount: Option<Money>,
    /// What shipping costs.
    pub shipping: Option<Money>,
    /// Tax beyond the prices and beyond the tax of the lines.
    pub tax: Option<Money>,
    /// What it comes to; where it is given and is not that, nothing is placed.
    pub total: Option<Money>,
    /// What was received for it where it was sold; none where it is placed here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paid: Option<Money>,
}

/// One SKU of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DraftLine {
    sku: Sku,
    quantity: Quantity,
    /// The request's lines with this SKU, each with its place.
    requested: Vec<(usize, RequestedLine)>,
}

/// The lines of a request, merged by SKU in the order of their first appearance. It is kept as it was requested, and merged again when
/// it is read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "Requested", try_from = "Requested")]
pub struct Draft {
    lines: Vec<DraftLine>,
    terms: OrderTerms,
    source: Source,
}

/// A draft as it was requested.
#[derive(Serialize, Deserialize)]
struct Requested {
    source: Source,
    lines: Vec<RequestedLine>,
    terms: OrderTerms,
}

impl From<Draft> for Requested {
    fn from(Draft { lines, terms, source }: Draft) -> Self {
        let mut numbered: Vec<(usize, RequestedLine)> = lines.into_iter().flat_map(|line| line.requested).collect();
        numbered.sort_unstable_by_key(|(number, _)| *number);
        Self { source, lines: numbered.into_iter().map(|(_, line)| line).collect(), terms }
    }
}

impl TryFrom<Requested> for Draft {
    type Error = DraftError;

    fn try_from(Requested { source, lines, terms }: Requested) -> Result<Self, DraftError> {
        Self::of(source, lines, terms)
    }
}

impl Draft {
    /// Merges the lines of a shopper's request, who states nothing of them.
    ///
    /// # Errors
    /// [`DraftError`] when there are no lines or too many, or the lines of one SKU add up to more than a line may hold.
    pub fn new(requested: Vec<RequestedLine>) -> Result<Self, DraftError> {
        let untouched = |line| RequestedLine { terms: LineTerms::default(), ..line };
        Self::of(Source::Shop, requested.into_iter().map(untouched).collect(), OrderTerms::default())
    }

    /// Merges the lines of what the seller brings, on the seller's terms.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(source: Source, requested: Vec<RequestedLine>, terms: OrderTerms) -> Result<Self, DraftError> {
        if requested.is_empty() || requested.len() > LINE_LIMIT {
            return Err(DraftError::LineCount { lines: requested.len() });
        }
        let mut lines: Vec<DraftLine> = Vec::with_capacity(requested.len());
        let mut places: HashMap<Sku, usize> = HashMap::with_capacity(requested.len());
        let mut flaws = Vec::new();
        for (number, asked) in requested.into_iter().enumerate() {
            let (sku, quantity) = (asked.sku.clone(), asked.quantity);
            match places.get(&sku).and_then(|place| lines.get_mut(*place)) {
                None => {
                    places.insert(sku.clone(), lines.len());
                    lines.push(DraftLine { sku, quantity, requested: vec![(number, asked)] });
                }
                Some(line) => match line.quantity.checked_add(quantity) {
                    Ok(sum) => {
                        line.quantity = sum;
                        line.requested.push((number, asked));
                    }
                    Err(_) => flaws.push(Flaw { line: number, sku, fault: Fault::TooMany }),
                },
            }
        }
        if flaws.is_empty() { Ok(Self { lines, terms, source }) } else { Err(DraftError::Unsellable(flaws)) }
    }

    /// Lines that staff adds to an order, each with its place in the request. Each SKU stands once.
    #[must_use]
    pub fn of_addition(requested: Vec<(usize, RequestedLine)>) -> Self {
        let line = |(number, asked): (usize, RequestedLine)| {
            let (sku, quantity) = (asked.sku.clone(), asked.quantity);
            DraftLine { sku, quantity, requested: vec![(number, asked)] }
        };
        let lines = requested.into_iter().map(line).collect();
        Self { lines, terms: OrderTerms::default(), source: Source::Staff }
    }

    /// Prices lines that are added to an order in this channel and this currency.
    ///
    /// # Errors
    /// As [`Self::price`].
    pub fn price_in(
        &self,
        channel: &ChannelCode,
        currency: Currency,
        offers: &[Offer],
    ) -> Result<Vec<Line>, DraftError> {
        let by_sku = offers.iter().map(|offer| (&offer.sku, offer)).collect();
        self.price_lines(channel, &by_sku, Some(currency))
    }

    /// Who brings it.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// The SKUs, each once.
    pub fn skus(&self) -> impl Iterator<Item = &Sku> {
        self.lines.iter().map(|line| &line.sku)
    }

    /// Prices the draft for this sales channel: the lines of the order and its total.
    ///
    /// # Errors
    /// [`DraftError`] naming every line that cannot be sold, or whose price is not the one that was shown.
    pub fn price(&self, channel: &ChannelCode, offers: &[Offer]) -> Result<(Vec<Line>, Money), DraftError> {
        let by_sku: HashMap<&Sku, &Offer> = offers.iter().map(|offer| (&offer.sku, offer)).collect();
        let priced = |line: &DraftLine| {
            let offer = by_sku.get(&line.sku)?;
            Some(line.first_price(offer.price_in(channel)).currency())
        };
        let currency = self.lines.iter().find_map(priced);
        let mut lines = self.price_lines(channel, &by_sku, currency)?;
        let currency = currency.ok_or(DraftError::LineCount { lines: 0 })?;
        self.terms.spread_over(&mut lines, currency)?;
        let total = total(&lines, currency).ok_or(DraftError::TotalTooLarge)?;
        match self.terms.total {
            Some(given) if given != total => Err(DraftError::TotalMismatch { given, computed: total }),
            _ => Ok((lines, total)),
        }
    }

    /// The lines, each at its price in this currency, before anything of the whole order is spread over them.
    fn price_lines(
        &self,
        channel: &ChannelCode,
        by_sku: &HashMap<&Sku, &Offer>,
        currency: Option<Currency>,
    ) -> Result<Vec<Line>, DraftError> {
        let (mut flaws, mut changes, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for line in &self.lines {
            let DraftLine { sku, requested, .. } = line;
            let mut flaw = |fault| {
                flaws.extend(requested.iter().map(|(line, _)| Flaw { line: *line, sku: sku.clone(), fault }));
            };
            let (Some(offer), Some(currency)) = (by_sku.get(sku), currency) else {
                flaw(Fault::Unknown);
                continue;
            };
            // What was sold elsewhere is sold, whatever the catalog says by now.
            if self.source != Source::Import {
                if !offer.for_sale {
                    flaw(Fault::NotForSale);
                    continue;
                }
                if !offer.listing.includes(channel) {
                    flaw(Fault::NotInChannel);
                    continue;
                }
            }
            let current = offer.price_in(channel);
            match line.priced(offer, current, currency, self.source) {
                Ok(priced) => {
                    let shown =
                        requested.iter().filter_map(|(number, asked)| asked.shown.map(|shown| (*number, shown)));
                    changes.extend(shown.filter(|(_, shown)| *shown != current).map(|(line, shown)| PriceChange {
                        line,
                        sku: sku.clone(),
                        shown,
                        current,
                    }));
                    lines.push(priced);
                }
                Err(fault) => flaw(fault),
            }
        }
        // A flaw comes before a changed price: the shopper has to change the order anyway.
        if !flaws.is_empty() {
            return Err(DraftError::Unsellable(flaws));
        }
        if !changes.is_empty() {
            return Err(DraftError::PriceChanged(changes));
        }
        Ok(lines)
    }
}

impl DraftLine {
    /// The price of one in the first line of the request; `current` is the catalog's.
    fn first_price(&self, current: Money) -> Money {
        self.requested.first().and_then(|(_, asked)| asked.terms.unit_price).unwrap_or(current)
    }

    /// The line of the order; `current` is the catalog's price of one. Lines of one SKU at different prices become one at the highest of
    /// them, and the difference is taken off.
    fn priced(&self, offer: &Offer, current: Money, currency: Currency, source: Source) -> Result<Line, Fault> {
        let price = |asked: &RequestedLine| asked.terms.unit_price.unwrap_or(current);
        let asked = || self.requested.iter().map(|(_, asked)| asked);
        let mut amounts = asked().flat_map(|asked| asked.terms.amounts().chain([price(asked)]));
        if let Some(foreign) = amounts.find(|amount| amount.currency() != currency) {
            return Err(Fault::OtherCurrency(foreign.currency()));
        }
        let unit = asked().map(price).max_by_key(|price| price.minor()).unwrap_or(current);
        let gross = unit.checked_multiply(self.quantity).map_err(|_| Fault::TooMany)?;
        // None of these is more than the highest price times the pieces, which was counted.
        let charged = sum(asked().map(|asked| price(asked).minor().saturating_mul(asked.quantity.get())))?;
        let off = sum(asked().filter_map(|asked| asked.terms.discount).map(Money::minor))?;
        let tax = sum(asked().filter_map(|asked| asked.terms.tax).map(Money::minor))?;
        let discount = (gross.minor() - charged).checked_add(off).ok_or(Fault::TooMany)?;
        if discount > gross.minor() {
            return Err(Fault::TooMuchOff);
        }
        let price_source = match source {
            Source::Import => PriceSource::Channel,
            _ if asked().any(|asked| asked.terms.unit_price.is_some()) => PriceSource::Staff,
            _ => PriceSource::Catalog,
        };
        let line = Line { price_source, ..Line::of(offer, self.quantity, unit, gross) };
        line.charged(discount, tax, 0).ok_or(Fault::TooMany)
    }
}

impl OrderTerms {
    fn spread_over(&self, lines: &mut [Line], currency: Currency) -> Result<(), DraftError> {
        let stated = [
            (StatedAmount::Discount, self.discount),
            (StatedAmount::Shipping, self.shipping),
            (StatedAmount::Tax, self.tax),
            (StatedAmount::Total, self.total),
            (StatedAmount::Paid, self.paid),
        ];
        for (field, amount) in stated {
            if amount.is_some_and(|amount| amount.currency() != currency) {
                return Err(DraftError::OtherCurrency { field, currency });
            }
        }
        if self.discount.or(self.shipping).or(self.tax).is_none() {
            return Ok(());
        }
        let worth = |line: &Line| line.amount.minor() - line.price().discount;
        let weights: Vec<i64> = lines.iter().map(worth).collect();
        let all = Money::total(currency, weights.iter().filter_map(|minor| Money::from_minor(*minor, currency).ok()));
        let all = all.map_err(|_| DraftError::TotalTooLarge)?;
        if let Some(discount) = self.discount.filter(|discount| discount.minor() > all.minor()) {
            return Err(DraftError::TooMuchOff { discount, most: all });
        }
        let shares =
            |amount: Option<Money>| spread(amount.map_or(0, Money::minor), &weights).ok_or(DraftError::TotalTooLarge);
        let (discounts, shippings, taxes) = (shares(self.discount)?, shares(self.shipping)?, shares(self.tax)?);
        for (line, ((discount, shipping), tax)) in lines.iter_mut().zip(discounts.into_iter().zip(shippings).zip(taxes))
        {
            let price = line.price();
            let tax = price.tax.checked_add(tax).ok_or(DraftError::TotalTooLarge)?;
            let charged = line.clone().charged(price.discount + discount, tax, shipping);
            *line = charged.ok_or(DraftError::TotalTooLarge)?;
        }
        Ok(())
    }
}

fn sum(mut minor: impl Iterator<Item = i64>) -> Result<i64, Fault> {
    minor.try_fold(0_i64, i64::checked_add).ok_or(Fault::TooMany)
}

/// What the lines add up to, where that can be counted.
fn total(lines: &[Line], currency: Currency) -> Option<Money> {
    let nets = lines.iter().map(|line| Money::from_minor(line.net()?, currency).ok());
    Money::total(currency, nets.collect::<Option<Vec<_>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use contracts::catalog::Listing;
    use kernel::{ProductId, VariantId};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::OtherPrices;

    fn sku(text: &str) -> Sku {
        Sku::parse(text).unwrap()
    }

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::parse("USD").unwrap()).unwrap()
    }

    fn line(text: &str, quantity: i64) -> RequestedLine {
        let terms = LineTerms::default();
        RequestedLine { sku: sku(text), quantity: Quantity::new(quantity).unwrap(), shown: None, terms }
    }

    /// A line at the seller's price, with so much taken off and so much tax.
    fn stated(text: &str, quantity: i64, price: i64, discount: i64, tax: i64) -> RequestedLine {
        let terms = LineTerms { unit_price: Some(usd(price)), discount: Some(usd(discount)), tax: Some(usd(tax)) };
        RequestedLine { terms, ..line(text, quantity) }
    }

    fn shown(text: &str, price: Money) -> RequestedLine {
        RequestedLine { shown: Some(price), ..line(text, 1) }
    }

    fn flaw(line: usize, text: &str, fault: Fault) -> Flaw {
        Flaw { line, sku: sku(text), fault }
    }

    fn offer(text: &str, price: Money) -> Offer {
        Offer {
            sku: sku(text),
            product: ProductId::new(),
            variant: VariantId::new(),
            product_version: 7,
            title: text.to_owned(),
            variant_title: String::new(),
            price,
            other_prices: OtherPrices::default(),
            cost: None,
            for_sale: true,
            listing: Listing::default(),
        }
    }

    #[test]
    fn repeated_skus_become_one_line_in_the_order_of_their_first_appearance() {
        let draft = Draft::new(vec![line("B", 1), line("A", 2), line("B", 3)]).unwrap();
        let (lines, total) = draft.price(&ChannelCode::shop(), &[offer("A", usd(100)), offer("B", usd(10))]).unwrap();
        let seen: Vec<_> = lines.iter().map(|line| (line.sku.as_str(), line.quantity.get(), line.amount)).collect();
        assert_eq!(seen, [("B", 4, usd(40)), ("A", 2, usd(200))]);
        assert_eq!(total, usd(240));
    }

    #[test]
    fn every_line_that_cannot_be_sold_is_named_with_its_place_in_the_request() {
        let retired = Offer { for_sale: false, ..offer("OLD", usd(1)) };
        let vnd = Currency::parse("VND").unwrap();
        let foreign = offer("VN", Money::parse("5000", vnd).unwrap());
        let draft =
            Draft::new(vec![line("A", 1), line("NO", 1), line("OLD", 1), line("NO", 1), line("VN", 1)]).unwrap();
        let refused = draft.price(&ChannelCode::shop(), &[offer("A", usd(1)), retired, foreign]).unwrap_err();
        assert_eq!(
            refused,
            DraftError::Unsellable(vec![
                flaw(1, "NO", Fault::Unknown),
                flaw(3, "NO", Fault::Unknown),
                flaw(2, "OLD", Fault::NotForSale),
                flaw(4, "VN", Fault::OtherCurrency(vnd)),
            ])
        );
    }

    #[test]
    fn a_price_other_than_the_shown_one_is_refused_with_both() {
        let draft = Draft::new(vec![shown("B", usd(5)), shown("A", usd(90))]).unwrap();
        let refused = draft.price(&ChannelCode::shop(), &[offer("A", usd(100)), offer("B", usd(5))]);
        let change = PriceChange { line: 1, sku: sku("A"), shown: usd(90), current: usd(100) };
        assert_eq!(refused.unwrap_err(), DraftError::PriceChanged(vec![change]));
    }

    #[test]
    fn a_line_costs_what_the_channel_of_the_order_has_it_cost() {
        let [market, outlet] = ["market", "outlet"].map(|code| ChannelCode::parse(code).unwrap());
        let mug = |elsewhere| {
            let other_prices = OtherPrices { channels: [(market.clone(), usd(80))].into(), elsewhere };
            Offer { other_prices, ..offer("MUG", usd(100)) }
        };
        let costs = |channel: &ChannelCode, offer: Offer| {
            let staff = Draft::of(Source::Staff, vec![line("MUG", 2)], OrderTerms::default()).unwrap();
            let added = Draft::of_addition(vec![(0, line("MUG", 1))]);
            let one = added.price_in(channel, usd(0).currency(), std::slice::from_ref(&offer)).unwrap()[0].unit_price;
            let (lines, total) = staff.price(channel, &[offer]).unwrap();
            assert_eq!((lines[0].unit_price, lines[0].price_source), (one, PriceSource::Catalog));
            (one, total)
        };
        assert_eq!(costs(&ChannelCode::shop(), mug(Some(usd(90)))), (usd(100), usd(200)));
        assert_eq!(costs(&market, mug(Some(usd(90)))), (usd(80), usd(160)));
        assert_eq!(costs(&outlet, mug(Some(usd(90)))), (usd(90), usd(180)));
        assert_eq!(costs(&outlet, mug(None)), (usd(100), usd(200)));

        let seen = Draft::new(vec![shown("MUG", usd(100))]).unwrap();
        assert_eq!(seen.price(&outlet, &[mug(None)]).map(|(_, total)| total), Ok(usd(100)));
        let change = PriceChange { line: 0, sku: sku("MUG"), shown: usd(100), current: usd(80) };
        assert_eq!(seen.price(&market, &[mug(None)]), Err(DraftError::PriceChanged(vec![change])));
    }

    #[test]
    fn channels_whose_prices_are_in_other_currencies_are_not_mixed_in_one_order() {
        let (market, vnd) = (ChannelCode::parse("market").unwrap(), Currency::parse("VND").unwrap());
        let dong = Money::parse("5000", vnd).unwrap();
        let other_prices = OtherPrices { channels: [(market.clone(), dong)].into(), elsewhere: None };
        let foreign = Offer { other_prices, ..offer("VN", usd(1)) };
        let draft = Draft::new(vec![line("A", 1), line("VN", 1)]).unwrap();
        let offers = [offer("A", usd(100)), foreign];
        assert_eq!(draft.price(&ChannelCode::shop(), &offers).map(|(_, total)| total), Ok(usd(101)));
        let refused = DraftError::Unsellable(vec![flaw(1, "VN", Fault::OtherCurrency(vnd))]);
        assert_eq!(draft.price(&market, &offers), Err(refused.clone()));
        let added = Draft::of_addition(vec![(1, line("VN", 1))]);
        assert_eq!(added.price_in(&market, usd(0).currency(), &offers), Err(refused));
    }

    #[test]
    fn sums_that_do_not_fit_are_refused() {
        let many = Draft::new(vec![line("A", 1_000_000), line("A", 1)]).unwrap_err();
        assert_eq!(many, DraftError::Unsellable(vec![flaw(1, "A", Fault::TooMany)]));
        let dear = Draft::new(vec![line("A", 2)])
            .unwrap()
            .price(&ChannelCode::shop(), &[offer("A", usd(i64::MAX))])
            .unwrap_err();
        assert_eq!(dear, DraftError::Unsellable(vec![flaw(0, "A", Fault::TooMany)]));
        let draft = Draft::new(vec![line("A", 1), line("B", 1)]).unwrap();
        let total = draft.price(&ChannelCode::shop(), &[offer("A", usd(i64::MAX)), offer("B", usd(1))]).unwrap_err();
        assert_eq!(total, DraftError::TotalTooLarge);
    }

    #[test]
    fn an_order_has_from_one_to_a_hundred_lines() {
        assert_eq!(Draft::new(vec![]).unwrap_err(), DraftError::LineCount { lines: 0 });
        let lines = (0..101).map(|number| line(&format!("S{number}"), 1)).collect();
        assert_eq!(Draft::new(lines).unwrap_err(), DraftError::LineCount { lines: 101 });
    }

    #[test]
    fn a_shopper_states_no_price_and_takes_nothing_off() {
        let draft = Draft::new(vec![stated("A", 2, 1, 1, 1)]).unwrap();
        let (lines, total) = draft.price(&ChannelCode::shop(), &[offer("A", usd(100))]).unwrap();
        assert_eq!(
            (lines[0].unit_price, lines[0].discount, lines[0].price_source),
            (usd(100), None, PriceSource::Catalog)
        );
        assert_eq!(total, usd(200));
    }

    #[test]
    fn the_seller_states_prices_and_what_is_taken_off_and_the_rest_comes_from_the_catalog() {
        let terms = OrderTerms { discount: Some(usd(100)), shipping: Some(usd(7)), ..OrderTerms::default() };
        let draft = Draft::of(Source::Staff, vec![stated("A", 2, 150, 20, 3), line("B", 1)], terms).unwrap();
        let (lines, total) = draft.price(&ChannelCode::shop(), &[offer("A", usd(100)), offer("B", usd(50))]).unwrap();
        let sources: Vec<_> = lines.iter().map(|line| line.price_source).collect();
        assert_eq!(sources, [PriceSource::Staff, PriceSource::Catalog]);
        // 280 and 50 are left of the lines, so the first has 280/330 of what the order states.
        let parts: Vec<_> = lines.iter().map(|line| (line.discount, line.tax, line.shipping)).collect();
        assert_eq!(parts, [(Some(usd(104)), Some(usd(3)), Some(usd(5))), (Some(usd(16)), None, Some(usd(2)))]);
        assert_eq!(total, usd(350 - 20 - 100 + 3 + 7));
    }

    #[test]
    fn lines_of_one_sku_at_two_prices_become_one_that_costs_the_same() {
        let requested = vec![stated("A", 2, 150, 0, 0), stated("A", 1, 120, 10, 0)];
        let draft = Draft::of(Source::Import, requested, OrderTerms::default()).unwrap();
        let (lines, total) = draft.price(&ChannelCode::shop(), &[offer("A", usd(999))]).unwrap();
        assert_eq!((lines.len(), lines[0].unit_price, lines[0].discount), (1, usd(150), Some(usd(40))));
        assert_eq!(total, usd(2 * 150 + 120 - 10));
    }

    #[test]
    fn what_was_sold_elsewhere_is_taken_at_its_price_whether_or_not_it_is_still_for_sale() {
        let retired = Offer { for_sale: false, ..offer("OLD", usd(1)) };
        let requested = vec![stated("OLD", 1, 70, 0, 0)];
        let draft = Draft::of(Source::Import, requested.clone(), OrderTerms::default()).unwrap();
        let (lines, total) = draft.price(&ChannelCode::shop(), std::slice::from_ref(&retired)).unwrap();
        assert_eq!((lines[0].price_source, total), (PriceSource::Channel, usd(70)));
        let entered = Draft::of(Source::Staff, requested, OrderTerms::default()).unwrap();
        assert_eq!(
            entered.price(&ChannelCode::shop(), &[retired]),
            Err(DraftError::Unsellable(vec![flaw(0, "OLD", Fault::NotForSale)]))
        );
    }

    #[test]
    fn what_is_sold_in_other_channels_only_is_refused_in_this_one_unless_it_was_sold_already() {
        let channels = ["market", "outlet"].map(|code| ChannelCode::parse(code).unwrap());
        let listed = |only: &[ChannelCode]| Offer {
            listing: Listing::only(only.iter().cloned().collect()),
            ..offer("MUG", usd(100))
        };
        let refused = Err(DraftError::Unsellable(vec![flaw(0, "MUG", Fault::NotInChannel)]));
        let total = |source: Source, channel: &ChannelCode, offer: Offer| {
            let draft = Draft::of(source, vec![line("MUG", 1)], OrderTerms::default()).unwrap();
            draft.price(channel, &[offer]).map(|(_, total)| total)
        };
        for source in [Source::Shop, Source::Staff] {
            assert_eq!(total(source, &channels[0], listed(&channels)), Ok(usd(100)));
            assert_eq!(total(source, &ChannelCode::shop(), listed(&channels)), refused);
            assert_eq!(total(source, &channels[0], listed(&[])), refused);
        }
        assert_eq!(total(Source::Import, &ChannelCode::shop(), listed(&channels)), Ok(usd(100)));
        let added = Draft::of_addition(vec![(0, line("MUG", 1))]);
        let currency = usd(0).currency();
        assert_eq!(added.price_in(&channels[1], currency, &[listed(&channels)]).map(|lines| lines.len()), Ok(1));
        assert_eq!(added.price_in(&channels[1], currency, &[listed(&channels[..1])]).map(|_| usd(100)), refused);
    }

    #[test]
    fn amounts_that_do_not_fit_are_refused_with_what_would() {
        let price = |requested: Vec<RequestedLine>, terms: OrderTerms| {
            Draft::of(Source::Staff, requested, terms)
                .unwrap()
                .price(&ChannelCode::shop(), &[offer("A", usd(100))])
                .map(|(_, total)| total)
        };
        let none = OrderTerms::default();
        let too_much = DraftError::Unsellable(vec![flaw(0, "A", Fault::TooMuchOff)]);
        assert_eq!(price(vec![stated("A", 1, 100, 101, 0)], none), Err(too_much));
        let off = OrderTerms { discount: Some(usd(91)), ..none };
        let refused = DraftError::TooMuchOff { discount: usd(91), most: usd(90) };
        assert_eq!(price(vec![stated("A", 1, 100, 10, 0)], off), Err(refused));
        let vnd = Currency::parse("VND").unwrap();
        let foreign = OrderTerms { shipping: Some(Money::from_minor(1, vnd).unwrap()), ..none };
        let refused = DraftError::OtherCurrency { field: StatedAmount::Shipping, currency: usd(0).currency() };
        assert_eq!(price(vec![line("A", 1)], foreign), Err(refused));
        let wrong = OrderTerms { total: Some(usd(99)), ..none };
        assert_eq!(
            price(vec![line("A", 1)], wrong),
            Err(DraftError::TotalMismatch { given: usd(99), computed: usd(100) })
        );
        assert_eq!(price(vec![line("A", 1)], OrderTerms { total: Some(usd(100)), ..none }), Ok(usd(100)));
    }

    proptest! {
        /// Whatever is stated of lines and order: the lines add up to the total, and no line costs less than nothing.
        #[test]
        fn the_parts_of_an_order_add_up(
            asked in prop::collection::vec((1..50_i64, 0..10_000_i64, 0..=100_i64, 0..500_i64), 1..30),
            (percent, shipping, tax) in (0..=100_i64, 0..10_000_i64, 0..10_000_i64),
        ) {
            let off = |quantity: i64, price: i64, percent: i64| quantity * price * percent / 100;
            let requested: Vec<_> = asked.iter().enumerate().map(|(number, (quantity, price, percent, tax))| {
                stated(&format!("S{number}"), *quantity, *price, off(*quantity, *price, *percent), *tax)
            }).collect();
            let lines: i64 = asked.iter().map(|(quantity, price, percent, _)| quantity * price - off(*quantity, *price, *percent)).sum();
            let taxes: i64 = asked.iter().map(|(.., tax)| tax).sum();
            let discount = lines * percent / 100;
            let terms = OrderTerms {
                discount: Some(usd(discount)), shipping: Some(usd(shipping)), tax: Some(usd(tax)), ..OrderTerms::default()
            };
            let offers: Vec<_> = (0..30).map(|number| offer(&format!("S{number}"), usd(1))).collect();
            let (priced, total) = Draft::of(Source::Staff, requested, terms).unwrap().price(&ChannelCode::shop(), &offers).unwrap();
            prop_assert_eq!(total.minor(), lines - discount + taxes + tax + shipping);
            prop_assert!(priced.iter().all(|line| line.price().discount <= line.amount.minor()));
        }
    }

    proptest! {
        #[test]
        fn merging_loses_no_piece_and_no_money(asked in prop::collection::vec((0..6_u8, 1..50_i64), 1..100)) {
            let requested = asked.iter().map(|(number, pieces)| line(&format!("S{number}"), *pieces)).collect();
            let offers: Vec<_> = (0..6_u8).map(|number| offer(&format!("S{number}"), usd(i64::from(number) + 1))).collect();
            let (lines, total) = Draft::new(requested).unwrap().price(&ChannelCode::shop(), &offers).unwrap();
            prop_assert_eq!(
                lines.iter().map(|line| line.quantity.get()).sum::<i64>(),
                asked.iter().map(|(_, pieces)| pieces).sum::<i64>()
            );
            let cost: i64 = asked.iter().map(|(number, pieces)| (i64::from(*number) + 1) * pieces).sum();
            prop_assert_eq!(total.minor(), cost);
        }
    }
}

//! What a shopper wants, before it is an order. The rules: repeated SKUs become one line, an order has one currency,
//! sums are checked, and prices come from this service's own copy of the catalog, never from the shopper.

use std::collections::HashMap;

use kernel::{Currency, Money, Quantity, Sku};
use serde::Serialize;

use super::{line::Line, product::Offer};

/// The most lines that one order may have.
pub const LINE_LIMIT: usize = 100;

/// What is wrong with one line of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// The line's index in the request, from 0.
    pub line: usize,
    /// The SKU.
    pub sku: Sku,
    /// What is wrong.
    pub fault: Fault,
}

/// What can be wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There is no such SKU.
    Unknown,
    /// The SKU exists and cannot be ordered.
    NotForSale,
    /// The lines of this SKU together are more than may be ordered, or cost more than can be counted.
    TooMany,
    /// The SKU is priced in this currency, the first line in another.
    OtherCurrency(Currency),
}

/// A line whose price is not the one that the shopper was shown. Programs get it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
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

/// Why an order cannot be placed. Every line that is wrong is named.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
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
}

/// One line of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestedLine {
    /// The SKU.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
    /// The unit price that the shopper was shown, if the client sent it.
    pub shown: Option<Money>,
}

/// One SKU of a draft.
#[derive(Debug, Clone, PartialEq, Eq)]
struct DraftLine {
    sku: Sku,
    quantity: Quantity,
    /// The request's lines with this SKU, and the price that the shopper was shown on each.
    requested: Vec<(usize, Option<Money>)>,
}

/// The lines of a request, merged by SKU in the order of their first appearance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    lines: Vec<DraftLine>,
}

impl Draft {
    /// Merges the lines of a request.
    ///
    /// # Errors
    /// [`DraftError`] when there are no lines or too many, or the lines of one SKU add up to more than a line may hold.
    pub fn new(requested: Vec<RequestedLine>) -> Result<Self, DraftError> {
        if requested.is_empty() || requested.len() > LINE_LIMIT {
            return Err(DraftError::LineCount { lines: requested.len() });
        }
        let mut lines: Vec<DraftLine> = Vec::with_capacity(requested.len());
        let mut places: HashMap<Sku, usize> = HashMap::with_capacity(requested.len());
        let mut flaws = Vec::new();
        for (number, RequestedLine { sku, quantity, shown }) in requested.into_iter().enumerate() {
            match places.get(&sku).and_then(|place| lines.get_mut(*place)) {
                None => {
                    places.insert(sku.clone(), lines.len());
                    lines.push(DraftLine { sku, quantity, requested: vec![(number, shown)] });
                }
                Some(line) => match line.quantity.checked_add(quantity) {
                    Ok(sum) => {
                        line.quantity = sum;
                        line.requested.push((number, shown));
                    }
                    Err(_) => flaws.push(Flaw { line: number, sku, fault: Fault::TooMany }),
                },
            }
        }
        if flaws.is_empty() { Ok(Self { lines }) } else { Err(DraftError::Unsellable(flaws)) }
    }

    /// The SKUs, each once.
    pub fn skus(&self) -> impl Iterator<Item = &Sku> {
        self.lines.iter().map(|line| &line.sku)
    }

    /// Prices the draft: the lines of the order and its total.
    ///
    /// # Errors
    /// [`DraftError`] naming every line that cannot be sold, or whose price is not the one that was shown.
    pub fn price(&self, offers: &[Offer]) -> Result<(Vec<Line>, Money), DraftError> {
        let by_sku: HashMap<&Sku, &Offer> = offers.iter().map(|offer| (&offer.sku, offer)).collect();
        let currency = self.lines.iter().find_map(|line| by_sku.get(&line.sku)).map(|offer| offer.price.currency());
        let (mut flaws, mut changes, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for DraftLine { sku, quantity, requested } in &self.lines {
            let mut flaw = |fault| {
                flaws.extend(requested.iter().map(|(line, _)| Flaw { line: *line, sku: sku.clone(), fault }));
            };
            let Some(offer) = by_sku.get(sku) else {
                flaw(Fault::Unknown);
                continue;
            };
            let price = offer.price;
            if !offer.for_sale {
                flaw(Fault::NotForSale);
            } else if Some(price.currency()) != currency {
                flaw(Fault::OtherCurrency(price.currency()));
            } else if let Ok(amount) = price.checked_multiply(*quantity) {
                let shown = requested.iter().filter_map(|(number, shown)| shown.map(|shown| (*number, shown)));
                changes.extend(shown.filter(|(_, shown)| *shown != price).map(|(line, shown)| PriceChange {
                    line,
                    sku: sku.clone(),
                    shown,
                    current: price,
                }));
                lines.push(Line::of(offer, *quantity, amount));
            } else {
                flaw(Fault::TooMany);
            }
        }
        // A flaw comes before a changed price: the shopper has to change the order anyway.
        if !flaws.is_empty() {
            return Err(DraftError::Unsellable(flaws));
        }
        if !changes.is_empty() {
            return Err(DraftError::PriceChanged(changes));
        }
        let currency = currency.ok_or(DraftError::LineCount { lines: 0 })?;
        let total = Money::total(currency, lines.iter().map(|line| line.amount));
        Ok((lines, total.map_err(|_| DraftError::TotalTooLarge)?))
    }
}

#[cfg(test)]
mod tests {
    use kernel::{ProductId, VariantId};
    use proptest::prelude::*;

    use super::*;

    fn sku(text: &str) -> Sku {
        Sku::parse(text).unwrap()
    }

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::parse("USD").unwrap()).unwrap()
    }

    fn line(text: &str, quantity: i64) -> RequestedLine {
        RequestedLine { sku: sku(text), quantity: Quantity::new(quantity).unwrap(), shown: None }
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
            cost: None,
            for_sale: true,
        }
    }

    #[test]
    fn repeated_skus_become_one_line_in_the_order_of_their_first_appearance() {
        let draft = Draft::new(vec![line("B", 1), line("A", 2), line("B", 3)]).unwrap();
        let (lines, total) = draft.price(&[offer("A", usd(100)), offer("B", usd(10))]).unwrap();
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
        let refused = draft.price(&[offer("A", usd(1)), retired, foreign]).unwrap_err();
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
        let refused = draft.price(&[offer("A", usd(100)), offer("B", usd(5))]);
        let change = PriceChange { line: 1, sku: sku("A"), shown: usd(90), current: usd(100) };
        assert_eq!(refused.unwrap_err(), DraftError::PriceChanged(vec![change]));
    }

    #[test]
    fn sums_that_do_not_fit_are_refused() {
        let many = Draft::new(vec![line("A", 1_000_000), line("A", 1)]).unwrap_err();
        assert_eq!(many, DraftError::Unsellable(vec![flaw(1, "A", Fault::TooMany)]));
        let dear = Draft::new(vec![line("A", 2)]).unwrap().price(&[offer("A", usd(i64::MAX))]).unwrap_err();
        assert_eq!(dear, DraftError::Unsellable(vec![flaw(0, "A", Fault::TooMany)]));
        let draft = Draft::new(vec![line("A", 1), line("B", 1)]).unwrap();
        let total = draft.price(&[offer("A", usd(i64::MAX)), offer("B", usd(1))]).unwrap_err();
        assert_eq!(total, DraftError::TotalTooLarge);
    }

    #[test]
    fn an_order_has_from_one_to_a_hundred_lines() {
        assert_eq!(Draft::new(vec![]).unwrap_err(), DraftError::LineCount { lines: 0 });
        let lines = (0..101).map(|number| line(&format!("S{number}"), 1)).collect();
        assert_eq!(Draft::new(lines).unwrap_err(), DraftError::LineCount { lines: 101 });
    }

    proptest! {
        #[test]
        fn merging_loses_no_piece_and_no_money(asked in prop::collection::vec((0..6_u8, 1..50_i64), 1..100)) {
            let requested = asked.iter().map(|(number, pieces)| line(&format!("S{number}"), *pieces)).collect();
            let offers: Vec<_> = (0..6_u8).map(|number| offer(&format!("S{number}"), usd(i64::from(number) + 1))).collect();
            let (lines, total) = Draft::new(requested).unwrap().price(&offers).unwrap();
            prop_assert_eq!(
                lines.iter().map(|line| line.quantity.get()).sum::<i64>(),
                asked.iter().map(|(_, pieces)| pieces).sum::<i64>()
            );
            let cost: i64 = asked.iter().map(|(number, pieces)| (i64::from(*number) + 1) * pieces).sum();
            prop_assert_eq!(total.minor(), cost);
        }
    }
}

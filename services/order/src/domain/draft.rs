//! What a shopper wants, before it is an order. The rules: repeated SKUs are one line, one currency per order, checked
//! sums, and prices come from this service's own copy of the catalog, never from the shopper.

use std::collections::HashMap;

use kernel::{Malformed, Money, ProductId, Quantity, Sku, VariantId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::order::Line;

/// The most lines that one order may have.
pub const LINE_LIMIT: usize = 100;

/// One line of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// What.
    pub sku: Sku,
    /// How many.
    pub quantity: Quantity,
    /// The unit price that the shopper was shown, where the client says it.
    pub shown: Option<Money>,
}

/// One SKU as this service's own copy of the catalog has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What it is ordered by.
    pub sku: Sku,
    /// Its product.
    pub product: ProductId,
    /// Its variant.
    pub variant: VariantId,
    /// The product's version that these values are of.
    pub product_version: i64,
    /// What the product is called.
    pub title: String,
    /// What the variant is called.
    pub variant_title: String,
    /// Its unit price.
    pub price: Money,
    /// Whether it is sold at all.
    pub for_sale: bool,
}

/// A shopper's own word for the order: 1 to 200 characters without control characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("minLength" = 1, "maxLength" = 200))]
pub struct Reference(String);

impl Reference {
    /// The longest reference, in characters.
    pub const LIMIT: usize = 200;

    /// Checks a reference.
    ///
    /// # Errors
    /// `Malformed` when it is empty, longer than 200 characters or has control characters.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        if text.is_empty() || text.chars().count() > Self::LIMIT || text.chars().any(char::is_control) {
            return Err(Malformed::new("reference", "must have 1 to 200 characters and no control characters"));
        }
        Ok(Self(text.to_owned()))
    }

    /// The reference as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Reference {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        Self::parse(&text)
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}

/// What is wrong with one line of a request; `line` counts the request's lines from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flaw {
    /// No such SKU in the catalog.
    Unknown {
        /// The line.
        line: usize,
        /// The SKU.
        sku: Sku,
    },
    /// The SKU exists and is not sold.
    NotForSale {
        /// The line.
        line: usize,
        /// The SKU.
        sku: Sku,
    },
    /// The lines of this SKU together are more than may be ordered, or cost more than can be counted.
    TooMany {
        /// The line.
        line: usize,
        /// The SKU.
        sku: Sku,
    },
    /// The SKU is priced in another currency than the first line.
    OtherCurrency {
        /// The line.
        line: usize,
        /// The SKU.
        sku: Sku,
        /// Its price.
        price: Money,
    },
    /// The shopper was shown another price.
    PriceChanged {
        /// The line.
        line: usize,
        /// The SKU.
        sku: Sku,
        /// The unit price that the shopper was shown.
        shown: Money,
        /// The unit price now.
        current: Money,
    },
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
    PriceChanged(Vec<Flaw>),
    /// The total does not fit into the currency's minor units.
    #[error("the order's total is more than can be counted; order less")]
    TotalTooLarge,
}

/// One SKU of the draft and the request's lines that ask for it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Wish {
    sku: Sku,
    quantity: Quantity,
    asked: Vec<(usize, Option<Money>)>,
}

/// The lines of a request, merged by SKU in the order of their first appearance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    wishes: Vec<Wish>,
}

impl Draft {
    /// Merges the lines of a request.
    ///
    /// # Errors
    /// [`DraftError`] when there are no lines or too many, or a SKU is asked for more often than a line may hold.
    pub fn new(wanted: Vec<Wanted>) -> Result<Self, DraftError> {
        if wanted.is_empty() || wanted.len() > LINE_LIMIT {
            return Err(DraftError::LineCount { lines: wanted.len() });
        }
        let mut wishes: Vec<Wish> = Vec::with_capacity(wanted.len());
        let mut places: HashMap<Sku, usize> = HashMap::with_capacity(wanted.len());
        let mut flaws = Vec::new();
        for (line, Wanted { sku, quantity, shown }) in wanted.into_iter().enumerate() {
            match places.get(&sku).and_then(|place| wishes.get_mut(*place)) {
                None => {
                    places.insert(sku.clone(), wishes.len());
                    wishes.push(Wish { sku, quantity, asked: vec![(line, shown)] });
                }
                Some(wish) => match wish.quantity.checked_add(quantity) {
                    Ok(sum) => {
                        wish.quantity = sum;
                        wish.asked.push((line, shown));
                    }
                    Err(_) => flaws.push(Flaw::TooMany { line, sku }),
                },
            }
        }
        if flaws.is_empty() { Ok(Self { wishes }) } else { Err(DraftError::Unsellable(flaws)) }
    }

    /// The SKUs, each once.
    pub fn skus(&self) -> impl Iterator<Item = &Sku> {
        self.wishes.iter().map(|wish| &wish.sku)
    }

    /// Prices the draft: the lines of the order and its total.
    ///
    /// # Errors
    /// [`DraftError`] naming every line that cannot be sold, or whose price is not the one that was shown.
    pub fn price(&self, offers: &[Offer]) -> Result<(Vec<Line>, Money), DraftError> {
        let by_sku: HashMap<&Sku, &Offer> = offers.iter().map(|offer| (&offer.sku, offer)).collect();
        let currency = self.wishes.iter().find_map(|wish| by_sku.get(&wish.sku)).map(|offer| offer.price.currency());
        let (mut flaws, mut changes, mut lines) = (Vec::new(), Vec::new(), Vec::new());
        for wish in &self.wishes {
            let asked = || wish.asked.iter().map(|(line, _)| *line);
            let sku = || wish.sku.clone();
            let Some(offer) = by_sku.get(&wish.sku) else {
                flaws.extend(asked().map(|line| Flaw::Unknown { line, sku: sku() }));
                continue;
            };
            let price = offer.price;
            if !offer.for_sale {
                flaws.extend(asked().map(|line| Flaw::NotForSale { line, sku: sku() }));
            } else if Some(price.currency()) != currency {
                flaws.extend(asked().map(|line| Flaw::OtherCurrency { line, sku: sku(), price }));
            } else if let Ok(amount) = price.checked_multiply(wish.quantity) {
                let shown = wish.asked.iter().filter_map(|(line, shown)| shown.map(|shown| (*line, shown)));
                changes.extend(shown.filter(|(_, shown)| *shown != price).map(|(line, shown)| Flaw::PriceChanged {
                    line,
                    sku: sku(),
                    shown,
                    current: price,
                }));
                lines.push(Line::of(offer, wish.quantity, amount));
            } else {
                flaws.extend(asked().map(|line| Flaw::TooMany { line, sku: sku() }));
            }
        }
        // A flaw wins over a changed price: the shopper has to change the order anyway.
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
    use kernel::Currency;
    use proptest::prelude::*;

    use super::*;

    fn sku(text: &str) -> Sku {
        Sku::parse(text).unwrap()
    }

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::parse("USD").unwrap()).unwrap()
    }

    fn wanted(text: &str, quantity: i64) -> Wanted {
        Wanted { sku: sku(text), quantity: Quantity::new(quantity).unwrap(), shown: None }
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
            for_sale: true,
        }
    }

    #[test]
    fn repeated_skus_become_one_line_in_the_order_of_their_first_appearance() {
        let draft = Draft::new(vec![wanted("B", 1), wanted("A", 2), wanted("B", 3)]).unwrap();
        let (lines, total) = draft.price(&[offer("A", usd(100)), offer("B", usd(10))]).unwrap();
        let seen: Vec<_> = lines.iter().map(|line| (line.sku.as_str(), line.quantity.get(), line.amount)).collect();
        assert_eq!(seen, [("B", 4, usd(40)), ("A", 2, usd(200))]);
        assert_eq!(total, usd(240));
    }

    #[test]
    fn every_line_that_cannot_be_sold_is_named_with_its_place_in_the_request() {
        let retired = Offer { for_sale: false, ..offer("OLD", usd(1)) };
        let foreign = offer("VN", Money::parse("5000", Currency::parse("VND").unwrap()).unwrap());
        let price = foreign.price;
        let draft =
            Draft::new(vec![wanted("A", 1), wanted("NO", 1), wanted("OLD", 1), wanted("NO", 1), wanted("VN", 1)])
                .unwrap();
        let refused = draft.price(&[offer("A", usd(1)), retired, foreign]).unwrap_err();
        assert_eq!(
            refused,
            DraftError::Unsellable(vec![
                Flaw::Unknown { line: 1, sku: sku("NO") },
                Flaw::Unknown { line: 3, sku: sku("NO") },
                Flaw::NotForSale { line: 2, sku: sku("OLD") },
                Flaw::OtherCurrency { line: 4, sku: sku("VN"), price },
            ])
        );
    }

    #[test]
    fn a_price_other_than_the_shown_one_is_refused_with_both() {
        let shown = Wanted { shown: Some(usd(90)), ..wanted("A", 1) };
        let right = Wanted { shown: Some(usd(5)), ..wanted("B", 1) };
        let refused = Draft::new(vec![right, shown]).unwrap().price(&[offer("A", usd(100)), offer("B", usd(5))]);
        let change = Flaw::PriceChanged { line: 1, sku: sku("A"), shown: usd(90), current: usd(100) };
        assert_eq!(refused.unwrap_err(), DraftError::PriceChanged(vec![change]));
    }

    #[test]
    fn sums_that_do_not_fit_are_refused() {
        let many = Draft::new(vec![wanted("A", 1_000_000), wanted("A", 1)]).unwrap_err();
        assert_eq!(many, DraftError::Unsellable(vec![Flaw::TooMany { line: 1, sku: sku("A") }]));
        let dear = Draft::new(vec![wanted("A", 2)]).unwrap().price(&[offer("A", usd(i64::MAX))]).unwrap_err();
        assert_eq!(dear, DraftError::Unsellable(vec![Flaw::TooMany { line: 0, sku: sku("A") }]));
        let draft = Draft::new(vec![wanted("A", 1), wanted("B", 1)]).unwrap();
        let total = draft.price(&[offer("A", usd(i64::MAX)), offer("B", usd(1))]).unwrap_err();
        assert_eq!(total, DraftError::TotalTooLarge);
    }

    #[test]
    fn an_order_has_from_one_to_a_hundred_lines() {
        assert_eq!(Draft::new(vec![]).unwrap_err(), DraftError::LineCount { lines: 0 });
        let lines = (0..101).map(|number| wanted(&format!("S{number}"), 1)).collect();
        assert_eq!(Draft::new(lines).unwrap_err(), DraftError::LineCount { lines: 101 });
    }

    proptest! {
        #[test]
        fn merging_loses_no_piece_and_no_money(asked in prop::collection::vec((0..6_u8, 1..50_i64), 1..100)) {
            let wishes = asked.iter().map(|(number, pieces)| wanted(&format!("S{number}"), *pieces)).collect();
            let offers: Vec<_> = (0..6_u8).map(|number| offer(&format!("S{number}"), usd(i64::from(number) + 1))).collect();
            let (lines, total) = Draft::new(wishes).unwrap().price(&offers).unwrap();
            prop_assert_eq!(
                lines.iter().map(|line| line.quantity.get()).sum::<i64>(),
                asked.iter().map(|(_, pieces)| pieces).sum::<i64>()
            );
            let cost: i64 = asked.iter().map(|(number, pieces)| (i64::from(*number) + 1) * pieces).sum();
            prop_assert_eq!(total.minor(), cost);
        }
    }
}

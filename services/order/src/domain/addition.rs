//! Pieces that are added to an order before anything of it is packed. The rule: catalog is asked first, for all of them at once, and what
//! they cost is said when they are asked for.

use contracts::catalog::Reason;
use kernel::{Money, Quantity, Sku, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    amounts::LinePrice,
    draft::RequestedLine,
    life::{Asked, Selection},
    line::{Line, PriceSource},
    order::Goods,
    wording::Remark,
};

/// How many pieces an edit wants of one SKU.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditedLine {
    /// The SKU.
    pub sku: Sku,
    /// The pieces that its line is to have; none removes it.
    pub quantity: i64,
    /// What one piece of a new line costs, whatever the catalog says.
    pub unit_price: Option<Money>,
}

/// What an edit comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Pieces to take off each line.
    pub less: Selection,
    /// Pieces to add to each line.
    pub more: Selection,
    /// What is to be a line of its own, each with its place in the edit.
    pub new: Vec<(usize, RequestedLine)>,
}

impl Edit {
    /// Whether pieces are taken off.
    #[must_use]
    pub fn takes_off(&self) -> bool {
        self.less.iter().any(|pieces| *pieces > 0)
    }

    /// Whether pieces are added.
    #[must_use]
    pub fn adds(&self) -> bool {
        self.more.iter().any(|pieces| *pieces > 0) || !self.new.is_empty()
    }
}

/// What catalog is asked to hold for an order beyond what it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addition {
    /// Which addition of the order it is, from 1.
    pub number: i64,
    /// What is added, each SKU once.
    pub lines: Vec<AddedLine>,
    /// Why.
    pub reason: Option<Remark>,
    /// When it was asked for.
    pub requested_at: Timestamp,
}

/// What is added of one SKU.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddedLine {
    /// What it is.
    #[serde(flatten)]
    pub goods: Goods,
    /// How many pieces.
    pub quantity: Quantity,
    /// The price of one.
    pub unit_price: Money,
    /// What one piece costs the seller, where that is known in the order's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost: Option<Money>,
    /// What else a line begins with; none where the order has a line of the SKU.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub begins: Option<Begins>,
}

/// What a line has from its beginning, besides what it is of and what it costs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begins {
    /// What the product is called.
    pub title: String,
    /// What the variant is called; may be empty.
    pub variant_title: String,
    /// Who said the price.
    pub price_source: PriceSource,
}

/// How an addition ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AdditionEnd {
    /// Its pieces are the order's.
    Given,
    /// Nothing of it is, for these reasons.
    Refused(Vec<Reason>),
}

impl From<Line> for AddedLine {
    fn from(line: Line) -> Self {
        Self {
            quantity: line.quantity,
            unit_price: line.unit_price,
            cost: line.cost.filter(|cost| cost.currency() == line.unit_price.currency()),
            goods: Goods {
                sku: line.sku,
                product: line.product,
                variant: line.variant,
                product_version: line.product_version,
            },
            begins: Some(Begins {
                title: line.title,
                variant_title: line.variant_title,
                price_source: line.price_source,
            }),
        }
    }
}

impl AddedLine {
    /// What its pieces come to; nothing is taken off or added.
    #[must_use]
    pub fn price(&self) -> LinePrice {
        let cost = self.cost.map(Money::minor);
        LinePrice { unit: self.unit_price.minor(), discount: 0, tax: 0, shipping: 0, cost }
    }

    /// Whether the seller said what it costs, so that catalog compares it with nothing.
    #[must_use]
    pub fn price_given(&self) -> bool {
        self.begins.as_ref().is_none_or(|begins| begins.price_source != PriceSource::Catalog)
    }
}

impl Addition {
    /// What it asks for, line by line of an order whose lines are of these SKUs. What none of them is of is a new line.
    pub fn asked<'s>(&self, skus: impl Iterator<Item = &'s Sku>) -> Asked {
        let pieces = |sku: &Sku| self.lines.iter().find(|line| line.goods.sku == *sku);
        let mut known = Vec::new();
        let more = skus
            .map(|sku| {
                known.push(sku);
                pieces(sku).map_or(0, |line| line.quantity.get())
            })
            .collect();
        let new = self.lines.iter().filter(|line| !known.contains(&&line.goods.sku));
        Asked { number: self.number, more, lines: new.map(|line| (line.quantity.get(), line.price())).collect() }
    }

    /// What it comes to, in minor units, where that can be counted.
    #[must_use]
    pub fn amount(&self) -> Option<i64> {
        let amounts = self.lines.iter().map(|line| line.unit_price.minor().checked_mul(line.quantity.get()));
        amounts.into_iter().try_fold(0_i64, |sum, amount| sum.checked_add(amount?))
    }

    /// The addition as staff sees it.
    #[must_use]
    pub fn view(&self) -> AdditionView {
        let line = |line: &AddedLine| AddedPieces {
            sku: line.goods.sku.clone(),
            quantity: line.quantity,
            unit_price: line.unit_price,
        };
        AdditionView {
            number: self.number,
            lines: self.lines.iter().map(line).collect(),
            reason: self.reason.clone(),
            requested_at: self.requested_at,
        }
    }
}

/// What catalog has been asked to hold for an order and has not answered yet. This is also the resource that HTTP answers with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "Addition")]
pub struct AdditionView {
    /// Which addition of the order it is, from 1.
    pub number: i64,
    /// What is to be added, each SKU once.
    pub lines: Vec<AddedPieces>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Remark>,
    /// When it was asked for.
    pub requested_at: Timestamp,
}

/// Pieces of one SKU that are to be added.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddedPieces {
    /// The SKU.
    pub sku: Sku,
    /// How many pieces.
    pub quantity: Quantity,
    /// What one of them costs.
    pub unit_price: Money,
}

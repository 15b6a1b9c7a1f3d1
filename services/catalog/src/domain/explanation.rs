//! Why so many pieces of a SKU are available, in words and figures.
//! The rule: the figures are the sums of the ledger, and where they are not the level, the explanation says so.

use kernel::{OrderId, ProductId, Sku, Timestamp, VariantId};
use schemars::JsonSchema;
use serde::Serialize;

use super::availability::Stock;
use super::stock::StockItem;
use contracts::catalog::Backorder;

/// All movements of one kind together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindSum {
    /// The name in the ledger.
    pub kind: String,
    /// How many movements there are.
    pub entries: i64,
    /// What they changed the pieces on hand by.
    pub on_hand: i64,
    /// What they changed the reserved pieces by.
    pub reserved: i64,
    /// What they changed the held pieces by.
    pub held: i64,
    /// When the last one happened.
    pub last_at: Timestamp,
}

/// Why so many pieces of a SKU are available.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Explanation {
    /// The answer in a sentence or two.
    summary: String,
    /// The stock that is explained.
    stock: StockItem,
    /// How it came about, by the kinds of movements in the ledger.
    steps: Vec<Step>,
    /// Orders that have pieces of it, the latest first; up to 20, of the last 1,000 movements.
    orders: Vec<OpenOrder>,
    /// Whether the sums of the ledger are the level. It is a defect when they are not.
    ledger_agrees: bool,
}

/// All movements of one kind together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Step {
    /// `adjust`, `count`, `transfer`, `reserve`, `hold`, `extend`, `release`, `expire`, `commit` or `restock`.
    kind: String,
    /// What they did, in words.
    text: String,
    /// How many movements there are.
    entries: i64,
    /// What they changed the pieces on hand by.
    on_hand: i64,
    /// What they changed the pieces that wait for their order's confirmation by.
    reserved: i64,
    /// What they changed the pieces of confirmed orders by.
    held: i64,
    /// When the last one happened.
    last_at: Timestamp,
}

/// An order that has pieces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct OpenOrder {
    /// The order.
    pub order: OrderId,
    /// Whether it is confirmed. If not, it waits for that.
    pub confirmed: bool,
    /// Its pieces.
    pub pieces: i64,
    /// Since when it has them, or when it was confirmed.
    pub since: Timestamp,
    /// When they are free again, if it is not confirmed.
    pub expires_at: Option<Timestamp>,
}

/// A stock with the variant and product that it belongs to.
#[derive(Debug, Clone)]
pub struct Explained {
    /// The SKU.
    pub sku: Sku,
    /// Its variant.
    pub variant: VariantId,
    /// Its product.
    pub product: ProductId,
    /// The stock.
    pub stock: Stock,
    /// When it changed last.
    pub updated_at: Timestamp,
}

impl Explanation {
    /// Explains a stock by the sums of its ledger, in whatever order they come.
    #[must_use]
    pub fn of(explained: Explained, mut sums: Vec<KindSum>, orders: Vec<OpenOrder>) -> Self {
        const ORDER: [&str; 10] =
            ["adjust", "count", "transfer", "reserve", "hold", "extend", "release", "expire", "commit", "restock"];
        let Explained { sku, variant, product, stock, updated_at } = explained;
        sums.sort_by_key(|sum| ORDER.iter().position(|kind| *kind == sum.kind).unwrap_or(ORDER.len()));
        let total = |of: fn(&KindSum) -> i64| sums.iter().map(of).sum::<i64>();
        let ledger = (total(|sum| sum.on_hand), total(|sum| sum.reserved), total(|sum| sum.held));
        let level = (stock.level.on_hand(), stock.level.reserved(), stock.level.held());
        let ledger_agrees = ledger == level;
        let mut summary = summary(&stock);
        if !ledger_agrees {
            summary.push_str(&format!(
                " The ledger adds up to {} on hand, {} reserved and {} held, which is not the level: a defect.",
                ledger.0, ledger.1, ledger.2
            ));
        }
        Self {
            summary,
            stock: StockItem::new(sku, variant, product, stock, updated_at),
            steps: sums.into_iter().map(Step::from).collect(),
            orders,
            ledger_agrees,
        }
    }
}

fn summary(stock: &Stock) -> String {
    let available = stock.available();
    let level = stock.level;
    let mut words = format!("{} available: {} on hand", are(available), level.on_hand());
    for (pieces, why) in [
        (level.reserved(), "reserved for orders that are not confirmed yet"),
        (level.held(), "held for confirmed orders"),
        (stock.terms.safety_stock, "kept back as safety stock"),
    ] {
        if pieces > 0 {
            words.push_str(&format!(", less {pieces} {why}"));
        }
    }
    words.push('.');
    if level.free() < 0 {
        words.push_str(&format!(" Orders were promised {} more than there are.", -level.free()));
    }
    match stock.terms.backorder {
        Backorder::No => {}
        Backorder::UpTo { pieces, promised_on } => {
            words.push_str(&format!(
                " Up to {pieces} may be sold beyond what is there, so an order may have {}",
                stock.sellable()
            ));
            words.push_str(&promised_on.map(|day| format!("; they are promised for {day}")).unwrap_or_default());
            words.push('.');
        }
        Backorder::Unlimited { promised_on } => {
            words.push_str(&format!(" Any number may be sold beyond what is there, promised for {promised_on}."));
        }
    }
    words
}

fn are(pieces: i64) -> String {
    if pieces == 1 { "1 is".to_owned() } else { format!("{pieces} are") }
}

impl From<KindSum> for Step {
    fn from(sum: KindSum) -> Self {
        let KindSum { kind, entries, on_hand, reserved, held, last_at } = sum;
        let text = match kind.as_str() {
            "adjust" => format!("Adjustments changed the pieces on hand by {on_hand:+}."),
            "count" if on_hand == 0 => "Counts found as many as the books said.".to_owned(),
            "count" => {
                let than = if on_hand < 0 { "fewer" } else { "more" };
                format!("Counts found {} {than} than the books said.", on_hand.abs())
            }
            "transfer" => "Transfers between locations changed nothing of the sum.".to_owned(),
            "reserve" => format!("Orders reserved {reserved}."),
            "hold" => format!("Confirmations turned {held} from reserved to held."),
            "extend" => format!("Additions to confirmed orders held {held} more."),
            "release" => format!("Cancellations gave back {} reserved and {} held.", -reserved, -held),
            "expire" => format!("{} reserved became free, since nobody confirmed in time.", -reserved),
            "commit" => format!("Parcels took {} with them, {} of them held.", -on_hand, -held),
            "restock" => format!("Returns brought {on_hand} back."),
            other => format!("Movements of the kind {other} changed what is on hand by {on_hand:+}."),
        };
        Self { kind, text, entries, on_hand, reserved, held, last_at }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, Day};

    use super::*;
    use crate::domain::availability::Terms;
    use crate::domain::stock::Level;

    fn sum(kind: &str, on_hand: i64, reserved: i64, held: i64) -> KindSum {
        KindSum { kind: kind.to_owned(), entries: 1, on_hand, reserved, held, last_at: Clock::now() }
    }

    fn explain(level: (i64, i64, i64), terms: Terms, sums: Vec<KindSum>) -> Explanation {
        let explained = Explained {
            sku: Sku::parse("LAMP").unwrap(),
            variant: VariantId::new(),
            product: ProductId::new(),
            stock: Stock { level: Level::restore(level.0, level.1, level.2), terms, located: 0, version: 9 },
            updated_at: Clock::now(),
        };
        Explanation::of(explained, sums, Vec::new())
    }

    #[test]
    fn the_words_say_what_the_figures_do() {
        let sums = vec![
            sum("release", 0, -1, -2),
            sum("hold", 0, -5, 5),
            sum("reserve", 0, 8, 0),
            sum("count", -3, 0, 0),
            sum("adjust", 13, 0, 0),
        ];
        let terms = Terms { safety_stock: 2, ..Terms::default() };
        let explained = explain((10, 2, 3), terms, sums);
        assert!(explained.ledger_agrees);
        assert_eq!(
            explained.summary,
            "3 are available: 10 on hand, less 2 reserved for orders that are not confirmed yet, less 3 held for confirmed \
             orders, less 2 kept back as safety stock."
        );
        let texts: Vec<&str> = explained.steps.iter().map(|step| step.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Adjustments changed the pieces on hand by +13.",
                "Counts found 3 fewer than the books said.",
                "Orders reserved 8.",
                "Confirmations turned 5 from reserved to held.",
                "Cancellations gave back 1 reserved and 2 held.",
            ]
        );
    }

    #[test]
    fn what_is_sold_beyond_what_is_there_and_a_ledger_that_differs_are_said() {
        let promised_on = Day::from_ymd_opt(2027, 1, 31).unwrap();
        let backorder = Backorder::UpTo { pieces: 4, promised_on: Some(promised_on) };
        let terms = Terms { backorder, ..Terms::default() };
        let explained = explain((1, 0, 3), terms, vec![sum("adjust", 2, 0, 3)]);
        assert!(!explained.ledger_agrees);
        assert_eq!(
            explained.summary,
            "-2 are available: 1 on hand, less 3 held for confirmed orders. Orders were promised 2 more than there are. Up to 4 \
             may be sold beyond what is there, so an order may have 2; they are promised for 2027-01-31. The ledger adds up to 2 \
             on hand, 0 reserved and 3 held, which is not the level: a defect."
        );
    }
}

//! What linked members ask for in a chat, and what the bot answers.
//! The rule: an answer fits into one message whatever is in it, and text from outside does nothing.

use access::Permission;
use chrono::TimeZone;
use contracts::catalog::Availability;
use contracts::order::{FulfilmentStatus, PaymentStatus, Status};
use kernel::{ChannelCode, Money, OrderId, Sku, Timestamp};

use super::message::{MOST_MARKS, marks, units};
use super::outside::outside;
use super::words::{counted, words};
use super::{Language, OrderedLine, TELEGRAM_LIMIT};

/// The orders that a list shows.
pub const ORDERS_SHOWN: i64 = 20;
/// The lines of an order that are shown.
const LINES_SHOWN: usize = 10;

/// A question of a linked member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// The orders that were placed on a day.
    Orders(AskedDay),
    /// One order.
    Order(AskedOrder),
    /// What can be sold of a SKU.
    Stock(Sku),
    /// What was sold today and yesterday.
    Sales,
}

/// A day, as people say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedDay {
    /// The day that it is.
    Today,
    /// The day before.
    Yesterday,
}

/// How somebody names an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedOrder {
    /// By its number in the organisation.
    Number(i64),
    /// By its id.
    Id(OrderId),
}

impl Question {
    /// What somebody must be allowed to do to be answered.
    #[must_use]
    pub fn needs(&self) -> Permission {
        match self {
            Self::Orders(_) | Self::Order(_) | Self::Sales => Permission::OrderRead,
            Self::Stock(_) => Permission::ProductRead,
        }
    }
}

impl AskedDay {
    fn word(self) -> &'static str {
        match self {
            Self::Today => "today",
            Self::Yesterday => "yesterday",
        }
    }

    /// When the day begins and ends in a time zone. Where a clock is put forward at midnight, the day begins with its first moment.
    #[must_use]
    pub fn bounds<Z: TimeZone>(self, now: Timestamp, zone: &Z) -> (Timestamp, Timestamp) {
        let today = now.with_timezone(zone).date_naive();
        let day = match self {
            Self::Today => Some(today),
            Self::Yesterday => today.pred_opt(),
        };
        let begins = |day: chrono::NaiveDate| {
            let hours = (0..24).filter_map(|hour| day.and_hms_opt(hour, 0, 0));
            hours.into_iter().find_map(|time| zone.from_local_datetime(&time).earliest())
        };
        let bound = |day: Option<chrono::NaiveDate>| day.and_then(begins).map_or(now, |time| time.to_utc());
        (bound(day), bound(day.and_then(|day| day.succ_opt())))
    }
}

impl AskedOrder {
    /// Reads `1001`, `#1001` or the id of an order.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let number = text.strip_prefix('#').unwrap_or(text).parse().ok().filter(|number| *number > 0);
        number.map(Self::Number).or_else(|| text.to_ascii_lowercase().parse().ok().map(Self::Id))
    }
}

/// An order as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownOrder {
    /// The order.
    pub order: OrderId,
    /// Its number in the organisation, where it is known.
    pub number: Option<i64>,
    /// Where it stands.
    pub status: Status,
    /// Whether it is paid for.
    pub payment: PaymentStatus,
    /// Whether the goods have left.
    pub fulfilment: FulfilmentStatus,
    /// Where it was sold.
    pub channel: ChannelCode,
    /// What it comes to.
    pub total: Money,
    /// Its first lines.
    pub lines: Vec<OrderedLine>,
    /// How many lines it has.
    pub line_count: usize,
    /// When it was placed, where that is known.
    pub placed_at: Option<Timestamp>,
}

/// What was sold in a time: orders that were neither rejected nor cancelled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sales {
    /// The number of orders.
    pub orders: i64,
    /// What they come to, one sum per currency.
    pub sums: Vec<Money>,
}

/// What can be sold of a variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownStock {
    /// The seller's name of it.
    pub sku: Sku,
    /// What shoppers are told.
    pub availability: Availability,
    /// The pieces that an order may still have; 1000000000 stands for any number.
    pub sellable: i64,
    /// The pieces that nobody was promised, less the safety stock.
    pub available: i64,
    /// The pieces in the house.
    pub on_hand: i64,
}

/// What stands for any number of pieces.
const ANY_NUMBER: i64 = 1_000_000_000;

/// The orders of a day: how many there are, what was sold, and the newest of them.
#[must_use]
pub fn orders_of(day: AskedDay, zone: &str, all: i64, sales: &Sales, newest: &[KnownOrder]) -> Vec<String> {
    let mut lines = vec![format!("{} {} ({zone}){}", orders(all), day.word(), sums(sales))];
    lines.extend(newest.iter().map(|order| {
        let status: &'static str = order.status.into();
        format!("{} · {status} · {}", name(order), money(&order.total))
    }));
    let more = all.saturating_sub(i64::try_from(newest.len()).unwrap_or(i64::MAX));
    if more > 0 && !newest.is_empty() {
        lines.push(format!("… and {} more", orders(more)));
    }
    lines
}

/// One order.
#[must_use]
pub fn order(order: &KnownOrder) -> Vec<String> {
    let (status, payment, fulfilment): (&'static str, &'static str, &'static str) =
        (order.status.into(), order.payment.into(), order.fulfilment.into());
    let placed = order.placed_at.map(|at| format!(" · placed {}", at.format("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
    let mut lines = vec![
        format!("Order {}: {status} · {}", name(order), money(&order.total)),
        format!("{payment} · {fulfilment} · {}{placed}", outside(order.channel.as_str(), 64)),
    ];
    let shown = order.lines.iter().take(LINES_SHOWN);
    lines.extend(shown.map(|line| format!("{} of {}", line.pieces, outside(line.sku.as_str(), 64))));
    let more = order.line_count.saturating_sub(order.lines.len().min(LINES_SHOWN));
    if more > 0 {
        lines.push(format!("… and {} more", counted(more as u64, "line", "lines")));
    }
    if order.number.is_some() {
        lines.push(order.order.to_string());
    }
    lines
}

/// The stock of a SKU.
#[must_use]
pub fn stock(stock: &KnownStock) -> Vec<String> {
    let availability: &'static str = stock.availability.into();
    let sellable = if stock.sellable >= ANY_NUMBER { "any number".to_owned() } else { stock.sellable.to_string() };
    let (available, on_hand) = (stock.available, stock.on_hand);
    let sku = outside(stock.sku.as_str(), 64);
    vec![format!("{sku}: {availability} · {sellable} can be sold · {available} free of {on_hand} in the house")]
}

/// What was sold on two days.
#[must_use]
pub fn sales(zone: &str, today: &Sales, yesterday: &Sales) -> Vec<String> {
    let day =
        |day: AskedDay, sold: &Sales| format!("Sold {} ({zone}): {}{}", day.word(), orders(sold.orders), sums(sold));
    vec![day(AskedDay::Today, today), day(AskedDay::Yesterday, yesterday)]
}

/// That there is no such thing.
#[must_use]
pub fn nothing_of(question: &Question) -> Vec<String> {
    let words = match question {
        Question::Order(AskedOrder::Number(number)) => format!("No order {number} is known here."),
        Question::Order(AskedOrder::Id(_)) => "No such order is known here.".to_owned(),
        Question::Stock(sku) => format!("No SKU {} is known here.", outside(sku.as_str(), 64)),
        Question::Orders(_) | Question::Sales => "Nothing is known here.".to_owned(),
    };
    vec![words]
}

/// One message of what is answered for each organisation, under its name where there are several. What does not fit is left out.
#[must_use]
pub fn answer(answers: &[(String, Vec<String>)]) -> String {
    let named = answers.len() > 1;
    let lines = answers.iter().flat_map(|(name, lines)| {
        let name = named.then(|| outside(name, 120));
        name.into_iter().chain(lines.iter().cloned())
    });
    let mut text = String::new();
    for line in lines {
        // Two units stay free for the sign that something was left out.
        let fits = units(&text) + units(&line) + 3 <= TELEGRAM_LIMIT && marks(&text) + marks(&line) <= MOST_MARKS;
        if !fits {
            text.push_str("\n…");
            break;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&line);
    }
    text
}

fn name(order: &KnownOrder) -> String {
    order.number.map_or_else(|| order.order.to_string(), |number| number.to_string())
}

fn orders(number: i64) -> String {
    counted(u64::try_from(number).unwrap_or(0), "order", "orders")
}

fn sums(sales: &Sales) -> String {
    let sums: Vec<String> = sales.sums.iter().map(money).collect();
    if sums.is_empty() { String::new() } else { format!(", {}", sums.join(" + ")) }
}

/// Questions are answered in English.
fn money(amount: &Money) -> String {
    words(Language::En).money(amount)
}

#[cfg(test)]
mod tests {
    use chrono::{FixedOffset, Utc};
    use kernel::Currency;

    use super::*;

    fn known(number: i64, sku: &str) -> KnownOrder {
        let line = OrderedLine { sku: Sku::parse(sku).unwrap(), pieces: 3 };
        KnownOrder {
            order: OrderId::new(),
            number: Some(number),
            status: Status::Confirmed,
            payment: PaymentStatus::Unpaid,
            fulfilment: FulfilmentStatus::Unfulfilled,
            channel: ChannelCode::shop(),
            total: Money::from_minor(3_000, Currency::parse("USD").unwrap()).unwrap(),
            lines: vec![line; 20],
            line_count: 25,
            placed_at: Some("2026-03-08T09:30:00Z".parse().unwrap()),
        }
    }

    #[test]
    fn a_day_begins_and_ends_where_the_clock_of_the_zone_says_so() {
        let now: Timestamp = "2026-03-08T18:30:00Z".parse().unwrap();
        let utc = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(AskedDay::Today.bounds(now, &Utc), (utc("2026-03-08T00:00:00Z"), utc("2026-03-09T00:00:00Z")));
        let hanoi = FixedOffset::east_opt(7 * 3_600).unwrap();
        assert_eq!(AskedDay::Today.bounds(now, &hanoi), (utc("2026-03-08T17:00:00Z"), utc("2026-03-09T17:00:00Z")));
        assert_eq!(AskedDay::Yesterday.bounds(now, &hanoi), (utc("2026-03-07T17:00:00Z"), utc("2026-03-08T17:00:00Z")));
    }

    #[test]
    fn an_order_is_named_by_its_number_or_its_id() {
        let order = OrderId::new();
        for (text, name) in [
            ("1001", Some(AskedOrder::Number(1001))),
            ("#1001", Some(AskedOrder::Number(1001))),
            (&order.to_string().to_uppercase(), Some(AskedOrder::Id(order))),
            ("0", None),
            ("-1", None),
            ("one", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(AskedOrder::parse(text), name, "{text}");
        }
    }

    #[test]
    fn an_order_is_shown_in_short_and_what_a_seller_called_its_goods_does_nothing() {
        let shown = order(&known(1_001, "/cancel"));
        assert_eq!(shown[0], "Order 1001: confirmed · 30.00 USD");
        assert_eq!(shown[1], "unpaid · unfulfilled · shop · placed 2026-03-08 09:30 UTC");
        assert_eq!(shown[2], "3 of <code>/cancel</code>");
        assert_eq!((shown.len(), shown[12].as_str()), (14, "… and 15 lines more"));
    }

    #[test]
    fn an_answer_is_no_longer_than_telegram_takes_and_says_when_something_is_left_out() {
        let answers: Vec<_> =
            (0..9).map(|_| ("https://x.example".to_owned(), vec!["<code>@all</code>".to_owned(); 40])).collect();
        let text = answer(&answers);
        assert!(units(&text) <= TELEGRAM_LIMIT && marks(&text) <= MOST_MARKS && text.ends_with("\n…"), "{text}");
        let long = answer(&[("a".to_owned(), vec!["𝔖".repeat(500); 40])]);
        assert!(units(&long) <= TELEGRAM_LIMIT && long.ends_with("\n…"));
        assert_eq!(answer(&[("Acme".to_owned(), vec!["one".to_owned(), "two".to_owned()])]), "one\ntwo");
    }

    #[test]
    fn sales_are_summed_by_currency() {
        let sum = |minor, currency| Money::from_minor(minor, Currency::parse(currency).unwrap()).unwrap();
        let today = Sales { orders: 2, sums: vec![sum(3_000, "USD"), sum(30_000, "VND")] };
        let lines = sales("UTC", &today, &Sales::default());
        assert_eq!(lines, ["Sold today (UTC): 2 orders, 30.00 USD + 30,000 VND", "Sold yesterday (UTC): 0 orders"]);
        let list = orders_of(AskedDay::Today, "UTC", 30, &today, &[known(1_001, "TEA-1")]);
        assert_eq!(list[1..], ["1001 · confirmed · 30.00 USD", "… and 29 orders more"]);
    }
}

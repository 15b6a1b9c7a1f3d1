//! Facts in words for a person who reads them on a phone: short lines of Telegram's HTML.
//! The rule: text that a shopper or a catalog file supplied goes through [`outside`] and nothing else does.

use contracts::catalog::Reason;
use contracts::notifier::ChatStep;
use contracts::order::{Cause, OversoldLine, Status, StepRefusal};
use kernel::{Money, OrderId, Sku};

use super::outside::outside;
use super::{Fact, FactKind};

/// Reasons of one rejection that are spelled out; the others are counted.
const REASONS_SHOWN: usize = 5;
/// SKUs of one oversold order that are spelled out; the others are counted.
const SKUS_SHOWN: usize = 5;
/// The most characters of a shopper's own name for an order.
const REFERENCE_SHOWN: usize = 40;
/// The most characters of a reason that somebody wrote.
const REASON_SHOWN: usize = 80;

/// One fact in one line.
pub(super) fn line(fact: &Fact) -> String {
    let symbol = symbol(fact.kind());
    match fact {
        Fact::Linked { name } => {
            format!(
                "{symbol} This chat is linked now as “{}”: what happens in the store is told here",
                outside(name, 100)
            )
        }
        Fact::Test => format!("{symbol} A test message: this destination works"),
        Fact::ActionAnswered { order, number, step, refused, status } => {
            format!("{symbol} {}", answered(*order, *number, *step, *refused, *status))
        }
        Fact::OrderPlaced { order, lines, units, total, reference } => {
            let reference = quoted(reference.as_deref(), REFERENCE_SHOWN);
            format!(
                "{symbol} Placed: {} · {}, {} · {order}{reference}",
                money(total),
                counted(u64::from(*lines), "line", "lines"),
                counted(u64::try_from(*units).unwrap_or(0), "unit", "units"),
            )
        }
        Fact::OrderConfirmed { order, total } => format!("{symbol} Confirmed: {} · {order}", money(total)),
        Fact::OrderRejected { order, reasons } => {
            let mut words: Vec<String> = reasons.iter().take(REASONS_SHOWN).map(reason).collect();
            if reasons.len() > REASONS_SHOWN {
                words.push(format!("and {} more reasons", reasons.len() - REASONS_SHOWN));
            }
            if words.is_empty() {
                words.push("no reason given".to_owned());
            }
            format!("{symbol} Rejected: {} · {order}", words.join("; "))
        }
        Fact::OrderCancelled { order, cause } => format!("{symbol} Cancelled: {} · {order}", cancelled(*cause)),
        Fact::StockLow { sku, available, threshold } => format!(
            "{symbol} Low stock: {} · {} left (warns at {})",
            named(sku),
            grouped(*available),
            grouped(*threshold)
        ),
        Fact::StockDepleted { sku, available } if *available < 0 => {
            format!("{symbol} Sold out: {} · {} more promised than there are", named(sku), grouped(-*available))
        }
        Fact::StockDepleted { sku, .. } => format!("{symbol} Sold out: {}", named(sku)),
        Fact::OrderOversold { order, lines } => format!("{symbol} Oversold: {} · {order}", missing(lines)),
        Fact::OrderHeld { order, reason } => {
            format!("{symbol} On hold: its stock is not set aside · {order}{}", quoted(reason.as_deref(), REASON_SHOWN))
        }
        Fact::ReturnRequested { order, units, reason, .. } => format!(
            "{symbol} Return requested: {} · {order}{}",
            counted(u64::try_from(*units).unwrap_or(0), "unit", "units"),
            quoted(reason.as_deref(), REASON_SHOWN)
        ),
    }
}

/// The number of facts of a kind, for a digest: `312 orders confirmed`.
pub(super) fn count(kind: FactKind, number: u64) -> String {
    let orders = counted(number, "order", "orders");
    match kind {
        FactKind::Linked => counted(number, "link", "links"),
        FactKind::Test => counted(number, "test message", "test messages"),
        FactKind::ActionAnswered => counted(number, "answer to a button", "answers to buttons"),
        FactKind::OrderPlaced => format!("{orders} placed"),
        FactKind::OrderConfirmed => format!("{orders} confirmed"),
        FactKind::OrderRejected => format!("{orders} rejected"),
        FactKind::OrderCancelled => format!("{orders} cancelled"),
        FactKind::StockLow => counted(number, "low-stock warning", "low-stock warnings"),
        FactKind::StockDepleted => counted(number, "SKU sold out", "SKUs sold out"),
        FactKind::OrderOversold => format!("{orders} oversold"),
        FactKind::OrderHeld => format!("{orders} on hold"),
        FactKind::ReturnRequested => counted(number, "return requested", "returns requested"),
    }
}

/// The symbol at the start of a line, which shows the kind at a glance.
pub(super) fn symbol(kind: FactKind) -> &'static str {
    match kind {
        FactKind::Linked => "🔗",
        FactKind::Test => "🔔",
        FactKind::ActionAnswered => "👆",
        FactKind::OrderPlaced => "🛒",
        FactKind::OrderConfirmed => "✅",
        FactKind::OrderRejected => "⛔",
        FactKind::OrderCancelled => "🚫",
        FactKind::StockLow => "📉",
        FactKind::StockDepleted => "📭",
        FactKind::OrderOversold => "❗",
        FactKind::OrderHeld => "✋",
        FactKind::ReturnRequested => "📦",
    }
}

/// `Cancelled as asked: 1001`, `Not cancelled: 1001 is shipped`.
fn answered(
    order: OrderId,
    number: Option<i64>,
    step: ChatStep,
    refused: Option<StepRefusal>,
    status: Option<Status>,
) -> String {
    let name = number.map_or_else(|| order.to_string(), |number| number.to_string());
    let (done, not_done) = match step {
        ChatStep::Pack => ("Packed", "Not packed"),
        ChatStep::Cancel => ("Cancelled", "Not cancelled"),
    };
    let stands = status.map_or_else(String::new, |status| format!(" is {status}"));
    match refused {
        None => format!("{done} as asked: {name}"),
        Some(StepRefusal::NotPossible) => format!("{not_done}: {name}{stands}"),
        Some(StepRefusal::NotPermitted) => format!("{not_done}: whoever asked may not · {name}"),
        Some(StepRefusal::NoSuchOrder) => format!("{not_done}: there is no order {name}"),
    }
}

/// A SKU as a part of a line.
fn named(sku: &Sku) -> String {
    outside(sku.as_str(), 64)
}

/// What somebody wrote, at the end of a line; nothing where nobody wrote anything that is seen.
fn quoted(text: Option<&str>, longest: usize) -> String {
    let shown = text.map(|text| outside(text, longest)).filter(|shown| !shown.is_empty());
    shown.map(|shown| format!(" · “{shown}”")).unwrap_or_default()
}

/// `2 of TEA-1, 1 of CUP-9 not in stock`.
fn missing(lines: &[OversoldLine]) -> String {
    let shown = lines.iter().take(SKUS_SHOWN);
    let mut words: Vec<String> =
        shown.map(|line| format!("{} of {}", grouped(line.quantity.get()), named(&line.sku))).collect();
    if lines.len() > SKUS_SHOWN {
        words.push(format!("{} more SKUs", lines.len() - SKUS_SHOWN));
    }
    format!("{} not in stock", words.join(", "))
}

fn reason(reason: &Reason) -> String {
    match reason {
        Reason::UnknownSku { sku } => format!("{} does not exist", named(sku)),
        Reason::OutOfStock { sku, requested, available } if *available <= 0 => {
            format!("{} is sold out, {} wanted", named(sku), grouped(requested.get()))
        }
        Reason::OutOfStock { sku, requested, available } => {
            format!("only {} of {} left, {} wanted", grouped(*available), named(sku), grouped(requested.get()))
        }
        Reason::PriceChanged { sku, offered, current } => {
            format!("the price of {} changed from {} to {}", named(sku), money(offered), money(current))
        }
        Reason::NotForSale { sku } => format!("{} is not for sale", named(sku)),
        Reason::OrderCancelled => "the order had been cancelled before".to_owned(),
    }
}

fn cancelled(cause: Cause) -> &'static str {
    match cause {
        Cause::Shopper => "by the shopper",
        Cause::Staff => "by staff",
        Cause::Deadline => "its time ran out",
        Cause::ReservationExpired => "its reservation had run out",
    }
}

/// `1,499.00 USD`, `1,499,000 VND`: grouped, with the decimals that the currency has.
pub(super) fn money(money: &Money) -> String {
    let exponent = usize::try_from(money.currency().exponent()).unwrap_or(0);
    let minor = money.minor();
    let digits = format!("{:0>width$}", minor.unsigned_abs(), width = exponent + 1);
    let (whole, decimals) = digits.split_at(digits.len() - exponent);
    let sign = if minor < 0 { "-" } else { "" };
    let point = if decimals.is_empty() { "" } else { "." };
    format!("{sign}{}{point}{decimals} {}", group_digits(whole), money.currency().code())
}

/// `1 line`, `2,000 lines`.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", group_digits(&number.to_string()), if number == 1 { one } else { many })
}

fn grouped(number: i64) -> String {
    let sign = if number < 0 { "-" } else { "" };
    format!("{sign}{}", group_digits(&number.unsigned_abs().to_string()))
}

fn group_digits(digits: &str) -> String {
    let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, OrderId, Quantity, ReturnId, Sku};

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::parse("USD").unwrap()).unwrap()
    }

    #[test]
    fn money_is_grouped_and_has_the_decimals_of_its_currency() {
        let dong = Money::from_minor(1_499_000, Currency::parse("VND").unwrap()).unwrap();
        assert_eq!(money(&dong), "1,499,000 VND");
        assert_eq!(money(&usd(149_900)), "1,499.00 USD");
        assert_eq!(money(&usd(5)), "0.05 USD");
        assert_eq!(money(&usd(0)), "0.00 USD");
        assert_eq!(money(&usd(123_456_789_012)), "1,234,567,890.12 USD");
    }

    #[test]
    fn a_rejection_says_its_reasons_in_words() {
        let order = OrderId::new();
        let sku = Sku::parse("TEA-1").unwrap();
        let fact = Fact::OrderRejected {
            order,
            reasons: vec![
                Reason::OutOfStock { sku: sku.clone(), requested: Quantity::new(5).unwrap(), available: 2 },
                Reason::PriceChanged { sku: sku.clone(), offered: usd(1_000), current: usd(1_250) },
                Reason::UnknownSku { sku: sku.clone() },
            ],
        };
        assert_eq!(
            line(&fact),
            format!(
                "⛔ Rejected: only 2 of TEA-1 left, 5 wanted; the price of TEA-1 changed from 10.00 USD to 12.50 USD; \
                 TEA-1 does not exist · {order}"
            )
        );
        let many = Fact::OrderRejected { order, reasons: vec![Reason::NotForSale { sku }; 40] };
        assert!(line(&many).contains("and 35 more reasons"));
    }

    #[test]
    fn the_answer_to_a_button_says_what_was_done_or_why_it_was_not() {
        let order = OrderId::new();
        let answer =
            |step, refused, status| line(&Fact::ActionAnswered { order, number: Some(1001), step, refused, status });
        let (pack, cancel) = (ChatStep::Pack, ChatStep::Cancel);
        assert_eq!(answer(cancel, None, Some(Status::Cancelled)), "👆 Cancelled as asked: 1001");
        let shipped = answer(cancel, Some(StepRefusal::NotPossible), Some(Status::Shipped));
        assert_eq!(shipped, "👆 Not cancelled: 1001 is shipped");
        let forbidden = Fact::ActionAnswered {
            order,
            number: None,
            step: pack,
            refused: Some(StepRefusal::NotPermitted),
            status: None,
        };
        assert_eq!(line(&forbidden), format!("👆 Not packed: whoever asked may not · {order}"));
    }

    #[test]
    fn placed_confirmed_cancelled_and_low_stock_read_well() {
        let order = OrderId::new();
        let placed =
            Fact::OrderPlaced { order, lines: 1, units: 2_000, total: usd(250), reference: Some("a\nb".into()) };
        assert_eq!(line(&placed), format!("🛒 Placed: 2.50 USD · 1 line, 2,000 units · {order} · “a b”"));
        assert_eq!(line(&Fact::OrderConfirmed { order, total: usd(250) }), format!("✅ Confirmed: 2.50 USD · {order}"));
        let cancelled = Fact::OrderCancelled { order, cause: Cause::Deadline };
        assert_eq!(line(&cancelled), format!("🚫 Cancelled: its time ran out · {order}"));
        let low = Fact::StockLow { sku: Sku::parse("TEA-1").unwrap(), available: 3, threshold: 5 };
        assert_eq!(line(&low), "📉 Low stock: TEA-1 · 3 left (warns at 5)");
    }

    #[test]
    fn what_was_lost_and_what_is_to_come_back_is_told_with_how_much() {
        let order = OrderId::new();
        let line = |sku: &str, quantity| OversoldLine {
            sku: Sku::parse(sku).unwrap(),
            quantity: Quantity::new(quantity).unwrap(),
        };
        let oversold = Fact::OrderOversold { order, lines: vec![line("TEA-1", 2), line("CUP-9", 1)] };
        assert_eq!(super::line(&oversold), format!("❗ Oversold: 2 of TEA-1, 1 of CUP-9 not in stock · {order}"));
        let many = Fact::OrderOversold { order, lines: vec![line("TEA-1", 1); 9] };
        assert!(super::line(&many).contains("1 of TEA-1, 4 more SKUs not in stock"));
        let held = Fact::OrderHeld { order, reason: None };
        assert_eq!(super::line(&held), format!("✋ On hold: its stock is not set aside · {order}"));
        let returned =
            Fact::ReturnRequested { order, return_id: ReturnId::new(), units: 2, reason: Some("/cancel".to_owned()) };
        assert_eq!(super::line(&returned), format!("📦 Return requested: 2 units · {order} · “<code>/cancel</code>”"));
        let sku = Sku::parse("TEA-1").unwrap();
        let depleted = |available| super::line(&Fact::StockDepleted { sku: sku.clone(), available });
        assert_eq!(depleted(0), "📭 Sold out: TEA-1");
        assert_eq!(depleted(-3), "📭 Sold out: TEA-1 · 3 more promised than there are");
    }
}

//! What is told, in English.
//! The rule: every kind of fact has its words; a new kind does not compile without them.

use contracts::catalog::Reason;
use contracts::notifier::ChatStep;
use contracts::order::{Cause, OversoldLine, Status, StepRefusal};

use super::super::outside::outside;
use super::super::{Fact, FactKind, Language, OrderName, Voice};
use super::{
    REASON_SHOWN, REASONS_SHOWN, REFERENCE_SHOWN, SKUS_SHOWN, Words, amounts, first, named, named_order, quoted, tally,
};

/// The English words.
pub(super) struct English;

impl Words for English {
    fn language(&self) -> Language {
        Language::En
    }

    fn told(&self, fact: &Fact, voice: &Voice) -> String {
        match fact {
            Fact::Linked { name } => {
                format!("This chat is linked now as “{}”: what happens in the store is told here", outside(name, 100))
            }
            Fact::Test => "A test message: this destination works".to_owned(),
            Fact::ActionAnswered { order, number, step, refused, status } => {
                let name = named_order(&OrderName { order: *order, number: *number }, voice);
                let (done, not_done) = match step {
                    ChatStep::Pack => ("Packed", "Not packed"),
                    ChatStep::Cancel => ("Cancelled", "Not cancelled"),
                };
                match refused {
                    None => format!("{done} as asked: {name}"),
                    Some(StepRefusal::NotPossible) => {
                        let stands = status.map_or_else(String::new, |status| format!(" is {}", self.status(status)));
                        format!("{not_done}: {name}{stands}")
                    }
                    Some(StepRefusal::NotPermitted) => format!("{not_done}: whoever asked may not · {name}"),
                    Some(StepRefusal::TooLate) => format!("{not_done}: it was asked too long ago · {name}"),
                    Some(StepRefusal::NoSuchOrder) => format!("{not_done}: there is no such order · {name}"),
                }
            }
            Fact::Heartbeat { day, counts } => {
                let tally = if counts.is_empty() { "nothing happened".to_owned() } else { tally(counts, self) };
                format!("Yesterday, {}: {tally}", day.format("%-d %b"))
            }
            Fact::OrderPlaced { order, lines, units, total, reference } => format!(
                "Placed: {} · {}, {} · {}{}",
                self.money(total),
                counted(u64::from(*lines), "line", "lines"),
                pieces(*units),
                named_order(order, voice),
                quoted(reference.as_deref(), REFERENCE_SHOWN)
            ),
            Fact::OrderConfirmed { order, total } => {
                format!("Confirmed: {} · {}", self.money(total), named_order(order, voice))
            }
            Fact::OrderRejected { order, reasons } => {
                format!("Rejected: {} · {}", self.reasons(reasons), named_order(order, voice))
            }
            Fact::OrderCancelled { order, cause } => {
                format!("Cancelled: {} · {}", self.cause(*cause), named_order(order, voice))
            }
            Fact::ImportFailed { rows, failed, reason, .. } => {
                let early = if reason.is_some() { ", and the rest was not read" } else { "" };
                format!(
                    "Import: {} of {} refused{early}{}",
                    amounts::number(*failed, Language::En),
                    counted(*rows, "row", "rows"),
                    quoted(reason.as_deref(), REASON_SHOWN)
                )
            }
            Fact::StockLow { sku, available, threshold } => format!(
                "Low stock: {} · {} left (warns at {})",
                named(sku),
                self.number(*available),
                self.number(*threshold)
            ),
            Fact::StockDepleted { sku, available } if *available < 0 => {
                let missing = self.number(available.saturating_neg());
                format!("Sold out: {} · {missing} more promised than there are", named(sku))
            }
            Fact::StockDepleted { sku, .. } => format!("Sold out: {}", named(sku)),
            Fact::OrderOversold { order, lines } => {
                format!("Oversold: {} not in stock · {}", self.missing(lines), named_order(order, voice))
            }
            Fact::OrderHeld { order, reason } => format!(
                "On hold: its stock is not set aside · {}{}",
                named_order(order, voice),
                quoted(reason.as_deref(), REASON_SHOWN)
            ),
            Fact::ReturnRequested { order, units, reason, .. } => format!(
                "Return requested: {} · {}{}",
                pieces(*units),
                named_order(order, voice),
                quoted(reason.as_deref(), REASON_SHOWN)
            ),
        }
    }

    fn count(&self, kind: FactKind, number: u64) -> String {
        let orders = counted(number, "order", "orders");
        match kind {
            FactKind::Linked => counted(number, "link", "links"),
            FactKind::ActionAnswered => counted(number, "answer to a button", "answers to buttons"),
            FactKind::Heartbeat => counted(number, "daily report", "daily reports"),
            FactKind::Test => counted(number, "test message", "test messages"),
            FactKind::OrderPlaced => format!("{orders} placed"),
            FactKind::OrderConfirmed => format!("{orders} confirmed"),
            FactKind::OrderRejected => format!("{orders} rejected"),
            FactKind::OrderCancelled => format!("{orders} cancelled"),
            FactKind::ImportFailed => counted(number, "import with errors", "imports with errors"),
            FactKind::StockLow => counted(number, "low-stock warning", "low-stock warnings"),
            FactKind::StockDepleted => counted(number, "SKU sold out", "SKUs sold out"),
            FactKind::OrderOversold => format!("{orders} oversold"),
            FactKind::OrderHeld => format!("{orders} on hold"),
            FactKind::ReturnRequested => counted(number, "return requested", "returns requested"),
        }
    }

    fn events(&self, number: u64) -> String {
        counted(number, "event", "events")
    }

    fn organisations(&self, number: u64) -> String {
        counted(number, "organisation", "organisations")
    }

    fn more(&self, number: u64) -> String {
        format!("… and {} more, counted above", self.events(number))
    }

    fn last_minute(&self) -> &'static str {
        "in the last minute"
    }

    fn since(&self, time: &str) -> String {
        format!("since {time}")
    }

    fn order(&self, number: &str) -> String {
        format!("order {number}")
    }

    fn reasons(&self, reasons: &[Reason]) -> String {
        let (shown, more) = first(reasons, REASONS_SHOWN);
        let mut said: Vec<String> = shown.iter().map(|one| reason(self, one)).collect();
        if more > 0 {
            said.push(format!("and {more} more reasons"));
        }
        if said.is_empty() { "no reason given".to_owned() } else { said.join("; ") }
    }

    fn missing(&self, lines: &[OversoldLine]) -> String {
        let (shown, more) = first(lines, SKUS_SHOWN);
        let one = |line: &OversoldLine| format!("{} of {}", self.number(line.quantity.get()), named(&line.sku));
        let mut said: Vec<String> = shown.iter().map(one).collect();
        if more > 0 {
            said.push(format!("{more} more SKUs"));
        }
        said.join(", ")
    }

    fn cause(&self, cause: Cause) -> &'static str {
        match cause {
            Cause::Shopper => "by the shopper",
            Cause::Staff => "by staff",
            Cause::Deadline => "its time ran out",
            Cause::ReservationExpired => "its reservation had run out",
        }
    }

    fn status(&self, status: Status) -> &'static str {
        match status {
            Status::Pending => "pending",
            Status::Confirmed => "confirmed",
            Status::OnHold => "on hold",
            Status::Packed => "packed",
            Status::Shipped => "shipped",
            Status::Delivered => "delivered",
            Status::Completed => "completed",
            Status::CancelRequested => "to be cancelled",
            Status::Cancelled => "cancelled",
            Status::ReturnRequested => "to be returned",
            Status::Returned => "returned",
            Status::Rejected => "rejected",
        }
    }
}

fn reason(words: &dyn Words, reason: &Reason) -> String {
    match reason {
        Reason::UnknownSku { sku } => format!("{} does not exist", named(sku)),
        Reason::OutOfStock { sku, requested, available } if *available <= 0 => {
            format!("{} is sold out, {} wanted", named(sku), words.number(requested.get()))
        }
        Reason::OutOfStock { sku, requested, available } => format!(
            "only {} of {} left, {} wanted",
            words.number(*available),
            named(sku),
            words.number(requested.get())
        ),
        Reason::PriceChanged { sku, offered, current } => {
            format!("the price of {} changed from {} to {}", named(sku), words.money(offered), words.money(current))
        }
        Reason::NotForSale { sku } => format!("{} is not for sale", named(sku)),
        Reason::NotInChannel { sku } => format!("{} is not sold in the order's channel", named(sku)),
        Reason::OrderCancelled => "the order had been cancelled before".to_owned(),
    }
}

fn pieces(number: i64) -> String {
    counted(u64::try_from(number).unwrap_or(0), "unit", "units")
}

/// `1 line`, `2,000 lines`.
pub(in super::super) fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", amounts::number(number, Language::En), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::super::super::Counted;
    use kernel::{Currency, Money, OrderId, Quantity, ReturnId, Sku};

    use super::*;

    fn usd(minor: i64) -> Money {
        Money::from_minor(minor, Currency::parse("USD").unwrap()).unwrap()
    }

    fn told(fact: &Fact) -> String {
        English.told(fact, &Voice::default())
    }

    #[test]
    fn a_rejection_says_its_reasons_in_words() {
        let order = OrderId::new();
        let sku = Sku::parse("TEA-1").unwrap();
        let fact = Fact::OrderRejected {
            order: order.into(),
            reasons: vec![
                Reason::OutOfStock { sku: sku.clone(), requested: Quantity::new(5).unwrap(), available: 2 },
                Reason::PriceChanged { sku: sku.clone(), offered: usd(1_000), current: usd(1_250) },
                Reason::UnknownSku { sku: sku.clone() },
                Reason::NotInChannel { sku: sku.clone() },
            ],
        };
        assert_eq!(
            told(&fact),
            format!(
                "Rejected: only 2 of TEA-1 left, 5 wanted; the price of TEA-1 changed from 10.00 USD to 12.50 USD; \
                 TEA-1 does not exist; TEA-1 is not sold in the order's channel · {order}"
            )
        );
        let many = Fact::OrderRejected { order: order.into(), reasons: vec![Reason::NotForSale { sku }; 40] };
        assert!(told(&many).contains("and 35 more reasons"));
    }

    #[test]
    fn the_answer_to_a_button_says_what_was_done_or_why_it_was_not() {
        let order = OrderId::new();
        let answer =
            |step, refused, status| told(&Fact::ActionAnswered { order, number: Some(1001), step, refused, status });
        let (pack, cancel) = (ChatStep::Pack, ChatStep::Cancel);
        assert_eq!(answer(cancel, None, Some(Status::Cancelled)), "Cancelled as asked: order 1001");
        let shipped = answer(cancel, Some(StepRefusal::NotPossible), Some(Status::Shipped));
        assert_eq!(shipped, "Not cancelled: order 1001 is shipped");
        let refused = Some(StepRefusal::NotPermitted);
        let forbidden = Fact::ActionAnswered { order, number: None, step: pack, refused, status: None };
        assert_eq!(told(&forbidden), format!("Not packed: whoever asked may not · {order}"));
    }

    #[test]
    fn placed_confirmed_cancelled_and_low_stock_read_well() {
        let order = OrderId::new();
        let placed = Fact::OrderPlaced {
            order: order.into(),
            lines: 1,
            units: 2_000,
            total: usd(250),
            reference: Some("a\nb".into()),
        };
        assert_eq!(told(&placed), format!("Placed: 2.50 USD · 1 line, 2,000 units · {order} · “a b”"));
        let confirmed = Fact::OrderConfirmed { order: order.into(), total: usd(250) };
        assert_eq!(told(&confirmed), format!("Confirmed: 2.50 USD · {order}"));
        let cancelled = Fact::OrderCancelled { order: order.into(), cause: Cause::Deadline };
        assert_eq!(told(&cancelled), format!("Cancelled: its time ran out · {order}"));
        let low = Fact::StockLow { sku: Sku::parse("TEA-1").unwrap(), available: 3, threshold: 5 };
        assert_eq!(told(&low), "Low stock: TEA-1 · 3 left (warns at 5)");
    }

    #[test]
    fn what_was_lost_and_what_is_to_come_back_is_told_with_how_much() {
        let order = OrderId::new();
        let line = |sku: &str, quantity| OversoldLine {
            sku: Sku::parse(sku).unwrap(),
            quantity: Quantity::new(quantity).unwrap(),
        };
        let oversold = Fact::OrderOversold { order: order.into(), lines: vec![line("TEA-1", 2), line("CUP-9", 1)] };
        assert_eq!(told(&oversold), format!("Oversold: 2 of TEA-1, 1 of CUP-9 not in stock · {order}"));
        let many = Fact::OrderOversold { order: order.into(), lines: vec![line("TEA-1", 1); 9] };
        assert!(told(&many).contains("1 of TEA-1, 4 more SKUs not in stock"));
        let held = Fact::OrderHeld { order: order.into(), reason: None };
        assert_eq!(told(&held), format!("On hold: its stock is not set aside · {order}"));
        let returned = Fact::ReturnRequested {
            order: order.into(),
            return_id: ReturnId::new(),
            units: 2,
            reason: Some("/cancel".to_owned()),
        };
        assert_eq!(told(&returned), format!("Return requested: 2 units · {order} · “<code>/cancel</code>”"));
        let sku = Sku::parse("TEA-1").unwrap();
        let depleted = |available| told(&Fact::StockDepleted { sku: sku.clone(), available });
        assert_eq!(depleted(0), "Sold out: TEA-1");
        assert_eq!(depleted(-3), "Sold out: TEA-1 · 3 more promised than there are");
    }

    #[test]
    fn a_day_is_counted_with_what_is_urgent_first_and_silence_has_words() {
        let day = kernel::Day::from_ymd_opt(2026, 11, 27).unwrap();
        let count = |of, facts| Counted { of, facts };
        let counts = vec![count(FactKind::OrderPlaced, 2_000), count(FactKind::OrderRejected, 1)];
        assert_eq!(told(&Fact::Heartbeat { day, counts }), "Yesterday, 27 Nov: 1 order rejected, 2,000 orders placed");
        assert_eq!(told(&Fact::Heartbeat { day, counts: Vec::new() }), "Yesterday, 27 Nov: nothing happened");
    }
}

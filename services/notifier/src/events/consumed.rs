//! Events of other services as the facts that the team is told of. Nothing is decided here.

use contracts::catalog::{Finished, ImportEvent, StockEvent};
use contracts::order::{OrderEvent, OutcomeEvent, StepDone, StepRefused, StockPolicy};
use kernel::{DestinationId, OrderId, Quantity, Sku};

use crate::domain::{Circumstances, Fact, OrderName};

/// The fact in an event of an order; none where the team is not told of it. `by_the_system` says that no person caused it.
#[must_use]
pub fn order_fact(event: OrderEvent, by_the_system: bool) -> Option<Fact> {
    // Orders that take nothing from stock are brought in as history, thousands at a time.
    if event.standing().is_some_and(|standing| standing.stock == StockPolicy::Skip) {
        return None;
    }
    let number = event.standing().and_then(|standing| standing.number);
    let named = |order: OrderId| OrderName { order, number };
    Some(match event {
        OrderEvent::Placed(placed) => Fact::OrderPlaced {
            order: named(placed.order),
            lines: u32::try_from(placed.lines.len()).unwrap_or(u32::MAX),
            units: placed.lines.iter().map(|line| line.quantity).map(Quantity::get).fold(0, i64::saturating_add),
            total: placed.total,
            reference: placed.shopper_reference,
        },
        OrderEvent::Confirmed(confirmed) => {
            Fact::OrderConfirmed { order: named(confirmed.order), total: confirmed.total }
        }
        OrderEvent::Rejected(rejected) => {
            Fact::OrderRejected { order: named(rejected.order), reasons: rejected.reasons }
        }
        OrderEvent::Cancelled(cancelled) => {
            Fact::OrderCancelled { order: named(cancelled.order), cause: cancelled.cause }
        }
        OrderEvent::Oversold(oversold) => Fact::OrderOversold { order: named(oversold.order), lines: oversold.lines },
        // The system holds an order for one reason: its stock was refused or lost, and it was sold already.
        OrderEvent::Held(held) if by_the_system => Fact::OrderHeld { order: named(held.order), reason: held.reason },
        OrderEvent::ReturnRequested(asked) => Fact::ReturnRequested {
            order: named(asked.order),
            return_id: asked.return_id,
            units: asked.lines.iter().map(|line| line.quantity).map(Quantity::get).fold(0, i64::saturating_add),
            reason: asked.reason,
        },
        // What the team does with an order itself is no news to it.
        OrderEvent::LinesCancelled(_)
        | OrderEvent::Edited(_)
        | OrderEvent::AdditionRequested(_)
        | OrderEvent::AdditionRefused(_)
        | OrderEvent::Held(_)
        | OrderEvent::Released(_)
        | OrderEvent::CancellationRequested(_)
        | OrderEvent::CancellationDeclined(_)
        | OrderEvent::Packed(_)
        | OrderEvent::Shipped(_)
        | OrderEvent::Delivered(_)
        | OrderEvent::Completed(_)
        | OrderEvent::ReturnApproved(_)
        | OrderEvent::ReturnDeclined(_)
        | OrderEvent::Returned(_)
        | OrderEvent::PaymentRecorded(_)
        | OrderEvent::Refunded(_)
        | OrderEvent::NoteAdded(_)
        | OrderEvent::Claimed(_)
        | OrderEvent::ContactErased(_) => return None,
    })
}

/// What the rules of destinations ask of an event of an order besides.
#[must_use]
pub fn circumstances(event: &OrderEvent) -> Circumstances {
    let standing = event.standing();
    let total = standing.map(|standing| standing.total).or(match event {
        OrderEvent::Placed(placed) => Some(placed.total),
        OrderEvent::Confirmed(confirmed) => Some(confirmed.total),
        _ => None,
    });
    let of_lines = |event: &OrderEvent| match event {
        OrderEvent::Placed(placed) => placed.lines.iter().map(|line| line.sku.clone()).collect(),
        _ => Vec::new(),
    };
    let skus = standing.map_or_else(
        || of_lines(event),
        |standing| standing.lines.iter().map(|line| line.sku.clone()).collect::<Vec<Sku>>(),
    );
    Circumstances { total, channel: standing.map(|standing| standing.channel.clone()), skus }
}

/// What the rules of destinations ask of an event of the stock besides.
#[must_use]
pub fn stock_circumstances(event: &StockEvent) -> Circumstances {
    let StockEvent::Low(low) = event;
    Circumstances { skus: vec![low.sku.clone()], ..Circumstances::default() }
}

/// The fact in an event of the stock.
#[must_use]
pub fn stock_fact(event: StockEvent) -> Option<Fact> {
    match event {
        StockEvent::Low(low) if low.depleted => Some(Fact::StockDepleted { sku: low.sku, available: low.available }),
        StockEvent::Low(low) => {
            Some(Fact::StockLow { sku: low.sku, available: low.available, threshold: low.threshold })
        }
    }
}

/// Where somebody asked for what came out like this; none is the chat of the configuration.
#[must_use]
pub fn asked_at(event: &OutcomeEvent) -> Option<DestinationId> {
    match event {
        OutcomeEvent::StepDone(done) => done.destination,
        OutcomeEvent::StepRefused(refused) => refused.destination,
    }
}

/// The fact in what became of a pressed button.
#[must_use]
pub fn outcome_fact(event: OutcomeEvent) -> Fact {
    match event {
        OutcomeEvent::StepDone(StepDone { order, step, number, status, .. }) => {
            Fact::ActionAnswered { order, number, step, refused: None, status: Some(status) }
        }
        OutcomeEvent::StepRefused(StepRefused { order, step, reason, number, status, .. }) => {
            Fact::ActionAnswered { order, number, step, refused: Some(reason), status }
        }
    }
}

/// The fact in an event of an import; none where all of the file was taken.
#[must_use]
pub fn import_fact(event: ImportEvent) -> Option<Fact> {
    let ImportEvent::Finished(Finished { import, rows, failed, ended_early, .. }) = event;
    let wrong = failed > 0 || ended_early.is_some();
    wrong.then_some(Fact::ImportFailed { import, rows, failed, reason: ended_early })
}

#[cfg(test)]
mod tests {
    use contracts::catalog::Low;
    use contracts::order::{
        FulfilmentStatus, Held, Oversold, PaymentStatus, Placed, ReturnRequested, Source, Standing, Status,
    };
    use kernel::{ChannelCode, Clock, Currency, ImportId, Money, ProductId, ReturnId, VariantId};

    use super::*;

    fn nothing() -> Money {
        Money::from_minor(0, Currency::parse("USD").unwrap()).unwrap()
    }

    fn standing(source: Source, stock: StockPolicy) -> Box<Standing> {
        let nothing = nothing();
        Box::new(Standing {
            number: None,
            source,
            stock,
            oversold: false,
            status: Status::Pending,
            payment: PaymentStatus::Paid,
            fulfilment: FulfilmentStatus::Unfulfilled,
            channel: ChannelCode::shop(),
            customer: None,
            buyer: None,
            total: nothing,
            authorised: nothing,
            paid: nothing,
            refunded: nothing,
            lines: Vec::new(),
        })
    }

    fn placed(source: Source, stock: StockPolicy) -> OrderEvent {
        let (order, now) = (OrderId::new(), Clock::now());
        OrderEvent::Placed(Placed {
            order,
            lines: Vec::new(),
            total: nothing(),
            placed_at: now,
            deadline_at: now,
            shopper_reference: None,
            priced_in: None,
            standing: Some(standing(source, stock)),
        })
    }

    #[test]
    fn history_that_is_brought_in_is_not_told_and_what_was_sold_elsewhere_just_now_is() {
        assert!(order_fact(placed(Source::Import, StockPolicy::Skip), false).is_none());
        assert!(order_fact(placed(Source::Import, StockPolicy::Update), false).is_some());
        assert!(order_fact(placed(Source::Shop, StockPolicy::Update), false).is_some());
    }

    #[test]
    fn what_was_lost_and_what_is_to_come_back_is_told_but_not_what_the_team_holds_itself() {
        let order = OrderId::new();
        for (stock, told) in [(StockPolicy::Force, true), (StockPolicy::Update, true), (StockPolicy::Skip, false)] {
            let standing = || standing(Source::Import, stock);
            let oversold = OrderEvent::Oversold(Oversold { order, lines: Vec::new(), standing: standing() });
            let held = || OrderEvent::Held(Held { order, reason: None, standing: standing() });
            let returned = OrderEvent::ReturnRequested(ReturnRequested {
                order,
                return_id: ReturnId::new(),
                reason: None,
                lines: Vec::new(),
                standing: standing(),
            });
            assert_eq!(order_fact(oversold, true).is_some(), told, "{stock}");
            assert_eq!(order_fact(returned, false).is_some(), told, "{stock}");
            assert_eq!(order_fact(held(), true).is_some(), told, "{stock}");
            assert!(order_fact(held(), false).is_none(), "{stock}");
        }
    }

    #[test]
    fn an_import_is_told_of_when_something_is_wrong_with_it() {
        let ended = |failed, ended_early: Option<&str>| {
            let (import, ended_early) = (ImportId::new(), ended_early.map(str::to_owned));
            import_fact(ImportEvent::Finished(Finished {
                import,
                rows: 9,
                created: 9 - failed,
                updated: 0,
                unchanged: 0,
                failed,
                ended_early,
            }))
        };
        assert!(ended(0, None).is_none());
        assert!(matches!(ended(2, None), Some(Fact::ImportFailed { rows: 9, failed: 2, reason: None, .. })));
        assert!(matches!(ended(0, Some("stopping")), Some(Fact::ImportFailed { failed: 0, reason: Some(_), .. })));
    }

    #[test]
    fn the_last_piece_is_told_as_such() {
        let low = |available, depleted| {
            let (sku, product, variant) = (Sku::parse("TEA-1").unwrap(), ProductId::new(), VariantId::new());
            stock_fact(StockEvent::Low(Low { sku, product, variant, available, threshold: 5, depleted }))
        };
        assert!(matches!(low(3, false), Some(Fact::StockLow { available: 3, .. })));
        assert!(matches!(low(0, true), Some(Fact::StockDepleted { available: 0, .. })));
    }
}

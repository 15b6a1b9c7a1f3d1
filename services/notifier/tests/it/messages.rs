//! What the operations team reads.

use std::time::{Duration, Instant};

use contracts::catalog::{Low, Reason, StockEvent};
use contracts::order::{Cancelled, Cause, OrderEvent, Rejected};
use kernel::{OrderId, ProductId, Quantity, Sku, VariantId};

use crate::stage::{Stage, confirmed, facts_in, placed, usd};

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_happens_to_orders_and_stock_is_told_in_words() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let order = OrderId::new();
    let sku = Sku::parse("TEA-1").unwrap();
    let rejected = OrderEvent::Rejected(Rejected {
        order,
        reasons: vec![
            Reason::OutOfStock { sku: sku.clone(), requested: Quantity::new(5).unwrap(), available: 2 },
            Reason::PriceChanged { sku: sku.clone(), offered: usd(1_000), current: usd(1_250) },
        ],
        standing: None,
    });
    let cancelled = OrderEvent::Cancelled(Cancelled::new(order, Cause::Deadline));
    let low = StockEvent::Low(Low {
        sku,
        product: ProductId::new(),
        variant: VariantId::new(),
        available: 3,
        threshold: 5,
        depleted: false,
    });
    for (version, event) in [(1, placed(order)), (2, confirmed(order)), (3, rejected), (4, cancelled)] {
        stage.scene.publish(version, &event).await;
    }
    stage.scene.publish(1, &low).await;
    stage.told(5).await;

    let text: String = stage.telegram.messages().iter().map(|message| message.text.clone() + "\n").collect();
    for line in [
        format!("🛒 Placed: 30.00 USD · 1 line, 3 units · {order}"),
        format!("✅ Confirmed: 30.00 USD · {order}"),
        format!(
            "⛔ Rejected: only 2 of TEA-1 left, 5 wanted; the price of TEA-1 changed from 10.00 USD to 12.50 USD · {order}"
        ),
        format!("🚫 Cancelled: its time ran out · {order}"),
        "📉 Low stock: TEA-1 · 3 left (warns at 5)".to_owned(),
    ] {
        assert!(text.lines().any(|read| read == line), "{line}\nis missing in\n{text}");
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_leaves_within_a_second_of_its_event() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    // The first event of a new group waits for the group to form; the second is what is measured.
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    let event = stage.record(1, &placed(OrderId::new()));
    let started = Instant::now();
    stage.scene.send(&[event]).await;
    stage.told(2).await;
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_events_twice_and_shuffled_are_told_once() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let mut records: Vec<_> = (0..10)
        .flat_map(|_| {
            let order = OrderId::new();
            [stage.record(1, &placed(order)), stage.record(2, &confirmed(order))]
        })
        .collect();
    let again: Vec<_> = records.iter().rev().cloned().collect();
    records.extend(again);
    stage.scene.send(&records).await;
    stage.told(20).await;
    // What comes behind shows that the repeated ones have been taken, too.
    stage.scene.send(&records).await;
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(21).await;
    let facts: i64 = stage.telegram.messages().iter().map(facts_in).sum();
    assert_eq!(facts, 21);
    replica.stop().await;
}

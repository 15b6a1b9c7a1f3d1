//! The notifier's own copy of orders and stock: whatever comes twice, late or in another order leaves the same rows.

use contracts::catalog::{Availability, AvailabilityState, Backorder};
use contracts::order::OrderEvent;
use kernel::{OrderId, Sku, VariantId};
use mediator::Scope;
use messaging::Outgoing;
use notifier::commands::ForgetOrders;
use testkit::eventually;

use crate::stage::{PATIENCE, Stage, stands};
use contracts::order::Status;

/// The row of an order as text.
async fn row(stage: &Stage, order: OrderId) -> Option<String> {
    let row = "select concat_ws(' ', number, status, payment, currency, total_minor, lines, line_count,
                      placed_at is not null, version) from orders where id::text = $1";
    stage.superuser.query_opt(row, &[&order.uuid().to_string()]).await.unwrap().map(|row| row.get(0))
}

fn removed(stage: &Stage, version: i64, state: &AvailabilityState) -> Outgoing {
    Outgoing { payload: None, ..stage.record(version, state) }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_kept_in_its_newest_version_however_its_events_come() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let (in_order, backwards) = (OrderId::new(), OrderId::new());
    let placed = |order| stands(order, 1001, Status::Pending);
    let confirmed = |order| stands(order, 1001, Status::Confirmed);
    stage.scene.send(&[stage.record(1, &placed(in_order)), stage.record(2, &confirmed(in_order))]).await;
    // What was said first comes last, in a batch of its own.
    stage.scene.send(&[stage.record(2, &confirmed(backwards))]).await;
    eventually(PATIENCE, async || row(&stage, backwards).await.is_some()).await;
    assert!(row(&stage, backwards).await.unwrap().contains(" f 2"), "nobody has said yet when it was placed");
    stage.scene.send(&[stage.record(1, &placed(backwards)), stage.record(2, &confirmed(backwards))]).await;
    let expected = r#"1001 confirmed unpaid USD 3000 [{"sku": "TEA-1", "pieces": 3}] 1 t 2"#;
    for order in [in_order, backwards] {
        eventually(PATIENCE, async || {
            let row = row(&stage, order).await;
            if row.as_deref() == Some(expected) { Ok(()) } else { Err(row) }
        })
        .await;
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_of_which_nothing_was_said_for_long_is_forgotten_and_the_others_are_not() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let (old, new) = (OrderId::new(), OrderId::new());
    let placed: [OrderEvent; 2] = [old, new].map(|order| stands(order, 1001, Status::Pending));
    stage.scene.send(&[stage.record(1, &placed[0]), stage.record(1, &placed[1])]).await;
    eventually(PATIENCE, async || row(&stage, old).await.is_some() && row(&stage, new).await.is_some()).await;
    let age = "update orders set said_at = now() - interval '91 days' where id::text = $1";
    stage.superuser.execute(age, &[&old.uuid().to_string()]).await.unwrap();
    let scope = Scope::platform_system("test");
    let more = stage.scene.mediator().send(&scope, ForgetOrders { keep_days: 90 }).await.unwrap();
    assert!(!more);
    assert_eq!((row(&stage, old).await, row(&stage, new).await.is_some()), (None, true));
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stock_is_kept_in_its_newest_version_and_does_not_come_back_once_it_is_gone() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let [kept, gone] = ["TEA-1", "CUP-9"].map(|sku| AvailabilityState {
        variant: VariantId::new(),
        product: kernel::ProductId::new(),
        sku: Sku::parse(sku).unwrap(),
        availability: Availability::InStock,
        sellable: 9,
        available: 9,
        on_hand: 10,
        safety_stock: 0,
        backorder: Backorder::No,
        locations: Vec::new(),
        version: 1,
    });
    let few = AvailabilityState {
        availability: Availability::FewLeft,
        sellable: 2,
        available: 2,
        version: 7,
        ..kept.clone()
    };
    for batch in [
        vec![stage.record(7, &few), removed(&stage, 3, &gone)],
        // Late, and again.
        vec![stage.record(1, &kept), stage.record(2, &gone), stage.record(7, &few), removed(&stage, 3, &gone)],
    ] {
        stage.scene.send(&batch).await;
        let rows = "select concat_ws(' ', sku, removed, availability, sellable, on_hand, version) from stocks order by version";
        eventually(PATIENCE, async || {
            let rows = stage.superuser.query(rows, &[]).await.unwrap();
            let rows: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            if rows == [" t  0 0 3", "TEA-1 f few-left 2 10 7"] { Ok(()) } else { Err(rows) }
        })
        .await;
    }
    replica.stop().await;
}

//! What the operations team reads.

use std::time::{Duration, Instant};

use contracts::auth::OrganisationState;
use contracts::catalog::{Finished, ImportEvent, Low, Reason, StockEvent};
use contracts::order::{
    Cancelled, Cause, FulfilmentStatus, Held, OrderEvent, Oversold, OversoldLine, PaymentStatus, Rejected,
    ReturnRequested, Source, Standing, Status, StockPolicy,
};
use kernel::{ChannelCode, Currency, ImportId, OrderId, ProductId, Quantity, ReturnId, Sku, Slug, VariantId};
use testkit::eventually;

use crate::stage::{PATIENCE, Stage, confirmed, facts_in, placed, placed_as, usd};

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
    let finished = Finished {
        import: ImportId::new(),
        rows: 1_200,
        created: 1_193,
        updated: 0,
        unchanged: 0,
        failed: 7,
        ended_early: Some("the service is stopping".to_owned()),
    };
    stage.scene.publish(1, &ImportEvent::Finished(finished)).await;
    stage.told(6).await;

    let text: String = stage.telegram.messages().iter().map(|message| message.text.clone() + "\n").collect();
    for line in [
        format!("🛒 Placed: 30.00 USD · 1 line, 3 units · {order}"),
        format!("✅ Confirmed: 30.00 USD · {order}"),
        format!(
            "⛔ Rejected: only 2 of TEA-1 left, 5 wanted; the price of TEA-1 changed from 10.00 USD to 12.50 USD · {order}"
        ),
        format!("🚫 Cancelled: its time ran out · {order}"),
        "📉 Low stock: TEA-1 · 3 left (warns at 5)".to_owned(),
        "📄 Import: 7 of 1,200 rows refused, and the rest was not read · “the service is stopping”".to_owned(),
    ] {
        assert!(text.lines().any(|read| read == line), "{line}\nis missing in\n{text}");
    }
    replica.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_leaves_within_a_second_of_its_event() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    // The first event of a new group waits for the group to form; the next ones are what is measured.
    stage.scene.publish(1, &placed(OrderId::new())).await;
    stage.told(1).await;
    let mut took = Vec::new();
    for told in 2..5 {
        let event = stage.record(1, &placed(OrderId::new()));
        let started = Instant::now();
        stage.scene.send(&[event]).await;
        stage.told(told).await;
        took.push(started.elapsed());
    }
    // Whatever else the machine does slows down messages, and makes none of them faster.
    assert!(took.iter().min() < Some(&Duration::from_secs(1)), "{took:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_are_told_as_they_are_and_do_nothing() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let hostile = [
        "http://evil.example @all /cancel".to_owned(),
        "</code><b>bold</b>&lt;<a href=\"tg://resolve?domain=x\">".to_owned(),
        "#sale $USD mail@evil.example evil.example/x".to_owned(),
        "a\u{202E}b\u{2066}c\u{200B}d\n\n⛔ Rejected: nothing".to_owned(),
        "<".repeat(10_000),
        format!("a{}", "\u{301}".repeat(10_000)),
        "👨‍👩‍👧‍👦".repeat(1_000),
        "\u{200D}".repeat(10_000),
    ];
    let name = OrganisationState {
        organisation: stage.scene.organisation(),
        slug: Slug::parse("tea-house").unwrap(),
        name: "<b>@all</b> https://evil.example".to_owned(),
        currency: Currency::parse("USD").unwrap(),
        country: None,
        time_zone: None,
        guests: None,
        active: true,
        version: 1,
    };
    stage.scene.publish(1, &name).await;
    eventually(PATIENCE, async || stage.superuser.query("select 1 from organisations", &[]).await.unwrap().len() == 1)
        .await;
    let sku = Sku::parse("evil.example/@all").unwrap();
    for reference in &hostile {
        let order = OrderId::new();
        stage.scene.publish(1, &placed_as(order, Some(reference))).await;
        let reasons = vec![Reason::NotForSale { sku: sku.clone() }; 7];
        stage.scene.publish(2, &OrderEvent::Rejected(Rejected { order, reasons, standing: None })).await;
    }
    stage.told(2 * i64::try_from(hostile.len()).unwrap()).await;

    let messages = stage.telegram.messages();
    for message in &messages {
        assert_eq!(message.live, [""; 0], "{}", message.text);
        assert!(!message.text.contains(['\u{202E}', '\u{2066}']), "{}", message.text);
    }
    let text: String = messages.iter().map(|message| message.text.clone() + "\n").collect();
    for said in [
        "“http://evil.example @all /cancel”",
        "“</code><b>bold</b>&lt;<a href=\"tg://res…”",
        "“#sale $USD mail@evil.example evil.examp…”",
        "<b>@all</b> https://evil.example (tea-house)",
        "evil.example/@all is not for sale",
        "“👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦…”",
    ] {
        assert!(text.contains(said), "{said}\nis missing in\n{text}");
    }
    assert!(!text.lines().any(|line| line == "⛔ Rejected: nothing"), "{text}");
    replica.stop().await;
}

/// Where an order stands that was sold elsewhere.
pub(crate) fn imported() -> Box<Standing> {
    Box::new(Standing {
        number: None,
        source: Source::Import,
        stock: StockPolicy::Force,
        oversold: true,
        status: Status::Confirmed,
        payment: PaymentStatus::Paid,
        fulfilment: FulfilmentStatus::Unfulfilled,
        channel: ChannelCode::shop(),
        customer: None,
        buyer: None,
        total: usd(0),
        authorised: usd(0),
        paid: usd(0),
        refunded: usd(0),
        lines: Vec::new(),
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_stock_was_lost_a_return_and_the_last_piece_are_told() {
    let stage = Stage::new().await;
    let replica = stage.replica().await;
    let order = OrderId::new();
    let sku = Sku::parse("TEA-1").unwrap();
    let lines = vec![OversoldLine { sku: sku.clone(), quantity: Quantity::new(2).unwrap() }];
    let oversold = OrderEvent::Oversold(Oversold { order, lines, standing: imported() });
    let held = OrderEvent::Held(Held { order, reason: None, standing: imported() });
    let returned = OrderEvent::ReturnRequested(ReturnRequested {
        order,
        return_id: ReturnId::new(),
        reason: Some("too small".to_owned()),
        lines: Vec::new(),
        standing: imported(),
    });
    let depleted = StockEvent::Low(Low {
        sku,
        product: ProductId::new(),
        variant: VariantId::new(),
        available: 0,
        threshold: 5,
        depleted: true,
    });
    let by = |actor: &str, version, event: &OrderEvent| {
        let mut record = stage.record(version, event);
        let signed = record.headers.iter_mut().find(|(name, _)| name == "ce_actor").unwrap();
        signed.1 = actor.as_bytes().to_vec();
        record
    };
    let staff = "user_01h455vb4pex5vsknk084sn02q";
    let records = [
        by("system:order", 1, &oversold),
        by("system:order", 2, &held),
        by(staff, 3, &returned),
        // What the team holds itself is no news to it.
        by(staff, 4, &held),
    ];
    stage.scene.send(&records).await;
    stage.scene.publish(1, &depleted).await;
    stage.told(4).await;
    let text: String = stage.telegram.messages().iter().map(|message| message.text.clone() + "\n").collect();
    for line in [
        format!("❗ Oversold: 2 of TEA-1 not in stock · {order}"),
        format!("✋ On hold: its stock is not set aside · {order}"),
        format!("📦 Return requested: 0 units · {order} · “too small”"),
        "📭 Sold out: TEA-1".to_owned(),
    ] {
        assert!(text.lines().any(|read| read == line), "{line}\nis missing in\n{text}");
    }
    replica.stop().await;
}

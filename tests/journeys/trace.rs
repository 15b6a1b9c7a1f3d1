//! One request's way through all services, as its spans tell it.

use std::collections::{BTreeMap, BTreeSet};

use e2e::{PATIENCE, Placed, Shop, Span, Store, order_of, spans_of, together};
use testkit::eventually;
use uuid::Uuid;

use crate::WISHES;

/// The services that have to do with an order.
const FROM_END_TO_END: [&str; 4] = ["gateway", "order", "catalog", "notifier"];
/// The span that the test itself claims to be in.
const OUTSIDE: &str = "00f067aa0ba902b7";

#[tokio::test(flavor = "multi_thread")]
async fn an_order_is_one_trace_from_the_gateway_to_telegram_without_a_missing_link() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "trace").await;
    shop.sell(&store, &[("TRACED", 500, 10)]).await;
    let trace = Uuid::new_v4().simple().to_string();
    let shopper = shop.shopper.clone().with("traceparent", &format!("00-{trace}-{OUTSIDE}-01"));
    let placed = Placed::of(&shopper.post_reply(&shop.orders(), &order_of(&[("TRACED", 1)])).await);
    shop.reaches(placed.order, "confirmed").await;
    leads_to_telegram(&linked(&store, &trace, &FROM_END_TO_END).await);

    // One that was queued goes the same way, behind a topic of its own.
    let trace = Uuid::new_v4().simple().to_string();
    let mut tracing = shop.clone();
    tracing.shopper = tracing.shopper.with("traceparent", &format!("00-{trace}-{OUTSIDE}-01"));
    let queued = tracing.queue(&order_of(&[("TRACED", 1)])).await;
    shop.reaches(queued.order, "confirmed").await;
    let spans = linked(&store, &trace, &FROM_END_TO_END).await;
    leads_to_telegram(&spans);
    assert!(spans.iter().any(|span| span.name == "consume order.intake.queued.v1"), "{spans:?}");
}

/// Holds that the messages about an order were caused by the request that placed it.
fn leads_to_telegram(spans: &[Span]) {
    let by_id: BTreeMap<&str, &Span> = spans.iter().map(|span| (span.id.as_str(), span)).collect();
    // From the message about the confirmation back to the request: through notifier, order, catalog and order again.
    let ways: BTreeSet<Vec<&str>> =
        spans.iter().filter(|span| span.name.contains("sendMessage")).map(|span| way_of(span, &by_id)).collect();
    assert!(ways.contains(&vec!["gateway", "order", "notifier"]), "placed: {ways:?}");
    assert!(ways.contains(&vec!["gateway", "order", "catalog", "order", "notifier"]), "confirmed: {ways:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_category_s_trace_goes_on_in_the_catalog_that_copies_it() {
    let store = together(&WISHES).await;
    let shop = Shop::open(&store, "trace-category").await;
    let trace = Uuid::new_v4().simple().to_string();
    let owner = shop.owner.clone().with("traceparent", &format!("00-{trace}-{OUTSIDE}-01"));
    let wanted = serde_json::json!({"name": "Traced", "slug": "traced"});
    assert_eq!(owner.post("/admin/v1/categories", &wanted).await.0, 201);
    linked(&store, &trace, &["gateway", "category", "catalog"]).await;
}

/// The spans of the trace, once these services are in it and every parent is there.
async fn linked(store: &Store, trace: &str, services: &[&str]) -> Vec<Span> {
    eventually(PATIENCE, async || {
        let spans = spans_of(store, trace);
        let seen: BTreeSet<&str> = spans.iter().map(|span| span.service.as_str()).collect();
        let ids: BTreeSet<&str> = spans.iter().map(|span| span.id.as_str()).chain([OUTSIDE]).collect();
        let orphans: Vec<&Span> =
            spans.iter().filter(|span| span.parent.as_deref().is_none_or(|parent| !ids.contains(parent))).collect();
        let told =
            !services.contains(&"notifier") || spans.iter().filter(|it| it.name.contains("sendMessage")).count() >= 2;
        match services.iter().all(|service| seen.contains(service)) && orphans.is_empty() && told {
            true => Ok(spans.clone()),
            false => Err(format!("{seen:?} of {services:?}, without a parent: {orphans:?}, of {spans:?}")),
        }
    })
    .await
}

/// The services from the request to this span, each stay in one of them counted once.
fn way_of<'s>(span: &'s Span, by_id: &BTreeMap<&str, &'s Span>) -> Vec<&'s str> {
    let mut way = vec![span.service.as_str()];
    let mut at = span;
    while let Some(parent) = at.parent.as_deref().and_then(|parent| by_id.get(parent)) {
        at = parent;
        if way.last() != Some(&at.service.as_str()) {
            way.push(&at.service);
        }
    }
    way.reverse();
    way
}

//! The program itself: started with an environment, asked over its ports, stopped by a signal.

use contracts::catalog::{ProductState, ProductStatus, VariantState};
use kernel::{ProductId, Sku, Slug, VariantId};
use serde_json::json;
use testkit::{Caller, Client, Program, Scene, eventually};

use crate::world::{PATIENCE, one, usd};

#[tokio::test(flavor = "multi_thread")]
async fn the_program_serves_sweeps_rebuilds_and_stops_when_it_is_asked_to() {
    let scene = Scene::new(order::NAME, order::MIGRATIONS).await;
    let mut program = Program::serve(&scene, env!("CARGO_BIN_EXE_order"), &[("ORDER_DEADLINE_SECONDS", "1")]);
    // It is not ready before it knows who signs tokens.
    scene.announce().await;
    let operator = Client::new(program.internal(), None);
    eventually(PATIENCE, async || match operator.try_send("GET".parse().unwrap(), "/readyz", None).await {
        Ok(reply) if reply.status == 200 => Ok(()),
        Ok(reply) => Err(reply.text()),
        Err(error) => Err(error.to_string()),
    })
    .await;

    let variant = VariantState::new(VariantId::new(), Sku::parse("MUG").unwrap(), "red".to_owned(), usd(990));
    let (slug, title) = (Slug::parse("mug").unwrap(), "Mug".to_owned());
    let product = ProductState {
        variants: vec![variant],
        ..ProductState::new(ProductId::new(), slug, title, ProductStatus::Active, 1)
    };
    scene.publish(1, &product).await;

    // Nobody answers, so the sweep cancels the order, and whoever waits hears of it.
    let shopper = scene.client(program.base(), Caller::Anonymous).with("prefer", "wait=30");
    let orders = format!("/store/v1/{}/orders", scene.slug());
    let order = eventually(PATIENCE, async || {
        let (status, body) = shopper.post(&orders, &one("MUG")).await;
        if status == 201 { Ok(body) } else { Err(body) }
    })
    .await;
    assert_eq!((&order["status"], &order["cancel_cause"]), (&json!("cancelled"), &json!("deadline")));
    assert_eq!(order["lines"][0]["title"], "Mug");

    for copy in ["sellable", "members"] {
        let (status, report) = operator.post(&format!("/rebuild/{copy}"), &json!({})).await;
        assert_eq!((status, &report["dropped"]), (200, &json!(0)), "{copy}: {report}");
    }
    let (status, _) = operator.post("/rebuild/everything", &json!({})).await;
    assert_eq!(status, 404);

    assert_eq!(program.stop().await.code(), Some(0));
}

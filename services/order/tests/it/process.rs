//! The program itself: started with an environment, asked over its ports, stopped by a signal.

use std::{
    net::{SocketAddr, TcpListener},
    os::unix::process::ExitStatusExt,
    process::{Child, Command, ExitStatus, Stdio},
};

use contracts::{
    auth::OrganisationState,
    catalog::{ProductState, ProductStatus, VariantState},
};
use devstack::DatabaseRole;
use kernel::{Currency, ProductId, Sku, Slug, VariantId};
use serde_json::json;
use testkit::{Client, Scene, eventually};

use crate::world::{PATIENCE, one, usd};

/// A running program; it does not outlive the test.
struct Program(Child);

impl Program {
    fn start(scene: &Scene, http: SocketAddr, internal: SocketAddr) -> Self {
        let kafka = scene.messaging();
        let child = Command::new(env!("CARGO_BIN_EXE_order"))
            .arg("serve")
            .env_clear()
            .env("DATABASE_URL", scene.url(DatabaseRole::App))
            .env("DATABASE_SYSTEM_URL", scene.url(DatabaseRole::System))
            .env("KAFKA_BROKERS", kafka.brokers)
            .env("KAFKA_NAMESPACE", kafka.namespace)
            .env("HTTP_ADDRESS", http.to_string())
            .env("INTERNAL_ADDRESS", internal.to_string())
            .env("ORDER_DEADLINE_SECONDS", "1")
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        Self(child)
    }

    /// Asks it to stop and waits until it has.
    async fn stop(&mut self) -> ExitStatus {
        let sent = Command::new("kill").arg("-TERM").arg(self.0.id().to_string()).status().unwrap();
        assert!(sent.success());
        eventually(PATIENCE, async || self.0.try_wait().unwrap()).await
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It has ended already when all went well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An address that was free a moment ago.
fn free() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_serves_sweeps_rebuilds_and_stops_when_it_is_asked_to() {
    let scene = Scene::new(order::NAME, order::MIGRATIONS).await;
    let (http, internal) = (free(), free());
    let mut program = Program::start(&scene, http, internal);
    let operator = Client::new(format!("http://{internal}"), None);
    eventually(PATIENCE, async || match operator.try_send("GET".parse().unwrap(), "/readyz", None).await {
        Ok(reply) if reply.status == 200 => Ok(()),
        Ok(reply) => Err(reply.text()),
        Err(error) => Err(error.to_string()),
    })
    .await;

    let organisation = OrganisationState {
        organisation: scene.organisation(),
        slug: Slug::parse("corner-shop").unwrap(),
        name: "Corner shop".to_owned(),
        currency: Currency::parse("USD").unwrap(),
        active: true,
        version: 1,
    };
    scene.publish(1, &organisation).await;
    let variant = VariantState {
        variant: VariantId::new(),
        sku: Sku::parse("MUG").unwrap(),
        title: "red".to_owned(),
        price: usd(990),
        active: true,
    };
    let product = ProductState {
        product: ProductId::new(),
        title: "Mug".to_owned(),
        slug: Slug::parse("mug").unwrap(),
        category: None,
        status: ProductStatus::Active,
        variants: vec![variant],
        version: 1,
    };
    scene.publish(1, &product).await;

    // Nobody answers, so the sweep calls the order off, and whoever waits hears of it.
    let shopper = Client::new(format!("http://{http}"), None).with("prefer", "wait=30");
    let order = eventually(PATIENCE, async || {
        let (status, body) = shopper.post("/store/v1/corner-shop/orders", &one("MUG")).await;
        if status == 200 { Ok(body) } else { Err(body) }
    })
    .await;
    assert_eq!((&order["status"], &order["cancel_cause"]), (&json!("cancelled"), &json!("deadline")));
    assert_eq!(order["lines"][0]["title"], "Mug");

    let (status, report) = operator.post("/rebuild/sellable", &json!({})).await;
    assert_eq!((status, &report["dropped"]), (200, &json!(0)), "{report}");
    let (status, _) = operator.post("/rebuild/everything", &json!({})).await;
    assert_eq!(status, 404);

    let ended = program.stop().await;
    assert_eq!((ended.code(), ended.signal()), (Some(0), None));
}

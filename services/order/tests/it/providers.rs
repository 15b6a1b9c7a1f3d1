//! The port to whoever moves money: nothing is recorded that the provider did not move, and people give back what it did not take in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kernel::OrderId;
use order::domain::{MoneyRequest, Moving, NotMoved, Payment, PaymentProvider, Payments, Provider, Refund};
use serde_json::{Value, json};
use testkit::{Caller, Client, Topics};

use crate::life::amount;
use crate::world::{World, settings};

/// What a provider does when it is asked next.
type Answer = Result<(), NotMoved>;

/// A provider that does as it is told, moves the money of one name once, and keeps what it moved. It takes the place of the people whom
/// orders have without one.
#[derive(Debug, Clone)]
struct Told {
    answer: Arc<Mutex<Answer>>,
    moved: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Told {
    fn new() -> Self {
        Self { answer: Arc::new(Mutex::new(Ok(()))), moved: Arc::default() }
    }

    fn will(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    fn moves<'a>(&'a self, MoneyRequest { order, name }: &MoneyRequest, what: String) -> Moving<'a> {
        let answer = self.answer.lock().unwrap().clone();
        if answer.is_ok() {
            self.moved.lock().unwrap().entry(name.clone()).or_insert_with(|| format!("{what} {order}"));
        }
        Box::pin(async move { answer })
    }

    fn moved(&self) -> Vec<String> {
        let mut moved: Vec<String> = self.moved.lock().unwrap().values().cloned().collect();
        moved.sort_unstable();
        moved
    }
}

impl PaymentProvider for Told {
    fn name(&self) -> Provider {
        Provider::Manual
    }

    fn receive<'a>(&'a self, request: &'a MoneyRequest, payment: &'a Payment) -> Moving<'a> {
        self.moves(request, format!("{} for", payment.amount))
    }

    fn give_back<'a>(&'a self, request: &'a MoneyRequest, refund: &'a Refund) -> Moving<'a> {
        self.moves(request, format!("{} back of", refund.amount))
    }
}

async fn read(world: &World, order: OrderId) -> (Value, Value, Value) {
    let order = world.read(order).await;
    (order["payments"].clone(), order["refunds"].clone(), order["version"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_provider_does_not_move_is_not_recorded_and_what_it_moves_is_recorded_once() {
    let told = Told::new();
    let world = World::with_payments(settings(), Payments::by(told.clone()), Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let order = world.place("MUG").await.order;
    let staff = world.client(Caller::Owner);
    let step = async |client: &Client, step: &str, body: &Value| {
        client.post(&format!("/admin/v1/orders/{order}/{step}"), body).await
    };
    let paid = json!({"kind": "received", "method": "card", "amount": amount("9.90")});
    let before = read(&world, order).await;
    told.will(Err(NotMoved::Refused("the card has expired".to_owned())));
    let (status, problem) = step(&staff, "payments", &paid).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/order-step-impossible")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("the card has expired"), "{problem}");
    assert!(!problem["possible"].as_array().unwrap().contains(&json!("refund")), "nothing was received: {problem}");
    told.will(Err(NotMoved::Away("no answer within a second".to_owned())));
    assert_eq!(step(&staff, "payments", &paid).await.0, 503);
    assert_eq!(read(&world, order).await, before);

    // Asked again under one name by whoever repeats a request.
    told.will(Ok(()));
    let keyed = staff.clone().with("idempotency-key", "one-payment-by-a-provider");
    let (status, made) = step(&keyed, "payments", &paid).await;
    assert_eq!((status, &made["payment_status"]), (201, &json!("paid")), "{made}");
    assert_eq!(step(&keyed, "payments", &paid).await.1, made);
    let first = format!("9.90 USD for {order}");
    assert_eq!(told.moved(), std::slice::from_ref(&first));
    assert_eq!(step(&staff, "payments", &paid).await.0, 201);
    assert_eq!(told.moved(), [first.clone(), first.clone()], "another request for the same");

    // What the order refuses is not asked for.
    let refund = |cents: &str| json!({"payment": made["payment"], "method": "card", "amount": amount(cents)});
    assert_eq!(step(&staff, "refunds", &refund("9.91")).await.0, 409);
    assert_eq!(told.moved().len(), 2);
    let before = read(&world, order).await;
    told.will(Err(NotMoved::Refused("the account is closed".to_owned())));
    assert_eq!(step(&staff, "refunds", &refund("1.00")).await.0, 409);
    assert_eq!(read(&world, order).await, before);
    told.will(Ok(()));
    assert_eq!(step(&staff, "refunds", &refund("1.00")).await.0, 201);
    assert_eq!(told.moved(), [format!("1.00 USD back of {order}"), first.clone(), first]);

    // What a channel took in, people give back, whatever the provider here would say.
    let sold = json!({
        "channel": "bazaar", "external_reference": "paid-there", "placed_at": "2026-01-05T08:00:00Z", "raw_status": "PAID",
        "raw_status_at": "2026-01-05T08:00:00Z", "stock": "skip", "paid": amount("9.90"),
        "lines": [{"sku": "MUG", "quantity": 1, "unit_price": amount("9.90")}],
    });
    let (_, taken) = staff.post("/admin/v1/orders/import", &sold).await;
    let sold: OrderId = taken["order"].as_str().unwrap().parse().unwrap();
    let payment = world.read(sold).await["payments"][0]["id"].clone();
    told.will(Err(NotMoved::Refused("never heard of it".to_owned())));
    let back = json!({"payment": payment, "method": "cash", "amount": amount("9.90")});
    let (status, given) = staff.post(&format!("/admin/v1/orders/{sold}/refunds"), &back).await;
    assert_eq!((status, &given["payment_status"]), (201, &json!("refunded")), "{given}");
    world.stop().await;
}

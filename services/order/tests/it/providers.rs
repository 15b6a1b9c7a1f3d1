//! The port to whoever moves money: nothing is recorded that the provider did not move, and people give back what it did not take in.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use kernel::OrderId;
use order::domain::{Label, MoneyRequest, Moved, Movement, Moving, NotMoved, PaymentProvider, Payments, Provider};
use serde_json::{Value, json};
use testkit::{Caller, Client, Topics};

use crate::life::amount;
use crate::world::{World, settings};

/// What a provider does when it is asked next.
#[derive(Debug, Clone)]
enum Answer {
    /// It moves the money.
    Moves,
    /// It moves the money, and its answer is lost.
    MovesUnheard,
    /// It moves nothing.
    Refuses(&'static str),
    /// It does not answer, and moves nothing.
    IsAway,
}

/// A provider that does as it is told, moves the money of one key once, and keeps what it moved, and under which name of its own. It takes
/// the place of the people whom orders have without one.
#[derive(Debug, Clone)]
struct Told {
    answer: Arc<Mutex<Answer>>,
    moved: Arc<Mutex<BTreeMap<String, (MoneyRequest, String)>>>,
}

impl Told {
    fn new() -> Self {
        Self { answer: Arc::new(Mutex::new(Answer::Moves)), moved: Arc::default() }
    }

    fn will(&self, answer: Answer) {
        *self.answer.lock().unwrap() = answer;
    }

    /// The money that it moved, and its own name of that movement.
    fn moves(&self, request: &MoneyRequest) -> String {
        let mut moved = self.moved.lock().unwrap();
        let name = format!("mv-{}", moved.len() + 1);
        let (known, name) = moved.entry(request.key.to_string()).or_insert_with(|| (request.clone(), name));
        assert_eq!(known, request, "one key, one request");
        name.clone()
    }

    fn moved(&self) -> Vec<String> {
        let moved = self.moved.lock().unwrap();
        let say = |MoneyRequest { order, movement, amount, .. }: &MoneyRequest| match movement {
            Movement::Authorise => format!("{amount} promised for {order}"),
            Movement::Capture => format!("{amount} for {order}"),
            Movement::Refund(_) => format!("{amount} back of {order}"),
        };
        let mut moved: Vec<String> = moved.values().map(|(request, _)| say(request)).collect();
        moved.sort_unstable();
        moved
    }

    /// The payment that it knows by this name.
    fn payment(&self, name: &str) -> String {
        let moved = self.moved.lock().unwrap();
        moved.values().find(|(_, known)| known == name).map(|(request, _)| request.payment.to_string()).unwrap()
    }
}

impl PaymentProvider for Told {
    fn name(&self) -> Provider {
        Provider::Manual
    }

    fn carry_out<'a>(&'a self, request: &'a MoneyRequest) -> Moving<'a> {
        let away = || Err(NotMoved::Away("no answer within a second".to_owned()));
        let answer = match self.answer.lock().unwrap().clone() {
            Answer::Moves => Ok(Moved { reference: Some(Label::parse(&self.moves(request)).unwrap()) }),
            Answer::MovesUnheard => {
                self.moves(request);
                away()
            }
            Answer::Refuses(reason) => Err(NotMoved::Refused(reason.to_owned())),
            Answer::IsAway => away(),
        };
        Box::pin(async move { answer })
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
    told.will(Answer::Refuses("the card has expired"));
    let (status, problem) = step(&staff, "payments", &paid).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/order-step-impossible")), "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains("the card has expired"), "{problem}");
    assert!(!problem["possible"].as_array().unwrap().contains(&json!("refund")), "nothing was received: {problem}");
    told.will(Answer::IsAway);
    assert_eq!(step(&staff, "payments", &paid).await.0, 503);
    assert_eq!(read(&world, order).await, before);

    // Asked again under one name by whoever repeats a request.
    told.will(Answer::Moves);
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
    told.will(Answer::Refuses("the account is closed"));
    assert_eq!(step(&staff, "refunds", &refund("1.00")).await.0, 409);
    assert_eq!(read(&world, order).await, before);
    told.will(Answer::Moves);
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
    told.will(Answer::Refuses("never heard of it"));
    let back = json!({"payment": payment, "method": "cash", "amount": amount("9.90")});
    let (status, given) = staff.post(&format!("/admin/v1/orders/{sold}/refunds"), &back).await;
    assert_eq!((status, &given["payment_status"]), (201, &json!("refunded")), "{given}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_that_is_asked_twice_gets_one_request_and_its_name_of_it_is_kept() {
    let told = Told::new();
    let world = World::with_payments(settings(), Payments::by(told.clone()), Topics::Off).await;
    world.sell(&[("MUG", 990)]).await;
    let order = world.place("MUG").await.order;
    let staff = world.client(Caller::Owner).with("idempotency-key", "money-whose-answer-is-lost");
    let step = async |step: &str, body: &Value| {
        let (status, made) = staff.post(&format!("/admin/v1/orders/{order}/{step}"), body).await;
        (status, made)
    };
    // The answer is lost after the money was moved; whoever repeats the request gets what was moved then.
    let paid = json!({"kind": "received", "method": "card", "amount": amount("9.90")});
    told.will(Answer::MovesUnheard);
    assert_eq!(step("payments", &paid).await.0, 503);
    told.will(Answer::Moves);
    let (status, made) = step("payments", &paid).await;
    assert_eq!((status, made["payment"].as_str()), (201, Some(told.payment("mv-1").as_str())), "{made}");
    let back = json!({"payment": made["payment"], "method": "card", "amount": amount("2.00")});
    told.will(Answer::MovesUnheard);
    assert_eq!(step("refunds", &back).await.0, 503);
    told.will(Answer::Moves);
    let (status, given) = step("refunds", &back).await;
    assert_eq!((status, told.moved().len()), (201, 2), "{given}");
    assert_eq!(told.payment("mv-2"), made["payment"].as_str().unwrap(), "a refund names the payment that it is of");

    let (payments, refunds, version) = read(&world, order).await;
    assert_eq!((&payments[0]["id"], &payments[0]["provider_reference"]), (&made["payment"], &json!("mv-1")));
    assert_eq!((&refunds[0]["id"], &refunds[0]["provider_reference"]), (&given["refund"], &json!("mv-2")));
    let (_, page) = world.client(Caller::Owner).get(&format!("/admin/v1/orders/{order}/timeline")).await;
    assert_eq!(page["items"][0]["refund"]["provider_reference"], "mv-2", "{page}");

    // The replies are forgotten one day. What was recorded under a key is not recorded again, whatever the provider would say.
    world.execute("delete from replays").await;
    told.will(Answer::Refuses("never heard of it"));
    for (path, body, id) in [("payments", &paid, "payment"), ("refunds", &back, "refund")] {
        let (status, again) = step(path, body).await;
        let first = if id == "payment" { &made[id] } else { &given[id] };
        assert_eq!((status, &again[id], &again["version"]), (201, first, &version), "{again}");
    }
    assert_eq!(read(&world, order).await, (payments, refunds, version));
    world.stop().await;
}

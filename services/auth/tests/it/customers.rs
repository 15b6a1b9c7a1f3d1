//! Customers of a shop: their accounts, their tokens, and that they are nobody elsewhere.

use access::Caller;
use serde_json::{Value, json};
use testkit::problem_fields;

use crate::world::{CALM, PASSWORD, World};

fn at(shop: &str, rest: &str) -> String {
    format!("/store/v1/{shop}/customers{rest}")
}

async fn register(world: &World, shop: &str, email: &str) -> (u16, Value) {
    let body = json!({"email": email, "name": "Cleo", "password": PASSWORD});
    world.visitor().post(&at(shop, ""), &body).await
}

async fn log_in(world: &World, shop: &str, email: &str, password: &str) -> (u16, Value) {
    world.visitor().post(&at(shop, "/login"), &json!({"email": email, "password": password})).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customer_registers_logs_in_and_is_somebody_in_that_shop_only() {
    let world = World::connected(CALM).await;
    let created = world.create("lamps").await;
    world.create("chairs").await;
    let (status, tokens) = register(&world, "lamps", "Cleo@x.example").await;
    assert_eq!(status, 200, "{tokens}");
    assert_eq!(tokens["organisation"], created["organisation"]["id"]);
    let verified = world.verifier().await.verify(tokens["access_token"].as_str().unwrap()).unwrap();
    let Caller::Customer { customer, .. } = verified.caller() else { panic!("a customer") };
    assert_eq!(tokens["customer"], json!(customer));

    let (status, problem) = register(&world, "lamps", "cleo@x.example").await;
    assert_eq!((status, problem_fields(&problem)), (409, vec!["email"]), "{problem}");
    assert_eq!(log_in(&world, "chairs", "cleo@x.example", PASSWORD).await.0, 401, "another shop's account");
    assert_eq!(register(&world, "chairs", "cleo@x.example").await.0, 200, "an address may have accounts in several");
    let (status, again) = log_in(&world, "lamps", "cleo@x.example", PASSWORD).await;
    assert_eq!((status, &again["customer"]), (200, &tokens["customer"]), "{again}");

    let cleo = world.as_bearer(&tokens);
    let (status, me) = cleo.get(&at("lamps", "/me")).await;
    assert_eq!((status, &me["email"], &me["name"]), (200, &json!("cleo@x.example"), &json!("Cleo")), "{me}");
    assert_eq!(cleo.get(&at("chairs", "/me")).await.0, 403);
    for staff in ["/auth/v1/me", "/auth/v1/sessions", "/admin/v1/members", "/platform/v1/organisations"] {
        assert_eq!(cleo.get(staff).await.0, 403, "{staff}");
    }
    let owner = world.owner("lamps").await;
    assert_eq!(owner.get(&at("lamps", "/me")).await.0, 403, "the staff are no customers");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_customers_session_is_refreshed_and_ends_as_one_of_the_staff_does() {
    let world = World::quiet().await;
    world.create("lamps").await;
    let (_, tokens) = register(&world, "lamps", "cleo@x.example").await;
    let refresh = async |tokens: &Value| {
        world.visitor().post("/auth/v1/refresh", &json!({"refresh_token": tokens["refresh_token"]})).await
    };
    let (status, next) = refresh(&tokens).await;
    assert_eq!((status, &next["customer"]), (200, &tokens["customer"]), "{next}");
    assert_eq!(world.as_bearer(&next).post(&at("lamps", "/logout"), &json!({})).await, (200, json!({"ended": 1})));
    assert_eq!(refresh(&next).await.0, 401);

    let (_, tokens) = log_in(&world, "lamps", "cleo@x.example", PASSWORD).await;
    let (_, next) = refresh(&tokens).await;
    let root = world.scene.superuser().await;
    root.batch_execute("update sessions set rotated_at = rotated_at - interval '1 minute'").await.unwrap();
    assert_eq!(refresh(&tokens).await.0, 401);
    assert_eq!(refresh(&next).await.0, 401, "a used token came again");
    let (_, tokens) = log_in(&world, "lamps", "cleo@x.example", PASSWORD).await;
    root.batch_execute("update organisations set active = false").await.unwrap();
    assert_eq!(refresh(&tokens).await.0, 403, "a suspended shop lets nobody in");
    assert_eq!(log_in(&world, "lamps", "cleo@x.example", PASSWORD).await.0, 404);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_at_a_customer_touch_no_account_of_that_address_elsewhere() {
    let world = World::quiet().await;
    world.create("lamps").await;
    register(&world, "lamps", "ana@lamps.example").await;
    let mut answers = Vec::new();
    for _ in 0..12 {
        answers.push(log_in(&world, "lamps", "ana@lamps.example", "incorrect horse battery staple").await.0);
    }
    assert!(answers[..10].iter().all(|status| *status == 401) && answers.contains(&429), "{answers:?}");
    assert_eq!(world.log_in("lamps", PASSWORD).await.0, 200, "the owner with the same address");
    let weak = json!({"email": "dan@x.example", "name": "Dan", "password": "lampslampslamps"});
    let (status, problem) = world.visitor().post(&at("lamps", ""), &weak).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["password"]), "{problem}");
    assert_eq!(register(&world, "nowhere", "cleo@x.example").await.0, 404);
    world.stop().await;
}

//! Who comes through.

use std::time::Duration;

use access::Role;
use gateway::routes::Service;
use kernel::Clock;
use reqwest::Method;
use testkit::{Client, Mint};

use crate::fake::{Echo, received};
use crate::stage::{Gateway, behaviour};

#[tokio::test]
async fn admin_needs_a_valid_token_and_the_service_gets_that_very_token() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let token = gateway.token();
    let (status, seen) = Client::new(gateway.base(), Some(&token)).get("/admin/v1/products").await;
    assert_eq!(status, 200);
    assert_eq!(received(&seen, "authorization"), Some(format!("Bearer {token}").as_str()));
    assert_eq!(echo.count(), 1);

    let past = Clock::now() - Duration::from_secs(3_600);
    let (head, _) = token.rsplit_once('.').unwrap();
    let bad = [
        String::new(),
        "nonsense".to_owned(),
        format!("{head}."),
        format!("{head}.AAAA"),
        Mint::new().token(gateway.organisation, &[Role::Owner]),
        gateway.mint.token_at(gateway.organisation, &[Role::Owner], past, Duration::from_secs(600)),
        gateway.mint.sign(&serde_json::json!({ "sub": "x" })),
    ];
    for token in bad {
        let reply = Client::new(gateway.base(), None)
            .with("authorization", &format!("Bearer {token}"))
            .send(Method::GET, "/admin/v1/products", None)
            .await;
        assert_eq!(reply.status, 401, "{token}");
        assert_eq!(reply.header("www-authenticate"), Some("Bearer error=\"invalid_token\""), "{token}");
        assert_eq!(reply.json()["type"], "/problems/unauthenticated");
    }
    for scheme in ["Basic dTpw", "Token x", "Bearer"] {
        let client = Client::new(gateway.base(), None).with("authorization", scheme);
        assert_eq!(client.get("/admin/v1/products").await.0, 401, "{scheme}");
    }
    assert_eq!(gateway.anyone().get("/admin/v1/products").await.0, 401);
    assert_eq!(echo.count(), 1, "a refused request reached the service");
}

#[tokio::test]
async fn shop_and_login_need_no_token_and_pass_on_a_bad_one_unseen() {
    let [auth, catalog] = ["auth", "catalog"].map(Echo::start);
    let gateway =
        Gateway::start(&[(Service::Auth, &[auth.address]), (Service::Catalog, &[catalog.address])], behaviour());
    assert_eq!(gateway.anyone().get("/store/v1/acme/products").await.0, 200);
    assert_eq!(gateway.anyone().post("/auth/v1/login", &serde_json::json!({})).await.0, 200);
    let (_, seen) = Client::new(gateway.base(), Some("bad")).get("/auth/v1/me").await;
    assert_eq!(received(&seen, "authorization"), Some("Bearer bad"));
}

#[tokio::test]
async fn a_key_that_is_taken_back_ends_all_its_tokens_at_once() {
    let echo = Echo::start("catalog");
    let gateway = Gateway::start(&[(Service::Catalog, &[echo.address])], behaviour());
    let staff = gateway.staff();
    assert_eq!(staff.get("/admin/v1/products").await.0, 200);
    gateway.mint.keys().remove(gateway.mint.announced().kid);
    assert_eq!(staff.get("/admin/v1/products").await.0, 401);
}

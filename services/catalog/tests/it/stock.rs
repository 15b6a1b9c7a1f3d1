//! Adjusting stock and reading its ledger.

use contracts::catalog::StockEvent;
use serde_json::json;
use testkit::{eventually, problem_fields};

use crate::world::{PATIENCE, World, product};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stock_is_counted_received_and_lost_and_the_ledger_says_so() {
    let world = World::quiet().await;
    world.create("lamp", &[("LAMP/1", 100, 10)]).await;
    let path = "/admin/v1/stock/LAMP%2F1";
    let reply = world.owner().post_reply(&format!("{path}/adjust"), &json!({"delta": 5, "reason": "delivery"})).await;
    assert_eq!((reply.status, &reply.json()["on_hand"]), (201, &json!(15)), "{}", reply.text());
    assert_eq!(reply.header("location"), Some("/admin/v1/stock/LAMP%2F1/movements"));
    let (status, counted) = world.owner().post(&format!("{path}/adjust"), &json!({"set": 12, "reason": "count"})).await;
    assert_eq!((status, &counted["available"]), (201, &json!(12)));
    let (status, problem) = world.owner().post(&format!("{path}/adjust"), &json!({"delta": -13})).await;
    assert_eq!(
        (status, &problem["type"], &problem["sku"]),
        (409, &json!("/problems/stock-conflict"), &json!("LAMP/1"))
    );
    for (wrong, faulty) in [
        (json!({}), vec!["delta"]),
        (json!({"delta": 1, "set": -2, "reason": "a\0b"}), vec!["delta", "reason", "set"]),
        (json!({"set": -1}), vec!["set"]),
        (json!({"delta": 1, "why": "x"}), vec!["why"]),
    ] {
        let (status, problem) = world.owner().post(&format!("{path}/adjust"), &wrong).await;
        assert_eq!((status, problem_fields(&problem)), (422, faulty), "{wrong}: {problem}");
    }
    assert_eq!(world.owner().post("/admin/v1/stock/NOTHING/adjust", &json!({"delta": 1})).await.0, 404);
    assert_eq!(world.owner().get("/admin/v1/stock/NOTHING").await.0, 404);

    let (_, first) = world.owner().get(&format!("{path}/movements?limit=2")).await;
    let deltas = |page: &serde_json::Value| -> Vec<i64> {
        page["items"].as_array().unwrap().iter().map(|entry| entry["on_hand"].as_i64().unwrap()).collect()
    };
    assert_eq!(deltas(&first), [-3, 5], "the latest first");
    let cursor = first["next_cursor"].as_str().unwrap();
    let (_, rest) = world.owner().get(&format!("{path}/movements?limit=2&cursor={cursor}")).await;
    assert_eq!((deltas(&rest), &rest["items"][0]["reason"]), (vec![10], &json!("initial stock")));
    world.assert_books_agree().await;
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_adjustment_happens_once_per_key() {
    let world = World::quiet().await;
    world.create("lamp", &[("LAMP", 100, 0)]).await;
    let keyed = world.owner().with("idempotency-key", "count-1");
    let body = json!({"delta": 5});
    let repeats = (0..10).map(|_| {
        let (keyed, body) = (keyed.clone(), body.clone());
        tokio::spawn(async move { keyed.post_reply("/admin/v1/stock/LAMP/adjust", &body).await })
    });
    for repeat in repeats.collect::<Vec<_>>() {
        let reply = repeat.await.unwrap();
        assert!(reply.status == 201 || reply.status == 409, "{}", reply.text());
    }
    assert_eq!(keyed.post("/admin/v1/stock/LAMP/adjust", &body).await.0, 201);
    assert_eq!(world.level("LAMP").await, (5, 0, 0));
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_warning_comes_when_stock_falls_to_its_threshold_and_once_per_fall() {
    let world = World::connected().await;
    world.create("lamp", &[("LAMP", 100, 10)]).await;
    let adjust = async |body: serde_json::Value| {
        let (status, reply) = world.owner().post("/admin/v1/stock/LAMP/adjust", &body).await;
        assert_eq!(status, 201, "{reply}");
    };
    adjust(json!({"low_threshold": 3})).await;
    adjust(json!({"set": 4})).await;
    adjust(json!({"delta": -1})).await;
    adjust(json!({"delta": -1})).await;
    adjust(json!({"set": 9})).await;
    adjust(json!({"set": 0})).await;
    let said = eventually(PATIENCE, async || {
        let said = world.said::<StockEvent>().await;
        if said.len() >= 2 { Ok(said) } else { Err(said) }
    })
    .await;
    let seen: Vec<_> = said
        .iter()
        .map(|(envelope, StockEvent::Low(low))| (envelope.aggregate_version, low.available, low.threshold))
        .collect();
    assert_eq!(seen, [(4, 3, 3), (7, 0, 3)]);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_warning_comes_too_when_the_threshold_rises_to_what_is_there() {
    let world = World::connected().await;
    let mut lamp = product("lamp", &[("LAMP", 100, 2), ("BULB", 100, 9)]);
    lamp["variants"][0]["low_threshold"] = json!(5);
    let (status, created) = world.owner().post("/admin/v1/products", &lamp).await;
    assert_eq!(status, 201, "{created}");
    for body in [
        json!({"low_threshold": 3}),
        json!({"low_threshold": 9}),
        json!({"low_threshold": 10}),
        json!({"low_threshold": 2}),
        json!({"set": 0}),
    ] {
        let (status, reply) = world.owner().post("/admin/v1/stock/BULB/adjust", &body).await;
        assert_eq!(status, 201, "{reply}");
    }
    let said = eventually(PATIENCE, async || {
        let said = world.said::<StockEvent>().await;
        if said.len() >= 3 { Ok(said) } else { Err(said) }
    })
    .await;
    let mut seen: Vec<_> =
        said.iter().map(|(_, StockEvent::Low(low))| (low.sku.as_str(), low.available, low.threshold)).collect();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [("BULB", 0, 2), ("BULB", 9, 9), ("LAMP", 2, 5)],
        "raised to what is there, fallen, and created below its threshold"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn explaining_a_level_costs_the_same_however_long_its_ledger_is() {
    let world = World::quiet().await;
    world.create("lamp", &[("LAMP", 100, 10)]).await;
    // The program appends no movements without a level; the database sums them all the same, as it does those of an older release.
    world
        .execute(
            "insert into movements (org_id, sku, variant_id, kind, on_hand_delta, reserved_delta, held_delta, actor, occurred_at)
             select org_id, sku, variant_id, 'adjust', 1 - 2 * (n % 2), 0, 0, 'x', now() from stock, generate_series(1, 20000) n;
             analyze movements; analyze ledger_sums",
        )
        .await;
    let read = "select seq_tup_read + coalesce(idx_tup_fetch, 0) from pg_stat_user_tables where relname = 'movements'";
    let explained = async || {
        let (status, why) = world.owner().get("/admin/v1/stock/LAMP/explain").await;
        assert_eq!((status, &why["ledger_agrees"]), (200, &json!(true)), "{why}");
        assert_eq!(why["steps"][0]["entries"], json!(20_001), "{why}");
    };
    let before: i64 = world.value(read).await.parse().unwrap();
    explained().await;
    // What the service has read is counted once its connection is at rest.
    let fetched = eventually(PATIENCE, async || {
        let fetched = world.value(read).await.parse::<i64>().unwrap() - before;
        if fetched > 0 { Ok(fetched) } else { Err(fetched) }
    })
    .await;
    assert!(fetched <= 1_000, "{fetched} entries were read");
    world.assert_books_agree().await;
    world.stop().await;
}

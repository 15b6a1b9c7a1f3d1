//! Everything that changes stock, at once, on two programs of which one after the other is killed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use contracts::order::OrderEvent;
use kernel::OrderId;
use serde_json::{Value, json};
use testkit::{Caller, Program, Scene, eventually, publish};
use uuid::Uuid;

use crate::availability::last_said;
use crate::orders::{cancelled, confirmed, placed};
use crate::world::{PATIENCE, books_that_differ, product};

const SKUS: [&str; 3] = ["A", "B", "HOT"];

/// A number below `end`, whichever.
fn any(end: u128) -> u128 {
    Uuid::new_v4().as_u128() % end
}

/// What somebody does with the stock: the end of the path, and the body.
fn deed() -> (&'static str, Value) {
    let pieces = i64::try_from(any(30)).unwrap();
    // Many of these are refused, since so many are not there, and change nothing.
    let place = ["default", "hanoi", "hue"][usize::try_from(any(3)).unwrap()];
    match any(8) {
        0 => ("adjust", json!({"delta": pieces, "location": place})),
        1 => ("adjust", json!({"delta": -pieces, "location": place})),
        2 => ("adjust", json!({"set": pieces + 20})),
        3 => ("count", json!({"counted": pieces, "location": place})),
        6 => ("transfer", json!({"to": "hanoi", "pieces": pieces / 3 + 1})),
        7 => ("transfer", json!({"from": "hanoi", "to": "hue", "pieces": pieces / 3 + 1})),
        4 => ("adjust", json!({"safety_stock": pieces / 4, "backorder": {"policy": "up-to", "pieces": pieces + 1}})),
        _ => ("adjust", json!({"safety_stock": 0, "backorder": {"policy": "no"}})),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_is_the_level_whatever_is_done_at_once_and_whoever_is_killed() {
    const KILLS: usize = 4;
    let scene = Arc::new(Scene::new(catalog::NAME, catalog::MIGRATIONS).await);
    let serve = || Program::serve(&scene, env!("CARGO_BIN_EXE_catalog"), &[("SWEEP_INTERVAL_MILLISECONDS", "50")]);
    let mut programs = [serve(), serve()];
    let bases = Arc::new(Mutex::new(programs.iter().map(|program| program.base().to_owned()).collect::<Vec<_>>()));
    scene.announce().await;
    let lamp = product("lamp", &SKUS.map(|sku| (sku, 500, 40))).to_string().into_bytes();
    let first = scene.client(programs[0].base(), Caller::Owner).with("idempotency-key", "lamp");
    eventually(PATIENCE, async || {
        let sent = first.try_send(reqwest::Method::POST, "/admin/v1/products", Some(lamp.clone())).await;
        sent.is_ok_and(|reply| reply.status == 201)
    })
    .await;

    for code in ["hanoi", "hue"] {
        let owner = scene.client(programs[0].base(), Caller::Owner);
        let (status, created) =
            owner.post("/admin/v1/locations", &json!({"code": code, "name": code, "priority": 1})).await;
        assert_eq!(status, 201, "{created}");
    }

    let (stop, done) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let staff = (0..3).map(|_| {
        let (scene, bases) = (Arc::clone(&scene), Arc::clone(&bases));
        let (stop, done) = (Arc::clone(&stop), Arc::clone(&done));
        tokio::spawn(async move {
            while !stop.load(Ordering::Relaxed) {
                let base = bases.lock().unwrap()[usize::try_from(any(2)).unwrap()].clone();
                let (what, body) = deed();
                let sku = SKUS[usize::try_from(any(3)).unwrap()];
                let path = format!("/admin/v1/stock/{sku}/{what}");
                let owner = scene.client(&base, Caller::Owner).with("idempotency-key", &Uuid::new_v4().to_string());
                let body = body.to_string().into_bytes();
                if let Ok(reply) = owner.try_send(reqwest::Method::POST, &path, Some(body)).await
                    && reply.status == 201
                {
                    done.fetch_add(1, Ordering::Relaxed);
                }
            }
        })
    });
    let staff: Vec<_> = staff.collect();
    let shoppers = {
        let (scene, stop) = (Arc::clone(&scene), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut orders = 0_usize;
            while !stop.load(Ordering::Relaxed) {
                let mut records = Vec::new();
                for _ in 0..10 {
                    let order = OrderId::new();
                    let mut tell = |version: i64, event: &OrderEvent| {
                        records.push(publish(Some(scene.organisation()), version, event));
                    };
                    // Some wait so long that nobody confirms in time.
                    let seconds = if any(5) == 0 { -120 } else { 300 };
                    tell(
                        1,
                        &placed(order, &[("HOT", 1, 500), (SKUS[usize::try_from(any(2)).unwrap()], 2, 500)], seconds),
                    );
                    tell(2, &if any(3) == 0 { cancelled(order) } else { confirmed(order) });
                    orders += 1;
                }
                scene.send(&records).await;
            }
            orders
        })
    };
    let root = scene.superuser().await;
    for round in 0..KILLS {
        let wanted = done.load(Ordering::Relaxed) + 25;
        eventually(PATIENCE, async || done.load(Ordering::Relaxed) >= wanted).await;
        // The one that was there is killed when it is dropped.
        drop(std::mem::replace(&mut programs[round % 2], serve()));
        scene.announce().await;
        programs[round % 2].base().clone_into(&mut bases.lock().unwrap()[round % 2]);
        assert_eq!(ledgers_that_differ(&root).await, 0, "in the middle of it");
    }
    stop.store(true, Ordering::Relaxed);
    for one in staff {
        one.await.unwrap();
    }
    let orders = i64::try_from(shoppers.await.unwrap()).unwrap();
    eventually(PATIENCE, async || {
        let ended = "select count(*) from reservations where state in ('held', 'released', 'expired', 'rejected')";
        let ended: i64 = root.query_one(ended, &[]).await.unwrap().get(0);
        if ended == orders { Ok(()) } else { Err((ended, orders)) }
    })
    .await;
    assert_eq!(books_that_differ(&root).await, 0);
    assert_eq!(last_said(&scene).await.len(), SKUS.len());
    println!("{} changes of staff, {orders} orders, {KILLS} kills", done.load(Ordering::Relaxed));
    for program in &mut programs {
        assert_eq!(program.stop().await.code(), Some(0));
    }
}

/// SKUs whose level is not the sum of its movements, and places whose level is not that of theirs, at this very moment. Every entry
/// of the ledger is read.
async fn ledgers_that_differ(root: &tokio_postgres::Client) -> i64 {
    let sums = "select (select count(*) from (
                   select org_id, sku, location, on_hand from location_levels
                   union all select org_id, sku, null, on_hand - located from stock) l
                 left join (select org_id, sku, location, sum(on_hand_delta) as pieces from movements group by 1, 2, 3) p
                   on p.org_id = l.org_id and p.sku = l.sku and p.location is not distinct from l.location
                 where l.on_hand <> coalesce(p.pieces, 0)) + (select count(*) from stock s
                left join (select org_id, sku, sum(on_hand_delta) h, sum(reserved_delta) r, sum(held_delta) k
                           from movements group by 1, 2) m on m.org_id = s.org_id and m.sku = s.sku
                where (s.on_hand, s.reserved, s.held) is distinct from (coalesce(m.h, 0), coalesce(m.r, 0), coalesce(m.k, 0))
                   or least(s.on_hand, s.reserved, s.held) < 0)";
    root.query_one(sums, &[]).await.unwrap().get(0)
}

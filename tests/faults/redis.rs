//! Redis dead, and Redis worse than dead: accepting connections and answering nothing, or late, or having forgotten everything.

use std::time::{Duration, Instant};

use e2e::{PATIENCE, Shop, Store, alone, invariants, within};
use futures::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use testkit::{Client, Scene, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::{LOGINS, WISHES};

/// What happens to Redis.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    Killed,
    Stopped,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_is_killed_is_missed_by_nobody() {
    without_redis(Fault::Killed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_hangs_is_missed_by_nobody() {
    without_redis(Fault::Stopped).await;
}

async fn without_redis(fault: Fault) {
    let mut store = alone(&WISHES).await;
    let shop = Shop::open(&store, "cached").await;
    shop.sell(&store, &[("READ", 100, 50), ("LIST", 200, 50)]).await;
    let product = shop.product("read").await["id"].as_str().unwrap().to_owned();
    let paths =
        [format!("/store/v1/{}/products/{product}", shop.slug), format!("/store/v1/{}/products?limit=20", shop.slug)];
    let gateways = store.gateways();
    let limits_before = limited_after(&store, &shop).await;
    let before = read(&gateways, &paths).await;

    let redis = &mut store.servers.as_mut().unwrap().redis.server;
    match fault {
        Fault::Killed => redis.kill().await,
        Fault::Stopped => redis.pause(),
    }
    let during = read(&gateways, &paths).await;
    assert_eq!(during.bodies, before.bodies, "the answers differ without Redis");
    let limits_during = limited_after(&store, &shop).await;
    println!(
        "Redis {fault:?}: reads p50 {:.1?} p99 {:.1?} slowest {:.1?} (before: p50 {:.1?} p99 {:.1?}); the login limit of \
         {LOGINS} a minute held after {limits_during} requests (before: {limits_before})",
        within(&during.times, 0.5),
        within(&during.times, 0.99),
        within(&during.times, 1.0),
        within(&before.times, 0.5),
        within(&before.times, 0.99),
    );
    // Half a second on a quiet machine; on a busy one the reads with Redis are slow too.
    let bound = Duration::from_millis(500).max(within(&before.times, 0.99) * 4);
    assert!(within(&during.times, 0.99) < bound, "p99 {:?}", within(&during.times, 0.99));
    // Each gateway grants its share; together they never grant much more than the whole.
    let whole: usize = LOGINS.parse().unwrap();
    assert!((whole / 2..=2 * whole).contains(&limits_during), "{limits_during} of {whole} granted");

    // What is changed meanwhile is seen meanwhile, and is not forgotten when Redis comes back with what it had.
    let path = format!("/admin/v1/products/{product}");
    let (status, changed) =
        shop.owner.clone().with("if-match", "\"1\"").patch(&path, &json!({"title": "Renamed"})).await;
    assert_eq!(status, 200, "{changed}");
    let placed = shop.place(&[("READ", 1)]).await;
    shop.reaches(placed.order, "confirmed").await;
    sees(&store, &paths[0], "Renamed").await;

    let redis = &mut store.servers.as_mut().unwrap().redis.server;
    match fault {
        Fault::Killed => redis.restart().await.unwrap(),
        Fault::Stopped => redis.resume(),
    }
    tokio::join!(sees(&store, &paths[0], "Renamed"), sees(&store, &paths[1], "Renamed"));
    let after = read(&gateways, &paths).await;
    assert_ne!(after.bodies, before.bodies);

    // It forgets everything again and again, or answers around the limit of our patience.
    let address = store.cluster.redis_url.trim_start_matches("redis://").to_owned();
    let redis = &mut store.servers.as_mut().unwrap().redis.server;
    let unwell = async {
        let mut connection = TcpStream::connect(address).await.unwrap();
        loop {
            match fault {
                Fault::Killed => {
                    connection.write_all(b"FLUSHALL\r\n").await.unwrap();
                    connection.read_exact(&mut [0; 5]).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(3)).await;
                }
                Fault::Stopped => {
                    redis.pause();
                    tokio::time::sleep(Duration::from_millis(25)).await;
                    redis.resume();
                    tokio::time::sleep(Duration::from_millis(25)).await;
                }
            }
        }
    };
    let seen = tokio::select! { seen = read(&gateways, &paths) => seen, () = unwell => panic!("it got well") };
    store.servers.as_mut().unwrap().redis.server.resume();
    assert_eq!(seen.bodies, after.bodies);
    let bound = Duration::from_millis(500).max(within(&after.times, 0.99) * 4);
    assert!(within(&seen.times, 0.99) < bound, "p99 {:?}", within(&seen.times, 0.99));
    let (status, changed) = shop.owner.clone().with("if-match", "*").patch(&path, &json!({"title": "Again"})).await;
    assert_eq!(status, 200, "{changed}");
    sees(&store, &paths[0], "Again").await;
    invariants::assert_sound(&store, &[]).await;
}

/// What many readers saw.
struct Seen {
    /// The one body of each path.
    bodies: Vec<Value>,
    times: Vec<Duration>,
}

/// Eight readers, each reading every path sixty times by every gateway in turn. All get 200 and the same.
async fn read(gateways: &[String], paths: &[String]) -> Seen {
    let readers = (0..8_usize).map(|reader| {
        let clients: Vec<Client> = gateways.iter().map(|gateway| Client::new(gateway, None)).collect();
        async move {
            let mut seen = vec![];
            for round in 0..60 {
                for (at, path) in paths.iter().enumerate() {
                    let begun = Instant::now();
                    let reply = clients[(reader + round) % clients.len()].send(Method::GET, path, None).await;
                    assert_eq!(reply.status, 200, "{path}: {}", reply.text());
                    seen.push((at, begun.elapsed(), reply.json()));
                }
            }
            seen
        }
    });
    let seen: Vec<_> = join_all(readers).await.into_iter().flatten().collect();
    let times = seen.iter().map(|(_, time, _)| *time).collect();
    let bodies = (0..paths.len())
        .map(|path| {
            let mut bodies = seen.iter().filter(|(at, ..)| *at == path).map(|(_, _, body)| body);
            let first = bodies.next().unwrap();
            let other = bodies.find(|body| *body != first);
            assert_eq!(other, None, "another reader of {} saw {first}", paths[path]);
            first.clone()
        })
        .collect();
    Seen { bodies, times }
}

/// Waits until nobody has seen anything else for a while: what one replica has to tell Redis, another may still read.
async fn sees(store: &Store, path: &str, word: &str) {
    const LONG_ENOUGH: Duration = Duration::from_secs(3);
    let readers: Vec<Client> = store.gateways().iter().map(|gateway| Client::new(gateway, None)).collect();
    let mut since = Instant::now();
    let mut turn = 0;
    eventually(PATIENCE, async || {
        turn += 1;
        let (status, body) = readers[turn % readers.len()].get(path).await;
        if status != 200 || !body.to_string().contains(word) {
            since = Instant::now();
        }
        if since.elapsed() > LONG_ENOUGH { Ok(()) } else { Err((status, body)) }
    })
    .await;
}

/// How many logins of a fresh address were let through to auth before the limit said 429.
async fn limited_after(store: &Store, shop: &Shop) -> usize {
    let address = Scene::own_address();
    let clients: Vec<Client> =
        store.gateways().iter().map(|gateway| Client::new(gateway, None).from_address(address)).collect();
    // Counted before it is looked at, so the body need not cost a password's hash.
    let body = json!({"organisation": shop.slug});
    for sent in 0..1_000 {
        let reply = clients[sent % clients.len()].post_reply("/auth/v1/login", &body).await;
        match reply.status {
            422 => {}
            429 => {
                assert_eq!(reply.json()["type"], "/problems/rate-limited");
                assert!(reply.header("retry-after").is_some());
                return sent;
            }
            status => panic!("{status} {}", reply.text()),
        }
    }
    panic!("1000 logins of one address and no limit");
}

//! The cache and the limits against Redis as it is: present, silent, stopped, killed, restarted.
//! The rule: each test has a server of its own, so that it may mistreat it.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may stop at the first surprise, as tests do")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cache::limits::{Limits, Quota};
use cache::{Cache, Key, Redis};
use devstack::{Place, Redis as Server};
use kernel::OrganisationId;

async fn start() -> Server {
    Server::start(Place::temporary("cache").unwrap()).await.unwrap()
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within 20 seconds");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

struct Source {
    loads: AtomicU32,
}

impl Source {
    fn new() -> Arc<Self> {
        Arc::new(Self { loads: AtomicU32::new(0) })
    }

    async fn load(&self) -> Result<Bytes, String> {
        let load = self.loads.fetch_add(1, Ordering::SeqCst) + 1;
        Ok(Bytes::from(format!("answer {load}")))
    }

    fn loads(&self) -> u32 {
        self.loads.load(Ordering::SeqCst)
    }
}

fn cache_at(url: &str) -> Cache {
    Cache::new(Redis::open(url).unwrap(), "test", Duration::from_secs(60))
}

/// Reads until Redis has kept the answer: with a busy machine a fill may miss its 20 ms.
async fn warm(cache: &Cache, key: &Key, source: &Source) -> Bytes {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let before = source.loads();
        let answer = cache.bytes(key, || source.load()).await.unwrap();
        if source.loads() == before {
            return answer;
        }
        assert!(Instant::now() < deadline, "nothing was kept within 20 seconds");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_kept_until_it_is_invalidated() {
    let server = start().await;
    let (cache, source) = (cache_at(&server.url()), Source::new());
    let organisation = OrganisationId::new();
    let key = Key::new(organisation, "product", "p1");
    let kept = warm(&cache, &key, &source).await;
    assert!(cache.invalidate(&key).await);
    let fresh = cache.bytes(&key, || source.load()).await.unwrap();
    assert_ne!(fresh, kept);

    // Another organisation's thing of the same name is another thing.
    let other = Key::new(OrganisationId::new(), "product", "p1");
    let before = source.loads();
    cache.bytes(&other, || source.load()).await.unwrap();
    assert_eq!(source.loads(), before + 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_invalidated_at_once_and_kept_anew() {
    let server = start().await;
    let (cache, source) = (cache_at(&server.url()), Source::new());
    let organisation = OrganisationId::new();
    let keys = ["a", "b"].map(|thing| Key::new(organisation, "list", thing));
    let outside = Key::new(organisation, "product", "a");
    let mut kept = Vec::new();
    for key in &keys {
        kept.push(warm(&cache, key, &source).await);
    }
    let stays = warm(&cache, &outside, &source).await;
    assert!(cache.invalidate_group(organisation, "list").await);
    for (key, old) in keys.iter().zip(&kept) {
        assert_ne!(&warm(&cache, key, &source).await, old);
    }
    assert_eq!(cache.bytes(&outside, || source.load()).await.unwrap(), stays);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_began_before_an_invalidation_is_not_kept() {
    let server = start().await;
    let (cache, source) = (cache_at(&server.url()), Source::new());
    let key = Key::new(OrganisationId::new(), "product", "p1");
    // Connects, so that the invalidation inside has its 20 ms for itself.
    warm(&cache, &Key::new(OrganisationId::new(), "other", "x"), &source).await;
    let stale = cache
        .bytes(&key, || async {
            // The row is read, then somebody changes it and invalidates.
            assert!(cache.invalidate(&key).await);
            Ok::<_, String>(Bytes::from_static(b"stale"))
        })
        .await
        .unwrap();
    assert_eq!(stale, "stale");
    assert_ne!(cache.bytes(&key, || source.load()).await.unwrap(), "stale");
}

/// Redis forgets everything, tombstones and versions too.
fn flush(server: &Server) {
    let mut stream = std::net::TcpStream::connect(server.url().trim_start_matches("redis://")).unwrap();
    stream.write_all(b"FLUSHALL\r\nQUIT\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert!(text.starts_with("+OK"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_from_before_an_invalidation_is_not_kept_where_redis_has_lost_its_trace() {
    let server = start().await;
    let (cache, source) = (cache_at(&server.url()), Source::new());
    let organisation = OrganisationId::new();
    // With a busy machine a fill may miss its 20 ms, so several are tried.
    for round in 0..20 {
        let key = Key::new(organisation, "product", format!("p{round}"));
        let (other, elsewhere) = (Key::new(organisation, "product", "other"), Key::new(organisation, "list", "x"));
        warm(&cache, if round < 10 { &other } else { &elsewhere }, &source).await;
        let stale = cache
            .bytes(&key, || async {
                // The row is read, then somebody changes it and invalidates, and then Redis is flushed.
                let deadline = Instant::now() + Duration::from_secs(20);
                while !cache.invalidate(&key).await {
                    assert!(Instant::now() < deadline, "Redis took no invalidation within 20 seconds");
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                flush(&server);
                if round % 2 == 0 {
                    warm(&cache, &other, &source).await;
                }
                Ok::<_, String>(Bytes::from_static(b"stale"))
            })
            .await
            .unwrap();
        assert_eq!(stale, "stale");
        assert_ne!(cache.bytes(&key, || source.load()).await.unwrap(), "stale", "round {round}");
        warm(&cache, &key, &source).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_kept_only_where_whoever_loads_it_says_so() {
    let server = start().await;
    let (cache, source) = (cache_at(&server.url()), Source::new());
    let key = Key::new(OrganisationId::new(), "list", "passing");
    for round in 1..=20 {
        let load = async || Ok::<_, String>(cache::Loaded::new(source.load().await?, false));
        assert_eq!(cache.bytes(&key, load).await.unwrap(), format!("answer {round}"));
    }
    warm(&cache, &key, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_loaded_after_an_invalidation_is_kept_at_once() {
    let server = start().await;
    let (cache, source) = (cache_at(&server.url()), Source::new());
    let key = Key::new(OrganisationId::new(), "product", "p1");
    let mut kept = warm(&cache, &key, &source).await;
    // Were the tombstone in the way, each round would take as long as it lies there.
    let began = Instant::now();
    for _ in 0..20 {
        assert!(cache.invalidate(&key).await);
        let next = warm(&cache, &key, &source).await;
        assert_ne!(next, kept);
        kept = next;
    }
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_from_before_another_process_s_invalidation_is_not_shared_after_it() {
    let server = start().await;
    let (here, there) = (cache_at(&server.url()), cache_at(&server.url()));
    let organisation = OrganisationId::new();
    let key = Key::new(organisation, "product", "p1");
    for what in ["the entry", "its group"] {
        let gate = Arc::new(tokio::sync::Semaphore::new(0));
        let began = Arc::new(tokio::sync::Semaphore::new(0));
        let (cache, slow, open, told) = (here.clone(), key.clone(), gate.clone(), began.clone());
        let before = tokio::spawn(async move {
            let load = || async {
                told.add_permits(1);
                let _open = open.acquire().await.unwrap();
                Ok::<_, String>(Bytes::from("before"))
            };
            cache.bytes(&slow, load).await.unwrap()
        });
        let _began = began.acquire().await.unwrap();
        let invalidated = match what {
            "the entry" => there.invalidate(&key).await,
            _ => there.invalidate_group(organisation, "product").await,
        };
        assert!(invalidated, "{what}");
        let load = || async { Ok::<_, String>(Bytes::from("after")) };
        let after = tokio::time::timeout(Duration::from_secs(10), here.bytes(&key, load)).await;
        assert_eq!(after.expect("a reader waited for the load from before").unwrap(), "after", "{what}");
        gate.add_permits(1);
        assert_eq!(before.await.unwrap(), "before");
        assert!(there.invalidate(&key).await);
    }
}

/// How often this server has been asked for entries.
fn asked(server: &Server) -> u32 {
    let mut stream = std::net::TcpStream::connect(server.url().trim_start_matches("redis://")).unwrap();
    stream.write_all(b"INFO commandstats\r\nQUIT\r\n").unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let calls = text.split("cmdstat_mget:calls=").nth(1).and_then(|rest| rest.split(',').next());
    calls.map_or(0, |calls| calls.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_readers_of_a_missing_entry_share_a_load() {
    let server = start().await;
    let (cache, source) = (cache_at(&server.url()), Source::new());
    let key = Key::new(OrganisationId::new(), "product", "hot");
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    let readers: Vec<_> = (0..100)
        .map(|_| {
            let (cache, source, key, gate) = (cache.clone(), source.clone(), key.clone(), gate.clone());
            tokio::spawn(async move {
                cache
                    .bytes(&key, || async {
                        let _open = gate.acquire().await.unwrap();
                        source.load().await
                    })
                    .await
                    .unwrap()
            })
        })
        .collect();
    // The load ends only after everybody has asked Redis in vain.
    until("a hundred readers have asked", || asked(&server) >= 100).await;
    gate.add_permits(100);
    for reader in readers {
        reader.await.unwrap();
    }
    // One that had its answer from Redis but had not boarded yet may load again.
    assert!(source.loads() <= 3, "{}", source.loads());
}

#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_nobody_shares_a_load_that_began_before_they_came() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cache = cache_at(&format!("redis://{gone}"));
    let key = Key::new(OrganisationId::new(), "product", "1");
    let (source, gate) = (Source::new(), Arc::new(tokio::sync::Notify::new()));
    let first = {
        let (cache, key, source, gate) = (cache.clone(), key.clone(), source.clone(), gate.clone());
        tokio::spawn(async move {
            let load = || async {
                let answer = source.load().await;
                gate.notified().await;
                answer
            };
            cache.bytes(&key, load).await.unwrap()
        })
    };
    until("the first load has begun", || source.loads() == 1).await;
    // What the first load has read is changed now, by another process, which this one hears nothing of.
    let later: Vec<_> = (0..100)
        .map(|_| {
            let (cache, key, source) = (cache.clone(), key.clone(), source.clone());
            let load = move || async move {
                let answer = source.load().await;
                tokio::time::sleep(Duration::from_millis(50)).await;
                answer
            };
            tokio::spawn(async move { cache.bytes(&key, load).await.unwrap() })
        })
        .collect();
    // Long enough for each to have asked Redis in vain; whoever has not joins later still.
    tokio::time::sleep(Duration::from_millis(200)).await;
    gate.notify_one();
    assert_eq!(first.await.unwrap(), "answer 1");
    for answer in later {
        assert_ne!(answer.await.unwrap(), "answer 1", "it began before they came");
    }
    assert!(source.loads() < 50, "{} loads for 101 readers", source.loads());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_long_is_not_kept() {
    let server = start().await;
    let (cache, organisation) = (cache_at(&server.url()), OrganisationId::new());
    for (thing, length, kept) in [("long", 262_145, false), ("longest", 262_144, true)] {
        let (key, source) = (Key::new(organisation, "product", thing), Source::new());
        let load = || async {
            source.load().await?;
            Ok::<_, String>(Bytes::from(vec![b'x'; length]))
        };
        // With a busy machine a fill may miss its 20 ms, so several are tried.
        for _ in 0..20 {
            assert_eq!(cache.bytes(&key, load).await.unwrap().len(), length);
        }
        assert_eq!(source.loads() < 20, kept, "{thing}: {} loads", source.loads());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_redis_costs_a_read_its_limit_and_then_nothing() {
    // Accepts connections (the backlog does) and never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let (cache, source) = (cache_at(&url), Source::new());
    let key = Key::new(OrganisationId::new(), "product", "p1");
    let mut slowest = Duration::ZERO;
    for _ in 0..5 {
        let began = Instant::now();
        cache.bytes(&key, || source.load()).await.unwrap();
        slowest = slowest.max(began.elapsed());
    }
    // 20 ms for the question; nothing is kept after it failed.
    assert!(slowest < Duration::from_millis(250), "{slowest:?}");
    let began = Instant::now();
    for _ in 0..1_000 {
        cache.bytes(&key, || source.load()).await.unwrap();
    }
    // Open: at most one attempt of 20 ms a second. Without the breaker this takes 20 seconds.
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    assert_eq!(source.loads(), 1_005);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_go_on_while_redis_is_stopped_and_use_it_again_afterwards() {
    let mut server = start().await;
    let (cache, source) = (cache_at(&server.url()), Source::new());
    let key = Key::new(OrganisationId::new(), "product", "p1");
    warm(&cache, &key, &source).await;
    server.server.pause();
    let before = source.loads();
    let began = Instant::now();
    for _ in 0..20 {
        cache.bytes(&key, || source.load()).await.unwrap();
    }
    assert_eq!(source.loads(), before + 20);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    server.server.resume();
    warm(&cache, &key, &source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redis_that_was_killed_and_started_again_is_found_again() {
    let mut server = start().await;
    let (cache, source) = (cache_at(&server.url()), Source::new());
    let key = Key::new(OrganisationId::new(), "product", "p1");
    warm(&cache, &key, &source).await;
    server.server.kill().await;
    for _ in 0..50 {
        cache.bytes(&key, || source.load()).await.unwrap();
    }
    server.server.restart().await.unwrap();
    // The connections of the first server must not come back out of the pool.
    warm(&cache, &key, &source).await;
}

/// Checks until Redis answered in time: the first call connects and loads the script.
async fn counted(limits: &Limits, quota: &Quota, who: &str) -> cache::limits::Decision {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let decision = limits.take(quota, who, 1).await;
        if !decision.alone {
            return decision;
        }
        assert!(Instant::now() < deadline, "Redis did not count within 20 seconds");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_count_together_and_the_quota_comes_back() {
    let server = start().await;
    let replicas = [0, 1].map(|_| Limits::new(Redis::open(&server.url()).unwrap(), 2));
    let warm_up = Quota::new("warm-up", 1_000, Duration::from_secs(1));
    for limits in &replicas {
        counted(limits, &warm_up, "x").await;
    }
    let quota = Quota::new("orders", 10, Duration::from_secs(20));
    let mut allowed = 0;
    for attempt in 0..20 {
        let decision = counted(&replicas[attempt % 2], &quota, "198.51.100.1").await;
        allowed += u32::from(decision.allowed);
        if !decision.allowed {
            assert_eq!(decision.remaining, 0);
            assert!(decision.more_after > Duration::ZERO && decision.more_after <= Duration::from_secs(21));
        }
    }
    assert_eq!(allowed, 10);
    assert!(counted(&replicas[0], &quota, "198.51.100.2").await.allowed, "somebody else has a quota of their own");

    let quick = Quota::new("quick", 1, Duration::from_millis(50));
    assert!(counted(&replicas[0], &quick, "x").await.allowed);
    let limits = &replicas[0];
    let deadline = Instant::now() + Duration::from_secs(20);
    while !counted(limits, &quick, "x").await.allowed {
        assert!(Instant::now() < deadline, "the quota never came back");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn within_any_period_no_more_pass_than_the_quota_says_and_refusals_say_when() {
    let server = start().await;
    let replicas = [0, 1].map(|_| Limits::new(Redis::open(&server.url()).unwrap(), 2));
    let warm_up = Quota::new("warm-up", 1_000, Duration::from_secs(1));
    for limits in &replicas {
        counted(limits, &warm_up, "x").await;
    }
    let period = Duration::from_secs(1);
    let quota = Quota::new("bursts", 20, period);
    let (begun, mut passed) = (Instant::now(), Vec::new());
    // Redis decided between the two moments around a check, so what it promised lies between two moments too.
    let mut promised: Option<(Instant, Instant)> = None;
    while begun.elapsed() < Duration::from_secs(5) {
        let before = Instant::now();
        let decision = counted(&replicas[passed.len() % 2], &quota, "x").await;
        let after = Instant::now();
        if decision.allowed {
            let early = promised.take().filter(|(earliest, _)| after < *earliest);
            assert_eq!(early, None, "one passed before a refusal said it would");
            passed.push((before, after));
        } else {
            let late = promised.filter(|(_, latest)| before > *latest + Duration::from_millis(1));
            assert_eq!(late, None, "none passed when a refusal said one would");
            promised = Some((before + decision.more_after, after + decision.more_after));
        }
    }
    assert!(passed.len() > 80, "only {} passed in five seconds", passed.len());
    for pair in passed.windows(21) {
        let (first, last) = (pair[0].0, pair[20].1);
        assert!(last - first >= period, "21 passed within {:?}", last - first);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_each_process_grants_its_share() {
    // Nobody listens on a port that was just given back.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let limits = Limits::new(Redis::open(&format!("redis://{gone}")).unwrap(), 4);
    let quota = Quota::new("logins", 20, Duration::from_secs(3_600));
    let mut allowed = 0;
    for _ in 0..20 {
        let decision = limits.take(&quota, "198.51.100.1", 1).await;
        assert!(decision.alone);
        allowed += u32::from(decision.allowed);
    }
    assert_eq!(allowed, 5);
    assert!(limits.take(&quota, "198.51.100.2", 1).await.allowed);
}

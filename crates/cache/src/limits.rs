//! Rate limits: GCRA in Redis, so that replicas count together.
//! The rule: a check never fails and never waits longer than the time limit of Redis; without Redis each
//! process grants its share of the quota from a bounded table.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bb8_redis::redis::Script;

use crate::redis::Redis;

/// The check and its effect in one step, by Redis' own clock. The key holds the theoretical arrival
/// time in microseconds: the moment at which the whole quota is free again.
static GCRA: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval = tonumber(ARGV[1])
local tolerance = tonumber(ARGV[2])
local arrival = tonumber(redis.call('GET', KEYS[1]) or now)
if arrival < now then arrival = now end
local next = arrival + interval * tonumber(ARGV[3])
local wait = next - tolerance - now
if wait > 0 then return {0, 0, math.ceil(wait), math.ceil(arrival - now)} end
redis.call('SET', KEYS[1], string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000) + 1)
return {1, math.floor((tolerance - (next - now)) / interval), 0, math.ceil(next - now)}",
    )
});

/// The most keys that are counted one by one while Redis is away; further ones share one count.
const MOST_LOCAL: usize = 100_000;
/// A longer name is replaced by its hash.
const LONGEST_NAME: usize = 128;

/// A limit per period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    name: &'static str,
    limit: u32,
    period: Duration,
}

impl Quota {
    /// `limit` (at least 1) per `period` (at least a millisecond), also all at once.
    /// `name` separates quotas.
    #[must_use]
    pub fn new(name: &'static str, limit: u32, period: Duration) -> Self {
        Self { name, limit: limit.max(1), period: period.max(Duration::from_millis(1)) }
    }
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is within the quota.
    pub allowed: bool,
    /// How many more are within the quota now.
    pub remaining: u32,
    /// The time until it will be; zero when it is.
    pub retry_after: Duration,
    /// The time until the whole quota is free again.
    pub reset_after: Duration,
    /// Whether this process decided alone, because Redis was away.
    pub alone: bool,
}

/// Checks quotas. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Limits {
    redis: Redis,
    replicas: u32,
    began: Instant,
    local: Arc<Mutex<HashMap<String, u64>>>,
}

impl Limits {
    /// `replicas` processes share a quota while Redis is away.
    #[must_use]
    pub fn new(redis: Redis, replicas: u32) -> Self {
        Self { redis, replicas: replicas.max(1), began: Instant::now(), local: Arc::default() }
    }

    /// Counts `count` (at least 1) for `who`, all of them or none.
    pub async fn take(&self, quota: &Quota, who: &str, count: u32) -> Decision {
        let count = count.max(1);
        let key = key(quota, who);
        let interval = interval(quota.period, quota.limit);
        let tolerance = interval.saturating_mul(u64::from(quota.limit));
        let mut check = GCRA.key(&key);
        check.arg(interval).arg(tolerance).arg(count);
        match self.redis.script::<(i64, i64, i64, i64)>(&check).await {
            Ok((allowed, remaining, retry, reset)) => Decision {
                allowed: allowed == 1,
                remaining: u32::try_from(remaining).unwrap_or(0),
                retry_after: micros(retry),
                reset_after: micros(reset),
                alone: false,
            },
            Err(_away) => self.take_alone(quota, key, count),
        }
    }

    /// The same arithmetic over this process's share.
    fn take_alone(&self, quota: &Quota, key: String, count: u32) -> Decision {
        let limit = (quota.limit / self.replicas).max(1);
        let interval = interval(quota.period, limit);
        let tolerance = interval.saturating_mul(u64::from(limit));
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut table = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let key = if table.len() >= MOST_LOCAL && !table.contains_key(&key) {
            table.retain(|_, arrival| *arrival > now);
            // Still full: new keys share one count, so that memory stays bounded.
            if table.len() >= MOST_LOCAL { format!("{}:*", quota.name) } else { key }
        } else {
            key
        };
        let arrival = table.get(&key).copied().unwrap_or(now).max(now);
        let next = arrival.saturating_add(interval.saturating_mul(u64::from(count)));
        let wait = next.saturating_sub(tolerance).saturating_sub(now);
        if wait > 0 {
            return Decision {
                allowed: false,
                remaining: 0,
                retry_after: Duration::from_micros(wait),
                reset_after: Duration::from_micros(arrival - now),
                alone: true,
            };
        }
        table.insert(key, next);
        let left = tolerance.saturating_sub(next - now) / interval;
        Decision {
            allowed: true,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            retry_after: Duration::ZERO,
            reset_after: Duration::from_micros(next - now),
            alone: true,
        }
    }
}

/// Microseconds between two, at an even rate.
fn interval(period: Duration, limit: u32) -> u64 {
    (u64::try_from(period.as_micros()).unwrap_or(u64::MAX) / u64::from(limit)).max(1)
}

fn micros(value: i64) -> Duration {
    Duration::from_micros(u64::try_from(value).unwrap_or(0))
}

fn key(quota: &Quota, who: &str) -> String {
    if who.len() <= LONGEST_NAME {
        return format!("limit:{}:{who}", quota.name);
    }
    let mut hasher = DefaultHasher::new();
    who.hash(&mut hasher);
    format!("limit:{}:#{:016x}", quota.name, hasher.finish())
}

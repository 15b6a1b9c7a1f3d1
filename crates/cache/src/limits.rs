//! How often somebody may do something: GCRA in Redis, so that replicas count together.
//! The rule: a check never fails and never waits longer than Redis' time limit; without Redis each
//! process grants its share of the quota from a bounded table.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::redis::{Redis, Script};

/// One check and its effect in one step, by Redis' own clock. The key holds the theoretical arrival
/// time in microseconds: when the bucket will be empty again.
static GCRA: Script = Script::new(
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
);

/// More keys than this share one bucket while Redis is away.
const MOST_LOCAL: usize = 100_000;
/// A longer name is replaced by its hash.
const LONGEST_NAME: usize = 128;

/// How many per how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    name: &'static str,
    limit: u32,
    period: Duration,
}

impl Quota {
    /// `limit` (at least 1) per `period` (at least a millisecond), all of it at once if need be.
    /// `name` keeps quotas apart.
    #[must_use]
    pub fn new(name: &'static str, limit: u32, period: Duration) -> Self {
        Self { name, limit: limit.max(1), period: period.max(Duration::from_millis(1)) }
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// How many.
    #[must_use]
    pub fn limit(&self) -> u32 {
        self.limit
    }

    /// Per how long.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.period
    }
}

/// The outcome of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it may be done.
    pub allowed: bool,
    /// The quota's limit, or this process's share of it.
    pub limit: u32,
    /// How many more at once after this.
    pub remaining: u32,
    /// When one more will be allowed; zero when it was.
    pub retry_after: Duration,
    /// When the whole quota will be there again.
    pub reset_after: Duration,
    /// Whether Redis was away and this process decided alone.
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

    /// Counts one for `who` and says whether it is within the quota.
    pub async fn check(&self, quota: &Quota, who: &str) -> Decision {
        self.take(quota, who, 1).await
    }

    /// Counts `count` (at least 1) at once, all or none: for who hands them out one by one without asking again.
    pub async fn take(&self, quota: &Quota, who: &str, count: u32) -> Decision {
        let count = count.max(1);
        let key = key(quota, who);
        let interval = interval(quota.period, quota.limit);
        let tolerance = interval.saturating_mul(u64::from(quota.limit));
        let answer: Result<(i64, i64, i64, i64), _> = self
            .redis
            .script(
                &GCRA,
                &[&key],
                &[interval.to_string().as_bytes(), tolerance.to_string().as_bytes(), count.to_string().as_bytes()],
            )
            .await;
        match answer {
            Ok((allowed, remaining, retry, reset)) => Decision {
                allowed: allowed == 1,
                limit: quota.limit,
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
            // Still full: the newcomers share one bucket, so that memory stays bounded.
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
                limit,
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
            limit,
            remaining: u32::try_from(left).unwrap_or(u32::MAX),
            retry_after: Duration::ZERO,
            reset_after: Duration::from_micros(next - now),
            alone: true,
        }
    }
}

/// Microseconds between two.
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

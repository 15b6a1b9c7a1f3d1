//! Rate limits: a sliding window, counted in Redis, so that replicas count together.
//! The rule: within any period of a quota's length no more pass than it says. A check never fails and never waits longer
//! than the time limit of Redis; without Redis each process grants its share of the quota from a bounded table.
//!
//! A period is counted in slots. The slot that is only partly within the period counts whole, so the bound is exact, and
//! what was taken comes back one slot late at most.

use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bb8_redis::redis::Script;

use crate::redis::Redis;

/// Slots of a period.
const SLOTS: u64 = 60;

/// The check and its effect in one step, by Redis' own clock. The key holds how many were taken in each slot; what is
/// done with them is [`Taken::take`].
static WINDOW: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local width, slots, limit, count = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local current = math.floor(now / width)
local function back(slot) return (slot + slots + 1) * width - now end
local taken, kept = 0, {}
local stored = redis.call('HGETALL', KEYS[1])
for at = 1, #stored, 2 do
  local slot, size = tonumber(stored[at]), tonumber(stored[at + 1])
  if slot < current - slots then
    redis.call('HDEL', KEYS[1], stored[at])
  else
    taken = taken + size
    kept[#kept + 1] = {slot, size}
  end
end
table.sort(kept, function(left, right) return left[1] < right[1] end)
local left = limit - taken
if count > left then
  local wait = slots * width
  for _, one in ipairs(kept) do
    left = left + one[2]
    if left >= count then wait = back(one[1]) break end
  end
  return {0, math.max(limit - taken, 0), math.ceil(wait)}
end
redis.call('HINCRBY', KEYS[1], string.format('%.0f', current), count)
redis.call('PEXPIRE', KEYS[1], math.ceil((slots + 1) * width / 1000) + 1)
return {1, left - count, math.ceil(back(kept[1] and kept[1][1] or current))}",
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
    /// At most `limit` (at least 1) within any `period` (at least a millisecond), also all at once. `name` separates
    /// quotas.
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
    /// When it is allowed: the time until something of what was taken comes back. Otherwise the time until enough of it
    /// has, if nobody takes more.
    pub more_after: Duration,
    /// Whether this process decided alone, because Redis was away.
    pub alone: bool,
}

/// Checks quotas. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Limits {
    redis: Redis,
    replicas: u32,
    began: Instant,
    local: Arc<Mutex<HashMap<String, Taken>>>,
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
        let mut check = WINDOW.key(&key);
        check.arg(slot_width(quota.period)).arg(SLOTS).arg(quota.limit).arg(count);
        match self.redis.script::<(i64, i64, i64)>(&check).await {
            Ok((allowed, remaining, more)) => Decision {
                allowed: allowed == 1,
                remaining: u32::try_from(remaining).unwrap_or(0),
                more_after: micros(more),
                alone: false,
            },
            Err(_away) => self.take_alone(quota, key, count),
        }
    }

    /// The same over this process's share.
    fn take_alone(&self, quota: &Quota, key: String, count: u32) -> Decision {
        let limit = (quota.limit / self.replicas).max(1);
        let now = u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX);
        let mut table = self.local.lock().unwrap_or_else(PoisonError::into_inner);
        let key = if table.len() >= MOST_LOCAL && !table.contains_key(&key) {
            table.retain(|_, taken| taken.matters_until > now);
            // Still full: new keys share one count, so that memory stays bounded.
            if table.len() >= MOST_LOCAL { format!("{}:*", quota.name) } else { key }
        } else {
            key
        };
        table.entry(key).or_default().take(slot_width(quota.period), limit, count, now)
    }
}

/// What was taken of a quota, by slot, the oldest first.
#[derive(Debug, Default)]
struct Taken {
    slots: VecDeque<(u64, u32)>,
    matters_until: u64,
}

impl Taken {
    /// Takes `count` at `now` if no more than `limit` are taken then within the current slot and [`SLOTS`] before it;
    /// times are microseconds.
    fn take(&mut self, width: u64, limit: u32, count: u32, now: u64) -> Decision {
        let current = now / width;
        self.slots.retain(|(slot, _)| slot + SLOTS >= current);
        let taken: u32 = self.slots.iter().map(|(_, size)| *size).sum();
        let left = limit.saturating_sub(taken);
        let back = |slot: u64| Duration::from_micros((slot + SLOTS + 1) * width - now);
        let decision = |allowed, remaining, more_after| Decision { allowed, remaining, more_after, alone: true };
        if count > left {
            let enough = self.slots.iter().scan(left, |left, (slot, size)| {
                *left += *size;
                Some((*slot, *left))
            });
            let last = enough.into_iter().find(|(_, left)| *left >= count).map(|(slot, _)| slot);
            return decision(false, left, last.map_or(Duration::from_micros(SLOTS * width), back));
        }
        match self.slots.back_mut() {
            Some((slot, size)) if *slot == current => *size += count,
            _ => self.slots.push_back((current, count)),
        }
        self.matters_until = (current + SLOTS + 1) * width;
        let oldest = self.slots.front().map_or(current, |(slot, _)| *slot);
        decision(true, left - count, back(oldest))
    }
}

/// The length of a slot, microseconds.
fn slot_width(period: Duration) -> u64 {
    u64::try_from(period.as_micros()).unwrap_or(u64::MAX).div_ceil(SLOTS)
}

fn micros(value: i64) -> Duration {
    Duration::from_micros(u64::try_from(value).unwrap_or(0))
}

fn key(quota: &Quota, who: &str) -> String {
    if who.len() <= LONGEST_NAME {
        return format!("taken:{}:{who}", quota.name);
    }
    let mut hasher = DefaultHasher::new();
    who.hash(&mut hasher);
    format!("taken:{}:#{:016x}", quota.name, hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Asks every `step` and takes whatever is given; the times at which one passed.
    fn passes(limit: u32, period: Duration, step: u64, asked: u64) -> Vec<u64> {
        let (width, mut taken) = (slot_width(period), Taken::default());
        (0..asked).map(|at| at * step).filter(|now| taken.take(width, limit, 1, *now).allowed).collect()
    }

    #[test]
    fn within_any_period_no_more_pass_than_the_quota_says() {
        let period = Duration::from_secs(60);
        for step in [10_000, 70_000, 333_333, 1_000_000] {
            let passed = passes(120, period, step, 400_000_000 / step);
            let length = u64::try_from(period.as_micros()).unwrap();
            let most = passed.iter().map(|end| passed.iter().filter(|at| **at <= *end && **at + length > *end).count());
            assert!(most.max().unwrap() <= 120, "{step}");
            // And hardly fewer: what was taken comes back one slot late at most.
            assert!(step > 500_000 || passed.len() >= 720, "{step}: {}", passed.len());
        }
    }

    #[test]
    fn what_a_refusal_promises_is_when_the_next_one_passes() {
        let (width, mut taken, mut now) = (slot_width(Duration::from_secs(60)), Taken::default(), 123_456_789);
        for round in 0..50_u64 {
            now += 777_777 * (round % 5);
            while taken.take(width, 7, 1, now).allowed {
                now += 100_000;
            }
            let wait = u64::try_from(taken.take(width, 7, 1, now).more_after.as_micros()).unwrap();
            assert!(!taken.take(width, 7, 1, now + wait - 1).allowed, "round {round}");
            now += wait;
            assert!(taken.take(width, 7, 1, now).allowed, "round {round}");
        }
    }
}

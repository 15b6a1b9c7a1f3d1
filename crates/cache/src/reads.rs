//! Cached reads: Redis first, then the source, with one load per key.
//! The rule: never the truth. Every failure falls through to the source, and an entry that raced
//! with an invalidation is not kept, while one that was loaded after it is.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bb8_redis::redis::cmd;
use bytes::Bytes;
use kernel::{Clock, OrganisationId};
use mediator::{Mediator, Query, Scope, SendError, Tenant};
use serde::Serialize;
use uuid::Uuid;

use crate::flights::{Flights, Seat, arrival};
use crate::redis::{Redis, Script};

/// Keeps an entry if there lies what the reader saw before it loaded: nothing, or the same tombstone. Another tombstone is
/// an invalidation since then. An entry of an earlier group version is replaced.
static FILL: Script = Script::new(
    "local lies = redis.call('GET', KEYS[1]) or ''
if lies == ARGV[3] or (#lies >= 8 and string.sub(lies, 1, 8) ~= string.sub(ARGV[1], 1, 8)) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1
end
return 0",
);

/// How long an invalidation keeps loads that began before it from being kept: longer than any load.
const TOMBSTONE: Duration = Duration::from_secs(15);
/// Bytes of the group's version in front of each entry.
const VERSION: usize = 8;
/// Bytes of a tombstone, fewer than any entry has. They are random: no two invalidations look the same.
const STAMP: usize = 7;

/// What is cached under: an organisation's thing of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    organisation: OrganisationId,
    group: &'static str,
    thing: String,
}

impl Key {
    /// `group` names the kind of answer (`product`, `product-list`), `thing` which one.
    #[must_use]
    pub fn new(organisation: OrganisationId, group: &'static str, thing: impl ToString) -> Self {
        Self { organisation, group, thing: thing.to_string() }
    }
}

/// Cached reads of one service. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Cache {
    redis: Redis,
    prefix: Arc<str>,
    lifetime: Duration,
    flights: Flights,
}

enum Found {
    Hit(Bytes),
    /// Not there; the group's version, to keep the next answer under, and the tombstone that lies there instead.
    Miss {
        version: [u8; VERSION],
        tombstone: Vec<u8>,
    },
    /// Redis has no answer: nothing is kept.
    Away,
}

impl Cache {
    /// `prefix` keeps services apart; `lifetime` is spread by a tenth either way, so that entries of
    /// one moment do not end in one moment.
    #[must_use]
    pub fn new(redis: Redis, prefix: &str, lifetime: Duration) -> Self {
        Self { redis, prefix: prefix.into(), lifetime, flights: Flights::default() }
    }

    /// Answers a query as JSON bytes. The caller must be permitted to ask, cached or not; a key of
    /// another organisation than the scope's is not used.
    ///
    /// # Errors
    /// The mediator's.
    pub async fn ask<Q>(
        &self,
        mediator: &Mediator,
        scope: &Scope,
        key: &Key,
        query: Q,
    ) -> Result<Bytes, SendError<Q::Error>>
    where
        Q: Query<Tenancy = Tenant>,
        Q::Reply: Serialize,
    {
        if !scope.caller.may(Q::REQUIRES) {
            return Err(SendError::Forbidden { permission: Q::REQUIRES });
        }
        let load = || async {
            let reply = mediator.ask(scope, query).await?;
            serde_json::to_vec(&reply)
                .map(Bytes::from)
                .map_err(|error| SendError::Lost(format!("the reply has no JSON form: {error}")))
        };
        if key.organisation == scope.organisation() { self.bytes(key, load).await } else { load().await }
    }

    /// Answers from Redis, or from `load`, which is then kept.
    ///
    /// # Errors
    /// Those of `load`; Redis causes none.
    pub async fn bytes<E, F>(&self, key: &Key, load: impl FnOnce() -> F) -> Result<Bytes, E>
    where
        F: Future<Output = Result<Bytes, E>>,
    {
        let name = self.entry(key);
        let found = self.find(key, &name).await;
        self.count(match &found {
            Found::Hit(_) => "hit",
            Found::Miss { .. } => "miss",
            Found::Away => "away",
        });
        if let Found::Hit(answer) = found {
            return Ok(answer);
        }
        let flight = match self.flights.board(&name) {
            Seat::Pilot(flight) => Some(flight),
            Seat::Passenger(landing) => match arrival(landing).await {
                Some(answer) => return Ok(answer),
                None => None,
            },
        };
        let answer = load().await?;
        if let Some(flight) = &flight {
            flight.land(&answer);
        }
        if let Found::Miss { version, tombstone } = found {
            self.keep(&name, version, &tombstone, &answer).await;
        }
        // Not before the answer is kept, or a reader that missed a moment ago would load again.
        drop(flight);
        Ok(answer)
    }

    /// Forgets one entry. Answers whether Redis took it; otherwise the entry lives out its lifetime.
    pub async fn invalidate(&self, key: &Key) -> bool {
        let name = self.entry(key);
        self.flights.close(|under_way| under_way == name);
        let mut bury = cmd("SET");
        let random = Uuid::new_v4().into_bytes();
        bury.arg(&name).arg(&random[random.len() - STAMP..]).arg("PX").arg(milliseconds(TOMBSTONE));
        self.redis.run::<()>(&bury).await.is_ok()
    }

    /// Forgets every entry of a group, by a new version of the group. Answers whether Redis took it.
    pub async fn invalidate_group(&self, organisation: OrganisationId, group: &'static str) -> bool {
        let name = self.group(organisation, group);
        let members = format!("{name}:");
        self.flights.close(|under_way| under_way.starts_with(&members));
        let version = Clock::now().timestamp_micros().to_be_bytes();
        let mut renew = cmd("SET");
        // Longer than any entry lives: when it goes, no entry of an earlier version is left.
        renew.arg(&name).arg(&version[..]).arg("PX").arg(milliseconds(self.lifetime * 2));
        self.redis.run::<()>(&renew).await.is_ok()
    }

    // The braces are a hash tag: in a Redis Cluster all keys of an organisation share a slot.
    fn group(&self, organisation: OrganisationId, group: &str) -> String {
        format!("{}:{{{}}}:{group}", self.prefix, organisation.uuid().simple())
    }

    fn entry(&self, key: &Key) -> String {
        format!("{}:{}", self.group(key.organisation, key.group), key.thing)
    }

    async fn find(&self, key: &Key, name: &str) -> Found {
        let group = self.group(key.organisation, key.group);
        let mut question = cmd("MGET");
        question.arg(&group).arg(name);
        let Ok(answer) = self.redis.run::<[Option<Vec<u8>>; 2]>(&question).await else { return Found::Away };
        let [version, entry] = answer;
        let version: [u8; VERSION] = version.and_then(|version| version.try_into().ok()).unwrap_or_default();
        match entry {
            Some(entry) if entry.len() >= VERSION && entry[..VERSION] == version => {
                Found::Hit(Bytes::from(entry).slice(VERSION..))
            }
            Some(tombstone) if tombstone.len() < VERSION => Found::Miss { version, tombstone },
            _ => Found::Miss { version, tombstone: Vec::new() },
        }
    }

    async fn keep(&self, name: &str, version: [u8; VERSION], tombstone: &[u8], answer: &Bytes) {
        let mut entry = Vec::with_capacity(VERSION + answer.len());
        entry.extend_from_slice(&version);
        entry.extend_from_slice(answer);
        let lifetime = milliseconds(spread(self.lifetime)).to_string();
        // A failure costs the next reader a load, and nothing else.
        let _ignored = self.redis.script::<i64>(&FILL, &[name], &[&entry, lifetime.as_bytes(), tombstone]).await;
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!("cache_reads_total", "cache" => self.prefix.to_string(), "outcome" => outcome).increment(1);
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// The duration times 0.9 to 1.1, by the clock's low digits: this needs no good randomness.
fn spread(duration: Duration) -> Duration {
    let digit = Clock::now().timestamp_subsec_micros() % 201;
    duration * (900 + digit) / 1_000
}

//! Cached reads: Redis first, then the source, with one load per key.
//! The rule: Redis is never the truth. Every failure falls through to the source. An entry that was loaded
//! before an invalidation is not stored after it, also where Redis has lost everything in between.

use std::future::Future;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bb8_redis::redis::{Script, cmd};
use bytes::Bytes;
use kernel::{Clock, OrganisationId};
use mediator::{Mediator, Query, Scope, SendError, Tenant};
use serde::Serialize;
use uuid::Uuid;

use crate::flights::{self, Flights, Joined};
use crate::redis::Redis;

/// Stores an entry if its group still has the version and the key still holds what the reader saw before it loaded: nothing, or the
/// same tombstone. Another tombstone means an invalidation since then, and another version one of the group, or that Redis was flushed
/// and may have lost a tombstone. An entry of an earlier version is replaced. The version outlives the entry.
static FILL: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "if redis.call('GET', KEYS[2]) ~= string.sub(ARGV[1], 1, 8) then
  return 0
end
local found = redis.call('GET', KEYS[1]) or ''
if found == ARGV[3] or (#found >= 8 and string.sub(found, 1, 8) ~= string.sub(ARGV[1], 1, 8)) then
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  redis.call('PEXPIRE', KEYS[2], ARGV[4])
  return 1
end
return 0",
    )
});

/// Gives a group a version unless it has one; the version that it has then.
static BEGIN: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        "local found = redis.call('GET', KEYS[1])
if found then
  return found
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]",
    )
});

/// How long an invalidation prevents the storing of loads that began before it: longer than any load.
const TOMBSTONE: Duration = Duration::from_secs(15);
/// Bytes of the group's version in front of each entry. They are random, so that no version comes again.
const VERSION: usize = 8;
/// Bytes of a tombstone, fewer than any entry has. They are random, so that no two tombstones are equal.
const STAMP: usize = 7;

/// The longest answer that is kept. A longer one is loaded each time, by one reader for all who ask at the same time, so that a few
/// large answers never push the many small ones out of Redis.
const LARGEST: usize = 262_144;

/// The name of a cached answer: organisation, group and thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    organisation: OrganisationId,
    group: &'static str,
    thing: String,
}

impl Key {
    /// `group` names the kind of answer (`product`, `product-list`), `thing` the one of its kind.
    #[must_use]
    pub fn new(organisation: OrganisationId, group: &'static str, thing: impl ToString) -> Self {
        Self { organisation, group, thing: thing.to_string() }
    }
}

/// An answer from the source. Bytes alone are kept.
#[derive(Clone, Debug)]
pub struct Loaded {
    answer: Bytes,
    is_kept: bool,
}

impl Loaded {
    /// An answer that may be given to all who ask at the same time, and is kept only if `is_kept`.
    #[must_use]
    pub fn new(answer: Bytes, is_kept: bool) -> Self {
        Self { answer, is_kept }
    }
}

impl From<Bytes> for Loaded {
    fn from(answer: Bytes) -> Self {
        Self::new(answer, true)
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
    /// Not there: the group's version, with which the next answer is stored, and the tombstone in its place, if any.
    Miss {
        version: [u8; VERSION],
        tombstone: Vec<u8>,
    },
    /// Redis did not reply: nothing is stored.
    Away,
}

impl Found {
    /// The name of the load that this caller may share: one that began with what it has seen itself. A load from before an
    /// invalidation that the caller can see has another name, whichever process the invalidation came from.
    fn flight(&self, entry: &str) -> String {
        match self {
            Self::Miss { version, tombstone } => format!("{entry}\0{version:02x?}{tombstone:02x?}"),
            Self::Hit(_) | Self::Away => format!("{entry}\0"),
        }
    }
}

impl Cache {
    /// `prefix` separates services; `lifetime` varies by a tenth, so that entries stored at the same moment
    /// do not expire at the same moment.
    #[must_use]
    pub fn new(redis: Redis, prefix: &str, lifetime: Duration) -> Self {
        Self { redis, prefix: prefix.into(), lifetime, flights: Flights::default() }
    }

    /// Answers a query as JSON bytes. The caller needs the query's permission, cached or not; a key of
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
        self.ask_and_keep(mediator, scope, key, query, |_| true).await
    }

    /// As [`Self::ask`], but keeps only replies that `is_kept` is true of. What anybody can ask for by any number of names is answered
    /// and not kept.
    ///
    /// # Errors
    /// The mediator's.
    pub async fn ask_and_keep<Q>(
        &self,
        mediator: &Mediator,
        scope: &Scope,
        key: &Key,
        query: Q,
        is_kept: impl FnOnce(&Q::Reply) -> bool,
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
            let json = serde_json::to_vec(&reply)
                .map_err(|error| SendError::Lost(format!("the reply has no JSON form: {error}")))?;
            Ok(Loaded::new(json.into(), is_kept(&reply)))
        };
        match key.organisation == scope.organisation() {
            true => self.bytes(key, load).await,
            false => load().await.map(|loaded| loaded.answer),
        }
    }

    /// Answers from Redis, or from `load`, whose answer is then stored, unless it is [`Loaded`] not to be kept.
    ///
    /// # Errors
    /// Those of `load`; Redis causes none.
    pub async fn bytes<E, L, F>(&self, key: &Key, load: impl FnOnce() -> F) -> Result<Bytes, E>
    where
        L: Into<Loaded>,
        F: Future<Output = Result<L, E>>,
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
        let flight = match self.join(&found, &name).await {
            Joined::Leader(flight) => Some(flight),
            Joined::Follower(shared) => match flights::answer(shared).await {
                Some(answer) => return Ok(answer),
                None => None,
            },
        };
        let Loaded { answer, is_kept } = load().await?.into();
        if let Some(flight) = &flight {
            flight.share(&answer);
        }
        if let (Found::Miss { version, tombstone }, true) = (found, is_kept) {
            self.store(key, version, &tombstone, &answer).await;
        }
        // Only now that the answer is stored, or a reader that missed a moment ago would load again.
        drop(flight);
        Ok(answer)
    }

    /// Joins the load that this caller may share. While Redis is away nothing tells of what another process has invalidated, so a load
    /// that began before the caller came is not for it: it waits until that is over and joins the one that begins then.
    async fn join(&self, found: &Found, entry: &str) -> Joined {
        let load = found.flight(entry);
        match (self.flights.join(&load), found) {
            (Joined::Follower(earlier), Found::Away) => {
                flights::ended(earlier).await;
                self.flights.join(&load)
            }
            (joined, _) => joined,
        }
    }

    /// Invalidates one entry. Returns whether Redis accepted it; otherwise the entry stays until it expires.
    pub async fn invalidate(&self, key: &Key) -> bool {
        let name = self.entry(key);
        let loads = format!("{name}\0");
        self.flights.close(|under_way| under_way.starts_with(&loads));
        let mut bury = cmd("SET");
        let random = Uuid::new_v4().into_bytes();
        bury.arg(&name).arg(&random[random.len() - STAMP..]).arg("PX").arg(milliseconds(TOMBSTONE));
        self.redis.run::<()>(&bury).await.is_ok()
    }

    /// Invalidates every entry of a group by giving the group a new version. Returns whether Redis accepted it.
    pub async fn invalidate_group(&self, organisation: OrganisationId, group: &'static str) -> bool {
        let name = self.group(organisation, group);
        let members = format!("{name}:");
        self.flights.close(|under_way| under_way.starts_with(&members));
        let mut renew = cmd("SET");
        renew.arg(&name).arg(&new_version()[..]).arg("PX").arg(self.lifetime_of_a_version());
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
        let version = match version.and_then(|version| version.try_into().ok()) {
            Some(version) => version,
            // Before anything is loaded, or the fill could not see that Redis was flushed since then.
            None => match self.begin(&group).await {
                Some(version) => version,
                None => return Found::Away,
            },
        };
        match entry {
            Some(entry) if entry.len() >= VERSION && entry[..VERSION] == version => {
                Found::Hit(Bytes::from(entry).slice(VERSION..))
            }
            Some(tombstone) if tombstone.len() < VERSION => Found::Miss { version, tombstone },
            _ => Found::Miss { version, tombstone: Vec::new() },
        }
    }

    /// The version of a group, which may be new.
    async fn begin(&self, group: &str) -> Option<[u8; VERSION]> {
        let mut begin = BEGIN.key(group);
        begin.arg(&new_version()[..]).arg(self.lifetime_of_a_version());
        self.redis.script::<Vec<u8>>(&begin).await.ok()?.try_into().ok()
    }

    /// In milliseconds, longer than any entry lives. Each fill begins it anew.
    fn lifetime_of_a_version(&self) -> u64 {
        milliseconds(self.lifetime * 2)
    }

    async fn store(&self, key: &Key, version: [u8; VERSION], tombstone: &[u8], answer: &Bytes) {
        if answer.len() > LARGEST {
            return;
        }
        let mut entry = Vec::with_capacity(VERSION + answer.len());
        entry.extend_from_slice(&version);
        entry.extend_from_slice(answer);
        let mut fill = FILL.key(self.entry(key));
        fill.key(self.group(key.organisation, key.group));
        fill.arg(&entry).arg(milliseconds(spread(self.lifetime))).arg(tombstone).arg(self.lifetime_of_a_version());
        // A failure costs the next reader a load, and nothing else.
        let _ignored = self.redis.script::<i64>(&fill).await;
    }

    fn count(&self, outcome: &'static str) {
        metrics::counter!("cache_reads_total", "cache" => self.prefix.to_string(), "outcome" => outcome).increment(1);
    }
}

fn new_version() -> [u8; VERSION] {
    let random = Uuid::new_v4().into_bytes();
    std::array::from_fn(|at| random[random.len() - VERSION + at])
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// The duration times 0.9 to 1.1, by the clock's low digits, which are random enough for this.
fn spread(duration: Duration) -> Duration {
    let digit = Clock::now().timestamp_subsec_micros() % 201;
    duration * (900 + digit) / 1_000
}

//! Rate limits per address and organisation: counted in Redis for all gateways together, drawn in small lots.
//!
//! The rule it keeps: within any period no more pass than `RateLimit-Policy` says, and what the headers promise holds.
//! While a lot lasts, no request of an ordinary limit waits for Redis, and a refusal is remembered here, so that a client
//! over its limit costs nothing. Without Redis each gateway grants its share by itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use cache::limits::{Decision, Limits, Quota};
use kernel::OrganisationId;
use strum::VariantArray;

use crate::headers::Text;

/// The largest lot drawn at once.
const LARGEST_LOT: u32 = 64;
/// A lot that was not used within this time is given up: its subject may come through another gateway.
const LOT_LIFE: Duration = Duration::from_secs(2);
/// A worker that asks Redis has its answer within this time.
const DRAWING: Duration = Duration::from_millis(100);
/// Subjects remembered per worker before those with expired lots are dropped.
const REMEMBERED: usize = 20_000;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Requests within any period of the same length; 0 switches a limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowances {
    /// Of one address.
    pub address: u32,
    /// Of one organisation, its shop and its staff together.
    pub organisation: u32,
    /// Of one address for logging in, setting up and whatever else can be guessed at.
    pub login: u32,
    /// The period of all limits, whole seconds.
    pub per: Duration,
}

/// A kind of limit; its name stands in headers, keys and problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Rule {
    /// Per address.
    Address,
    /// Per organisation.
    Organisation,
    /// Per address, for logging in, setting up and whatever else can be guessed at.
    Login,
}

impl Rule {
    /// Its name: "address".
    #[must_use]
    pub fn name(self) -> &'static str {
        self.into()
    }
}

/// Whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One address; of IPv6 the first 64 bits, since one customer has the whole network.
    Address(IpAddr),
    /// One organisation.
    Organisation(OrganisationId),
}

impl Subject {
    /// The subject that an address stands for.
    #[must_use]
    pub fn of_address(address: IpAddr) -> Subject {
        Subject::Address(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() & !u128::from(u64::MAX)).into()),
            address @ IpAddr::V4(_) => address,
        })
    }

    fn key(self) -> String {
        match self {
            Subject::Address(address) => address.to_string(),
            Subject::Organisation(organisation) => organisation.to_string(),
        }
    }
}

/// Whether a limit admits a request.
#[derive(Debug, Clone, Copy)]
pub struct Admission {
    /// The limit.
    pub rule: Rule,
    /// Whether the request may go on.
    pub allowed: bool,
    /// How many more are within the limit now.
    remaining: u64,
    /// The time until something of what was used is given back; when this request is not allowed, the time until the
    /// next one is.
    more_after: Duration,
}

impl Admission {
    /// Whole seconds until more are allowed, at least one.
    #[must_use]
    pub fn more_seconds(&self) -> u64 {
        seconds(self.more_after).max(1)
    }
}

/// Rounded up, so that no client comes back too early.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

/// One limit that is switched on.
struct Limit {
    rule: Rule,
    quota: Quota,
    /// How many requests are drawn from Redis at once.
    lot: u32,
    /// The `RateLimit-Policy` header.
    policy: HeaderValue,
}

/// The limits of one worker.
#[derive(Clone)]
pub struct Gate {
    redis: Limits,
    /// By rule; `None` where the limit is off.
    limits: Rc<[Option<Limit>]>,
    lots: Rc<RefCell<HashMap<(Rule, Subject), Lot>>>,
}

/// The requests that a worker may still grant to one subject without asking Redis.
#[derive(Debug)]
struct Lot {
    left: u32,
    /// What the quota holds beyond this lot.
    elsewhere: u64,
    /// When something of what was used is given back.
    more_at: Instant,
    until: Instant,
    refused_until: Option<Instant>,
    /// Since when a lot is being drawn.
    drawing: Option<Instant>,
}

impl Lot {
    fn is_being_drawn(&self, now: Instant) -> bool {
        // The request that draws may have been given up half-way.
        self.drawing.is_some_and(|since| now - since < DRAWING)
    }
}

impl Gate {
    /// `redis` is shared by all workers.
    #[must_use]
    pub fn new(redis: Limits, allowances: Allowances) -> Gate {
        let limits = Rule::VARIANTS.iter().map(|&rule| {
            let allowed = match rule {
                Rule::Address => allowances.address,
                Rule::Organisation => allowances.organisation,
                Rule::Login => allowances.login,
            };
            let policy = format!("\"{}\";q={allowed};w={}", rule.name(), allowances.per.as_secs());
            let policy = HeaderValue::from_str(&policy).ok()?;
            let lot = (allowed / 100).clamp(1, LARGEST_LOT);
            // What is left of a lot may be joined to the next one and pass two lives after it was counted.
            let period = if lot > 1 { allowances.per + 2 * LOT_LIFE } else { allowances.per };
            (allowed > 0).then(|| Limit { rule, quota: Quota::new(rule.name(), allowed, period), lot, policy })
        });
        Gate { redis, limits: limits.collect(), lots: Rc::default() }
    }

    /// Counts one request; `None` where the limit is off.
    pub async fn admit(&self, rule: Rule, subject: Subject) -> Option<Admission> {
        let limit = self.limits[rule as usize].as_ref()?;
        match self.admit_from_lot(limit, subject) {
            Some(admission) => Some(admission),
            None => Some(self.draw(limit, subject).await),
        }
    }

    /// Decides by what was drawn before; `None` when Redis has to be asked first.
    fn admit_from_lot(&self, limit: &Limit, subject: Subject) -> Option<Admission> {
        let now = Instant::now();
        let mut lots = self.lots.borrow_mut();
        if lots.len() > REMEMBERED {
            lots.retain(|_, lot| lot.until > now || lot.refused_until.is_some_and(|until| until > now));
        }
        let lot = lots.entry((limit.rule, subject)).or_insert(Lot {
            left: 0,
            elsewhere: 0,
            more_at: now,
            until: now,
            refused_until: None,
            drawing: None,
        });
        if let Some(until) = lot.refused_until {
            if until > now {
                return Some(Admission { rule: limit.rule, allowed: false, remaining: 0, more_after: until - now });
            }
            lot.refused_until = None;
        }
        if lot.until <= now {
            lot.left = 0;
        }
        if lot.left == 0 {
            return None;
        }
        lot.left -= 1;
        let admission = Admission {
            rule: limit.rule,
            allowed: true,
            remaining: lot.elsewhere.saturating_add(u64::from(lot.left)),
            more_after: lot.more_at.saturating_duration_since(now),
        };
        if lot.left < limit.lot / 2 && !lot.is_being_drawn(now) {
            // Draws the next lot before this one is used up.
            lot.drawing = Some(now);
            let (gate, rule) = (self.clone(), limit.rule);
            actix_web::rt::spawn(async move {
                if let Some(limit) = gate.limits[rule as usize].as_ref() {
                    let drawn = gate.ask(limit, subject, limit.lot).await;
                    gate.settle(limit, subject, drawn);
                }
            });
        }
        Some(admission)
    }

    /// Asks Redis: for a lot, or for this request alone while another one draws a lot.
    async fn draw(&self, limit: &Limit, subject: Subject) -> Admission {
        let now = Instant::now();
        let draws = self.lots.borrow_mut().get_mut(&(limit.rule, subject)).is_some_and(|lot| {
            let draws = !lot.is_being_drawn(now);
            if draws {
                lot.drawing = Some(now);
            }
            draws
        });
        let (granted, decision) = self.ask(limit, subject, if draws { limit.lot } else { 1 }).await;
        if draws || granted == 0 {
            self.settle(limit, subject, (granted.saturating_sub(1), decision));
        }
        Admission {
            rule: limit.rule,
            allowed: granted > 0,
            remaining: u64::from(decision.remaining) + u64::from(granted.saturating_sub(1)),
            more_after: decision.more_after,
        }
    }

    /// So many, or a single one where the quota no longer has so many.
    async fn ask(&self, limit: &Limit, subject: Subject, count: u32) -> (u32, Decision) {
        let key = subject.key();
        let decision = self.redis.take(&limit.quota, &key, count).await;
        if decision.allowed {
            return (count, decision);
        }
        if count == 1 {
            return (0, decision);
        }
        let decision = self.redis.take(&limit.quota, &key, 1).await;
        (u32::from(decision.allowed), decision)
    }

    /// Keeps what was drawn, and remembers a refusal.
    fn settle(&self, limit: &Limit, subject: Subject, (kept, decision): (u32, Decision)) {
        let now = Instant::now();
        if let Some(lot) = self.lots.borrow_mut().get_mut(&(limit.rule, subject)) {
            lot.drawing = None;
            lot.left += kept;
            lot.elsewhere = u64::from(decision.remaining);
            lot.more_at = now + decision.more_after;
            lot.until = now + LOT_LIFE;
            // A rest of the previous lot may still be used.
            lot.refused_until = (!decision.allowed && lot.left == 0).then_some(lot.more_at);
        }
    }

    /// Writes the headers of the tightest limit (draft-ietf-httpapi-ratelimit-headers-10).
    pub fn describe(&self, admissions: &[Option<Admission>], headers: &mut HeaderMap) {
        let Some(tightest) = admissions.iter().flatten().min_by_key(|one| (one.allowed, one.remaining)) else {
            return;
        };
        let mut text = Text::default();
        text.write(format_args!("\"{}\";r={};t={}", tightest.rule.name(), tightest.remaining, tightest.more_seconds()));
        if let (Some(limit), Ok(value)) = (&self.limits[tightest.rule as usize], HeaderValue::from_str(text.as_str())) {
            headers.insert(RATE_LIMIT, value);
            headers.insert(RATE_LIMIT_POLICY, limit.policy.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_customer_is_one_subject_and_a_mapped_ipv4_is_that_ipv4() {
        let of = |text: &str| Subject::of_address(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:10.0.0.1"), of("10.0.0.1"));
        assert_ne!(of("10.0.0.1"), of("10.0.0.2"));
    }
}

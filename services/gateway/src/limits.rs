//! Rate limits per address and organisation: counted in Redis for all gateways together, drawn in small lots.
//!
//! The rule it keeps: while a lot lasts, no request of an ordinary limit waits for Redis, and a refusal is remembered
//! here, so that a client over its limit costs nothing. Without Redis each gateway grants its share by itself.

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

/// The period of all limits.
const WINDOW: Duration = Duration::from_secs(60);
/// The largest lot drawn at once.
const LARGEST_LOT: u32 = 64;
/// A lot that was not used within this time is given up: its subject may come through another gateway.
const LOT_LIFE: Duration = Duration::from_secs(2);
/// Subjects remembered per worker before those with expired lots are dropped.
const REMEMBERED: usize = 20_000;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// Requests per minute; 0 switches a limit off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowances {
    /// Of one address.
    pub address: u32,
    /// Of one organisation, its shop and its staff together.
    pub organisation: u32,
    /// Of one address for logging in and setting up.
    pub login: u32,
}

/// A kind of limit; its name stands in headers, keys and problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, strum::IntoStaticStr, strum::VariantArray)]
#[strum(serialize_all = "kebab-case")]
pub enum Rule {
    /// Per address.
    Address,
    /// Per organisation.
    Organisation,
    /// Per address, for logging in and setting up.
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
    /// The time until the whole quota is free again.
    reset_after: Duration,
    /// The time until a request is allowed again, when this one is not.
    retry_after: Duration,
}

impl Admission {
    /// Whole seconds to wait, at least one.
    #[must_use]
    pub fn retry_seconds(&self) -> u64 {
        seconds(self.retry_after).max(1)
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
    /// Negative when requests were granted on credit, while a new lot was being drawn.
    left: i64,
    /// What the quota holds beyond this lot.
    elsewhere: u64,
    reset_after: Duration,
    until: Instant,
    refused_until: Option<Instant>,
    drawing: bool,
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
            let policy = format!("\"{}\";q={allowed};w={}", rule.name(), WINDOW.as_secs());
            let policy = HeaderValue::from_str(&policy).ok()?;
            (allowed > 0).then(|| Limit {
                rule,
                quota: Quota::new(rule.name(), allowed, WINDOW),
                lot: (allowed / 100).clamp(1, LARGEST_LOT),
                policy,
            })
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
            reset_after: Duration::ZERO,
            until: now,
            refused_until: None,
            drawing: false,
        });
        if let Some(until) = lot.refused_until {
            if until > now {
                return Some(Admission {
                    rule: limit.rule,
                    allowed: false,
                    remaining: 0,
                    reset_after: lot.reset_after,
                    retry_after: until - now,
                });
            }
            lot.refused_until = None;
        }
        if lot.until <= now {
            lot.left = lot.left.min(0);
        }
        let size = i64::from(limit.lot);
        let on_credit = lot.drawing && size > 1 && lot.left > -size;
        if lot.left <= 0 && !on_credit {
            // Also when one is being drawn already: that request may have been given up half-way.
            lot.drawing = true;
            return None;
        }
        lot.left -= 1;
        let admission = Admission {
            rule: limit.rule,
            allowed: true,
            remaining: lot.elsewhere.saturating_add(u64::try_from(lot.left).unwrap_or(0)),
            reset_after: lot.reset_after,
            retry_after: Duration::ZERO,
        };
        if !lot.drawing && lot.left < size / 2 {
            // Draws the next lot before this one is used up.
            lot.drawing = true;
            let (gate, rule) = (self.clone(), limit.rule);
            actix_web::rt::spawn(async move {
                if let Some(limit) = gate.limits[rule as usize].as_ref() {
                    let decision = gate.ask(limit, subject).await;
                    gate.settle(limit, subject, decision);
                }
            });
        }
        Some(admission)
    }

    async fn draw(&self, limit: &Limit, subject: Subject) -> Admission {
        let (granted, decision) = self.ask(limit, subject).await;
        self.settle(limit, subject, (granted, decision));
        if granted > 0
            && let Some(lot) = self.lots.borrow_mut().get_mut(&(limit.rule, subject))
        {
            lot.left -= 1;
        }
        Admission {
            rule: limit.rule,
            allowed: granted > 0,
            remaining: u64::from(decision.remaining) + u64::from(granted.saturating_sub(1)),
            reset_after: decision.reset_after,
            retry_after: decision.retry_after,
        }
    }

    /// A whole lot, or a single one where the quota no longer has a whole lot.
    async fn ask(&self, limit: &Limit, subject: Subject) -> (u32, Decision) {
        let key = subject.key();
        let decision = self.redis.take(&limit.quota, &key, limit.lot).await;
        if decision.allowed {
            return (limit.lot, decision);
        }
        if limit.lot == 1 {
            return (0, decision);
        }
        let decision = self.redis.take(&limit.quota, &key, 1).await;
        (u32::from(decision.allowed), decision)
    }

    fn settle(&self, limit: &Limit, subject: Subject, (granted, decision): (u32, Decision)) {
        let now = Instant::now();
        if let Some(lot) = self.lots.borrow_mut().get_mut(&(limit.rule, subject)) {
            lot.drawing = false;
            lot.left += i64::from(granted);
            lot.elsewhere = u64::from(decision.remaining);
            lot.reset_after = decision.reset_after;
            lot.until = now + LOT_LIFE;
            // A rest of the previous lot may still be used.
            lot.refused_until = (granted == 0 && lot.left <= 0).then(|| now + decision.retry_after);
        }
    }

    /// Writes the headers of the tightest limit (draft-ietf-httpapi-ratelimit-headers-10).
    pub fn describe(&self, admissions: &[Option<Admission>], headers: &mut HeaderMap) {
        let Some(tightest) = admissions.iter().flatten().min_by_key(|one| (one.allowed, one.remaining)) else {
            return;
        };
        let mut text = Text::default();
        text.write(format_args!(
            "\"{}\";r={};t={}",
            tightest.rule.name(),
            tightest.remaining,
            seconds(tightest.reset_after)
        ));
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

//! How often an address and an organisation may ask: counted in Redis for all gateways together, drawn in small lots.
//!
//! The rule it keeps: no request of an ordinary limit waits for Redis while its lot lasts, and a refusal is remembered
//! here, so that who is over the limit costs nothing. Without Redis each gateway grants its share by itself.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use cache::limits::{Decision, Limits, Quota};
use kernel::OrganisationId;

use crate::headers::Text;

/// The window that all limits are stated for.
const WINDOW: Duration = Duration::from_secs(60);
/// The largest lot drawn at once.
const LARGEST_LOT: u32 = 64;
/// A lot that was not used within this time is given up: its subject may come by another gateway.
const LOT_LIFE: Duration = Duration::from_secs(2);
/// Subjects remembered per worker before those whose lots ran out are dropped.
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

/// Which limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rule {
    /// Per address.
    Address,
    /// Per organisation.
    Organisation,
    /// Per address, for guessing passwords.
    Login,
}

impl Rule {
    const ALL: [Rule; 3] = [Rule::Address, Rule::Organisation, Rule::Login];

    /// Its name in headers, keys and problems.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Rule::Address => "address",
            Rule::Organisation => "organisation",
            Rule::Login => "login",
        }
    }
}

/// Whose requests are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One address; of IPv6 the first 64 bits, since one customer has all of those.
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

/// What a limit says about one request.
#[derive(Debug, Clone, Copy)]
pub struct Verdict {
    /// Which limit.
    pub rule: Rule,
    /// Whether the request may go on.
    pub allowed: bool,
    /// How many more may come now.
    remaining: u64,
    /// Until the whole quota is there again.
    reset_after: Duration,
    /// Until the next request may come, when this one may not.
    retry_after: Duration,
}

impl Verdict {
    /// Whole seconds to wait, at least one.
    #[must_use]
    pub fn retry_seconds(&self) -> u64 {
        seconds(self.retry_after).max(1)
    }
}

/// Rounded up, so that nobody comes too early.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

struct Kept {
    rule: Rule,
    quota: Quota,
    lot: u32,
    policy: HeaderValue,
}

/// The limits of one worker.
#[derive(Clone)]
pub struct Gate {
    limits: Limits,
    kept: Rc<[Option<Kept>; 3]>,
    lots: Rc<RefCell<HashMap<(Rule, Subject), Lot>>>,
}

/// What a worker may still grant to one subject without asking.
#[derive(Debug)]
struct Lot {
    /// Negative while a new lot is being drawn: granted on credit.
    left: i64,
    elsewhere: u64,
    reset_after: Duration,
    until: Instant,
    refused_until: Option<Instant>,
    drawing: bool,
}

impl Gate {
    /// `limits` is shared by all workers.
    #[must_use]
    pub fn new(limits: Limits, allowances: Allowances) -> Gate {
        let kept = Rule::ALL.map(|rule| {
            let allowed = match rule {
                Rule::Address => allowances.address,
                Rule::Organisation => allowances.organisation,
                Rule::Login => allowances.login,
            };
            let policy = format!("\"{}\";q={allowed};w={}", rule.name(), WINDOW.as_secs());
            let policy = HeaderValue::from_str(&policy).ok()?;
            (allowed > 0).then(|| Kept {
                rule,
                quota: Quota::new(rule.name(), allowed, WINDOW),
                lot: (allowed / 100).clamp(1, LARGEST_LOT),
                policy,
            })
        });
        Gate { limits, kept: Rc::new(kept), lots: Rc::default() }
    }

    /// Counts one request; `None` where the limit is off.
    pub async fn admit(&self, rule: Rule, subject: Subject) -> Option<Verdict> {
        let kept = self.kept[rule as usize].as_ref()?;
        if let Some(verdict) = self.grant_kept(kept, subject) {
            return Some(verdict);
        }
        Some(self.draw(kept, subject).await)
    }

    /// Answers from what was drawn before; `None` when Redis has to be asked first.
    fn grant_kept(&self, kept: &Kept, subject: Subject) -> Option<Verdict> {
        let now = Instant::now();
        let mut lots = self.lots.borrow_mut();
        if lots.len() > REMEMBERED {
            lots.retain(|_, lot| lot.until > now || lot.refused_until.is_some_and(|until| until > now));
        }
        let lot = lots.entry((kept.rule, subject)).or_insert(Lot {
            left: 0,
            elsewhere: 0,
            reset_after: Duration::ZERO,
            until: now,
            refused_until: None,
            drawing: false,
        });
        if let Some(until) = lot.refused_until {
            if until > now {
                return Some(Verdict {
                    rule: kept.rule,
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
        let size = i64::from(kept.lot);
        let on_credit = lot.drawing && size > 1 && lot.left > -size;
        if lot.left <= 0 && !on_credit {
            // Also when one is being drawn: it may have been given up half-way.
            lot.drawing = true;
            return None;
        }
        lot.left -= 1;
        let verdict = Verdict {
            rule: kept.rule,
            allowed: true,
            remaining: lot.elsewhere.saturating_add(u64::try_from(lot.left).unwrap_or(0)),
            reset_after: lot.reset_after,
            retry_after: Duration::ZERO,
        };
        if !lot.drawing && lot.left < size / 2 {
            // The next lot is on its way before this one is used up.
            lot.drawing = true;
            let (gate, rule) = (self.clone(), kept.rule);
            actix_web::rt::spawn(async move {
                if let Some(kept) = gate.kept[rule as usize].as_ref() {
                    let decision = gate.ask(kept, subject).await;
                    gate.settle(kept, subject, decision);
                }
            });
        }
        Some(verdict)
    }

    async fn draw(&self, kept: &Kept, subject: Subject) -> Verdict {
        let (granted, decision) = self.ask(kept, subject).await;
        self.settle(kept, subject, (granted, decision));
        if granted > 0
            && let Some(lot) = self.lots.borrow_mut().get_mut(&(kept.rule, subject))
        {
            lot.left -= 1;
        }
        Verdict {
            rule: kept.rule,
            allowed: granted > 0,
            remaining: u64::from(decision.remaining) + u64::from(granted.saturating_sub(1)),
            reset_after: decision.reset_after,
            retry_after: decision.retry_after,
        }
    }

    /// A whole lot, or a single one where the quota no longer has a whole lot.
    async fn ask(&self, kept: &Kept, subject: Subject) -> (u32, Decision) {
        let key = subject.key();
        let decision = self.limits.take(&kept.quota, &key, kept.lot).await;
        if decision.allowed {
            return (kept.lot, decision);
        }
        if kept.lot == 1 {
            return (0, decision);
        }
        let decision = self.limits.take(&kept.quota, &key, 1).await;
        (u32::from(decision.allowed), decision)
    }

    fn settle(&self, kept: &Kept, subject: Subject, (granted, decision): (u32, Decision)) {
        let now = Instant::now();
        if let Some(lot) = self.lots.borrow_mut().get_mut(&(kept.rule, subject)) {
            lot.drawing = false;
            lot.left += i64::from(granted);
            lot.elsewhere = u64::from(decision.remaining);
            lot.reset_after = decision.reset_after;
            lot.until = now + LOT_LIFE;
            // What is left of the lot before is still good.
            lot.refused_until = (granted == 0 && lot.left <= 0).then(|| now + decision.retry_after);
        }
    }

    /// Writes the headers of the tightest verdict (draft-ietf-httpapi-ratelimit-headers-10).
    pub fn state(&self, verdicts: &[Option<Verdict>], headers: &mut HeaderMap) {
        let Some(tightest) = verdicts.iter().flatten().min_by_key(|verdict| (verdict.allowed, verdict.remaining))
        else {
            return;
        };
        let mut text = Text::default();
        text.write(format_args!(
            "\"{}\";r={};t={}",
            tightest.rule.name(),
            tightest.remaining,
            seconds(tightest.reset_after)
        ));
        if let (Some(kept), Ok(value)) = (&self.kept[tightest.rule as usize], HeaderValue::from_str(text.as_str())) {
            headers.insert(RATE_LIMIT, value);
            headers.insert(RATE_LIMIT_POLICY, kept.policy.clone());
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

//! The store while what it stands on, and what it consists of, is killed and stopped under load. On servers of its own.
#![expect(clippy::unwrap_used, reason = "a helper of a test stops the test")]

mod kafka;
mod postgres;
mod redis;
mod services;
mod waiting;

use e2e::{Servers, Wishes};

/// The one store that all of them ill-treat, one after the other.
const WISHES: Wishes = Wishes {
    servers: Servers::Own,
    replicas: 2,
    // All shoppers are at one address, and the slower the machine is, the more of them order before a test is over. Nobody pays for
    // an order in time only where a test lets time fly.
    variables: &[
        ("LIMIT_LOGIN_PER_MINUTE", LOGINS),
        ("OPEN_ORDERS_PER_ADDRESS", "10000"),
        ("UNPAID_HOLD_MINUTES", "43200"),
    ],
};

/// Logins per minute and address: few, so that a test reaches the limit soon.
const LOGINS: &str = "60";

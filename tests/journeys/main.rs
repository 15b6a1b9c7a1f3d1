//! Journeys through the real gateways: every service as two processes, nothing faked but Telegram.
#![expect(clippy::unwrap_used, reason = "a helper of a test stops the test")]

mod access_matrix;
mod bodies;
mod categories;
mod channels;
mod chat;
mod checker;
mod clients;
mod configuration;
mod idempotency;
mod job;
mod life;
mod preconditions;
mod prices;
mod queue;
mod reads;
mod rebuild;
mod redelivery;
mod refusals;
mod saga;
mod standings;
mod storm;
mod tokens;
mod trace;
mod walls;

use e2e::{Servers, Wishes};

/// The one store that all of them share. Orders that nobody pays for are cancelled, after so long that it happens only where a test lets
/// time fly.
const WISHES: Wishes = Wishes {
    servers: Servers::Shared,
    replicas: 2,
    variables: &[("SIGNING_KEY_NOTICE_SECONDS", "6"), ("UNPAID_HOLD_MINUTES", "43200")],
};

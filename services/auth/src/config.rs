//! What the environment decides. It is read once, at the start, and every bad variable is reported at once.

use std::{num::NonZeroUsize, time::Duration};

use assembly::{Callers, Surroundings};
use base64::{Engine, engine::general_purpose::STANDARD};
use service::{Secret, config::Reader};

use crate::{
    NAME,
    credentials::{Issuer, SetupToken, TOKEN_LIFE},
    domain::{Schedule, SessionLife},
};

/// Everything that the environment decides.
#[derive(Debug)]
pub struct Config {
    /// What every service reads.
    pub surroundings: Surroundings,
    /// Signs for the issuer and audience that tokens are accepted with.
    pub issuer: Issuer,
    /// Knows the secret that allows creating organisations.
    pub setup: SetupToken,
    /// The secret that private signing keys are sealed under.
    pub signing_key_secret: Secret<[u8; 32]>,
    /// How long each stage of a signing key's life takes.
    pub schedule: Schedule,
    /// How long logins last.
    pub life: SessionLife,
    /// How many passwords may be hashed at the same time, 19 MiB each.
    pub hashes_at_once: NonZeroUsize,
}

/// The longest that verifiers and their clocks lag behind.
const MARGIN: Duration = Duration::from_secs(60);

/// Reads everything; `None` when something was reported as bad.
pub fn read(environment: &mut Reader) -> Option<Config> {
    // Everything is read before the first `?`, which would hide the variables after it.
    let surroundings = Surroundings::read(environment, NAME, 7101);
    let setup =
        environment.secret_parsed("SETUP_TOKEN", "Allows creating organisations; at least 16 characters", |text| {
            match text.len() {
                16.. => Ok(SetupToken::new(text)),
                _ => Err("must have at least 16 characters".to_owned()),
            }
        });
    let secret = environment.secret_parsed(
        "SIGNING_KEY_SECRET",
        "What private signing keys are sealed under; 32 bytes in base64",
        |text| {
            let bytes: Option<[u8; 32]> = STANDARD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
            bytes.map(Secret::new).ok_or_else(|| "must be 32 bytes in base64".to_owned())
        },
    );
    let signs_for = environment.within(
        "SIGNING_KEY_SECONDS",
        2_592_000,
        1..=31_536_000,
        "How long a key signs before the next is announced",
    );
    let known_before = environment.within(
        "SIGNING_KEY_NOTICE_SECONDS",
        60,
        1..=86_400,
        "How long a new key is published before it signs",
    );
    let idle = environment.within(
        "SESSION_IDLE_SECONDS",
        1_209_600,
        60..=31_536_000,
        "After this time without a use a login ends",
    );
    let whole =
        environment.within("SESSION_SECONDS", 7_776_000, 60..=31_536_000, "A login ends after this time in all");
    let hashes_at_once = environment.within(
        "PASSWORD_HASHES_AT_ONCE",
        2,
        1..=64,
        "Password hashes computed at the same time, 19 MiB each",
    );
    let surroundings = surroundings?;
    let Callers::Published { issuer, audience } = &surroundings.callers else { return None };
    Some(Config {
        issuer: Issuer::new(issuer, audience),
        surroundings,
        setup: setup?,
        signing_key_secret: secret?,
        schedule: Schedule {
            signs_for: Duration::from_secs(signs_for?),
            known_before: Duration::from_secs(known_before?),
            valid_after: TOKEN_LIFE + MARGIN,
        },
        life: SessionLife { idle: Duration::from_secs(idle?), whole: Duration::from_secs(whole?) },
        hashes_at_once: NonZeroUsize::new(hashes_at_once?)?,
    })
}

//! What the environment decides. It is read once, at the start, and every bad variable is reported at once.

use std::{num::NonZeroUsize, time::Duration};

use assembly::{Callers, Surroundings};
use base64::{Engine, engine::general_purpose::STANDARD};
use service::{Secret, config::Reader};

use crate::{
    NAME,
    credentials::{Issuer, SetupToken, TOKENS_OUTLIVE},
    domain::{Email, Name, NewOperator, Password, Schedule, SessionLife},
};

/// Everything that the environment decides.
#[derive(Debug)]
pub struct Config {
    /// What every service reads.
    pub surroundings: Surroundings,
    /// Signs for the issuer and audience that tokens are accepted with.
    pub issuer: Issuer,
    /// Knows the secret that allows creating organisations and operators, if there is one.
    pub setup: SetupToken,
    /// The operator that is made at the first start.
    pub first_operator: Option<NewOperator>,
    /// The secret that private signing keys are sealed under.
    pub signing_key_secret: Secret<[u8; 32]>,
    /// How long each stage of a signing key's life takes.
    pub schedule: Schedule,
    /// How long logins last.
    pub life: SessionLife,
    /// How many passwords may be hashed at the same time, 19 MiB each.
    pub hashes_at_once: NonZeroUsize,
}

/// Reads everything; `None` when something was reported as bad.
pub fn read(environment: &mut Reader) -> Option<Config> {
    // Everything is read before the first `?`, which would hide the variables after it.
    let surroundings = Surroundings::read(environment, NAME, 7101);
    let setup = environment.optional_secret_parsed(
        "SETUP_TOKEN",
        "Allows creating organisations and operators; at least 16 characters",
        |text| match text.len() {
            16.. => Ok(SetupToken::new(text)),
            _ => Err("must have at least 16 characters".to_owned()),
        },
    );
    let operator_email = environment.optional("OPERATOR_EMAIL", "The first operator, made at the first start");
    let operator_password = environment.optional_secret_parsed(
        "OPERATOR_PASSWORD",
        "The first operator's password; needed with OPERATOR_EMAIL",
        |text| Password::choose(text).map_err(|malformed| malformed.to_string()),
    );
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
        3,
        1..=64,
        "Password hashes computed at the same time, 19 MiB each",
    );
    let first_operator = first_operator(environment, operator_email, operator_password);
    let surroundings = surroundings?;
    let Callers::Published { issuer, audience } = &surroundings.callers else { return None };
    Some(Config {
        issuer: Issuer::new(issuer, audience),
        surroundings,
        setup: setup?.unwrap_or_else(SetupToken::none),
        first_operator: first_operator?,
        signing_key_secret: secret?,
        schedule: Schedule {
            signs_for: Duration::from_secs(signs_for?),
            known_before: Duration::from_secs(known_before?),
            valid_after: TOKENS_OUTLIVE,
        },
        life: SessionLife { idle: Duration::from_secs(idle?), whole: Duration::from_secs(whole?) },
        hashes_at_once: NonZeroUsize::new(hashes_at_once?)?,
    })
}

/// Address and password of the first operator: both or neither.
fn first_operator(
    environment: &mut Reader,
    email: Option<Option<String>>,
    password: Option<Option<Password>>,
) -> Option<Option<NewOperator>> {
    match (email?, password?) {
        (None, None) => Some(None),
        (Some(email), Some(password)) => match (Email::parse(&email), Name::parse("Operator")) {
            (Ok(email), Ok(name)) => Some(Some(NewOperator { email, name, password })),
            (Err(malformed), _) | (_, Err(malformed)) => environment.refuse("OPERATOR_EMAIL", malformed.to_string()),
        },
        (Some(_), None) => environment.refuse("OPERATOR_PASSWORD", "is needed with OPERATOR_EMAIL"),
        (None, Some(_)) => environment.refuse("OPERATOR_EMAIL", "is needed with OPERATOR_PASSWORD"),
    }
}

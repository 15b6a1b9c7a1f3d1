//! Access tokens, verified in this process on one core, as the gateway and every service do it.
//! The rule: a rate counts the time of verifying alone; what makes the tokens is not in it.

use std::time::{Duration, Instant};

use access::{Bearer, Claims, Grant, KeyRing, Role, SigningKey, Standing, Verifier, thumbprint};
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, ParsedPublicKey};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{Clock, KeyId, MembershipId, OrganisationId, SessionId, UserId};

use crate::Failure;

const ISSUER: &str = "https://store.example";
const AUDIENCE: &str = "cyber-store";

/// Verifications between two looks at the clock.
const BATCH: u32 = 1_000;

/// Verifications per second of one core.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rates {
    /// Of a token that is remembered.
    pub(crate) remembered: f64,
    /// Of tokens that were never seen before.
    pub(crate) new: f64,
    /// Of an Ed25519 signature over as many bytes, and nothing else.
    pub(crate) bare: f64,
}

/// Measures each rate for so long.
pub(crate) fn rates(time: Duration) -> Result<Rates, Failure> {
    let mint = Mint::new()?;
    let token = mint.token()?;
    let verifier = mint.verifier()?;
    let remembered = per_second(time, || {
        let started = Instant::now();
        for _ in 0..BATCH {
            verifier.verify(&token)?;
        }
        Ok(started.elapsed())
    })?;
    let new = per_second(time, || {
        // Used once each: what was evicted might be among those that are kept for being asked for often.
        let tokens = (0..BATCH).map(|_| mint.token()).collect::<Result<Vec<_>, _>>()?;
        let started = Instant::now();
        for token in &tokens {
            verifier.verify(token)?;
        }
        Ok(started.elapsed())
    })?;
    let key = ParsedPublicKey::new(&ED25519, mint.pair.public_key())?;
    let (content, signature) = token.rsplit_once('.').ok_or("a token has three parts")?;
    let signature = URL_SAFE_NO_PAD.decode(signature)?;
    let bare = per_second(time, || {
        let started = Instant::now();
        for _ in 0..BATCH {
            key.verify_sig(content.as_bytes(), &signature)?;
        }
        Ok(started.elapsed())
    })?;
    Ok(Rates { remembered, new, bare })
}

/// Runs batches, each of which says how long its verifications took, until these make up `time`.
fn per_second(time: Duration, mut batch: impl FnMut() -> Result<Duration, Failure>) -> Result<f64, Failure> {
    let (mut done, mut taken) = (0_u32, Duration::ZERO);
    while taken < time {
        taken += batch()?;
        done += BATCH;
    }
    Ok(f64::from(done) / taken.as_secs_f64())
}

/// Signs tokens as auth does, for somebody who manages orders.
struct Mint {
    pair: Ed25519KeyPair,
    public_key: String,
    header: String,
    grant: Grant,
}

impl Mint {
    fn new() -> Result<Self, Failure> {
        let pair = Ed25519KeyPair::generate()?;
        let public_key = URL_SAFE_NO_PAD.encode(pair.public_key());
        let standing = Standing { session: SessionId::new(), membership: MembershipId::new(), version: 1 };
        let bearer = Bearer::Person { user: UserId::new(), organisation: OrganisationId::new(), standing };
        let header = serde_json::json!({"alg": "EdDSA", "typ": bearer.token_type(), "kid": thumbprint(&public_key)});
        let grant = Grant { bearer, permissions: Role::OrderManager.permissions() };
        Ok(Self { pair, public_key, header: URL_SAFE_NO_PAD.encode(header.to_string()), grant })
    }

    fn verifier(&self) -> Result<Verifier, Failure> {
        let ring = KeyRing::new();
        ring.apply(&SigningKey { kid: KeyId::new(), public_key: self.public_key.clone() })?;
        Ok(Verifier::new(ring, ISSUER, AUDIENCE))
    }

    /// Every token differs in its own id.
    fn token(&self) -> Result<String, Failure> {
        let claims = Claims::new(ISSUER, AUDIENCE, &self.grant, Clock::now(), Duration::from_secs(600));
        let content = format!("{}.{}", self.header, URL_SAFE_NO_PAD.encode(serde_json::to_vec(&claims)?));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(content.as_bytes()));
        Ok(format!("{content}.{signature}"))
    }
}

//! Who asks: from an access token or an API key and from nothing else. What is known of both comes from auth's topics.
//!
//! The rule it keeps: the gateway holds public keys and digests only. It forwards the very token that it verified, and an
//! API key to nobody but auth.

mod exchanged;

use std::net::IpAddr;
use std::time::Duration;

use access::{ApiKeys, Bearer, KeyRejection, Organisations, PresentedKey, Rejection, Standings, Verifier};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use hyper::header::HeaderValue;
use kernel::{Clock, OrganisationId};

use crate::headers::HopByHop;
use crate::refusal::Refusal;
use exchanged::Exchanged;

/// Checks credentials, and finds the organisations of shops. Clones share what they know.
#[derive(Debug, Clone)]
pub struct Identity {
    verifier: Verifier,
    organisations: Organisations,
    standings: Standings,
    api_keys: ApiKeys,
    exchanged: Exchanged,
}

/// A credential that was checked.
#[derive(Debug, Clone, Copy)]
pub struct Checked<'a> {
    /// The organisation that it is for; an operator's is for none.
    pub organisation: Option<OrganisationId>,
    /// The API key, which has to be exchanged for an access token before the request goes on; none when the credential is
    /// an access token.
    pub key: Option<PresentedKey<'a>>,
}

impl Identity {
    /// Tokens are checked by `verifier` and held against `standings` and `api_keys`, slugs are looked up in
    /// `organisations`.
    #[must_use]
    pub fn new(verifier: Verifier, organisations: Organisations, standings: Standings, api_keys: ApiKeys) -> Identity {
        Identity { verifier, organisations, standings, api_keys, exchanged: Exchanged::default() }
    }

    /// The organisation of a shop's slug, where there is one.
    #[must_use]
    pub fn shop(&self, slug: &str) -> Option<OrganisationId> {
        self.organisations.by_slug(slug).map(|found| found.organisation)
    }

    /// The `Authorization` that stands for an API key which was checked: remembered, or from `exchange`, which also says how
    /// long the token in it is valid.
    pub async fn authorization(
        &self,
        key: &PresentedKey<'_>,
        exchange: impl AsyncFnOnce() -> Result<(HeaderValue, Duration), Refusal>,
    ) -> Result<HeaderValue, Refusal> {
        let verifies = |token: &str| self.verifier.verify(token).is_ok();
        let valid = |known: &HeaderValue| known.to_str().ok().and_then(access::bearer).is_some_and(verifies);
        self.exchanged.authorization(key.digest(), valid, exchange).await
    }

    /// The request's credential, checked; `None` where there is none. One that `Connection` makes hop-by-hop does not
    /// count, since it is not passed on.
    pub fn verify<'a>(
        &self,
        headers: &'a HeaderMap,
        hop_by_hop: &HopByHop,
        address: Option<IpAddr>,
    ) -> Result<Option<Checked<'a>>, Refusal> {
        let Some(header) = headers.get(AUTHORIZATION).filter(|_| !hop_by_hop.contains("authorization")) else {
            return Ok(None);
        };
        let credential = header.to_str().ok().and_then(access::bearer).ok_or_else(|| {
            let reason = "the Authorization header is not of the form `Bearer <token>`".to_owned();
            Refusal::Unauthenticated { reason, presented: true }
        })?;
        let checked = if credential.starts_with(PresentedKey::PREFIX) {
            let key = PresentedKey::parse(credential).ok_or_else(|| Refusal::of_key(KeyRejection::Unknown))?;
            let organisation = self.api_keys.accept(&key, address, Clock::now()).map_err(Refusal::of_key)?;
            Checked { organisation: Some(organisation), key: Some(key) }
        } else {
            Checked { organisation: self.verify_token(credential, address)?, key: None }
        };
        Ok(Some(checked))
    }

    fn verify_token(&self, token: &str, address: Option<IpAddr>) -> Result<Option<OrganisationId>, Refusal> {
        let refuse = |rejection: Rejection| Refusal::Unauthenticated { reason: rejection.to_string(), presented: true };
        let grant = self.verifier.verify(token).map_err(refuse)?.grant;
        match grant.bearer {
            Bearer::Person { standing, .. } => self.standings.check(&standing).map_err(refuse)?,
            Bearer::Integration { key, .. } => {
                self.api_keys.check(key, address, Clock::now()).map_err(Refusal::of_key)?;
            }
            Bearer::Operator { session, .. } | Bearer::Customer { session, .. } => {
                self.standings.check_session(session).map_err(refuse)?;
            }
        }
        Ok(grant.bearer.organisation())
    }

    /// Refuses whoever works for, or buys from, an organisation that is suspended.
    pub fn check_in_use(&self, checked: &Checked<'_>) -> Result<(), Refusal> {
        let suspended = |organisation| self.organisations.is_suspended(organisation);
        if checked.organisation.is_some_and(suspended) { Err(Refusal::Suspended) } else { Ok(()) }
    }
}

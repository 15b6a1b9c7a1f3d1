//! Who asks: from the verified access token and from nothing else. Keys and organisations come from auth's topics.
//!
//! The rule it keeps: the gateway holds public keys only, and forwards the very token that it verified.

use access::{Organisations, Verifier};
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use kernel::OrganisationId;

use crate::headers::HopByHop;
use crate::refusal::Refusal;

/// Verifies tokens, and finds the organisations of shops.
#[derive(Debug, Clone)]
pub struct Identity {
    verifier: Verifier,
    organisations: Organisations,
}

impl Identity {
    /// Tokens are checked by `verifier`, slugs are looked up in `organisations`.
    #[must_use]
    pub fn new(verifier: Verifier, organisations: Organisations) -> Identity {
        Identity { verifier, organisations }
    }

    /// The organisation of a shop's slug, where there is one.
    #[must_use]
    pub fn shop(&self, slug: &str) -> Option<OrganisationId> {
        self.organisations.by_slug(slug).map(|found| found.organisation)
    }

    /// The organisation of the request's token. A token that `Connection` makes hop-by-hop does not count, since it is
    /// not passed on.
    pub fn verify(&self, headers: &HeaderMap, hop_by_hop: &HopByHop) -> Result<OrganisationId, Refusal> {
        let refuse = |reason: String, presented| Refusal::Unauthenticated { reason, presented };
        let header = headers.get(AUTHORIZATION).filter(|_| !hop_by_hop.contains("authorization")).ok_or_else(|| {
            refuse("send an access token as `Authorization: Bearer …`; log in to get one".to_owned(), false)
        })?;
        let token =
            header.to_str().ok().and_then(access::bearer).ok_or_else(|| {
                refuse("the Authorization header is not of the form `Bearer <token>`".to_owned(), true)
            })?;
        let verified = self.verifier.verify(token).map_err(|rejection| refuse(rejection.to_string(), true))?;
        Ok(verified.grant.organisation)
    }
}

//! Exchanging an API key for an access token. The gateways ask for it, and keep the token for its life.
//! The rule: whether the key is unknown, wrong, revoked or expired, the answer is the same.

use access::{Bearer, Grant};
use kernel::{Clock, Secret};
use mediator::{Mediator, Platform, Scope, SendError};

use crate::{
    commands::NoteApiKeyUse,
    credentials::{ApiKeyText, Credentials},
    error::Error,
    queries::FindApiKey,
};

/// An access token of the program that has this key.
///
/// # Errors
/// `ApiKeyRefused`, `Signing` and `Storage`.
pub async fn exchange(
    mediator: &Mediator,
    credentials: &Credentials,
    visitor: &Scope<Platform>,
    text: &Secret,
) -> Result<Secret, SendError<Error>> {
    let presented = ApiKeyText::parse(text.expose()).ok_or(Error::ApiKeyRefused)?;
    let known = mediator.ask(visitor, FindApiKey { key: presented.id }).await?.ok_or(Error::ApiKeyRefused)?;
    let now = Clock::now();
    if !presented.matches(&known.hash) || known.expires_at.is_some_and(|at| at <= now) {
        return Err(Error::ApiKeyRefused.into());
    }
    mediator.send(visitor, NoteApiKeyUse { key: presented.id }).await?;
    let bearer = Bearer::Integration { key: presented.id, organisation: known.organisation };
    Ok(credentials.issuer.issue(&Grant { bearer, permissions: known.permissions }, now)?)
}

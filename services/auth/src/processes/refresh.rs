//! Staying logged in: a refresh token is exchanged for an access token and its successor, and a session is turned to another
//! organisation.
//! The rule: a token that was replaced long ago is in two hands, so it ends its session; one that was made up ends nothing.

use kernel::{Clock, SessionId, Slug, UserId};
use mediator::{Mediator, Platform, Scope, SendError};

use super::log_in::{Tokens, access_token};
use crate::{
    NAME,
    commands::{EndSessions, RefreshSession, SwitchOrganisation},
    credentials::{Credentials, RefreshToken},
    domain::{Meant, Session, Worth},
    error::Error,
    queries::{FindAccount, FindOwnAccount, FindSession},
};

/// Exchanges a refresh token. The session is turned to the organisation of `slug`, if one is given.
///
/// # Errors
/// `SessionOver`; `NotAMember` when the person does not work for the organisation, which uses nothing up; `Signing` and
/// `Storage`.
pub async fn refresh(
    mediator: &Mediator,
    credentials: &Credentials,
    visitor: &Scope<Platform>,
    token: &str,
    slug: Option<&Slug>,
) -> Result<Tokens, SendError<Error>> {
    let presented = RefreshToken::parse(token).ok_or(Error::SessionOver)?;
    let found = mediator.ask(visitor, FindSession { session: presented.id }).await?;
    let (user, turned_to) = found.ok_or(Error::SessionOver)?;
    let account = mediator.ask(visitor, FindAccount::ByUser(user)).await?.ok_or(Error::SessionOver)?;
    let seat = account.seats.iter().find(|seat| match slug {
        Some(slug) => seat.slug == *slug,
        None => seat.organisation == turned_to,
    });
    let successor = credentials.derivation.successor(&presented);
    let exchange = RefreshSession {
        session: presented.id,
        presented: presented.hash(),
        successor: successor.hash(),
        life: credentials.life,
        organisation: seat.map(|seat| seat.organisation),
    };
    let (session, worth) = mediator.send(visitor, exchange).await?.ok_or(Error::SessionOver)?;
    match worth {
        Worth::Current | Worth::JustReplaced => {}
        Worth::Over => return Err(Error::SessionOver.into()),
        Worth::NotCurrent => {
            end_if_replayed(mediator, credentials, &presented, &session).await?;
            return Err(Error::SessionOver.into());
        }
    }
    let seat = seat.ok_or(Error::NotAMember)?;
    let access = access_token(credentials, user, session.id, seat, Clock::now())?;
    let (session, organisation) = (session.id, seat.organisation);
    Ok(Tokens { access, refresh: Some(successor.text()), client: None, session, organisation, user })
}

/// Ends the session of a token that was genuine once: its holder or somebody else has its successors.
async fn end_if_replayed(
    mediator: &Mediator,
    credentials: &Credentials,
    presented: &RefreshToken,
    session: &Session,
) -> Result<(), SendError<Error>> {
    if !credentials.derivation.is_ancestor(presented, &session.refresh_hash, session.generation) {
        return Ok(());
    }
    tracing::warn!(session = %session.id, user = %session.user, "a used refresh token came again; its session ends");
    let end = EndSessions { user: session.user, meant: Meant::One(session.id) };
    match mediator.send(&Scope::platform_system(NAME), end).await {
        Ok(_) | Err(SendError::Failed(Error::UnknownSession { .. })) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Turns the caller's session to the organisation of this slug, and issues an access token for it. The refresh token stays.
///
/// # Errors
/// `NotAMember`, `UnknownSession`, `Signing` and `Storage`.
pub async fn switch(
    mediator: &Mediator,
    credentials: &Credentials,
    person: &Scope<Platform>,
    (user, session): (UserId, SessionId),
    slug: &Slug,
) -> Result<Tokens, SendError<Error>> {
    let account = mediator.ask(person, FindOwnAccount { user }).await?;
    let seat = account.seats.into_iter().find(|seat| seat.slug == *slug).ok_or(Error::NotAMember)?;
    let organisation = seat.organisation;
    mediator.send(person, SwitchOrganisation { user, session, organisation }).await?;
    let access = access_token(credentials, user, session, &seat, Clock::now())?;
    Ok(Tokens { access, refresh: None, client: None, session, organisation, user })
}

//! Staying logged in: a refresh token is exchanged for an access token and its successor, and a session is turned to another
//! organisation.
//! The rule: a token that was replaced long ago is in two hands, so it ends its session; one that was never issued ends nothing.

use kernel::{Clock, Slug};
use mediator::{Mediator, Platform, Scope, SendError};

use super::entry::{Entry, Tokens};
use crate::{
    NAME,
    commands::{EndSessions, RefreshSession},
    credentials::{Credentials, RefreshToken},
    domain::{GRACE, Holder, Meant, Session, Worth},
    error::Error,
    queries::{CustomerKey, FindAccount, FindCustomer, FindSession},
};

/// Exchanges a refresh token. A person's session is turned to the organisation of `slug`, if one is given.
///
/// # Errors
/// `SessionOver`; `NotAMember` and `NoOrganisation` when the person does not work for the organisation and `Suspended` when a customer's shop is
/// closed, which use nothing up; `Signing` and `Storage`.
pub async fn refresh(
    mediator: &Mediator,
    credentials: &Credentials,
    visitor: &Scope<Platform>,
    token: &str,
    slug: Option<&Slug>,
) -> Result<Tokens, SendError<Error>> {
    let presented = RefreshToken::parse(token).ok_or(Error::SessionOver)?;
    let found = mediator.ask(visitor, FindSession { session: presented.id }).await?;
    let entry = enter(mediator, visitor, found.ok_or(Error::SessionOver)?, slug).await?;
    let successor = credentials.derivation.successor(&presented);
    let exchange = RefreshSession {
        session: presented.id,
        presented: presented.hash(),
        successor: successor.hash(),
        life: credentials.life,
        holder: entry.as_ref().ok().map(Entry::holder),
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
    Ok(entry?.tokens(credentials, session.id, Some(successor.text()), None, Clock::now())?)
}

/// Where the holder of a session may enter now, or why nowhere. That is told to whoever proves to hold the session.
async fn enter(
    mediator: &Mediator,
    visitor: &Scope<Platform>,
    holder: Holder,
    slug: Option<&Slug>,
) -> Result<Result<Entry, Error>, SendError<Error>> {
    let (user, turned_to) = match holder {
        Holder::Customer(customer, organisation) => {
            let key = CustomerKey::Id(organisation, customer);
            let known = mediator.ask(visitor, FindCustomer { key }).await?;
            return Ok(known.map(|_| Entry::Customer(customer, organisation)).ok_or(Error::Suspended));
        }
        Holder::Operator(user) => (user, None),
        Holder::Person(user, organisation) => (user, Some(organisation)),
    };
    let Some(account) = mediator.ask(visitor, FindAccount::ByUser(user)).await? else {
        return Ok(Err(Error::SessionOver));
    };
    if turned_to.is_none() && slug.is_none() && account.is_operator {
        return Ok(Ok(Entry::Operator(user)));
    }
    let seat = account.seats.iter().find(|seat| match slug {
        Some(slug) => seat.slug == *slug,
        None => Some(seat.organisation) == turned_to,
    });
    let not_there = || match account.seats.is_empty() {
        true => Error::NoOrganisation,
        false => Error::NotAMember { organisations: account.seats.iter().map(|seat| seat.slug.clone()).collect() },
    };
    Ok(seat.map(|seat| Entry::Seat(user, seat.clone())).ok_or_else(not_there))
}

/// Ends the session of a token that was genuine once: its holder or somebody else has its successors.
async fn end_if_replayed(
    mediator: &Mediator,
    credentials: &Credentials,
    presented: &RefreshToken,
    session: &Session,
) -> Result<(), SendError<Error>> {
    // Parts of one client that refresh at once may be several replacements apart; none of them is a thief.
    if Clock::now() < session.rotated_at + GRACE
        || !credentials.derivation.is_ancestor(presented, &session.refresh_hash, session.generation)
    {
        return Ok(());
    }
    tracing::warn!(session = %session.id, holder = ?session.holder, "a used refresh token came again; its session ends");
    let (system, meant) = (Scope::platform_system(NAME), Meant::One(session.id));
    let account = session.holder.account();
    match mediator.send(&system, EndSessions { account, meant }).await {
        Ok(_) | Err(SendError::Failed(Error::UnknownSession { .. })) => Ok(()),
        Err(error) => Err(error),
    }
}

//! Logins. A session's row is locked while its refresh token is judged, so two uses of one token are judged one after the
//! other.

use std::time::Duration;

use diesel::{
    BoolExpressionMethods, ExpressionMethods, NullableExpressionMethods, OptionalExtension, QueryDsl, Queryable,
    Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use kernel::{CustomerId, Malformed, OrganisationId, SessionId, Timestamp, UserId};
use persistence::{Platform, Tx};
use uuid::Uuid;

use crate::{
    domain::{AccountId, Holder, Meant, Session},
    error::Error,
    schema::sessions,
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions, check_for_backend(diesel::pg::Pg))]
struct Row {
    session_id: Uuid,
    user_id: Option<Uuid>,
    customer_id: Option<Uuid>,
    org_id: Option<Uuid>,
    refresh_hash: Vec<u8>,
    generation: i32,
    rotated_at: Timestamp,
    last_used_at: Timestamp,
    expires_at: Timestamp,
    ended_at: Option<Timestamp>,
}

impl TryFrom<Row> for Session {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let id = SessionId::from_uuid(row.session_id);
        let corrupt = |what, reason| Error::corrupt(format_args!("session {id}"), &Malformed::new(what, reason));
        let user = row.user_id.map(UserId::from_uuid);
        let customer = row.customer_id.map(CustomerId::from_uuid);
        let holder = Holder::stored(user, customer, row.org_id.map(OrganisationId::from_uuid))
            .ok_or_else(|| corrupt("holder", "must be a person or a customer"))?;
        let wrong = |_| corrupt("hash of the refresh token", "must have 32 bytes");
        Ok(Self {
            id,
            holder,
            refresh_hash: row.refresh_hash.try_into().map_err(wrong)?,
            generation: row.generation,
            rotated_at: row.rotated_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            ended_at: row.ended_at,
        })
    }
}

/// Inserts a new session; `device` and `address` are what its client said of itself.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn insert(tx: &mut Tx<'_, Platform>, session: &Session, device: &str, address: &str) -> Result<(), Error> {
    diesel::insert_into(sessions::table)
        .values((
            sessions::session_id.eq(session.id.uuid()),
            columns_of(session.holder),
            sessions::refresh_hash.eq(&session.refresh_hash[..]),
            sessions::generation.eq(session.generation),
            sessions::rotated_at.eq(session.rotated_at),
            sessions::device.eq(device),
            sessions::address.eq(address),
            sessions::created_at.eq(session.last_used_at),
            sessions::last_used_at.eq(session.last_used_at),
            sessions::expires_at.eq(session.expires_at),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

type HolderColumns = (
    diesel::dsl::Eq<sessions::user_id, Option<Uuid>>,
    diesel::dsl::Eq<sessions::customer_id, Option<Uuid>>,
    diesel::dsl::Eq<sessions::org_id, Option<Uuid>>,
);

fn columns_of(holder: Holder) -> HolderColumns {
    let (user, customer) = match holder.account() {
        AccountId::Person(user) => (Some(user.uuid()), None),
        AccountId::Customer(customer, _) => (None, Some(customer.uuid())),
    };
    let organisation = holder.organisation().map(OrganisationId::uuid);
    (sessions::user_id.eq(user), sessions::customer_id.eq(customer), sessions::org_id.eq(organisation))
}

/// One session, locked until the transaction ends.
///
/// # Errors
/// `Corrupt`, and `Storage` when the database fails.
pub async fn lock(tx: &mut Tx<'_, Platform>, session: SessionId) -> Result<Option<Session>, Error> {
    let row: Option<Row> = sessions::table
        .filter(sessions::session_id.eq(session.uuid()))
        .select(Row::as_select())
        .for_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    row.map(Session::try_from).transpose()
}

/// Saves a session whose token was replaced, or whose organisation was changed.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn save(tx: &mut Tx<'_, Platform>, session: &Session) -> Result<(), Error> {
    diesel::update(sessions::table.filter(sessions::session_id.eq(session.id.uuid())))
        .set((
            sessions::org_id.eq(session.holder.organisation().map(OrganisationId::uuid)),
            sessions::refresh_hash.eq(&session.refresh_hash[..]),
            sessions::generation.eq(session.generation),
            sessions::rotated_at.eq(session.rotated_at),
            sessions::last_used_at.eq(session.last_used_at),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Ends those of an account's open sessions that are meant, and returns them.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn end(
    tx: &mut Tx<'_, Platform>,
    account: AccountId,
    meant: Meant,
    now: Timestamp,
) -> Result<Vec<SessionId>, Error> {
    let (one, other) = match meant {
        Meant::One(session) => (Some(session.uuid()), None),
        Meant::Others(session) => (None, Some(session.uuid())),
        Meant::All => (None, None),
    };
    let mut open = diesel::update(sessions::table).filter(sessions::ended_at.is_null()).into_boxed();
    open = match account {
        AccountId::Person(user) => open.filter(sessions::user_id.eq(user.uuid())),
        AccountId::Customer(customer, organisation) => {
            let in_shop = sessions::org_id.eq(organisation.uuid());
            open.filter(in_shop.and(sessions::customer_id.eq(customer.uuid())))
        }
    };
    if let Some(session) = one {
        open = open.filter(sessions::session_id.eq(session));
    }
    if let Some(session) = other {
        open = open.filter(sessions::session_id.ne(session));
    }
    let ended: Vec<Uuid> =
        open.set(sessions::ended_at.eq(now)).returning(sessions::session_id).get_results(tx.connection()).await?;
    Ok(ended.into_iter().map(SessionId::from_uuid).collect())
}

/// The most open sessions of an account: as many as a list shows.
const MOST: i64 = 200;

/// Ends those of an account's open sessions that were used the longest ago, beyond the most that it has, and returns them.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn end_surplus(
    tx: &mut Tx<'_, Platform>,
    account: AccountId,
    now: Timestamp,
) -> Result<Vec<SessionId>, Error> {
    let mut open = sessions::table.filter(sessions::ended_at.is_null()).into_boxed();
    open = match account {
        AccountId::Person(user) => open.filter(sessions::user_id.eq(user.uuid())),
        AccountId::Customer(customer, organisation) => {
            let in_shop = sessions::org_id.eq(organisation.uuid());
            open.filter(in_shop.and(sessions::customer_id.eq(customer.uuid())))
        }
    };
    let surplus: Vec<Uuid> = open
        .order(sessions::last_used_at.desc())
        .offset(MOST)
        .limit(MOST)
        .select(sessions::session_id)
        .load(tx.connection())
        .await?;
    if surplus.is_empty() {
        return Ok(Vec::new());
    }
    let row = sessions::table.filter(sessions::session_id.eq_any(surplus)).filter(sessions::ended_at.is_null());
    let ended: Vec<Uuid> = diesel::update(row)
        .set(sessions::ended_at.eq(now))
        .returning(sessions::session_id)
        .get_results(tx.connection())
        .await?;
    Ok(ended.into_iter().map(SessionId::from_uuid).collect())
}

/// Deletes a few sessions that have been over since before `until`: ended, at the end of their life, or `idle` after their
/// last use. Returns how many, and those among them that were ended rather than left to expire.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn delete_over(
    tx: &mut Tx<'_, Platform>,
    until: Timestamp,
    idle: Duration,
    limit: i64,
) -> Result<(usize, Vec<(SessionId, Timestamp)>), Error> {
    let due: Vec<Uuid> = sessions::table
        .filter(
            sessions::ended_at
                .lt(until)
                .or(sessions::expires_at.nullable().lt(until))
                .or(sessions::last_used_at.nullable().lt(until - idle)),
        )
        .select(sessions::session_id)
        .limit(limit)
        .for_update()
        .skip_locked()
        .load(tx.connection())
        .await?;
    let deleted: Vec<(Uuid, Option<Timestamp>)> =
        diesel::delete(sessions::table.filter(sessions::session_id.eq_any(due)))
            .returning((sessions::session_id, sessions::ended_at))
            .get_results(tx.connection())
            .await?;
    let ended = deleted.iter().filter_map(|(session, at)| Some((SessionId::from_uuid(*session), (*at)?))).collect();
    Ok((deleted.len(), ended))
}

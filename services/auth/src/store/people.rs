//! Inserts people, notes logins and replaces passwords.

use diesel::{ExpressionMethods, OptionalExtension, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::{Timestamp, UserId};
use persistence::{Platform, Tx};
use uuid::Uuid;

use crate::{credentials::PasswordHash, domain::NewPerson, error::Error, schema::people};

/// Inserts a person, unless somebody has the address. Returns who has the address afterwards, and whether that is the new
/// person.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn insert_or_find(
    tx: &mut Tx<'_, Platform>,
    person: &NewPerson,
    password: &PasswordHash,
    now: Timestamp,
) -> Result<(UserId, bool), Error> {
    let inserted: Option<Uuid> = diesel::insert_into(people::table)
        .values((
            people::user_id.eq(person.id.uuid()),
            people::email.eq(person.email.as_str()),
            people::name.eq(person.name.as_str()),
            people::password_hash.eq(password.as_str()),
            people::active.eq(true),
            people::created_at.eq(now),
            people::password_changed_at.eq(now),
        ))
        .on_conflict(people::email)
        .do_nothing()
        .returning(people::user_id)
        .get_result(tx.connection())
        .await
        .optional()?;
    if let Some(user) = inserted {
        return Ok((UserId::from_uuid(user), true));
    }
    let known: Uuid = people::table
        .filter(people::email.eq(person.email.as_str()))
        .select(people::user_id)
        .get_result(tx.connection())
        .await?;
    Ok((UserId::from_uuid(known), false))
}

/// Notes that a person logged in whose password was checked against the hash `verified`, and keeps the hash `kept` from now
/// on. False when the person has another password by now.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn note_login(
    tx: &mut Tx<'_, Platform>,
    user: UserId,
    verified: &PasswordHash,
    kept: &PasswordHash,
    at: Timestamp,
) -> Result<bool, Error> {
    let person = people::table
        .filter(people::user_id.eq(user.uuid()))
        .filter(people::active)
        .filter(people::password_hash.eq(verified.as_str()));
    let set = (people::last_login_at.eq(at), people::password_hash.eq(kept.as_str()));
    Ok(diesel::update(person).set(set).execute(tx.connection()).await? == 1)
}

/// Replaces the password that was checked against the hash `verified`; any password when that is none.
///
/// # Errors
/// `PasswordRefused` when the person has another one by now; `Storage` when the database fails.
pub async fn set_password(
    tx: &mut Tx<'_, Platform>,
    user: UserId,
    verified: Option<&PasswordHash>,
    hash: &PasswordHash,
    at: Timestamp,
) -> Result<(), Error> {
    let person = people::table.filter(people::user_id.eq(user.uuid()));
    let set = (people::password_hash.eq(hash.as_str()), people::password_changed_at.eq(at));
    let replaced = match verified {
        Some(verified) => {
            let same = person.filter(people::password_hash.eq(verified.as_str()));
            diesel::update(same).set(set).execute(tx.connection()).await?
        }
        None => diesel::update(person).set(set).execute(tx.connection()).await?,
    };
    if replaced == 1 { Ok(()) } else { Err(Error::PasswordRefused) }
}

/// Whether a person's password still is the one that was checked against the hash `verified`.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn has_password(tx: &mut Tx<'_, Platform>, user: UserId, verified: &PasswordHash) -> Result<bool, Error> {
    let same = people::table
        .filter(people::user_id.eq(user.uuid()))
        .filter(people::password_hash.eq(verified.as_str()))
        .select(people::user_id);
    Ok(diesel::select(diesel::dsl::exists(same)).get_result(tx.connection()).await?)
}

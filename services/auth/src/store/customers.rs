//! Inserts customers, notes their logins and replaces their passwords.

use diesel::{ExpressionMethods, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::{CustomerId, OrganisationId, Timestamp};
use persistence::{Platform, Tx};

use crate::{
    credentials::PasswordHash,
    domain::{Email, Name},
    error::Error,
    schema::customers,
};

/// The constraint that lets one customer of a shop have an address.
const EMAIL: &str = "customers_email";

/// Inserts a customer of an organisation's shop.
///
/// # Errors
/// `CustomerExists` when the address has an account there; `Storage` when the database fails.
pub async fn insert(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    customer: CustomerId,
    (email, name): (&Email, &Name),
    password: &PasswordHash,
    now: Timestamp,
) -> Result<(), Error> {
    diesel::insert_into(customers::table)
        .values((
            customers::org_id.eq(organisation.uuid()),
            customers::customer_id.eq(customer.uuid()),
            customers::email.eq(email.as_str()),
            customers::name.eq(name.as_str()),
            customers::password_hash.eq(password.as_str()),
            customers::active.eq(true),
            customers::created_at.eq(now),
        ))
        .execute(tx.connection())
        .await
        .map_err(|error| match persistence::Error::from(error) {
            error if error.is_unique(EMAIL) => Error::CustomerExists,
            error => Error::Storage(error),
        })?;
    Ok(())
}

/// Notes that a customer logged in whose password was checked against the hash `verified`, and keeps the hash `kept` from
/// now on. False when the customer has another password by now.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn note_login(
    tx: &mut Tx<'_, Platform>,
    customer: CustomerId,
    verified: &PasswordHash,
    kept: &PasswordHash,
    at: Timestamp,
) -> Result<bool, Error> {
    let row = customers::table
        .filter(customers::customer_id.eq(customer.uuid()))
        .filter(customers::active)
        .filter(customers::password_hash.eq(verified.as_str()));
    let set = (customers::last_login_at.eq(at), customers::password_hash.eq(kept.as_str()));
    Ok(diesel::update(row).set(set).execute(tx.connection()).await? == 1)
}

/// Replaces the password that was checked against the hash `verified`; any password when that is none.
///
/// # Errors
/// `PasswordRefused` when the customer has another one by now; `Storage` when the database fails.
pub async fn set_password(
    tx: &mut Tx<'_, Platform>,
    customer: CustomerId,
    verified: Option<&PasswordHash>,
    hash: &PasswordHash,
) -> Result<(), Error> {
    let row = customers::table.filter(customers::customer_id.eq(customer.uuid()));
    let set = customers::password_hash.eq(hash.as_str());
    let replaced = match verified {
        Some(verified) => {
            let same = row.filter(customers::password_hash.eq(verified.as_str()));
            diesel::update(same).set(set).execute(tx.connection()).await?
        }
        None => diesel::update(row).set(set).execute(tx.connection()).await?,
    };
    if replaced == 1 { Ok(()) } else { Err(Error::PasswordRefused) }
}

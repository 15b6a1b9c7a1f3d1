//! Which account on Telegram is which person's: made by the person, linked by the listener.
//! The rule: a person waits with one code and has one account, and an account is one person's, in each organisation.

use access::Permissions;
use diesel::QueryableByName;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Binary, Bool, Nullable, Text, Timestamptz, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{ChatLinkId, DestinationId, OrganisationId, UserId};
use persistence::{Platform, Tenants, Tx};
use uuid::Uuid;

use crate::domain::{ChatLink, LinkCode, Place};
use crate::error::Error;
use crate::schema::chat_links;

/// Inserts a link that waits for its code, in the place of another one of the person that waits.
///
/// # Errors
/// When the database is away.
pub async fn insert(tx: &mut Tx<'_>, user: UserId, link: &ChatLink, code: &LinkCode) -> Result<(), Error> {
    persistence::statement(
        "insert into chat_links (org_id, id, user_id, code_hash, code_expires_at, created_at) values ($1, $2, $3, $4, $5, $6)
         on conflict (org_id, user_id) where telegram_user is null do update
         set id = excluded.id, code_hash = excluded.code_hash, code_expires_at = excluded.code_expires_at,
             created_at = excluded.created_at",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<SqlUuid, _>(link.id.uuid())
    .bind::<SqlUuid, _>(user.uuid())
    .bind::<Binary, _>(code.hash())
    .bind::<Nullable<Timestamptz>, _>(link.code_expires_at)
    .bind::<Timestamptz, _>(link.created_at)
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Deletes a link of this person, and says whether there was one.
///
/// # Errors
/// When the database is away.
pub async fn delete(tx: &mut Tx<'_>, user: UserId, link: ChatLinkId) -> Result<bool, Error> {
    let own = chat_links::table
        .filter(chat_links::org_id.eq(tx.organisation().uuid()))
        .filter(chat_links::id.eq(link.uuid()))
        .filter(chat_links::user_id.eq(user.uuid()));
    Ok(diesel::delete(own).execute(tx.connection()).await? > 0)
}

/// Deletes the links of these people in organisations of which they are no members any more.
///
/// # Errors
/// When the database is away.
pub async fn delete_of_former(tx: &mut Tx<'_, Tenants>, people: &[(OrganisationId, UserId)]) -> Result<(), Error> {
    persistence::statement(
        "delete from chat_links l using unnest($1, $2) as gone (org_id, user_id)
         where l.org_id = gone.org_id and l.user_id = gone.user_id and not exists (
             select from members m where m.org_id = l.org_id and m.user_id = l.user_id and m.active)",
    )
    .bind::<Array<SqlUuid>, _>(people.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(people.iter().map(|(_, user)| user.uuid()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct WaitingRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    organisation: Option<String>,
}

/// Links an account to the person whose code this is, in the place of what either of them was linked to before: the name of the
/// organisation. None for a code that is wrong, used or expired.
///
/// # Errors
/// When the database is away.
pub async fn link(tx: &mut Tx<'_, Platform>, code: &LinkCode, account: i64) -> Result<Option<String>, Error> {
    let waiting: Option<WaitingRow> = persistence::statement(
        "select l.org_id, l.id, o.name || ' (' || o.slug || ')' as organisation
         from chat_links l left join organisations o on o.org_id = l.org_id
         where l.code_hash = $1 and l.code_expires_at > clock_timestamp() for update of l",
    )
    .bind::<Binary, _>(code.hash())
    .get_result(tx.connection())
    .await
    .optional()?;
    let Some(waiting) = waiting else { return Ok(None) };
    persistence::statement(
        "delete from chat_links old using chat_links new
         where new.org_id = $1 and new.id = $2 and old.org_id = $1 and old.telegram_user is not null
           and (old.user_id = new.user_id or old.telegram_user = $3)",
    )
    .bind::<SqlUuid, _>(waiting.org_id)
    .bind::<SqlUuid, _>(waiting.id)
    .bind::<BigInt, _>(account)
    .execute(tx.connection())
    .await?;
    persistence::statement(
        "update chat_links set telegram_user = $3, linked_at = clock_timestamp(), code_hash = null, code_expires_at = null
         where org_id = $1 and id = $2",
    )
    .bind::<SqlUuid, _>(waiting.org_id)
    .bind::<SqlUuid, _>(waiting.id)
    .bind::<BigInt, _>(account)
    .execute(tx.connection())
    .await?;
    Ok(Some(known_as(waiting.organisation, waiting.org_id)))
}

#[derive(QueryableByName)]
struct PlaceRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = Nullable<Text>)]
    organisation: Option<String>,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    destination: Option<Uuid>,
    #[diesel(sql_type = SqlUuid)]
    user_id: Uuid,
    #[diesel(sql_type = Text)]
    permissions: String,
}

/// Where an account is heard in this chat and topic: as a member of each organisation with a destination here, and in the chat of
/// the configuration (`is_configured`) of each that has no destination. In a suspended organisation nobody is.
///
/// # Errors
/// When the database is away.
pub async fn places(
    tx: &mut Tx<'_, Platform>,
    account: i64,
    (chat, topic): (i64, Option<i64>),
    is_configured: bool,
) -> Result<Vec<Place>, Error> {
    let rows: Vec<PlaceRow> = persistence::statement(
        "select l.org_id, o.name || ' (' || o.slug || ')' as organisation, t.id as destination,
                l.user_id, m.permissions
         from chat_links l
         join members m on m.org_id = l.org_id and m.user_id = l.user_id and m.active
         left join destinations t on t.org_id = l.org_id and t.chat = $2 and t.topic is not distinct from $3
         left join organisations o on o.org_id = l.org_id
         where l.telegram_user = $1 and coalesce(o.active, true)
           and (t.id is not null or ($4 and not exists (
                select from destinations other where other.org_id = l.org_id and other.state not in ('waiting', 'ended'))))
         order by l.org_id, t.id",
    )
    .bind::<BigInt, _>(account)
    .bind::<BigInt, _>(chat)
    .bind::<Nullable<BigInt>, _>(topic)
    .bind::<Bool, _>(is_configured)
    .load(tx.connection())
    .await?;
    let place = |row: PlaceRow| Place {
        organisation: OrganisationId::from_uuid(row.org_id),
        organisation_name: known_as(row.organisation, row.org_id),
        destination: row.destination.map(DestinationId::from_uuid),
        user: UserId::from_uuid(row.user_id),
        permissions: Permissions::of_scope(&row.permissions),
    };
    Ok(rows.into_iter().map(place).collect())
}

/// How a person knows an organisation: by its id while its state has not arrived.
fn known_as(name: Option<String>, organisation: Uuid) -> String {
    name.unwrap_or_else(|| OrganisationId::from_uuid(organisation).to_string())
}

//! The roles of an organisation's own: read, inserted, changed, removed.

use diesel::{
    ExpressionMethods, OptionalExtension, PgArrayExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use kernel::{OrganisationId, Slug, Timestamp};
use persistence::{Tenancy, Tx};

use crate::{
    domain::{
        OwnRole,
        role::{read_words, words},
    },
    error::Error,
    schema::{invitations, roles},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = roles, check_for_backend(diesel::pg::Pg))]
struct Row {
    name: String,
    permissions: Vec<String>,
    version: i64,
    updated_at: Timestamp,
}

impl TryFrom<Row> for OwnRole {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let name = Slug::parse(&row.name)
            .map_err(|malformed| Error::corrupt(format_args!("role {}", row.name), &malformed))?;
        Ok(Self { name, permissions: read_words(&row.permissions), version: row.version, updated_at: row.updated_at })
    }
}

/// All own roles of an organisation.
///
/// # Errors
/// `Corrupt`, and `Storage` when the database fails.
pub async fn of<T: Tenancy>(tx: &mut Tx<'_, T>, organisation: OrganisationId) -> Result<Vec<OwnRole>, Error> {
    let rows: Vec<Row> = roles::table
        .filter(roles::org_id.eq(organisation.uuid()))
        .order(roles::name)
        .select(Row::as_select())
        .load(tx.connection())
        .await?;
    rows.into_iter().map(OwnRole::try_from).collect()
}

/// One own role, locked until the transaction ends.
///
/// # Errors
/// `UnknownRole`, and `Storage` when the database fails.
pub async fn lock(tx: &mut Tx<'_>, name: &Slug) -> Result<OwnRole, Error> {
    let row: Option<Row> = roles::table
        .filter(roles::org_id.eq(tx.organisation().uuid()))
        .filter(roles::name.eq(name.as_str()))
        .select(Row::as_select())
        .for_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    row.ok_or_else(|| Error::UnknownRole { role: name.clone() })?.try_into()
}

/// The most own roles of an organisation: every command reads all of them.
const MOST: i64 = 200;

/// Inserts a role. The memberships are locked, so that the count holds.
///
/// # Errors
/// `RoleTaken`, `TooMany`, and `Storage` when the database fails.
pub async fn insert(tx: &mut Tx<'_>, role: &OwnRole) -> Result<(), Error> {
    let own = roles::table.filter(roles::org_id.eq(tx.organisation().uuid()));
    if own.count().get_result::<i64>(tx.connection()).await? >= MOST {
        return Err(Error::TooMany { what: "roles of its own", limit: MOST, advice: "remove one that nobody has" });
    }
    let inserted = diesel::insert_into(roles::table)
        .values((
            roles::org_id.eq(tx.organisation().uuid()),
            roles::name.eq(role.name.as_str()),
            roles::permissions.eq(words(role.permissions)),
            roles::version.eq(role.version),
            roles::created_at.eq(role.updated_at),
            roles::updated_at.eq(role.updated_at),
        ))
        .on_conflict_do_nothing()
        .execute(tx.connection())
        .await?;
    if inserted == 1 { Ok(()) } else { Err(Error::RoleTaken { role: role.name.clone() }) }
}

/// Saves a changed role.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn save(tx: &mut Tx<'_>, role: &OwnRole) -> Result<(), Error> {
    let row =
        roles::table.filter(roles::org_id.eq(tx.organisation().uuid())).filter(roles::name.eq(role.name.as_str()));
    diesel::update(row)
        .set((
            roles::permissions.eq(words(role.permissions)),
            roles::version.eq(role.version),
            roles::updated_at.eq(role.updated_at),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Removes a role.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn delete(tx: &mut Tx<'_>, name: &Slug) -> Result<(), Error> {
    let row = roles::table.filter(roles::org_id.eq(tx.organisation().uuid())).filter(roles::name.eq(name.as_str()));
    diesel::delete(row).execute(tx.connection()).await?;
    Ok(())
}

/// How many open invitations promise a role.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn promised(tx: &mut Tx<'_>, name: &Slug) -> Result<i64, Error> {
    let open = invitations::table
        .filter(invitations::org_id.eq(tx.organisation().uuid()))
        .filter(invitations::accepted_at.is_null())
        .filter(invitations::revoked_at.is_null())
        .filter(invitations::roles.contains(vec![name.as_str()]));
    Ok(open.count().get_result(tx.connection()).await?)
}

//! The places that people have in organisations. Within an organisation they are changed under its lock, so that two owners
//! cannot leave it at the same moment.

use diesel::{
    ExpressionMethods, OptionalExtension, PgArrayExpressionMethods, QueryDsl, Queryable, Selectable, SelectableHelper,
};
use diesel_async::RunQueryDsl;
use kernel::{MembershipId, OrganisationId, Timestamp, UserId};
use persistence::{Platform, Tenancy, Tx};
use uuid::Uuid;

use super::roles;
use crate::{
    domain::{OwnRole, Place, RoleName, role},
    error::Error,
    schema::{memberships, organisations},
};

#[derive(Queryable, Selectable)]
#[diesel(table_name = memberships, check_for_backend(diesel::pg::Pg))]
struct Row {
    membership_id: Uuid,
    user_id: Uuid,
    roles: Vec<String>,
    active: bool,
    version: i64,
}

impl Row {
    fn place(self, own: &[OwnRole]) -> Result<Place, Error> {
        let membership = MembershipId::from_uuid(self.membership_id);
        let corrupt = |malformed| Error::corrupt(format_args!("membership {membership}"), &malformed);
        let names =
            self.roles.iter().map(|name| RoleName::parse(name)).collect::<Result<Vec<_>, _>>().map_err(corrupt)?;
        let permissions = role::stored(&names, own);
        let user = UserId::from_uuid(self.user_id);
        Ok(Place { membership, user, roles: names, permissions, active: self.active, version: self.version })
    }
}

/// Locks the organisation's memberships until the transaction ends.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn lock(tx: &mut Tx<'_>) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    organisations::table
        .filter(organisations::org_id.eq(organisation))
        .select(organisations::org_id)
        .for_no_key_update()
        .get_result::<Uuid>(tx.connection())
        .await?;
    Ok(())
}

/// One membership of the organisation, whether active or not.
///
/// # Errors
/// `UnknownMember`, `Corrupt`, and `Storage` when the database fails.
pub async fn find(tx: &mut Tx<'_>, membership: MembershipId) -> Result<Place, Error> {
    let own = roles::of(tx, tx.organisation()).await?;
    let row: Option<Row> = memberships::table
        .filter(memberships::org_id.eq(tx.organisation().uuid()))
        .filter(memberships::membership_id.eq(membership.uuid()))
        .select(Row::as_select())
        .get_result(tx.connection())
        .await
        .optional()?;
    row.ok_or(Error::UnknownMember { membership })?.place(&own)
}

/// The membership of a person in an organisation, whether active or not.
///
/// # Errors
/// `Corrupt`, and `Storage` when the database fails.
pub async fn of_person<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    organisation: OrganisationId,
    user: UserId,
) -> Result<Option<Place>, Error> {
    let own = roles::of(tx, organisation).await?;
    let row: Option<Row> = memberships::table
        .filter(memberships::org_id.eq(organisation.uuid()))
        .filter(memberships::user_id.eq(user.uuid()))
        .select(Row::as_select())
        .get_result(tx.connection())
        .await
        .optional()?;
    row.map(|row| row.place(&own)).transpose()
}

/// The active memberships that have this role.
///
/// # Errors
/// `Corrupt`, and `Storage` when the database fails.
pub async fn with_role(tx: &mut Tx<'_>, name: &RoleName) -> Result<Vec<Place>, Error> {
    let own = roles::of(tx, tx.organisation()).await?;
    let rows: Vec<Row> = memberships::table
        .filter(memberships::org_id.eq(tx.organisation().uuid()))
        .filter(memberships::active)
        .filter(memberships::roles.contains(vec![name.as_text()]))
        .order(memberships::membership_id)
        .select(Row::as_select())
        .load(tx.connection())
        .await?;
    rows.into_iter().map(|row| row.place(&own)).collect()
}

/// Raises the version of every active membership that has this role, and returns them as they are then.
///
/// # Errors
/// `Corrupt`, and `Storage` when the database fails.
pub async fn renew_with_role(tx: &mut Tx<'_>, name: &RoleName) -> Result<Vec<Place>, Error> {
    let own = roles::of(tx, tx.organisation()).await?;
    let having = memberships::table
        .filter(memberships::org_id.eq(tx.organisation().uuid()))
        .filter(memberships::active)
        .filter(memberships::roles.contains(vec![name.as_text()]));
    let rows: Vec<Row> = diesel::update(having)
        .set(memberships::version.eq(memberships::version + 1))
        .returning(Row::as_returning())
        .get_results(tx.connection())
        .await?;
    rows.into_iter().map(|row| row.place(&own)).collect()
}

/// The most members of an organisation: a list shows them in one piece.
const MOST: i64 = 1_000;

/// Refuses one member more than an organisation has at most. The organisation is locked, so that the count holds.
///
/// # Errors
/// `TooMany`, and `Storage` when the database fails.
pub async fn ensure_room(tx: &mut Tx<'_, Platform>, organisation: OrganisationId) -> Result<(), Error> {
    let members = memberships::table.filter(memberships::org_id.eq(organisation.uuid())).filter(memberships::active);
    if members.count().get_result::<i64>(tx.connection()).await? >= MOST {
        return Err(Error::TooMany { what: "members", limit: MOST, advice: "ask it to remove one" });
    }
    Ok(())
}

/// Inserts the place of somebody who joins an organisation.
///
/// # Errors
/// `Storage` when the database fails; a violation of `memberships_person` when the person has a place there.
pub async fn insert(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    place: &Place,
    now: Timestamp,
) -> Result<(), Error> {
    diesel::insert_into(memberships::table)
        .values((
            memberships::org_id.eq(organisation.uuid()),
            memberships::membership_id.eq(place.membership.uuid()),
            memberships::user_id.eq(place.user.uuid()),
            memberships::roles.eq(texts(&place.roles)),
            memberships::active.eq(place.active),
            memberships::version.eq(place.version),
            memberships::joined_at.eq(now),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Saves the place of somebody who comes back.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn save_rejoined(
    tx: &mut Tx<'_, Platform>,
    organisation: OrganisationId,
    place: &Place,
    now: Timestamp,
) -> Result<(), Error> {
    let row = memberships::table
        .filter(memberships::org_id.eq(organisation.uuid()))
        .filter(memberships::membership_id.eq(place.membership.uuid()));
    diesel::update(row)
        .set((
            memberships::roles.eq(texts(&place.roles)),
            memberships::active.eq(true),
            memberships::version.eq(place.version),
            memberships::joined_at.eq(now),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Saves a changed place.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn save(tx: &mut Tx<'_>, place: &Place) -> Result<(), Error> {
    let row = memberships::table
        .filter(memberships::org_id.eq(tx.organisation().uuid()))
        .filter(memberships::membership_id.eq(place.membership.uuid()));
    diesel::update(row)
        .set((
            memberships::roles.eq(texts(&place.roles)),
            memberships::active.eq(place.active),
            memberships::version.eq(place.version),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

fn texts(names: &[RoleName]) -> Vec<String> {
    names.iter().map(RoleName::as_text).collect()
}

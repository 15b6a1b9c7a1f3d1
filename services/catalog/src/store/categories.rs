//! The copy of the category tree: applied by version, looked up by id and by slugs.
//! The rule: once a category and its parent are both here, its path is its parent's path and itself, in whatever order and
//! however often their states came.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{CategoryId, OrganisationId};
use persistence::{Tenancy, Tenants, Tx, statement};
use uuid::Uuid;

use crate::domain::category::CategoryCopy;
use crate::error::Error;

/// Writes states of categories, each once, and derives the paths of everything below those that moved; older versions than
/// the stored one change nothing.
pub(crate) async fn apply(tx: &mut Tx<'_, Tenants>, copies: &[CategoryCopy]) -> Result<(), Error> {
    if copies.is_empty() {
        return Ok(());
    }
    lock(tx, copies).await?;
    let accepted = write(tx, copies).await?;
    derive_paths(tx, &accepted).await
}

/// Lets one batch at a time change the tree of an organisation. Two at once would each derive paths without the parents that
/// the other one writes.
async fn lock(tx: &mut Tx<'_, Tenants>, copies: &[CategoryCopy]) -> Result<(), Error> {
    statement(
        "select pg_advisory_xact_lock(keys.class, keys.organisation)
         from (select distinct hashtext(current_schema() || '/categories') as class, hashtext(org_id::text) as organisation
               from unnest($1) as org_id order by 2) as keys",
    )
    .bind::<Array<SqlUuid>, _>(copies.iter().map(|row| row.organisation.uuid()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// The rows that a newer state was written to.
async fn write(tx: &mut Tx<'_, Tenants>, copies: &[CategoryCopy]) -> Result<Vec<WrittenRow>, Error> {
    // Paths have different lengths, which a two-dimensional array cannot hold: they travel as array literals.
    let paths: Vec<String> = copies
        .iter()
        .map(|row| {
            let ids: Vec<String> = row.path.iter().map(|id| id.uuid().to_string()).collect();
            format!("{{{}}}", ids.join(","))
        })
        .collect();
    // A state's path is from when the category itself last changed. What was derived since is better, under the same parent.
    Ok(statement(
        "with state as (
            select * from unnest($1, $2, $3, $4, $5, $6, $7)
                as c(org_id, category_id, parent_id, slug, path, removed, version)
        ), before as (
            select b.org_id, b.category_id, b.parent_id from state join categories b using (org_id, category_id)
        ), written as (
            insert into categories (org_id, category_id, parent_id, slug, path, removed, version)
            select org_id, category_id, parent_id, slug, path::uuid[], removed, version
            from state order by org_id, category_id
            on conflict (org_id, category_id) do update
            set parent_id = excluded.parent_id, slug = excluded.slug,
                path = case when categories.parent_id is not distinct from excluded.parent_id then categories.path
                            else excluded.path end,
                removed = excluded.removed, version = excluded.version
            where categories.version < excluded.version
            returning org_id, category_id, parent_id
        )
        select w.org_id, w.category_id,
               b.category_id is not null and b.parent_id is distinct from w.parent_id as moved
        from written w left join before b on b.org_id = w.org_id and b.category_id = w.category_id",
    )
    .bind::<Array<SqlUuid>, _>(copies.iter().map(|row| row.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(copies.iter().map(|row| row.category.uuid()).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(copies.iter().map(|row| row.parent.map(CategoryId::uuid)).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(copies.iter().map(|row| row.slug.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(paths)
    .bind::<Array<Bool>, _>(copies.iter().map(|row| row.removed).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(copies.iter().map(|row| row.version).collect::<Vec<_>>())
    .load(tx.connection())
    .await?)
}

/// Derives the paths around the rows that were written, where one moved, or does not go on from its parent's. It goes up from
/// there to the topmost category that is here, and down from that one: each path is derived once, from the top. While states
/// that are on their way make a circle, nothing is the topmost. The state that opens the circle moves a category, and with it
/// all that is in it is derived.
async fn derive_paths(tx: &mut Tx<'_, Tenants>, written: &[WrittenRow]) -> Result<(), Error> {
    if written.is_empty() {
        return Ok(());
    }
    statement(
        "with recursive written as (
            select c.org_id, c.category_id, c.parent_id, c.path, k.moved
            from unnest($1, $2, $3) as k(org_id, category_id, moved)
            join categories c on c.org_id = k.org_id and c.category_id = k.category_id
        ), up as (
            select w.org_id, w.category_id
            from written w left join categories p on p.org_id = w.org_id and p.category_id = w.parent_id
            where w.moved
               or (w.parent_id is null and w.path <> array[w.category_id])
               or (p.category_id is not null and w.path <> p.path || w.category_id)
               or exists (select from categories b where b.org_id = w.org_id and b.parent_id = w.category_id
                          and b.path <> w.path || b.category_id)
            union
            select p.org_id, p.category_id
            from up
            join categories c on c.org_id = up.org_id and c.category_id = up.category_id
            join categories p on p.org_id = c.org_id and p.category_id = c.parent_id
        ), down as (
            select c.org_id, c.category_id,
                   case when c.parent_id is null then array[c.category_id] else c.path end as path
            from up
            join categories c on c.org_id = up.org_id and c.category_id = up.category_id
            where not exists (select from categories p where p.org_id = c.org_id and p.category_id = c.parent_id)
            union all
            select b.org_id, b.category_id, down.path || b.category_id
            from down join categories b on b.org_id = down.org_id and b.parent_id = down.category_id
        )
        update categories c set path = down.path
        from down
        where c.org_id = down.org_id and c.category_id = down.category_id and c.path <> down.path",
    )
    .bind::<Array<SqlUuid>, _>(written.iter().map(|row| row.org_id).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(written.iter().map(|row| row.category_id).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(written.iter().map(|row| row.moved).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct WrittenRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    category_id: Uuid,
    /// It was here under another parent.
    #[diesel(sql_type = Bool)]
    moved: bool,
}

#[derive(QueryableByName)]
struct PathRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    category_id: Uuid,
    #[diesel(sql_type = Array<SqlUuid>)]
    path: Vec<Uuid>,
}

/// Forgets categories whose topic has only a tombstone left.
pub(crate) async fn forget(tx: &mut Tx<'_, Tenants>, gone: &[(OrganisationId, CategoryId)]) -> Result<(), Error> {
    if gone.is_empty() {
        return Ok(());
    }
    statement(
        "delete from categories c using unnest($1, $2) as gone(org_id, category_id)
         where c.org_id = gone.org_id and c.category_id = gone.category_id",
    )
    .bind::<Array<SqlUuid>, _>(gone.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(gone.iter().map(|(_, category)| category.uuid()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Those of the categories that the catalog knows and that are in use, neither removed nor below a removed one, each with its
/// path from the root down to itself.
pub(crate) async fn known<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    asked: &[(OrganisationId, CategoryId)],
) -> Result<HashMap<(OrganisationId, CategoryId), Vec<CategoryId>>, Error> {
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<PathRow> = statement(
        "select c.org_id, c.category_id, c.path
         from unnest($1, $2) as k(org_id, category_id)
         join categories c on c.org_id = k.org_id and c.category_id = k.category_id
         where not c.removed
           and not exists (select from categories a
                           where a.org_id = c.org_id and a.category_id = any(c.path) and a.removed)",
    )
    .bind::<Array<SqlUuid>, _>(asked.iter().map(|(organisation, _)| organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(asked.iter().map(|(_, category)| category.uuid()).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    let entry = |row: PathRow| {
        let path = row.path.into_iter().map(CategoryId::from_uuid).collect();
        ((OrganisationId::from_uuid(row.org_id), CategoryId::from_uuid(row.category_id)), path)
    };
    Ok(rows.into_iter().map(entry).collect())
}

/// The path of a product's primary category; empty when it has none or the catalog does not know it any more.
pub(crate) async fn path(tx: &mut Tx<'_>, category: Option<CategoryId>) -> Result<Vec<CategoryId>, Error> {
    let Some(category) = category else { return Ok(Vec::new()) };
    let own = (tx.organisation(), category);
    Ok(known(tx, &[own]).await?.remove(&own).unwrap_or_default())
}

#[derive(QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = SqlUuid)]
    category_id: Uuid,
    #[diesel(sql_type = Text)]
    slugs: String,
}

/// The categories in use whose own slug is one of `slugs`, each with the slugs from its root down to itself, joined by `/`.
pub(crate) async fn with_slugs(tx: &mut Tx<'_>, slugs: &[&str]) -> Result<Vec<(CategoryId, String)>, Error> {
    if slugs.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<FoundRow> = statement(
        "select c.category_id,
                (select string_agg(a.slug, '/' order by p.position)
                 from unnest(c.path) with ordinality as p(category_id, position)
                 join categories a on a.org_id = c.org_id and a.category_id = p.category_id) as slugs
         from categories c
         where c.org_id = $1 and c.slug = any($2) and not c.removed and cardinality(c.path) > 0
           and not exists (select from categories a
                           where a.org_id = c.org_id and a.category_id = any(c.path) and a.removed)",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Array<Text>, _>(slugs)
    .load(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (CategoryId::from_uuid(row.category_id), row.slugs)).collect())
}

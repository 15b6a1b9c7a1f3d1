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

use crate::domain::category::{self, CategoryCopy, Node};
use crate::error::Error;

/// Writes states of categories, each once, and derives the paths of everything below those that came or moved; older versions
/// than the stored one change nothing.
pub(crate) async fn apply(tx: &mut Tx<'_, Tenants>, copies: &[CategoryCopy]) -> Result<(), Error> {
    if copies.is_empty() {
        return Ok(());
    }
    lock(tx, copies).await?;
    let rearranged = write(tx, copies).await?;
    derive_paths(tx, &rearranged).await
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

/// Writes the states that are newer than what is stored; the organisations in which one came or changed its parent.
async fn write(tx: &mut Tx<'_, Tenants>, copies: &[CategoryCopy]) -> Result<Vec<Uuid>, Error> {
    let paths: Vec<String> = copies.iter().map(|row| array(row.path.iter().map(|category| category.uuid()))).collect();
    // A state's path is from when the category itself last changed. What was derived since is better, under the same parent.
    let written: Vec<OrganisationRow> = statement(
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
        select distinct w.org_id
        from written w left join before b on b.org_id = w.org_id and b.category_id = w.category_id
        where b.category_id is null or b.parent_id is distinct from w.parent_id",
    )
    .bind::<Array<SqlUuid>, _>(copies.iter().map(|row| row.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(copies.iter().map(|row| row.category.uuid()).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(copies.iter().map(|row| row.parent.map(CategoryId::uuid)).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(copies.iter().map(|row| row.slug.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(paths)
    .bind::<Array<Bool>, _>(copies.iter().map(|row| row.removed).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(copies.iter().map(|row| row.version).collect::<Vec<_>>())
    .load(tx.connection())
    .await?;
    Ok(written.into_iter().map(|row| row.org_id).collect())
}

/// The ids as PostgreSQL writes an array. Paths have different lengths, which a two-dimensional array cannot hold, so each travels as
/// a text.
fn array(ids: impl Iterator<Item = Uuid>) -> String {
    let ids: Vec<String> = ids.map(|id| id.to_string()).collect();
    format!("{{{}}}", ids.join(","))
}

/// Derives the paths of these organisations' trees and writes those that changed. It reads the trees whole and finds the way through
/// them here: a recursive statement compares all categories with all while PostgreSQL's statistics are those of a nearly empty table,
/// as where a whole tree has just come, and lasts seconds.
async fn derive_paths(tx: &mut Tx<'_, Tenants>, organisations: &[Uuid]) -> Result<(), Error> {
    if organisations.is_empty() {
        return Ok(());
    }
    let tree: Vec<NodeRow> =
        statement("select org_id, category_id, parent_id, slug, path, version from categories where org_id = any($1)")
            .bind::<Array<SqlUuid>, _>(organisations)
            .load(tx.connection())
            .await?;
    let tree: Vec<Kept> = tree.into_iter().map(Kept::from).collect();
    let derived = category::paths(tree.iter().map(|row| Node { key: row.key, parent: row.parent, path: &row.path }));
    let changed: Vec<(&Kept, &Vec<CategoryId>)> = tree
        .iter()
        .filter_map(|row| derived.get(&row.key).map(|path| (row, path)))
        .filter(|(row, path)| row.path != **path)
        .collect();
    if changed.is_empty() {
        return Ok(());
    }
    // The rows are there. As an insert it finds each by the primary key, whatever the statistics say.
    statement(
        "insert into categories (org_id, category_id, slug, path, version)
         select org_id, category_id, slug, path::uuid[], version
         from unnest($1, $2, $3, $4, $5) as c(org_id, category_id, slug, path, version)
         on conflict (org_id, category_id) do update set path = excluded.path",
    )
    .bind::<Array<SqlUuid>, _>(changed.iter().map(|(row, _)| row.key.0.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(changed.iter().map(|(row, _)| row.key.1.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(changed.iter().map(|(row, _)| row.slug.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(
        changed.iter().map(|(_, path)| array(path.iter().map(|category| category.uuid()))).collect::<Vec<_>>(),
    )
    .bind::<Array<BigInt>, _>(changed.iter().map(|(row, _)| row.version).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct OrganisationRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
}

#[derive(QueryableByName)]
struct NodeRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    category_id: Uuid,
    #[diesel(sql_type = Nullable<SqlUuid>)]
    parent_id: Option<Uuid>,
    #[diesel(sql_type = Text)]
    slug: String,
    #[diesel(sql_type = Array<SqlUuid>)]
    path: Vec<Uuid>,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

/// A category of the copy, with what its row is written again with.
struct Kept {
    key: (OrganisationId, CategoryId),
    parent: Option<CategoryId>,
    slug: String,
    path: Vec<CategoryId>,
    version: i64,
}

impl From<NodeRow> for Kept {
    fn from(row: NodeRow) -> Self {
        Self {
            key: (OrganisationId::from_uuid(row.org_id), CategoryId::from_uuid(row.category_id)),
            parent: row.parent_id.map(CategoryId::from_uuid),
            slug: row.slug,
            path: row.path.into_iter().map(CategoryId::from_uuid).collect(),
            version: row.version,
        }
    }
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

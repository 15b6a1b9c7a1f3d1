//! The copy of the category tree: applied by version, asked for existence and by slugs.

use std::collections::HashMap;

use diesel::QueryableByName;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel_async::RunQueryDsl;
use kernel::{CategoryId, OrganisationId};
use persistence::{AsyncPgConnection, statement};
use uuid::Uuid;

use crate::error::CatalogError;

/// One category as its owner published it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CategoryCopy {
    pub(crate) category: CategoryId,
    pub(crate) parent: Option<CategoryId>,
    pub(crate) slug: String,
    pub(crate) path: Vec<CategoryId>,
    pub(crate) removed: bool,
    pub(crate) version: i64,
}

/// Writes the newest state of each category; older versions than the stored one change nothing.
pub(crate) async fn apply(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    copies: &[CategoryCopy],
) -> Result<(), CatalogError> {
    // One row per category: a statement cannot update a row twice.
    let mut newest: HashMap<CategoryId, &CategoryCopy> = HashMap::new();
    for copy in copies {
        let kept = newest.entry(copy.category).or_insert(copy);
        if kept.version < copy.version {
            *kept = copy;
        }
    }
    let mut rows: Vec<&CategoryCopy> = newest.into_values().collect();
    rows.sort_by_key(|row| row.category);
    if rows.is_empty() {
        return Ok(());
    }
    // Paths have different lengths, which a two-dimensional array cannot hold: they travel as array literals.
    let paths: Vec<String> = rows
        .iter()
        .map(|row| {
            let ids: Vec<String> = row.path.iter().map(|id| id.uuid().to_string()).collect();
            format!("{{{}}}", ids.join(","))
        })
        .collect();
    statement(
        "insert into categories (org_id, category_id, parent_id, slug, path, removed, version)
         select $1, c.category_id, c.parent_id, c.slug, c.path::uuid[], c.removed, c.version
         from unnest($2, $3, $4, $5, $6, $7) as c(category_id, parent_id, slug, path, removed, version)
         order by c.category_id
         on conflict (org_id, category_id) do update
         set parent_id = excluded.parent_id, slug = excluded.slug, path = excluded.path,
             removed = excluded.removed, version = excluded.version
         where categories.version < excluded.version",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<SqlUuid>, _>(rows.iter().map(|row| row.category.uuid()).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(rows.iter().map(|row| row.parent.map(CategoryId::uuid)).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(rows.iter().map(|row| row.slug.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(paths)
    .bind::<Array<Bool>, _>(rows.iter().map(|row| row.removed).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(rows.iter().map(|row| row.version).collect::<Vec<_>>())
    .execute(connection)
    .await?;
    Ok(())
}

/// Forgets categories whose topic has only a tombstone left.
pub(crate) async fn forget(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    categories: &[Uuid],
) -> Result<(), CatalogError> {
    if categories.is_empty() {
        return Ok(());
    }
    statement("delete from categories where org_id = $1 and category_id = any($2)")
        .bind::<SqlUuid, _>(organisation.uuid())
        .bind::<Array<SqlUuid>, _>(categories)
        .execute(connection)
        .await?;
    Ok(())
}

#[derive(QueryableByName)]
struct FoundRow {
    #[diesel(sql_type = SqlUuid)]
    category_id: Uuid,
    #[diesel(sql_type = Text)]
    slugs: String,
}

/// Refuses a category that the catalog does not know.
pub(crate) async fn require(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    category: CategoryId,
) -> Result<(), CatalogError> {
    #[derive(QueryableByName)]
    struct KnownRow {
        #[diesel(sql_type = Bool)]
        known: bool,
    }
    let row: KnownRow = statement(
        "select exists (
           select from categories where org_id = $1 and category_id = $2 and not removed
         ) as known",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<SqlUuid, _>(category.uuid())
    .get_result(connection)
    .await?;
    if row.known { Ok(()) } else { Err(CatalogError::CategoryUnknown { category }) }
}

/// The categories whose own slug is one of `slugs`, each with the slugs from its root down to itself, joined by `/`.
pub(crate) async fn with_slugs(
    connection: &mut AsyncPgConnection,
    organisation: OrganisationId,
    slugs: &[&str],
) -> Result<Vec<(CategoryId, String)>, CatalogError> {
    if slugs.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<FoundRow> = statement(
        "select c.category_id,
                (select string_agg(a.slug, '/' order by p.position)
                 from unnest(c.path) with ordinality as p(category_id, position)
                 join categories a on a.org_id = c.org_id and a.category_id = p.category_id) as slugs
         from categories c
         where c.org_id = $1 and c.slug = any($2) and not c.removed and cardinality(c.path) > 0",
    )
    .bind::<SqlUuid, _>(organisation.uuid())
    .bind::<Array<Text>, _>(slugs)
    .load(connection)
    .await?;
    Ok(rows.into_iter().map(|row| (CategoryId::from_uuid(row.category_id), row.slugs)).collect())
}

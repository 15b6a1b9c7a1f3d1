//! The copy of the category tree: applied by version, looked up by id and by slugs.

use std::collections::HashMap;

use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text, Uuid as SqlUuid};
use diesel::{ExpressionMethods, QueryDsl, QueryableByName};
use diesel_async::RunQueryDsl;
use kernel::{CategoryId, OrganisationId};
use persistence::{Tenancy, Tenants, Tx, statement};
use uuid::Uuid;

use crate::domain::category::CategoryCopy;
use crate::error::Error;
use crate::schema::categories;

/// Writes states of categories, each once; older versions than the stored one change nothing.
pub(crate) async fn apply(tx: &mut Tx<'_, Tenants>, copies: &[CategoryCopy]) -> Result<(), Error> {
    if copies.is_empty() {
        return Ok(());
    }
    // Paths have different lengths, which a two-dimensional array cannot hold: they travel as array literals.
    let paths: Vec<String> = copies
        .iter()
        .map(|row| {
            let ids: Vec<String> = row.path.iter().map(|id| id.uuid().to_string()).collect();
            format!("{{{}}}", ids.join(","))
        })
        .collect();
    statement(
        "insert into categories (org_id, category_id, parent_id, slug, path, removed, version)
         select c.org_id, c.category_id, c.parent_id, c.slug, c.path::uuid[], c.removed, c.version
         from unnest($1, $2, $3, $4, $5, $6, $7) as c(org_id, category_id, parent_id, slug, path, removed, version)
         order by c.org_id, c.category_id
         on conflict (org_id, category_id) do update
         set parent_id = excluded.parent_id, slug = excluded.slug, path = excluded.path,
             removed = excluded.removed, version = excluded.version
         where categories.version < excluded.version",
    )
    .bind::<Array<SqlUuid>, _>(copies.iter().map(|row| row.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(copies.iter().map(|row| row.category.uuid()).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(copies.iter().map(|row| row.parent.map(CategoryId::uuid)).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(copies.iter().map(|row| row.slug.as_str()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(paths)
    .bind::<Array<Bool>, _>(copies.iter().map(|row| row.removed).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(copies.iter().map(|row| row.version).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
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

/// Those of the categories that the catalog knows, each with its path from the root down to itself.
pub(crate) async fn known<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    asked: &[(OrganisationId, CategoryId)],
) -> Result<HashMap<(OrganisationId, CategoryId), Vec<CategoryId>>, Error> {
    if asked.is_empty() {
        return Ok(HashMap::new());
    }
    let rows: Vec<(Uuid, Uuid, Vec<Uuid>)> = categories::table
        .filter(categories::org_id.eq_any(asked.iter().map(|(organisation, _)| organisation.uuid())))
        .filter(categories::category_id.eq_any(asked.iter().map(|(_, category)| category.uuid())))
        .filter(diesel::dsl::not(categories::removed))
        .select((categories::org_id, categories::category_id, categories::path))
        .load(tx.connection())
        .await?;
    Ok(rows
        .into_iter()
        .map(|(organisation, category, path)| {
            let path = path.into_iter().map(CategoryId::from_uuid).collect();
            ((OrganisationId::from_uuid(organisation), CategoryId::from_uuid(category)), path)
        })
        .collect())
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

/// The categories whose own slug is one of `slugs`, each with the slugs from its root down to itself, joined by `/`.
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
         where c.org_id = $1 and c.slug = any($2) and not c.removed and cardinality(c.path) > 0",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Array<Text>, _>(slugs)
    .load(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| (CategoryId::from_uuid(row.category_id), row.slugs)).collect())
}

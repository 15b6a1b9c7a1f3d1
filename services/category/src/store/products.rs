//! This service's own copy of which product stands in which categories, and the counts that follow from it.
//! The rules: a product's row is written by that product's records only, an older record never replaces a newer one, and a
//! count changes in the transaction that changes its rows. Rows are locked in the order of their keys.

use std::collections::{BTreeMap, HashMap};

use diesel::{
    QueryableByName,
    sql_types::{Array, BigInt, Bool, Text, Timestamptz, Uuid as SqlUuid},
};
use diesel_async::RunQueryDsl;
use kernel::{CategoryId, ProductId, Timestamp};
use persistence::{Tenants, Tx, statement};
use uuid::Uuid;

use crate::{domain::ProductCopy, error::Error};

/// By organisation and set of categories: how many products, and how many of them sold, are to be added.
type Changes = BTreeMap<(Uuid, Vec<Uuid>), (i64, i64)>;

/// Writes states of products, each product once, and counts what changed.
///
/// A live record replaces an older state only. A rebuild also replaces the state of the same version, which corrects
/// whatever somebody wrote past this service.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn apply(tx: &mut Tx<'_, Tenants>, products: &[ProductCopy], rebuild: bool) -> Result<(), Error> {
    if products.is_empty() {
        return Ok(());
    }
    let known = lock(tx, products).await?;
    let mut changes = Changes::new();
    let mut accepted = Vec::new();
    for product in products {
        let key = (product.organisation.uuid(), product.product.uuid());
        let Some(row) = known.get(&key) else { continue };
        if row.version < product.version || (rebuild && row.version == product.version) {
            count(&mut changes, key.0, &row.categories, row.active, -1);
            count(&mut changes, key.0, &ids(product), product.active, 1);
            accepted.push(product);
        }
    }
    changes.retain(|_, change| *change != (0, 0));
    replace(tx, &accepted).await?;
    add(tx, &changes).await
}

/// Removes the products that no record has touched since `since` and that are not among `unknown`, and counts anew what is
/// left. Returns the number of products.
///
/// # Errors
/// `Storage` when the database fails.
pub async fn drop_untouched(tx: &mut Tx<'_>, since: Timestamp, unknown: &[ProductId]) -> Result<i64, Error> {
    let organisation = tx.organisation().uuid();
    let dropped: Count = statement(
        "with gone as (
            delete from product_placements where org_id = $1 and touched_at < $2 and not product_id = any($3)
            returning product_id
        )
        select count(*) as count from gone",
    )
    .bind::<SqlUuid, _>(organisation)
    .bind::<Timestamptz, _>(since)
    .bind::<Array<SqlUuid>, _>(unknown.iter().map(|product| product.uuid()).collect::<Vec<_>>())
    .get_result(tx.connection())
    .await?;
    // Whoever has changed a count has committed it by then, and whoever will waits until this is committed. It is locked behind
    // the products, as a batch does it.
    statement("lock table product_counts in share row exclusive mode").execute(tx.connection()).await?;
    statement("delete from product_counts where org_id = $1")
        .bind::<SqlUuid, _>(organisation)
        .execute(tx.connection())
        .await?;
    statement(
        "insert into product_counts (org_id, categories, products, active)
         select org_id, categories, count(*), count(*) filter (where active)
         from product_placements where org_id = $1 and cardinality(categories) > 0
         group by org_id, categories",
    )
    .bind::<SqlUuid, _>(organisation)
    .execute(tx.connection())
    .await?;
    Ok(dropped.count)
}

/// Locks the row of each product, which is made where there is none, and reads it.
async fn lock(
    tx: &mut Tx<'_, Tenants>,
    products: &[ProductCopy],
) -> Result<HashMap<(Uuid, Uuid), PlacementRow>, Error> {
    let organisations: Vec<Uuid> = products.iter().map(|product| product.organisation.uuid()).collect();
    let keys: Vec<Uuid> = products.iter().map(|product| product.product.uuid()).collect();
    statement(
        "insert into product_placements (org_id, product_id, categories, active, version, touched_at)
         select new.org_id, new.product_id, '{}', false, 0, clock_timestamp()
         from unnest($1, $2) as new (org_id, product_id)
         order by new.org_id, new.product_id
         on conflict (org_id, product_id) do nothing",
    )
    .bind::<Array<SqlUuid>, _>(&organisations)
    .bind::<Array<SqlUuid>, _>(&keys)
    .execute(tx.connection())
    .await?;
    let rows: Vec<PlacementRow> = statement(
        "select p.org_id, p.product_id, p.categories, p.active, p.version
         from product_placements p
         join unnest($1, $2) as wanted (org_id, product_id) using (org_id, product_id)
         order by p.org_id, p.product_id
         for update of p",
    )
    .bind::<Array<SqlUuid>, _>(&organisations)
    .bind::<Array<SqlUuid>, _>(&keys)
    .load(tx.connection())
    .await?;
    Ok(rows.into_iter().map(|row| ((row.org_id, row.product_id), row)).collect())
}

async fn replace(tx: &mut Tx<'_, Tenants>, products: &[&ProductCopy]) -> Result<(), Error> {
    if products.is_empty() {
        return Ok(());
    }
    statement(
        "update product_placements p
         set categories = new.categories::uuid[], active = new.active, version = new.version,
             touched_at = clock_timestamp()
         from unnest($1, $2, $3, $4, $5) as new (org_id, product_id, categories, active, version)
         where p.org_id = new.org_id and p.product_id = new.product_id",
    )
    .bind::<Array<SqlUuid>, _>(products.iter().map(|product| product.organisation.uuid()).collect::<Vec<_>>())
    .bind::<Array<SqlUuid>, _>(products.iter().map(|product| product.product.uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(products.iter().map(|product| literal(&ids(product))).collect::<Vec<_>>())
    .bind::<Array<Bool>, _>(products.iter().map(|product| product.active).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(products.iter().map(|product| product.version).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Adds to the counts, which come in the order of their keys; a count that gets to 0 goes.
async fn add(tx: &mut Tx<'_, Tenants>, changes: &Changes) -> Result<(), Error> {
    if changes.is_empty() {
        return Ok(());
    }
    let organisations: Vec<Uuid> = changes.keys().map(|(organisation, _)| *organisation).collect();
    let sets: Vec<String> = changes.keys().map(|(_, categories)| literal(categories)).collect();
    statement(
        "insert into product_counts as known (org_id, categories, products, active)
         select new.org_id, new.categories::uuid[], new.products, new.active
         from unnest($1, $2, $3, $4) as new (org_id, categories, products, active)
         order by 1, 2
         on conflict (org_id, categories) do update
         set products = known.products + excluded.products, active = known.active + excluded.active",
    )
    .bind::<Array<SqlUuid>, _>(&organisations)
    .bind::<Array<Text>, _>(&sets)
    .bind::<Array<BigInt>, _>(changes.values().map(|(products, _)| *products).collect::<Vec<_>>())
    .bind::<Array<BigInt>, _>(changes.values().map(|(_, active)| *active).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    statement(
        "delete from product_counts c using unnest($1, $2) as changed (org_id, categories)
         where c.org_id = changed.org_id and c.categories = changed.categories::uuid[] and c.products = 0",
    )
    .bind::<Array<SqlUuid>, _>(&organisations)
    .bind::<Array<Text>, _>(&sets)
    .execute(tx.connection())
    .await?;
    Ok(())
}

fn count(changes: &mut Changes, organisation: Uuid, categories: &[Uuid], active: bool, by: i64) {
    if !categories.is_empty() {
        let change = changes.entry((organisation, categories.to_vec())).or_default();
        change.0 += by;
        change.1 += if active { by } else { 0 };
    }
}

fn ids(product: &ProductCopy) -> Vec<Uuid> {
    product.categories.iter().map(|category| CategoryId::uuid(*category)).collect()
}

/// Sets have different sizes, which a two-dimensional array cannot hold: they travel as array literals.
fn literal(ids: &[Uuid]) -> String {
    let texts: Vec<String> = ids.iter().map(Uuid::to_string).collect();
    format!("{{{}}}", texts.join(","))
}

#[derive(QueryableByName)]
struct PlacementRow {
    #[diesel(sql_type = SqlUuid)]
    org_id: Uuid,
    #[diesel(sql_type = SqlUuid)]
    product_id: Uuid,
    #[diesel(sql_type = Array<SqlUuid>)]
    categories: Vec<Uuid>,
    #[diesel(sql_type = Bool)]
    active: bool,
    #[diesel(sql_type = BigInt)]
    version: i64,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

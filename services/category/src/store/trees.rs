//! Loads the tree of the transaction's organisation under its lock, and saves what a command changed in it.

use diesel::{
    ExpressionMethods, QueryDsl, SelectableHelper,
    sql_types::{Array, Nullable, Text, Uuid as SqlUuid},
    upsert::excluded,
};
use diesel_async::RunQueryDsl;
use kernel::CategoryId;
use persistence::{Tx, statement};

use crate::{
    domain::{Category, Tree},
    error::Error,
    projections::category::CategoryRow,
    schema::{categories, trees},
};

/// How many rows one INSERT carries: fourteen values each, far below the protocol's 65,535.
const ROWS_PER_STATEMENT: usize = 1_000;

/// Locks the tree until the transaction ends, then reads it. Another command on the same tree waits here.
///
/// # Errors
/// `Storage` when the database fails, `Corrupt` when a row breaks a rule of the domain.
pub async fn lock(tx: &mut Tx<'_>) -> Result<Tree, Error> {
    let organisation = tx.organisation().uuid();
    // One statement inserts the organisation's first row or locks the one that exists.
    diesel::insert_into(trees::table)
        .values((trees::org_id.eq(organisation), trees::revision.eq(1)))
        .on_conflict(trees::org_id)
        .do_update()
        .set(trees::revision.eq(trees::revision + 1))
        .execute(tx.connection())
        .await?;
    let rows: Vec<CategoryRow> = categories::table
        .filter(categories::org_id.eq(organisation))
        .select(CategoryRow::as_select())
        .load(tx.connection())
        .await?;
    let loaded = rows.into_iter().map(Category::try_from).collect::<Result<Vec<_>, _>>()?;
    Ok(Tree::restore(loaded))
}

/// Writes new and changed categories.
///
/// # Errors
/// `Storage` when the database fails or a constraint refuses.
pub async fn save(tx: &mut Tx<'_>, changes: &[&Category]) -> Result<(), Error> {
    let organisation = tx.organisation();
    leave_slugs(tx, changes).await?;
    for part in changes.chunks(ROWS_PER_STATEMENT) {
        let rows: Vec<CategoryRow> = part.iter().map(|category| CategoryRow::of(organisation, category)).collect();
        diesel::insert_into(categories::table)
            .values(rows)
            .on_conflict((categories::org_id, categories::category_id))
            .do_update()
            .set((
                categories::parent_id.eq(excluded(categories::parent_id)),
                categories::name.eq(excluded(categories::name)),
                categories::slug.eq(excluded(categories::slug)),
                categories::path.eq(excluded(categories::path)),
                categories::position.eq(excluded(categories::position)),
                categories::version.eq(excluded(categories::version)),
                categories::updated_at.eq(excluded(categories::updated_at)),
                categories::icon.eq(excluded(categories::icon)),
                categories::image.eq(excluded(categories::image)),
                categories::external_references.eq(excluded(categories::external_references)),
                categories::retired_at.eq(excluded(categories::retired_at)),
            ))
            .execute(tx.connection())
            .await?;
    }
    Ok(())
}

/// Keeps the slugs of places that categories are about to leave, so that their old addresses lead on. The caller writes the categories
/// afterwards.
async fn leave_slugs(tx: &mut Tx<'_>, changes: &[&Category]) -> Result<(), Error> {
    statement(
        "insert into former_slugs as known (org_id, parent_id, slug, category_id)
         select c.org_id, c.parent_id, c.slug, c.category_id
         from unnest($2, $3, $4) as new (category_id, parent_id, slug)
         join categories c on c.org_id = $1 and c.category_id = new.category_id
         where (c.parent_id, c.slug) is distinct from (new.parent_id, new.slug)
         on conflict (org_id, parent_id, slug) do update set category_id = excluded.category_id",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Array<SqlUuid>, _>(changes.iter().map(|category| category.id().uuid()).collect::<Vec<_>>())
    .bind::<Array<Nullable<SqlUuid>>, _>(
        changes.iter().map(|category| category.parent().map(CategoryId::uuid)).collect::<Vec<_>>(),
    )
    .bind::<Array<Text>, _>(changes.iter().map(|category| category.slug().as_str()).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Writes the paths of categories that only were carried along: however many they are, one statement.
///
/// # Errors
/// `Storage` when the database fails or a constraint refuses.
pub async fn save_paths(tx: &mut Tx<'_>, carried: &[&Category]) -> Result<(), Error> {
    if carried.is_empty() {
        return Ok(());
    }
    // Paths have different lengths, which a two-dimensional array cannot hold: they travel as array literals.
    let literal = |category: &&Category| {
        let ids: Vec<String> = category.path().iter().map(|id| id.uuid().to_string()).collect();
        format!("{{{}}}", ids.join(","))
    };
    statement(
        "update categories c set path = carried.path::uuid[]
         from unnest($2, $3) as carried (category_id, path)
         where c.org_id = $1 and c.category_id = carried.category_id",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<Array<SqlUuid>, _>(carried.iter().map(|category| category.id().uuid()).collect::<Vec<_>>())
    .bind::<Array<Text>, _>(carried.iter().map(literal).collect::<Vec<_>>())
    .execute(tx.connection())
    .await?;
    Ok(())
}

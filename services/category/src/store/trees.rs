//! Loads the tree of the transaction's organisation under its lock, and saves what a command changed in it.

use diesel::{ExpressionMethods, QueryDsl, SelectableHelper, upsert::excluded};
use diesel_async::RunQueryDsl;
use persistence::Tx;

use crate::{
    domain::{Category, Tree},
    error::Error,
    projections::category::CategoryRow,
    schema::{categories, trees},
};

/// How many rows one INSERT carries: ten values each, far below the protocol's 65,535.
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
            ))
            .execute(tx.connection())
            .await?;
    }
    Ok(())
}

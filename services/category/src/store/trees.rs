//! Loads the tree of the transaction's organisation under its lock, and saves what a command changed in it.

use diesel::{ExpressionMethods, Insertable, QueryDsl, Queryable, Selectable, SelectableHelper, upsert::excluded};
use diesel_async::RunQueryDsl;
use kernel::{CategoryId, Malformed, Slug, Timestamp};
use persistence::Tx;
use uuid::Uuid;

use crate::{
    domain::{Category, CategoryName, Placement, Tree},
    error::Error,
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
    let rows: Vec<Row> = categories::table
        .filter(categories::org_id.eq(organisation))
        .select(Row::as_select())
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
    let organisation = tx.organisation().uuid();
    for part in changes.chunks(ROWS_PER_STATEMENT) {
        let rows: Vec<Row> = part.iter().map(|category| Row::of(organisation, category)).collect();
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

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = categories, check_for_backend(diesel::pg::Pg))]
struct Row {
    org_id: Uuid,
    category_id: Uuid,
    parent_id: Option<Uuid>,
    name: String,
    slug: String,
    path: Vec<Uuid>,
    position: i32,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Row {
    fn of(organisation: Uuid, category: &Category) -> Self {
        Self {
            org_id: organisation,
            category_id: category.id().uuid(),
            parent_id: category.parent().map(CategoryId::uuid),
            name: category.name().as_str().to_owned(),
            slug: category.slug().to_string(),
            path: category.path().iter().map(|id| id.uuid()).collect(),
            position: category.position(),
            version: category.version(),
            created_at: category.created_at(),
            updated_at: category.updated_at(),
        }
    }
}

impl TryFrom<Row> for Category {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self, Error> {
        let id = CategoryId::from_uuid(row.category_id);
        let corrupt = |malformed: Malformed| Error::corrupt(id, &malformed);
        let at = Placement {
            parent: row.parent_id.map(CategoryId::from_uuid),
            path: row.path.into_iter().map(CategoryId::from_uuid).collect(),
            position: row.position,
        };
        let name = CategoryName::parse(&row.name).map_err(corrupt)?;
        let slug = Slug::parse(&row.slug).map_err(corrupt)?;
        Ok(Self::restore(id, name, slug, at, row.version, row.created_at, row.updated_at))
    }
}

//! Saved views: inserted into the first free place, changed and deleted one by one.

use diesel::dsl::exists;
use diesel::{ExpressionMethods, OptionalExtension, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::ViewId;
use persistence::Tx;
use serde_json::Value;

use crate::domain::view::{View, ViewEntity, ViewName};
use crate::error::Error;
use crate::projections::view::Row;
use crate::schema::saved_views as views;

/// Locks one view and loads it.
pub(crate) async fn lock(tx: &mut Tx<'_>, view: ViewId) -> Result<View, Error> {
    let row: Option<Row> = views::table
        .filter(views::org_id.eq(tx.organisation().uuid()))
        .filter(views::view_id.eq(view.uuid()))
        .select(Row::as_select())
        .for_update()
        .get_result(tx.connection())
        .await
        .optional()?;
    row.ok_or(Error::ViewNotFound { view })?.try_into()
}

/// Refuses a name that another view of the same kind of item has.
pub(crate) async fn refuse_taken(
    tx: &mut Tx<'_>,
    entity: ViewEntity,
    name: &ViewName,
    except: ViewId,
) -> Result<(), Error> {
    let others = views::table
        .filter(views::org_id.eq(tx.organisation().uuid()))
        .filter(views::entity.eq(<&str>::from(entity)))
        .filter(views::name.eq(name.as_str()))
        .filter(views::view_id.ne(except.uuid()));
    let taken: bool = diesel::select(exists(others)).get_result(tx.connection()).await?;
    if taken { Err(Error::ViewNameTaken { name: name.clone() }) } else { Ok(()) }
}

/// Inserts a view, whose name is free.
pub(crate) async fn insert(tx: &mut Tx<'_>, view: &View) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    let own = views::table.filter(views::org_id.eq(organisation)).order_by(views::place);
    let taken: Vec<i32> = own.select(views::place).load(tx.connection()).await?;
    let place = (1..=View::MOST).find(|place| taken.binary_search(place).is_err()).ok_or(Error::TooManyViews)?;
    diesel::insert_into(views::table)
        .values((
            views::org_id.eq(organisation),
            views::view_id.eq(view.id.uuid()),
            views::place.eq(place),
            views::entity.eq(<&str>::from(view.entity)),
            views::name.eq(view.name.as_str()),
            views::query.eq(Value::Object(view.query.clone())),
            views::version.eq(view.version),
            views::created_at.eq(view.created_at),
            views::updated_at.eq(view.updated_at),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Writes a changed view, which the caller has locked.
pub(crate) async fn save(tx: &mut Tx<'_>, view: &View) -> Result<(), Error> {
    let row = views::table.filter(views::org_id.eq(tx.organisation().uuid())).filter(views::view_id.eq(view.id.uuid()));
    diesel::update(row)
        .set((
            views::name.eq(view.name.as_str()),
            views::query.eq(Value::Object(view.query.clone())),
            views::version.eq(view.version),
            views::updated_at.eq(view.updated_at),
        ))
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// Deletes a view, which the caller has locked.
pub(crate) async fn delete(tx: &mut Tx<'_>, view: ViewId) -> Result<(), Error> {
    let row = views::table.filter(views::org_id.eq(tx.organisation().uuid())).filter(views::view_id.eq(view.uuid()));
    diesel::delete(row).execute(tx.connection()).await?;
    Ok(())
}

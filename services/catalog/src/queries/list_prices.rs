//! The price history of one variant, the latest entry first.

use access::Permission;
use diesel::sql_types::Bool;
use diesel::{BoolExpressionMethods, ExpressionMethods, IntoSql, QueryDsl, SelectableHelper};
use diesel_async::RunQueryDsl;
use kernel::{Clock, Cursor, Page, PageSize, VariantId};
use mediator::{Query, Tenant};
use persistence::{ReadConn, limited};
use uuid::Uuid;

use crate::domain::price::PriceEntry;
use crate::error::Error;
use crate::projections::price::Row;
use crate::schema::prices;

/// Asks for a page of the prices of a variant. A variant that is unknown has none.
#[derive(Debug, Clone)]
pub struct ListPrices {
    /// The variant.
    pub variant: VariantId,
    /// Whether prices that are over and changes of the base price are left out.
    pub open: bool,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// How many entries it has at most.
    pub size: PageSize,
}

impl Query for ListPrices {
    const NAME: &'static str = "catalog.list-prices";
    const REQUIRES: Permission = Permission::ProductRead;
    type Tenancy = Tenant;
    type Reply = Page<PriceEntry>;
    type Error = Error;

    async fn fetch(&self, read: &mut ReadConn<'_>) -> Result<Page<PriceEntry>, Error> {
        let list = read.list("prices", &(self.variant, self.open)).await?;
        let before: Uuid = list.mark(self.cursor.as_ref())?.unwrap_or(Uuid::max());
        let newest = prices::table
            .filter(prices::org_id.eq(read.organisation().uuid()))
            .filter(prices::variant_id.eq(self.variant.uuid()))
            .filter(prices::price_id.lt(before))
            .filter(prices::open.or((!self.open).into_sql::<Bool>()))
            .order_by(prices::price_id.desc())
            .select(Row::as_select());
        let rows: Vec<Row> = limited(newest, self.size).load(read.connection()).await?;
        let now = Clock::now();
        let items = rows.into_iter().map(|row| row.into_entry(now)).collect::<Result<Vec<_>, _>>()?;
        Ok(list.page(items, self.size, |last: &PriceEntry| last.id.uuid())?)
    }
}

//! Deleting a product that was never sold. The rule: the ledger stays, since it is never rewritten.

use diesel::sql_types::{Bool, Uuid as SqlUuid};
use diesel::{ExpressionMethods, QueryDsl, QueryableByName};
use diesel_async::RunQueryDsl;
use kernel::ProductId;
use persistence::{Tx, statement};

use crate::domain::product::Product;
use crate::error::Error;
use crate::schema::{products, stock, variants};

#[derive(QueryableByName)]
struct SoldRow {
    #[diesel(sql_type = Bool)]
    sold: bool,
}

/// Whether a product, which the caller has locked, was ever for sale or an order ever moved its stock.
pub(crate) async fn was_sold(tx: &mut Tx<'_>, product: ProductId) -> Result<bool, Error> {
    let row: SoldRow = statement(
        "select p.was_active or exists (
             select from variants v
             join movements m on m.org_id = v.org_id and m.sku = v.sku and m.variant_id = v.variant_id
             where v.org_id = p.org_id and v.product_id = p.product_id and m.order_id is not null) as sold
         from products p where p.org_id = $1 and p.product_id = $2",
    )
    .bind::<SqlUuid, _>(tx.organisation().uuid())
    .bind::<SqlUuid, _>(product.uuid())
    .get_result(tx.connection())
    .await?;
    Ok(row.sold)
}

/// Deletes a product with its variants and their stock rows, which the caller has locked. The policies let no other product go
/// than a draft that was never for sale.
pub(crate) async fn delete(tx: &mut Tx<'_>, product: &Product) -> Result<(), Error> {
    let organisation = tx.organisation().uuid();
    let of_product: Vec<_> = product.variants().iter().map(|variant| variant.id.uuid()).collect();
    let shelves = stock::table.filter(stock::org_id.eq(organisation)).filter(stock::variant_id.eq_any(&of_product));
    diesel::delete(shelves).execute(tx.connection()).await?;
    let sold_in =
        variants::table.filter(variants::org_id.eq(organisation)).filter(variants::product_id.eq(product.id().uuid()));
    diesel::delete(sold_in).execute(tx.connection()).await?;
    let itself =
        products::table.filter(products::org_id.eq(organisation)).filter(products::product_id.eq(product.id().uuid()));
    let deleted = diesel::delete(itself).execute(tx.connection()).await?;
    // The policies disagree with `was_sold`; the transaction is undone.
    if deleted == 1 { Ok(()) } else { Err(Error::corrupt("product", "it could not be deleted")) }
}

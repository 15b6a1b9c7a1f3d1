//! Who has the SKUs and barcodes that somebody wants. Nothing is locked: whoever comes in between is stopped by a key.

use std::collections::HashMap;

use diesel::{BoolExpressionMethods, ExpressionMethods, JoinOnDsl, QueryDsl};
use diesel_async::RunQueryDsl;
use kernel::{Malformed, OrganisationId, ProductId, Sku};
use persistence::{Tenancy, Tx};
use uuid::Uuid;

use crate::domain::barcode::Barcode;
use crate::domain::import::Owner;
use crate::domain::product::{TakenBarcode, TakenSku};
use crate::error::Error;
use crate::schema::{products, stock, variants};

/// A SKU, its product with slug and status, and the figures of its stock.
type OwnerRow = (String, Uuid, String, String, i64, i64, i64, i64);

/// The owners of those SKUs that have one.
pub(crate) async fn owners(tx: &mut Tx<'_>, skus: &[&str]) -> Result<HashMap<String, Owner>, Error> {
    if skus.is_empty() {
        return Ok(HashMap::new());
    }
    let of_product = products::org_id.eq(variants::org_id).and(products::product_id.eq(variants::product_id));
    let of_stock = stock::org_id.eq(variants::org_id).and(stock::variant_id.eq(variants::variant_id));
    let rows: Vec<OwnerRow> = variants::table
        .inner_join(products::table.on(of_product))
        .inner_join(stock::table.on(of_stock))
        .filter(variants::org_id.eq(tx.organisation().uuid()))
        .filter(variants::sku.eq_any(skus.iter().copied()))
        .select((
            variants::sku,
            variants::product_id,
            products::slug,
            products::status,
            stock::on_hand,
            stock::reserved + stock::held,
            stock::located,
            stock::low_threshold,
        ))
        .load(tx.connection())
        .await?;
    let owner = |(sku, product, slug, status, on_hand, promised, located, low_threshold)| {
        let product = ProductId::from_uuid(product);
        (sku, Owner { product, slug, status, on_hand, promised, located, low_threshold })
    };
    Ok(rows.into_iter().map(owner).collect())
}

/// Those of the SKUs that a product of their organisation has, with that product.
pub(crate) async fn taken_skus<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    wanted: &[(OrganisationId, &Sku)],
) -> Result<HashMap<(OrganisationId, Sku), TakenSku>, Error> {
    let of_product = products::org_id.eq(variants::org_id).and(products::product_id.eq(variants::product_id));
    let rows: Vec<(Uuid, String, Uuid, String)> = variants::table
        .inner_join(products::table.on(of_product))
        .filter(variants::org_id.eq_any(wanted.iter().map(|(organisation, _)| organisation.uuid())))
        .filter(variants::sku.eq_any(wanted.iter().map(|(_, sku)| sku.as_str())))
        .select((variants::org_id, variants::sku, variants::product_id, products::status))
        .load(tx.connection())
        .await?;
    rows.into_iter()
        .map(|(organisation, sku, product, status)| {
            let sku = Sku::parse(&sku).map_err(|cause| Error::corrupt("variant", cause))?;
            let status = kernel::parse_name("status", &status).map_err(|cause| Error::corrupt("product", cause))?;
            let taken = TakenSku { sku: sku.clone(), product: ProductId::from_uuid(product), status };
            Ok(((OrganisationId::from_uuid(organisation), sku), taken))
        })
        .collect()
}

/// Those of the barcodes that a variant of their organisation has, with that variant.
pub(crate) async fn taken_barcodes<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    wanted: &[(OrganisationId, &Barcode)],
) -> Result<HashMap<(OrganisationId, Barcode), TakenBarcode>, Error> {
    if wanted.is_empty() {
        return Ok(HashMap::new());
    }
    let of_product = products::org_id.eq(variants::org_id).and(products::product_id.eq(variants::product_id));
    let rows: Vec<(Uuid, Option<String>, String, Uuid, String)> = variants::table
        .inner_join(products::table.on(of_product))
        .filter(variants::org_id.eq_any(wanted.iter().map(|(organisation, _)| organisation.uuid())))
        .filter(variants::barcode.eq_any(wanted.iter().map(|(_, barcode)| barcode.as_str())))
        .select((variants::org_id, variants::barcode, variants::sku, variants::product_id, products::status))
        .load(tx.connection())
        .await?;
    rows.into_iter()
        .map(|(organisation, barcode, sku, product, status)| {
            let corrupt = |cause: Malformed| Error::corrupt("variant", cause);
            let barcode = Barcode::parse(&barcode.unwrap_or_default()).map_err(corrupt)?;
            let taken = TakenBarcode {
                barcode: barcode.clone(),
                sku: Sku::parse(&sku).map_err(corrupt)?,
                product: ProductId::from_uuid(product),
                status: kernel::parse_name("status", &status).map_err(corrupt)?,
            };
            Ok(((OrganisationId::from_uuid(organisation), barcode), taken))
        })
        .collect()
}

/// As [`taken_skus`], for SKUs of one organisation and in their order.
pub(crate) async fn taken_skus_of<T: Tenancy>(
    tx: &mut Tx<'_, T>,
    organisation: OrganisationId,
    skus: &[Sku],
) -> Result<Vec<TakenSku>, Error> {
    let wanted: Vec<(OrganisationId, &Sku)> = skus.iter().map(|sku| (organisation, sku)).collect();
    let mut taken = taken_skus(tx, &wanted).await?;
    Ok(skus.iter().filter_map(|sku| taken.remove(&(organisation, sku.clone()))).collect())
}

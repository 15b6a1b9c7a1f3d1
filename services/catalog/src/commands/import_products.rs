//! Importing a batch of products from a file: created or updated by slug and SKU, in a fixed number of statements.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use access::Permission;
use kernel::{CategoryId, Clock, OrganisationId, ProductId, Sku, Slug, Timestamp};
use mediator::{Command, Tenant};
use persistence::Tx;

use super::product_states;
use crate::domain::barcode::Barcode;
use crate::domain::import::{
    Holders, ImportedProduct, ImportedVariant, Merge, Merged, RowOutcome, RowResult, Standing, merge,
};
use crate::domain::location::Placed;
use crate::domain::product::{Product, Variant, handed_on as handed_on_barcodes};
use crate::error::Error;
use crate::published;
use crate::store;
use crate::store::products::Insertion;
use crate::store::stock::{LedgerEntry, Opening, StockUpdate};

/// What the ledger says about stock that a file set.
const REASON: &str = "import";

/// Imports products; no slug and no SKU stands twice in a batch.
#[derive(Debug, Clone)]
pub struct ImportProducts {
    /// The batch, in the order of the file.
    pub products: Vec<ImportedProduct>,
}

impl Command for ImportProducts {
    const NAME: &'static str = "catalog.import-products";
    const REQUIRES: Permission = Permission::ProductWrite;
    type Tenancy = Tenant;
    type Reply = Vec<RowOutcome>;
    type Error = Error;

    async fn execute(&self, tx: &mut Tx<'_>) -> Result<Vec<RowOutcome>, Error> {
        upsert(tx, &self.products, REASON).await
    }
}

/// Creates or updates products, of which no two have a slug, a SKU or a barcode in common. `reason` is for the ledger.
pub(super) async fn upsert(
    tx: &mut Tx<'_>,
    products: &[ImportedProduct],
    reason: &str,
) -> Result<Vec<RowOutcome>, Error> {
    let now = Clock::now();
    let categories = categories(tx, products).await?;
    let all: Vec<&ImportedProduct> = products.iter().collect();
    let mut rows = merge_with_stored(tx, &all, &categories, now).await?;
    let overtaken = lock_changed(tx, &rows).await?;
    if !overtaken.is_empty() {
        // They are locked by now, so what is read this time stays.
        let (again, kept): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|row| row.before.as_ref().is_some_and(|one| overtaken.contains(&one.id())));
        let again: Vec<&ImportedProduct> = again.into_iter().map(|row| row.imported).collect();
        let again = merge_with_stored(tx, &again, &categories, now).await?;
        if again.iter().any(|row| row.before.as_ref().is_none_or(|one| !overtaken.contains(&one.id()))) {
            return Err(Error::Overtaken { what: "the slug of a product" });
        }
        rows = kept.into_iter().chain(again).collect();
    }

    let mut outcomes = Vec::new();
    let mut merged: Vec<(Merged, Option<Product>)> = Vec::new();
    for row in rows {
        outcomes.extend(row.merge.refused);
        merged.extend(row.merge.merged.map(|one| (one, row.before)));
    }
    write(tx, &merged, reason, now).await?;
    for (one, _) in &merged {
        let result = match one.standing {
            Standing::New => RowResult::Created,
            Standing::Changed(_) => RowResult::Updated,
            Standing::Same if one.stock.is_empty() => RowResult::Unchanged,
            Standing::Same => RowResult::Updated,
        };
        outcomes.extend(one.lines.iter().map(|line| RowOutcome {
            line: *line,
            result,
            slug: Some(one.product.slug().clone()),
            product: Some(one.product.id()),
            errors: Vec::new(),
        }));
    }
    outcomes.sort_by_key(|outcome| outcome.line);
    Ok(outcomes)
}

/// The categories that the rows of the batch may refer to, each with its path of slugs from the root down.
async fn categories(tx: &mut Tx<'_>, products: &[ImportedProduct]) -> Result<Vec<(CategoryId, String)>, Error> {
    // A reference that is not slugs joined by `/` matches no category. It is not sent to the database, which would
    // refuse some texts (a NUL character) and with them the whole batch.
    let is_path_of_slugs = |text: &&str| text.split('/').all(|part| Slug::parse(part).is_ok());
    let references = products.iter().filter_map(|one| one.category.as_deref()).filter(is_path_of_slugs);
    let slugs: BTreeSet<&str> = references.filter_map(|path| path.rsplit('/').next()).collect();
    let slugs: Vec<&str> = slugs.into_iter().collect();
    store::categories::with_slugs(tx, &slugs).await
}

/// The one category whose path of slugs ends with the row's reference.
fn category_of(named: Option<&str>, categories: &[(CategoryId, String)]) -> Result<Option<CategoryId>, String> {
    let Some(named) = named else { return Ok(None) };
    let ends = |path: &str| path.strip_suffix(named).is_some_and(|before| before.is_empty() || before.ends_with('/'));
    let mut found = categories.iter().filter(|(_, path)| ends(path));
    match (found.next(), found.next()) {
        (Some((category, _)), None) => Ok(Some(*category)),
        // A root is found by its own slug, even when categories further down have the same slug.
        (Some(_), Some(_)) => match categories.iter().find(|(_, path)| path == named) {
            Some((category, _)) => Ok(Some(*category)),
            None => Err(format!(
                "more than one category ends with {named}; write its parents before it, as in parent/{named}"
            )),
        },
        (None, _) => Err(format!("there is no category {named}")),
    }
}

/// A product of the file beside the stored one that it was merged with.
struct Row<'i> {
    imported: &'i ImportedProduct,
    before: Option<Product>,
    merge: Merge,
}

/// Merges products of the file with what is stored, which is read without a lock.
async fn merge_with_stored<'i>(
    tx: &mut Tx<'_>,
    products: &[&'i ImportedProduct],
    categories: &[(CategoryId, String)],
    now: Timestamp,
) -> Result<Vec<Row<'i>>, Error> {
    let slugs: Vec<&str> = products.iter().map(|one| one.slug.as_str()).collect();
    let mut stored = store::products::with_slugs(tx, &slugs).await?;
    let skus: Vec<&str> = products.iter().flat_map(|one| &one.variants).map(|variant| variant.sku.as_str()).collect();
    let owners = store::products::owners(tx, &skus).await?;
    let barcodes = products.iter().flat_map(|one| &one.variants).filter_map(|variant| variant.barcode.as_ref());
    let organisation = tx.organisation();
    let barcodes: Vec<(OrganisationId, &Barcode)> = barcodes.map(|barcode| (organisation, barcode)).collect();
    let barcodes = store::products::taken_barcodes(tx, &barcodes).await?;
    let barcodes = barcodes.into_iter().map(|((_, barcode), holder)| (barcode, holder)).collect();
    let holders = Holders { owners, barcodes };
    let mut rows = Vec::with_capacity(products.len());
    for imported in products {
        let before = stored.remove(&imported.slug);
        // Each statement sees what is committed when it begins: this product was committed between the two.
        let appeared = |variant: &ImportedVariant| {
            holders.owners.get(variant.sku.as_str()).is_some_and(|owner| owner.slug == imported.slug.as_str())
        };
        if before.is_none() && imported.variants.iter().any(appeared) {
            return Err(Error::Overtaken { what: "a product" });
        }
        let category = category_of(imported.category.as_deref(), categories);
        let merge = merge(imported, before.as_ref(), category, &holders, now);
        rows.push(Row { imported, before, merge });
    }
    Ok(rows)
}

/// Locks the stored products that are to be written and gives those whose version is no longer the one that was read.
async fn lock_changed(tx: &mut Tx<'_>, rows: &[Row<'_>]) -> Result<HashSet<ProductId>, Error> {
    let changed: HashMap<ProductId, i64> = rows
        .iter()
        .filter_map(|row| row.merge.merged.as_ref())
        .filter_map(|one| match one.standing {
            Standing::Changed(version) => Some((one.product.id(), version)),
            Standing::New | Standing::Same => None,
        })
        .collect();
    let ids: Vec<ProductId> = changed.keys().copied().collect();
    let versions = store::products::lock_versions(tx, &ids).await?;
    Ok(ids.into_iter().filter(|product| versions.get(product) != changed.get(product)).collect())
}

/// Writes what differs, in the order of locks that `store` prescribes; the products that exist are locked already.
async fn write(
    tx: &mut Tx<'_>,
    merged: &[(Merged, Option<Product>)],
    reason: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let written = |new: bool| -> Vec<&Product> {
        merged
            .iter()
            .filter(|(one, _)| one.standing != Standing::Same && (one.standing == Standing::New) == new)
            .map(|(one, _)| &one.product)
            .collect()
    };
    let organisation = tx.organisation();
    let new: Vec<(OrganisationId, &Product)> =
        written(true).into_iter().map(|product| (organisation, product)).collect();
    if store::products::insert(tx, &new).await?.iter().any(|insertion| *insertion != Insertion::Done) {
        return Err(Error::Overtaken { what: "a slug or SKU" });
    }
    let handed_on = merged.iter().filter_map(|(one, before)| Some((before.as_ref()?, &one.product)));
    let handed_on = handed_on.flat_map(|(before, after)| handed_on_barcodes(before.variants(), after.variants()));
    store::products::release_barcodes(tx, &handed_on.collect::<Vec<_>>()).await?;
    store::products::save(tx, &written(false)).await?;
    set_stock(tx, merged, reason, now).await?;
    open_stock(tx, merged, reason, now).await?;
    let differ = merged.iter().map(|(one, _)| one).filter(|one| one.standing != Standing::Same);
    product_states::record(tx, differ.map(|one| &one.product)).await
}

/// The variants that have no stock row yet.
fn added<'m>(one: &'m Merged, before: Option<&Product>) -> &'m [Variant] {
    one.product.variants().get(before.map_or(0, |product| product.variants().len())..).unwrap_or_default()
}

/// Sets the stock of variants that exist, where the file says another figure.
async fn set_stock(
    tx: &mut Tx<'_>,
    merged: &[(Merged, Option<Product>)],
    reason: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let (organisation, actor) = (tx.organisation(), tx.provenance().actor.clone());
    let mut targets: BTreeMap<&Sku, i64> = BTreeMap::new();
    for (one, before) in merged {
        let new = added(one, before.as_ref());
        let existing = one.stock.iter().filter(|(sku, _)| new.iter().all(|variant| variant.sku != *sku));
        targets.extend(existing.map(|(sku, pieces)| (sku, *pieces)));
    }
    let skus: Vec<&Sku> = targets.keys().copied().collect();
    let shelves = store::stock::lock_own(tx, &skus).await?;
    let (mut rows, mut entries, mut low) = (Vec::new(), Vec::new(), Vec::new());
    for (sku, pieces) in targets {
        let overtaken = Error::Overtaken { what: "a stock level" };
        let Some(mut shelf) = shelves.get(sku).cloned() else { return Err(overtaken) };
        let before = shelf.stock;
        // The file was checked against a level that was not locked. If it has changed since, the batch is retried.
        // The file says the sum, and what changes of it changes at the default location.
        let Ok(movement) = Placed::Default.adjust(&mut shelf.stock, pieces - before.level.on_hand()) else {
            return Err(overtaken);
        };
        if movement.on_hand == 0 {
            continue;
        }
        shelf.stock.version += 1;
        let (product, variant, stock) = (shelf.product, shelf.variant, shelf.stock);
        rows.push(StockUpdate { organisation, product, variant, sku, before, stock, oversold: false });
        entries.push(LedgerEntry { organisation, variant, sku, order: None, location: None, movement, actor: &actor });
        if shelf.stock.got_low(&before) {
            low.push((shelf.stock.version, published::low(sku.clone(), (shelf.product, shelf.variant), shelf.stock)));
        }
    }
    store::stock::write(tx, &rows, &entries, reason, now).await?;
    for (version, event) in low {
        tx.record(version, event);
    }
    Ok(())
}

/// Opens the stock of variants that are new.
async fn open_stock(
    tx: &mut Tx<'_>,
    merged: &[(Merged, Option<Product>)],
    reason: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let (organisation, actor) = (tx.organisation(), tx.provenance().actor.clone());
    let openings: Vec<Opening<'_>> = merged
        .iter()
        .flat_map(|(one, before)| {
            added(one, before.as_ref()).iter().map(|variant| Opening {
                organisation,
                actor: &actor,
                variant: variant.id,
                sku: &variant.sku,
                on_hand: one.stock.iter().find(|(sku, _)| *sku == variant.sku).map_or(0, |(_, pieces)| *pieces),
                low_threshold: 0,
            })
        })
        .collect();
    store::stock::open(tx, &openings, reason, now).await
}

//! Importing a batch of products from a file: created or updated by slug and SKU, in a fixed number of statements.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use access::Permission;
use kernel::{CategoryId, Clock, OrganisationId, ProductId, Sku, Timestamp};
use mediator::{Command, Tenant};
use persistence::Tx;

use super::shelves::{self, ChangedShelf};
use super::{attribute_values, product_states};
use crate::domain::barcode::Barcode;
use crate::domain::import::{
    CategoryReference, Holders, ImportedProduct, ImportedVariant, KnownCategories, Merge, Merged, NewLevel, RowFault,
    RowOutcome, RowResult, Standing, merge,
};
use crate::domain::location::{LevelChange, Place, Placed};
use crate::domain::product::{Details, Product, Variant, handed_on as handed_on_barcodes};
use crate::domain::stock::Adjustment;
use crate::error::Error;
use crate::published;
use crate::store;
use crate::store::products::Insertion;
use crate::store::stock::Opening;

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
            Standing::Same if one.levels.is_empty() => RowResult::Unchanged,
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

/// The categories that the rows of the batch may mean.
async fn categories(tx: &mut Tx<'_>, products: &[ImportedProduct]) -> Result<KnownCategories, Error> {
    let named = |one: &'_ ImportedProduct| {
        one.category.iter().flatten().chain(one.categories.iter().flatten().flatten()).cloned().collect::<Vec<_>>()
    };
    let named: Vec<CategoryReference> = products.iter().flat_map(named).collect();
    let slugs: BTreeSet<&str> = named.iter().filter_map(CategoryReference::slug).collect();
    let paths = store::categories::with_slugs(tx, &slugs.into_iter().collect::<Vec<_>>()).await?;
    let organisation = tx.organisation();
    let ids = named.iter().filter_map(|reference| match reference {
        CategoryReference::Id(category) => Some((organisation, *category)),
        CategoryReference::Path(_) => None,
    });
    let ids: Vec<(OrganisationId, CategoryId)> = ids.collect();
    let ids = store::categories::known(tx, &ids).await?.into_keys().map(|(_, category)| category).collect();
    Ok(KnownCategories { paths, ids })
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
    categories: &KnownCategories,
    now: Timestamp,
) -> Result<Vec<Row<'i>>, Error> {
    let slugs: Vec<&str> = products.iter().map(|one| one.slug.as_str()).collect();
    let mut stored = store::products::with_slugs(tx, &slugs).await?;
    let skus: Vec<&str> = products.iter().flat_map(|one| &one.variants).map(|variant| variant.sku.as_str()).collect();
    let owners = store::products::owners(tx, &skus).await?;
    let barcodes = products.iter().flat_map(|one| &one.variants).flat_map(|variant| variant.barcode.iter().flatten());
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
        let merge = merge(imported, before.as_ref(), categories, &holders, now);
        rows.push(Row { imported, before, merge });
    }
    refuse_attributes(tx, &mut rows).await?;
    Ok(rows)
}

/// Refuses the products with values of attributes that they cannot have.
async fn refuse_attributes(tx: &mut Tx<'_>, rows: &mut [Row<'_>]) -> Result<(), Error> {
    let (organisation, none) = (tx.organisation(), Details::default());
    let values = rows.iter().map(|row| {
        let before = row.before.as_ref().map_or(&none, Product::details);
        let merged = row.merge.merged.as_ref();
        (organisation, merged.map(|one| one.product.details().new_attributes(before)).unwrap_or_default())
    });
    let checked = attribute_values::check(tx, &values.collect::<Vec<_>>()).await?;
    for (row, checked) in rows.iter_mut().zip(checked) {
        let Err(faults) = checked else { continue };
        let line = row.imported.line;
        let faults =
            faults.into_iter().map(|fault| (line, RowFault::new(format!("attributes.{}", fault.code), fault.reason)));
        row.merge = Merge::refused(row.imported, faults.collect());
    }
    Ok(())
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

/// Sets the stock of variants that exist, where the file says other figures.
async fn set_stock(
    tx: &mut Tx<'_>,
    merged: &[(Merged, Option<Product>)],
    reason: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let mut targets: BTreeMap<&Sku, &NewLevel> = BTreeMap::new();
    for (one, before) in merged {
        let new = added(one, before.as_ref());
        let existing = one.levels.iter().filter(|level| new.iter().all(|variant| variant.sku != level.sku));
        targets.extend(existing.map(|level| (&level.sku, level)));
    }
    let skus: Vec<&Sku> = targets.keys().copied().collect();
    let mut locked = store::stock::lock_own(tx, &skus).await?;
    let mut shelves = Vec::with_capacity(targets.len());
    for (sku, level) in targets {
        let overtaken = Error::Overtaken { what: "a stock level" };
        let Some(shelf) = locked.remove(sku) else { return Err(overtaken) };
        let mut shelf = ChangedShelf::new(sku.clone(), shelf);
        let there = shelf.stock().level.on_hand();
        // The file says the sum, and what changes of it changes at the default location.
        let adjustment = level.on_hand.map_or(Adjustment::Unchanged, |pieces| Adjustment::Delta(pieces - there));
        let (place, low_threshold) = (Place::Default, level.low_threshold);
        let change = LevelChange { place, adjustment, low_threshold, safety_stock: None, backorder: None };
        let mut placed = Placed::Default;
        // The file was checked against a level that was not locked. If it has changed since, the batch is retried.
        let Ok(movement) = change.apply(&mut placed, shelf.stock()) else { return Err(overtaken) };
        shelf.keep(placed, movement, reason);
        if shelf.is_changed() {
            shelf.raise_version();
            shelves.push(shelf);
        }
    }
    shelves::write(tx, &shelves.iter().collect::<Vec<_>>(), now).await
}

/// Opens the stock of variants that are new.
async fn open_stock(
    tx: &mut Tx<'_>,
    merged: &[(Merged, Option<Product>)],
    reason: &str,
    now: Timestamp,
) -> Result<(), Error> {
    let (organisation, actor) = (tx.organisation(), tx.provenance().actor.clone());
    let opening = |one: &'_ Merged, variant: &'_ Variant| {
        let level = one.levels.iter().find(|level| level.sku == variant.sku);
        let figures = level.map(|level| (level.on_hand, level.low_threshold)).unwrap_or_default();
        (figures.0.unwrap_or(0), figures.1.unwrap_or(0))
    };
    let openings: Vec<(ProductId, Opening<'_>)> = merged
        .iter()
        .flat_map(|(one, before)| added(one, before.as_ref()).iter().map(move |variant| (one, variant)))
        .map(|(one, variant)| {
            let (on_hand, low_threshold) = opening(one, variant);
            let (sku, variant) = (&variant.sku, variant.id);
            (one.product.id(), Opening { organisation, actor: &actor, variant, sku, on_hand, low_threshold })
        })
        .collect();
    let rows: Vec<Opening<'_>> = openings.iter().map(|(_, opening)| *opening).collect();
    store::stock::open(tx, &rows, reason, now).await?;
    for (product, opening) in openings.iter().filter(|(_, opening)| opening.stock().begins_low()) {
        let stock = opening.stock();
        tx.record(stock.version, published::low(opening.sku.clone(), (*product, opening.variant), stock));
    }
    Ok(())
}

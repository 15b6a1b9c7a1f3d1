//! One product of a file merged with what is stored.
//! The rule: a row that is wrong is told with its column; in CSV its neighbours are imported without it, and in NDJSON the row
//! is the whole product.

use std::collections::{BTreeMap, HashMap};

use kernel::{ProductId, Sku, Timestamp};

use super::{ImportedProduct, ImportedVariant, KnownCategories, Placing, RowFault, RowOutcome};
use crate::domain::barcode::Barcode;
use crate::domain::product::{
    FaultPlace, NewProduct, NewSlug, NewVariant, Product, ProductChange, ProductFault, SettableStatus, TakenBarcode,
};
use crate::domain::stock::Level;

/// The product that has a SKU now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The product of its variant.
    pub product: ProductId,
    /// The slug of that product.
    pub slug: String,
    /// Whether that product is sold, by its name.
    pub status: String,
    /// Pieces on hand.
    pub on_hand: i64,
    /// Pieces of them that are reserved or held for orders.
    pub promised: i64,
    /// Pieces of them that are at other locations than the default one.
    pub located: i64,
    /// A warning comes when this many or fewer are available.
    pub low_threshold: i64,
}

/// Who has what the file names now.
#[derive(Debug, Default)]
pub struct Holders {
    /// The products that have its SKUs.
    pub owners: HashMap<String, Owner>,
    /// The variants that have its barcodes.
    pub barcodes: HashMap<Barcode, TakenBarcode>,
}

/// A product of the file, merged with what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The product as it is to be.
    pub product: Product,
    /// How it relates to what is stored.
    pub standing: Standing,
    /// The stock levels that are to be different.
    pub levels: Vec<NewLevel>,
    /// The lines that are part of it.
    pub lines: Vec<u64>,
}

/// A stock level as the file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLevel {
    /// The variant's SKU.
    pub sku: Sku,
    /// Pieces on hand from now on, if that is another figure.
    pub on_hand: Option<i64>,
    /// The threshold from now on, if that is another figure.
    pub low_threshold: Option<i64>,
}

/// How a merged product relates to what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Nothing is stored.
    New,
    /// It was stored in this version and is to be written.
    Changed(i64),
    /// It is stored without any difference.
    Same,
}

/// What one product of the file leads to: at most one merged product, and the rows that were refused.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Merge {
    /// What is to be written or found unchanged.
    pub merged: Option<Merged>,
    /// Rows that were refused.
    pub refused: Vec<RowOutcome>,
}

impl Merge {
    /// Every line of a product is refused. One without a fault of its own refers to the first one that has one.
    #[must_use]
    pub fn refused(imported: &ImportedProduct, faults: Vec<(u64, RowFault)>) -> Self {
        let first = faults.iter().map(|(line, _)| *line).min().unwrap_or(imported.line);
        let mut faulty = by_line(faults);
        let refused = imported.lines().into_iter().map(|line| {
            let unless =
                || vec![RowFault { column: None, reason: format!("its product is refused; see line {first}") }];
            let errors = faulty.remove(&line).unwrap_or_else(unless);
            RowOutcome::failed(line, Some(imported.slug.clone()), errors)
        });
        Self { merged: None, refused: refused.collect() }
    }
}

/// Merges one product of the file with what is stored.
#[must_use]
pub fn merge(
    imported: &ImportedProduct,
    stored: Option<&Product>,
    categories: &KnownCategories,
    holders: &Holders,
    now: Timestamp,
) -> Merge {
    let owners = &holders.owners;
    let mut faults: Vec<(u64, RowFault)> = Vec::new();
    let placing = categories.of(imported, stored).unwrap_or_else(|unknown| {
        faults.extend(unknown.into_iter().map(|fault| (imported.line, fault)));
        Placing::default()
    });
    if stored.is_none() && imported.title.is_none() {
        faults.push((imported.line, RowFault::new("title", "is needed, since the product is new")));
    }
    // Variants with faults of their own count: what comes behind them was refused for the sake of the whole.
    if imported.variants.len() > Product::MOST_VARIANTS {
        faults.push((imported.line, RowFault::too_many_variants()));
    }
    let product_is_refused = !faults.is_empty();
    let mut good: Vec<&ImportedVariant> = Vec::new();
    for variant in &imported.variants {
        let known = stored.is_some_and(|product| product.variants().iter().any(|one| one.sku == variant.sku));
        let fault = match owners.get(variant.sku.as_str()) {
            Some(owner) if stored.is_none_or(|product| product.id() != owner.product) => Some(RowFault::new(
                format!("{}sku", variant.prefix),
                format!("{} belongs to the product {}, which is {}", variant.sku, owner.slug, owner.status),
            )),
            _ if !known && variant.price.is_none() => {
                Some(RowFault::new(format!("{}price", variant.prefix), "is needed, since the variant is new"))
            }
            owner => level_fault(variant, owner).or_else(|| barcode_fault(variant, stored, &holders.barcodes)),
        };
        match fault {
            Some(fault) => faults.push((variant.line, fault)),
            None => good.push(variant),
        }
    }
    let refuse_all = product_is_refused
        || (imported.whole && !faults.is_empty())
        || (good.is_empty() && !imported.variants.is_empty());
    if refuse_all {
        return Merge::refused(imported, faults);
    }
    let (product, standing) = match apply(imported, &good, stored, &placing, now) {
        Ok(applied) => applied,
        Err(more) => {
            faults.extend(more.iter().map(|fault| located(fault, imported)));
            return Merge::refused(imported, faults);
        }
    };
    let refused =
        by_line(faults).into_iter().map(|(line, errors)| RowOutcome::failed(line, Some(imported.slug.clone()), errors));
    let levels = good.iter().filter_map(|variant| level(variant, owners.get(variant.sku.as_str()))).collect();
    let mut lines: Vec<u64> = good.iter().map(|variant| variant.line).collect();
    lines.dedup();
    if lines.is_empty() {
        lines.push(imported.line);
    }
    Merge { merged: Some(Merged { product, standing, levels, lines }), refused: refused.collect() }
}

/// The line and the column of what is wrong with a product.
fn located(fault: &ProductFault, imported: &ImportedProduct) -> (u64, RowFault) {
    let named = |sku: &Sku| imported.variants.iter().find(|variant| variant.sku == *sku);
    let (line, column) = match fault.place() {
        FaultPlace::Variant(sku, field) => match named(sku) {
            Some(variant) => (variant.line, Some(format!("{}{field}", variant.prefix))),
            // A variant that is stored no longer fits what the row says of the product.
            None => (imported.line, Some("variants".to_owned())),
        },
        FaultPlace::Product(field) => (imported.line, Some(field.to_owned())),
        FaultPlace::Whole => (imported.line, None),
    };
    // The lines of CSV are variants, so no column of theirs has that name.
    let column = column.filter(|column| imported.whole || column != "variants");
    (line, RowFault { column, reason: fault.to_string() })
}

/// What is to be different of a level.
fn level(variant: &ImportedVariant, owner: Option<&Owner>) -> Option<NewLevel> {
    let now = owner.map_or((0, 0), |owner| (owner.on_hand, owner.low_threshold));
    let on_hand = variant.stock.filter(|stock| *stock != now.0);
    let low_threshold = variant.low_threshold.filter(|threshold| *threshold != now.1);
    let differs = on_hand.is_some() || low_threshold.is_some();
    differs.then(|| NewLevel { sku: variant.sku.clone(), on_hand, low_threshold })
}

fn level_fault(variant: &ImportedVariant, owner: Option<&Owner>) -> Option<RowFault> {
    let bounds = 0..=Level::MOST;
    if variant.low_threshold.is_some_and(|threshold| !bounds.contains(&threshold)) {
        let reason = format!("must be from 0 to {}", Level::MOST);
        return Some(RowFault::new(format!("{}low_threshold", variant.prefix), reason));
    }
    let stock = variant.stock?;
    // What is counted short or sold ahead may be less than what is promised; only taking pieces away is refused then.
    let takes_away = |from: &&Owner| stock < from.on_hand;
    let (promised, located) = owner.filter(takes_away).map_or((0, 0), |owner| (owner.promised, owner.located));
    let reason = if !bounds.contains(&stock) {
        format!("must be from 0 to {}", Level::MOST)
    } else if stock < promised {
        format!("must not be less than the {promised} that are reserved or held for orders")
    } else if stock < located {
        format!("must not be less than the {located} that are at other locations than the default one")
    } else {
        return None;
    };
    Some(RowFault::new(format!("{}stock", variant.prefix), reason))
}

fn barcode_fault(
    variant: &ImportedVariant,
    stored: Option<&Product>,
    holders: &HashMap<Barcode, TakenBarcode>,
) -> Option<RowFault> {
    let holder = holders.get(variant.barcode.as_ref()?.as_ref()?)?;
    let is_other = stored.is_none_or(|product| product.id() != holder.product);
    is_other.then(|| RowFault::new(format!("{}barcode", variant.prefix), holder.to_string()))
}

fn apply(
    imported: &ImportedProduct,
    variants: &[&ImportedVariant],
    stored: Option<&Product>,
    placing: &Placing,
    now: Timestamp,
) -> Result<(Product, Standing), Vec<ProductFault>> {
    let details = imported.details(placing);
    let description = imported.description.clone().map(Option::unwrap_or_default);
    let Some(stored) = stored else {
        let title = imported.title.clone().ok_or_else(Vec::new)?;
        let new = |variant: &&ImportedVariant| {
            Some(NewVariant {
                sku: variant.sku.clone(),
                title: variant.title.clone().unwrap_or_else(|| title.clone()),
                price: variant.price?,
                active: variant.active.unwrap_or(true),
                stock: variant.stock.unwrap_or(0),
                low_threshold: variant.low_threshold.unwrap_or(0),
                details: variant.details().into(),
            })
        };
        let new = NewProduct {
            slug: NewSlug::Asked(imported.slug.clone()),
            description: description.unwrap_or_default(),
            category: placing.category.flatten(),
            status: imported.status.unwrap_or(SettableStatus::Active),
            details: details.into(),
            variants: variants.iter().map(new).collect::<Option<_>>().ok_or_else(Vec::new)?,
            title,
        };
        return Ok((Product::create(new, now)?, Standing::New));
    };
    let title = imported.title.as_ref().unwrap_or(stored.title());
    let change_of = |variant: &&ImportedVariant| {
        let is_new = stored.variants().iter().all(|one| one.sku != variant.sku);
        variant.change(is_new.then_some(title))
    };
    let change = ProductChange {
        slug: None,
        title: imported.title.clone(),
        description,
        category: placing.category,
        status: imported.status,
        details,
        variants: variants.iter().map(change_of).collect(),
    };
    let mut product = stored.clone();
    let changed = product.change(change, now)?;
    Ok((product, if changed { Standing::Changed(stored.version()) } else { Standing::Same }))
}

/// Faults with their lines, in the order of the lines.
fn by_line(faults: Vec<(u64, RowFault)>) -> BTreeMap<u64, Vec<RowFault>> {
    let mut lines: BTreeMap<u64, Vec<RowFault>> = BTreeMap::new();
    for (line, fault) in faults {
        lines.entry(line).or_default().push(fault);
    }
    lines
}

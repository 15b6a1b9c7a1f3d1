//! One product of a file merged with what is stored.
//! The rule: a row that is wrong is told with its column; in CSV its neighbours are imported without it, and in NDJSON the row
//! is the whole product.

use std::collections::HashMap;

use kernel::{CategoryId, ProductId, Sku, Timestamp};

use super::{ImportedProduct, ImportedVariant, RowFault, RowOutcome};
use crate::domain::barcode::Barcode;
use crate::domain::product::{
    Details, DetailsChange, NewProduct, NewSlug, NewVariant, Product, ProductChange, ProductFault, SettableStatus,
    TakenBarcode, VariantChange, VariantDetails, VariantDetailsChange,
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
    /// Pieces on hand from now on, for the variants whose figure changes.
    pub stock: Vec<(Sku, i64)>,
    /// The lines that are part of it.
    pub lines: Vec<u64>,
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

/// Merges one product of the file with what is stored. `category` is the one that the row names, or why there is none.
#[must_use]
pub fn merge(
    imported: &ImportedProduct,
    stored: Option<&Product>,
    category: Result<Option<CategoryId>, String>,
    holders: &Holders,
    now: Timestamp,
) -> Merge {
    let owners = &holders.owners;
    let mut refused: Vec<RowOutcome> = Vec::new();
    let mut faults: Vec<(u64, RowFault)> = Vec::new();
    let category = category.unwrap_or_else(|reason| {
        faults.push((imported.line, RowFault::new("category", reason)));
        None
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
            owner => stock_fault(variant, owner).or_else(|| barcode_fault(variant, stored, &holders.barcodes)),
        };
        match fault {
            Some(fault) => faults.push((variant.line, fault)),
            None => good.push(variant),
        }
    }
    let refuse_all = product_is_refused
        || (imported.whole && !faults.is_empty())
        || (good.is_empty() && !imported.variants.is_empty());
    let result = if refuse_all { Err(Vec::new()) } else { apply(imported, &good, stored, category, now) };
    let slug = || Some(imported.slug.clone());
    match result {
        Ok((product, standing)) => {
            refused.extend(by_line(faults).map(|(line, errors)| RowOutcome::failed(line, slug(), errors)));
            let differs = |variant: &&ImportedVariant| {
                let stock = variant.stock?;
                let on_hand = owners.get(variant.sku.as_str()).map_or(0, |owner| owner.on_hand);
                (stock != on_hand).then(|| (variant.sku.clone(), stock))
            };
            let stock = good.iter().filter_map(differs).collect();
            let mut lines: Vec<u64> = good.iter().map(|variant| variant.line).collect();
            lines.dedup();
            if lines.is_empty() {
                lines.push(imported.line);
            }
            Merge { merged: Some(Merged { product, standing, stock, lines }), refused }
        }
        Err(more) => {
            // Every line of the product is refused. A line without a fault of its own refers to the product's.
            let general: Vec<RowFault> =
                more.iter().map(|fault| RowFault { column: None, reason: fault.to_string() }).collect();
            for line in imported.lines() {
                let mut errors: Vec<RowFault> =
                    faults.iter().filter(|(at, _)| *at == line).map(|(_, fault)| fault.clone()).collect();
                errors.extend(general.iter().cloned());
                if errors.is_empty() {
                    let reason = format!("its product is refused; see line {}", imported.line);
                    errors.push(RowFault { column: None, reason });
                }
                refused.push(RowOutcome::failed(line, slug(), errors));
            }
            Merge { merged: None, refused }
        }
    }
}

fn stock_fault(variant: &ImportedVariant, owner: Option<&Owner>) -> Option<RowFault> {
    let stock = variant.stock?;
    // What is counted short or sold ahead may be less than what is promised; only taking pieces away is refused then.
    let takes_away = |from: &&Owner| stock < from.on_hand;
    let (promised, located) = owner.filter(takes_away).map_or((0, 0), |owner| (owner.promised, owner.located));
    let reason = if !(0..=Level::MOST).contains(&stock) {
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
    let holder = holders.get(variant.barcode.as_ref()?)?;
    let is_other = stored.is_none_or(|product| product.id() != holder.product);
    is_other.then(|| RowFault::new(format!("{}barcode", variant.prefix), holder.to_string()))
}

fn apply(
    imported: &ImportedProduct,
    variants: &[&ImportedVariant],
    stored: Option<&Product>,
    category: Option<CategoryId>,
    now: Timestamp,
) -> Result<(Product, Standing), Vec<ProductFault>> {
    let Some(stored) = stored else {
        let title = imported.title.clone().ok_or_else(Vec::new)?;
        let variants = variants
            .iter()
            .map(|variant| {
                Some(NewVariant {
                    sku: variant.sku.clone(),
                    title: variant.title.clone().unwrap_or_else(|| title.clone()),
                    price: variant.price?,
                    stock: variant.stock.unwrap_or(0),
                    low_threshold: 0,
                    details: VariantDetails {
                        barcode: variant.barcode.clone(),
                        compare_at: variant.compare_at,
                        cost: variant.cost,
                        weight_grams: variant.weight_grams,
                        ..VariantDetails::default()
                    },
                })
            })
            .collect::<Option<Vec<_>>>()
            .ok_or_else(Vec::new)?;
        let product = Product::create(
            NewProduct {
                slug: NewSlug::Asked(imported.slug.clone()),
                title,
                description: imported.description.clone().unwrap_or_default(),
                category,
                status: imported.status.unwrap_or(SettableStatus::Active),
                details: Details {
                    brand: imported.brand.clone(),
                    short_description: imported.short_description.clone().unwrap_or_default(),
                    tags: imported.tags.clone().unwrap_or_default(),
                    ..Details::default()
                },
                variants,
            },
            now,
        )?;
        return Ok((product, Standing::New));
    };
    let mut product = stored.clone();
    let title = imported.title.clone().unwrap_or_else(|| stored.title().clone());
    let changes = variants
        .iter()
        .map(|variant| {
            let is_new = stored.variants().iter().all(|one| one.sku != variant.sku);
            VariantChange {
                sku: variant.sku.clone(),
                title: variant.title.clone().or_else(|| is_new.then(|| title.clone())),
                price: variant.price,
                active: None,
                details: VariantDetailsChange {
                    barcode: variant.barcode.clone().map(Some),
                    compare_at: variant.compare_at.map(Some),
                    cost: variant.cost.map(Some),
                    weight_grams: variant.weight_grams.map(Some),
                    ..VariantDetailsChange::default()
                },
            }
        })
        .collect();
    let change = ProductChange {
        slug: None,
        title: imported.title.clone(),
        description: imported.description.clone(),
        category: category.map(Some),
        status: imported.status,
        details: DetailsChange {
            brand: imported.brand.clone().map(Some),
            short_description: imported.short_description.clone(),
            tags: imported.tags.clone(),
            ..DetailsChange::default()
        },
        variants: changes,
    };
    let changed = product.change(change, now)?;
    Ok((product, if changed { Standing::Changed(stored.version()) } else { Standing::Same }))
}

fn by_line(mut faults: Vec<(u64, RowFault)>) -> impl Iterator<Item = (u64, Vec<RowFault>)> {
    faults.sort_by_key(|(line, _)| *line);
    let mut groups: Vec<(u64, Vec<RowFault>)> = Vec::new();
    for (line, fault) in faults {
        match groups.last_mut() {
            Some((last, errors)) if *last == line => errors.push(fault),
            _ => groups.push((line, vec![fault])),
        }
    }
    groups.into_iter()
}

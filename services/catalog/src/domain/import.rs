//! What an import file says about products, and what became of each of its rows.
//! The rule: a field that a row leaves out stays as it is; importing a file twice changes nothing the second time.

use std::collections::{BTreeSet, HashMap};

use kernel::{CategoryId, Money, ProductId, Sku, Slug, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::product::{
    NewProduct, NewSlug, NewVariant, Product, ProductChange, ProductFault, SettableStatus, VariantChange,
};
use super::stock::Level;
use super::wording::{Description, Title};

/// One product of the file: an NDJSON row, or neighbouring CSV rows with the same slug.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct ProductRow")]
pub struct ImportedProduct {
    /// The line on which it begins, from 1.
    #[serde(skip)]
    pub line: u64,
    /// Finds the stored product.
    pub slug: Slug,
    /// Its name for people; required for a new product.
    pub title: Option<Title>,
    /// The category's slug, or slugs from an ancestor down joined by `/`.
    pub category: Option<String>,
    /// Its description.
    pub description: Option<Description>,
    /// Its status; a new product is active when the file does not say.
    pub status: Option<SettableStatus>,
    /// Its variants in the file.
    #[serde(default)]
    pub variants: Vec<ImportedVariant>,
    /// Whether one wrong variant refuses the whole product (NDJSON, where it is one row).
    #[serde(skip)]
    pub whole: bool,
}

/// One variant of the file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct VariantRow")]
pub struct ImportedVariant {
    /// The line on which it stands, from 1.
    #[serde(skip)]
    pub line: u64,
    /// Stands before the names of its columns in a report: `""` in CSV, `"variants[0]."` in NDJSON.
    #[serde(skip)]
    pub prefix: String,
    /// Finds the stored variant.
    pub sku: Sku,
    /// Its name for people; the product's title when a new variant has none.
    pub title: Option<Title>,
    /// The price of one piece; required for a new variant.
    pub price: Option<Money>,
    /// Pieces on hand from now on. When the file does not say, they stay, and a new variant begins with 0.
    pub stock: Option<i64>,
}

impl ImportedProduct {
    /// The lines that it stands on.
    #[must_use]
    pub fn lines(&self) -> BTreeSet<u64> {
        self.variants.iter().map(|variant| variant.line).chain([self.line]).collect()
    }
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RowResult {
    /// Its product is new.
    Created,
    /// It changed its product or its stock.
    Updated,
    /// It changed nothing.
    Unchanged,
    /// It was refused; see its errors.
    Failed,
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RowFault {
    /// The column by its name in the header, or the field by its path in the JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<String>,
    /// Why it was refused.
    pub reason: String,
}

impl RowFault {
    /// A fault in a column.
    pub fn new(column: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { column: Some(column.into()), reason: reason.into() }
    }

    /// The fault of a product with more variants than one may have.
    pub fn too_many_variants() -> Self {
        let limit = Product::MOST_VARIANTS;
        Self { column: None, reason: format!("its product has more than {limit} variants, so all of it is refused") }
    }
}

/// The result of one row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RowOutcome {
    /// The line of the file, from 1.
    pub line: u64,
    /// What became of it.
    pub result: RowResult,
    /// Its slug, where it could be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slug: Option<Slug>,
    /// Its product, when it has one now.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub product: Option<ProductId>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<RowFault>,
}

impl RowOutcome {
    /// A row that was refused.
    #[must_use]
    pub fn failed(line: u64, slug: Option<Slug>, errors: Vec<RowFault>) -> Self {
        Self { line, result: RowResult::Failed, slug, product: None, errors }
    }
}

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

/// Merges one product of the file with what is stored. `category` is the one that the row names, or why there is none;
/// `owners` are the products that have its SKUs now.
#[must_use]
pub fn merge(
    imported: &ImportedProduct,
    stored: Option<&Product>,
    category: Result<Option<CategoryId>, String>,
    owners: &HashMap<String, Owner>,
    now: Timestamp,
) -> Merge {
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
            owner => stock_fault(variant, owner.map_or(0, |owner| owner.promised)),
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

fn stock_fault(variant: &ImportedVariant, promised: i64) -> Option<RowFault> {
    let stock = variant.stock?;
    let reason = if !(0..=Level::MOST).contains(&stock) {
        format!("must be from 0 to {}", Level::MOST)
    } else if stock < promised {
        format!("must not be less than the {promised} that are reserved or held for orders")
    } else {
        return None;
    };
    Some(RowFault::new(format!("{}stock", variant.prefix), reason))
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
            }
        })
        .collect();
    let change = ProductChange {
        slug: None,
        title: imported.title.clone(),
        description: imported.description.clone(),
        category: category.map(Some),
        status: imported.status,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn variant(line: u64, sku: &str, price: Option<i64>) -> ImportedVariant {
        let usd = kernel::Currency::parse("USD").unwrap();
        ImportedVariant {
            line,
            prefix: String::new(),
            sku: Sku::parse(sku).unwrap(),
            title: None,
            price: price.map(|minor| Money::from_minor(minor, usd).unwrap()),
            stock: Some(5),
        }
    }

    fn lamp(variants: Vec<ImportedVariant>, whole: bool) -> ImportedProduct {
        ImportedProduct {
            line: 2,
            slug: Slug::parse("lamp").unwrap(),
            title: Some(Title::parse("Lamp").unwrap()),
            category: None,
            description: None,
            status: None,
            variants,
            whole,
        }
    }

    fn owner(product: ProductId, on_hand: i64) -> Owner {
        Owner { product, slug: "any".to_owned(), status: "active".to_owned(), on_hand, promised: 0 }
    }

    fn now() -> Timestamp {
        kernel::Clock::now()
    }

    #[test]
    fn a_second_time_changes_nothing() {
        let imported = lamp(vec![variant(2, "A", Some(500)), variant(3, "B", Some(600))], false);
        let first = merge(&imported, None, Ok(None), &HashMap::new(), now()).merged.unwrap();
        assert_eq!(first.standing, Standing::New);
        assert_eq!(first.stock.len(), 2);
        let owners = ["A", "B"].map(|sku| (sku.to_owned(), owner(first.product.id(), 5))).into_iter().collect();
        let second = merge(&imported, Some(&first.product), Ok(None), &owners, now());
        let merged = second.merged.unwrap();
        assert_eq!((merged.standing, merged.stock), (Standing::Same, vec![]));
        assert!(second.refused.is_empty());
    }

    #[test]
    fn in_csv_a_wrong_row_leaves_its_neighbours_alone_and_in_json_it_is_the_row() {
        let other = ProductId::new();
        let owners: HashMap<_, _> = [("B".to_owned(), owner(other, 1))].into();
        let variants = vec![variant(2, "A", Some(500)), variant(3, "B", Some(600))];
        let rows = merge(&lamp(variants.clone(), false), None, Ok(None), &owners, now());
        assert_eq!(rows.merged.unwrap().lines, [2]);
        assert_eq!(rows.refused.len(), 1);
        assert_eq!((rows.refused[0].line, rows.refused[0].errors[0].column.as_deref()), (3, Some("sku")));
        let whole = merge(&lamp(variants, true), None, Ok(None), &owners, now());
        assert!(whole.merged.is_none());
        assert_eq!(whole.refused.len(), 2, "one for each line, and in NDJSON all have the same");
    }

    #[test]
    fn an_unknown_category_refuses_the_product_and_names_itself() {
        let imported = lamp(vec![variant(2, "A", Some(500))], true);
        let merge = merge(&imported, None, Err("there is no category x".to_owned()), &HashMap::new(), now());
        assert_eq!(merge.refused[0].errors, [RowFault::new("category", "there is no category x")]);
    }

    #[test]
    fn what_is_new_needs_a_price_and_what_is_known_does_not() {
        let imported = lamp(vec![variant(2, "A", None)], true);
        let refused = merge(&imported, None, Ok(None), &HashMap::new(), now()).refused;
        assert_eq!(refused[0].errors[0].column.as_deref(), Some("price"));
        let known = lamp(vec![variant(2, "A", Some(500))], true);
        let stored = merge(&known, None, Ok(None), &HashMap::new(), now()).merged.unwrap().product;
        let owners = [("A".to_owned(), owner(stored.id(), 5))].into();
        assert!(merge(&imported, Some(&stored), Ok(None), &owners, now()).refused.is_empty());
    }
}

//! What may stand once only in a batch: slugs, SKUs and barcodes. The rule: a product is written beside others as long as it shares
//! none of them.

use std::collections::HashSet;

use super::{ImportedProduct, ImportedVariant, RowFault};
use crate::domain::barcode::Barcode;

/// The names of the products of a batch.
#[derive(Debug, Default)]
pub struct Names {
    slugs: HashSet<String>,
    skus: HashSet<String>,
    barcodes: HashSet<Barcode>,
}

impl Names {
    /// How many variants they are of.
    #[must_use]
    pub fn variants(&self) -> usize {
        self.skus.len()
    }

    /// The first name of a product that one of the batch has already.
    #[must_use]
    pub fn clash(&self, product: &ImportedProduct) -> Option<RowFault> {
        let twice = |column: String, name: &str| {
            RowFault::new(column, format!("{name} stands twice; a later row of the same call cannot have it"))
        };
        let has_sku = |variant: &&ImportedVariant| self.skus.contains(variant.sku.as_str());
        let has_barcode = |variant: &&ImportedVariant| {
            variant.barcode.iter().flatten().any(|barcode| self.barcodes.contains(barcode))
        };
        if self.slugs.contains(product.slug.as_str()) {
            return Some(twice("slug".to_owned(), product.slug.as_str()));
        }
        if let Some(variant) = product.variants.iter().find(has_sku) {
            return Some(twice(format!("{}sku", variant.prefix), variant.sku.as_str()));
        }
        let variant = product.variants.iter().find(has_barcode)?;
        let barcode = variant.barcode.as_ref().and_then(Option::as_ref).map_or("the barcode", Barcode::as_str);
        Some(twice(format!("{}barcode", variant.prefix), barcode))
    }

    /// Adds the names of a product.
    pub fn add(&mut self, product: &ImportedProduct) {
        self.slugs.insert(product.slug.to_string());
        self.skus.extend(product.variants.iter().map(|variant| variant.sku.to_string()));
        self.barcodes.extend(product.variants.iter().filter_map(|variant| variant.barcode.clone().flatten()));
    }
}

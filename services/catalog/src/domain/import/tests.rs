//! How a row of a file is merged with what is stored.

use std::collections::HashMap;

use kernel::Timestamp;

use super::*;
use crate::domain::product::TakenBarcode;

fn variant(line: u64, sku: &str, price: Option<i64>) -> ImportedVariant {
    let usd = kernel::Currency::parse("USD").unwrap();
    ImportedVariant {
        line,
        prefix: String::new(),
        sku: Sku::parse(sku).unwrap(),
        title: None,
        price: price.map(|minor| Money::from_minor(minor, usd).unwrap()),
        compare_at: None,
        cost: None,
        barcode: None,
        weight_grams: None,
        stock: Some(5),
    }
}

fn lamp(variants: Vec<ImportedVariant>, whole: bool) -> ImportedProduct {
    ImportedProduct {
        line: 2,
        slug: Slug::parse("lamp").unwrap(),
        title: Some(Title::parse("Lamp").unwrap()),
        category: None,
        brand: None,
        short_description: None,
        description: None,
        tags: None,
        status: None,
        variants,
        whole,
    }
}

fn owner(product: ProductId, on_hand: i64) -> Owner {
    Owner { product, slug: "any".to_owned(), status: "active".to_owned(), on_hand, promised: 0, located: 0 }
}

fn holders(owners: impl IntoIterator<Item = (String, Owner)>) -> Holders {
    Holders { owners: owners.into_iter().collect(), ..Holders::default() }
}

fn now() -> Timestamp {
    Timestamp::from_timestamp(1, 0).unwrap()
}

#[test]
fn a_second_time_changes_nothing() {
    let imported = lamp(vec![variant(2, "A", Some(500)), variant(3, "B", Some(600))], false);
    let first = merge(&imported, None, Ok(None), &Holders::default(), now()).merged.unwrap();
    assert_eq!(first.standing, Standing::New);
    assert_eq!(first.stock.len(), 2);
    let owners = holders(["A", "B"].map(|sku| (sku.to_owned(), owner(first.product.id(), 5))));
    let second = merge(&imported, Some(&first.product), Ok(None), &owners, now());
    let merged = second.merged.unwrap();
    assert_eq!((merged.standing, merged.stock), (Standing::Same, vec![]));
    assert!(second.refused.is_empty());
}

#[test]
fn in_csv_a_wrong_row_leaves_its_neighbours_alone_and_in_json_it_is_the_row() {
    let other = ProductId::new();
    let owners = holders([("B".to_owned(), owner(other, 1))]);
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
    let merge = merge(&imported, None, Err("there is no category x".to_owned()), &Holders::default(), now());
    assert_eq!(merge.refused[0].errors, [RowFault::new("category", "there is no category x")]);
}

#[test]
fn what_is_new_needs_a_price_and_what_is_known_does_not() {
    let imported = lamp(vec![variant(2, "A", None)], true);
    let refused = merge(&imported, None, Ok(None), &Holders::default(), now()).refused;
    assert_eq!(refused[0].errors[0].column.as_deref(), Some("price"));
    let known = lamp(vec![variant(2, "A", Some(500))], true);
    let stored = merge(&known, None, Ok(None), &Holders::default(), now()).merged.unwrap().product;
    let owners = holders([("A".to_owned(), owner(stored.id(), 5))]);
    assert!(merge(&imported, Some(&stored), Ok(None), &owners, now()).refused.is_empty());
}

#[test]
fn what_a_file_says_is_set_and_what_it_leaves_out_stays() {
    let usd = |minor| Money::from_minor(minor, kernel::Currency::parse("USD").unwrap()).unwrap();
    let mut imported = lamp(vec![variant(2, "A", Some(500))], true);
    imported.brand = Some(Brand::parse("Aurora").unwrap());
    imported.tags = Some([Tag::parse("Desk").unwrap()].into());
    let told = &mut imported.variants[0];
    (told.barcode, told.cost) = (Some(Barcode::parse("96385074").unwrap()), Some(usd(300)));
    (told.compare_at, told.weight_grams) = (Some(usd(700)), Some(Grams::try_from(1_250).unwrap()));
    let first = merge(&imported, None, Ok(None), &Holders::default(), now()).merged.unwrap().product;
    let details = &first.variants()[0].details;
    assert_eq!(first.details().brand.as_ref().map(Brand::as_str), Some("Aurora"));
    assert_eq!((details.cost, details.compare_at), (Some(usd(300)), Some(usd(700))));
    let owners = holders([("A".to_owned(), owner(first.id(), 5))]);
    let silent = lamp(vec![variant(2, "A", None)], true);
    let again = merge(&silent, Some(&first), Ok(None), &owners, now()).merged.unwrap();
    assert_eq!((again.standing, &again.product), (Standing::Same, &first));
}

#[test]
fn a_barcode_of_another_product_is_refused_with_its_holder() {
    let mut imported = lamp(vec![variant(2, "A", Some(500))], false);
    let barcode = Barcode::parse("96385074").unwrap();
    imported.variants[0].barcode = Some(barcode.clone());
    let (sku, product) = (Sku::parse("OTHER").unwrap(), ProductId::new());
    let status = contracts::catalog::ProductStatus::Active;
    let taken = TakenBarcode { barcode: barcode.clone(), sku, product, status };
    let holders = Holders { barcodes: HashMap::from([(barcode, taken)]), ..Holders::default() };
    let refused = merge(&imported, None, Ok(None), &holders, now()).refused;
    assert_eq!(refused[0].errors[0].column.as_deref(), Some("barcode"));
    assert!(refused[0].errors[0].reason.contains("belongs to SKU OTHER"), "{refused:?}");
}

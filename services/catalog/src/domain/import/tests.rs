//! How a row of a file is merged with what is stored.

use std::collections::HashMap;

use kernel::Timestamp;

use super::*;
use crate::domain::product::TakenBarcode;

fn variant(line: u64, sku: &str, price: Option<i64>) -> ImportedVariant {
    let usd = kernel::Currency::parse("USD").unwrap();
    ImportedVariant {
        line,
        price: price.map(|minor| Money::from_minor(minor, usd).unwrap()),
        stock: Some(5),
        ..ImportedVariant::of(Sku::parse(sku).unwrap())
    }
}

fn lamp(variants: Vec<ImportedVariant>, whole: bool) -> ImportedProduct {
    ImportedProduct {
        line: 2,
        title: Some(Title::parse("Lamp").unwrap()),
        variants,
        whole,
        ..ImportedProduct::of(Slug::parse("lamp").unwrap())
    }
}

fn owner(product: ProductId, on_hand: i64) -> Owner {
    let (slug, status) = ("any".to_owned(), "active".to_owned());
    Owner { product, slug, status, on_hand, promised: 0, located: 0, low_threshold: 0 }
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
    let first = merge(&imported, None, &KnownCategories::default(), &Holders::default(), now()).merged.unwrap();
    assert_eq!(first.standing, Standing::New);
    assert_eq!(first.levels.len(), 2);
    let owners = holders(["A", "B"].map(|sku| (sku.to_owned(), owner(first.product.id(), 5))));
    let second = merge(&imported, Some(&first.product), &KnownCategories::default(), &owners, now());
    let merged = second.merged.unwrap();
    assert_eq!((merged.standing, merged.levels), (Standing::Same, vec![]));
    assert!(second.refused.is_empty());
}

#[test]
fn in_csv_a_wrong_row_leaves_its_neighbours_alone_and_in_json_it_is_the_row() {
    let other = ProductId::new();
    let owners = holders([("B".to_owned(), owner(other, 1))]);
    let variants = vec![variant(2, "A", Some(500)), variant(3, "B", Some(600))];
    let rows = merge(&lamp(variants.clone(), false), None, &KnownCategories::default(), &owners, now());
    assert_eq!(rows.merged.unwrap().lines, [2]);
    assert_eq!(rows.refused.len(), 1);
    assert_eq!((rows.refused[0].line, rows.refused[0].errors[0].column.as_deref()), (3, Some("sku")));
    let whole = merge(&lamp(variants, true), None, &KnownCategories::default(), &owners, now());
    assert!(whole.merged.is_none());
    assert_eq!(whole.refused.len(), 2, "one for each line, and in NDJSON all have the same");
}

#[test]
fn an_unknown_category_refuses_the_product_and_names_itself() {
    let mut imported = lamp(vec![variant(2, "A", Some(500))], true);
    let unknown = kernel::CategoryId::new();
    imported.category = Some(Some(CategoryReference::parse("x").unwrap()));
    imported.categories = Some(Some(vec![CategoryReference::Id(unknown)]));
    let merge = merge(&imported, None, &KnownCategories::default(), &Holders::default(), now());
    let unknown = format!("{unknown} is not a category of this organisation");
    let faults = [RowFault::new("category", "there is no category x"), RowFault::new("categories[0]", unknown)];
    assert_eq!(merge.refused[0].errors, faults);
}

#[test]
fn what_is_new_needs_a_price_and_what_is_known_does_not() {
    let imported = lamp(vec![variant(2, "A", None)], true);
    let refused = merge(&imported, None, &KnownCategories::default(), &Holders::default(), now()).refused;
    assert_eq!(refused[0].errors[0].column.as_deref(), Some("price"));
    let known = lamp(vec![variant(2, "A", Some(500))], true);
    let stored = merge(&known, None, &KnownCategories::default(), &Holders::default(), now()).merged.unwrap().product;
    let owners = holders([("A".to_owned(), owner(stored.id(), 5))]);
    assert!(merge(&imported, Some(&stored), &KnownCategories::default(), &owners, now()).refused.is_empty());
}

#[test]
fn what_a_file_says_is_set_and_what_it_leaves_out_stays() {
    let usd = |minor| Money::from_minor(minor, kernel::Currency::parse("USD").unwrap()).unwrap();
    let mut imported = lamp(vec![variant(2, "A", Some(500))], true);
    imported.brand = Some(Some(Brand::parse("Aurora").unwrap()));
    imported.tags = Some(Some([Tag::parse("Desk").unwrap()].into()));
    let told = &mut imported.variants[0];
    (told.barcode, told.cost) = (Some(Some(Barcode::parse("96385074").unwrap())), Some(Some(usd(300))));
    (told.compare_at, told.weight_grams) = (Some(Some(usd(700))), Some(Some(Grams::try_from(1_250).unwrap())));
    let first = merge(&imported, None, &KnownCategories::default(), &Holders::default(), now()).merged.unwrap().product;
    let details = &first.variants()[0].details;
    assert_eq!(first.details().brand.as_ref().map(Brand::as_str), Some("Aurora"));
    assert_eq!((details.cost, details.compare_at), (Some(usd(300)), Some(usd(700))));
    let owners = holders([("A".to_owned(), owner(first.id(), 5))]);
    let silent = lamp(vec![variant(2, "A", None)], true);
    let again = merge(&silent, Some(&first), &KnownCategories::default(), &owners, now()).merged.unwrap();
    assert_eq!((again.standing, &again.product), (Standing::Same, &first));
}

#[test]
fn a_barcode_of_another_product_is_refused_with_its_holder() {
    let mut imported = lamp(vec![variant(2, "A", Some(500))], false);
    let barcode = Barcode::parse("96385074").unwrap();
    imported.variants[0].barcode = Some(Some(barcode.clone()));
    let (sku, product) = (Sku::parse("OTHER").unwrap(), ProductId::new());
    let status = contracts::catalog::ProductStatus::Active;
    let taken = TakenBarcode { barcode: barcode.clone(), sku, product, status };
    let holders = Holders { barcodes: HashMap::from([(barcode, taken)]), ..Holders::default() };
    let refused = merge(&imported, None, &KnownCategories::default(), &holders, now()).refused;
    assert_eq!(refused[0].errors[0].column.as_deref(), Some("barcode"));
    assert!(refused[0].errors[0].reason.contains("belongs to SKU OTHER"), "{refused:?}");
}

#[test]
fn a_category_is_named_by_as_many_slugs_as_it_takes_or_by_its_id() {
    let ids = [(); 3].map(|()| kernel::CategoryId::new());
    let paths = ["lights", "home/lights", "garden/sheds"].map(str::to_owned);
    let known = KnownCategories { paths: ids.into_iter().zip(paths).collect(), ids: [ids[1]].into() };
    let named = |named: &str| {
        let mut row = lamp(Vec::new(), true);
        row.category = Some(Some(CategoryReference::parse(named).unwrap()));
        let faults = |faults: Vec<RowFault>| faults[0].reason.clone();
        known.of(&row, None).map(|placing| placing.category.flatten().unwrap()).map_err(faults)
    };
    assert_eq!(named("lights"), Ok(ids[0]), "a root is found by its slug");
    assert_eq!(named("home/lights"), Ok(ids[1]));
    assert_eq!(named("sheds"), Ok(ids[2]));
    assert_eq!(named(&ids[1].to_string()), Ok(ids[1]));
    assert_eq!(named("eds"), Err("there is no category eds".to_owned()), "a part of a slug is none");
    assert!(named(&ids[2].to_string()).is_err());
    for wrong in ["", "home/", "Home", "a b", "x\0", &"x/".repeat(600)] {
        assert!(CategoryReference::parse(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn what_is_wrong_with_a_variant_is_said_of_its_row() {
    let eur = Money::from_minor(1, kernel::Currency::parse("EUR").unwrap()).unwrap();
    let refused = |whole: bool| {
        let mut imported = lamp(vec![variant(2, "A", Some(500)), variant(3, "B", Some(500))], whole);
        imported.variants[1].cost = Some(Some(eur));
        for (at, variant) in imported.variants.iter_mut().enumerate().filter(|_| whole) {
            variant.prefix = format!("variants[{at}].");
        }
        merge(&imported, None, &KnownCategories::default(), &Holders::default(), now()).refused
    };
    let csv = refused(false);
    assert_eq!(csv[0].errors[0].reason, "its product is refused; see line 3");
    assert_eq!((csv[1].line, csv[1].errors[0].column.as_deref()), (3, Some("cost")));
    assert_eq!(refused(true)[1].errors[0].column.as_deref(), Some("variants[1].cost"));
}

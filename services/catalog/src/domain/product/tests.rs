//! The rules of a product, its variants and its changes.

use std::collections::BTreeMap;

use kernel::Money;

use super::*;
use crate::domain::barcode::Barcode;
use crate::domain::entries::Entries;
use crate::domain::locale::{Locale, TranslationChange};
use crate::domain::options::{OptionName, OptionValue, OptionValues};
use crate::domain::price::NewPrice;
use crate::domain::wording::{Brand, Tag};

fn money(minor: i64, code: &str) -> Money {
    Money::from_minor(minor, kernel::Currency::parse(code).unwrap()).unwrap()
}

fn new_variant(sku: &str) -> NewVariant {
    NewVariant {
        sku: Sku::parse(sku).unwrap(),
        title: Title::parse(sku).unwrap(),
        price: money(500, "USD"),
        active: true,
        stock: 0,
        low_threshold: 0,
        details: VariantDetails::default(),
    }
}

fn new_product(skus: &[&str]) -> NewProduct {
    NewProduct {
        slug: NewSlug::Asked(Slug::parse("lamp").unwrap()),
        title: Title::parse("Lamp").unwrap(),
        description: Description::default(),
        category: None,
        status: SettableStatus::Active,
        details: Details::default(),
        variants: skus.iter().map(|sku| new_variant(sku)).collect(),
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_timestamp(seconds, 0).unwrap()
}

fn change_of(sku: &str) -> VariantChange {
    let details = VariantDetailsChange::default();
    VariantChange { sku: Sku::parse(sku).unwrap(), title: None, price: None, active: None, details }
}

#[test]
fn every_fault_is_told_at_once() {
    let mut new = new_product(&["A", "A", "B"]);
    new.variants[2].price = money(1, "EUR");
    new.variants[2].stock = -1;
    assert_eq!(Product::create(new, at(1)).unwrap_err().len(), 3);
    assert_eq!(Product::create(new_product(&[]), at(1)).unwrap_err(), [ProductFault::VariantCount { count: 0 }]);
}

#[test]
fn a_change_that_changes_nothing_leaves_the_version() {
    let mut product = Product::create(new_product(&["A"]), at(1)).unwrap();
    let same = ProductChange {
        title: Some(Title::parse("Lamp").unwrap()),
        variants: vec![VariantChange { price: Some(money(500, "USD")), ..change_of("A") }],
        ..ProductChange::default()
    };
    assert!(!product.change(same, at(2)).unwrap());
    assert_eq!((product.version(), product.updated_at()), (1, at(1)));
    let dearer = ProductChange {
        variants: vec![VariantChange { price: Some(money(600, "USD")), ..change_of("A") }],
        ..ProductChange::default()
    };
    assert!(product.change(dearer, at(2)).unwrap());
    assert_eq!((product.version(), product.updated_at()), (2, at(2)));
    assert_eq!(product.price_from(), Some(money(600, "USD")));
}

#[test]
fn a_variant_is_added_whole_or_not_at_all() {
    let mut product = Product::create(new_product(&["A"]), at(1)).unwrap();
    let before = product.clone();
    let half = ProductChange { variants: vec![change_of("B")], ..ProductChange::default() };
    assert_eq!(product.change(half, at(2)).unwrap_err().len(), 1);
    assert_eq!(product, before);
    let whole =
        VariantChange { title: Some(Title::parse("B").unwrap()), price: Some(money(100, "USD")), ..change_of("B") };
    let added = ProductChange { variants: vec![whole], ..ProductChange::default() };
    assert!(product.change(added, at(2)).unwrap());
    assert_eq!(product.variants().len(), 2);
    assert_eq!(product.price_from(), Some(money(100, "USD")));
}

#[test]
fn a_retired_product_changes_only_by_being_restored() {
    let mut product = Product::create(new_product(&["A"]), at(1)).unwrap();
    assert!(product.retire(at(2)));
    assert!(!product.retire(at(3)), "it was already");
    let rename = ProductChange { title: Some(Title::parse("X").unwrap()), ..ProductChange::default() };
    assert_eq!(product.change(rename.clone(), at(3)).unwrap_err(), [ProductFault::Retired]);
    let back = ProductChange { status: Some(SettableStatus::Active), ..rename.clone() };
    assert_eq!(product.change(back, at(3)).unwrap_err(), [ProductFault::Retired], "no change puts it on sale again");
    assert!(product.restore(at(4)));
    assert!(!product.restore(at(5)), "it was already");
    assert_eq!((product.status(), product.version()), (ProductStatus::Draft, 3));
    assert!(product.change(rename, at(6)).unwrap());
}

fn option(name: &str, values: &[&str]) -> ProductOption {
    let values = values.iter().map(|value| OptionValue::parse(value).unwrap()).collect();
    ProductOption { name: OptionName::parse(name).unwrap(), values }
}

fn chosen(name: &str, value: &str) -> OptionValues {
    [(OptionName::parse(name).unwrap(), OptionValue::parse(value).unwrap())].into()
}

fn variants(changes: impl IntoIterator<Item = (&'static str, VariantDetailsChange)>) -> ProductChange {
    let variants = changes.into_iter().map(|(sku, details)| VariantChange { details, ..change_of(sku) }).collect();
    ProductChange { variants, ..ProductChange::default() }
}

fn with_barcode(digits: Option<&str>) -> VariantDetailsChange {
    let barcode = digits.map(|digits| Barcode::parse(digits).unwrap());
    VariantDetailsChange { barcode: Some(barcode), ..VariantDetailsChange::default() }
}

#[test]
fn the_variants_of_a_product_with_options_differ_in_them() {
    let mut new = new_product(&["A", "B"]);
    new.details.options = vec![option("Size", &["S", "M"])];
    new.variants[0].details.option_values = chosen("Size", "S");
    assert!(matches!(Product::create(new.clone(), at(1)).unwrap_err()[..], [ProductFault::OptionValues { .. }]));
    new.variants[1].details.option_values = chosen("Size", "S");
    let twice = Product::create(new.clone(), at(1)).unwrap_err();
    assert_eq!(twice[0].to_string(), "SKU B: another variant has the same option values");
    new.variants[1].details.option_values = chosen("Size", "M");
    let mut product = Product::create(new, at(1)).unwrap();

    let without = ProductChange {
        details: DetailsChange { options: Some(Vec::new()), ..DetailsChange::default() },
        ..ProductChange::default()
    };
    assert!(product.change(without, at(2)).unwrap());
    assert!(product.variants().iter().all(|variant| variant.details.option_values.is_empty()), "{product:?}");
    let stranger = VariantDetailsChange { option_values: Some(chosen("Size", "S")), ..VariantDetailsChange::default() };
    let faults = product.change(variants([("A", stranger)]), at(3)).unwrap_err();
    assert_eq!(faults[0].to_string(), "SKU A: the product has no option Size");
}

#[test]
fn a_barcode_stands_once_and_may_be_handed_on() {
    let mut product = Product::create(new_product(&["A", "B"]), at(1)).unwrap();
    assert!(product.change(variants([("A", with_barcode(Some("96385074")))]), at(2)).unwrap());
    let twice = product.change(variants([("B", with_barcode(Some("96385074")))]), at(3)).unwrap_err();
    assert!(matches!(twice[..], [ProductFault::RepeatedBarcode { .. }]), "{twice:?}");
    let before = product.clone();
    let on = variants([("A", with_barcode(None)), ("B", with_barcode(Some("96385074")))]);
    assert!(product.change(on, at(3)).unwrap());
    assert_eq!(handed_on(before.variants(), product.variants()), [product.variants()[0].id]);
    assert!(handed_on(product.variants(), product.variants()).is_empty());
}

#[test]
fn amounts_are_in_one_currency_and_say_which_is_not() {
    let mut new = new_product(&["A"]);
    new.variants[0].details.cost = Some(money(1, "EUR"));
    new.variants[0].details.compare_at = Some(money(900, "USD"));
    let faults = Product::create(new, at(1)).unwrap_err();
    let expected = "SKU A has its cost in EUR, but it must be in USD, as the product's prices are";
    assert_eq!(faults.iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);
}

#[test]
fn the_primary_category_is_the_first_of_all() {
    let [a, b, c] = [CategoryId::new(), CategoryId::new(), CategoryId::new()];
    let mut new = new_product(&["A"]);
    (new.category, new.details.categories) = (Some(a), vec![b, a, b]);
    let mut product = Product::create(new, at(1)).unwrap();
    assert_eq!((product.category(), &product.details().categories), (Some(a), &vec![a, b]));
    let mut change = |category, categories| {
        let details = DetailsChange { categories, ..DetailsChange::default() };
        product.change(ProductChange { category, details, ..ProductChange::default() }, at(2)).unwrap();
        (product.category(), product.details().categories.clone())
    };
    assert_eq!(change(Some(Some(c)), None), (Some(c), vec![c, b]), "in place of the former one");
    assert_eq!(change(Some(Some(b)), None), (Some(b), vec![b]));
    assert_eq!(change(None, Some(vec![a, c])), (Some(a), vec![a, c]));
    assert_eq!(change(Some(Some(c)), Some(vec![a, b])), (Some(c), vec![c, a, b]));
    assert_eq!(change(Some(None), None), (None, vec![]), "out of all");
}

#[test]
fn texts_in_other_languages_change_one_by_one() {
    let mut product = Product::create(new_product(&["A"]), at(1)).unwrap();
    let vi = || Locale::parse("vi").unwrap();
    let mut change = |texts: Option<TranslationChange>| {
        let translations = Entries::Change(BTreeMap::from([(vi(), texts)]));
        let details = DetailsChange { translations, ..DetailsChange::default() };
        product.change(ProductChange { details, ..ProductChange::default() }, at(2)).unwrap();
        product.details().translations.get(&vi()).cloned()
    };
    let title = |text: Option<&str>| TranslationChange {
        title: Some(text.map(|text| Title::parse(text).unwrap())),
        ..TranslationChange::default()
    };
    let described =
        TranslationChange { description: Some(Some(Description::parse("Sáng").unwrap())), ..title(Some("Đèn")) };
    change(Some(described));
    let renamed = change(Some(title(Some("Đèn bàn")))).unwrap();
    assert_eq!(renamed.title.unwrap().as_str(), "Đèn bàn");
    assert_eq!(renamed.description.unwrap().as_str(), "Sáng");
    assert!(change(Some(title(None))).unwrap().title.is_none());
    assert_eq!(change(None), None);
    assert_eq!(change(Some(title(None))), None, "a language without a text is not there");
}

#[test]
fn the_digest_of_the_texts_is_that_of_the_words_alone() {
    let mut product = Product::create(new_product(&["A"]), at(1)).unwrap();
    let mut digest = |change: ProductChange| {
        assert!(product.change(change, at(2)).unwrap());
        product.text_digest().unwrap()
    };
    let details = |details| ProductChange { details, ..ProductChange::default() };
    let priced = |minor| {
        let price = Some(money(minor, "USD"));
        ProductChange { variants: vec![VariantChange { price, ..change_of("A") }], ..ProductChange::default() }
    };
    let first = digest(priced(600));
    assert_eq!(first.len(), 32);
    assert_eq!(digest(priced(700)), first);
    assert_eq!(digest(variants([("A", with_barcode(Some("96385074")))])), first);
    assert_eq!(digest(ProductChange { category: Some(Some(CategoryId::new())), ..ProductChange::default() }), first);
    assert_eq!(digest(ProductChange { status: Some(SettableStatus::Draft), ..ProductChange::default() }), first);
    let brand = Some(Some(Brand::parse("Aurora").unwrap()));
    let branded = digest(details(DetailsChange { brand, ..DetailsChange::default() }));
    assert_ne!(branded, first);
    let tags = Some([Tag::parse("desk").unwrap()].into());
    assert_ne!(digest(details(DetailsChange { tags, ..DetailsChange::default() })), branded);
}

#[test]
fn the_primary_category_that_the_release_before_wrote_is_the_first_of_all() {
    let [a, b] = [CategoryId::new(), CategoryId::new()];
    let mut new = new_product(&["A"]);
    new.details.categories = vec![a, b];
    let product = Product::create(new, at(1)).unwrap();
    // That release changes `category_id` and knows nothing of the others.
    let stored = |category| {
        let Product { id, slug, title, description, status, details, variants, version, .. } = product.clone();
        let (created_at, updated_at) = (product.created_at(), product.updated_at());
        Product::stored(StoredProduct {
            id,
            slug,
            title,
            description,
            category,
            status,
            details,
            variants,
            version,
            created_at,
            updated_at,
        })
    };
    assert_eq!(stored(Some(a)), product);
    assert_eq!(stored(Some(b)).details().categories, [b, a]);
    assert_eq!(stored(None).details().categories, []);
}

#[test]
fn a_price_that_has_begun_for_one_replica_has_begun_for_all() {
    let mut product = Product::create(new_product(&["A"]), at(1)).unwrap();
    let variant = product.variants()[0].id;
    let usual = product.variants()[0].price;
    let reduced = Money::from_minor(usual.minor() - 1, usual.currency()).unwrap();
    let sale = NewPrice { channel: None, amount: reduced, from: Some(at(100)), until: Some(at(200)) };
    product.add_price(variant, sale, at(2)).unwrap();
    assert_eq!((product.version(), product.price_from()), (1, Some(usual)), "it is planned");
    product.advance(at(100));
    assert_eq!((product.version(), product.price_from()), (2, Some(reduced)));
    // This replica's clock is behind.
    let title = Title::parse("Another title").unwrap();
    assert!(product.change(ProductChange { title: Some(title), ..ProductChange::default() }, at(99)).unwrap());
    assert_eq!((product.updated_at(), product.price_from()), (at(100), Some(reduced)));
    product.advance(at(200));
    assert_eq!((product.version(), product.price_from()), (4, Some(usual)));
}

#[test]
fn ending_a_planned_price_changes_nothing_and_ending_a_current_one_the_product() {
    let mut product = Product::create(new_product(&["A"]), at(1)).unwrap();
    let (variant, usual) = (product.variants()[0].id, product.variants()[0].price);
    let price = |from| NewPrice { channel: None, amount: usual, from, until: None };
    let planned = product.add_price(variant, price(Some(at(9))), at(2)).unwrap();
    let current = product.add_price(variant, price(None), at(2)).unwrap();
    assert_eq!(product.version(), 2);
    assert!(product.end_price(planned.id, at(3)) && product.version() == 2);
    assert!(product.end_price(current.id, at(3)) && product.version() == 3);
    assert!(!product.end_price(current.id, at(3)), "it has ended");
    product.retire(at(4));
    assert_eq!(product.add_price(variant, price(None), at(5)), Err(PriceRefusal::Retired));
}

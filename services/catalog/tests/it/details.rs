//! What a product says of itself: brand, texts in several languages, tags, media, options, barcodes, and what of it is published.

use contracts::catalog::ProductState;
use kernel::CategoryId;
use serde_json::{Value, json};
use testkit::{Caller, eventually, problem_fields};

use crate::world::{PATIENCE, World, price, product};

fn complete(categories: &[CategoryId]) -> Value {
    json!({
        "slug": "shirt", "title": "Shirt", "brand": "Aurora", "short_description": "Soft", "description": "Cotton.\nWarm.",
        "categories": categories, "tags": ["Summer", "cotton", "summer"],
        "media": [{"url": "https://cdn.example/shirt.jpg", "kind": "image", "alt": "A shirt"}],
        "options": [{"name": "Size", "values": ["S", "M"]}],
        "external_references": {"erp": "4711"},
        "translations": {"vi": {"title": "Áo", "description": ""}, "fr": {"short_description": "Doux"}},
        "variants": [
            {
                "sku": "SHIRT-S", "price": price(1_000), "compare_at": price(1_200), "cost": price(400),
                "barcode": "4006381333931", "option_values": {"Size": "S"}, "weight_grams": 200, "length_mm": 300,
                "width_mm": 200, "height_mm": 20, "external_references": {"erp": "4711-S"},
            },
            {"sku": "SHIRT-M", "price": price(1_000), "option_values": {"Size": "M"}},
        ],
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_is_said_is_kept_and_published() {
    let world = World::connected().await;
    let home = world.plant("home", &[]).await;
    let clothes = world.plant("clothes", &[home]).await;
    let (status, created) = world.owner().post("/admin/v1/products", &complete(&[clothes, home])).await;
    assert_eq!(status, 201, "{created}");
    let path = format!("/admin/v1/products/{}", created["id"].as_str().unwrap());
    assert_eq!(world.owner().get(&path).await.1, created, "what is stored is what was answered");
    assert_eq!(created["tags"], json!(["cotton", "summer"]));
    assert_eq!((&created["category"], &created["categories"]), (&json!(clothes), &json!([clothes, home])));
    assert_eq!(created["translations"]["vi"], json!({"title": "Áo"}), "an empty text is none");
    assert_eq!(created["variants"][0]["cost"], price(400));
    assert_eq!(created["variants"][0]["option_values"], json!({"Size": "S"}));

    // A price alone leaves the digest of the texts as it is, a word does not.
    let at = |version: u32| world.owner().with("if-match", &format!("\"{version}\""));
    let dearer = json!({"variants": [{"sku": "SHIRT-M", "price": price(1_100), "barcode": "96385074"}]});
    assert_eq!(at(1).patch(&path, &dearer).await.0, 200);
    let (status, renamed) = at(2).patch(&path, &json!({"translations": {"vi": {"title": "Áo thun"}}})).await;
    assert_eq!((status, &renamed["translations"]["fr"]["short_description"]), (200, &json!("Doux")), "{renamed}");
    let states = eventually(PATIENCE, async || {
        let states = world.said::<ProductState>().await;
        if states.len() == 3 { Ok(states) } else { Err(states.len()) }
    })
    .await;
    let states: Vec<&ProductState> = states.iter().map(|(_, state)| state).collect();
    assert_eq!(states[0].category_path, [home, clothes]);
    assert_eq!(states[0].categories, [clothes, home]);
    assert_eq!(
        (states[0].brand.as_deref(), &states[0].tags[..]),
        (Some("Aurora"), &["cotton".into(), "summer".into()][..])
    );
    assert_eq!(states[0].media[0].url, "https://cdn.example/shirt.jpg");
    let variant = &states[0].variants[0];
    assert_eq!((variant.barcode.as_deref(), variant.weight_grams), (Some("4006381333931"), Some(200)));
    assert_eq!(
        (variant.cost.map(kernel::Money::minor), variant.compare_at.map(kernel::Money::minor)),
        (Some(400), Some(1_200))
    );
    assert_eq!(variant.option_values["Size"], "S");
    assert!(states[0].text_digest.is_some());
    assert_eq!(states[0].text_digest, states[1].text_digest);
    assert_ne!(states[1].text_digest, states[2].text_digest);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_replaces_what_it_names_and_null_takes_away() {
    let world = World::quiet().await;
    let (status, created) = world.owner().post("/admin/v1/products", &complete(&[])).await;
    assert_eq!(status, 201, "{created}");
    let path = format!("/admin/v1/products/{}", created["id"].as_str().unwrap());
    let any = world.owner().with("if-match", "*");
    let (_, same) = any.patch(&path, &json!({"tags": ["summer", "COTTON"], "external_references": {}})).await;
    assert_eq!(same["version"], 1, "{same}");
    let cleared = json!({
        "brand": null, "short_description": null, "description": null, "tags": null, "media": null, "options": null,
        "external_references": {"erp": null, "shop": "7"}, "translations": {"vi": null},
        "variants": [{"sku": "SHIRT-S", "cost": null, "barcode": null, "weight_grams": null, "external_references": null}],
    });
    let (status, changed) = any.patch(&path, &cleared).await;
    assert_eq!(status, 200, "{changed}");
    for (field, value) in [
        ("brand", json!(null)),
        ("short_description", json!("")),
        ("tags", json!([])),
        ("media", json!([])),
        ("options", json!([])),
        ("external_references", json!({"shop": "7"})),
        ("translations", json!({"fr": {"short_description": "Doux"}})),
        ("description", json!("")),
        ("title", json!("Shirt")),
    ] {
        assert_eq!(changed[field], value, "{field}");
    }
    let variant = &changed["variants"][0];
    assert_eq!(
        (&variant["cost"], &variant["barcode"], &variant["option_values"]),
        (&json!(null), &json!(null), &json!({}))
    );
    assert_eq!(
        (&variant["compare_at"], &variant["length_mm"]),
        (&price(1_200), &json!(300)),
        "what is not named stays"
    );
    assert_eq!(world.owner().get(&path).await.1, changed);
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_detail_is_refused_with_its_field() {
    let world = World::quiet().await;
    let refused = async |field: &str, value: Value| {
        let mut body = complete(&[]);
        *body.pointer_mut(field).unwrap() = value;
        let (status, problem) = world.owner().post("/admin/v1/products", &body).await;
        assert_eq!(status, 422, "{field}: {problem}");
        problem_fields(&problem).into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    for (pointer, value, field) in [
        ("/brand", json!("x".repeat(101)), "brand"),
        ("/tags/0", json!("a,b"), "tags[0]"),
        ("/tags", json!(vec!["x"; 51]), "tags"),
        ("/media/0/url", json!("javascript:alert(1)"), "media[0].url"),
        ("/media/0/kind", json!("sound"), "media[0].kind"),
        ("/options/0/values", json!([]), "options[0].values"),
        ("/options/0/values", json!(["S", "S"]), "options"),
        ("/external_references", json!({"ERP": "1"}), "external_references"),
        ("/translations", json!({"en": {"title": "Shirt"}}), "translations.en"),
        ("/translations", json!({"vi": {"titel": "Áo"}}), "translations.vi.titel"),
        ("/variants/0/barcode", json!("4006381333932"), "variants[0].barcode"),
        ("/variants/1/option_values", json!({"Size": "S"}), "variants"),
        ("/variants/1/option_values", json!({"Size": "XL"}), "variants"),
        ("/variants/0/cost", json!({"amount": "1", "currency": "EUR"}), "variants"),
        ("/variants/0/weight_grams", json!(-1), "variants[0].weight_grams"),
    ] {
        let fields = refused(pointer, value).await;
        assert!(fields.iter().any(|one| one.starts_with(field)), "{pointer}: {fields:?}");
    }
    assert_eq!(world.value("select count(*) from products").await, "0");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_barcode_is_unique_in_its_organisation_and_the_refusal_names_its_holder() {
    let world = World::quiet().await;
    let with = |slug: &str, sku: &str, barcode: &str| {
        let mut body = product(slug, &[(sku, 100, 1)]);
        body["variants"][0]["barcode"] = json!(barcode);
        body
    };
    let (status, lamp) = world.owner().post("/admin/v1/products", &with("lamp", "LAMP", "96385074")).await;
    assert_eq!(status, 201, "{lamp}");
    let (status, problem) = world.owner().post("/admin/v1/products", &with("desk", "DESK", "96385074")).await;
    assert_eq!((status, &problem["type"]), (409, &json!("/problems/barcode-taken")), "{problem}");
    let holder = json!({"barcode": "96385074", "sku": "LAMP", "product": lamp["id"], "status": "active"});
    assert_eq!((&problem["barcodes"], &problem["holders"]), (&json!(["96385074"]), &json!([holder])));
    assert_eq!(world.value("select count(*) from products").await, "1");
    let other = world.client(Caller::OtherOrganisation);
    assert_eq!(other.post("/admin/v1/products", &with("lamp", "LAMP", "96385074")).await.0, 201);

    let desk = world.create("desk", &[("DESK-1", 100, 1), ("DESK-2", 100, 1)]).await;
    let path = format!("/admin/v1/products/{}", desk["id"].as_str().unwrap());
    let any = world.owner().with("if-match", "*");
    let (status, problem) = any.patch(&path, &json!({"variants": [{"sku": "DESK-1", "barcode": "96385074"}]})).await;
    assert_eq!((status, &problem["holders"]), (409, &json!([holder])), "{problem}");

    // Within a product it may be handed on, in either direction.
    let hand = |from: &str, to: &str| json!({"variants": [{"sku": from, "barcode": null}, {"sku": to, "barcode": "4006381333931"}]});
    for (from, to) in [("DESK-2", "DESK-1"), ("DESK-1", "DESK-2"), ("DESK-2", "DESK-1")] {
        let (status, changed) = any.patch(&path, &hand(from, to)).await;
        assert_eq!(status, 200, "{changed}");
    }
    assert_eq!(world.value("select sku from variants where barcode = '4006381333931'").await, "DESK-1");

    let row = r#"{"slug":"chair","title":"Chair","variants":[{"sku":"CHAIR","barcode":"96385074","price":{"amount":"1","currency":"USD"}}]}"#;
    let (lines, _) = world.import("application/x-ndjson", row).await;
    assert_eq!(
        (&lines[0]["result"], &lines[0]["errors"][0]["column"]),
        (&json!("failed"), &json!("variants[0].barcode"))
    );
    assert!(lines[0]["errors"][0]["reason"].as_str().unwrap().contains("belongs to SKU LAMP"), "{lines:?}");
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_say_brand_tags_barcode_and_amounts() {
    let world = World::quiet().await;
    let file = "slug,title,brand,short_description,tags,sku,barcode,price,compare_at,cost,currency,weight_grams\n\
                lamp,Lamp,Aurora,For desks,\"desk, Light\",LAMP-B,96385074,12.50,15,7,USD,1250\n\
                lamp,,,,,LAMP-W,,11.00,,,USD,\n";
    let (lines, _) = world.import("text/csv", file).await;
    assert_eq!(lines[0]["result"], "created", "{lines:?}");
    let path = format!("/admin/v1/products/{}", lines[0]["product"].as_str().unwrap());
    let (_, lamp) = world.owner().get(&path).await;
    assert_eq!((&lamp["brand"], &lamp["short_description"]), (&json!("Aurora"), &json!("For desks")));
    assert_eq!(lamp["tags"], json!(["desk", "light"]));
    let black = &lamp["variants"][0];
    assert_eq!((&black["barcode"], &black["weight_grams"]), (&json!("96385074"), &json!(1_250)));
    assert_eq!((&black["compare_at"], &black["cost"]), (&price(1_500), &price(700)));
    let (lines, _) = world.import("text/csv", file).await;
    assert_eq!(lines.iter().map(|line| line["result"].as_str().unwrap()).collect::<Vec<_>>(), ["unchanged"; 2]);
    // Moved to the neighbour in the same file.
    let moved = "slug,sku,barcode\nlamp,LAMP-B,4006381333931\nlamp,LAMP-W,96385074\n";
    let (lines, _) = world.import("text/csv", moved).await;
    assert_eq!(
        lines.iter().map(|line| line["result"].as_str().unwrap()).collect::<Vec<_>>(),
        ["updated"; 2],
        "{lines:?}"
    );
    world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_shop_speaks_the_language_that_is_asked_for_and_tells_no_cost() {
    let world = World::connected().await;
    let (status, created) = world.owner().post("/admin/v1/products", &complete(&[])).await;
    assert_eq!(status, 201, "{created}");
    let shop = format!("/store/v1/{}/products/{}", world.scene.slug(), created["id"].as_str().unwrap());
    let shopper = world.client(Caller::Anonymous);
    let texts = async |locale: &str| {
        let (status, seen) = shopper.get(&format!("{shop}{locale}")).await;
        assert_eq!(status, 200, "{seen}");
        for hidden in ["cost", "external_references", "4711"] {
            assert!(!seen.to_string().contains(hidden), "{hidden}: {seen}");
        }
        [seen["title"].clone(), seen["short_description"].clone()]
    };
    for _ in 0..2 {
        assert_eq!(texts("").await, ["Shirt", "Soft"]);
        assert_eq!(texts("?locale=vi").await, ["Áo", "Soft"], "text by text");
        assert_eq!(texts("?locale=vi-VN").await, ["Áo", "Soft"]);
        assert_eq!(texts("?locale=fr").await, ["Shirt", "Doux"]);
        assert_eq!(texts("?locale=de").await, ["Shirt", "Soft"]);
        assert_eq!(texts("?locale=en").await, ["Shirt", "Soft"]);
    }
    let (status, problem) = shopper.get(&format!("{shop}?locale=VN")).await;
    assert_eq!((status, problem_fields(&problem)), (422, vec!["locale"]), "{problem}");
    // Who changes a product sees the change in every language at once.
    let path = format!("/admin/v1/products/{}", created["id"].as_str().unwrap());
    let change = json!({"short_description": "Softer", "translations": {"vi": {"title": "Áo thun"}}});
    assert_eq!(world.owner().with("if-match", "*").patch(&path, &change).await.0, 200);
    eventually(PATIENCE, async || {
        let seen = texts("?locale=vi").await;
        if seen == ["Áo thun", "Softer"] { Ok(()) } else { Err(seen) }
    })
    .await;
    world.stop().await;
}

//! Rows of a call that say everything a product can be: they lead to the same product as a request of its own, and what they leave
//! out stays.

use contracts::catalog::StockEvent;
use serde_json::{Value, json};
use testkit::eventually;

use crate::world::{PATIENCE, World, price};

const BULK: &str = "/admin/v1/products/bulk";

/// A product with everything that there is, as a request of its own and as a row of a call.
fn everything(slug: &str, primary: &Value, other: &Value) -> Value {
    let sku = |suffix: &str| format!("{}-{suffix}", slug.to_uppercase());
    json!({
        "slug": slug, "title": "Shirt", "brand": "Aurora", "short_description": "Soft", "description": "Cotton.\nWarm.",
        "status": "draft", "category": primary, "categories": [other, primary], "tags": ["summer", "Cotton"],
        "attributes": {"power": 2.5, "colour": ["red", "blue"]},
        "media": [{"url": "https://cdn.example/shirt.jpg", "kind": "image", "alt": "A shirt"}],
        "options": [{"name": "Size", "values": ["S", "M"]}],
        "external_references": {"erp": "4711"}, "channels": ["shop", "market", "shop"],
        "translations": {"vi": {"title": "Áo", "description": ""}, "fr": {"short_description": "Doux"}},
        "variants": [
            {
                "sku": sku("S"), "title": "Small", "price": price(1_000), "compare_at": price(1_200), "cost": price(400),
                "option_values": {"Size": "S"}, "weight_grams": 200, "length_mm": 300,
                "width_mm": 200, "height_mm": 20, "external_references": {"erp": "4711-S"}, "stock": 7,
                "low_threshold": 8,
            },
            {"sku": sku("M"), "price": price(1_100), "option_values": {"Size": "M"}, "active": false},
        ],
    })
}

/// What of a product does not hang on who it is.
fn comparable(mut product: Value) -> Value {
    for field in ["id", "slug", "created_at", "updated_at"] {
        product.as_object_mut().unwrap().remove(field).unwrap();
    }
    for variant in product["variants"].as_array_mut().unwrap() {
        variant.as_object_mut().unwrap().remove("id").unwrap();
        let sku = variant["sku"].as_str().unwrap().rsplit_once('-').unwrap().1.to_owned();
        variant["sku"] = json!(sku);
    }
    product
}

struct Shop {
    world: World,
    primary: Value,
    other: Value,
}

impl Shop {
    async fn open() -> Self {
        let world = World::connected().await;
        for attribute in [
            json!({"code": "power", "type": "number", "unit": "W", "labels": {"en": "Power"}}),
            json!({"code": "colour", "type": "choices", "choices": ["red", "blue"], "labels": {"en": "Colour"}}),
        ] {
            assert_eq!(world.owner().post("/admin/v1/attributes", &attribute).await.0, 201);
        }
        let home = world.plant("home", &[]).await;
        let clothes = world.plant("clothes", &[home]).await;
        Self { world, primary: json!(clothes), other: json!(home) }
    }

    async fn bulk(&self, row: &Value) -> Value {
        let (status, reply) = self.world.owner().post(BULK, &json!({"products": [row]})).await;
        assert_eq!(status, 201, "{reply}");
        reply["rows"][0].clone()
    }

    async fn read(&self, id: &Value) -> Value {
        self.world.owner().get(&format!("/admin/v1/products/{}", id.as_str().unwrap())).await.1
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_says_as_much_as_a_request_and_saying_it_twice_changes_nothing() {
    let shop = Shop::open().await;
    let body = everything("asked", &shop.primary, &shop.other);
    let (status, asked) = shop.world.owner().post("/admin/v1/products", &body).await;
    assert_eq!(status, 201, "{asked}");
    // By their ids, and by the slugs that lead to them.
    for (slug, primary, other) in
        [("by-id", &shop.primary, &shop.other), ("by-slug", &json!("home/clothes"), &json!("home"))]
    {
        let row = everything(slug, primary, other);
        let first = shop.bulk(&row).await;
        assert_eq!(first["result"], "created", "{first}");
        let written = shop.read(&first["product"]).await;
        assert_eq!(comparable(written.clone()), comparable(asked.clone()));
        assert_eq!((&written["variants"][1]["active"], &written["version"]), (&json!(false), &json!(1)));
        let levels =
            "select string_agg(on_hand || '/' || low_threshold, ' ' order by sku desc) from stock where sku like ";
        let of = |prefix: &str| format!("{levels} '{prefix}%'");
        assert_eq!(shop.world.value(&of(&slug.to_uppercase())).await, shop.world.value(&of("ASKED")).await);
        assert_eq!(shop.bulk(&row).await["result"], "unchanged");
        assert_eq!(shop.read(&first["product"]).await, written);
    }
    // Each began below its threshold.
    eventually(PATIENCE, async || {
        let said = shop.world.said::<StockEvent>().await;
        if said.len() == 3 { Ok(()) } else { Err(said.len()) }
    })
    .await;
    shop.world.assert_books_agree().await;
    shop.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_row_changes_what_it_names_and_null_takes_away() {
    let shop = Shop::open().await;
    let row = everything("shirt", &shop.primary, &shop.other);
    let first = shop.bulk(&row).await;
    let before = shop.read(&first["product"]).await;
    let variant = |field: &str, value: Value| json!({"variants": [{"sku": "SHIRT-S", field: value}]});
    let null = Value::Null;
    let mut expected = before.clone();
    for (change, pointer, value) in [
        (json!({"title": "Blouse"}), "/title", json!("Blouse")),
        (json!({"brand": null}), "/brand", null.clone()),
        (json!({"short_description": null}), "/short_description", json!("")),
        (json!({"description": null}), "/description", json!("")),
        (json!({"tags": null}), "/tags", json!([])),
        (json!({"attributes": {"colour": null}}), "/attributes", json!({"power": 2.5})),
        (json!({"attributes": null}), "/attributes", json!({})),
        (json!({"media": null}), "/media", json!([])),
        (json!({"external_references": {"erp": null, "shop": "7"}}), "/external_references", json!({"shop": "7"})),
        (
            json!({"translations": {"vi": {"title": null, "short_description": "Mềm"}}}),
            "/translations/vi",
            json!({"short_description": "Mềm"}),
        ),
        (json!({"translations": {"vi": null}}), "/translations", json!({"fr": {"short_description": "Doux"}})),
        (json!({"channels": []}), "/channels", json!([])),
        (json!({"channels": ["outlet"]}), "/channels", json!(["outlet"])),
        (json!({"channels": null}), "/channels", null.clone()),
        (json!({"status": "active"}), "/status", json!("active")),
        (variant("title", json!("S")), "/variants/0/title", json!("S")),
        (variant("price", price(900)), "/variants/0/price", price(900)),
        (variant("active", json!(false)), "/variants/0/active", json!(false)),
        (variant("compare_at", null.clone()), "/variants/0/compare_at", null.clone()),
        (variant("cost", null.clone()), "/variants/0/cost", null.clone()),
        (variant("barcode", json!("96385074")), "/variants/0/barcode", json!("96385074")),
        (variant("barcode", null.clone()), "/variants/0/barcode", null.clone()),
        (variant("weight_grams", null.clone()), "/variants/0/weight_grams", null.clone()),
        (variant("length_mm", json!(1)), "/variants/0/length_mm", json!(1)),
        (variant("width_mm", null.clone()), "/variants/0/width_mm", null.clone()),
        (variant("height_mm", null.clone()), "/variants/0/height_mm", null.clone()),
        (variant("external_references", null.clone()), "/variants/0/external_references", json!({})),
    ] {
        let mut sent = change.clone();
        sent["slug"] = json!("shirt");
        let outcome = shop.bulk(&sent).await;
        assert_eq!(outcome["result"], "updated", "{change}: {outcome}");
        *expected.pointer_mut(pointer).unwrap() = value;
        expected["version"] = json!(expected["version"].as_i64().unwrap() + 1);
        let mut read = shop.read(&first["product"]).await;
        read["updated_at"] = expected["updated_at"].clone();
        assert_eq!(read, expected, "{change}");
        // The same change of that product alone finds nothing left to do.
        let path = format!("/admin/v1/products/{}", first["product"].as_str().unwrap());
        let (status, again) = shop.world.owner().with("if-match", "*").patch(&path, &change).await;
        assert_eq!((status, &again["version"]), (200, &expected["version"]), "{change}: {again}");
    }
    // The categories: all, the primary one alone, none.
    for (change, categories) in [
        (json!({"categories": ["home"]}), json!([shop.other])),
        (json!({"category": "clothes"}), json!([shop.primary])),
        (json!({"category": null}), json!([])),
    ] {
        let mut sent = change.clone();
        sent["slug"] = json!("shirt");
        assert_eq!(shop.bulk(&sent).await["result"], "updated", "{change}");
        assert_eq!(shop.read(&first["product"]).await["categories"], categories);
    }
    // Options go with the values of them.
    let plain = json!({"slug": "shirt", "options": null, "variants": [{"sku": "SHIRT-NEW", "price": price(5)}]});
    let refused = shop.bulk(&plain).await;
    assert_eq!(refused["result"], "updated", "{refused}");
    let read = shop.read(&first["product"]).await;
    assert_eq!((&read["options"], &read["variants"][0]["option_values"]), (&json!([]), &json!({})));
    // The threshold alone is a change of the stock, not of the product.
    let threshold = json!({"slug": "shirt", "variants": [{"sku": "SHIRT-S", "low_threshold": 3}]});
    assert_eq!(shop.bulk(&threshold).await["result"], "updated");
    assert_eq!(shop.bulk(&threshold).await["result"], "unchanged");
    assert_eq!(shop.read(&first["product"]).await["version"], read["version"]);
    assert_eq!(shop.world.value("select low_threshold from stock where sku = 'SHIRT-S'").await, "3");
    assert_eq!(shop.world.level("SHIRT-S").await, (7, 0, 0));
    shop.world.assert_books_agree().await;
    shop.world.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_field_of_a_row_is_refused_by_its_name() {
    let shop = Shop::open().await;
    let mut good = everything("shirt", &shop.primary, &shop.other);
    good["variants"][0]["barcode"] = Value::Null;
    let wrong = [
        ("/title", json!("x".repeat(201)), "title"),
        ("/category", json!("nowhere"), "category"),
        ("/categories/0", json!("cat_00000000000000000000000000"), "categories[0]"),
        ("/categories/1", json!("Not A Slug"), "categories[1]"),
        ("/brand", json!("x".repeat(101)), "brand"),
        ("/short_description", json!("x".repeat(501)), "short_description"),
        ("/description", json!("x".repeat(10_001)), "description"),
        ("/status", json!("retired"), "status"),
        ("/tags", json!(["a,b"]), "tags[0]"),
        ("/tags", json!((0..51).map(|number| format!("t{number}")).collect::<Vec<_>>()), "tags"),
        ("/attributes/power", json!("much"), "attributes.power"),
        ("/attributes/colour", json!(["green"]), "attributes.colour"),
        ("/attributes", json!({"weight": 1}), "attributes.weight"),
        ("/channels/0", json!("My Shop"), "channels[0]"),
        ("/channels", json!((0..51).map(|number| format!("c{number}")).collect::<Vec<_>>()), "channels"),
        ("/media/0/url", json!("javascript:alert(1)"), "media[0].url"),
        ("/media/0/kind", json!("sound"), "media[0].kind"),
        ("/options", json!([{"name": "Size", "values": ["S", "S"]}]), "options"),
        ("/external_references/erp", json!(""), "external_references.erp"),
        ("/translations", json!({"en": {"title": "Shirt"}}), "translations.en"),
        ("/translations", json!({"vi": {"titel": "Áo"}}), "translations.vi.titel"),
        ("/variants/0/barcode", json!("4006381333932"), "variants[0].barcode"),
        ("/variants/0/option_values", json!({"Size": "XL"}), "variants[0].option_values"),
        ("/variants/1/option_values", json!({"Size": "S"}), "variants[1].option_values"),
        ("/variants/0/compare_at", json!({"amount": "1", "currency": "EUR"}), "variants[0].compare_at"),
        ("/variants/0/cost", json!({"amount": "1", "currency": "EUR"}), "variants[0].cost"),
        ("/variants/1/price", json!({"amount": "1", "currency": "EUR"}), "variants[1].price"),
        ("/variants/1/active", json!("no"), "variants[1].active"),
        ("/variants/0/weight_grams", json!(-1), "variants[0].weight_grams"),
        ("/variants/0/length_mm", json!(-1), "variants[0].length_mm"),
        ("/variants/0/width_mm", json!(1.5), "variants[0].width_mm"),
        ("/variants/0/height_mm", json!("2"), "variants[0].height_mm"),
        ("/variants/0/external_references/erp", json!(7), "variants[0].external_references.erp"),
        ("/variants/0/stock", json!(-1), "variants[0].stock"),
        ("/variants/0/low_threshold", json!(-1), "variants[0].low_threshold"),
        ("/variants/0/sku", json!("../x"), "variants[0].sku"),
    ];
    let rows: Vec<Value> = wrong
        .iter()
        .enumerate()
        .map(|(number, (pointer, value, _))| {
            let mut row = good.clone();
            *row.pointer_mut(pointer).unwrap() = value.clone();
            row["slug"] = json!(format!("shirt-{number}"));
            // The names of a call are different ones; what is wrong is said of each row alone.
            for variant in row["variants"].as_array_mut().unwrap() {
                variant["sku"] = json!(format!("{number}-{}", variant["sku"].as_str().unwrap()));
            }
            if *pointer == "/variants/0/sku" {
                row["variants"][0]["sku"] = value.clone();
            }
            row
        })
        .collect();
    let (status, reply) = shop.world.owner().post(BULK, &json!({"products": rows})).await;
    assert_eq!(status, 201, "{reply}");
    for ((pointer, _, column), row) in wrong.iter().zip(reply["rows"].as_array().unwrap()) {
        assert_eq!(row["result"], "failed", "{pointer}: {row}");
        assert_eq!(row["errors"][0]["column"], *column, "{pointer}: {row}");
    }
    assert_eq!(shop.world.value("select count(*) from products").await, "0");
    assert_eq!(shop.bulk(&good).await["result"], "created", "and without a fault it is taken");
    shop.world.stop().await;
}

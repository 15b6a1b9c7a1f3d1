//! Whatever is asked of products and variants, by staff or in the shop, shows and counts nothing of another organisation.

use serde_json::{Value, json};
use testkit::{Caller, Client};

use crate::world::{World, price, product};

/// A product that says `word` wherever it can, with an attribute and a tag of that name.
async fn stock_up(client: &Client, word: &str) -> Value {
    let definition = json!({"code": "maker", "type": "text", "labels": {"en": word}});
    let (status, defined) = client.post("/admin/v1/attributes", &definition).await;
    assert_eq!(status, 201, "{defined}");
    let mut body = product(word, &[(word, 100, 7)]);
    for field in ["brand", "description", "short_description"] {
        body[field] = json!(word);
    }
    body["tags"] = json!([word]);
    body["attributes"] = json!({"maker": word});
    let (status, created) = client.post("/admin/v1/products", &body).await;
    assert_eq!(status, 201, "{created}");
    created
}

/// Values of the field's kind: some of the stranger's, and one that everybody has.
fn values(field: &Value, theirs: &Value) -> Vec<Value> {
    match field["kind"].as_str().unwrap() {
        "id" => match field["name"].as_str().unwrap() {
            name if name.contains("categor") => vec![json!("cat_00000000000000000000000000")],
            "id" if field["description"].as_str().unwrap().contains("variant") => {
                vec![theirs["variants"][0]["id"].clone()]
            }
            _ => vec![theirs["id"].clone(), theirs["variants"][0]["id"].clone()],
        },
        "choice" => field["choices"].as_array().unwrap().clone(),
        "integer" | "number" => vec![json!(7), json!(0)],
        "boolean" => vec![json!(true), json!(false)],
        "price" => vec![price(100), price(0)],
        "time" => vec![json!("2000-01-01T00:00:00Z"), json!("2999-01-01T00:00:00Z")],
        "date" => vec![json!("2000-01-01")],
        _ => vec![json!("theirs"), json!("the"), json!("x' or 'x' = 'x")],
    }
}

/// The conditions that a field can have, in every form of its value.
fn conditions(field: &Value, theirs: &Value) -> Vec<Value> {
    let values = values(field, theirs);
    let mut conditions = Vec::new();
    for operator in field["operators"].as_array().unwrap() {
        let operands = match operator.as_str().unwrap() {
            "is_null" => vec![json!(true), json!(false)],
            "in" | "nin" | "has_any" | "has_all" => vec![json!(values)],
            "between" => {
                vec![json!([values[values.len() - 1], values[0]]), json!([values[0], values[values.len() - 1]])]
            }
            _ => values.clone(),
        };
        for value in operands {
            let condition = json!({"field": field["name"], "op": operator, "value": value});
            conditions.push(json!({"not": condition}));
            conditions.push(condition);
        }
    }
    conditions
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_condition_no_facet_and_no_words_show_or_count_what_belongs_to_another_organisation() {
    let world = World::quiet().await;
    let (owner, stranger) = (world.owner(), world.client(Caller::OtherOrganisation));
    stock_up(&owner, "mine").await;
    let theirs = stock_up(&stranger, "theirs").await;
    let (status, found) = stranger.get("/admin/v1/products?q=theirs&total=exact").await;
    assert_eq!((status, &found["total"]["items"]), (200, &json!(1)), "it is there to be found: {found}");
    let hidden = [theirs["id"].as_str().unwrap(), theirs["variants"][0]["id"].as_str().unwrap(), "theirs"];
    let (mut asked, mut answered) = (0, 0);
    for list in ["products", "variants"] {
        let (status, described) = owner.get(&format!("/admin/v1/{list}/fields")).await;
        assert_eq!(status, 200, "{described}");
        let fields = described["fields"].as_array().unwrap();
        let names: Vec<&Value> = fields.iter().map(|field| &field["name"]).collect();
        let counted: Vec<Value> = fields
            .iter()
            .filter(|field| field["countable"] == true)
            .map(|field| match field["kind"].as_str().unwrap() {
                "price" => json!({"field": field["name"], "bands": [price(50)]}),
                "time" => json!({"field": field["name"], "bands": ["2020-01-01T00:00:00Z"]}),
                _ => field["name"].clone(),
            })
            .collect();
        let filters =
            fields.iter().flat_map(|field| conditions(field, &theirs)).map(|filter| json!({"filter": filter}));
        let words = ["theirs", "the", "THEIRS mine", &hidden[0][5..]].map(|words| json!({"q": words}));
        for (mut body, facets) in filters.chain(words).zip(counted.chunks(10).cycle()) {
            body["fields"] = json!(names);
            body["facets"] = json!(facets);
            body["total"] = json!("exact");
            let (status, answer) = owner.post(&format!("/admin/v1/{list}/query"), &body).await;
            asked += 1;
            assert!(status == 200 || status == 422, "{status}: {body}: {answer}");
            if status == 422 {
                continue;
            }
            answered += 1;
            let text = answer.to_string();
            assert!(hidden.iter().all(|theirs| !text.contains(theirs)), "{body}: {answer}");
            assert!(answer["total"]["items"].as_i64().unwrap() <= 1, "{body}: {answer}");
            let counts = answer["facets"].as_object().unwrap().values().flat_map(|buckets| buckets.as_array().unwrap());
            assert!(counts.into_iter().all(|bucket| bucket["count"] == 1), "{body}: {answer}");
        }
    }
    println!("{answered} of {asked} questions were answered");
    assert!(answered > 400 && answered * 10 > asked * 9, "{answered} of {asked}");
    world.stop().await;
}

//! Searching by words: with and without marks, beginnings and parts, the best first, one wrong letter forgiven.

use serde_json::json;

use crate::things::{World, titled};

async fn titles(world: &World, words: &str) -> (Vec<String>, bool) {
    let answer = world.ask(json!({"q": words, "limit": 50})).await.unwrap();
    let titles = answer.items.iter().map(|item| item.field("title").unwrap().as_str().unwrap().to_owned()).collect();
    (titles, answer.forgiving)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn words_are_found_whatever_their_marks_and_letter_case() {
    let world = World::new().await;
    let all =
        ["เสื้อยืด", "Áo thun Đỏ", "Quần jean xanh", "Desk lamp LX-100/B", "Lampshade", "Red clamp", "100% Wool_Sock"];
    world.store(&all.map(titled)).await;
    for (words, expected) in [
        ("ao thun", vec!["Áo thun Đỏ"]),
        ("ÁO ĐỎ", vec!["Áo thun Đỏ"]),
        ("a\u{301}o đ\u{309}", vec!["Áo thun Đỏ"]),
        ("do", vec!["Áo thun Đỏ"]),
        ("quan", vec!["Quần jean xanh"]),
        ("เสื้อ", vec!["เสื้อยืด"]),
        // Whole words first, then beginnings, then parts.
        ("lamp", vec!["Desk lamp LX-100/B", "Lampshade", "Red clamp"]),
        ("lx-100", vec!["Desk lamp LX-100/B"]),
        ("wool_s", vec!["100% Wool_Sock"]),
        ("100", vec!["100% Wool_Sock", "Desk lamp LX-100/B"]),
        // Two letters are the beginning of a word only.
        ("am", vec![]),
        ("lamp red", vec!["Red clamp"]),
    ] {
        let (found, forgiving) = titles(&world, words).await;
        let mut sorted = found.clone();
        if words == "100" {
            sorted.sort();
        }
        assert_eq!(if words == "100" { sorted } else { found }, expected, "{words}");
        assert!(!forgiving, "{words}");
    }
}

/// What the index is asked first must leave nothing out, whatever letters it is about.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_with_marks_is_contained_where_its_letters_are() {
    let world = World::new().await;
    let stored = ["Quần jean xanh", "Quan jean", "Áo thun Đỏ", "Straße ŉabc", "Œuvre æther", "Ŀxyz"];
    world.store(&stored.map(titled)).await;
    for (text, expected) in [
        ("Quần", "Quần jean xanh"),
        ("uần jean", "Quần jean xanh"),
        ("thun Đỏ", "Áo thun Đỏ"),
        ("traße", "Straße ŉabc"),
        ("ŉabc", "Straße ŉabc"),
        ("Œuvre", "Œuvre æther"),
        ("æthe", "Œuvre æther"),
        ("Ŀxyz", "Ŀxyz"),
    ] {
        let request = json!({"filter": {"field": "title", "op": "contains", "value": text}, "fields": ["title"]});
        let answer = world.ask(request).await.unwrap();
        let found: Vec<_> = answer.items.iter().map(|item| item.field("title").cloned()).collect();
        assert_eq!(found, [Some(json!(expected))], "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_wrong_letter_is_forgiven_where_nothing_else_is_found() {
    let world = World::new().await;
    world.store(&["Logitech mouse", "Áo khoác", "Lamp", "Limp Bizkit poster"].map(titled)).await;
    for (words, expected) in [
        ("logitexh", "Logitech mouse"),
        ("logitch", "Logitech mouse"),
        ("loogitech", "Logitech mouse"),
        ("lgoitech", "Logitech mouse"),
        ("logitech muose", "Logitech mouse"),
        ("khoóc", "Áo khoác"),
    ] {
        assert_eq!(titles(&world, words).await, (vec![expected.to_owned()], true), "{words}");
    }
    // As it is written comes first: nothing else is looked for when that is found.
    assert_eq!(titles(&world, "lamp").await, (vec!["Lamp".to_owned()], false));
    assert_eq!(titles(&world, "logxtexh").await, (vec![], false), "two wrong letters");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_is_walked_page_by_page_in_its_order() {
    let world = World::new().await;
    let all: Vec<_> = (0..30).map(|number| titled(["Lamp", "Red lamp", "Lampshade", "Clamp"][number % 4])).collect();
    world.store(&all).await;
    for words in ["lamp", "lanp"] {
        let whole = titles(&world, words).await.0;
        let (mut found, mut cursor) = (Vec::new(), serde_json::Value::Null);
        loop {
            let answer = world.ask(json!({"q": words, "limit": 7, "cursor": cursor, "total": "exact"})).await.unwrap();
            assert_eq!(answer.total.unwrap().items, i64::try_from(whole.len()).unwrap());
            found.extend(answer.items.iter().map(|item| item.field("title").unwrap().as_str().unwrap().to_owned()));
            match answer.next_cursor {
                Some(next) => cursor = json!(next),
                None => break,
            }
        }
        assert_eq!(found, whole, "{words}");
        assert!(whole.len() > 20, "{words}");
    }
}

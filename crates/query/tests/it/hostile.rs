//! Requests that mean harm or nonsense: each is answered or refused with its place, none reaches PostgreSQL as a fault, and
//! none shows a row of another organisation.

use query::{Entity as _, Error, Faults, Parameters, Request};
use serde_json::{Value, json};

use crate::things::{Thing, Things, World, ids, titled};

const HOSTILE: [&str; 18] = [
    "'",
    "''",
    "\"",
    "\\",
    "\\'",
    "%",
    "_",
    "$1",
    "$$",
    "--",
    "/*",
    "*/",
    "{}",
    "{\"a\":1}",
    "';drop table things;--",
    "\u{202e}\u{200f}abc",
    "\u{feff}",
    "ﷺ𝓛",
];

fn refused(error: Error) -> Faults {
    match error {
        Error::Refused(faults) => faults,
        other => panic!("not refused: {other}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_values_mean_themselves_with_every_operator_of_every_field() {
    let world = World::new().await;
    let mut things: Vec<Thing> = HOSTILE.iter().map(|text| titled(text)).collect();
    for (thing, text) in things.iter_mut().zip(HOSTILE) {
        thing.note = Some(text.to_owned());
        thing.tags = vec![text.to_owned()];
        thing.parts = vec![(text.to_owned(), 1)];
        thing.extras = json!({"colour": text, "labels": [text], "volume": "no number", "since": 5});
    }
    world.store(&things).await;
    let long = "x".repeat(10_000);
    for field in Things::registry().fields() {
        for operator in field.operators() {
            let is_list = ["in", "nin", "between", "has_any", "has_all"].contains(&operator.as_str());
            let comparison = |value: Value| json!({"field": field.name(), "op": operator.as_str(), "value": value});
            let of = |text: &str| comparison(if is_list { json!([text, text]) } else { json!(text) });
            let together = json!({"or": HOSTILE.map(of)});
            let wrong = [json!([]), json!([["'"]]), json!({"amount": "'", "currency": "'"}), json!(1e300), Value::Null];
            let alone = ["\0", "", &long].map(of).into_iter().chain(wrong.map(comparison));
            for filter in alone.chain([together]) {
                match world.ask(json!({"filter": filter, "limit": 100})).await {
                    Ok(answer) => assert!(answer.items.len() <= HOSTILE.len(), "no foreign row"),
                    Err(error) => {
                        let faults = refused(error);
                        assert!(faults.0[0].at.ends_with(".value") || faults.0[0].at.contains(".value["), "{faults}");
                    }
                }
            }
        }
    }
    // What is found is what was asked for.
    for (text, thing) in HOSTILE.iter().zip(&things) {
        for (field, operator, value) in [
            ("title", "eq", json!(text)),
            ("note", "in", json!([text])),
            ("tags", "has_all", json!([text])),
            ("code", "eq", json!(text)),
            ("extras.colour", "eq", json!(text)),
            ("extras.labels", "has_any", json!([text])),
        ] {
            let answer = world.ask(json!({"filter": {"field": field, "op": operator, "value": value}})).await.unwrap();
            assert_eq!(ids(&answer), [thing.id.to_string()], "{field} {operator} {text}");
        }
    }
    let percent = world.ask(json!({"filter": {"field": "title", "op": "contains", "value": "%"}})).await.unwrap();
    assert_eq!(percent.items.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_words_and_query_strings_are_answered_or_refused() {
    let world = World::new().await;
    world.store(&[titled("a lamp")]).await;
    let long = "(".repeat(5_000);
    let endings = [
        "",
        ":",
        "::",
        "(",
        ")",
        "and(",
        "or()",
        "not(not(",
        ",",
        "|",
        "\"",
        "title:eq:\"",
        "title:eq:a)",
        "title:eq:a,",
        "title:in:",
        "not()",
        "and(title:eq:a",
        "title:eq:a b(c)",
    ];
    for text in HOSTILE.into_iter().chain(endings).chain([long.as_str()]) {
        for parameters in [
            Parameters { condition: Some(text.to_owned()), ..Parameters::default() },
            Parameters { condition: Some(format!("title:contains:{text}")), ..Parameters::default() },
            Parameters { q: Some(text.to_owned()), ..Parameters::default() },
            Parameters { sort: Some(text.to_owned()), ..Parameters::default() },
            Parameters { fields: Some(text.to_owned()), ..Parameters::default() },
            Parameters { facets: Some(text.to_owned()), ..Parameters::default() },
        ] {
            let said = format!("{parameters:?}");
            if let Err(error) = world.send(Request::from(parameters)).await {
                assert!(!refused(error).0.is_empty(), "{said}");
            }
        }
    }
    let deep = (0..20).fold(json!({"field": "title", "op": "eq", "value": "a"}), |inner, _| json!({"not": inner}));
    let faults = refused(world.ask(json!({"filter": deep})).await.unwrap_err());
    assert!(faults.to_string().contains("deeper than 8 levels"), "{faults}");
    let wide = json!({"or": vec![json!({"and": vec![json!({"field": "title", "op": "eq", "value": "a"}); 10]}); 10]});
    let faults = refused(world.ask(json!({"filter": wide})).await.unwrap_err());
    assert!(faults.to_string().contains("more than 50 comparisons"), "{faults}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_name_is_told_the_nearest_right_one() {
    let world = World::new().await;
    let said = async |request: Value| {
        let faults = refused(world.ask(request).await.unwrap_err());
        (faults.0[0].at.clone(), faults.0[0].reason.clone())
    };
    let (at, reason) = said(json!({"filter": {"and": [{"field": "titel", "op": "eq", "value": "a"}]}})).await;
    assert_eq!(at, "filter.and[0].field");
    assert!(
        reason.starts_with("has no field \"titel\"; did you mean \"title\"? There are: id, title, note"),
        "{reason}"
    );
    let (at, reason) = said(json!({"filter": {"field": "title", "op": "like", "value": "a"}})).await;
    assert_eq!(at, "filter.op");
    assert!(reason.contains("\"like\"") && reason.contains("starts_with"), "{reason}");
    let (_, reason) = said(json!({"filter": {"field": "active", "op": "gt", "value": true}})).await;
    assert_eq!(reason, "gt is not for the field \"active\", which has \"eq\" or \"ne\"");
    let (at, reason) = said(json!({"filter": {"field": "kind", "op": "in", "value": ["round", "rond"]}})).await;
    assert_eq!((at.as_str(), reason.as_str()), ("filter.value[1]", "must be one of \"round\", \"square\" or \"flat\""));
    let (at, reason) = said(json!({"sort": ["-size", "tags"]})).await;
    assert_eq!((at.as_str(), reason.as_str()), ("sort[1]", "\"tags\" is not a field to sort by"));
    let (at, reason) = said(json!({"fields": ["id", "colour"]})).await;
    assert_eq!(at, "fields[1]");
    assert!(reason.contains("did you mean \"extras.colour\""), "{reason}");
    let (at, reason) = said(json!({"facets": ["price"]})).await;
    assert_eq!((at.as_str(), reason.as_str()), ("facets[0]", "needs \"bands\": the borders between what is counted"));
    // Everything that is wrong is said at once.
    let faults = refused(
        world
            .ask(json!({"filter": {"field": "x", "op": "eq", "value": 1}, "sort": ["y"], "fields": ["z"]}))
            .await
            .unwrap_err(),
    );
    assert_eq!(faults.0.len(), 3, "{faults}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cursor_is_good_for_its_own_query_only() {
    let world = World::new().await;
    world.store(&[titled("a"), titled("b"), titled("c")]).await;
    let first = world.ask(json!({"limit": 1, "sort": ["title"]})).await.unwrap();
    let cursor = json!(first.next_cursor);
    let next = world.ask(json!({"limit": 2, "sort": ["title"], "cursor": cursor, "fields": ["title"]})).await.unwrap();
    assert_eq!(next.items.len(), 2, "another size and other fields are the same list");
    for other in [
        json!({"sort": ["-title"]}),
        json!({}),
        json!({"sort": ["title"], "q": "a"}),
        json!({"sort": ["title"], "filter": {"field": "active", "op": "eq", "value": true}}),
    ] {
        let mut request = other.clone();
        request["cursor"] = cursor.clone();
        assert!(matches!(world.ask(request).await, Err(Error::Cursor(_))), "{other}");
    }
    let text = cursor.as_str().unwrap();
    for position in 0..text.len() {
        let letter = if text.as_bytes()[position] == b'A' { "B" } else { "A" };
        let changed = format!("{}{letter}{}", &text[..position], &text[position + 1..]);
        let answer = world.ask(json!({"limit": 1, "sort": ["title"], "cursor": changed})).await;
        assert!(matches!(answer, Err(Error::Cursor(_))), "{changed}");
    }
}

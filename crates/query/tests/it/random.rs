//! Random filters, orders and pages over random things, held against the evaluator.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, TestRunner};
use query::{Entity as _, Parameters, Request};
use serde_json::{Value, json};

use crate::evaluator::{compact, counts, holds, sort};
use crate::things::{KINDS, Thing, Things, World, ids, time_of};

const CASES: usize = 100;
const THINGS: usize = 60;

/// Few letters, so that texts meet, and every sign that means something to SQL, to patterns or to the compact form.
fn texts() -> impl Strategy<Value = String> {
    "[aAb%_\\\\'\"|,():. \u{202e}中]{0,4}"
}

fn tags() -> impl Strategy<Value = String> {
    select(vec!["new", "sale", "50%", "a\"b", "{x,y}", "null"]).prop_map(str::to_owned)
}

fn amounts() -> impl Strategy<Value = (i64, &'static str)> {
    (0_i64..400, select(vec!["USD", "EUR"]))
}

fn money((minor, currency): (i64, &str)) -> Value {
    json!({"amount": format!("{}.{:02}", minor / 100, minor % 100), "currency": currency})
}

fn colours() -> impl Strategy<Value = String> {
    select(vec!["red", "blue", "dark blue"]).prop_map(str::to_owned)
}

fn days() -> impl Strategy<Value = String> {
    (1_u32..28).prop_map(|day| format!("2026-02-{day:02}"))
}

fn extras() -> impl Strategy<Value = Value> {
    let labels = prop::collection::btree_set(tags(), 0..3);
    let washable = prop::option::of(any::<bool>());
    (
        prop::option::of(colours()),
        prop::option::of(-20_i64..20),
        prop::option::of(days()),
        prop::option::of(labels),
        washable,
    )
        .prop_map(|(colour, volume, since, labels, washable)| {
            let mut extras = json!({});
            let mut set = |name: &str, value: Option<Value>| value.into_iter().for_each(|value| extras[name] = value);
            set("colour", colour.map(|colour| json!(colour)));
            #[expect(clippy::cast_precision_loss, reason = "the tests' numbers are small")]
            set("volume", volume.map(|volume| json!(volume as f64 / 4.0)));
            set("since", since.map(|day| json!(day)));
            set("washable", washable.map(|washable| json!(washable)));
            set("labels", labels.filter(|labels| !labels.is_empty()).map(|labels| json!(labels)));
            extras
        })
}

fn things() -> impl Strategy<Value = Thing> {
    (
        (texts(), prop::option::of(texts()), select(KINDS.to_vec()), prop::option::of(-3_i64..4)),
        (amounts(), any::<bool>(), prop::option::of(0_u32..1_440), prop::collection::btree_set(tags(), 0..3)),
        (prop::collection::vec((texts(), 0_i64..9), 0..3), extras()),
    )
        .prop_map(|((title, note, kind, size), (price, active, seen, tags), (parts, extras))| Thing {
            id: kernel::ProductId::new(),
            title,
            note,
            kind,
            size,
            price,
            active,
            seen,
            tags: tags.into_iter().collect(),
            parts,
            extras,
        })
}

/// A valid value of the field.
fn value_of(field: &'static str) -> BoxedStrategy<Value> {
    match field {
        "title" | "note" | "code" => texts().prop_map(Value::from).boxed(),
        "kind" => select(KINDS.to_vec()).prop_map(Value::from).boxed(),
        "size" | "weight" => (-4_i64..9).prop_map(Value::from).boxed(),
        "price" => amounts().prop_map(money).boxed(),
        "active" | "extras.washable" => any::<bool>().prop_map(Value::from).boxed(),
        "seen_at" => (0_u32..1_440).prop_map(time_of).prop_map(Value::from).boxed(),
        "tags" | "extras.labels" => tags().prop_map(Value::from).boxed(),
        "extras.colour" => colours().prop_map(Value::from).boxed(),
        #[expect(clippy::cast_precision_loss, reason = "the tests' numbers are small")]
        "extras.volume" => (-20_i64..20).prop_map(|volume| json!(volume as f64 / 4.0)).boxed(),
        "extras.since" => days().prop_map(Value::from).boxed(),
        other => panic!("{other} has no values"),
    }
}

const FIELDS: [&str; 15] = [
    "title",
    "note",
    "kind",
    "size",
    "price",
    "active",
    "seen_at",
    "tags",
    "code",
    "weight",
    "extras.colour",
    "extras.volume",
    "extras.since",
    "extras.labels",
    "extras.washable",
];

fn comparisons() -> impl Strategy<Value = Value> {
    let field = select(FIELDS.to_vec());
    field.prop_flat_map(|field| {
        let operators = Things::registry().field(field).unwrap().operators();
        select(operators).prop_flat_map(move |operator| {
            let value = value_of(field);
            let operand = match operator.as_str() {
                "in" | "nin" | "has_any" | "has_all" => {
                    prop::collection::vec(value, 1..4).prop_map(Value::from).boxed()
                }
                "between" => (value.clone(), value)
                    .prop_map(|(from, mut to)| {
                        if from.is_object() {
                            to["currency"] = from["currency"].clone();
                        }
                        json!([from, to])
                    })
                    .boxed(),
                "is_null" => any::<bool>().prop_map(Value::from).boxed(),
                "contains" | "starts_with" => value.prop_filter("needs a letter", |text| text != "").boxed(),
                _ => value,
            };
            operand.prop_map(move |operand| json!({"field": field, "op": operator.as_str(), "value": operand}))
        })
    })
}

fn filters() -> impl Strategy<Value = Value> {
    comparisons().prop_recursive(4, 16, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| json!({"and": parts})),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| json!({"or": parts})),
            inner.prop_map(|part| json!({"not": part})),
        ]
    })
}

fn sorts() -> impl Strategy<Value = Vec<String>> {
    let fields = [
        "title",
        "note",
        "kind",
        "size",
        "price",
        "active",
        "seen_at",
        "extras.volume",
        "extras.since",
        "extras.colour",
        "extras.washable",
    ];
    let sort = (select(fields.to_vec()), any::<bool>());
    prop::collection::vec(
        sort.prop_map(|(field, descending)| format!("{}{field}", if descending { "-" } else { "" })),
        0..3,
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_query_finds_what_the_evaluator_finds_page_by_page_in_both_directions() {
    let world = World::new().await;
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let all: Vec<Thing> = (0..THINGS).map(|_| things().new_tree(&mut runner).unwrap().current()).collect();
    world.store(&all).await;
    for case in 0..CASES {
        let filter = filters().new_tree(&mut runner).unwrap().current();
        let sorts = sorts().new_tree(&mut runner).unwrap().current();
        let limit = (1_u16..30).new_tree(&mut runner).unwrap().current();
        let mut expected: Vec<Thing> = all.iter().filter(|thing| holds(&filter, thing)).cloned().collect();
        sort(&mut expected, &sorts);
        let expected: Vec<String> = expected.iter().map(|thing| thing.id.to_string()).collect();
        let said = format!("case {case}: {filter} sorted by {sorts:?}, {limit} a page");

        let first = json!({"filter": filter, "sort": sorts, "limit": limit, "total": "exact"});
        let (mut found, mut pages, mut cursor) = (Vec::new(), Vec::new(), Value::Null);
        let last = loop {
            let mut request = first.clone();
            request["cursor"] = cursor.clone();
            let answer = world.ask(request).await.unwrap_or_else(|error| panic!("{said}: {error}"));
            assert_eq!(answer.total.unwrap().items, i64::try_from(expected.len()).unwrap(), "{said}");
            assert_eq!(answer.previous_cursor.is_some(), !pages.is_empty(), "{said}");
            found.extend(ids(&answer));
            pages.push(ids(&answer));
            match &answer.next_cursor {
                Some(next) => cursor = json!(next),
                None => break answer,
            }
        };
        assert_eq!(found, expected, "{said}");

        let (mut answer, mut before) = (last, pages.len());
        while let Some(previous) = &answer.previous_cursor {
            before -= 1;
            let mut request = first.clone();
            request["cursor"] = json!(previous);
            answer = world.ask(request).await.unwrap_or_else(|error| panic!("{said}: {error}"));
            assert_eq!(ids(&answer), pages[before - 1], "{said}, back to page {before}");
            assert!(answer.next_cursor.is_some(), "{said}");
        }
        assert_eq!(before, 1, "{said}: the first page is reached");

        let text = compact(&filter);
        let parameters = Parameters {
            condition: Some(text.clone()),
            sort: Some(sorts.join(",")).filter(|sort| !sort.is_empty()),
            limit: 100.try_into().unwrap(),
            ..Parameters::default()
        };
        let answer =
            world.send(Request::from(parameters)).await.unwrap_or_else(|error| panic!("{said}: {text}: {error}"));
        assert_eq!(ids(&answer), expected, "{said}: {text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_facet_is_counted_without_the_conditions_of_its_own_field() {
    let world = World::new().await;
    let mut runner = TestRunner::new(Config { failure_persistence: None, ..Config::default() });
    let all: Vec<Thing> = (0..THINGS).map(|_| things().new_tree(&mut runner).unwrap().current()).collect();
    world.store(&all).await;
    let facets = ["note", "kind", "size", "active", "tags", "extras.colour", "extras.volume", "extras.labels"];
    for case in 0..60 {
        let parts = prop::collection::vec(filters(), 1..4).new_tree(&mut runner).unwrap().current();
        let request = json!({"filter": {"and": parts}, "facets": facets, "limit": 1});
        let answer = world.ask(request).await.unwrap_or_else(|error| panic!("case {case}: {parts:?}: {error}"));
        for facet in facets {
            let others: Vec<&Value> =
                parts.iter().flat_map(conjuncts).filter(|part| !is_only_about(part, facet)).collect();
            let found: Vec<&Thing> = all.iter().filter(|thing| others.iter().all(|part| holds(part, thing))).collect();
            let plain = |value: &Value| value.as_f64().map_or_else(|| value.to_string(), |number| number.to_string());
            let expected: BTreeMap<String, i64> =
                counts(&found, facet).into_iter().map(|(value, count)| (plain(&value), count)).collect();
            let counted: BTreeMap<String, i64> =
                answer.facets[facet].iter().map(|bucket| (plain(&bucket.value), bucket.count)).collect();
            assert_eq!(counted, expected, "case {case}: {facet} of {parts:?}");
        }
    }
}

/// The conditions about two counted fields, of which one has no value: it fails its own condition and no other.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_has_no_value_is_counted_where_only_its_own_condition_keeps_it_out() {
    let world = World::new().await;
    let noted = |note: Option<&str>, kind| Thing { note: note.map(str::to_owned), kind, ..crate::things::titled("a") };
    world
        .store(&[noted(Some("x"), "round"), noted(None, "round"), noted(Some("y"), "flat"), noted(None, "flat")])
        .await;
    let is = |field: &str, value: &str| json!({"field": field, "op": "eq", "value": value});
    let request =
        json!({"filter": {"and": [is("note", "x"), is("kind", "round")]}, "facets": ["note", "kind"], "limit": 1});
    let answer = world.ask(request).await.unwrap();
    let counted = |facet: &str| -> Vec<(Value, i64)> {
        answer.facets[facet].iter().map(|bucket| (bucket.value.clone(), bucket.count)).collect()
    };
    assert_eq!(counted("note"), [(json!("x"), 1), (Value::Null, 1)]);
    assert_eq!(counted("kind"), [(json!("round"), 1)]);
}

/// The parts of nested "and"s, each of which has to hold.
fn conjuncts(filter: &Value) -> Vec<&Value> {
    match filter["and"].as_array() {
        Some(parts) => parts.iter().flat_map(conjuncts).collect(),
        None => vec![filter],
    }
}

fn is_only_about(filter: &Value, field: &str) -> bool {
    for several in ["and", "or"] {
        if let Some(parts) = filter[several].as_array() {
            return parts.iter().all(|part| is_only_about(part, field));
        }
    }
    if filter["not"].is_object() { is_only_about(&filter["not"], field) } else { filter["field"] == field }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bands_are_counted_within_their_currency() {
    let world = World::new().await;
    let mut all = Vec::new();
    for (minor, currency) in [(100, "USD"), (199, "USD"), (200, "USD"), (500, "USD"), (150, "EUR")] {
        all.push(Thing { price: (minor, currency), ..crate::things::titled("a") });
    }
    world.store(&all).await;
    let facet = json!({"field": "price", "bands": [{"amount": "2.00", "currency": "USD"}, "5 USD"]});
    let answer = world.ask(json!({"facets": [facet]})).await.unwrap();
    let counted: Vec<(Value, Value, i64)> =
        answer.facets["price"].iter().map(|bucket| (json!(bucket.from), json!(bucket.to), bucket.count)).collect();
    let two = json!({"amount": "2.00", "currency": "USD"});
    assert_eq!(
        counted,
        [
            (Value::Null, two.clone(), 2),
            (two, json!("5 USD"), 1),
            (json!("5 USD"), Value::Null, 1),
            (Value::Null, Value::Null, 1),
        ]
    );
}

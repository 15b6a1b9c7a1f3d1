//! What a filter means, said once more in a few lines: over things in memory, straight from the JSON of a request.

use serde_json::{Value, json};

use crate::things::{Thing, time_of};

/// A value that is compared: an order within its kind.
#[derive(Debug, Clone, PartialEq, PartialOrd)]
pub(crate) enum Plain {
    Text(String),
    Number(f64),
    Truth(bool),
    Price(String, i64),
}

/// The values of a field: none, one or several.
pub(crate) fn values(thing: &Thing, field: &str) -> Vec<Plain> {
    let text = |text: &str| Plain::Text(text.to_owned());
    #[expect(clippy::cast_precision_loss, reason = "the tests' numbers are small")]
    let number = |number: i64| Plain::Number(number as f64);
    match field {
        "id" => vec![Plain::Text(thing.id.to_string())],
        "title" => vec![text(&thing.title)],
        "note" => thing.note.iter().map(|note| text(note)).collect(),
        "kind" => vec![text(thing.kind)],
        "size" => thing.size.into_iter().map(number).collect(),
        "price" => vec![Plain::Price(thing.price.1.to_owned(), thing.price.0)],
        "active" => vec![Plain::Truth(thing.active)],
        "seen_at" => thing.seen.into_iter().map(|minutes| Plain::Text(time_of(minutes))).collect(),
        "tags" => thing.tags.iter().map(|tag| text(tag)).collect(),
        "code" => thing.parts.iter().map(|(code, _)| text(code)).collect(),
        "weight" => thing.parts.iter().map(|(_, weight)| number(*weight)).collect(),
        extra => match &thing.extras[extra.strip_prefix("extras.").unwrap()] {
            Value::Null => Vec::new(),
            Value::Array(many) => many.iter().map(plain).collect(),
            one => vec![plain(one)],
        },
    }
}

pub(crate) fn plain(value: &Value) -> Plain {
    match value {
        Value::String(text) => Plain::Text(text.clone()),
        Value::Number(number) => Plain::Number(number.as_f64().unwrap()),
        Value::Bool(truth) => Plain::Truth(*truth),
        Value::Object(money) => {
            let minor = money["amount"].as_str().unwrap().replace('.', "").parse().unwrap();
            Plain::Price(money["currency"].as_str().unwrap().to_owned(), minor)
        }
        other => panic!("{other} is no value"),
    }
}

/// Whether the thing fulfils the filter.
pub(crate) fn holds(filter: &Value, thing: &Thing) -> bool {
    if let Some(parts) = filter["and"].as_array() {
        return parts.iter().all(|part| holds(part, thing));
    }
    if let Some(parts) = filter["or"].as_array() {
        return parts.iter().any(|part| holds(part, thing));
    }
    if filter["not"].is_object() {
        return !holds(&filter["not"], thing);
    }
    let own = values(thing, filter["field"].as_str().unwrap());
    let value = &filter["value"];
    let list = || value.as_array().unwrap().iter().map(plain).collect::<Vec<_>>();
    let comparable = |one: &Plain, other: &Plain| match (one, other) {
        (Plain::Price(one, _), Plain::Price(other, _)) => one == other,
        _ => true,
    };
    let some = |test: &dyn Fn(&Plain, &Plain) -> bool| {
        let wanted = plain(value);
        own.iter().any(|one| comparable(one, &wanted) && test(one, &wanted))
    };
    let text = |test: &dyn Fn(&str, &str) -> bool| {
        let wanted = value.as_str().unwrap().to_lowercase();
        own.iter().any(|one| matches!(one, Plain::Text(text) if test(&text.to_lowercase(), &wanted)))
    };
    match filter["op"].as_str().unwrap() {
        "eq" => some(&|one, wanted| one == wanted),
        "ne" => !some(&|one, wanted| one == wanted),
        "lt" => some(&|one, wanted| one < wanted),
        "lte" => some(&|one, wanted| one <= wanted),
        "gt" => some(&|one, wanted| one > wanted),
        "gte" => some(&|one, wanted| one >= wanted),
        "in" | "has_any" => own.iter().any(|one| list().contains(one)),
        "nin" => !own.iter().any(|one| list().contains(one)),
        "has_all" => list().iter().all(|wanted| own.contains(wanted)),
        "between" => {
            let bounds = list();
            own.iter().any(|one| comparable(one, &bounds[0]) && *one >= bounds[0] && *one <= bounds[1])
        }
        "contains" => text(&|one, wanted| one.contains(wanted)),
        "starts_with" => text(&|one, wanted| one.starts_with(wanted)),
        "is_null" => own.is_empty() == value.as_bool().unwrap(),
        other => panic!("{other} is no operator"),
    }
}

/// The order of a list: the fields with their directions, then the id in the direction of the last one.
pub(crate) fn sort(things: &mut [Thing], sorts: &[String]) {
    use std::cmp::Ordering;
    let named: Vec<(&str, bool)> =
        sorts.iter().map(|sort| sort.strip_prefix('-').map_or((sort.as_str(), false), |name| (name, true))).collect();
    let named = if named.is_empty() { vec![("title", false)] } else { named };
    things.sort_by(|one, other| {
        for (field, descending) in &named {
            let key = |thing: &Thing| match values(thing, field).into_iter().next() {
                // An amount is sorted by its number, whatever the currency.
                #[expect(clippy::cast_precision_loss, reason = "the tests' numbers are small")]
                Some(Plain::Price(_, minor)) => Some(Plain::Number(minor as f64)),
                other => other,
            };
            let order = match (key(one), key(other)) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(one), Some(other)) => {
                    let order = one.partial_cmp(&other).unwrap();
                    if *descending { order.reverse() } else { order }
                }
            };
            if order.is_ne() {
                return order;
            }
        }
        let order = one.id.cmp(&other.id);
        if named.last().is_some_and(|(_, descending)| *descending) { order.reverse() } else { order }
    });
}

/// The filter as a query string says it.
pub(crate) fn compact(filter: &Value) -> String {
    let all = |parts: &Value| parts.as_array().unwrap().iter().map(compact).collect::<Vec<_>>().join(",");
    if filter["and"].is_array() {
        return format!("and({})", all(&filter["and"]));
    }
    if filter["or"].is_array() {
        return format!("or({})", all(&filter["or"]));
    }
    if filter["not"].is_object() {
        return format!("not({})", compact(&filter["not"]));
    }
    let word = |value: &Value| match value {
        Value::String(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        Value::Object(money) => {
            format!("\"{} {}\"", money["amount"].as_str().unwrap(), money["currency"].as_str().unwrap())
        }
        other => other.to_string(),
    };
    let words = match &filter["value"] {
        Value::Array(many) => many.iter().map(word).collect::<Vec<_>>().join("|"),
        one => word(one),
    };
    format!("{}:{}:{words}", filter["field"].as_str().unwrap(), filter["op"].as_str().unwrap())
}

/// The counts of a field's values over the things, as a facet shows them.
pub(crate) fn counts(things: &[&Thing], field: &str) -> Vec<(Value, i64)> {
    let mut counts: Vec<(Value, i64)> = Vec::new();
    for thing in things {
        let mut own: Vec<Value> = values(thing, field)
            .into_iter()
            .map(|value| match value {
                Plain::Text(text) => json!(text),
                Plain::Number(number) => json!(number),
                Plain::Truth(truth) => json!(truth),
                Plain::Price(..) => Value::Null,
            })
            .collect();
        if own.is_empty() {
            own.push(Value::Null);
        }
        for value in own {
            match counts.iter_mut().find(|(known, _)| *known == value) {
                Some((_, count)) => *count += 1,
                None => counts.push((value, 1)),
            }
        }
    }
    counts
}

//! Counts of the values of fields over the items that a query finds.
//! The rule: a facet is counted without the conditions about its own field, so that a client sees what else it could choose.

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Integer, Nullable, Text};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value as Json;

use crate::condition::{Writer, member_value};
use crate::fault::Found;
use crate::field::{Counted, Field, Registry, Source};
use crate::filter::Condition;
use crate::sql::{Bound, Sql};
use crate::value::{Kind, Raw, Value};

/// The most facets of one request.
const MOST_FACETS: usize = 10;
/// The most facets of one request of a stranger.
const MOST_FACETS_FOR_EVERYBODY: usize = 3;
/// The most borders between the bands of one facet.
pub(crate) const MOST_BANDS: usize = 20;
/// The most values of one facet, the most frequent first.
pub(crate) const MOST_BUCKETS: usize = 50;

/// How many items have one value.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Bucket {
    /// The value; null for the items without one. For bands, null.
    pub value: Json,
    /// The least value of the band; absent for the lowest band.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Json>,
    /// What every value of the band is less than; absent for the highest band.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Json>,
    /// How many items.
    pub count: i64,
}

/// A facet that is valid.
pub(crate) struct Facet {
    pub(crate) field: Field,
    /// Empty where single values are counted.
    bands: Vec<Value>,
    shown: Vec<Json>,
}

#[derive(QueryableByName)]
pub(crate) struct CountRow {
    #[diesel(sql_type = Integer)]
    facet: i32,
    #[diesel(sql_type = Nullable<Text>)]
    value: Option<String>,
    #[diesel(sql_type = BigInt)]
    items: i64,
}

/// The most facets of one request for these fields.
pub(crate) fn most(registry: &Registry) -> usize {
    if registry.for_everybody { MOST_FACETS_FOR_EVERYBODY } else { MOST_FACETS }
}

/// Reads the facets of a request: each the name of a field, or an object with the field and its bands.
pub(crate) fn read(registry: &Registry, requests: &[Json], found: &mut Found) -> Vec<Facet> {
    let most = most(registry);
    if requests.len() > most {
        found.add("facets", format!("names more than {most} fields"));
        return Vec::new();
    }
    let mut facets: Vec<Facet> = Vec::new();
    for (index, request) in requests.iter().enumerate() {
        let at = format!("facets[{index}]");
        let Some((name, bands)) = parts(request) else {
            found.add(at, "must be the name of a field, or an object with \"field\" and \"bands\"");
            continue;
        };
        let Some(field) = registry.field(name).filter(|field| field.is_counted()) else {
            found.add(at, registry.unknown(name, Field::is_counted));
            continue;
        };
        if facets.iter().any(|known| known.field.name() == field.name()) {
            found.add(at, format!("names \"{}\" again", field.name()));
            continue;
        }
        let needs_bands = matches!(field.kind, Kind::Price | Kind::Time);
        match (bands, takes_bands(field)) {
            (None, _) if needs_bands => found.add(at, "needs \"bands\": the borders between what is counted"),
            (None, _) => facets.push(Facet { field: field.clone(), bands: Vec::new(), shown: Vec::new() }),
            (Some(_), false) => {
                found.add(at, format!("cannot have \"bands\", since \"{}\" is no price, number or time", field.name()));
            }
            (Some(borders), true) => facets.extend(banded(field, borders, &at, found)),
        }
    }
    facets
}

/// The field and the bands of a facet; none when it has another form.
fn parts(request: &Json) -> Option<(&str, Option<&[Json]>)> {
    let Json::Object(members) = request else { return request.as_str().map(|name| (name, None)) };
    let bands = match members.get("bands") {
        None | Some(Json::Null) => None,
        Some(bands) => Some(bands.as_array()?.as_slice()),
    };
    let is_known = members.keys().all(|name| name == "field" || name == "bands");
    members.get("field").and_then(Json::as_str).filter(|_| is_known).map(|name| (name, bands))
}

fn takes_bands(field: &Field) -> bool {
    let single = matches!(field.source, Source::Column(_) | Source::Member { many: false, .. });
    single && matches!(field.kind, Kind::Price | Kind::Integer | Kind::Number | Kind::Time)
}

fn banded(field: &Field, borders: &[Json], at: &str, found: &mut Found) -> Option<Facet> {
    let bands: Option<Vec<Value>> = borders
        .iter()
        .map(|border| match border {
            // In a query string everything is text.
            Json::String(word) => field.kind.read(&Raw::Word(word)),
            other => field.kind.read(&Raw::Json(other)),
        })
        .collect();
    let ascending = |bands: &[Value]| {
        bands.windows(2).all(|pair| match (&pair[0], &pair[1]) {
            (Value::Integer(one), Value::Integer(other)) => one < other,
            (Value::Price(one), Value::Price(other)) => {
                one.currency() == other.currency() && one.minor() < other.minor()
            }
            (Value::Time(one), Value::Time(other)) => one < other,
            (Value::Number(one), Value::Number(other)) => {
                one.parse::<f64>().ok().zip(other.parse::<f64>().ok()).is_some_and(|(one, other)| one < other)
            }
            _ => false,
        })
    };
    match bands {
        Some(bands) if (1..=MOST_BANDS).contains(&bands.len()) && ascending(&bands) => {
            Some(Facet { field: field.clone(), bands, shown: borders.to_vec() })
        }
        _ => {
            let each = field.kind.described();
            found.add(
                format!("{at}.bands"),
                format!("must be 1 to {MOST_BANDS} ascending borders of one currency, each {each}"),
            );
            None
        }
    }
}

impl Facet {
    /// What the items are grouped by, and what makes several values of it.
    fn group(&self, sql: &mut Sql) -> (String, Option<&'static str>) {
        let plain = match (&self.field.source, self.field.counted) {
            (Source::Member { object, name, many: true }, _) => {
                let name = sql.bind(Bound::Text(name.clone()));
                let group = format!("{object} -> {name}");
                return (
                    group,
                    Some(
                        "jsonb_array_elements_text(case jsonb_typeof(g.value) when 'array' then g.value else '[]' end) as x(value)",
                    ),
                );
            }
            (Source::Member { object, name, .. }, _) => member_value(sql, &self.field.kind, object, name),
            (_, Some(Counted { group, expand })) if self.bands.is_empty() => return (group.to_owned(), expand),
            (_, Some(Counted { group, .. })) => group.to_owned(),
            (_, None) => "null::text".to_owned(),
        };
        let Some(first) = self.bands.first() else { return (plain, None) };
        let borders = sql.bind(Bound::list(&self.bands));
        match (first, self.field.currency) {
            (Value::Price(money), Some(currency)) => {
                let code = sql.bind(Bound::Text(money.currency().code().to_owned()));
                (format!("case when {currency} = {code} then width_bucket({plain}, {borders}) end"), None)
            }
            _ => (format!("width_bucket({plain}, {borders})"), None),
        }
    }

    fn bucket(&self, value: Option<String>, count: i64) -> Bucket {
        if self.bands.is_empty() {
            let json = value.map_or(Json::Null, |text| match self.field.kind {
                Kind::Integer | Kind::Number | Kind::Boolean => {
                    serde_json::from_str(&text).unwrap_or(Json::String(text))
                }
                _ => Json::String(text),
            });
            return Bucket { value: self.field.kind.write(json), from: None, to: None, count };
        }
        let band: Option<usize> = value.and_then(|band| band.parse().ok());
        let border = |number: Option<usize>| number.and_then(|number| self.shown.get(number)).cloned();
        let from = border(band.and_then(|band| band.checked_sub(1)));
        Bucket { value: Json::Null, from, to: border(band), count }
    }
}

/// The one statement that counts all facets. The items of those whose fields the condition does not name are the same, and are
/// looked up once. Every other facet counts items of its own, so that an index finds them and nothing is read that is not counted.
pub(crate) fn write(
    registry: &Registry,
    facets: &[Facet],
    parts: &[Condition],
    words: Option<&str>,
    mut sql: Sql,
) -> Sql {
    let items = Items { registry, parts, words };
    let groups: Vec<(String, Option<&'static str>)> = facets.iter().map(|facet| facet.group(&mut sql)).collect();
    let is_named = |facet: &Facet| parts.iter().any(|part| part.is_only_about(facet.field.name()));
    let shared: Vec<String> = (0..)
        .zip(facets.iter().zip(&groups))
        .filter(|(_, (facet, _))| !is_named(facet))
        .map(|(index, (_, (group, _))): (usize, _)| format!("({group}) as v{index}"))
        .collect();
    if !shared.is_empty() {
        sql.push(&format!("with base as (select {}", shared.join(", ")));
        items.write(|_| true, &mut sql);
        sql.push(") ");
    }
    for (index, (facet, (group, expand))) in facets.iter().zip(groups).enumerate() {
        sql.push(if index > 0 { " union all " } else { "" });
        let (value, count) = match expand {
            None => ("g.value", "g.items"),
            Some(_) => ("x.value", "sum(g.items)"),
        };
        sql.push(&format!("(select {index}::integer as facet, {value}::text as value, {count}::bigint as items from "));
        if is_named(facet) {
            sql.push(&format!("(select ({group}) as value, count(*) as items"));
            items.write(|part| !part.is_only_about(facet.field.name()), &mut sql);
        } else {
            sql.push(&format!("(select v{index} as value, count(*) as items from base"));
        }
        sql.push(" group by 1) g");
        if let Some(expand) = expand {
            // An item that has none of the values is counted as one without.
            sql.push(&format!(" left join lateral {expand} on true group by x.value"));
        }
        sql.push(&format!(" order by items desc, {value} limit {MOST_BUCKETS})"));
    }
    sql
}

/// What a request finds.
struct Items<'r> {
    registry: &'r Registry,
    parts: &'r [Condition],
    words: Option<&'r str>,
}

impl Items<'_> {
    /// Writes where the items are, and which parts of the condition they have to satisfy.
    fn write(&self, counts: impl Fn(&Condition) -> bool, sql: &mut Sql) {
        sql.push(&format!(" from {} r where {}", self.registry.view, self.registry.only));
        for part in self.parts.iter().filter(|part| counts(part)) {
            sql.push(" and ");
            Writer { sql, search: self.registry.search }.condition(part, true);
        }
        if let Some(words) = self.words {
            sql.push(&format!(" and {words}"));
        }
    }
}

/// The counts of each facet, in the order of the request. Bands stand in their own order, the items without a value last.
pub(crate) fn buckets(facets: &[Facet], rows: Vec<CountRow>) -> Vec<(String, Vec<Bucket>)> {
    let of = |index: usize, facet: &Facet| {
        let mut own: Vec<&CountRow> = rows.iter().filter(|row| usize::try_from(row.facet) == Ok(index)).collect();
        if !facet.bands.is_empty() {
            let band =
                |row: &&CountRow| row.value.as_deref().and_then(|value| value.parse().ok()).unwrap_or(usize::MAX);
            own.sort_by_key(band);
        }
        own.into_iter().map(|row| facet.bucket(row.value.clone(), row.items)).collect()
    };
    facets.iter().enumerate().map(|(index, facet)| (facet.field.name().to_owned(), of(index, facet))).collect()
}

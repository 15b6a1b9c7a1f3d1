//! What a client asks for: a filter, words to search for, an order, fields, counts and one page of the answer.
//! The rule: a body and a query string say the same; all faults of a request are found before the database is asked.

use std::marker::PhantomData;

use kernel::{ByName, Cursor, PageSize};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::compact;
use crate::entity::Entity;
use crate::facet::{self, Facet};
use crate::fault::{Fault, Faults};
use crate::field::{Field, Registry};
use crate::filter::{Comparison, Condition, Reader, Test};
use crate::order::{self, Key};
use crate::value::{Value, is_text};

/// The most characters of the words that are searched for.
const LONGEST_SEARCH: usize = 200;
/// The most fields of an item.
pub(crate) const MOST_FIELDS: usize = 60;

/// Whether and how the items that the query finds are counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// Not at all.
    #[default]
    None,
    /// One by one, however many they are.
    Exact,
    /// One by one up to 10,000, beyond that as PostgreSQL estimates.
    Estimated,
}

/// A query in a body.
#[derive(Debug, Clone, Deserialize, Serialize)]
#[serde(deny_unknown_fields, bound = "", default)]
pub struct Request<E> {
    /// The condition that an item fulfils.
    pub filter: Option<Json>,
    /// Words to search for.
    pub q: Option<String>,
    /// Fields, the first one first; with `-` when descending.
    pub sort: Vec<String>,
    /// The fields that an item shows.
    pub fields: Option<Vec<String>>,
    /// Where the page begins.
    pub cursor: Option<Cursor>,
    /// How many items it has at most.
    pub limit: PageSize,
    /// Whether the items are counted.
    pub total: Counting,
    /// Fields whose values are counted: each the name of a field, or an object with the field and its bands.
    pub facets: Vec<Json>,
    #[serde(skip)]
    pub(crate) compact: Option<String>,
    #[serde(skip)]
    pub(crate) of: PhantomData<fn() -> E>,
}

/// The first page of everything.
impl<E> Default for Request<E> {
    fn default() -> Self {
        Parameters::default().into()
    }
}

/// A query in a query string.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Parameters {
    /// The condition that an item fulfils, such as `status:eq:active,or(title:contains:lamp,tags:has_any:new|sale)`: a comma is
    /// "and"; `and(…)`, `or(…)` and `not(…)` nest; `|` stands between the values of a list; a value with such signs stands in
    /// quotation marks.
    #[serde(rename = "where")]
    #[schemars(length(max = 4000))]
    pub condition: Option<String>,
    /// Words to search for: at most 200 characters, of which the first ten words count.
    #[schemars(length(max = 200))]
    pub q: Option<String>,
    /// Up to four fields, the first one first, with commas between them; with `-` when descending.
    #[schemars(length(max = 400))]
    pub sort: Option<String>,
    /// The fields that an item shows, with commas between them.
    #[schemars(length(max = 4000))]
    pub fields: Option<String>,
    /// `next_cursor` or `previous_cursor` of another page.
    pub cursor: Option<Cursor>,
    /// 1 to 100; 20 by default.
    pub limit: PageSize,
    /// Whether the items are counted: `none`, `exact` or `estimated`.
    pub total: Counting,
    /// Fields whose values are counted, with commas between them; bands behind a colon: `brand,price_from:"10 USD"|"50 USD"`.
    #[schemars(length(max = 400))]
    pub facets: Option<String>,
}

impl<E> From<Parameters> for Request<E> {
    fn from(parameters: Parameters) -> Self {
        let list = |text: Option<String>| {
            let names = text.map(|text| text.split(',').map(|name| name.trim().to_owned()).collect::<Vec<String>>());
            names.filter(|names| names.iter().any(|name| !name.is_empty()))
        };
        Self {
            filter: None,
            q: parameters.q,
            sort: list(parameters.sort).unwrap_or_default(),
            fields: list(parameters.fields),
            cursor: parameters.cursor,
            limit: parameters.limit,
            total: parameters.total,
            facets: parameters.facets.as_deref().map(compact::facets).unwrap_or_default(),
            compact: parameters.condition,
            of: PhantomData,
        }
    }
}

/// A request that is valid.
pub(crate) struct Plan {
    pub(crate) condition: Condition,
    pub(crate) search: Option<String>,
    /// Where the words are a number that an item may be named by: the condition together with that number.
    pub(crate) numbered: Option<Condition>,
    pub(crate) keys: Vec<Key>,
    pub(crate) fields: Vec<Field>,
    pub(crate) facets: Vec<Facet>,
}

impl<E: Entity> Request<E> {
    /// Reads a request that was kept as JSON.
    ///
    /// # Errors
    /// Where it does not have the form of a request, which a body of that form is refused for.
    pub fn of_json(json: Json) -> Result<Self, Faults> {
        serde_path_to_error::deserialize(ByName(json)).map_err(|error| {
            let at = error.path().to_string();
            let at = if at == "." { String::new() } else { at };
            Faults(vec![Fault { at, reason: error.into_inner().to_string() }])
        })
    }

    /// Holds the request against the registry without answering it.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self, registry: &Registry) -> Result<(), Faults> {
        self.plan(registry).map(drop)
    }

    /// All that the client has chosen but the page: what its cursors are good for.
    pub(crate) fn identity(&self) -> impl Serialize + use<E> {
        (self.filter.clone(), self.compact.clone(), self.q.clone(), self.sort.clone())
    }

    /// Whether it names a field that begins so.
    #[must_use]
    pub fn names(&self, beginning: &str) -> bool {
        let in_filter = self.filter.as_ref().is_some_and(|filter| filter.to_string().contains(beginning));
        let in_text = self.compact.as_ref().is_some_and(|text| text.contains(beginning));
        let in_facets = self.facets.iter().any(|facet| facet.to_string().contains(beginning));
        let mut listed = self.sort.iter().chain(self.fields.iter().flatten());
        in_filter || in_text || in_facets || listed.any(|name| name.contains(beginning))
    }

    /// Reads the request against the registry.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub(crate) fn plan(&self, registry: &Registry) -> Result<Plan, Faults> {
        let mut reader = Reader::new(registry);
        let mut parts = Vec::new();
        if let Some(filter) = &self.filter {
            parts.push(reader.filter(filter, "filter"));
        }
        if let Some(text) = self.compact.as_deref().filter(|text| !text.is_empty()) {
            parts.push(compact::read(text, &mut reader));
        }
        let mut found = reader.found;
        let search = self.q.as_deref().map(str::trim).filter(|words| !words.is_empty());
        if let Some(words) = search {
            if registry.search.is_none() {
                found.add("q", "is not for this list, which cannot be searched by words");
            } else if words.chars().nth(LONGEST_SEARCH).is_some() || !is_text(words) {
                found.add("q", format!("must have at most {LONGEST_SEARCH} characters and no NUL"));
            }
        }
        let keys = order::keys(registry, &self.sort, search.is_some(), &mut found);
        let fields = match &self.fields {
            None => registry.fields().filter(|field| field.by_default).cloned().collect(),
            Some(names) if names.len() > MOST_FIELDS || names.is_empty() => {
                found.add("fields", format!("must name 1 to {MOST_FIELDS} fields"));
                Vec::new()
            }
            Some(names) => {
                let mut fields: Vec<Field> = Vec::new();
                for (index, name) in names.iter().enumerate() {
                    match registry.field(name) {
                        Some(field) => fields.push(field.clone()),
                        None if !found.has_room() => {}
                        None => found.add(format!("fields[{index}]"), registry.unknown(name, |_| true)),
                    }
                }
                fields
            }
        };
        let facets = facet::read(registry, &self.facets, &mut found);
        let numbered = search.and_then(|words| named(registry, words));
        let numbered = numbered.map(|number| Condition::All(parts.iter().cloned().chain([number]).collect()));
        let search = search.map(str::to_owned);
        found.none(Plan { condition: Condition::All(parts), search, numbered, keys, fields, facets })
    }
}

/// The condition that an item has this number for its name, where the words are a number. One that begins with 0 is a phone number
/// or a code, and is searched for as a word.
fn named(registry: &Registry, words: &str) -> Option<Condition> {
    let field = registry.field(registry.numbered?)?.clone();
    let digits = words.strip_prefix('#').unwrap_or(words);
    let is_number = !digits.starts_with('0') && digits.bytes().all(|letter| letter.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| is_number)?;
    Some(Condition::Comparison(Box::new(Comparison { field, test: Test::Equal(Value::Integer(number)) })))
}

/// The bounds of lists and texts are checked with everything else, by the plan.
impl<E> garde::Validate for Request<E> {
    type Context = ();

    fn validate_into(&self, (): &(), _parent: &mut dyn FnMut() -> garde::Path, _report: &mut garde::Report) {}
}

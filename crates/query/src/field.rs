//! What can be asked of one kind of item: its fields, their kinds and where their values come from.
//! The rule: the SQL of a field is a constant of the program. What a client or an organisation has named is bound.

use std::borrow::Cow;
use std::sync::Arc;

use kernel::Kind as IdKind;
use strum::{EnumString, IntoStaticStr, VariantNames};

use crate::value::{IdForm, Kind};

/// What a value is compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Operator {
    /// Equal. Of a field with several values: one of them is.
    Eq,
    /// Not equal, or without a value.
    Ne,
    /// Equal to one of the list.
    In,
    /// Equal to none of the list, or without a value.
    Nin,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
    /// From the first to the second value, both included.
    Between,
    /// Has the text in it, in whatever case.
    Contains,
    /// Begins with the text, in whatever case.
    StartsWith,
    /// Has no value (`true`), or has one (`false`).
    IsNull,
    /// Has one of the list.
    HasAny,
    /// Has all of the list.
    HasAll,
}

impl Operator {
    /// As it stands in a request.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

/// Where the value of a field comes from. `r` is the row of the item.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Source {
    /// An expression with one value.
    Column(&'static str),
    /// An expression with an array, never null.
    Array(&'static str),
    /// A column of rows that belong to the item: `from` is what stands behind FROM, up to its condition.
    Related { from: &'static str, column: &'static str },
    /// Ids that are found by a condition; `{}` in it stands for an array of them.
    Membership { any: &'static str, array: &'static str },
    /// A member of a JSON object: the expression of the object, and the member's name, which is bound.
    Member { object: &'static str, name: String, many: bool },
}

/// How the values of a field are counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Counted {
    /// What the items are grouped by.
    pub(crate) group: &'static str,
    /// Makes several values of a group: a source of rows `x(value)` that uses `g.value`.
    pub(crate) expand: Option<&'static str>,
}

/// One field.
#[derive(Debug, Clone)]
pub struct Field {
    pub(crate) name: Cow<'static, str>,
    pub(crate) about: Cow<'static, str>,
    pub(crate) kind: Kind,
    pub(crate) source: Source,
    pub(crate) currency: Option<&'static str>,
    pub(crate) nullable: bool,
    pub(crate) output: Option<&'static str>,
    pub(crate) sort: Option<(&'static str, Kind)>,
    pub(crate) counted: Option<Counted>,
    pub(crate) by_default: bool,
    pub(crate) searched: bool,
}

impl Field {
    fn new(
        name: impl Into<Cow<'static, str>>,
        kind: Kind,
        source: Source,
        about: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            name: name.into(),
            about: about.into(),
            kind,
            source,
            currency: None,
            nullable: false,
            output: None,
            sort: None,
            counted: None,
            by_default: false,
            searched: false,
        }
    }

    /// A field with one value, an expression of the row `r`.
    #[must_use]
    pub fn one(name: &'static str, kind: Kind, expression: &'static str, about: &'static str) -> Self {
        Self::new(name, kind, Source::Column(expression), about)
    }

    /// An id in a column.
    #[must_use]
    pub fn id<K: IdKind>(name: &'static str, expression: &'static str, about: &'static str) -> Self {
        Self::one(name, Kind::Id(IdForm::of::<K>()), expression, about)
    }

    /// A price: whole minor units, and the currency's code.
    #[must_use]
    pub fn price(name: &'static str, minor: &'static str, currency: &'static str, about: &'static str) -> Self {
        Self { currency: Some(currency), ..Self::one(name, Kind::Price, minor, about) }
    }

    /// A field with several values, an array that is never null.
    #[must_use]
    pub fn array(name: &'static str, kind: Kind, expression: &'static str, about: &'static str) -> Self {
        Self::new(name, kind, Source::Array(expression), about)
    }

    /// A field of rows that belong to the item: `from` names them and ends with a condition, `column` is theirs.
    #[must_use]
    pub fn related(
        name: &'static str,
        kind: Kind,
        from: &'static str,
        column: &'static str,
        about: &'static str,
    ) -> Self {
        Self::new(name, kind, Source::Related { from, column }, about)
    }

    /// Ids that the item belongs to: the condition for one of an array `{}` of them, and all of them as an array.
    #[must_use]
    pub fn membership<K: IdKind>(
        name: &'static str,
        any: &'static str,
        array: &'static str,
        about: &'static str,
    ) -> Self {
        Self::new(name, Kind::Id(IdForm::of::<K>()), Source::Membership { any, array }, about)
    }

    /// A member of a JSON object, `object` an expression of the row. Its values are those of JSON: texts, numbers, booleans,
    /// days as texts; an array of texts where it has several.
    #[must_use]
    pub fn member(name: String, kind: Kind, object: &'static str, member: String, many: bool, about: String) -> Self {
        let field = Self::new(name, kind, Source::Member { object, name: member, many }, about).nullable();
        if many { field } else { Self { sort: Some(("", field.kind.clone())), ..field } }
    }

    /// It may have no value.
    #[must_use]
    pub fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// Items can be sorted by it.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        if let Source::Column(expression) = self.source {
            let key = if self.kind == Kind::Price { Kind::Integer } else { self.kind.clone() };
            self.sort = Some((expression, key));
        }
        self
    }

    /// Items can be sorted by it, and have then the order of another expression, which is never null.
    #[must_use]
    pub fn sorted_as(mut self, expression: &'static str, kind: Kind) -> Self {
        self.sort = Some((expression, kind));
        self
    }

    /// Its values can be counted.
    #[must_use]
    pub fn counted(mut self) -> Self {
        self.counted = match self.source {
            Source::Column(group) => Some(Counted { group, expand: None }),
            Source::Array(group) => Some(Counted { group, expand: Some("unnest(g.value) as x(value)") }),
            Source::Related { .. } | Source::Membership { .. } | Source::Member { .. } => None,
        };
        self
    }

    /// Its values can be counted: items are grouped by an expression, and each group has the values `x(value)` of a source of
    /// rows that uses `g.value`.
    #[must_use]
    pub fn counted_as(mut self, group: &'static str, expand: &'static str) -> Self {
        self.counted = Some(Counted { group, expand: Some(expand) });
        self
    }

    /// An item shows it unless a request names its fields.
    #[must_use]
    pub fn by_default(mut self) -> Self {
        self.by_default = true;
        self
    }

    /// What an item shows: an expression of PostgreSQL's `jsonb`.
    #[must_use]
    pub fn shown_as(mut self, expression: &'static str) -> Self {
        self.output = Some(expression);
        self
    }

    /// Its text is a part of the entity's search text, word by word, so that the index of that text serves it.
    #[must_use]
    pub fn searched(mut self) -> Self {
        self.searched = true;
        self
    }

    /// As it stands in a request.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether an item may have several values of it.
    pub(crate) fn is_many(&self) -> bool {
        match self.source {
            Source::Column(_) => false,
            Source::Array(_) | Source::Related { .. } | Source::Membership { .. } => true,
            Source::Member { many, .. } => many,
        }
    }

    /// The operators that it has.
    #[must_use]
    pub fn operators(&self) -> Vec<Operator> {
        use Operator::{Between, Contains, Eq, Gt, Gte, HasAll, HasAny, In, IsNull, Lt, Lte, Ne, Nin, StartsWith};
        let mut operators = match self.kind {
            Kind::Object => return Vec::new(),
            Kind::Boolean => vec![Eq, Ne],
            _ => vec![Eq, Ne, In, Nin],
        };
        let is_compared =
            matches!(self.source, Source::Column(_) | Source::Related { .. } | Source::Member { many: false, .. });
        if is_compared {
            match self.kind {
                Kind::Text => operators.extend([Lt, Lte, Gt, Gte, Between, Contains, StartsWith]),
                Kind::Integer | Kind::Number | Kind::Price | Kind::Time | Kind::Date => {
                    operators.extend([Lt, Lte, Gt, Gte, Between]);
                }
                Kind::Choice(_) | Kind::Id(_) | Kind::Boolean | Kind::Object => {}
            }
        }
        if self.is_many() {
            operators.extend([HasAny, HasAll]);
        }
        if self.nullable || self.is_many() {
            operators.push(IsNull);
        }
        operators
    }

    /// Whether items can be sorted by it.
    #[must_use]
    pub fn is_sorted(&self) -> bool {
        self.sort.is_some()
    }

    /// Whether its values can be counted.
    #[must_use]
    pub fn is_counted(&self) -> bool {
        self.counted.is_some() || matches!(self.source, Source::Member { .. })
    }
}

/// What can be asked of one kind of item.
#[derive(Debug, Clone)]
pub struct Registry {
    /// The name of the list, for its cursors.
    pub(crate) name: &'static str,
    /// The view that the rows come from. It shows the rows of `app.org` only.
    pub(crate) view: &'static str,
    /// A condition that every item of the list fulfils.
    pub(crate) only: &'static str,
    /// The expression of the item's id, and what orders items whose other keys are equal.
    pub(crate) key: &'static str,
    /// The expression of the search text: folded words between single spaces, with a space at both ends.
    pub(crate) search: Option<&'static str>,
    /// The expression of the part of the search text that says which items fit best; all of it when there is none.
    pub(crate) ranking: Option<&'static str>,
    /// The field of the number that people name an item by.
    pub(crate) numbered: Option<&'static str>,
    pub(crate) fields: Arc<Vec<Field>>,
    /// Fields of one organisation.
    pub(crate) own: Vec<Field>,
    /// Whether strangers ask: what would read all items of a large organisation is then not for them.
    pub(crate) for_everybody: bool,
    /// What the list is sorted by when nothing is said: the name of a field, with `-` when descending.
    pub(crate) order: &'static str,
}

impl Registry {
    /// The fields of the rows of a view. `view` shows the rows of the organisation in `app.org` and no others: it is what
    /// keeps tenants apart. `key` is the id of an item, as an expression of its row `r`. `order` names the field that a list
    /// is sorted by when nothing is said.
    #[must_use]
    pub fn new(
        name: &'static str,
        view: &'static str,
        key: &'static str,
        order: &'static str,
        fields: Vec<Field>,
    ) -> Self {
        Self {
            name,
            view,
            only: "true",
            key,
            search: None,
            ranking: None,
            numbered: None,
            fields: Arc::new(fields),
            own: Vec::new(),
            for_everybody: false,
            order,
        }
    }

    /// The items can be searched for by words (`q`). `expression` is their search text: folded words between single spaces,
    /// with a space at both ends, as the schema's own function `search_text(text)` makes it.
    #[must_use]
    pub fn searchable(mut self, expression: &'static str) -> Self {
        self.search = Some(expression);
        self
    }

    /// Which items fit best is decided by this part of their search text alone, which has a space at both ends, too: what is found
    /// by its title comes before what only mentions the words.
    #[must_use]
    pub fn ranked_by(mut self, expression: &'static str) -> Self {
        self.ranking = Some(expression);
        self
    }

    /// People name an item by a number, which is this field's value, a whole number: who searches for a number alone, or for one behind
    /// `#`, finds the items of that number, and only where there is none those with the digits in their search text.
    #[must_use]
    pub fn numbered_by(mut self, field: &'static str) -> Self {
        self.numbered = Some(field);
        self
    }

    /// The list has only items that fulfil this condition, a constant of the program.
    #[must_use]
    pub fn only(mut self, condition: &'static str) -> Self {
        self.only = condition;
        self
    }

    /// Strangers may ask: with at most three facets, an estimated total at best, and sorted by no field of the organisation's
    /// own, which has no index.
    #[must_use]
    pub fn for_everybody(mut self) -> Self {
        self.for_everybody = true;
        self
    }

    /// With the fields of one organisation.
    #[must_use]
    pub fn with(&self, own: Vec<Field>) -> Self {
        Self { own, ..self.clone() }
    }

    /// All fields.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.fields.iter().chain(&self.own)
    }

    /// The field of this name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().find(|field| field.name == name)
    }

    /// What to say about a name that no field has.
    pub(crate) fn unknown(&self, name: &str, of: impl Fn(&Field) -> bool) -> String {
        let names: Vec<&str> = self.fields().filter(|field| of(field)).map(Field::name).collect();
        unknown("field", name, &names)
    }
}

/// The most names that an error lists.
const MOST_NAMES: usize = 40;

/// `has no field "colour"; did you mean "color"? There are: …`, for a name that a client has given.
pub(crate) fn unknown(what: &str, name: &str, names: &[&str]) -> String {
    let shown: String = name.chars().take(64).collect();
    let nearest = names
        .iter()
        .map(|known| {
            let last = known.rsplit('.').next().unwrap_or(known);
            // Names of quite another length are not meant, and need not be compared letter by letter.
            let distance = |name: &str| match name.len().abs_diff(shown.len()) {
                0..=4 => strsim::damerau_levenshtein(&shown, name),
                _ => usize::MAX,
            };
            (distance(known).min(distance(last)), *known)
        })
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.len() / 3);
    let meant = nearest.map(|(_, known)| format!("; did you mean \"{known}\"?")).unwrap_or_default();
    let listed = names.iter().take(MOST_NAMES).copied().collect::<Vec<_>>().join(", ");
    format!("has no {what} \"{shown}\"{meant} There are: {listed}", shown = shown.escape_debug())
        .replace("\" There", "\". There")
}

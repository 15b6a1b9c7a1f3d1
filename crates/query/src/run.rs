//! Runs a query: the page, the total and the facets, in one transaction.
//! The rule: the view decides whose rows are seen; a request can only narrow that down.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher as _, RandomState};
use std::marker::PhantomData;
use std::sync::{LazyLock, Mutex, PoisonError};

use diesel::QueryableByName;
use diesel::sql_types::{BigInt, Text};
use diesel_async::RunQueryDsl as _;
use kernel::{Cursor, Malformed};
use persistence::{List, ReadConn};
use serde_json::{Map, Value as Json};

use crate::condition::Writer;
use crate::entity::{Answer, Entity, Item, Total};
use crate::facet::{self, CountRow};
use crate::fault::Faults;
use crate::field::{Field, Registry, Source};
use crate::filter::{Condition, Test};
use crate::order::{self, Mark};
use crate::request::{Counting, Plan, Request};
use crate::search::Words;
use crate::sql::{Bound, Sql};

/// Up to here an estimated total is counted.
const COUNTED: i64 = 10_000;
/// How many different texts of statements PostgreSQL may keep the plans of, per connection, for staff and as many for strangers.
const KEPT_TEXTS: usize = 100;
/// The most comparisons of a query whose plan is kept.
const KEPT_COMPARISONS: usize = 2;

/// Why a query was not answered.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request is wrong.
    #[error(transparent)]
    Refused(#[from] Faults),
    /// The cursor is not from this list.
    #[error(transparent)]
    Cursor(#[from] Malformed),
    /// The database.
    #[error(transparent)]
    Storage(persistence::Error),
}

impl From<persistence::Error> for Error {
    fn from(error: persistence::Error) -> Self {
        Self::Storage(error)
    }
}

impl From<persistence::DieselError> for Error {
    fn from(error: persistence::DieselError) -> Self {
        Self::Storage(error.into())
    }
}

#[derive(QueryableByName)]
struct ItemRow {
    #[diesel(sql_type = Text)]
    keys: String,
    #[diesel(sql_type = Text)]
    item: String,
}

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = BigInt)]
    items: i64,
}

#[derive(QueryableByName)]
struct FoldedRow {
    #[diesel(sql_type = Text)]
    folded: String,
}

#[derive(QueryableByName)]
struct PlanRow {
    #[diesel(sql_type = Text, column_name = "QUERY PLAN")]
    line: String,
}

/// Which items: the condition of the request, and the words with how they are searched for.
struct Wanted<'p> {
    registry: &'p Registry,
    condition: &'p Condition,
    words: Option<&'p Words>,
    forgiving: bool,
}

impl Wanted<'_> {
    fn write(&self, sql: &mut Sql) {
        sql.push(&format!(" from {} r where {} and ", self.registry.view, self.registry.only));
        Writer { sql, search: self.registry.search }.condition(self.condition, true);
        if let Some(words) = self.words() {
            let condition = words.0.write_condition(words.1, self.forgiving, sql);
            sql.push(&format!(" and {condition}"));
        }
    }

    fn words(&self) -> Option<(&Words, &'static str)> {
        self.words.zip(self.registry.search)
    }
}

impl<E: Entity> Request<E> {
    /// Answers the request with the fields of `registry`, which is the entity's, with the organisation's own fields where
    /// there are some.
    ///
    /// # Errors
    /// [`Error::Refused`] with everything that is wrong with the request, [`Error::Cursor`] when its cursor is not from this list,
    /// [`Error::Storage`] when the database fails.
    pub async fn answer(&self, read: &mut ReadConn<'_>, registry: &Registry) -> Result<Answer<E>, Error> {
        let plan = self.plan(registry)?;
        let list = read.list(registry.name, &self.identity()).await?;
        let mark: Option<Mark> = list.mark(self.cursor.as_ref())?;
        if let (Some(condition), None) = (&plan.numbered, &mark) {
            let wanted = Wanted { registry, condition, words: None, forgiving: false };
            let rows = self.rows(read, &plan, &wanted, None).await?;
            if !rows.is_empty() {
                return self.with_counts(read, self.page(&list, &plan, rows, None, false)?, &plan, &wanted).await;
            }
        }
        let words = match &plan.search {
            Some(text) => Some(Words::of(&fold(read, text).await?)),
            None => None,
        };
        let words = words.as_ref().filter(|words| !words.is_empty());
        let forgiving = mark.as_ref().is_some_and(|mark| mark.forgiving);
        let mut wanted = Wanted { registry, condition: &plan.condition, words, forgiving };
        let mut rows = self.rows(read, &plan, &wanted, mark.as_ref()).await?;
        if rows.is_empty() && mark.is_none() && words.is_some_and(Words::can_forgive) {
            wanted.forgiving = true;
            rows = self.rows(read, &plan, &wanted, None).await?;
        }
        wanted.forgiving &= !rows.is_empty() || mark.is_some();
        self.with_counts(read, self.page(&list, &plan, rows, mark.as_ref(), wanted.forgiving)?, &plan, &wanted).await
    }

    async fn with_counts(
        &self,
        read: &mut ReadConn<'_>,
        mut answer: Answer<E>,
        plan: &Plan,
        wanted: &Wanted<'_>,
    ) -> Result<Answer<E>, Error> {
        let counting = match self.total {
            Counting::Exact if wanted.registry.for_everybody => Counting::Estimated,
            counting => counting,
        };
        answer.total = total(read, counting, wanted).await?;
        answer.facets = facets(read, plan, wanted).await?;
        Ok(answer)
    }

    /// The text of the SELECT that reads the first page, and of those that count, with their placeholders, so that a test can
    /// look at their plans.
    ///
    /// # Errors
    /// As [`Request::answer`].
    pub async fn explain(&self, read: &mut ReadConn<'_>, registry: &Registry) -> Result<String, Error> {
        let plan = self.plan(registry)?;
        let words = match &plan.search {
            Some(text) => Some(Words::of(&fold(read, text).await?)),
            None => None,
        };
        let words = words.as_ref().filter(|words| !words.is_empty());
        let wanted = Wanted { registry, condition: &plan.condition, words, forgiving: false };
        let statement = self.statement(&plan, &wanted, None).unwrap_or_default();
        let mut lines = explained(read, "explain ", &statement).await?;
        if !plan.facets.is_empty() {
            lines.extend(explained(read, "explain ", &facet_statement(&plan, &wanted)).await?);
        }
        Ok(lines.join("\n"))
    }

    async fn rows(
        &self,
        read: &mut ReadConn<'_>,
        plan: &Plan,
        wanted: &Wanted<'_>,
        mark: Option<&Mark>,
    ) -> Result<Vec<ItemRow>, Error> {
        let statement = self.statement(plan, wanted, mark).ok_or_else(Cursor::foreign)?;
        Ok(statement.load(read.connection()).await?)
    }

    /// None when the mark does not fit the order.
    fn statement(&self, plan: &Plan, wanted: &Wanted<'_>, mark: Option<&Mark>) -> Option<Sql> {
        let mut sql = Sql::default();
        let relevance = match wanted.words() {
            Some((words, search)) => words.write_relevance(wanted.registry.ranking.unwrap_or(search), &mut sql),
            None => "0::bigint".to_owned(),
        };
        let keys = order::write_values(&plan.keys, &mut sql, &relevance);
        let shown: Vec<String> = plan.fields.iter().map(|field| shown(field, &mut sql)).collect();
        // Only the rows of the page are written as JSON: PostgreSQL would do it for all that it sorts.
        sql.push(&format!(
            "select {keys}::text as keys, jsonb_build_array({})::text as item from (select r.*",
            shown.join(", ")
        ));
        wanted.write(&mut sql);
        if let Some(mark) = mark {
            let beyond = order::write_beyond(&plan.keys, mark, &mut sql, &relevance)?;
            sql.push(&format!(" and {beyond}"));
        }
        let backward = mark.is_some_and(|mark| mark.backward);
        let order = order::write_order(&plan.keys, backward, &mut sql, &relevance);
        // The limit is a part of the text: behind a placeholder PostgreSQL would plan each page anew.
        sql.push(&format!(" order by {order} limit {}) r order by {order}", self.limit.rows()));
        let kept = wanted.words.is_none() && is_simple(wanted.condition) && is_kept(wanted.registry, sql.text());
        Some(sql.kept(kept))
    }

    fn page(
        &self,
        list: &List,
        plan: &Plan,
        mut rows: Vec<ItemRow>,
        mark: Option<&Mark>,
        forgiving: bool,
    ) -> Result<Answer<E>, Error> {
        let size = usize::from(u16::from(self.limit));
        let more = rows.len() > size;
        rows.truncate(size);
        let backward = mark.is_some_and(|mark| mark.backward);
        if backward {
            rows.reverse();
        }
        let cursor = |row: Option<&ItemRow>, backward: bool, wanted: bool| match row {
            Some(row) if wanted => {
                let keys = serde_json::from_str(&row.keys).map_err(corrupt)?;
                Ok::<_, Error>(Some(list.cursor(&Mark { keys, backward, inclusive: false, forgiving })?))
            }
            _ => Ok(None),
        };
        // Whatever was behind the mark has gone meanwhile: the way back begins at the mark itself.
        if let (true, Some(mark)) = (rows.is_empty(), mark) {
            let back = Some(list.cursor(&Mark { backward: !backward, inclusive: !mark.inclusive, ..mark.clone() })?);
            let (next_cursor, previous_cursor) = if backward { (back, None) } else { (None, back) };
            let facets = BTreeMap::new();
            return Ok(Answer { items: Vec::new(), next_cursor, previous_cursor, forgiving, total: None, facets });
        }
        let page: &[ItemRow] = &rows;
        // Behind a page that was reached backward there is the page that it was reached from.
        let next_cursor = cursor(page.last(), false, if backward { true } else { more })?;
        let previous_cursor = cursor(page.first(), true, if backward { more } else { mark.is_some() })?;
        let items = rows.iter().map(|row| item(&plan.fields, &row.item)).collect::<Result<_, _>>()?;
        Ok(Answer { items, next_cursor, previous_cursor, forgiving, total: None, facets: BTreeMap::new() })
    }
}

fn corrupt(cause: serde_json::Error) -> Error {
    Error::Storage(persistence::Error::Defect(format!("PostgreSQL's JSON cannot be read: {cause}")))
}

fn item<E>(fields: &[Field], json: &str) -> Result<Item<E>, Error> {
    let values: Vec<Json> = serde_json::from_str(json).map_err(corrupt)?;
    let named = fields.iter().zip(values).map(|(field, value)| (field.name().to_owned(), field.kind.write(value)));
    Ok(Item { fields: named.collect::<Map<String, Json>>(), of: PhantomData })
}

/// What an item shows of a field, as `jsonb` or as a type that becomes it.
fn shown(field: &Field, sql: &mut Sql) -> String {
    match (&field.source, field.output, field.currency) {
        (_, Some(output), _) => output.to_owned(),
        (Source::Column(minor), None, Some(currency)) => format!("jsonb_build_array({minor}, {currency})"),
        (Source::Column(expression) | Source::Array(expression), None, None) => (*expression).to_owned(),
        (Source::Array(expression), None, Some(_)) => (*expression).to_owned(),
        (Source::Related { from, column }, None, None) => {
            format!("(select coalesce(jsonb_agg({column} order by {column}), '[]') from {from})")
        }
        (Source::Related { from, column }, None, Some(currency)) => {
            format!(
                "(select coalesce(jsonb_agg(jsonb_build_array({column}, {currency}) order by {column}), '[]') from {from})"
            )
        }
        (Source::Membership { array, .. }, None, _) => (*array).to_owned(),
        (Source::Member { object, name, .. }, None, _) => {
            format!("{object} -> {}", sql.bind(Bound::Text(name.clone())))
        }
    }
}

/// The words as the search text has them, with spaces between them. ASCII needs no question: what is no letter and no digit
/// separates words.
async fn fold(read: &mut ReadConn<'_>, text: &str) -> Result<String, Error> {
    if text.is_ascii() {
        let separated = |letter: char| if letter.is_ascii_alphanumeric() { letter.to_ascii_lowercase() } else { ' ' };
        return Ok(text.chars().map(separated).collect());
    }
    let statement = persistence::statement("select search_text($1) as folded").bind::<Text, _>(text);
    let row: FoldedRow = statement.get_result(read.connection()).await?;
    Ok(row.folded)
}

async fn total(read: &mut ReadConn<'_>, counting: Counting, wanted: &Wanted<'_>) -> Result<Option<Total>, Error> {
    let mut sql = Sql::default();
    match counting {
        Counting::None => return Ok(None),
        Counting::Exact => {
            sql.push("select count(*) as items");
            wanted.write(&mut sql);
        }
        Counting::Estimated => {
            sql.push("select count(*) as items from (select 1");
            wanted.write(&mut sql);
            sql.push(&format!(" limit {}) counted", COUNTED + 1));
        }
    }
    let counted: NumberRow = sql.get_result(read.connection()).await?;
    if counting == Counting::Exact || counted.items <= COUNTED {
        return Ok(Some(Total { items: counted.items, exact: true }));
    }
    let mut sql = Sql::default();
    sql.push("select 1");
    wanted.write(&mut sql);
    let plan = explained(read, "explain (format json) ", &sql).await?.join("\n");
    let plan: Json = serde_json::from_str(&plan).map_err(corrupt)?;
    let estimate = plan.pointer("/0/Plan/Plan Rows").and_then(Json::as_i64).unwrap_or_default();
    Ok(Some(Total { items: estimate.max(counted.items), exact: false }))
}

async fn explained(read: &mut ReadConn<'_>, how: &str, statement: &Sql) -> Result<Vec<String>, Error> {
    let rows: Vec<PlanRow> = statement.behind(how).load(read.connection()).await?;
    Ok(rows.into_iter().map(|row| row.line).collect())
}

fn facet_statement(plan: &Plan, wanted: &Wanted<'_>) -> Sql {
    let mut sql = Sql::default();
    let words = wanted.words().map(|(words, search)| words.write_condition(search, wanted.forgiving, &mut sql));
    let parts = wanted.condition.clone().into_parts();
    facet::write(wanted.registry, &plan.facets, &parts, words.as_deref(), sql)
}

async fn facets(
    read: &mut ReadConn<'_>,
    plan: &Plan,
    wanted: &Wanted<'_>,
) -> Result<BTreeMap<String, Vec<facet::Bucket>>, Error> {
    if plan.facets.is_empty() {
        return Ok(BTreeMap::new());
    }
    let rows: Vec<CountRow> = facet_statement(plan, wanted).load(read.connection()).await?;
    Ok(facet::buckets(&plan.facets, rows).into_iter().collect())
}

/// Whether the best plan hangs on the text alone: few comparisons, and no pattern among them.
fn is_simple(condition: &Condition) -> bool {
    fn has_pattern(condition: &Condition) -> bool {
        match condition {
            Condition::All(parts) | Condition::Any(parts) => parts.iter().any(has_pattern),
            Condition::Not(part) => has_pattern(part),
            Condition::Comparison(comparison) => {
                matches!(comparison.test, Test::Contains(_) | Test::StartsWith(_))
            }
        }
    }
    condition.size() <= KEPT_COMPARISONS && !has_pattern(condition)
}

/// Whether this text is one of those whose plans are kept: the first ones that this process has met. Clients can write any number
/// of texts, and each that is kept takes memory in every connection. Strangers take no place of the staff's.
fn is_kept(registry: &Registry, text: &str) -> bool {
    static HASHER: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    static TEXTS: LazyLock<Mutex<[HashSet<u64>; 2]>> = LazyLock::new(Mutex::default);
    let hash = HASHER.hash_one(text);
    let mut texts = TEXTS.lock().unwrap_or_else(PoisonError::into_inner);
    let [staff, strangers] = &mut *texts;
    let texts = if registry.for_everybody { strangers } else { staff };
    texts.contains(&hash) || (texts.len() < KEPT_TEXTS && texts.insert(hash))
}

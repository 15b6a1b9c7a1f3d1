//! The kinds of values that a field can have, and how a value of a request is read as one.
//! The rule: what is read is valid for PostgreSQL, so no value makes a statement fail.

use std::borrow::Cow;
use std::str::FromStr as _;

use chrono::NaiveDate;
use kernel::{Clock, Currency, Id, Kind as IdKind, Money, Timestamp};
use serde_json::{Value as Json, json};
use uuid::Uuid;

/// The most characters that a text of a request may have.
pub(crate) const LONGEST_TEXT: usize = 1_000;
/// The most digits that a number of a request may have, before and after its point together.
const MOST_DIGITS: usize = 30;

/// What the values of a field are.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    /// Words.
    Text,
    /// One of a few names.
    Choice(Cow<'static, [Cow<'static, str>]>),
    /// The id of something.
    Id(IdForm),
    /// A whole number.
    Integer,
    /// A number with or without a fraction.
    Number,
    /// An amount in a currency. Amounts are compared within their currency.
    Price,
    /// True or false.
    Boolean,
    /// A moment.
    Time,
    /// A day.
    Date,
    /// A part of the item that can be read and not be asked for.
    Object,
}

/// How an id is written and read.
#[derive(Clone, Copy)]
pub struct IdForm {
    prefix: &'static str,
    read: fn(&str) -> Option<Uuid>,
    write: fn(Uuid) -> String,
}

impl IdForm {
    /// The ids of this kind.
    #[must_use]
    pub const fn of<K: IdKind>() -> Self {
        Self {
            prefix: K::PREFIX,
            read: |text| Id::<K>::from_str(text).ok().map(Id::uuid),
            write: |uuid| Id::<K>::from_uuid(uuid).to_string(),
        }
    }
}

impl PartialEq for IdForm {
    fn eq(&self, other: &Self) -> bool {
        self.prefix == other.prefix
    }
}

impl std::fmt::Debug for IdForm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("IdForm").field(&self.prefix).finish()
    }
}

/// A value of a request, read as its field's kind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    /// Of [`Kind::Text`] and [`Kind::Choice`].
    Text(String),
    /// Of [`Kind::Id`].
    Id(Uuid),
    /// Of [`Kind::Integer`].
    Integer(i64),
    /// Of [`Kind::Number`], in decimal digits.
    Number(String),
    /// Of [`Kind::Price`].
    Price(Money),
    /// Of [`Kind::Boolean`].
    Boolean(bool),
    /// Of [`Kind::Time`].
    Time(Timestamp),
    /// Of [`Kind::Date`].
    Date(NaiveDate),
}

/// A value as it stands in the request.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Raw<'r> {
    /// From a body.
    Json(&'r Json),
    /// From a query string, where everything is text.
    Word(&'r str),
}

impl Kind {
    /// A choice of names that are known when the program is written.
    #[must_use]
    pub fn choice(names: &[&'static str]) -> Self {
        Self::Choice(names.iter().map(|name| Cow::Borrowed(*name)).collect())
    }

    /// What a value of this kind is, for a client: "a whole number".
    pub(crate) fn described(&self) -> String {
        match self {
            Self::Text => format!("a text of at most {LONGEST_TEXT} characters without NUL"),
            Self::Choice(names) => format!("one of {}", quoted(names)),
            Self::Id(form) => format!("an id that begins with \"{}_\"", form.prefix),
            Self::Integer => "a whole number".to_owned(),
            Self::Number => format!("a number of at most {MOST_DIGITS} digits"),
            Self::Price => {
                "an amount with its currency: {\"amount\": \"12.50\", \"currency\": \"USD\"} or \"12.50 USD\""
                    .to_owned()
            }
            Self::Boolean => "true or false".to_owned(),
            Self::Time => "a time as RFC 3339 writes it, such as 2026-01-31T09:30:00Z".to_owned(),
            Self::Date => "a day such as 2026-01-31".to_owned(),
            Self::Object => "nothing, since it can only be read".to_owned(),
        }
    }

    /// The kind's name, for `GET …/fields`.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Choice(_) => "choice",
            Self::Id(_) => "id",
            Self::Integer => "integer",
            Self::Number => "number",
            Self::Price => "price",
            Self::Boolean => "boolean",
            Self::Time => "time",
            Self::Date => "date",
            Self::Object => "object",
        }
    }

    /// Reads a value of a request; none when it is not of this kind.
    pub(crate) fn read(&self, raw: &Raw<'_>) -> Option<Value> {
        match (self, raw) {
            (Self::Integer, Raw::Json(Json::Number(number))) => number.as_i64().map(Value::Integer),
            (Self::Number, Raw::Json(Json::Number(number))) => number_of(&plain_digits(number)),
            (Self::Boolean, Raw::Json(Json::Bool(truth))) => Some(Value::Boolean(*truth)),
            (Self::Price, Raw::Json(Json::Object(money))) if money.len() == 2 => {
                price_of(money.get("amount")?.as_str()?, money.get("currency")?.as_str()?)
            }
            // Whole numbers, numbers and truths are texts in a query string only.
            (Self::Integer | Self::Number | Self::Boolean, Raw::Json(_)) => None,
            (_, Raw::Json(Json::String(text))) => self.read_word(text),
            (_, Raw::Json(_)) => None,
            (_, Raw::Word(word)) => self.read_word(word),
        }
    }

    fn read_word(&self, word: &str) -> Option<Value> {
        match self {
            Self::Text => is_text(word).then(|| Value::Text(word.to_owned())),
            Self::Choice(names) => names.iter().any(|name| name == word).then(|| Value::Text(word.to_owned())),
            Self::Id(form) => (form.read)(word).map(Value::Id),
            Self::Integer => word.parse().ok().map(Value::Integer),
            Self::Number => number_of(word),
            Self::Price => word.split_once(' ').and_then(|(amount, currency)| price_of(amount, currency)),
            Self::Boolean => word.parse().ok().map(Value::Boolean),
            Self::Time => Clock::parse(word).ok().filter(|time| in_range(*time)).map(Value::Time),
            Self::Date => {
                let is_plain = word.len() == 10;
                NaiveDate::parse_from_str(word, "%Y-%m-%d").ok().filter(|_| is_plain).map(Value::Date)
            }
            Self::Object => None,
        }
    }

    /// A value as PostgreSQL's JSON has it, in the form that clients know.
    pub(crate) fn write(&self, stored: Json) -> Json {
        match (self, stored) {
            (_, Json::Array(many)) if !matches!(self, Self::Price | Self::Object) => {
                many.into_iter().map(|one| self.write(one)).collect()
            }
            (Self::Id(form), Json::String(text)) => {
                Uuid::parse_str(&text).map_or(Json::Null, |uuid| (form.write)(uuid).into())
            }
            (Self::Time, Json::String(text)) => Clock::parse(&text).map_or(Json::Null, |time| json!(time)),
            (Self::Price, Json::Array(parts)) => {
                let money = parts.first().and_then(Json::as_i64).zip(parts.get(1).and_then(Json::as_str));
                money
                    .and_then(|(minor, code)| Money::from_minor(minor, Currency::parse(code).ok()?).ok())
                    .map_or(Json::Null, |money| json!(money))
            }
            (_, stored) => stored,
        }
    }
}

/// Whether PostgreSQL takes it as text.
pub(crate) fn is_text(text: &str) -> bool {
    text.chars().nth(LONGEST_TEXT).is_none() && !text.contains('\0')
}

/// PostgreSQL's times and those that a client writes have years of four digits in common.
fn in_range(time: Timestamp) -> bool {
    use chrono::Datelike as _;
    (1..=9_999).contains(&time.year())
}

/// A number of JSON without an exponent.
fn plain_digits(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => float.to_string(),
        _ => number.to_string(),
    }
}

/// Decimal digits, without zeros in front that JSON would not have.
fn number_of(text: &str) -> Option<Value> {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let plain = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let valid = plain(whole) && plain(fraction) && whole.len() + fraction.len() <= MOST_DIGITS + 1;
    valid.then(|| {
        let whole = whole.trim_start_matches('0');
        Value::Number(format!("{sign}{}.{fraction}", if whole.is_empty() { "0" } else { whole }))
    })
}

fn price_of(amount: &str, currency: &str) -> Option<Value> {
    Money::parse(amount, Currency::parse(currency).ok()?).ok().map(Value::Price)
}

/// `"a", "b" or "c"`.
pub(crate) fn quoted<S: AsRef<str>>(names: &[S]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{}\"", name.as_ref())).collect();
    match quoted.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_its_kind_and_nothing_else() {
        let read = |kind: &Kind, value: Json| kind.read(&Raw::Json(&value));
        let status = Kind::choice(&["draft", "active"]);
        assert_eq!(read(&status, json!("draft")), Some(Value::Text("draft".to_owned())));
        assert_eq!(read(&status, json!("sold")), None);
        assert_eq!(read(&Kind::Integer, json!(7)), Some(Value::Integer(7)));
        for wrong in [json!("7"), json!(7.5), json!(u64::MAX), json!(null), json!([7])] {
            assert_eq!(read(&Kind::Integer, wrong.clone()), None, "{wrong}");
        }
        assert_eq!(read(&Kind::Text, json!("a\u{0}b")), None);
        assert_eq!(read(&Kind::Text, json!("x".repeat(LONGEST_TEXT + 1))), None);
        for wrong in ["+12026-01-01T00:00:00Z", "0000-12-31T00:00:00Z", "yesterday", "2026-01-31"] {
            assert_eq!(Kind::Time.read(&Raw::Word(wrong)), None, "{wrong}");
        }
        for (word, right) in
            [("1.5", true), ("-0.001", true), ("1e5", false), ("NaN", false), (".5", false), ("--1", false)]
        {
            assert_eq!(Kind::Number.read(&Raw::Word(word)).is_some(), right, "{word}");
        }
        assert_eq!(
            read(&Kind::Price, json!({"amount": "1.50", "currency": "USD"})),
            Kind::Price.read(&Raw::Word("1.50 USD"))
        );
        assert_eq!(Kind::Price.read(&Raw::Word("1.505 USD")), None);
    }

    #[test]
    fn names_are_listed_as_a_sentence_has_them() {
        assert_eq!(quoted(&["a"]), "\"a\"");
        assert_eq!(quoted(&["a", "b", "c"]), "\"a\", \"b\" or \"c\"");
    }
}

//! A filter in a query string: `status:eq:active,or(price:lt:"9.50 USD",tags:has_any:new|sale)`.
//! The rule: it says what a filter of a body can say, and it is read into the same conditions.
//!
//! A comma is "and"; `and(…)`, `or(…)` and `not(…)` nest. A comparison is `field:operator:value`, with `|` between the values
//! of a list. A value with `,`, `|`, `(`, `)`, `"` or a space at an end stands in quotation marks, with `\"` and `\\` in it.

use serde_json::{Value as Json, json};

use crate::filter::{Condition, DEEPEST, Given, Reader};

/// The most bytes of a filter in a query string.
pub(crate) const LONGEST: usize = 4_000;

/// Reads the filter. What it gives back is of use only when nothing was found to be wrong.
pub(crate) fn read(text: &str, reader: &mut Reader<'_>) -> Condition {
    if text.len() > LONGEST {
        reader.found.add("where", format!("has more than {LONGEST} bytes; POST a query with a body instead"));
        return Condition::All(Vec::new());
    }
    let mut rest = Rest { text, at: 0 };
    let conditions = list(&mut rest, reader, 1);
    match conditions {
        Some(_) if !rest.is_done() => {
            reader
                .found
                .add("where", format!("has something that belongs to no condition at character {}", rest.character()));
            Condition::All(Vec::new())
        }
        Some(conditions) => Condition::All(conditions),
        None => Condition::All(Vec::new()),
    }
}

/// The facets of a query string as a body has them: `brand,price_from:"10 USD"|"50 USD"`. What has another form is taken for a
/// name, which no field has.
pub(crate) fn facets(text: &str) -> Vec<Json> {
    let mut rest = Rest { text, at: 0 };
    let mut facets = Vec::new();
    while !rest.is_done() {
        let begin = rest.at;
        let field = rest.until(&[':', ',']).trim().to_owned();
        let mut bands = Vec::new();
        if rest.take(":") {
            loop {
                match rest.word() {
                    Some(word) => bands.push(word),
                    None => return vec![json!(text[begin..])],
                }
                if !rest.take("|") {
                    break;
                }
            }
        }
        facets.push(if bands.is_empty() { json!(field) } else { json!({"field": field, "bands": bands}) });
        if !rest.take(",") && !rest.is_done() {
            return vec![json!(text[begin..])];
        }
    }
    facets
}

/// What is left to be read.
struct Rest<'t> {
    text: &'t str,
    /// In bytes, on the border of a character.
    at: usize,
}

impl<'t> Rest<'t> {
    fn left(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// The number of the character that comes next, from 1.
    fn character(&self) -> usize {
        self.text[..self.at].chars().count() + 1
    }

    fn is_done(&self) -> bool {
        self.left().is_empty()
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.left().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    /// Everything before the first of these signs.
    fn until(&mut self, signs: &[char]) -> &'t str {
        let left = self.left();
        let taken = &left[..left.find(signs).unwrap_or(left.len())];
        self.at += taken.len();
        taken
    }

    /// A value, quoted or not; none when its quotation mark is not closed.
    fn word(&mut self) -> Option<String> {
        if !self.take("\"") {
            return Some(self.until(&[',', '|', '(', ')']).to_owned());
        }
        let mut word = String::new();
        let mut letters = self.left().char_indices();
        while let Some((position, letter)) = letters.next() {
            match letter {
                '"' => {
                    self.at += position + 1;
                    return Some(word);
                }
                '\\' => word.push(letters.next()?.1),
                letter => word.push(letter),
            }
        }
        None
    }
}

/// Conditions with commas between them, up to the end or to a closing parenthesis. None after something that cannot be read.
fn list(rest: &mut Rest<'_>, reader: &mut Reader<'_>, depth: usize) -> Option<Vec<Condition>> {
    if depth > DEEPEST {
        reader.found.add("where", format!("is nested deeper than {DEEPEST} levels; write it flatter"));
        return None;
    }
    let mut conditions = Vec::new();
    loop {
        conditions.push(condition(rest, reader, depth)?);
        if !rest.take(",") {
            return Some(conditions);
        }
    }
}

fn condition(rest: &mut Rest<'_>, reader: &mut Reader<'_>, depth: usize) -> Option<Condition> {
    while rest.take(" ") {}
    for (opening, make) in [
        ("and(", Condition::All as fn(Vec<Condition>) -> Condition),
        ("or(", Condition::Any),
        ("not(", |parts| Condition::Not(Box::new(Condition::All(parts)))),
    ] {
        if rest.take(opening) {
            let parts = list(rest, reader, depth + 1)?;
            if !rest.take(")") {
                reader.found.add("where", format!("needs a \")\" at character {}", rest.character()));
                return None;
            }
            return Some(make(parts));
        }
    }
    comparison(rest, reader)
}

fn comparison(rest: &mut Rest<'_>, reader: &mut Reader<'_>) -> Option<Condition> {
    let place = format!("where[{}]", rest.character());
    let field = rest.until(&[':', ',', '(', ')']).trim();
    if !rest.take(":") {
        reader.found.add(place, "must be field:operator:value, such as status:eq:active");
        return None;
    }
    let operator = rest.until(&[':', ',', '(', ')']);
    let mut words = Vec::new();
    if rest.take(":") {
        loop {
            let Some(word) = rest.word() else {
                reader.found.add(place, "has a quotation mark that is not closed");
                return None;
            };
            words.push(word);
            if !rest.take("|") {
                break;
            }
        }
    }
    if !rest.is_done() && !rest.left().starts_with([',', ')']) {
        reader.found.add(
            "where",
            format!("needs a comma at character {}; put a value with such signs in quotation marks", rest.character()),
        );
        return None;
    }
    // What is wrong with the comparison does not keep the others from being read.
    let read = reader.comparison(field, operator, &Given::Words(&words), &place);
    Some(read.map_or_else(|| Condition::All(Vec::new()), |comparison| Condition::Comparison(Box::new(comparison))))
}

//! What an organisation says in its own words: a line with placeholders from a closed list for each kind of fact.
//! The rules: whatever a template says, what it says is text, every value in it is made as in the words of the service, and what
//! comes from outside stands apart from what a template puts beside it, so that the two make no link, mention or command. One that
//! this version cannot read is left out, and the words of the service take its place.

use kernel::{Day, ImportId, Malformed, OrderId, ReturnId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::outside::{escaped, outside};
use super::super::{Counted, Fact, FactKind, OrderName, Voice};
use super::{REASON_SHOWN, REFERENCE_SHOWN, Words, named, named_order, words};

/// The longest template, in characters.
const LONGEST: usize = 300;

/// The line of a kind of fact in somebody's own words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Template {
    /// The kind of facts that it tells.
    pub kind: FactKind,
    /// The line, with placeholders such as `{order}`.
    #[schemars(length(min = 1, max = 300))]
    pub text: String,
}

/// A part of a template.
#[derive(Debug, PartialEq, Eq)]
enum Part<'a> {
    /// As it stands there.
    Said(&'a str),
    /// A placeholder by its name.
    Value(&'a str),
}

impl Template {
    /// The template of a kind of facts.
    ///
    /// # Errors
    /// When the kind has no template, the text is empty, too long, of several lines, has a brace without its partner, or names a
    /// placeholder that the kind does not have, or one twice.
    pub fn parse(kind: FactKind, text: &str) -> Result<Self, Malformed> {
        let malformed = |reason: String| Err(Malformed::new("template", reason));
        if kind.is_about_the_destination() {
            return malformed(format!("must not be of {}, which has no other words", kind.as_str()));
        }
        let text = Self::text(text)?;
        let known: Vec<&str> = values(&sample(kind), &Voice::default()).into_iter().map(|(name, _)| name).collect();
        let mut seen: Vec<&str> = Vec::new();
        for part in parts(&text).unwrap_or_default() {
            let Part::Value(name) = part else { continue };
            if !known.contains(&name) {
                return malformed(unknown(name, &known));
            }
            if seen.contains(&name) {
                return malformed(format!("names {{{name}}} twice"));
            }
            seen.push(name);
        }
        Ok(Self { kind, text })
    }

    /// What holds of the text of a template whatever its kind: it is trimmed.
    ///
    /// # Errors
    /// When it is empty, too long, of several lines, or has a brace without its partner.
    pub fn text(text: &str) -> Result<String, Malformed> {
        let malformed = |reason: String| Err(Malformed::new("template", reason));
        let text = text.trim();
        if text.is_empty() || text.chars().count() > LONGEST {
            return malformed(format!("must have 1 to {LONGEST} characters"));
        }
        if text.chars().any(char::is_control) {
            return malformed("must be one line without control characters".to_owned());
        }
        if parts(text).is_none() {
            return malformed("has a brace without its partner; placeholders are written as {order}".to_owned());
        }
        Ok(text.to_owned())
    }

    /// The fact in these words, in Telegram's HTML; none for a fact of another kind, or when this version cannot read it.
    pub(super) fn told(&self, fact: &Fact, voice: &Voice) -> Option<String> {
        if self.kind != fact.kind() {
            return None;
        }
        let (values, parts) = (values(fact, voice), parts(&self.text)?);
        let mut told = String::with_capacity(self.text.len());
        for (at, part) in parts.iter().enumerate() {
            let name = match part {
                Part::Said(text) => {
                    told.push_str(&escaped(text));
                    continue;
                }
                Part::Value(name) => name,
            };
            let (_, value) = values.iter().find(|(known, _)| known == name)?;
            let before = at.checked_sub(1).and_then(|before| parts.get(before));
            if before.is_some_and(|before| before.clings_before(name)) {
                told.push(' ');
            }
            told.push_str(value);
            if parts.get(at + 1).is_some_and(|behind| behind.clings_behind(name)) {
                told.push(' ');
            }
        }
        Some(told)
    }
}

/// The placeholders whose values somebody outside has written.
const FROM_OUTSIDE: [&str; 5] = ["reference", "reason", "reasons", "missing", "sku"];

/// Whether a piece of text makes nothing live of what stands beside it.
fn keeps_apart(piece: &str) -> bool {
    piece.chars().all(|sign| "“”„\"'‘’()[]«»,;:!?…–—·|*".contains(sign))
}

impl Part<'_> {
    /// Whether what ends here could become one thing with the value of this name behind it.
    fn clings_before(&self, name: &str) -> bool {
        match self {
            Self::Said(text) if FROM_OUTSIDE.contains(&name) => {
                !keeps_apart(text.rsplit(char::is_whitespace).next().unwrap_or_default())
            }
            Self::Said(text) => name == "order" && text.ends_with(['/', '@', '#', '$']),
            Self::Value(before) => FROM_OUTSIDE.contains(before) || FROM_OUTSIDE.contains(&name),
        }
    }

    /// Whether what begins here could become one thing with the value of this name before it.
    fn clings_behind(&self, name: &str) -> bool {
        match self {
            Self::Said(text) => {
                FROM_OUTSIDE.contains(&name) && !keeps_apart(text.split(char::is_whitespace).next().unwrap_or_default())
            }
            // The space before that value is enough.
            Self::Value(_) => false,
        }
    }
}

/// The parts of a template; none where a brace has no partner.
fn parts(text: &str) -> Option<Vec<Part<'_>>> {
    let (mut parts, mut rest) = (Vec::new(), text);
    while !rest.is_empty() {
        let begins = rest.find(['{', '}']).unwrap_or(rest.len());
        let (said, from) = rest.split_at(begins);
        if !said.is_empty() {
            parts.push(Part::Said(said));
        }
        let Some(named) = from.strip_prefix('{') else { if from.is_empty() { break } else { return None } };
        let (name, behind) = named.split_once('}')?;
        if name.contains('{') {
            return None;
        }
        parts.push(Part::Value(name));
        rest = behind;
    }
    Some(parts)
}

/// Says which placeholders there are, and which was meant.
fn unknown(name: &str, known: &[&str]) -> String {
    let nearest = known
        .iter()
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.len() / 3);
    let meant = nearest.map(|(_, known)| format!("; did you mean {{{known}}}?")).unwrap_or_default();
    let name: String = name.chars().take(40).collect();
    let there: Vec<String> = known.iter().map(|known| format!("{{{known}}}")).collect();
    format!("has no placeholder {{{}}}{meant} There are: {}", name.escape_debug(), there.join(", "))
        .replace("} There", "}. There")
}

/// The values of a fact by the names of their placeholders, in Telegram's HTML.
fn values(fact: &Fact, voice: &Voice) -> Vec<(&'static str, String)> {
    let words: &dyn Words = words(voice.language);
    let order = |order: &OrderName| ("order", named_order(order, voice));
    let text = |name: &'static str, text: &Option<String>, longest| {
        (name, text.as_deref().map(|text| outside(text, longest)).unwrap_or_default())
    };
    match fact {
        Fact::Linked { .. } | Fact::Test | Fact::ActionAnswered { .. } | Fact::Heartbeat { .. } => Vec::new(),
        Fact::OrderPlaced { order: name, lines, units, total, reference } => vec![
            order(name),
            ("total", words.money(total)),
            ("lines", words.number(i64::from(*lines))),
            ("units", words.number(*units)),
            text("reference", reference, REFERENCE_SHOWN),
        ],
        Fact::OrderConfirmed { order: name, total } => vec![order(name), ("total", words.money(total))],
        Fact::OrderRejected { order: name, reasons } => vec![order(name), ("reasons", words.reasons(reasons))],
        Fact::OrderCancelled { order: name, cause } => vec![order(name), ("cause", words.cause(*cause).to_owned())],
        Fact::OrderOversold { order: name, lines } => vec![order(name), ("missing", words.missing(lines))],
        Fact::OrderHeld { order: name, reason } => vec![order(name), text("reason", reason, REASON_SHOWN)],
        Fact::ReturnRequested { order: name, units, reason, .. } => {
            vec![order(name), ("units", words.number(*units)), text("reason", reason, REASON_SHOWN)]
        }
        Fact::ImportFailed { import, rows, failed, reason } => vec![
            ("import", import.to_string()),
            ("rows", words.number(i64::try_from(*rows).unwrap_or(i64::MAX))),
            ("failed", words.number(i64::try_from(*failed).unwrap_or(i64::MAX))),
            text("reason", reason, REASON_SHOWN),
        ],
        Fact::StockLow { sku, available, threshold } => {
            vec![("sku", named(sku)), ("available", words.number(*available)), ("threshold", words.number(*threshold))]
        }
        Fact::StockDepleted { sku, available } => vec![("sku", named(sku)), ("available", words.number(*available))],
    }
}

/// A fact of a kind, to show its words.
pub(super) fn sample(kind: FactKind) -> Fact {
    use contracts::catalog::Reason;
    use contracts::notifier::ChatStep;
    use contracts::order::{Cause, OversoldLine, Status};
    use kernel::{Currency, Money, Quantity, Sku};

    let order = OrderName { order: OrderId::new(), number: Some(1_001) };
    let total = || Currency::parse("USD").and_then(|currency| Money::from_minor(123_450, currency));
    let (sku, quantity) = (Sku::parse("TEA-1"), Quantity::new(2));
    let made = match kind {
        FactKind::Linked => Ok(Fact::Linked { name: "Operations".to_owned() }),
        FactKind::Test => Ok(Fact::Test),
        FactKind::ActionAnswered => {
            let (step, status) = (ChatStep::Cancel, Some(Status::Cancelled));
            let OrderName { order, number } = order;
            Ok(Fact::ActionAnswered { order, number, step, refused: None, status })
        }
        FactKind::Heartbeat => {
            let counts = vec![Counted { of: FactKind::OrderPlaced, facts: 3 }];
            Ok(Fact::Heartbeat { day: Day::default(), counts })
        }
        FactKind::OrderPlaced => total().map(|total| {
            let reference = Some("web-17".to_owned());
            Fact::OrderPlaced { order, lines: 2, units: 3, total, reference }
        }),
        FactKind::OrderConfirmed => total().map(|total| Fact::OrderConfirmed { order, total }),
        FactKind::OrderRejected => {
            sku.map(|sku| Fact::OrderRejected { order, reasons: vec![Reason::NotForSale { sku }] })
        }
        FactKind::OrderCancelled => Ok(Fact::OrderCancelled { order, cause: Cause::Shopper }),
        FactKind::OrderOversold => sku.and_then(|sku| {
            quantity.map(|quantity| Fact::OrderOversold { order, lines: vec![OversoldLine { sku, quantity }] })
        }),
        FactKind::OrderHeld => Ok(Fact::OrderHeld { order, reason: Some("no stock".to_owned()) }),
        FactKind::ReturnRequested => Ok(Fact::ReturnRequested {
            order,
            return_id: ReturnId::new(),
            units: 2,
            reason: Some("too small".to_owned()),
        }),
        FactKind::ImportFailed => {
            Ok(Fact::ImportFailed { import: ImportId::new(), rows: 1_200, failed: 7, reason: None })
        }
        FactKind::StockLow => sku.map(|sku| Fact::StockLow { sku, available: 3, threshold: 5 }),
        FactKind::StockDepleted => sku.map(|sku| Fact::StockDepleted { sku, available: 0 }),
    };
    // The samples are right, which a test shows for every kind.
    made.unwrap_or(Fact::Test)
}

#[cfg(test)]
mod tests {
    use strum::VariantNames;

    use super::super::super::{Language, OrderLink};
    use super::*;

    fn kinds() -> Vec<FactKind> {
        FactKind::VARIANTS.iter().map(|name| FactKind::parse(name).unwrap()).collect()
    }

    #[test]
    fn every_kind_has_a_sample_and_a_template_of_all_its_placeholders() {
        for kind in kinds() {
            assert_eq!(sample(kind).kind(), kind);
            if kind.is_about_the_destination() {
                assert!(Template::parse(kind, "own words").is_err(), "{kind:?}");
                continue;
            }
            let names = values(&sample(kind), &Voice::default());
            let text: Vec<String> = names.iter().map(|(name, _)| format!("{name} {{{name}}}")).collect();
            let template = Template::parse(kind, &text.join(" · ")).unwrap();
            let told = template.told(&sample(kind), &Voice::default()).unwrap();
            assert!(!told.contains(['{', '}']), "{told}");
        }
    }

    #[test]
    fn a_template_is_text_and_its_values_are_made_as_everywhere() {
        let template = Template::parse(FactKind::OrderPlaced, "<b>Hurra</b> & {order}: {total} “{reference}”").unwrap();
        let fact = |reference: Option<&str>| match sample(FactKind::OrderPlaced) {
            Fact::OrderPlaced { order, lines, units, total, .. } => {
                Fact::OrderPlaced { order, lines, units, total, reference: reference.map(str::to_owned) }
            }
            other => other,
        };
        assert_eq!(
            template.told(&fact(Some("</code>@all")), &Voice::default()).unwrap(),
            "&lt;b&gt;Hurra&lt;/b&gt; &amp; order 1001: 1,234.50 USD “<code>&lt;/code&gt;@all</code>”"
        );
        let link = OrderLink::parse("https://a.example/{order}").unwrap();
        let voice = Voice { language: Language::Vi, order_link: Some(link), ..Voice::default() };
        let told = template.told(&fact(None), &voice).unwrap();
        assert!(told.contains("\">đơn 1001</a>: 1.234,50 USD “”"), "{told}");
        assert_eq!(template.told(&sample(FactKind::StockLow), &voice), None, "it is of another kind");
    }

    #[test]
    fn a_value_from_outside_makes_nothing_live_with_what_a_template_puts_beside_it() {
        let placed = |reference: &str| match sample(FactKind::OrderPlaced) {
            Fact::OrderPlaced { order, lines, units, total, .. } => {
                Fact::OrderPlaced { order, lines, units, total, reference: Some(reference.to_owned()) }
            }
            other => other,
        };
        for (template, reference, expected) in [
            ("/{reference}", "cancel", "/ cancel"),
            ("@{reference}", "all", "@ all"),
            ("@a{reference}", "ll", "@a ll"),
            ("#{reference}", "sale", "# sale"),
            ("https://{reference}", "evil", "https:// evil"),
            ("https://a.example/({reference})", "evil", "https://a.example/( evil)"),
            ("evil.{reference}", "com", "evil. com"),
            ("{reference}.com", "evil", "evil .com"),
            ("+8490{reference}", "1234", "+8490 1234"),
            ("{units}{reference}", "x", "3 x"),
            ("{reference}{units}", "x", "x 3"),
            ("/{order}", "x", "/ order 1001"),
            ("“{reference}”, {order}: {total}!", "web-17", "“web-17”, order 1001: 1,234.50 USD!"),
            ("{order}’s total €{total}", "x", "order 1001’s total €1,234.50 USD"),
        ] {
            let template = Template::parse(FactKind::OrderPlaced, template).unwrap();
            assert_eq!(template.told(&placed(reference), &Voice::default()).unwrap(), expected, "{template:?}");
        }
    }

    #[test]
    fn what_is_no_placeholder_is_refused_with_the_one_that_was_meant() {
        let refused = |text: &str| Template::parse(FactKind::OrderPlaced, text).unwrap_err().reason().to_owned();
        let there = "There are: {order}, {total}, {lines}, {units}, {reference}";
        assert_eq!(refused("{ordr} is new"), format!("has no placeholder {{ordr}}; did you mean {{order}}? {there}"));
        assert_eq!(refused("{sku}"), format!("has no placeholder {{sku}}. {there}"));
        assert_eq!(refused("{order} {order}"), "names {order} twice");
        for text in ["{", "}", "{order", "a}b", "{{order}}", "{a{order}"] {
            assert!(refused(text).starts_with("has a brace without its partner"), "{text}");
        }
        for text in ["", "  ", "a\nb", &"x".repeat(301)] {
            assert!(refused(text).starts_with("must "), "{text}");
        }
    }

    #[test]
    fn one_that_a_later_version_stored_is_left_out() {
        let template: Template = serde_json::from_str(r#"{"kind":"order-placed","text":"{order} {weather}"}"#).unwrap();
        assert_eq!(template.told(&sample(FactKind::OrderPlaced), &Voice::default()), None);
    }
}

//! One message for many deliveries: a line for every fact where they fit, otherwise a digest that counts all of them.
//! The rule: every delivery is in the message, and the message is no longer than Telegram takes. Telegram counts the UTF-16
//! units that are shown, and looks at the first 100 marks only: what stood in a later one would come alive.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use kernel::{Money, OrganisationId, Timestamp};

use super::outside::outside;
use super::words::{line, time, words};
use super::{Delivery, FactKind, Voice};

/// The longest text that Telegram takes, in UTF-16 units.
pub const TELEGRAM_LIMIT: usize = 4096;

/// The most parts of a message that Telegram marks.
pub(super) const MOST_MARKS: usize = 100;
/// Lines that a person still reads on a phone; more facts become a digest.
const LINES_READABLE: usize = 40;
/// The most facts that a digest spells out.
const LINES_IN_DIGEST: usize = 20;
/// The most organisations that a digest counts one by one.
const ORGANISATIONS_IN_DIGEST: usize = 10;

/// A minute, and what telling it takes.
const LAST_MINUTE: TimeDelta = TimeDelta::seconds(75);

/// The text of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Telegram's HTML that shows 1 to [`TELEGRAM_LIMIT`] UTF-16 units.
    pub text: String,
    /// Whether it counts the facts and spells out only the first of them.
    pub digest: bool,
}

/// Makes one message, at this time, of the deliveries of one target. No deliveries make an empty text; the sender never asks
/// for it.
#[must_use]
pub fn compose(deliveries: &[Delivery], voice: &Voice, now: Timestamp) -> Message {
    // What waited is told together, and a flood as a number, however few they are.
    let summed_up = deliveries.iter().filter(|delivery| delivery.waited).count() > 1
        || deliveries.iter().any(|delivery| delivery.collapsed);
    if deliveries.len() <= LINES_READABLE && !summed_up {
        let text = in_full(deliveries, voice, now);
        if units(&text) <= TELEGRAM_LIMIT && marks(&text) <= MOST_MARKS {
            return Message { text, digest: false };
        }
    }
    Message { text: digest(deliveries, voice, now), digest: true }
}

/// What a message is about, on one line of HTML: whose facts, and how many of which kind.
pub(super) fn subject(deliveries: &[Delivery], voice: &Voice) -> String {
    let groups = by_organisation(deliveries);
    let owner = match groups.as_slice() {
        [(name, _)] => name.clone(),
        _ => words(voice.language).organisations(groups.len() as u64),
    };
    format!("{owner}: {}", counts(deliveries, voice, false))
}

/// One line for every fact, grouped under the names of the organisations; in order of time within an organisation.
fn in_full(deliveries: &[Delivery], voice: &Voice, now: Timestamp) -> String {
    let mut text = String::new();
    for (name, group) in by_organisation(deliveries) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&name);
        text.push('\n');
        for delivery in group {
            text.push_str(&line(delivery, voice, now));
            text.push('\n');
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// The counts of everything (by organisation while there are few), then the most urgent and earliest facts that fit.
fn digest(deliveries: &[Delivery], voice: &Voice, now: Timestamp) -> String {
    let groups = by_organisation(deliveries);
    let words = words(voice.language);
    let mut text = format!(
        "📋 {} {}: {}",
        words.events(deliveries.len() as u64),
        period(deliveries, voice, now),
        counts(deliveries, voice, false)
    );
    if groups.len() > 1 {
        text.push_str(&format!(" · {}", words.organisations(groups.len() as u64)));
    }
    text.push('\n');
    if groups.len() <= ORGANISATIONS_IN_DIGEST {
        for (name, group) in &groups {
            let addition = format!("\n{name}: {}", counts(group.iter().copied(), voice, true));
            // Half of the message stays free for the facts below. The counts above cover every organisation either way.
            if units(&text) + units(&addition) > TELEGRAM_LIMIT / 2 {
                break;
            }
            text.push_str(&addition);
        }
        text.push('\n');
    }

    let several = groups.len() > 1;
    let mut urgent: Vec<&Delivery> = deliveries.iter().filter(|delivery| !delivery.collapsed).collect();
    // The sort is stable: within a kind the earliest facts stay first.
    urgent.sort_by_key(|delivery| delivery.fact.kind());
    let (mut shown, spelled_out) = (0, urgent.len());
    for delivery in urgent.into_iter().take(LINES_IN_DIGEST) {
        let owner = if several { format!(" · {}", outside(&delivery.organisation_name, 40)) } else { String::new() };
        let addition = format!("\n{}{owner}", line(delivery, voice, now));
        // 48 units stay free for the closing line.
        let too_long = units(&text) + units(&addition) + 48 > TELEGRAM_LIMIT;
        if too_long || marks(&text) + marks(&addition) > MOST_MARKS {
            break;
        }
        text.push_str(&addition);
        shown += 1;
    }
    let left = spelled_out - shown;
    if left > 0 {
        text.push_str(&format!("\n{}", words.more(left as u64)));
    }
    text.truncate(text.trim_end().len());
    text
}

/// When it happened: in the minute before now, or since the first of it.
fn period(deliveries: &[Delivery], voice: &Voice, now: Timestamp) -> String {
    let words = words(voice.language);
    match deliveries.iter().map(|delivery| delivery.occurred_at).min() {
        Some(first) if now - first > LAST_MINUTE => words.since(&time(first, voice, now)),
        _ => words.last_minute().to_owned(),
    }
}

/// Deliveries grouped by organisation; the organisations are in the order of their first fact.
fn by_organisation(deliveries: &[Delivery]) -> Vec<(String, Vec<&Delivery>)> {
    let mut position: BTreeMap<OrganisationId, usize> = BTreeMap::new();
    let mut groups: Vec<(String, Vec<&Delivery>)> = Vec::new();
    for delivery in deliveries {
        let at = *position.entry(delivery.organisation).or_insert_with(|| {
            groups.push((outside(&delivery.organisation_name, 120), Vec::new()));
            groups.len() - 1
        });
        if let Some((_, group)) = groups.get_mut(at) {
            group.push(delivery);
        }
    }
    groups
}

/// Counts; with `sums`, also the sum of the amounts for kinds that have one and where all of them are in one currency.
fn counts<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>, voice: &Voice, sums: bool) -> String {
    let says = words(voice.language);
    let mut kinds: BTreeMap<FactKind, (u64, Option<Money>)> = BTreeMap::new();
    for delivery in deliveries {
        let total = delivery.fact.total().filter(|_| sums);
        kinds
            .entry(delivery.fact.kind())
            .and_modify(|(number, sum)| {
                *number += 1;
                *sum = match (*sum, total) {
                    (Some(sum), Some(total)) => sum.checked_add(total).ok(),
                    _ => None,
                };
            })
            .or_insert((1, total));
    }
    let words: Vec<String> = kinds
        .into_iter()
        .map(|(kind, (number, sum))| {
            let sum = sum.map(|sum| format!(" ({})", says.money(&sum))).unwrap_or_default();
            format!("{}{sum}", says.count(kind, number))
        })
        .collect();
    words.join(", ")
}

/// How much of Telegram's limit the HTML takes: what it shows without its tags. Every sign of HTML outside of a tag is escaped.
pub(super) fn units(html: &str) -> usize {
    let mut shown = String::with_capacity(html.len());
    let mut in_tag = false;
    for sign in html.chars() {
        match sign {
            '<' => in_tag = true,
            '>' => in_tag = false,
            _ if in_tag => {}
            _ => shown.push(sign),
        }
    }
    let shown = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    shown.encode_utf16().count()
}

/// How many parts of the HTML are marked.
pub(super) fn marks(html: &str) -> usize {
    html.matches("</").count()
}

#[cfg(test)]
mod tests {
    use contracts::catalog::Reason;
    use kernel::{Clock, Currency, DeliveryId, OrderId, Sku};

    use super::super::{Fact, Language, OrderLink, OrderName};
    use super::*;

    fn delivery(organisation: OrganisationId, name: &str, fact: Fact) -> Delivery {
        Delivery {
            id: DeliveryId::new(),
            organisation,
            organisation_name: name.to_owned(),
            fact,
            occurred_at: Clock::now(),
            traceparent: None,
            waited: false,
            collapsed: false,
        }
    }

    fn confirmed() -> Fact {
        let total = Money::from_minor(1_000, Currency::parse("USD").unwrap()).unwrap();
        Fact::OrderConfirmed { order: OrderId::new().into(), total }
    }

    fn rejected() -> Fact {
        let sku = Sku::parse("TEA-1").unwrap();
        Fact::OrderRejected { order: OrderId::new().into(), reasons: vec![Reason::NotForSale { sku }] }
    }

    #[test]
    fn few_facts_are_told_in_full_under_the_name_of_their_organisation() {
        let (one, two) = (OrganisationId::new(), OrganisationId::new());
        let deliveries = [
            delivery(one, "Acme (acme)", confirmed()),
            delivery(two, "Tea House (tea)", rejected()),
            delivery(one, "Acme (acme)", rejected()),
        ];
        let message = compose(&deliveries, &Voice::default(), Clock::now());
        assert!(!message.digest);
        let lines: Vec<&str> = message.text.lines().collect();
        assert_eq!(lines.len(), 6, "{}", message.text);
        assert_eq!(lines[0], "Acme (acme)");
        assert!(lines[1].starts_with("✅ Confirmed: 10.00 USD"));
        assert!(lines[2].starts_with("⛔ Rejected"), "in order of time within an organisation");
        assert_eq!(lines[3], "");
        assert_eq!(lines[4], "Tea House (tea)");
    }

    #[test]
    fn a_backlog_becomes_a_digest_that_counts_every_fact_and_shows_the_urgent_ones() {
        let organisation = OrganisationId::new();
        let deliveries: Vec<Delivery> = (0..357)
            .map(|number| {
                let fact = if number % 8 == 7 { rejected() } else { confirmed() };
                delivery(organisation, "Acme (acme)", fact)
            })
            .collect();
        let message = compose(&deliveries, &Voice::default(), Clock::now());
        assert!(message.digest);
        assert!(
            message.text.starts_with("📋 357 events in the last minute: 44 orders rejected, 313 orders confirmed\n"),
            "{}",
            message.text
        );
        assert!(message.text.contains("Acme (acme): 44 orders rejected, 313 orders confirmed (3,130.00 USD)"));
        assert_eq!(message.text.matches("⛔ Rejected").count(), LINES_IN_DIGEST);
        assert!(message.text.ends_with("… and 337 events more, counted above"), "{}", message.text);
        assert!(units(&message.text) <= TELEGRAM_LIMIT);
    }

    #[test]
    fn no_message_is_longer_than_telegram_takes_whatever_the_facts_hold() {
        // Outside the basic plane: two UTF-16 units each, the worst case per character.
        let name = "𝔖".repeat(500);
        let sku = Sku::parse(&"W".repeat(64)).unwrap();
        let reasons = vec![Reason::NotForSale { sku }; 50];
        for number in [1, 2, 9, 30, 40, 41, 2_000] {
            for several in [false, true] {
                let shared = OrganisationId::new();
                let deliveries: Vec<Delivery> = (0..number)
                    .map(|_| {
                        let organisation = if several { OrganisationId::new() } else { shared };
                        let fact = Fact::OrderRejected { order: OrderId::new().into(), reasons: reasons.clone() };
                        delivery(organisation, &name, fact)
                    })
                    .collect();
                let message = compose(&deliveries, &Voice::default(), Clock::now());
                assert!(units(&message.text) <= TELEGRAM_LIMIT, "{number} {several}: {}", units(&message.text));
                assert!(message.text.contains("Rejected"), "{number} {several}");
                if message.digest {
                    assert!(message.text.contains("order"), "{}", message.text);
                }
            }
        }
    }

    #[test]
    fn no_message_has_more_marks_than_telegram_looks_at() {
        let sku = Sku::parse("evil.example/@all").unwrap();
        let reasons = vec![Reason::NotForSale { sku }; 5];
        for number in [1, 20, 21, 40, 400] {
            let deliveries: Vec<Delivery> = (0..number)
                .map(|_| {
                    let fact = Fact::OrderRejected { order: OrderId::new().into(), reasons: reasons.clone() };
                    delivery(OrganisationId::new(), "@all", fact)
                })
                .collect();
            let message = compose(&deliveries, &Voice::default(), Clock::now());
            assert!(marks(&message.text) <= MOST_MARKS, "{number}: {}", marks(&message.text));
            assert!(message.text.contains("evil.example"), "{number}");
            assert_eq!(message.text.matches("<code>").count(), message.text.matches("</code>").count());
        }
    }

    #[test]
    fn signs_of_html_count_as_what_they_show() {
        assert_eq!(units("<code>&lt;&amp;&gt;</code>"), 3);
        assert_eq!(units("&amp;lt;"), 4);
        assert_eq!(
            (units("<a href=\"https://a.example/?a&amp;b\">one</a> &lt;"), marks("<a href=\"/\">a</a><code>b</code>")),
            (5, 2)
        );
    }

    #[test]
    fn forty_confirmations_are_still_told_one_by_one() {
        let organisation = OrganisationId::new();
        let deliveries: Vec<Delivery> = (0..40).map(|_| delivery(organisation, "Acme (acme)", confirmed())).collect();
        let message = compose(&deliveries, &Voice::default(), Clock::now());
        assert!(!message.digest);
        assert_eq!(message.text.matches("✅").count(), 40);
    }

    #[test]
    fn a_backlog_in_vietnamese_is_vietnamese_throughout_and_says_since_when() {
        let (organisation, now) = (OrganisationId::new(), Clock::now());
        let deliveries: Vec<Delivery> = (0..50)
            .map(|_| Delivery {
                occurred_at: now - TimeDelta::hours(30),
                ..delivery(organisation, "Trà Việt", rejected())
            })
            .collect();
        let voice = Voice { language: Language::Vi, ..Voice::default() };
        let message = compose(&deliveries, &voice, now);
        let first = message.text.lines().next().unwrap();
        assert!(first.starts_with("📋 50 sự kiện từ ") && first.ends_with(": 50 đơn bị từ chối"), "{first}");
        assert!(message.text.ends_with("… và 30 sự kiện khác, đã tính ở trên"), "{}", message.text);
        assert!(message.text.contains("⛔ Bị từ chối: TEA-1 không được bán"), "{}", message.text);
    }

    #[test]
    fn a_flood_is_a_number_and_what_is_urgent_stands_below_it() {
        let organisation = OrganisationId::new();
        let mut deliveries: Vec<Delivery> = (0..37)
            .map(|_| Delivery { waited: true, collapsed: true, ..delivery(organisation, "Acme (acme)", confirmed()) })
            .collect();
        let message = compose(&deliveries, &Voice::default(), Clock::now());
        assert_eq!(
            message.text,
            "📋 37 events in the last minute: 37 orders confirmed\n\nAcme (acme): 37 orders confirmed (370.00 USD)"
        );
        deliveries.push(delivery(organisation, "Acme (acme)", rejected()));
        let message = compose(&deliveries, &Voice::default(), Clock::now());
        assert_eq!(message.text.matches("⛔ Rejected").count(), 1);
        assert!(!message.text.contains('✅') && !message.text.contains("more"), "{}", message.text);
    }

    #[test]
    fn what_waited_is_summed_up_however_little_it_is() {
        let (organisation, now) = (OrganisationId::new(), Clock::now());
        let waited = |fact| Delivery {
            waited: true,
            occurred_at: now - TimeDelta::hours(48),
            ..delivery(organisation, "Acme (acme)", fact)
        };
        let message = compose(&[waited(confirmed()), waited(rejected())], &Voice::default(), now);
        let lines: Vec<&str> = message.text.lines().collect();
        assert!(lines[0].starts_with("📋 2 events since "), "{}", message.text);
        assert!(lines[0].ends_with(": 1 order rejected, 1 order confirmed"), "{}", message.text);
        assert!(lines[4].starts_with("⛔ Rejected") && lines[5].starts_with("✅ Confirmed"), "{}", message.text);
        assert!(!compose(&[waited(confirmed())], &Voice::default(), now).digest, "one alone is told as it is");
    }

    #[test]
    fn links_count_among_the_marks_and_not_in_the_length() {
        let organisation = OrganisationId::new();
        let link = OrderLink::parse(&format!("https://a.example/{}/{{order}}", "x".repeat(400))).unwrap();
        let voice = Voice { order_link: Some(link), ..Voice::default() };
        let sku = Sku::parse("evil.example").unwrap();
        let deliveries: Vec<Delivery> = (0..40)
            .map(|number| {
                let order = OrderName { order: OrderId::new(), number: Some(number) };
                let reasons = vec![Reason::NotForSale { sku: sku.clone() }; 2];
                delivery(organisation, "Acme (acme)", Fact::OrderRejected { order, reasons })
            })
            .collect();
        let message = compose(&deliveries[..30], &voice, Clock::now());
        assert_eq!((message.digest, marks(&message.text)), (false, 90));
        assert!(units(&message.text) < 30 * 100, "{}", units(&message.text));
        let message = compose(&deliveries, &voice, Clock::now());
        assert!(message.digest && marks(&message.text) <= MOST_MARKS, "{}", marks(&message.text));
    }
}

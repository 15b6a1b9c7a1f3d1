//! One message for many deliveries: a line for every fact where they fit, otherwise a digest that counts all of them.
//! The rule: every delivery is in the message, and the message is no longer than Telegram takes. Telegram counts the UTF-16
//! units that are shown, and looks at the first 100 marks only: what stood in a later one would come alive.

use std::collections::BTreeMap;

use kernel::{Money, OrganisationId};

use super::outside::outside;
use super::words::{count, counted, line, money};
use super::{Delivery, FactKind};

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

/// The text of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Telegram's HTML that shows 1 to [`TELEGRAM_LIMIT`] UTF-16 units.
    pub text: String,
    /// Whether it counts the facts and spells out only the first of them.
    pub digest: bool,
}

/// Makes one message of the deliveries of one chat. No deliveries make an empty text; the sender never asks for it.
#[must_use]
pub fn compose(deliveries: &[Delivery]) -> Message {
    if deliveries.len() <= LINES_READABLE {
        let text = in_full(deliveries);
        if units(&text) <= TELEGRAM_LIMIT && marks(&text) <= MOST_MARKS {
            return Message { text, digest: false };
        }
    }
    Message { text: digest(deliveries), digest: true }
}

/// One line for every fact, grouped under the names of the organisations; in order of time within an organisation.
fn in_full(deliveries: &[Delivery]) -> String {
    let mut text = String::new();
    for (name, group) in by_organisation(deliveries) {
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&name);
        text.push('\n');
        for delivery in group {
            text.push_str(&line(&delivery.fact));
            text.push('\n');
        }
    }
    text.truncate(text.trim_end().len());
    text
}

/// The counts of everything (by organisation while there are few), then the most urgent and earliest facts that fit.
fn digest(deliveries: &[Delivery]) -> String {
    let groups = by_organisation(deliveries);
    let mut text = format!("📋 {}: {}", counted(deliveries.len() as u64, "event", "events"), counts(deliveries, false));
    if groups.len() > 1 {
        text.push_str(&format!(" · {} organisations", groups.len()));
    }
    text.push('\n');
    if groups.len() <= ORGANISATIONS_IN_DIGEST {
        for (name, group) in &groups {
            let addition = format!("\n{name}: {}", counts(group.iter().copied(), true));
            // Half of the message stays free for the facts below. The counts above cover every organisation either way.
            if units(&text) + units(&addition) > TELEGRAM_LIMIT / 2 {
                break;
            }
            text.push_str(&addition);
        }
        text.push('\n');
    }

    let several = groups.len() > 1;
    let mut urgent: Vec<&Delivery> = deliveries.iter().collect();
    // The sort is stable: within a kind the earliest facts stay first.
    urgent.sort_by_key(|delivery| delivery.fact.kind());
    let mut shown = 0;
    for delivery in urgent.into_iter().take(LINES_IN_DIGEST) {
        let owner = if several { format!(" · {}", outside(&delivery.organisation_name, 40)) } else { String::new() };
        let addition = format!("\n{}{owner}", line(&delivery.fact));
        // 48 units stay free for the closing line.
        let too_long = units(&text) + units(&addition) + 48 > TELEGRAM_LIMIT;
        if too_long || marks(&text) + marks(&addition) > MOST_MARKS {
            break;
        }
        text.push_str(&addition);
        shown += 1;
    }
    let left = deliveries.len() - shown;
    if left > 0 {
        text.push_str(&format!("\n… and {} more, counted above", counted(left as u64, "event", "events")));
    }
    text
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
fn counts<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>, sums: bool) -> String {
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
            let sum = sum.map(|sum| format!(" ({})", money(&sum))).unwrap_or_default();
            format!("{}{sum}", count(kind, number))
        })
        .collect();
    words.join(", ")
}

/// How much of Telegram's limit the HTML takes. The only tag in it is `<code>`, and every other sign of HTML is escaped.
pub(super) fn units(html: &str) -> usize {
    let shown = html.replace("<code>", "").replace("</code>", "");
    let shown = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    shown.encode_utf16().count()
}

pub(super) fn marks(html: &str) -> usize {
    html.matches("<code>").count()
}

#[cfg(test)]
mod tests {
    use contracts::catalog::Reason;
    use kernel::{Clock, Currency, DeliveryId, OrderId, Sku};

    use super::super::Fact;
    use super::*;

    fn delivery(organisation: OrganisationId, name: &str, fact: Fact) -> Delivery {
        Delivery {
            id: DeliveryId::new(),
            organisation,
            organisation_name: name.to_owned(),
            fact,
            occurred_at: Clock::now(),
            traceparent: None,
        }
    }

    fn confirmed() -> Fact {
        let total = Money::from_minor(1_000, Currency::parse("USD").unwrap()).unwrap();
        Fact::OrderConfirmed { order: OrderId::new(), total }
    }

    fn rejected() -> Fact {
        let sku = Sku::parse("TEA-1").unwrap();
        Fact::OrderRejected { order: OrderId::new(), reasons: vec![Reason::NotForSale { sku }] }
    }

    #[test]
    fn few_facts_are_told_in_full_under_the_name_of_their_organisation() {
        let (one, two) = (OrganisationId::new(), OrganisationId::new());
        let deliveries = [
            delivery(one, "Acme (acme)", confirmed()),
            delivery(two, "Tea House (tea)", rejected()),
            delivery(one, "Acme (acme)", rejected()),
        ];
        let message = compose(&deliveries);
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
        let message = compose(&deliveries);
        assert!(message.digest);
        assert!(
            message.text.starts_with("📋 357 events: 44 orders rejected, 313 orders confirmed\n"),
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
                        let fact = Fact::OrderRejected { order: OrderId::new(), reasons: reasons.clone() };
                        delivery(organisation, &name, fact)
                    })
                    .collect();
                let message = compose(&deliveries);
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
                    let fact = Fact::OrderRejected { order: OrderId::new(), reasons: reasons.clone() };
                    delivery(OrganisationId::new(), "@all", fact)
                })
                .collect();
            let message = compose(&deliveries);
            assert!(marks(&message.text) <= MOST_MARKS, "{number}: {}", marks(&message.text));
            assert!(message.text.contains("evil.example"), "{number}");
            assert_eq!(message.text.matches("<code>").count(), message.text.matches("</code>").count());
        }
    }

    #[test]
    fn signs_of_html_count_as_what_they_show() {
        assert_eq!(units("<code>&lt;&amp;&gt;</code>"), 3);
        assert_eq!(units("&amp;lt;"), 4);
    }

    #[test]
    fn forty_confirmations_are_still_told_one_by_one() {
        let organisation = OrganisationId::new();
        let deliveries: Vec<Delivery> = (0..40).map(|_| delivery(organisation, "Acme (acme)", confirmed())).collect();
        let message = compose(&deliveries);
        assert!(!message.digest);
        assert_eq!(message.text.matches("✅").count(), 40);
    }
}

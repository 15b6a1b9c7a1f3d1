//! What services say to each other: their own topics only, in words that are kept, to listeners that are written down.

use contracts::topics;

use crate::asyncapi::{channels, heard};
use crate::sources::{Tree, code, hold};

/// The service that a file of `services/` belongs to, and the rest of its path.
fn service_of(path: &str) -> Option<(&str, &str)> {
    path.strip_prefix("services/")?.split_once("/src/")
}

fn said_for_others(tree: &Tree) -> Vec<String> {
    let (channels, mut found) = (channels(), Vec::new());
    for (path, text) in tree.rust(&["services/"]) {
        let Some((service, file)) = service_of(path) else { continue };
        let says = file.starts_with("commands/") || file == "published.rs" || file.starts_with("published/");
        for (number, line) in code(text) {
            for (channel, topic) in channels.iter().filter(|(_, topic)| says && topic.owner != service) {
                if line.contains(channel) {
                    found.push(format!("{path}:{number}: {service} says {channel}, which is {}'s to say", topic.owner));
                }
            }
            for name in line.split("topics::").skip(1) {
                let name: String = name.chars().take_while(|sign| sign.is_ascii_uppercase() || *sign == '_').collect();
                let owner = owner_of(&name);
                if owner.is_some_and(|owner| owner != service) {
                    found.push(format!("{path}:{number}: {service} names {name}, a topic that it does not own"));
                }
            }
        }
    }
    found
}

/// The owner of a topic by the name of its constant, which is its aggregate's.
fn owner_of(constant: &str) -> Option<&'static str> {
    let aggregate = constant.to_lowercase().replace('_', "-");
    topics::ALL.iter().find(|topic| topic.name.split('.').nth(1) == Some(&aggregate)).map(|topic| topic.owner)
}

#[test]
fn a_service_says_only_what_is_its_own_to_say() {
    for (path, line) in [
        ("services/order/src/commands/place_order.rs", "tx.record(1, ProductState { product });"),
        ("services/order/src/published.rs", "pub fn answer(order: &Order) -> catalog::ReservationEvent {"),
        ("services/order/src/lib.rs", "messaging::ensure_topics(&kafka, &[topics::PRODUCT])"),
    ] {
        assert_eq!(said_for_others(&Tree::fixture(&[(path, line)])).len(), 1, "{line} in {path}");
    }
    for topic in topics::ALL {
        let constant = topic.name.split('.').nth(1).unwrap().to_uppercase().replace('-', "_");
        assert_eq!(owner_of(&constant), Some(topic.owner), "two topics are called {constant}");
    }
    hold(said_for_others, &[("services/auth/src/lib.rs", "let own = [topics::ORDER];")]);
}

fn producers_of_their_own(tree: &Tree) -> Vec<String> {
    tree.saying(|path| service_of(path).is_some(), &["producer.send"], "a record goes out past the outbox")
}

#[test]
fn nothing_is_sent_past_the_outbox() {
    hold(producers_of_their_own, &[("services/order/src/lib.rs", "producer.send_all(&records).await")]);
}

fn thinking_handlers(tree: &Tree) -> Vec<String> {
    const THOUGHTS: &[&str] = &["async ", ".await", "Clock::now", "mediator.", "statement(", "cache::", "reqwest::"];
    tree.saying(|path| path.contains("/src/events/"), THOUGHTS, "an event becomes a command and nothing else")
}

#[test]
fn an_event_becomes_a_command_and_nothing_else() {
    hold(
        thinking_handlers,
        &[("services/order/src/events/consumed.rs", "let order = mediator.ask(&scope, q).await?;")],
    );
}

/// Listeners that `docs/events.md` names and that do not listen, and those that listen and are not named.
fn listeners_told_wrong(tree: &Tree) -> Vec<String> {
    let page = tree.files.get("docs/events.md").map(String::as_str).unwrap_or_default();
    let mut found = Vec::new();
    for topic in topics::ALL {
        let (aggregate, version) = topic.name.rsplit_once('.').unwrap_or_default();
        let told: String = page
            .lines()
            .filter(|line| line.starts_with(&format!("| `{aggregate}.")) && line.contains(&format!(".{version}`")))
            .filter(|line| !line.starts_with(&format!("| `{}`", topic.name)))
            .filter_map(|line| line.trim_end_matches(" |").rsplit("| ").next())
            .collect::<Vec<_>>()
            .join(" ");
        for service in tree.services() {
            let named = told.split(|sign: char| !sign.is_alphanumeric()).any(|word| word == service);
            let listens = heard(tree, service).contains(topic);
            if named && !listens {
                found.push(format!("docs/events.md says that {service} hears {}, which it does not", topic.name));
            }
            if listens && !named {
                found.push(format!("docs/events.md does not say that {service} hears {}", topic.name));
            }
        }
    }
    found
}

#[test]
fn who_listens_is_written_down() {
    let source = ("services/order/src/events/mod.rs", "//! Nothing.");
    let stale = ("docs/events.md", "| `catalog.product.state.v1` | changed | order |\n");
    assert_eq!(listeners_told_wrong(&Tree::fixture(&[source, stale])).len(), 1);
    hold(listeners_told_wrong, &[("services/order/src/events/mod.rs", ".on_state::<ProductState, _, _>(x)")]);
}

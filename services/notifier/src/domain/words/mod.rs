//! Facts in words for a person who reads them on a phone: short lines of Telegram's HTML.
//! The rules: text that a shopper or a catalog file supplied goes through [`outside`] and nothing else does, and a language is a
//! whole [`Words`], so that none lacks a text.

mod amounts;
mod english;
mod template;
mod vietnamese;

use chrono::TimeDelta;
use contracts::catalog::Reason;
use contracts::order::{Cause, OversoldLine, Status};
use kernel::{Money, Sku, Timestamp};

use self::english::English;
pub(super) use self::english::counted;
pub use self::template::Template;
use self::template::sample;
use self::vietnamese::Vietnamese;
use super::outside::outside;
use super::{Counted, Delivery, Fact, FactKind, Language, OrderName, Voice};

/// Reasons of one rejection that are spelled out; the others are counted.
const REASONS_SHOWN: usize = 5;
/// SKUs of one oversold order that are spelled out; the others are counted.
const SKUS_SHOWN: usize = 5;
/// The most characters of a shopper's own name for an order.
const REFERENCE_SHOWN: usize = 40;
/// The most characters of a reason that somebody wrote.
const REASON_SHOWN: usize = 80;
/// The age from which a fact is told with its time.
const LATE: TimeDelta = TimeDelta::minutes(5);

/// Everything that can be said in a language. What comes in as text is HTML already.
pub(super) trait Words: Sync {
    /// The language.
    fn language(&self) -> Language;
    /// A fact without its symbol and its time.
    fn told(&self, fact: &Fact, voice: &Voice) -> String;
    /// So many facts of a kind: `312 orders confirmed`.
    fn count(&self, kind: FactKind, number: u64) -> String;
    /// So many facts of any kind: `357 events`.
    fn events(&self, number: u64) -> String;
    /// So many organisations.
    fn organisations(&self, number: u64) -> String;
    /// So many facts are not spelled out.
    fn more(&self, number: u64) -> String;
    /// They happened in the minute before.
    fn last_minute(&self) -> &'static str;
    /// They happened since this time.
    fn since(&self, time: &str) -> String;
    /// An order with this number.
    fn order(&self, number: &str) -> String;
    /// The first reasons of a rejection, and how many more there are.
    fn reasons(&self, reasons: &[Reason]) -> String;
    /// The first SKUs of which pieces are missing, and how many more there are.
    fn missing(&self, lines: &[OversoldLine]) -> String;
    /// Who or what cancelled an order.
    fn cause(&self, cause: Cause) -> &'static str;
    /// Where an order stands.
    fn status(&self, status: Status) -> &'static str;
    /// A number.
    fn number(&self, number: i64) -> String {
        amounts::signed(number, self.language())
    }
    /// An amount of money.
    fn money(&self, money: &Money) -> String {
        amounts::money(money, self.language())
    }
}

/// The words of a language.
pub(super) fn words(language: Language) -> &'static dyn Words {
    match language {
        Language::En => &English,
        Language::Vi => &Vietnamese,
    }
}

/// One delivery in one line; with the time of what is told late.
pub(super) fn line(delivery: &Delivery, voice: &Voice, now: Timestamp) -> String {
    let fact = &delivery.fact;
    let late = if now - delivery.occurred_at >= LATE {
        format!(" · {}", time(delivery.occurred_at, voice, now))
    } else {
        String::new()
    };
    format!("{}{late}", told(fact, voice))
}

fn told(fact: &Fact, voice: &Voice) -> String {
    let own = voice.templates.iter().find_map(|template| template.told(fact, voice));
    let told = own.unwrap_or_else(|| words(voice.language).told(fact, voice));
    format!("{} {told}", symbol(fact.kind()))
}

/// A fact of a kind as it would be told, without one.
#[must_use]
pub fn shown(kind: FactKind, voice: &Voice) -> String {
    told(&sample(kind), voice)
}

/// A time on the clocks of the people who read it.
pub(super) fn time(at: Timestamp, voice: &Voice, now: Timestamp) -> String {
    amounts::time(at, now, &voice.time_zone, voice.language)
}

/// The symbol at the start of a line, which shows the kind at a glance.
pub(super) fn symbol(kind: FactKind) -> &'static str {
    match kind {
        FactKind::Linked => "🔗",
        FactKind::Test => "🔔",
        FactKind::ActionAnswered => "👆",
        FactKind::Heartbeat => "💓",
        FactKind::OrderPlaced => "🛒",
        FactKind::OrderConfirmed => "✅",
        FactKind::OrderRejected => "⛔",
        FactKind::OrderCancelled => "🚫",
        FactKind::ImportFailed => "📄",
        FactKind::StockLow => "📉",
        FactKind::StockDepleted => "📭",
        FactKind::OrderOversold => "❗",
        FactKind::OrderHeld => "✋",
        FactKind::ReturnRequested => "📦",
    }
}

/// How often what happened, most urgent first.
fn tally(counts: &[Counted], words: &dyn Words) -> String {
    let mut counts = counts.to_vec();
    counts.sort_unstable_by_key(|one| one.of);
    counts.iter().map(|one| words.count(one.of, one.facts)).collect::<Vec<_>>().join(", ")
}

/// An order by its number, or by its id where an older release told no number; a link where there is one.
fn named_order(order: &OrderName, voice: &Voice) -> String {
    let linked = voice.order_link.as_ref();
    let name = match (order.number, linked) {
        (None, _) => order.order.to_string(),
        // Telegram looks for no number to call in a link.
        (Some(number), Some(_)) => words(voice.language).order(&number.to_string()),
        (Some(number), None) => words(voice.language).order(&outside(&number.to_string(), 20)),
    };
    linked.map_or_else(|| name.clone(), |link| link.around(order.order, &name))
}

/// A SKU as a part of a line.
fn named(sku: &Sku) -> String {
    outside(sku.as_str(), 64)
}

/// What somebody wrote, at the end of a line; nothing where nobody wrote anything that is seen.
fn quoted(text: Option<&str>, longest: usize) -> String {
    let shown = text.map(|text| outside(text, longest)).filter(|shown| !shown.is_empty());
    shown.map(|shown| format!(" · “{shown}”")).unwrap_or_default()
}

/// The first so many, and how many more there are.
fn first<T>(all: &[T], shown: usize) -> (&[T], usize) {
    let (shown, more) = all.split_at(all.len().min(shown));
    (shown, more.len())
}

//! A message outside of Telegram: as an e-mail, and as a request to a webhook.
//! The rule: what is told is rendered once, for Telegram; here it only takes another form. A message that tells the same
//! deliveries again has the same id, by which a receiver knows it.

use aws_lc_rs::digest;
use kernel::{DeliveryId, OrganisationId, Timestamp};
use serde::Serialize;

use super::message::subject;
use super::words::line;
use super::{Batch, Delivery, Fact};

/// An e-mail before it has an envelope.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The id of the message.
    pub id: String,
    /// What it is about, on one line.
    pub subject: String,
    /// The text without markup.
    pub plain: String,
    /// The text as a page of HTML.
    pub html: String,
}

/// What a webhook is sent: the JSON of a request. It may grow and never change.
#[derive(Debug, Serialize)]
pub struct Notice<'a> {
    /// `facts`. Others may come.
    r#type: &'static str,
    /// When it was made.
    timestamp: Timestamp,
    data: NoticeData<'a>,
}

#[derive(Debug, Serialize)]
struct NoticeData<'a> {
    /// The message as people read it, without markup.
    text: String,
    /// Whether the text counts the facts and spells out only the first of them.
    digest: bool,
    /// All of them, oldest first.
    facts: Vec<NoticeFact<'a>>,
}

#[derive(Debug, Serialize)]
struct NoticeFact<'a> {
    /// The delivery: a fact that is sent again has the same.
    id: DeliveryId,
    organisation: OrganisationId,
    occurred_at: Timestamp,
    /// The line that tells it.
    text: String,
    /// Its kind and what belongs to that, as it is stored.
    fact: &'a Fact,
}

impl Batch {
    /// The id of the message that tells these deliveries: `msg_` and 32 hexadecimal digits.
    #[must_use]
    pub fn message_id(&self) -> String {
        let mut context = digest::Context::new(&digest::SHA256);
        for Delivery { id, .. } in &self.deliveries {
            context.update(id.uuid().as_bytes());
        }
        let hash = context.finish();
        let digits: Vec<String> = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("msg_{}", digits.concat())
    }

    /// The message at this time as an e-mail.
    #[must_use]
    pub fn letter(&self, now: Timestamp) -> Letter {
        let text = self.message(now).text;
        let language: &'static str = self.voice.language.into();
        let lines = text.replace('\n', "<br>\n");
        let html = format!(
            "<!DOCTYPE html>\n<html lang=\"{language}\"><head><meta charset=\"utf-8\"></head><body>\n{lines}\n</body></html>\n"
        );
        let subject = plain(&subject(&self.deliveries, &self.voice));
        Letter { id: self.message_id(), subject, plain: plain(&text), html }
    }

    /// The message at this time as a webhook is sent it.
    #[must_use]
    pub fn notice(&self, now: Timestamp) -> Notice<'_> {
        let message = self.message(now);
        let facts = self.deliveries.iter().map(|delivery| NoticeFact {
            id: delivery.id,
            organisation: delivery.organisation,
            occurred_at: delivery.occurred_at,
            text: plain(&line(delivery, &self.voice, now)),
            fact: &delivery.fact,
        });
        let data = NoticeData { text: plain(&message.text), digest: message.digest, facts: facts.collect() };
        Notice { r#type: "facts", timestamp: now, data }
    }
}

/// What HTML of ours shows: no tags and no escapes, and the address of a link behind its words.
fn plain(html: &str) -> String {
    let (mut plain, mut rest, mut address) = (String::with_capacity(html.len()), html, None);
    while let Some((before, from)) = rest.split_once('<') {
        plain.push_str(before);
        let Some((tag, behind)) = from.split_once('>') else {
            rest = from;
            break;
        };
        match tag.strip_prefix("a href=\"").and_then(|tag| tag.strip_suffix('"')) {
            Some(href) => address = Some(href),
            None if tag == "/a" => plain.extend(address.take().map(|href| format!(" ({href})"))),
            None => {}
        }
        rest = behind;
    }
    plain.push_str(rest);
    // The ampersand last: it begins the others.
    plain.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, Currency, DestinationId, Email, Money, OrderId};

    use super::super::{Endpoint, Language, Lease, OrderLink, OrderName, Target, Voice, Way};
    use super::*;

    fn batch(facts: Vec<Fact>, voice: Voice) -> Batch {
        let (organisation, destination) = (OrganisationId::new(), DestinationId::new());
        let delivery = |fact| Delivery {
            id: DeliveryId::new(),
            organisation,
            organisation_name: "Tea & Co (tea)".to_owned(),
            fact,
            occurred_at: Clock::now(),
            traceparent: None,
            waited: false,
            collapsed: false,
        };
        let endpoint = Endpoint::Email { destination, to: Email::parse("a@b.example").unwrap() };
        Batch {
            target: Target::Destination { organisation, destination },
            lane: endpoint.lane(),
            endpoint,
            voice,
            lease: Lease::new(),
            way: Way::New,
            deliveries: facts.into_iter().map(delivery).collect(),
        }
    }

    fn placed(reference: &str) -> Fact {
        let total = Money::from_minor(150_000, Currency::parse("VND").unwrap()).unwrap();
        let order = OrderName { order: OrderId::new(), number: Some(1_001) };
        Fact::OrderPlaced { order, lines: 1, units: 2, total, reference: Some(reference.to_owned()) }
    }

    #[test]
    fn a_letter_says_in_both_of_its_forms_what_the_chat_would_read() {
        let link = OrderLink::parse("https://shop.example/{order}?a&b").unwrap();
        let voice = Voice { language: Language::Vi, order_link: Some(link), ..Voice::default() };
        let batch = batch(vec![placed("<script>alert(1)</script> & \"co\""), Fact::Test], voice);
        let letter = batch.letter(Clock::now());
        assert_eq!(letter.subject, "Tea & Co (tea): 1 tin nhắn thử, 1 đơn mới");
        assert!(letter.plain.starts_with("Tea & Co (tea)\n🛒 Đơn mới: 150.000 ₫"), "{}", letter.plain);
        assert!(letter.plain.contains("“<script>alert(1)</script> & \"co\"”"), "{}", letter.plain);
        assert!(letter.plain.contains("đơn 1001 (https://shop.example/ord_"), "{}", letter.plain);
        assert!(letter.plain.contains("?a&b)"), "{}", letter.plain);
        assert!(letter.html.contains("<html lang=\"vi\">") && letter.html.contains("<br>\n🛒"), "{}", letter.html);
        assert!(!letter.html.contains("<script>") && letter.html.contains("&lt;script&gt;"), "{}", letter.html);
    }

    #[test]
    fn a_notice_has_the_text_and_the_data_of_every_fact() {
        let batch = batch(vec![placed("web-17"), Fact::Test], Voice::default());
        let json = serde_json::to_value(batch.notice(Clock::now())).unwrap();
        assert_eq!((&json["type"], &json["data"]["digest"]), (&"facts".into(), &false.into()));
        let facts = json["data"]["facts"].as_array().unwrap();
        assert_eq!(facts.len(), 2);
        assert_eq!(facts[0]["id"], batch.deliveries[0].id.to_string());
        assert_eq!(facts[0]["fact"]["total"]["currency"], "VND");
        assert!(facts[0]["text"].as_str().unwrap().contains("“web-17”"), "{json}");
        assert_eq!(facts[1]["fact"]["kind"], "test");
        assert!(json["data"]["text"].as_str().unwrap().contains(facts[1]["text"].as_str().unwrap()), "{json}");
    }

    #[test]
    fn the_same_deliveries_are_the_same_message_and_others_are_not() {
        let first = batch(vec![Fact::Test, Fact::Test], Voice::default());
        let again = Batch { lease: Lease::new(), ..first.clone() };
        assert_eq!(first.message_id(), again.message_id());
        let fewer = Batch { deliveries: first.deliveries[..1].to_vec(), ..first.clone() };
        assert_ne!(first.message_id(), fewer.message_id());
        assert_eq!(first.message_id().len(), 36);
    }
}

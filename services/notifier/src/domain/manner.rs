//! How a destination is told, besides its language.
//! The rule: the JSON is also the form that is stored. It may grow and never change, and what is missing in it is as it always was.

use kernel::TimeZone;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::{known, known_of};
use super::{ClockTime, Language, OrderLink, Template, Voice};

/// How a destination is told.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Manner {
    /// The time zone of the times in its messages and its rules.
    #[serde(default, deserialize_with = "known")]
    pub time_zone: TimeZone,
    /// What becomes of what is told of an order after its first message.
    #[serde(default, deserialize_with = "known")]
    pub follow_up: FollowUp,
    /// When it is told each day how often what happened the day before; left out: never.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub heartbeat_at: Option<ClockTime>,
    /// What it says in its own words, each kind of fact once.
    #[serde(default, deserialize_with = "known_of", skip_serializing_if = "Vec::is_empty")]
    pub templates: Vec<Template>,
}

impl Manner {
    /// How it is spoken to in this language, with this link to orders.
    #[must_use]
    pub fn voice(&self, language: Language, order_link: Option<OrderLink>) -> Voice {
        let Self { time_zone, templates, .. } = self.clone();
        Voice { language, time_zone, order_link, templates }
    }
}

/// What becomes of what is told of an order after its first message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FollowUp {
    /// It is a message of its own, together with what else there is to tell.
    #[default]
    New,
    /// It is a message about this order alone, a reply to the first.
    Reply,
    /// It is written into the first message.
    Edit,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_earlier_version_stored_is_read_as_what_it_did() {
        assert_eq!(serde_json::from_str::<Manner>("{}").unwrap(), Manner::default());
        let stored = r#"{"time_zone":"Asia/Ho_Chi_Minh"}"#;
        let manner: Manner = serde_json::from_str(stored).unwrap();
        assert_eq!((manner.time_zone.as_str(), manner.follow_up), ("Asia/Ho_Chi_Minh", FollowUp::New));
        let later = r#"{"time_zone":"Mars/Base","follow_up":"thread","heartbeat_at":"noon","templates":[
            {"kind":"order-praised","text":"x"},{"kind":"order-placed","text":"{order}"}],"voice":"loud"}"#;
        let manner: Manner = serde_json::from_str(later).unwrap();
        assert_eq!((manner.templates.len(), manner.templates[0].text.as_str()), (1, "{order}"));
        assert_eq!(Manner { templates: Vec::new(), ..manner }, Manner::default());
        let stored = r#"{"time_zone":"UTC","follow_up":"edit"}"#;
        assert_eq!(serde_json::to_string(&serde_json::from_str::<Manner>(stored).unwrap()).unwrap(), stored);
    }
}

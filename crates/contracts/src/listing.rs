//! Where a product is sold. The rule: what says nothing is sold in every sales channel, also those that come later.

use std::borrow::Cow;
use std::collections::BTreeSet;

use kernel::ChannelCode;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// The sales channels that a product is sold in: every one, or those that are listed, of which there may be none. Written as null or as
/// a list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Listing(Option<BTreeSet<ChannelCode>>);

impl Listing {
    /// The most channels of a list.
    pub const MOST: usize = 50;

    /// In these channels and in no other.
    #[must_use]
    pub fn only(channels: BTreeSet<ChannelCode>) -> Self {
        Self(Some(channels))
    }

    /// Whether it is sold in every channel.
    #[must_use]
    pub fn is_everywhere(&self) -> bool {
        self.0.is_none()
    }

    /// Whether it is sold in this channel.
    #[must_use]
    pub fn includes(&self, channel: &ChannelCode) -> bool {
        self.0.as_ref().is_none_or(|channels| channels.contains(channel))
    }

    /// The channels of the list; none where it is sold in every channel.
    #[must_use]
    pub fn channels(&self) -> Option<&BTreeSet<ChannelCode>> {
        self.0.as_ref()
    }
}

impl From<Option<BTreeSet<ChannelCode>>> for Listing {
    /// As it is written: nothing is every channel.
    fn from(channels: Option<BTreeSet<ChannelCode>>) -> Self {
        Self(channels)
    }
}

impl JsonSchema for Listing {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Listing".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": ["array", "null"],
            "items": generator.subschema_for::<ChannelCode>(),
            "maxItems": Self::MOST,
            "uniqueItems": true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_every_channel_and_an_empty_list_is_none() {
        let listing = |text: &str| serde_json::from_str::<Listing>(text).unwrap();
        let market = ChannelCode::parse("market").unwrap();
        assert_eq!(listing("null"), Listing::default());
        let sold = |text: &str| (listing(text).includes(&ChannelCode::shop()), listing(text).includes(&market));
        assert_eq!(sold("null"), (true, true));
        assert_eq!(sold("[]"), (false, false));
        assert_eq!(sold(r#"["market"]"#), (false, true));
        assert_eq!(serde_json::to_string(&listing(r#"["shop", "market", "shop"]"#)).unwrap(), r#"["market","shop"]"#);
        assert!(serde_json::from_str::<Listing>(r#"["My Shop"]"#).is_err());
    }
}

//! What a destination is told.
//! The rule: a rule that says nothing of something lets it through, so a destination without rules is told everything.

use kernel::{ChannelCode, Money};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Fact, FactKind};

/// The rules of a destination. The JSON is also the form that is stored: it may grow and never change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rules {
    /// The kinds of facts that it is told; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<FactKind>>,
    /// It is told of orders that come to this much or more, one amount per currency; in other currencies of all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub least: Vec<Money>,
    /// It is told of orders of these sales channels; left out: of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<ChannelCode>>,
}

/// What rules ask of a fact besides its kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// What the order comes to; none of what is no order's.
    pub total: Option<Money>,
    /// Where the order was sold; none of what is no order's.
    pub channel: Option<ChannelCode>,
}

impl Rules {
    /// Whether a destination with these rules is told.
    #[must_use]
    pub fn tell(&self, fact: &Fact, circumstances: &Circumstances) -> bool {
        let kind = fact.kind();
        let wanted = self.kinds.as_ref().is_none_or(|kinds| kind.is_about_the_destination() || kinds.contains(&kind));
        let enough = circumstances.total.is_none_or(|total| {
            let mut least = self.least.iter().filter(|least| least.currency() == total.currency());
            least.all(|least| total.minor() >= least.minor())
        });
        let sold_there = match (&self.channels, &circumstances.channel) {
            (Some(channels), Some(channel)) => channels.contains(channel),
            _ => true,
        };
        wanted && enough && sold_there
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Currency, OrderId, Sku};

    use super::*;

    fn money(minor: i64, currency: &str) -> Money {
        Money::from_minor(minor, Currency::parse(currency).unwrap()).unwrap()
    }

    fn confirmed(total: Money) -> Fact {
        Fact::OrderConfirmed { order: OrderId::new(), total }
    }

    fn sold(total: Money, channel: &str) -> Circumstances {
        Circumstances { total: Some(total), channel: Some(ChannelCode::parse(channel).unwrap()) }
    }

    #[test]
    fn without_rules_everything_is_told() {
        let low = Fact::StockLow { sku: Sku::parse("TEA-1").unwrap(), available: 1, threshold: 2 };
        assert!(Rules::default().tell(&low, &Circumstances::default()));
        let total = money(1, "USD");
        assert!(Rules::default().tell(&confirmed(total), &sold(total, "shop")));
        assert_eq!(serde_json::to_string(&Rules::default()).unwrap(), "{}");
        assert_eq!(serde_json::from_str::<Rules>("{}").unwrap(), Rules::default());
    }

    #[test]
    fn each_rule_lets_through_what_it_names_and_what_it_is_not_about() {
        let low = Fact::StockLow { sku: Sku::parse("TEA-1").unwrap(), available: 1, threshold: 2 };
        let none = Circumstances::default();
        let (small, large, dong) = (money(999, "USD"), money(1_000, "USD"), money(1, "VND"));
        let kinds = Rules { kinds: Some(vec![FactKind::StockLow]), ..Rules::default() };
        assert!(kinds.tell(&low, &none) && !kinds.tell(&confirmed(large), &sold(large, "shop")));
        assert!(kinds.tell(&Fact::Test, &none), "a test message always comes");
        let least = Rules { least: vec![large], ..Rules::default() };
        assert!(least.tell(&low, &none) && least.tell(&confirmed(large), &sold(large, "shop")));
        assert!(!least.tell(&confirmed(small), &sold(small, "shop")));
        assert!(least.tell(&confirmed(dong), &sold(dong, "shop")), "another currency has no least amount");
        let channels = Rules { channels: Some(vec![ChannelCode::shop()]), ..Rules::default() };
        assert!(channels.tell(&low, &none) && channels.tell(&confirmed(small), &sold(small, "shop")));
        assert!(!channels.tell(&confirmed(small), &sold(small, "market")));
    }

    #[test]
    fn rules_are_stored_as_they_always_were() {
        let stored = r#"{"kinds":["order-placed","stock-depleted"],"least":[{"amount":"10.00","currency":"USD"}],"channels":["shop"]}"#;
        let rules: Rules = serde_json::from_str(stored).unwrap();
        assert_eq!(serde_json::to_string(&rules).unwrap(), stored);
    }
}

//! What a destination is told.
//! The rule: a rule that says nothing of something lets it through, so a destination without rules is told everything.

use kernel::{ChannelCode, Money, Sku, TimeZone, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::lenient::{known, known_of, known_of_any};
use super::{Digest, Fact, FactKind, Quiet, Severity, schedule};

/// The rules of a destination. The JSON is also the form that is stored: it may grow and never change.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Rules {
    /// The kinds of facts that it is told; left out: all.
    #[serde(default, deserialize_with = "known_of_any", skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<FactKind>>,
    /// It is told of orders that come to this much or more, one amount per currency; in other currencies of all.
    #[serde(default, deserialize_with = "known_of", skip_serializing_if = "Vec::is_empty")]
    pub least: Vec<Money>,
    /// It is told of orders of these sales channels; left out: of all.
    #[serde(default, deserialize_with = "known_of_any", skip_serializing_if = "Option::is_none")]
    pub channels: Option<Vec<ChannelCode>>,
    /// It is told what matters this much or more; left out: everything.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// It is told of the stock of these SKUs, and of orders with a line of one of them; left out: of all.
    #[serde(default, deserialize_with = "known_of_any", skip_serializing_if = "Option::is_none")]
    pub skus: Option<Vec<Sku>>,
    /// When only what is critical is told; left out: never.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// When the rest is told together; left out: everything is told at once.
    #[serde(default, deserialize_with = "known", skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

/// What rules ask of a fact besides its kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Circumstances {
    /// What the order comes to; none of what is no order's.
    pub total: Option<Money>,
    /// Where the order was sold; none of what is no order's.
    pub channel: Option<ChannelCode>,
    /// The SKUs that it is about; none where that is not known.
    pub skus: Vec<Sku>,
}

impl Rules {
    /// Whether a destination with these rules is told.
    #[must_use]
    pub fn tell(&self, fact: &Fact, circumstances: &Circumstances) -> bool {
        let kind = fact.kind();
        if kind.is_about_the_destination() {
            return true;
        }
        let wanted = self.kinds.as_ref().is_none_or(|kinds| kinds.contains(&kind));
        let matters = self.severity.is_none_or(|least| kind.severity() >= least);
        let about = self.skus.as_ref().is_none_or(|skus| {
            circumstances.skus.is_empty() || circumstances.skus.iter().any(|sku| skus.contains(sku))
        });
        let enough = circumstances.total.is_none_or(|total| {
            let mut least = self.least.iter().filter(|least| least.currency() == total.currency());
            least.all(|least| total.minor() >= least.minor())
        });
        let sold_there = match (&self.channels, &circumstances.channel) {
            (Some(channels), Some(channel)) => channels.contains(channel),
            _ => true,
        };
        wanted && matters && about && enough && sold_there
    }
}

impl Rules {
    /// When facts that can wait may be told of which is heard now, by the clocks of this zone; none for at once.
    #[must_use]
    pub fn due(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        schedule::due(self.quiet.as_ref(), self.digest.as_ref(), now, zone)
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
        Fact::OrderConfirmed { order: OrderId::new().into(), total }
    }

    fn sold(total: Money, channel: &str) -> Circumstances {
        Circumstances { total: Some(total), channel: Some(ChannelCode::parse(channel).unwrap()), skus: Vec::new() }
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
    fn a_severity_lets_through_what_matters_more_and_skus_the_orders_that_have_one_of_them() {
        let total = money(1, "USD");
        let low = Fact::StockLow { sku: Sku::parse("TEA-1").unwrap(), available: 1, threshold: 2 };
        let held = Fact::OrderHeld { order: OrderId::new().into(), reason: None };
        let from = |severity| Rules { severity: Some(severity), ..Rules::default() };
        for (severity, told) in [
            (Severity::Info, [true; 3]),
            (Severity::Warning, [false, true, true]),
            (Severity::Critical, [false, false, true]),
        ] {
            let rules = from(severity);
            let tells = |fact: &Fact| rules.tell(fact, &Circumstances::default());
            assert_eq!([tells(&confirmed(total)), tells(&low), tells(&held)], told, "{severity:?}");
            assert!(tells(&Fact::Test), "a test message always comes");
        }
        let of = |skus: &[&str]| skus.iter().map(|sku| Sku::parse(sku).unwrap()).collect::<Vec<_>>();
        let rules = Rules { skus: Some(of(&["TEA-1", "CUP-9"])), ..Rules::default() };
        for (skus, told) in [(&["CUP-9", "POT-2"][..], true), (&["POT-2"][..], false), (&[][..], true)] {
            let about = Circumstances { skus: of(skus), ..Circumstances::default() };
            assert_eq!(rules.tell(&confirmed(total), &about), told, "{skus:?}");
        }
    }

    #[test]
    fn what_another_release_stored_is_read_without_what_this_one_does_not_know() {
        let stored = r#"{"kinds":["order-placed","order-praised"],"severity":"hopeless","least":[{"amount":"1.00","currency":"USD"},
            {"of":"units","amount":3}],"skus":["TEA-1",{"prefix":"TEA"}],"quiet":{"days":["sun"]},"digest":{"weekly_on":"mon"},"weather":1}"#;
        let rules: Rules = serde_json::from_str(stored).unwrap();
        let (kinds, skus) = (Some(vec![FactKind::OrderPlaced]), Some(vec![Sku::parse("TEA-1").unwrap()]));
        assert_eq!(rules, Rules { kinds, skus, least: vec![money(100, "USD")], ..Rules::default() });
        // Who asked for kinds that this release does not know is not told everything.
        let rules: Rules = serde_json::from_str(r#"{"kinds":["order-praised"]}"#).unwrap();
        assert_eq!(rules.kinds, Some(Vec::new()));
    }

    #[test]
    fn rules_are_stored_as_they_always_were() {
        let stored = r#"{"kinds":["order-placed","stock-depleted"],"least":[{"amount":"10.00","currency":"USD"}],"channels":["shop"]}"#;
        let grown = r#"{"channels":["shop"],"severity":"warning","skus":["TEA-1"],"quiet":{"from":"22:00","until":"07:00"},"digest":{"daily_at":"08:00"}}"#;
        for stored in [stored, grown] {
            let rules: Rules = serde_json::from_str(stored).unwrap();
            assert_eq!(serde_json::to_string(&rules).unwrap(), stored);
        }
    }
}

//! Topics: who writes them, what they keep, how many partitions they have. This table is the truth; messaging creates and
//! asserts the topics from it.

/// What a topic keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Retention {
    /// Facts: every record, for two weeks.
    Events,
    /// Facts that carry a secret to whoever delivers it: every record, for a day, since nobody should find old secrets there.
    Deliveries,
    /// Snapshots: the last record of each key, for ever (compacted); a record without a body removes its key.
    State,
}

impl Retention {
    /// Whether the topic holds facts; otherwise it holds snapshots.
    #[must_use]
    pub const fn holds_facts(self) -> bool {
        match self {
            Self::Events | Self::Deliveries => true,
            Self::State => false,
        }
    }
}

/// One topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Topic {
    /// `<owner>.<aggregate>.v<major>`, without the namespace that messaging puts before it.
    pub name: &'static str,
    /// The only service that writes it.
    pub owner: &'static str,
    /// Facts or state.
    pub retention: Retention,
    /// The number of partitions; never changed, since keys would move.
    pub partitions: i32,
}

/// All topics.
pub mod topics {
    use super::{Retention, Topic};

    /// Public keys that access tokens are verified with. One partition: every process reads all of it.
    pub const SIGNING_KEY: Topic =
        Topic { name: "auth.signing-key.v1", owner: "auth", retention: Retention::State, partitions: 1 };
    /// Organisations. One partition: every process reads all of it.
    pub const ORGANISATION: Topic =
        Topic { name: "auth.organisation.v1", owner: "auth", retention: Retention::State, partitions: 1 };
    /// Who works for which organisation. One partition: every gateway reads all of it.
    pub const MEMBERSHIP: Topic =
        Topic { name: "auth.membership.v1", owner: "auth", retention: Retention::State, partitions: 1 };
    /// Logins that ended while tokens of them may be valid. One partition: every gateway reads all of it.
    pub const SESSION: Topic =
        Topic { name: "auth.session.v1", owner: "auth", retention: Retention::State, partitions: 1 };
    /// Keys of integrations. One partition: every gateway reads all of it.
    pub const API_KEY: Topic =
        Topic { name: "auth.api-key.v1", owner: "auth", retention: Retention::State, partitions: 1 };
    /// Invitations to send, keyed by the invitation. They carry the invitation's secret.
    pub const INVITATION: Topic =
        Topic { name: "auth.invitation.v1", owner: "auth", retention: Retention::Deliveries, partitions: 3 };
    /// What a person has to be told of their account, keyed by the person. Some carry a secret.
    pub const ACCOUNT: Topic =
        Topic { name: "auth.account.v1", owner: "auth", retention: Retention::Deliveries, partitions: 3 };
    /// What a customer has to be told of their account in a shop, keyed by the customer. Some carry a secret.
    pub const CUSTOMER_ACCOUNT: Topic =
        Topic { name: "auth.customer-account.v1", owner: "auth", retention: Retention::Deliveries, partitions: 3 };
    /// Category trees.
    pub const CATEGORY: Topic =
        Topic { name: "category.category.v1", owner: "category", retention: Retention::State, partitions: 6 };
    /// Products with their variants and prices.
    pub const PRODUCT: Topic =
        Topic { name: "catalog.product.v1", owner: "catalog", retention: Retention::State, partitions: 6 };
    /// Catalog's answers to orders, keyed by the order.
    pub const RESERVATION: Topic =
        Topic { name: "catalog.reservation.v1", owner: "catalog", retention: Retention::Events, partitions: 12 };
    /// Warnings about stock levels, keyed by the variant.
    pub const STOCK: Topic =
        Topic { name: "catalog.stock.v1", owner: "catalog", retention: Retention::Events, partitions: 12 };
    /// Imports of products that have ended, keyed by the import.
    pub const IMPORT: Topic =
        Topic { name: "catalog.import.v1", owner: "catalog", retention: Retention::Events, partitions: 3 };
    /// What can be sold of each variant.
    pub const AVAILABILITY: Topic =
        Topic { name: "catalog.availability.v1", owner: "catalog", retention: Retention::State, partitions: 12 };
    /// What happens to orders, keyed by the order.
    pub const ORDER: Topic =
        Topic { name: "order.order.v1", owner: "order", retention: Retention::Events, partitions: 12 };
    /// Orders that were taken in and wait to be placed, keyed by the order.
    pub const INTAKE: Topic =
        Topic { name: "order.intake.v1", owner: "order", retention: Retention::Events, partitions: 12 };

    /// What became of what people asked for in a chat, keyed by what was asked.
    pub const OUTCOME: Topic =
        Topic { name: "order.outcome.v1", owner: "order", retention: Retention::Events, partitions: 12 };
    /// What people ask for with buttons in a chat, keyed by what is asked.
    pub const ACTION: Topic =
        Topic { name: "notifier.action.v1", owner: "notifier", retention: Retention::Events, partitions: 12 };

    /// Every topic there is.
    pub const ALL: &[Topic] = &[
        SIGNING_KEY,
        ORGANISATION,
        MEMBERSHIP,
        SESSION,
        API_KEY,
        INVITATION,
        ACCOUNT,
        CUSTOMER_ACCOUNT,
        CATEGORY,
        PRODUCT,
        RESERVATION,
        STOCK,
        IMPORT,
        AVAILABILITY,
        ORDER,
        INTAKE,
        OUTCOME,
        ACTION,
    ];
}

#[cfg(test)]
mod tests {
    use super::topics;

    #[test]
    fn a_name_says_owner_aggregate_and_version() {
        for topic in topics::ALL {
            let [owner, aggregate, version] = topic.name.split('.').collect::<Vec<_>>()[..] else {
                panic!("{} has not three parts", topic.name);
            };
            assert_eq!(owner, topic.owner);
            assert!(aggregate.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-'), "{}", topic.name);
            assert!(version.strip_prefix('v').unwrap().parse::<u32>().unwrap() > 0, "{}", topic.name);
            assert!(topic.partitions > 0);
        }
    }

    #[test]
    fn no_name_stands_twice() {
        let mut names: Vec<_> = topics::ALL.iter().map(|topic| topic.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), topics::ALL.len());
    }
}

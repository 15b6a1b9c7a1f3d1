//! The store's services. `make up`, the containers, the database's schemas and the tests are made from this table.
//! The rule it keeps: what the stack knows of one service stands in its row and nowhere else.

/// One service of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Service {
    /// The name of its folder, its program and its schema.
    pub name: &'static str,
    /// The usual port for requests; none for a service that takes none.
    pub port: Option<u16>,
    /// The usual port for health and metrics.
    pub internal_port: u16,
    /// What it needs besides Kafka.
    pub needs: &'static [Need],
}

/// Something that a service gets through its environment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// A schema of its own, with an owner, a tenant and a system role.
    Schema,
    /// Redis.
    Redis,
    /// The token for creating organisations, and the secret that encrypts signing keys.
    Credentials,
    /// A bot and a chat.
    Telegram,
    /// The addresses of every service that takes requests.
    Services,
    /// Shoppers who all come from one address, as they do where one machine is the whole world.
    Shoppers,
}

/// Every service, in the order in which they start. The gateway comes last: it passes requests to the others.
pub const SERVICES: &[Service] = &[
    Service { name: "auth", port: Some(7101), internal_port: 9101, needs: &[Need::Schema, Need::Credentials] },
    Service { name: "category", port: Some(7102), internal_port: 9102, needs: &[Need::Schema] },
    Service { name: "catalog", port: Some(7103), internal_port: 9103, needs: &[Need::Schema, Need::Redis] },
    Service { name: "order", port: Some(7104), internal_port: 9104, needs: &[Need::Schema, Need::Shoppers] },
    Service { name: "notifier", port: Some(7105), internal_port: 9105, needs: &[Need::Schema, Need::Telegram] },
    Service { name: "gateway", port: Some(8080), internal_port: 9100, needs: &[Need::Redis, Need::Services] },
];

/// The names of the services that own a schema, which has the same name.
#[must_use]
pub fn schemas() -> Vec<&'static str> {
    SERVICES.iter().filter(|service| service.needs(Need::Schema)).map(|service| service.name).collect()
}

/// The services to which the gateway passes requests, each with its usual port.
pub(crate) fn behind_the_gateway() -> impl Iterator<Item = (&'static Service, u16)> {
    SERVICES
        .iter()
        .filter(|service| !service.needs(Need::Services))
        .filter_map(|service| Some((service, service.port?)))
}

impl Service {
    /// Whether it needs this.
    #[must_use]
    pub fn needs(&self, need: Need) -> bool {
        self.needs.contains(&need)
    }

    /// The variable that lists its replicas for the gateway: `ORDER_URLS`.
    #[must_use]
    pub fn urls_variable(&self) -> String {
        format!("{}_URLS", self.name.to_uppercase().replace('-', "_"))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_services_share_a_name_or_a_port() {
        let names: BTreeSet<&str> = SERVICES.iter().map(|service| service.name).collect();
        assert_eq!(names.len(), SERVICES.len());
        let ports: Vec<u16> =
            SERVICES.iter().flat_map(|service| service.port.into_iter().chain([service.internal_port])).collect();
        assert_eq!(ports.iter().collect::<BTreeSet<_>>().len(), ports.len());
    }
}

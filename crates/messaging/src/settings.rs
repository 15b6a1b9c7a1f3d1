//! Every client setting that differs from librdkafka's default, with its reason, in one place.
//! Names and defaults: librdkafka 2.12 CONFIGURATION.md.

use contracts::Topic;
use mutants::Mutant;
use rdkafka::ClientConfig;

/// Where the brokers are and what this service is called there.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `host:port` list, separated by commas.
    pub brokers: String,
    /// Put before every topic and group name, so that tests and stacks share a broker; may be empty.
    pub namespace: String,
    /// The service: its consumer group, its client id.
    pub service: String,
}

impl Settings {
    /// The full name of a topic on the broker.
    #[must_use]
    pub fn topic_name(&self, name: &str) -> String {
        if self.namespace.is_empty() { name.to_owned() } else { format!("{}.{name}", self.namespace) }
    }

    /// A full name without the namespace; the name itself when it is of another namespace.
    #[must_use]
    pub fn local_name<'n>(&self, full: &'n str) -> &'n str {
        full.strip_prefix(&self.namespace).and_then(|rest| rest.strip_prefix('.')).unwrap_or(full)
    }

    /// The consumer group of this service on the broker.
    pub(crate) fn group_name(&self) -> String {
        self.topic_name(&self.service)
    }

    /// The full name of a contract's topic.
    pub(crate) fn name_of(&self, topic: &Topic) -> String {
        self.topic_name(topic.name)
    }

    /// What every client shares.
    #[must_use]
    pub fn client(&self) -> ClientConfig {
        let mut config = ClientConfig::new();
        config
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", format!("cyber-store-{}", self.service))
            .set("allow.auto.create.topics", "false")
            // Finds a broker that came back within a second.
            .set("reconnect.backoff.ms", "100")
            .set("reconnect.backoff.max.ms", "1000")
            .set("topic.metadata.refresh.interval.ms", "30000")
            .set("log_level", "3");
        config
    }

    pub(crate) fn producer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            // Forces acks=all, endless retries and at most five requests in flight, in order.
            .set("enable.idempotence", "true")
            // A row leaves when it is there; under load the batches form by themselves.
            .set("linger.ms", "0")
            // Java clients and Debezium agree on partitions with this one.
            .set("partitioner", "murmur2_random")
            // A time-out would leave a gap in an aggregate's events: wait for the broker instead.
            .set("message.timeout.ms", "0")
            .set("compression.type", "lz4")
            .set("queue.buffering.max.kbytes", "16384");
        if mutants::is_on(Mutant::NoAcknowledgement) {
            config.set("enable.idempotence", "false").set("acks", "0");
        }
        config
    }

    /// The relay's producer for snapshots.
    pub(crate) fn state_producer(&self) -> ClientConfig {
        let mut config = self.producer();
        config
            .set("enable.idempotence", "true")
            .set("acks", "all")
            .set("transactional.id", format!("{}.relay", self.group_name()))
            // What a relay that died left open holds up readers for so long, unless the next one takes over before.
            .set("transaction.timeout.ms", "20000")
            // The client wants no more than that. What is not sent by then is given up with its transaction and sent again.
            .set("message.timeout.ms", "15000");
        config
    }

    pub(crate) fn group_consumer(&self) -> ClientConfig {
        let mut config = self.client();
        config
            .set("group.id", self.group_name())
            // KIP-848: the broker assigns; joining takes 0.1 s instead of 2 s.
            .set("group.protocol", "consumer")
            // A new group must not skip history.
            .set("auto.offset.reset", "earliest")
            // Offsets are stored after the database commit and committed in the background.
            .set("enable.auto.commit", "true")
            .set("enable.auto.offset.store", "false")
            .set("auto.commit.interval.ms", "500")
            .set("max.poll.interval.ms", "120000")
            .set("fetch.wait.max.ms", "500")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.min.messages", "1000")
            .set("queued.max.messages.kbytes", "8192")
            .set("enable.partition.eof", "false");
        config
    }

    pub(crate) fn reader(&self, purpose: &str) -> ClientConfig {
        let mut config = self.client();
        config
            // Required by the client; nothing is ever committed under it.
            .set("group.id", format!("{}.{purpose}", self.group_name()))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "earliest")
            .set("fetch.error.backoff.ms", "100")
            .set("queued.min.messages", "1000")
            .set("queued.max.messages.kbytes", "4096");
        config
    }
}

#[cfg(test)]
mod tests {
    use super::Settings;

    #[test]
    fn a_namespace_stands_before_names_and_comes_off_again() {
        let with = |namespace: &str| Settings {
            brokers: String::new(),
            namespace: namespace.to_owned(),
            service: "order".to_owned(),
        };
        assert_eq!(with("").topic_name("order.order.v1"), "order.order.v1");
        assert_eq!(with("").local_name("order.order.v1"), "order.order.v1");
        assert_eq!(with("t1").topic_name("order.order.v1"), "t1.order.order.v1");
        assert_eq!(with("t1").local_name("t1.order.order.v1"), "order.order.v1");
        assert_eq!(with("t1").local_name("t12.order.order.v1"), "t12.order.order.v1");
        assert_eq!(with("t1").group_name(), "t1.order");
    }
}

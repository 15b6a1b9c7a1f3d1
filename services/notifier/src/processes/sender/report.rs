//! The metrics and log lines of the sender.

use chrono::TimeDelta;
use kernel::{Clock, Timestamp};

use crate::domain::{Batch, Message, Outcome, Unreadable};
use crate::queries::Backlog;

/// The gauges of what is pending.
pub(super) fn backlog(backlog: &Backlog, now: Timestamp) {
    // Counts stay far below the 2^53 up to which this is exact.
    metrics::gauge!("notifier_deliveries_pending").set(backlog.pending as f64);
    metrics::gauge!("notifier_deliveries_held").set(backlog.held as f64);
    let age = backlog.oldest.map_or(0.0, |since| seconds(now - since));
    metrics::gauge!("notifier_oldest_pending_seconds").set(age);
}

/// The metric and the log line of a delivery that cannot be read.
pub(super) fn unreadable(unreadable: &Unreadable) {
    let Unreadable { id, organisation, kind, cause } = unreadable;
    metrics::counter!("notifier_deliveries_total", "kind" => kind.clone(), "outcome" => "unreadable").increment(1);
    tracing::warn!(
        delivery = %id,
        %organisation,
        kind,
        cause,
        "a delivery cannot be read; it waits for a version that can, and has failed after a day"
    );
}

/// The metrics and the one log line of a message.
pub(super) fn message(batch: &Batch, message: &Message, outcome: &Outcome) {
    let form = if message.digest { "digest" } else { "full" };
    metrics::counter!("notifier_messages_total", "outcome" => outcome.as_str(), "form" => form).increment(1);
    let deliveries = batch.deliveries.len();
    let (lane, by) = (batch.lane.as_str(), <&str>::from(batch.endpoint.kind()));
    match outcome {
        Outcome::Sent { message: id } => {
            count(batch, "sent");
            let now = Clock::now();
            for delivery in &batch.deliveries {
                metrics::histogram!("notifier_delivery_seconds", "kind" => delivery.fact.kind().as_str())
                    .record(seconds(now - delivery.occurred_at));
            }
            tracing::info!(lane, by, deliveries, form, message_id = id, "sent a message");
        }
        Outcome::Limited { retry_after } => {
            metrics::gauge!("notifier_retry_after_seconds").set(retry_after.as_secs_f64());
            tracing::warn!(lane, by, deliveries, retry_after = retry_after.as_secs(), "the receiver asks to wait");
        }
        Outcome::Moved { to } => {
            tracing::warn!(chat = lane, to, "the chat has moved; set TELEGRAM_CHAT_ID to its new id");
        }
        // The log says once that it began; see the obstacles.
        Outcome::Unauthorised { cause } | Outcome::Unreachable { cause } | Outcome::NoTopic { cause } => {
            tracing::debug!(lane, by, deliveries, cause, "nobody is let through; the message is sent again later");
        }
        Outcome::Refused { cause } => {
            count(batch, "failed");
            tracing::error!(
                lane,
                by,
                deliveries,
                cause,
                "the receiver refuses the message for good; mend the cause, then run `cyberctl retry failed-deliveries`"
            );
        }
        Outcome::Ended { cause } => {
            count(batch, "failed");
            tracing::info!(lane, deliveries, cause, "a webhook is gone for good; its destination has ended");
        }
        Outcome::Gone { cause } => {
            tracing::info!(
                lane,
                deliveries,
                cause,
                "the message to edit is gone; what it was to tell is sent as another one"
            );
        }
        Outcome::Unknown { cause } => {
            unknown(by, "no-answer");
            tracing::warn!(
                lane,
                by,
                deliveries,
                cause,
                "whether the message was taken is unknown; it is sent again, and may come twice"
            );
        }
        Outcome::Unavailable { cause } => {
            tracing::warn!(
                lane,
                by,
                deliveries,
                cause,
                "the receiver cannot be reached; the message is sent again later"
            );
        }
    }
}

/// Counts a message that may come twice: the answer was lost, or its sender has died.
pub(super) fn unknown(by: &'static str, because: &'static str) {
    metrics::counter!("notifier_messages_unknown_total", "by" => by, "because" => because).increment(1);
}

fn count(batch: &Batch, outcome: &'static str) {
    for delivery in &batch.deliveries {
        let kind = delivery.fact.kind().as_str();
        metrics::counter!("notifier_deliveries_total", "kind" => kind, "outcome" => outcome).increment(1);
    }
}

fn seconds(delta: TimeDelta) -> f64 {
    delta.as_seconds_f64().max(0.0)
}

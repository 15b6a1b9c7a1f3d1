//! What notifier publishes: what people ask for with buttons in a chat, as facts. Nothing is done by saying so: order looks at who
//! asks, and does it or refuses ([`crate::order::OutcomeEvent`]).

use kernel::{ActionId, DestinationId, OrderId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray, VariantNames};

use crate::{channel, topics};

channel::facts! {
    /// What somebody asks for in a chat.
    pub enum ActionEvent on topics::ACTION, keyed by action {
        /// Somebody pressed a button.
        ActionRequested = "notifier.action.requested.v1",
    }
}

/// A person asks for a step of an order. That the person may take it is for order to find out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ActionRequested {
    /// What is asked: one press of one button.
    pub action: ActionId,
    /// The order.
    pub order: OrderId,
    /// The step.
    pub step: ChatStep,
    /// Who asks: the person to whom the account on Telegram is linked in the organisation.
    pub user: UserId,
    /// Where it is asked, for the answer; absent for the chat of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destination: Option<DestinationId>,
}

/// A step of an order that a button asks for.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
    VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum ChatStep {
    /// Pack everything that is not packed.
    Pack,
    /// Cancel the whole order.
    Cancel,
}

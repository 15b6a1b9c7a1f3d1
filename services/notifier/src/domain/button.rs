//! The buttons below a message about one order.
//! The rule: what a button says is sealed with a key that follows from the token of the bot, for the place where it stands, so that
//! nobody makes one up or carries it to another chat. Whether the step can be taken is for order to decide.

use std::fmt;

use aws_lc_rs::{constant_time, hmac};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use contracts::notifier::ChatStep;
use contracts::order::Status;
use kernel::{DestinationId, OrderId, OrganisationId};
use uuid::Uuid;

use super::Delivery;

/// How much of the HMAC a button carries: Telegram takes 64 bytes altogether.
const TAG: usize = 16;
/// How many bytes the id of an order has.
const ID: usize = 16;

/// A button as Telegram shows and returns it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Button {
    /// What it says to people.
    pub label: &'static str,
    /// What comes back when it is pressed: at most 64 bytes.
    pub data: String,
}

/// A pressed button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Press {
    /// Telegram's id of the press, for the answer to it.
    pub callback: String,
    /// Telegram's id of the account that pressed.
    pub account: i64,
    /// The chat where the button stands.
    pub chat: i64,
    /// The topic, where the chat is a forum.
    pub topic: Option<i64>,
    /// What the button carries.
    pub data: String,
}

/// What a button carries, before anybody has looked whether it is genuine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sealed {
    /// The step.
    pub step: ChatStep,
    /// The order.
    pub order: OrderId,
    tag: [u8; TAG],
}

/// Makes buttons and knows its own.
#[derive(Clone)]
pub struct ButtonSeal(hmac::Key);

impl ButtonSeal {
    /// For the bot with this token.
    #[must_use]
    pub fn of_bot(token: &str) -> Self {
        let root = hmac::Key::new(hmac::HMAC_SHA256, token.as_bytes());
        let tag = hmac::sign(&root, b"notifier: buttons of orders");
        Self(hmac::Key::new(hmac::HMAC_SHA256, tag.as_ref()))
    }

    /// The buttons of an order that stands like this, in a destination or in the chat of the configuration.
    #[must_use]
    pub fn buttons(
        &self,
        organisation: OrganisationId,
        destination: Option<DestinationId>,
        order: OrderId,
        status: Status,
    ) -> Vec<Button> {
        let button = |step: &ChatStep| {
            let mut carried = Vec::with_capacity(ID + TAG);
            carried.extend(order.uuid().as_bytes());
            carried.extend(self.tag(organisation, destination, order, *step));
            Button { label: label(*step), data: format!("{}{}", sign(*step), URL_SAFE_NO_PAD.encode(carried)) }
        };
        offered(status).iter().map(button).collect()
    }

    /// Whether this was made by this bot for this place.
    #[must_use]
    pub fn knows(&self, organisation: OrganisationId, destination: Option<DestinationId>, sealed: &Sealed) -> bool {
        let tag = self.tag(organisation, destination, sealed.order, sealed.step);
        constant_time::verify_slices_are_equal(&tag, &sealed.tag).is_ok()
    }

    fn tag(
        &self,
        organisation: OrganisationId,
        destination: Option<DestinationId>,
        order: OrderId,
        step: ChatStep,
    ) -> Vec<u8> {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(organisation.uuid().as_bytes());
        context.update(&[u8::from(destination.is_some())]);
        context.update(destination.map_or(Uuid::nil(), DestinationId::uuid).as_bytes());
        context.update(order.uuid().as_bytes());
        context.update(<&str>::from(step).as_bytes());
        context.sign().as_ref().iter().take(TAG).copied().collect()
    }
}

impl fmt::Debug for ButtonSeal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ButtonSeal([redacted])")
    }
}

impl Sealed {
    /// Reads what a button carries; `None` for what has not its form.
    #[must_use]
    pub fn parse(data: &str) -> Option<Self> {
        let step = match data.get(..1)? {
            "p" => ChatStep::Pack,
            "c" => ChatStep::Cancel,
            _ => return None,
        };
        let carried = URL_SAFE_NO_PAD.decode(data.get(1..)?).ok()?;
        let (order, tag) = carried.split_at_checked(ID)?;
        Some(Self { step, order: OrderId::from_uuid(Uuid::from_slice(order).ok()?), tag: tag.try_into().ok()? })
    }
}

fn sign(step: ChatStep) -> char {
    match step {
        ChatStep::Pack => 'p',
        ChatStep::Cancel => 'c',
    }
}

fn label(step: ChatStep) -> &'static str {
    match step {
        ChatStep::Pack => "📦 Mark packed",
        ChatStep::Cancel => "🚫 Cancel",
    }
}

/// The steps that staff has in this status. Nobody confirms an order: it is when its stock is reserved.
fn offered(status: Status) -> &'static [ChatStep] {
    match status {
        Status::Confirmed => &[ChatStep::Pack, ChatStep::Cancel],
        Status::Pending | Status::OnHold | Status::Packed | Status::CancelRequested => &[ChatStep::Cancel],
        Status::Shipped
        | Status::Delivered
        | Status::Completed
        | Status::Cancelled
        | Status::ReturnRequested
        | Status::Returned
        | Status::Rejected => &[],
    }
}

/// The one order that all of these are about; none where they are about several, or about something else.
#[must_use]
pub fn order_of_all(deliveries: &[Delivery]) -> Option<(OrganisationId, OrderId)> {
    let mut about = deliveries.iter().map(|delivery| Some((delivery.organisation, delivery.fact.order()?)));
    let first = about.next()??;
    about.all(|other| other == Some(first)).then_some(first)
}

#[cfg(test)]
mod tests {
    use kernel::{Clock, DeliveryId};

    use super::super::Fact;

    use super::*;

    #[test]
    fn a_button_is_known_where_it_was_made_for_and_nowhere_else() {
        let (organisation, destination, order) = (OrganisationId::new(), DestinationId::new(), OrderId::new());
        let seal = ButtonSeal::of_bot("1:secret");
        let buttons = seal.buttons(organisation, Some(destination), order, Status::Confirmed);
        assert_eq!(buttons.len(), 2);
        for (button, step) in buttons.iter().zip([ChatStep::Pack, ChatStep::Cancel]) {
            assert!(button.data.len() <= 64, "{}", button.data);
            let sealed = Sealed::parse(&button.data).unwrap();
            assert_eq!((sealed.step, sealed.order), (step, order));
            assert!(seal.knows(organisation, Some(destination), &sealed));
            assert!(!seal.knows(OrganisationId::new(), Some(destination), &sealed));
            assert!(!seal.knows(organisation, Some(DestinationId::new()), &sealed));
            assert!(!seal.knows(organisation, None, &sealed));
            assert!(!ButtonSeal::of_bot("2:secret").knows(organisation, Some(destination), &sealed));
            assert!(!seal.knows(organisation, Some(destination), &Sealed { order: OrderId::new(), ..sealed }));
        }
        // The step is sealed, too.
        let turned = buttons[0].data.replacen('p', "c", 1);
        assert!(!seal.knows(organisation, Some(destination), &Sealed::parse(&turned).unwrap()));
        for formless in ["", "p", "x", "é", "p!!!", &buttons[0].data[..40], &format!("{}AA", buttons[0].data)] {
            assert_eq!(Sealed::parse(formless), None, "{formless}");
        }
        assert!(!format!("{seal:?}").contains("secret"));
    }

    #[test]
    fn only_a_message_about_one_order_has_an_order() {
        let (organisation, order) = (OrganisationId::new(), OrderId::new());
        let delivery = |organisation, fact| Delivery {
            id: DeliveryId::new(),
            organisation,
            organisation_name: "Acme".to_owned(),
            fact,
            occurred_at: Clock::now(),
            traceparent: None,
            waited: false,
            collapsed: false,
        };
        let held = |order: OrderId| Fact::OrderHeld { order: order.into(), reason: None };
        let one = [delivery(organisation, held(order)), delivery(organisation, held(order))];
        assert_eq!(order_of_all(&one), Some((organisation, order)));
        let [first, second] = one;
        for others in [
            vec![],
            vec![first.clone(), delivery(organisation, held(OrderId::new()))],
            vec![first, second, delivery(organisation, Fact::Test)],
        ] {
            assert_eq!(order_of_all(&others), None);
        }
    }
}

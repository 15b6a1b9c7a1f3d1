//! Domain → contract: what people ask for with buttons, published on `notifier.action.v1` under the id of what is asked.
//! The rule: only the shape changes here; nothing is decided.

use contracts::notifier::{ActionEvent, ActionRequested};
use kernel::ActionId;

use crate::domain::{Place, Sealed};

/// A pressed button, as other services read it: what it carries, asked for by the person in this place.
#[must_use]
pub fn requested(place: &Place, sealed: &Sealed) -> ActionEvent {
    ActionRequested {
        action: ActionId::new(),
        order: sealed.order,
        step: sealed.step,
        user: place.user,
        destination: place.destination,
    }
    .into()
}

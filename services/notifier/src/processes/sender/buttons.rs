//! Which buttons stand below a message.
//! The rule: only in a chat, below one that is about a single order, and only where a member could press them. A message without its buttons is
//! better than none.

use super::Sender;
use crate::domain::{Batch, Button, ButtonSeal, Endpoint, Target, order_of_all};
use crate::queries::FindPressable;

impl Sender {
    /// The buttons of the message for these deliveries.
    pub(super) async fn buttons(&self, batch: &Batch) -> Vec<Button> {
        if !matches!(batch.endpoint, Endpoint::Chat(_)) {
            return Vec::new();
        }
        let Some((organisation, order)) = order_of_all(&batch.deliveries) else { return Vec::new() };
        let destination = match batch.target {
            Target::Configured => None,
            Target::Destination { destination, .. } => Some(destination),
        };
        let scope = self.scope.within(organisation);
        match self.mediator.ask(&scope, FindPressable { order }).await {
            Ok(Some(status)) => self.seal().buttons(organisation, destination, order, status),
            Ok(None) => Vec::new(),
            Err(error) => {
                tracing::warn!(%error, %order, %organisation,
                    "where an order stands could not be read; its message has no buttons");
                Vec::new()
            }
        }
    }

    fn seal(&self) -> ButtonSeal {
        ButtonSeal::of_bot(self.settings.token.expose())
    }
}

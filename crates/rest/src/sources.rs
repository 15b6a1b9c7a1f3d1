//! The problems that the mediator's own errors become; a service maps its own errors.
//! The rule: an exhaustive match, so that a new error cannot be forgotten.

use mediator::SendError;

use crate::problem::Problem;
use crate::problems;

impl<E: Into<Problem>> From<SendError<E>> for Problem {
    fn from(error: SendError<E>) -> Self {
        match error {
            SendError::Forbidden { permission } => Problem::new(problems::FORBIDDEN)
                .detail(format!("This needs the permission {permission}."))
                .member("permission", permission.to_string()),
            SendError::KeyReused => Problem::new(problems::IDEMPOTENCY_KEY_REUSED)
                .detail("The key was used with another body or path. Use a new key for a new request."),
            SendError::KeyBusy => Problem::new(problems::IDEMPOTENCY_KEY_BUSY)
                .detail("Repeat the request in a moment to get its reply.")
                .retry_after(1),
            SendError::Lost(cause) => Problem::internal(cause),
            SendError::Failed(error) => error.into(),
        }
    }
}

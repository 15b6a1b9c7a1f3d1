//! What became of a step that somebody asked for in a chat.

pub use contracts::notifier::ChatStep;
pub use contracts::order::StepRefusal;

use contracts::order::Status;

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken, or had been taken before.
    Done {
        /// The order's number, where it has one.
        number: Option<i64>,
        /// Where the order stands.
        status: Status,
    },
    /// It was not taken.
    Refused {
        /// Why.
        reason: StepRefusal,
        /// The order's number, and where it stands, where whoever asked may know.
        stands: Option<(Option<i64>, Status)>,
    },
}

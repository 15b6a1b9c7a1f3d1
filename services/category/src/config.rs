//! What the environment decides: only what every service reads. It is read once, at the start.

use assembly::Surroundings;
use service::config::Reader;

use crate::NAME;

/// Reads everything; `None` when something was reported as bad.
pub fn read(environment: &mut Reader) -> Option<Surroundings> {
    Surroundings::read(environment, NAME, 7102)
}

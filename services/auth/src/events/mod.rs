//! What this service says to the others. It listens to nobody, so there is no subscription table here.

pub mod published;

//! One word that the HTTP door, the retry and the dead letter all decide by.

pub use persistence::Class;

/// An error that knows whether trying again can help.
pub trait Classified: std::error::Error + Send + Sync + 'static {
    /// Transient, refused or permanent.
    fn class(&self) -> Class;
}

impl Classified for persistence::Error {
    fn class(&self) -> Class {
        persistence::Error::class(self)
    }
}

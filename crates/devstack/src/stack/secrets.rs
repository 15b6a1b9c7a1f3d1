//! The secrets of this stack: generated once, kept in `.dev/secrets` with mode 600.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use devstack::{Error, Passwords, random_secret, read_pairs, write_private};

use super::Folder;

/// What the services and servers are told.
pub(crate) struct Secrets {
    pub(crate) roles: Passwords,
    pub(crate) superuser: String,
    pub(crate) setup_token: String,
    pub(crate) signing_key_secret: String,
    pub(crate) demo_password: String,
}

impl Secrets {
    /// What is there, with what is missing made now.
    pub(crate) fn kept_in(folder: &Folder) -> Result<Self, Error> {
        let file = folder.join("secrets");
        let mut pairs = read_pairs(&file)?;
        let mut made = false;
        let mut keep = |name: &str, make: fn() -> String| {
            if let Some((_, value)) = pairs.iter().find(|(known, _)| known == name) {
                return value.clone();
            }
            made = true;
            let value = make();
            pairs.push((name.to_owned(), value.clone()));
            value
        };
        let secrets = Self {
            roles: Passwords::kept_in(&folder.join("database-passwords"))?,
            superuser: keep("POSTGRES_PASSWORD", random_secret),
            setup_token: keep("SETUP_TOKEN", random_secret),
            signing_key_secret: keep("SIGNING_KEY_SECRET", || STANDARD.encode(rand::random::<[u8; 32]>())),
            demo_password: keep("DEMO_PASSWORD", random_secret),
        };
        if made {
            write_private(&file, &pairs.iter().map(|(name, value)| format!("{name}={value}\n")).collect::<String>())?;
        }
        Ok(secrets)
    }
}

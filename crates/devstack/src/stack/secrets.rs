//! The secrets of this stack, in `.dev/secrets` and `.dev/database-passwords` (mode 600).
//! The rule it keeps: a secret is generated once; later runs find it there.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use devstack::{Error, Passwords, random_secret, read_pairs, write_pairs};

use super::Folder;

/// Every secret that servers and services get.
pub(crate) struct Secrets {
    pub(crate) roles: Passwords,
    pub(crate) superuser: String,
    pub(crate) setup_token: String,
    pub(crate) signing_key_secret: String,
    pub(crate) demo_password: String,
}

impl Secrets {
    /// Reads the secrets of the folder and generates those that are missing.
    pub(crate) fn kept_in(folder: &Folder) -> Result<Self, Error> {
        let file = folder.join("secrets");
        let mut pairs = read_pairs(&file)?;
        let before = pairs.len();
        let mut keep =
            |name: &str, generate: fn() -> String| pairs.entry(name.to_owned()).or_insert_with(generate).clone();
        let secrets = Self {
            roles: Passwords::kept_in(&folder.join("database-passwords"))?,
            superuser: keep("POSTGRES_PASSWORD", random_secret),
            setup_token: keep("SETUP_TOKEN", random_secret),
            signing_key_secret: keep("SIGNING_KEY_SECRET", || STANDARD.encode(rand::random::<[u8; 32]>())),
            demo_password: keep("DEMO_PASSWORD", random_secret),
        };
        if pairs.len() != before {
            write_pairs(&file, &pairs)?;
        }
        Ok(secrets)
    }
}

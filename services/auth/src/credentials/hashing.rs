//! Argon2id, away from the threads that serve requests and never more at once than there is memory for.
//! The rule: checking a password takes equally long whether the account exists or not.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc},
};
use kernel::Secret;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::spawn_blocking,
};

use crate::{domain::Password, error::Error};

/// How long a password waits for its turn. Whoever would wait longer has gone by then, and those behind could not get in.
const PATIENCE: Duration = Duration::from_secs(5);
/// OWASP's minimum: 19 MiB, two passes, one lane.
const MEMORY_KIBIBYTES: u32 = 19_456;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A password's hash as a PHC string. It is no password, but whoever reads it could try passwords offline, so it never
/// prints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordHash(Secret);

impl PasswordHash {
    /// A hash from the database.
    #[must_use]
    pub fn stored(text: String) -> Self {
        Self(Secret::new(text))
    }

    /// The PHC string; only the database needs it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.expose()
    }
}

/// Who waits for a password to be hashed or checked. Whoever nobody knows takes no more than their share of the turns, so that
/// they keep nobody out whom the store knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// Somebody who is logged in, has logged in with this client before, or has a secret of the installation.
    Known,
    /// Anybody at the doors of the staff.
    Stranger,
    /// Anybody at the doors of the shops.
    Shop,
}

/// Hashes and checks passwords. Cheap to clone.
#[derive(Clone)]
pub struct Hasher {
    permits: Arc<Semaphore>,
    /// For all whom nobody knows: one turn less than there are, where there are several.
    strangers: Arc<Semaphore>,
    /// For those of them at the shops: half of the turns.
    shops: Arc<Semaphore>,
    argon: Argon2<'static>,
    /// The hash of a password that nobody has.
    dummy: PasswordHash,
}

impl Hasher {
    /// At most `at_once` hashes are computed at the same time, 19 MiB each; further callers wait.
    ///
    /// # Errors
    /// `Hashing` when the operating system has no randomness for a salt.
    pub fn new(at_once: NonZeroUsize) -> Result<Self, Error> {
        let parameters = Params::new(MEMORY_KIBIBYTES, PASSES, LANES, None).map_err(hashing)?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, parameters);
        let mut nobody = [0; 32];
        aws_lc_rs::rand::fill(&mut nobody).map_err(hashing)?;
        let dummy = PasswordHash::stored(argon.hash_password(&nobody).map_err(hashing)?.to_string());
        let lane = |turns: usize| Arc::new(Semaphore::new(turns.max(1)));
        let at_once = at_once.get();
        Ok(Self { permits: lane(at_once), strangers: lane(at_once - 1), shops: lane(at_once / 2), argon, dummy })
    }

    /// The hash of a password, with a salt of its own.
    ///
    /// # Errors
    /// `Hashing` when the operating system lacks randomness or memory, `Busy` when too many wait.
    pub async fn hash(&self, password: Password, lane: Lane) -> Result<PasswordHash, Error> {
        let argon = self.argon.clone();
        self.run(lane, move || {
            Ok(PasswordHash::stored(argon.hash_password(password.expose()).map_err(hashing)?.to_string()))
        })
        .await
    }

    /// The hash of a password that somebody chooses; `names` are those of the person and of what they work for.
    ///
    /// # Errors
    /// `PasswordTooWeak`, and as [`Hasher::hash`].
    pub async fn choose(&self, password: Password, names: &[&str], lane: Lane) -> Result<PasswordHash, Error> {
        let argon = self.argon.clone();
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        self.run(lane, move || {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            password.check_choice(&names).map_err(Error::PasswordTooWeak)?;
            Ok(PasswordHash::stored(argon.hash_password(password.expose()).map_err(hashing)?.to_string()))
        })
        .await
    }

    /// Whether the hash is that of the password. Without a hash the answer is no, after the same work.
    ///
    /// # Errors
    /// `Hashing` when the hash is not a PHC string of Argon2, `Busy` when too many wait.
    pub async fn verify(&self, hash: Option<PasswordHash>, password: Password, lane: Lane) -> Result<bool, Error> {
        let argon = self.argon.clone();
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| self.dummy.clone());
        let today = self.is_outdated(&hash).then(|| self.dummy.clone());
        self.run(lane, move || {
            if let Some(today) = today {
                // A hash of former, cheaper parameters must not answer faster than one that does not exist.
                let parsed = phc::PasswordHash::new(today.as_str()).map_err(hashing)?;
                let _ = argon.verify_password(password.expose(), &parsed);
            }
            let parsed = phc::PasswordHash::new(hash.as_str()).map_err(hashing)?;
            Ok(argon.verify_password(password.expose(), &parsed).is_ok() && known)
        })
        .await
    }

    /// Whether a hash was made with other parameters than those of today, so that it is worth making anew.
    #[must_use]
    pub fn is_outdated(&self, hash: &PasswordHash) -> bool {
        let today = self.argon.params();
        let made = phc::PasswordHash::new(hash.as_str()).ok().and_then(|hash| Params::try_from(&hash).ok());
        made.is_none_or(|made| {
            (made.m_cost(), made.t_cost(), made.p_cost()) != (today.m_cost(), today.t_cost(), today.p_cost())
        })
    }

    async fn run<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce() -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        // Held inside the blocking task: a client that hangs up frees no memory that is still in use.
        let permits = tokio::time::timeout(PATIENCE, self.turn(lane)).await.map_err(|_| Error::Busy)??;
        let done = spawn_blocking(move || {
            let result = work();
            drop(permits);
            result
        });
        done.await.map_err(hashing)?
    }
}

impl Hasher {
    /// The turn of somebody, who waits in line behind those of the same lane.
    async fn turn(&self, lane: Lane) -> Result<Vec<OwnedSemaphorePermit>, Error> {
        let lines: &[&Arc<Semaphore>] = match lane {
            Lane::Known => &[&self.permits],
            Lane::Stranger => &[&self.strangers, &self.permits],
            Lane::Shop => &[&self.shops, &self.strangers, &self.permits],
        };
        let mut permits = Vec::with_capacity(lines.len());
        for line in lines {
            permits.push(Arc::clone(line).acquire_owned().await.map_err(hashing)?);
        }
        Ok(permits)
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Hasher").field("free", &self.permits.available_permits()).finish_non_exhaustive()
    }
}

fn hashing(cause: impl std::fmt::Display) -> Error {
    Error::Hashing(cause.to_string())
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    fn password(text: &str) -> Password {
        Password::choose(text).unwrap()
    }

    #[tokio::test]
    async fn a_hash_matches_its_own_password_only() {
        let hasher = Hasher::new(NonZeroUsize::MIN).unwrap();
        let hash = hasher.hash(password("correct horse battery"), Lane::Known).await.unwrap();
        assert!(hash.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.as_str());
        assert!(hasher.verify(Some(hash.clone()), password("correct horse battery"), Lane::Known).await.unwrap());
        assert!(!hasher.verify(Some(hash), password("correct horse batterz"), Lane::Known).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_of_other_parameters_is_outdated() {
        let hasher = Hasher::new(NonZeroUsize::MIN).unwrap();
        let hash = hasher.hash(password("correct horse battery"), Lane::Known).await.unwrap();
        assert!(!hasher.is_outdated(&hash));
        let older = PasswordHash::stored(hash.as_str().replace("m=19456,t=2", "m=4096,t=3"));
        assert!(hasher.is_outdated(&older));
    }

    #[tokio::test]
    async fn nobody_logs_in_to_an_account_that_does_not_exist() {
        let hasher = Hasher::new(NonZeroUsize::MIN).unwrap();
        assert!(!hasher.verify(None, password("correct horse battery"), Lane::Known).await.unwrap());
    }

    #[tokio::test]
    async fn strangers_leave_a_turn_to_whom_the_store_knows_and_shops_leave_one_to_strangers() {
        let hasher = Hasher::new(NonZeroUsize::new(3).unwrap()).unwrap();
        let shop = hasher.turn(Lane::Shop).await.unwrap();
        assert!(hasher.turn(Lane::Shop).now_or_never().is_none(), "the shops have their turn");
        let stranger = hasher.turn(Lane::Stranger).await.unwrap();
        assert!(hasher.turn(Lane::Stranger).now_or_never().is_none());
        let known = hasher.turn(Lane::Known).now_or_never().expect("one is left").unwrap();
        assert!(hasher.turn(Lane::Known).now_or_never().is_none(), "no more than there is memory for");
        drop((shop, stranger, known));
        assert_eq!(hasher.permits.available_permits(), 3);
    }
}

//! The life of a signing key: announced, signing, retired, removed. No token is ever signed with a key that a verifier
//! may not know yet, and no key is removed while a token that it signed is valid.

use std::{collections::BTreeSet, time::Duration};

use kernel::{KeyId, Secret, Timestamp};

/// A key pair that was generated and has not been taken into use.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// Derived from the RFC 7638 thumbprint of the public key.
    pub kid: KeyId,
    /// The 32 bytes of the Ed25519 public key.
    pub public_key: [u8; 32],
    /// The private key, sealed.
    pub sealed_private_key: Secret<Vec<u8>>,
}

/// A key in use: one that will sign, signs, or has signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SigningKey {
    /// Derived from the RFC 7638 thumbprint of the public key.
    pub kid: KeyId,
    /// The 32 bytes of the Ed25519 public key.
    pub public_key: [u8; 32],
    /// The private key, sealed.
    pub sealed_private_key: Secret<Vec<u8>>,
    /// Rises by one with every change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// It signs from this time on.
    pub signs_from: Timestamp,
    /// When it was first found that the broker has it; until then no verifier can know it.
    pub announced_at: Option<Timestamp>,
    /// It stops signing at this time, when the next key begins; tokens that it signed stay valid until they expire.
    pub retired_at: Option<Timestamp>,
}

/// How long each stage of a key's life takes.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// How long a key signs before the next one is made.
    pub signs_for: Duration,
    /// How long a new key is announced before it signs: the longest that a verifier takes to learn of it.
    pub known_before: Duration,
    /// How long a key stays published after it stopped signing: the life of a token and a margin.
    pub valid_after: Duration,
}

/// What one round of tending changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tended {
    /// Keys that are new, or changed in what is published of them.
    pub changed: Vec<SigningKey>,
    /// Keys that were found announced, and are otherwise as they were.
    pub announced: Vec<SigningKey>,
    /// Keys that verified their last token.
    pub removed: Vec<SigningKey>,
}

impl Tended {
    /// Takes up a changed key in place of what was said of it before.
    fn change(&mut self, key: SigningKey) {
        self.changed.retain(|known| known.kid != key.kid);
        self.announced.retain(|known| known.kid != key.kid);
        self.changed.push(key);
    }
}

/// Every key in use, in the order in which they sign.
#[derive(Debug, Default)]
pub struct SigningKeys {
    keys: Vec<SigningKey>,
    unannounced: BTreeSet<KeyId>,
}

impl SigningKeys {
    /// The keys as they are stored. The broker does not have those of `unannounced` yet: no verifier can know them,
    /// however long ago they were made.
    #[must_use]
    pub fn restore(keys: impl IntoIterator<Item = SigningKey>, unannounced: impl IntoIterator<Item = KeyId>) -> Self {
        let mut keys: Vec<_> = keys.into_iter().collect();
        keys.sort_by_key(|key| key.signs_from);
        Self { keys, unannounced: unannounced.into_iter().collect() }
    }

    /// All keys, the oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &SigningKey> {
        self.keys.iter()
    }

    /// The key that signs now: the newest one that is due and that verifiers can know. If they can know none, as in the
    /// first moments of an installation, it is the oldest one that is due.
    #[must_use]
    pub fn signer(&self, now: Timestamp) -> Option<&SigningKey> {
        let mut due = self.keys.iter().filter(|key| key.signs_from <= now);
        due.clone().rfind(|key| key.announced_at.is_some()).or_else(|| due.next())
    }

    /// Does what is due. The candidate is taken into use when there is no key (it signs at once) or when the last one has
    /// signed long enough (it is announced first). Keys whose last token has expired are removed.
    pub fn tend(&mut self, candidate: &Candidate, schedule: Schedule, now: Timestamp) -> Tended {
        let mut tended = self.note_announced(schedule, now);
        // While verifiers do not know a successor yet, the key before it may still have to sign.
        let all_known = self.keys.iter().all(|key| key.announced_at.is_some());
        match self.keys.last_mut() {
            None => tended.changed.push(candidate.put_into_use(now, now)),
            // One successor at a time: the next one waits until verifiers can know this one.
            Some(last) if last.announced_at.is_some() && last.signs_from + schedule.signs_for <= now => {
                let successor = candidate.put_into_use(now + schedule.known_before, now);
                last.retired_at = Some(successor.signs_from);
                last.version += 1;
                tended.change(last.clone());
                tended.change(successor);
            }
            Some(_) => {}
        }
        let new = tended.changed.last().filter(|key| self.keys.iter().all(|known| known.kid != key.kid)).cloned();
        self.unannounced.extend(new.as_ref().map(|key| key.kid));
        self.keys.extend(new);
        let over = |key: &SigningKey| all_known && key.retired_at.is_some_and(|at| at + schedule.valid_after <= now);
        tended.removed.extend(
            self.keys.extract_if(.., |key| over(key)).map(|key| SigningKey { version: key.version + 1, ..key }),
        );
        tended
    }

    /// Notes the keys that the broker has by now. One that got there late, since the broker was away, is known for its whole
    /// notice before it signs; the key before it signs until then, so its last token is that much younger.
    fn note_announced(&mut self, schedule: Schedule, now: Timestamp) -> Tended {
        let mut tended = Tended::default();
        for at in 0..self.keys.len() {
            let (before, from) = self.keys.split_at_mut(at);
            let [key, ..] = from else { break };
            if key.announced_at.is_some() || self.unannounced.contains(&key.kid) {
                continue;
            }
            key.announced_at = Some(now);
            match before.last_mut() {
                Some(former) if key.signs_from < now + schedule.known_before / 2 => {
                    key.signs_from = now + schedule.known_before;
                    former.retired_at = Some(key.signs_from);
                    for changed in [former, key] {
                        changed.version += 1;
                        tended.change(changed.clone());
                    }
                }
                _ => tended.announced.push(key.clone()),
            }
        }
        tended
    }
}

impl Candidate {
    fn put_into_use(&self, signs_from: Timestamp, now: Timestamp) -> SigningKey {
        SigningKey {
            kid: self.kid,
            public_key: self.public_key,
            sealed_private_key: self.sealed_private_key.clone(),
            version: 1,
            created_at: now,
            signs_from,
            announced_at: None,
            retired_at: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCHEDULE: Schedule = Schedule {
        signs_for: Duration::from_secs(1_000),
        known_before: Duration::from_secs(60),
        valid_after: Duration::from_secs(660),
    };

    fn candidate() -> Candidate {
        Candidate { kid: KeyId::new(), public_key: [7; 32], sealed_private_key: Secret::new([1]) }
    }

    /// The broker has the events of all keys.
    fn announce(keys: &mut SigningKeys) {
        keys.unannounced.clear();
    }

    /// The broker has the events of all keys, and the next round finds that out.
    fn announced(keys: &mut SigningKeys, now: Timestamp) {
        announce(keys);
        assert_eq!(keys.tend(&candidate(), SCHEDULE, now).changed, []);
    }

    fn signer(keys: &SigningKeys, now: Timestamp) -> Option<KeyId> {
        keys.signer(now).map(|key| key.kid)
    }

    #[test]
    fn the_first_key_signs_at_once_and_a_second_replica_adds_none() {
        let now = kernel::Clock::now();
        let (first, second) = (candidate(), candidate());
        let mut keys = SigningKeys::default();
        assert_eq!(keys.tend(&first, SCHEDULE, now).changed.len(), 1);
        assert_eq!(signer(&keys, now), Some(first.kid));
        assert_eq!(keys.tend(&second, SCHEDULE, now), Tended::default());
        assert_eq!(signer(&keys, now), Some(first.kid));
    }

    #[test]
    fn a_new_key_is_announced_before_it_signs_and_the_old_one_outlives_its_tokens() {
        let start = kernel::Clock::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let (first, second, third) = (candidate(), candidate(), candidate());
        let mut keys = SigningKeys::default();
        keys.tend(&first, SCHEDULE, start);
        announced(&mut keys, start);
        assert_eq!(keys.tend(&second, SCHEDULE, at(999)), Tended::default());

        let changed = keys.tend(&second, SCHEDULE, at(1_000)).changed;
        announced(&mut keys, at(1_015));
        assert_eq!((changed[0].kid, changed[0].version), (first.kid, 2));
        assert_eq!((changed[1].kid, changed[1].signs_from), (second.kid, at(1_060)));
        assert_eq!(signer(&keys, at(1_059)), Some(first.kid));
        assert_eq!(signer(&keys, at(1_060)), Some(second.kid));

        assert_eq!(keys.tend(&third, SCHEDULE, at(1_719)), Tended::default());
        let removed = keys.tend(&third, SCHEDULE, at(1_720)).removed;
        assert_eq!((removed[0].kid, removed[0].version), (first.kid, 3));
        assert_eq!(signer(&keys, at(1_720)), Some(second.kid));
        assert_eq!(keys.iter().count(), 1);
    }

    #[test]
    fn a_key_that_is_not_announced_yet_does_not_sign_and_the_one_before_it_stays() {
        let start = kernel::Clock::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let (first, second) = (candidate(), candidate());
        let mut keys = SigningKeys::default();
        keys.tend(&first, SCHEDULE, start);
        assert_eq!(signer(&keys, start), Some(first.kid), "there is no other");
        announced(&mut keys, start);
        keys.tend(&second, SCHEDULE, at(1_000));
        assert_eq!(signer(&keys, at(1_900)), Some(first.kid));
        assert_eq!(keys.tend(&candidate(), SCHEDULE, at(1_900)), Tended::default());
        announce(&mut keys);
        let changed = keys.tend(&candidate(), SCHEDULE, at(1_900)).changed;
        let published: Vec<_> =
            changed.iter().map(|key| (key.kid, key.version, key.signs_from, key.retired_at)).collect();
        assert_eq!(published, [(first.kid, 3, start, Some(at(1_960))), (second.kid, 2, at(1_960), None)]);
        assert_eq!(signer(&keys, at(1_959)), Some(first.kid), "verifiers hear of the second only now");
        assert_eq!(signer(&keys, at(1_960)), Some(second.kid));
        assert_eq!(keys.tend(&candidate(), SCHEDULE, at(2_619)), Tended::default(), "tokens of the first are valid");
        assert_eq!(keys.tend(&candidate(), SCHEDULE, at(2_620)).removed.len(), 1);
    }

    #[test]
    fn nothing_of_the_private_key_prints() {
        let mut keys = SigningKeys::default();
        let candidate = Candidate { sealed_private_key: Secret::new([201, 202, 203]), ..candidate() };
        keys.tend(&candidate, SCHEDULE, kernel::Clock::now());
        let printed = format!("{candidate:?} {keys:?}");
        assert!(!printed.contains("201"), "{printed}");
    }
}

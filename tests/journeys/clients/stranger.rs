//! What a stranger has who wants in: two tokens that were seen on their way, the public keys, and a key pair that is not
//! auth's. The rule: whatever is forged here could be forged by anybody.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use e2e::{Shop, Store};
use serde_json::{Value, json};
use testkit::{Client, must};
use tokio::sync::OnceCell;

/// Two genuine tokens of one person, and the key that signed the first.
pub(crate) struct Seen {
    /// What is forged.
    pub(crate) token: String,
    /// Another one, as valid.
    pub(crate) other: String,
    /// The public key as the store shows it to everybody.
    pub(crate) key: Value,
}

impl Seen {
    /// Logs the owner of a shop in twice. All tests share the shop, since logins of one address are limited.
    pub(crate) async fn at(store: &Store) -> Seen {
        static SHOP: OnceCell<Shop> = OnceCell::const_new();
        let shop = SHOP.get_or_init(async || Shop::open(store, "seen").await).await;
        let gateway = &store.gateways()[0];
        let (token, other) = (shop.log_in(gateway).await, shop.log_in(gateway).await);
        let (status, keys) = Client::new(gateway, None).get("/.well-known/jwks.json").await;
        assert_eq!(status, 200, "{keys}");
        let mut seen = Seen { token, other, key: Value::Null };
        let signer = seen.header()["kid"].clone();
        let found = keys["keys"].as_array().unwrap().iter().find(|key| key["kid"] == signer);
        seen.key = found.unwrap_or_else(|| panic!("{signer} is not in {keys}")).clone();
        assert_eq!(signer, thumbprint(seen.key["x"].as_str().unwrap()));
        seen
    }

    /// Header, content and signature of the token.
    pub(crate) fn parts(&self) -> [&str; 3] {
        parts(&self.token)
    }

    pub(crate) fn header(&self) -> Value {
        must(serde_json::from_slice(&decode(self.parts()[0])), "read a token's header")
    }

    pub(crate) fn claims(&self) -> Value {
        must(serde_json::from_slice(&decode(self.parts()[1])), "read a token's claims")
    }

    /// The header with these members set, or taken away where they are null.
    pub(crate) fn header_with(&self, changes: &Value) -> Value {
        with(self.header(), changes)
    }

    /// The claims with these set, or taken away where they are null.
    pub(crate) fn claims_with(&self, changes: &Value) -> Value {
        with(self.claims(), changes)
    }

    /// The 32 bytes of the public key.
    pub(crate) fn public_key(&self) -> Vec<u8> {
        decode(self.key["x"].as_str().unwrap())
    }
}

/// The three parts of a token.
pub(crate) fn parts(token: &str) -> [&str; 3] {
    token.split('.').collect::<Vec<_>>().try_into().unwrap()
}

fn with(mut object: Value, changes: &Value) -> Value {
    let members = object.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    object
}

/// Base64url without padding.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What [`encode`] was given.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    must(URL_SAFE_NO_PAD.decode(text), "decode base64url")
}

/// The RFC 7638 thumbprint of an Ed25519 public key, whose JWK has this `x`. It is computed apart from the store's code,
/// which it is compared with.
pub(crate) fn thumbprint(x: &str) -> String {
    let required = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
    encode(digest(&SHA256, required.as_bytes()))
}

/// Signs with a key of the stranger's own.
pub(crate) struct Signer(Ed25519KeyPair);

impl Signer {
    /// The private and the public half: those of RFC 8037, appendix A.
    const OWN: (&str, &str) =
        ("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");

    /// A certificate of the public half, valid from 2020 to 9999, that the private half signed: DER in plain base64, which
    /// is how a header carries it.
    pub(crate) const CERTIFICATE: &str = "\
        MIHGMHoCAQEwBQYDK2VwMA8xDTALBgNVBAMMBGF1dGgwIBcNMjAwMTAxMDAwMDAwWhgPOTk5OTEyMzEy\
        MzU5NTlaMA8xDTALBgNVBAMMBGF1dGgwKjAFBgMrZXADIQDXWpgBgrEKt9VL/tPJZAc6DuFy89qmIyWv\
        Ahpo9wdRGjAFBgMrZXADQQCIcuQmmOi1Afsdh5yuc2A73aGsnjqauQxZvXXkDX+iaCyUKQfTtL7SxWLE\
        xrtAdLzg3YauS33jK8hS+ykt3TQK";

    /// With the own key.
    pub(crate) fn new() -> Signer {
        let pair = Ed25519KeyPair::from_seed_and_public_key(&decode(Self::OWN.0), &decode(Self::OWN.1));
        Signer(must(pair, "read a stranger's key"))
    }

    /// The public key as a JWK.
    pub(crate) fn jwk() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "x": Self::OWN.1})
    }

    /// The name that the own key would have at auth.
    pub(crate) fn kid() -> String {
        thumbprint(Self::OWN.1)
    }

    /// An Ed25519 signature, in base64url.
    pub(crate) fn sign(&self, message: &str) -> String {
        encode(self.0.sign(message.as_bytes()))
    }
}

/// An authentication code, in base64url.
pub(crate) fn authenticate(algorithm: hmac::Algorithm, secret: &[u8], message: &str) -> String {
    encode(hmac::sign(&hmac::Key::new(algorithm, secret), message.as_bytes()))
}

#[test]
fn the_certificate_of_a_stranger_names_its_own_key_and_is_signed_with_it() {
    let certificate = must(STANDARD.decode(Signer::CERTIFICATE), "decode a certificate");
    // Three bytes begin the certificate; the ten before the signature say which kind it is of.
    let (document, signature) = certificate.split_at(certificate.len() - 64);
    let signed = &document[3..document.len() - 10];
    let signer = Signer::new();
    assert!(signed.ends_with(&decode(Signer::OWN.1)));
    assert_eq!(signer.0.sign(signed).as_ref(), signature);
}

//! What a stranger has who wants in: two tokens that were seen on their way, the public keys, and a key pair that is not
//! auth's. The rule: whatever is forged here could be forged by anybody.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use e2e::{Shop, Store};
use serde_json::{Value, json};
use testkit::{Client, must};
use tokio::process::Command;
use tokio::sync::OnceCell;
use uuid::Uuid;

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

const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Base64url without padding.
pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    let letters = bytes.as_ref().chunks(3).flat_map(|chunk| {
        let word = chunk.iter().fold(0, |word, byte| word << 8 | usize::from(*byte)) << (8 * (3 - chunk.len()));
        (0..=chunk.len()).map(move |index| char::from(LETTERS[word >> (18 - 6 * index) & 63]))
    });
    letters.collect()
}

/// What [`encode`] was given.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let bits = text.bytes().flat_map(|letter| {
        let value = LETTERS.iter().position(|known| *known == letter).unwrap();
        (0..6).rev().map(move |bit| value >> bit & 1)
    });
    let bits: Vec<usize> = bits.collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |byte, bit| byte << 1 | u8::from(*bit == 1))).collect()
}

/// Signs with a key of the stranger's own, with the program `openssl`.
pub(crate) struct Signer {
    folder: PathBuf,
}

impl Signer {
    /// The private and the public half: those of RFC 8037, appendix A, since its signatures are known.
    const OWN: (&str, &str) =
        ("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    const SIGN: &[&str] = &["pkeyutl", "-sign", "-rawin", "-keyform", "DER", "-inkey", "key.der", "-in"];
    /// What stands before the 32 bytes of a private key in PKCS #8.
    const PKCS8: [u8; 16] = [0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];

    /// A message and its signature (RFC 8037, appendix A.4).
    const KNOWN: (&str, &str) = (
        "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
    );

    /// Why there is none: the program is absent, or too old for Ed25519.
    pub(crate) async fn found() -> Result<Signer, String> {
        let name = format!("stranger-{}", Uuid::new_v4().simple());
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        must(std::fs::create_dir_all(&folder), "make a folder for a stranger");
        let document = [&Self::PKCS8[..], &decode(Self::OWN.0)].concat();
        must(std::fs::write(folder.join("key.der"), document), "write a stranger's key");
        let signer = Signer { folder };
        let signature = signer.openssl(Self::SIGN, Self::KNOWN.0.as_bytes()).await?;
        assert_eq!(encode(signature), Self::KNOWN.1);
        Ok(signer)
    }

    /// The public key as a JWK.
    pub(crate) fn jwk() -> Value {
        json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "x": Self::OWN.1})
    }

    /// An Ed25519 signature of a message that is not empty.
    pub(crate) async fn sign(&self, message: &str) -> Vec<u8> {
        must(self.openssl(Self::SIGN, message.as_bytes()).await, "sign")
    }

    /// The authentication code of a hash: `sha256`, `sha384` or `sha512`.
    pub(crate) async fn authenticate(&self, hash: &str, secret: &[u8], message: &str) -> Vec<u8> {
        let secret: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let (hash, secret) = (format!("-{hash}"), format!("hexkey:{secret}"));
        let authenticate = ["dgst", &hash, "-binary", "-mac", "HMAC", "-macopt", &secret];
        must(self.openssl(&authenticate, message.as_bytes()).await, "authenticate")
    }

    /// A certificate that the own key gave itself, DER.
    pub(crate) async fn certificate(&self) -> Vec<u8> {
        let subject = ["req", "-new", "-x509", "-subj", "/CN=auth", "-outform", "DER"];
        let certify = [&subject[..], &["-keyform", "DER", "-key", "key.der", "-config"]].concat();
        must(self.openssl(&certify, b"[req]\ndistinguished_name=name\n[name]\n").await, "certify")
    }

    /// Runs openssl, the name of a file with `input` as its last argument.
    async fn openssl(&self, arguments: &[&str], input: &[u8]) -> Result<Vec<u8>, String> {
        let file = self.folder.join(Uuid::new_v4().simple().to_string());
        must(std::fs::write(&file, input), "write what is to be signed");
        let mut command = Command::new("openssl");
        command.args(arguments).arg(&file).current_dir(&self.folder).stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.map_err(|error| format!("openssl: {error}"))?;
        if output.status.success() {
            return Ok(output.stdout);
        }
        Err(format!("openssl {}: {}", arguments[0], String::from_utf8_lossy(&output.stderr).trim()))
    }
}

impl Drop for Signer {
    fn drop(&mut self) {
        let _gone = std::fs::remove_dir_all(&self.folder);
    }
}

#[tokio::test]
async fn a_stranger_authenticates_as_the_rfc_says() {
    let signer = match Signer::found().await {
        Ok(signer) => signer,
        Err(cause) => return super::skipped("openssl", &cause),
    };
    // RFC 7515, appendix A.1.
    let secret = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
    let claims = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    let message = format!("eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.{claims}");
    let code = signer.authenticate("sha256", &decode(secret), &message).await;
    assert_eq!(encode(code), "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
}

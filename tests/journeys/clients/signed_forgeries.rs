//! Tokens that carry a right signature or authentication code, made with a key that is not auth's.
//! The rule: what the token says of its key, or of how to check it, is believed by nobody.

use aws_lc_rs::hmac::{HMAC_SHA256, HMAC_SHA384, HMAC_SHA512};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use kernel::KeyId;
use serde_json::{Value, json};

use super::forgeries::{Forgery, row};
use super::stranger::{Seen, Signer, authenticate, encode, parts};

/// All of them. `address` is where the stranger offers a key.
pub(crate) fn all(seen: &Seen, address: &str) -> Vec<Forgery> {
    let signer = Signer::new();
    let mut rows = authenticated(seen);
    rows.extend(with_own_headers(seen, &signer, address));
    rows.extend(with_own_signatures(seen, &signer));
    rows
}

/// HMAC with the public key as the secret, in each form that a verifier may hold it in.
fn authenticated(seen: &Seen) -> Vec<Forgery> {
    // What stands before the 32 bytes of a public key in SPKI.
    const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 3, 0x21, 0];
    let raw = seen.public_key();
    let der = [&SPKI[..], &raw].concat();
    let pem = format!("-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----", STANDARD.encode(&der));
    let secrets = [
        ("raw", raw),
        ("base64url", seen.key["x"].as_str().unwrap().as_bytes().to_vec()),
        ("DER", der),
        ("PEM", pem.as_bytes().to_vec()),
        ("PEM with a line end", format!("{pem}\n").into_bytes()),
        ("JWK", seen.key.to_string().into_bytes()),
        ("kid", seen.key["kid"].as_str().unwrap().as_bytes().to_vec()),
    ];
    let algorithms = [("HS256", HMAC_SHA256), ("HS384", HMAC_SHA384), ("HS512", HMAC_SHA512), ("EdDSA", HMAC_SHA512)];
    let mut rows = Vec::new();
    for (form, secret) in &secrets {
        for (algorithm, hash) in algorithms {
            let header = encode(seen.header_with(&json!({"alg": algorithm})).to_string());
            let message = format!("{header}.{}", seen.parts()[1]);
            let code = authenticate(hash, secret, &message);
            rows.push(row(
                format!("alg {algorithm}, {hash:?} of the public key ({form})"),
                format!("{message}.{code}"),
            ));
        }
    }
    rows
}

/// An own key that the header names, brings along, or says where to find.
fn with_own_headers(seen: &Seen, signer: &Signer, address: &str) -> Vec<Forgery> {
    let own = Signer::jwk();
    let kid = seen.header()["kid"].clone();
    let mut named = own.clone();
    named["kid"] = kid.clone();
    let places = [
        json!({"jwk": own}),
        json!({"jwk": named}),
        json!({"jku": format!("{address}/jwks.json")}),
        json!({"x5u": format!("{address}/key.pem")}),
        json!({"x5c": [Signer::CERTIFICATE]}),
    ];
    let mut changes = vec![json!({}), json!({"crit": ["exp"]}), json!({"alg": "Ed25519"}), json!({"alg": "none"})];
    for place in places {
        for kid in [kid.clone(), json!(Signer::kid()), json!(KeyId::new()), Value::Null] {
            let mut change = place.clone();
            change["kid"] = kid;
            changes.push(change);
        }
    }
    for kid in
        [json!("../../../../dev/null"), json!("' union select 'AA'--"), json!(0), json!([kid]), json!(""), json!(own)]
    {
        changes.push(json!({"kid": kid}));
    }
    for name in ["JWT", "at+JWT", "refresh+jwt"] {
        changes.push(json!({"typ": name}));
    }
    let mut rows = Vec::new();
    for change in changes {
        let header = encode(seen.header_with(&change).to_string());
        let message = format!("{header}.{}", seen.parts()[1]);
        let signature = signer.sign(&message);
        rows.push(row(format!("own key, header with {change}"), format!("{message}.{signature}")));
    }
    rows
}

/// Signatures of the own key over what is sent, over less, and over something else.
fn with_own_signatures(seen: &Seen, signer: &Signer) -> Vec<Forgery> {
    let [header, content, _] = seen.parts();
    let plain = encode(seen.header_with(&json!({"crit": ["b64"], "b64": false})).to_string());
    let claims = seen.claims().to_string();
    let wider = encode(seen.claims_with(&json!({"scope": "system:act"})).to_string());
    let other = parts(&seen.other)[1];
    let messages = [
        ("of an empty content", format!("{header}."), format!("{header}.{content}")),
        ("of a detached content", format!("{header}.{content}"), format!("{header}.")),
        ("of a content that is not encoded", format!("{plain}.{claims}"), format!("{plain}.{}", encode(&claims))),
        ("of the claims alone", content.to_owned(), format!("{header}.{content}")),
        ("of a wider scope", format!("{header}.{wider}"), format!("{header}.{wider}")),
        ("of another token's claims", format!("{header}.{other}"), format!("{header}.{content}")),
    ];
    let mut rows = Vec::new();
    for (name, message, sent) in messages {
        let signature = signer.sign(&message);
        rows.push(row(format!("own key, signature {name}"), format!("{sent}.{signature}")));
    }
    rows
}

//! Tables of access tokens that a stranger makes of a genuine one without any key.
//! The rule: every row has a name, and none of them may open anything, at whichever verifier.

use kernel::{ApiKeyId, KeyId, OrganisationId, UserId};
use serde_json::{Value, json};
use testkit::Mint;

use super::stranger::{Seen, Signer, decode, encode, parts, thumbprint};

/// One forged token.
pub(crate) struct Forgery {
    /// What was done.
    pub(crate) name: String,
    /// The text behind `Bearer `.
    pub(crate) token: String,
}

pub(crate) fn row(name: impl Into<String>, token: impl Into<String>) -> Forgery {
    Forgery { name: name.into(), token: token.into() }
}

/// All of them.
pub(crate) fn all(seen: &Seen) -> Vec<Forgery> {
    [algorithms, headers, contents, signatures, forms].into_iter().flat_map(|table| table(seen)).collect()
}

/// Other algorithms, with no signature and with the one that was seen.
pub(crate) fn algorithms(seen: &Seen) -> Vec<Forgery> {
    let [_, content, signature] = seen.parts();
    let unsigned = ["none", "None", "NONE", "nOnE", "none ", ""].map(|name| json!(name));
    let others = ["HS256", "RS256", "ES256", "PS512", "ES256K", "Ed25519", "eddsa", "EDDSA", "dir"];
    let odd = [json!(["none"]), json!(["EdDSA"]), json!({"EdDSA": 1}), json!(0), json!(true), Value::Null];
    let mut rows = Vec::new();
    for algorithm in unsigned.into_iter().chain(others.map(|name| json!(name))).chain(odd) {
        // `header_with` takes away what is null: then there is no algorithm.
        let header = encode(seen.header_with(&json!({"alg": algorithm})).to_string());
        rows.push(row(format!("alg {algorithm}, unsigned"), format!("{header}.{content}.")));
        rows.push(row(format!("alg {algorithm}, old signature"), format!("{header}.{content}.{signature}")));
    }
    rows
}

/// Edits of the header, with the signature that was seen.
pub(crate) fn headers(seen: &Seen) -> Vec<Forgery> {
    let [_, content, signature] = seen.parts();
    let foreign = Mint::new();
    let kid = seen.header()["kid"].as_str().unwrap().to_owned();
    let types = ["JWT", "at+JWT", "AT+JWT", "application/at+jwt", "refresh+jwt", "at+jwt ", ""];
    let texts = ["../../../../dev/null", "/dev/null", "' or '1'='1", "key_x' union select 'AA'--", "", " ", "*", "0"];
    let kids = texts.map(|text| json!(text)).into_iter().chain([
        json!(KeyId::new()),
        json!(foreign.announced().kid),
        json!(thumbprint(&foreign.announced().public_key)),
        json!(seen.key["x"]),
        json!(with_an_unused_bit(&kid)),
        json!(format!("{kid}=")),
        json!(format!("{kid} ")),
        json!(format!("{kid}\u{0}")),
        json!(kid.to_uppercase()),
        json!(7),
        json!([kid]),
        json!({"kid": kid}),
        json!(true),
        Value::Null,
    ]);
    let more = [
        json!({"crit": ["exp"]}),
        json!({"crit": ["b64"], "b64": false}),
        json!({"crit": []}),
        json!({"zip": "DEF"}),
        json!({"cty": "JWT"}),
        json!({"enc": "A256GCM"}),
        json!({"iss": "evil"}),
    ];
    let changes = types
        .map(|name| json!({"typ": name}))
        .into_iter()
        .chain([json!({"typ": null}), json!({"typ": ["at+jwt"]})])
        .chain(kids.map(|kid| json!({"kid": kid})))
        .chain(more);
    let mut rows: Vec<Forgery> = changes
        .map(|change| {
            let header = encode(seen.header_with(&change).to_string());
            row(format!("header with {change}"), format!("{header}.{content}.{signature}"))
        })
        .collect();
    let text = String::from_utf8(decode(seen.parts()[0])).unwrap();
    for (name, header) in [
        ("alg none before the true one", format!("{{\"alg\":\"none\",{}", &text[1..])),
        ("alg none behind the true one", format!("{},\"alg\":\"none\"}}", &text[..text.len() - 1])),
        ("a second kid", format!("{},\"kid\":\"{}\"}}", &text[..text.len() - 1], Signer::kid())),
        ("spaces in the header", format!("{} }}", &text[..text.len() - 1])),
        ("an empty header", "{}".to_owned()),
        ("an array as header", format!("[{text}]")),
        ("no JSON as header", "alg=EdDSA".to_owned()),
        ("a deep header", "[".repeat(1_000)),
    ] {
        rows.push(row(name, format!("{}.{content}.{signature}", encode(header))));
    }
    rows
}

/// Edits of the claims, with the signature that was seen.
pub(crate) fn contents(seen: &Seen) -> Vec<Forgery> {
    let [header, content, signature] = seen.parts();
    let number = |name: &str| seen.claims()[name].as_i64().unwrap();
    let (issued, ends) = (number("iat"), number("exp"));
    let changes = [
        json!({"org": OrganisationId::new()}),
        json!({"org": "*"}),
        json!({"sub": UserId::new()}),
        json!({"sub": ApiKeyId::new(), "sid": null, "mem": null, "ver": null}),
        json!({"scope": "system:act organisation:create"}),
        json!({"scope": ""}),
        json!({"exp": ends + 86_400}),
        json!({"exp": i64::MAX}),
        json!({"exp": issued - 86_400}),
        json!({"exp": null}),
        json!({"nbf": issued - 86_400}),
        json!({"nbf": issued + 86_400}),
        json!({"iss": "https://evil.example"}),
        json!({"aud": "another-store"}),
        json!({"aud": [seen.claims()["aud"], "another-store"]}),
        json!({"sid": null}),
        json!({"ver": 1_000_000}),
        json!({"jti": "tok_01j0000000e008000000000001"}),
        json!({"admin": true}),
    ];
    let mut rows: Vec<Forgery> = changes
        .into_iter()
        .map(|change| {
            let content = encode(seen.claims_with(&change).to_string());
            row(format!("claims with {change}"), format!("{header}.{content}.{signature}"))
        })
        .collect();
    let text = String::from_utf8(decode(content)).unwrap();
    let other = parts(&seen.other)[1];
    for (name, content) in [
        (
            "an organisation before the true one",
            encode(format!("{{\"org\":\"{}\",{}", OrganisationId::new(), &text[1..])),
        ),
        ("a later end behind the true one", encode(format!("{},\"exp\":{}}}", &text[..text.len() - 1], ends + 600))),
        ("spaces in the claims", encode(format!("{text} "))),
        ("no claims", encode("{}")),
        ("null as claims", encode("null")),
        ("an array as claims", encode(format!("[{text}]"))),
        ("claims encoded twice", encode(content)),
        ("the claims of another token", other.to_owned()),
        ("claims without encoding", text),
    ] {
        rows.push(row(name, format!("{header}.{content}.{signature}")));
    }
    rows
}

/// Base64url of the same bytes that nobody may write: 32 and 64 bytes leave bits of the last letter unused, and this sets
/// the lowest of them.
fn with_an_unused_bit(text: &str) -> String {
    let (most, last) = text.split_at(text.len() - 1);
    format!("{most}{}", char::from(last.as_bytes()[0] + 1))
}

/// The group order of Ed25519, little-endian: S and S + L verify alike where nobody asks that S is the smaller one.
const GROUP_ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// Other signatures below the genuine header and claims.
pub(crate) fn signatures(seen: &Seen) -> Vec<Forgery> {
    let [header, content, signature] = seen.parts();
    let bytes = decode(signature);
    let (point, scalar) = bytes.split_at(32);
    let mut carry = 0;
    let larger: Vec<u8> = scalar
        .iter()
        .zip(GROUP_ORDER)
        .map(|(one, other)| {
            let sum = u16::from(*one) + u16::from(other) + carry;
            carry = sum >> 8;
            sum.to_le_bytes()[0]
        })
        .collect();
    let neutral = [&[1][..], &[0; 63]].concat();
    let rows = [
        ("stripped", String::new()),
        ("of zeroes", encode([0; 64])),
        ("of ones", encode([0xff; 64])),
        ("of the neutral point", encode(neutral)),
        ("with a scalar past the group's order", encode([point, &larger].concat())),
        ("with its halves exchanged", encode([scalar, point].concat())),
        ("a byte shorter", encode(&bytes[..63])),
        ("a byte longer", encode([&bytes[..], &[0]].concat())),
        ("cut to a half", signature[..43].to_owned()),
        ("twice", format!("{signature}{signature}")),
        ("of another token", parts(&seen.other)[2].to_owned()),
        ("the claims", content.to_owned()),
        ("encoded twice", encode(signature)),
        ("with an unused bit set", with_an_unused_bit(signature)),
        ("with padding", format!("{signature}==")),
        ("with a letter that is none", format!("{signature}!")),
        ("of the header alone", encode(header)),
    ];
    rows.into_iter()
        .map(|(name, signature)| row(format!("signature {name}"), format!("{header}.{content}.{signature}")))
        .collect()
}

/// Texts that hold the genuine token or look like one, and other kinds of credentials.
pub(crate) fn forms(seen: &Seen) -> Vec<Forgery> {
    let (token, [header, content, signature]) = (&seen.token, seen.parts());
    let flattened = json!({"payload": content, "protected": header, "signature": signature});
    let general = json!({"payload": content, "signatures": [{"protected": header, "signature": signature}]});
    let secret = "x".repeat(43);
    let key = ApiKeyId::new().to_string().replace("akey_", "");
    let foreign = Mint::new();
    let rows = [
        ("without its signature", format!("{header}.{content}")),
        ("without its header", format!("{content}.{signature}")),
        ("with four parts", format!("{token}.{signature}")),
        ("with five parts, like a JWE", format!("{header}.{signature}.{signature}.{content}.{signature}")),
        ("detached", format!("{header}..{signature}")),
        ("flattened JSON", flattened.to_string()),
        ("general JSON", general.to_string()),
        ("encoded once more", encode(token)),
        ("as the claims of an unsigned one", format!("{}.{}.", encode("{\"alg\":\"none\"}"), encode(token))),
        ("behind another Bearer", format!("Bearer {token}")),
        ("in quotes", format!("\"{token}\"")),
        ("with a dot before it", format!(".{token}")),
        ("with a dot behind it", format!("{token}.")),
        ("with a comma behind it", format!("{token},")),
        ("with a parameter behind it", format!("{token};v=1")),
        ("with a word behind it", format!("{token} x")),
        ("twice", format!("{token},{token}")),
        ("with a space in it", format!("{header}. {content}.{signature}")),
        ("with escaped dots", token.replace('.', "%2E")),
        ("in capitals", token.to_uppercase()),
        ("with a padded header", format!("{header}=.{content}.{signature}")),
        ("with padded claims", format!("{header}.{content}=.{signature}")),
        ("5,000 bytes too long", format!("{token}{}", "A".repeat(5_000))),
        ("20,000 bytes too long", format!("{header}.{content}{}.{signature}", "A".repeat(20_000))),
        ("nothing but dots", "..".to_owned()),
        ("a word", "null".to_owned()),
        ("the public key", seen.key["x"].as_str().unwrap().to_owned()),
        ("a refresh token", format!("cs_rt_{secret}")),
        ("an API key that nobody has", format!("cs_live_{key}_{secret}")),
        ("an API key without its secret", format!("cs_live_{key}_")),
        ("an API key without its id", format!("cs_live__{secret}")),
        ("the genuine claims, signed by another installation", foreign.sign(&seen.claims())),
        ("a whole token of another installation", foreign.token(OrganisationId::new(), &[])),
    ];
    rows.into_iter().map(|(name, token)| row(format!("token: {name}"), token)).collect()
}

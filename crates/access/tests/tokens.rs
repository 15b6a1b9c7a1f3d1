//! Tokens as auth mints them, and as somebody who wants in would forge or edit them. Every forgery starts from a token that
//! holds and changes one thing, so that the one thing is what is refused.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may stop at the first surprise, as tests do")]

use std::time::{Duration, Instant};

use access::{
    Bearer, Caller, Claims, Grant, KeyRing, Permissions, Rejection, Role, SigningKey, Standing, Verifier, thumbprint,
};
use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use kernel::{ApiKeyId, Clock, CustomerId, KeyId, MembershipId, OrganisationId, SessionId, UserId};
use serde_json::{Value, json};

const ISSUER: &str = "https://store.example";
const AUDIENCE: &str = "cyber-store";

/// What auth has: a key pair with a name.
struct Mint {
    kid: KeyId,
    pair: Ed25519KeyPair,
}

impl Mint {
    fn new() -> Self {
        Self { kid: KeyId::new(), pair: Ed25519KeyPair::generate().unwrap() }
    }

    fn published(&self) -> SigningKey {
        SigningKey { kid: self.kid, public_key: URL_SAFE_NO_PAD.encode(self.pair.public_key().as_ref()) }
    }

    fn header(&self) -> Value {
        json!({"alg": "EdDSA", "typ": "at+jwt", "kid": thumbprint(&self.published().public_key)})
    }

    fn token(&self, header: &Value, claims: &Value) -> String {
        self.token_of_bytes(header.to_string().as_bytes(), claims.to_string().as_bytes())
    }

    fn token_of_bytes(&self, header: &[u8], claims: &[u8]) -> String {
        let content = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(content.as_bytes()));
        format!("{content}.{signature}")
    }

    fn ring(&self) -> KeyRing {
        let ring = KeyRing::new();
        ring.apply(&self.published()).unwrap();
        ring
    }

    fn verifier(&self) -> Verifier {
        Verifier::new(self.ring(), ISSUER, AUDIENCE)
    }
}

fn claims() -> Value {
    claims_of(&person())
}

fn claims_of(grant: &Grant) -> Value {
    serde_json::to_value(Claims::new(ISSUER, AUDIENCE, grant, Clock::now(), Duration::from_secs(600))).unwrap()
}

fn person() -> Grant {
    let standing = Standing { session: SessionId::new(), membership: MembershipId::new(), version: 3 };
    let bearer = Bearer::Person { user: UserId::new(), organisation: OrganisationId::new(), standing };
    Grant { bearer, permissions: Role::OrderManager.permissions() }
}

fn integration() -> Grant {
    let bearer = Bearer::Integration { key: ApiKeyId::new(), organisation: OrganisationId::new() };
    Grant { bearer, ..person() }
}

fn operator() -> Grant {
    let bearer = Bearer::Operator { user: UserId::new(), session: SessionId::new() };
    Grant { bearer, permissions: Permissions::NONE }
}

fn customer() -> Grant {
    let (customer, organisation, session) = (CustomerId::new(), OrganisationId::new(), SessionId::new());
    Grant { bearer: Bearer::Customer { customer, organisation, session }, permissions: Permissions::NONE }
}

fn with(mut object: Value, name: &str, value: Value) -> Value {
    object[name] = value;
    object
}

fn without(mut object: Value, name: &str) -> Value {
    object.as_object_mut().unwrap().remove(name).unwrap();
    object
}

#[test]
fn a_token_minted_as_auth_mints_it_holds() {
    let mint = Mint::new();
    let (grant, now) = (person(), Clock::now());
    let claims = Claims::new(ISSUER, AUDIENCE, &grant, now, Duration::from_secs(600));
    let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::EdDSA);
    header.typ = Some(Claims::TYPE.to_owned());
    header.kid = Some(thumbprint(&mint.published().public_key));
    let document = mint.pair.to_pkcs8v1().unwrap();
    let key = jsonwebtoken::EncodingKey::from_ed_der(document.as_ref());
    let token = jsonwebtoken::encode(&header, &claims, &key).unwrap();

    let verified = mint.verifier().verify(&token).unwrap();
    assert_eq!(verified.grant, grant);
    let Bearer::Person { user, organisation, standing } = grant.bearer else { panic!("a person") };
    let permissions = grant.permissions;
    assert_eq!(verified.caller(), Caller::Staff { user, organisation, session: standing.session, permissions });
    assert_eq!(verified.expires_at.timestamp(), now.timestamp() + 600);
    assert!(token.len() < 1_000, "a token grew to {} bytes: look at LONGEST_TOKEN", token.len());
}

#[test]
fn a_token_that_says_it_is_not_signed_is_refused() {
    let mint = Mint::new();
    for algorithm in ["none", "None", "NONE", ""] {
        let header = with(mint.header(), "alg", json!(algorithm));
        let content = mint.token(&header, &claims());
        let (content, _) = content.rsplit_once('.').unwrap();
        for token in [format!("{content}."), content.to_owned(), format!("{content}.AAAA")] {
            let refused = mint.verifier().verify(&token).unwrap_err();
            assert!(matches!(refused, Rejection::Algorithm | Rejection::Malformed), "{algorithm:?}: {refused:?}");
        }
    }
}

#[test]
fn the_public_key_is_no_hmac_secret() {
    let mint = Mint::new();
    let published = mint.published();
    let secrets = [mint.pair.public_key().as_ref().to_vec(), published.public_key.into_bytes()];
    for secret in secrets {
        for (name, algorithm) in
            [("HS256", hmac::HMAC_SHA256), ("HS384", hmac::HMAC_SHA384), ("HS512", hmac::HMAC_SHA512)]
        {
            for claimed in [name, "EdDSA"] {
                let header = with(mint.header(), "alg", json!(claimed)).to_string();
                let content =
                    format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims().to_string()));
                let tag = hmac::sign(&hmac::Key::new(algorithm, &secret), content.as_bytes());
                let token = format!("{content}.{}", URL_SAFE_NO_PAD.encode(tag));
                let expected = if claimed == "EdDSA" { Rejection::Signature } else { Rejection::Algorithm };
                assert_eq!(mint.verifier().verify(&token), Err(expected), "{name} as {claimed}");
            }
        }
    }
}

#[test]
fn another_algorithm_or_type_is_refused_though_the_signature_is_right() {
    let mint = Mint::new();
    for algorithm in ["ES256", "RS256", "PS256", "Ed25519", "eddsa", "EdDSA "] {
        let token = mint.token(&with(mint.header(), "alg", json!(algorithm)), &claims());
        assert_eq!(mint.verifier().verify(&token), Err(Rejection::Algorithm), "{algorithm}");
    }
    for kind in
        [json!("JWT"), json!("jwt"), json!("at+JWT"), json!("AT+JWT"), json!("refresh+jwt"), json!(""), Value::Null]
    {
        let token = mint.token(&with(mint.header(), "typ", kind.clone()), &claims());
        assert_eq!(mint.verifier().verify(&token), Err(Rejection::Type), "{kind}");
    }
    let untyped = mint.token(&without(mint.header(), "typ"), &claims());
    assert_eq!(mint.verifier().verify(&untyped), Err(Rejection::Type));
}

#[test]
fn an_extension_that_must_be_understood_is_refused() {
    let mint = Mint::new();
    let header = with(with(mint.header(), "crit", json!(["b64"])), "b64", json!(false));
    assert_eq!(mint.verifier().verify(&mint.token(&header, &claims())), Err(Rejection::Type));
}

#[test]
fn a_key_that_the_token_brings_along_is_not_used() {
    let (mint, stranger) = (Mint::new(), Mint::new());
    let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": stranger.published().public_key});
    for (name, value) in
        [("jwk", jwk), ("jku", json!("https://evil.example/jwks")), ("x5u", json!("https://evil.example/x"))]
    {
        let forged = stranger.token(&with(mint.header(), name, value), &claims());
        assert_eq!(mint.verifier().verify(&forged), Err(Rejection::Signature), "{name}");
    }
}

#[test]
fn an_unknown_or_missing_key_is_refused() {
    let (mint, stranger) = (Mint::new(), Mint::new());
    assert_eq!(mint.verifier().verify(&stranger.token(&stranger.header(), &claims())), Err(Rejection::UnknownKey));
    assert_eq!(mint.verifier().verify(&stranger.token(&mint.header(), &claims())), Err(Rejection::Signature));
    let nameless = mint.token(&without(mint.header(), "kid"), &claims());
    assert_eq!(mint.verifier().verify(&nameless), Err(Rejection::UnknownKey));
    for kid in [json!("../../etc/passwd"), json!("' or 1=1"), json!(""), json!(mint.kid)] {
        let token = mint.token(&with(mint.header(), "kid", kid.clone()), &claims());
        assert_eq!(mint.verifier().verify(&token), Err(Rejection::UnknownKey), "{kid}");
    }
    for kid in [json!(7), json!([mint.kid]), json!({})] {
        let token = mint.token(&with(mint.header(), "kid", kid.clone()), &claims());
        assert_eq!(mint.verifier().verify(&token), Err(Rejection::Malformed), "{kid}");
    }
    let nobody = Verifier::new(KeyRing::new(), ISSUER, AUDIENCE);
    assert_eq!(nobody.verify(&mint.token(&mint.header(), &claims())), Err(Rejection::UnknownKey));
}

#[test]
fn a_token_out_of_its_time_is_refused() {
    let mint = Mint::new();
    let verifier = mint.verifier();
    let now = Clock::now().timestamp();
    let refused =
        |name: &str, value: i64| verifier.verify(&mint.token(&mint.header(), &with(claims(), name, json!(value))));
    assert_eq!(refused("exp", now - 60), Err(Rejection::Expired));
    assert_eq!(refused("exp", now - 7), Err(Rejection::Expired));
    assert_eq!(refused("exp", 0), Err(Rejection::Expired));
    assert_eq!(refused("nbf", now + 60), Err(Rejection::NotYetValid));
    assert!(refused("nbf", now + 2).is_ok(), "clocks may differ a little");
    for senseless in [i64::MAX, i64::MIN, -1] {
        assert!(refused("exp", senseless).is_err(), "exp {senseless}");
    }
}

#[test]
fn another_issuer_or_audience_is_refused() {
    let mint = Mint::new();
    for wrong in ["https://evil.example", "", "https://store.example/", "HTTPS://STORE.EXAMPLE"] {
        let token = mint.token(&mint.header(), &with(claims(), "iss", json!(wrong)));
        assert_eq!(mint.verifier().verify(&token), Err(Rejection::Issuer), "{wrong:?}");
        let token = mint.token(&mint.header(), &with(claims(), "aud", json!(wrong)));
        assert_eq!(mint.verifier().verify(&token), Err(Rejection::Audience), "{wrong:?}");
    }
    let several = mint.token(&mint.header(), &with(claims(), "aud", json!([AUDIENCE, "other"])));
    assert_eq!(mint.verifier().verify(&several), Err(Rejection::Claims));
}

#[test]
fn a_missing_claim_is_refused_whichever_it_is() {
    let mint = Mint::new();
    for name in ["iss", "aud", "sub", "org", "scope", "sid", "mem", "ver", "iat", "nbf", "exp", "jti"] {
        for claims in [without(claims(), name), with(claims(), name, Value::Null), with(claims(), name, json!({}))] {
            let token = mint.token(&mint.header(), &claims);
            assert_eq!(mint.verifier().verify(&token), Err(Rejection::Claims), "{name}: {claims}");
        }
    }
}

#[test]
fn a_claim_of_another_kind_is_refused() {
    let mint = Mint::new();
    for (name, value) in [
        ("sub", json!(OrganisationId::new())),
        ("org", json!(UserId::new())),
        ("org", json!("*")),
        ("sub", json!("root")),
        ("scope", json!(["product:read"])),
        ("sid", json!(UserId::new())),
        ("mem", json!(OrganisationId::new())),
        ("ver", json!("3")),
        ("exp", json!("4102444800")),
        ("exp", json!(4_102_444_800.5)),
    ] {
        let token = mint.token(&mint.header(), &with(claims(), name, value.clone()));
        assert_eq!(mint.verifier().verify(&token), Err(Rejection::Claims), "{name} = {value}");
    }
}

#[test]
fn a_programs_token_has_no_session_and_a_persons_no_key() {
    let mint = Mint::new();
    let verify = |claims: &Value| mint.verifier().verify(&mint.token(&mint.header(), claims));
    let (person, program) = (claims(), claims_of(&integration()));
    assert!(matches!(verify(&program).unwrap().caller(), Caller::Integration { .. }));
    for name in ["sid", "mem", "ver"] {
        assert_eq!(verify(&with(program.clone(), name, person[name].clone())), Err(Rejection::Claims), "{name}");
    }
    assert_eq!(verify(&with(person, "sub", program["sub"].clone())), Err(Rejection::Claims));
}

#[test]
fn a_customers_token_has_a_type_of_its_own_and_is_never_one_of_the_staff() {
    let mint = Mint::new();
    let of_customer = with(mint.header(), "typ", json!("customer+jwt"));
    let verify = |header: &Value, claims: &Value| mint.verifier().verify(&mint.token(header, claims));
    let claims = claims_of(&customer());
    assert!(matches!(verify(&of_customer, &claims).unwrap().caller(), Caller::Customer { .. }));
    assert_eq!(verify(&mint.header(), &claims), Err(Rejection::Type));
    for other in [person(), integration(), operator()] {
        assert_eq!(verify(&of_customer, &claims_of(&other)), Err(Rejection::Type));
    }
    let scoped = with(claims.clone(), "scope", json!("order:write"));
    assert_eq!(verify(&of_customer, &scoped).unwrap().grant.permissions, Permissions::NONE);
    for name in ["sid", "org"] {
        assert_eq!(verify(&of_customer, &without(claims.clone(), name)), Err(Rejection::Claims), "{name}");
    }
}

#[test]
fn an_operators_token_is_for_no_organisation() {
    let mint = Mint::new();
    let claims = claims_of(&operator());
    let verify = |claims: &Value| mint.verifier().verify(&mint.token(&mint.header(), claims));
    let caller = verify(&claims).unwrap().caller();
    assert!(matches!(caller, Caller::Operator { .. }) && caller.organisation().is_none());
    let somewhere = with(claims.clone(), "org", json!(OrganisationId::new()));
    assert_eq!(verify(&somewhere), Err(Rejection::Claims), "without a membership");
    assert_eq!(verify(&with(claims, "scope", json!("order:write"))).unwrap().grant.permissions, Permissions::NONE);
}

#[test]
fn a_scope_that_no_role_can_have_permits_nothing() {
    let mint = Mint::new();
    let claims = with(claims(), "scope", json!("system:act organisation:create store:order product:read"));
    let verified = mint.verifier().verify(&mint.token(&mint.header(), &claims)).unwrap();
    assert_eq!(verified.grant.permissions.to_string(), "product:read");
}

#[test]
fn a_claim_that_stands_twice_is_refused() {
    let mint = Mint::new();
    let once = claims().to_string();
    let twice = format!("{{\"scope\":\"product:read\",{}", &once[1..]);
    let token = mint.token_of_bytes(mint.header().to_string().as_bytes(), twice.as_bytes());
    assert_eq!(mint.verifier().verify(&token), Err(Rejection::Claims));
}

#[test]
fn an_edit_of_any_character_is_refused() {
    let mint = Mint::new();
    let verifier = mint.verifier();
    let token = mint.token(&mint.header(), &claims());
    verifier.verify(&token).unwrap();
    for position in 0..token.len() {
        for replacement in ["A", "B", ".", "=", "-", ""] {
            let edited = format!("{}{replacement}{}", &token[..position], &token[position + 1..]);
            if edited != token {
                assert!(
                    verifier.verify(&edited).is_err(),
                    "position {position} became {replacement:?} and nobody noticed"
                );
            }
        }
    }
}

#[test]
fn parts_of_two_tokens_do_not_make_a_third() {
    let mint = Mint::new();
    let one = mint.token(&mint.header(), &claims());
    let other = mint.token(&mint.header(), &with(claims(), "scope", json!("owner:manage")));
    let [header, _, signature] = one.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    let [_, content, _] = other.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    assert_eq!(mint.verifier().verify(&format!("{header}.{content}.{signature}")), Err(Rejection::Signature));
}

#[test]
fn a_stripped_signature_is_refused() {
    let mint = Mint::new();
    let token = mint.token(&mint.header(), &claims());
    let (content, signature) = token.rsplit_once('.').unwrap();
    assert_eq!(mint.verifier().verify(&format!("{content}.")), Err(Rejection::Signature));
    assert_eq!(mint.verifier().verify(content), Err(Rejection::Malformed));
    assert_eq!(mint.verifier().verify(&format!("{content}.{}", &signature[..20])), Err(Rejection::Signature));
    assert_eq!(mint.verifier().verify(&format!("{token}.{signature}")), Err(Rejection::Malformed));
    let zeroes = URL_SAFE_NO_PAD.encode([0; 64]);
    assert_eq!(mint.verifier().verify(&format!("{content}.{zeroes}")), Err(Rejection::Signature));
}

#[test]
fn an_oversized_token_is_refused_though_its_signature_is_right() {
    let mint = Mint::new();
    let padded = with(claims(), "padding", json!("x".repeat(Verifier::LONGEST_TOKEN)));
    assert_eq!(mint.verifier().verify(&mint.token(&mint.header(), &padded)), Err(Rejection::Malformed));
    assert_eq!(mint.verifier().verify(&"a.".repeat(1 << 20)), Err(Rejection::Malformed));
}

#[test]
fn what_is_no_token_is_refused() {
    let mint = Mint::new();
    let garbage =
        ["", ".", "..", "...", "a.b.c", "null", "Bearer x", "\u{1F512}.\u{1F512}.\u{1F512}", "e30.e30.e30", " "];
    for text in garbage {
        assert!(mint.verifier().verify(text).is_err(), "{text:?}");
    }
    let nested = mint.token_of_bytes("[".repeat(2_000).as_bytes(), b"{}");
    assert_eq!(mint.verifier().verify(&nested), Err(Rejection::Malformed));
}

#[test]
fn a_removed_key_refuses_what_was_verified_with_it_a_moment_ago() {
    let (mint, other) = (Mint::new(), Mint::new());
    let ring = mint.ring();
    ring.apply(&other.published()).unwrap();
    let verifier = Verifier::new(ring.clone(), ISSUER, AUDIENCE);
    let (token, of_other) = (mint.token(&mint.header(), &claims()), other.token(&other.header(), &claims()));
    verifier.verify(&token).unwrap();
    verifier.verify(&of_other).unwrap();

    ring.remove(mint.kid);
    assert_eq!(verifier.verify(&token), Err(Rejection::UnknownKey));
    verifier.verify(&of_other).unwrap();

    ring.apply(&mint.published()).unwrap();
    verifier.verify(&token).unwrap();
}

#[test]
fn another_key_under_the_same_name_refuses_the_tokens_of_the_former() {
    let mint = Mint::new();
    let ring = mint.ring();
    let verifier = Verifier::new(ring.clone(), ISSUER, AUDIENCE);
    let token = mint.token(&mint.header(), &claims());
    verifier.verify(&token).unwrap();
    ring.apply(&SigningKey { kid: mint.kid, ..Mint::new().published() }).unwrap();
    assert_eq!(verifier.verify(&token), Err(Rejection::UnknownKey));
}

#[test]
fn a_remembered_token_ends_with_its_life() {
    let mint = Mint::new();
    let verifier = mint.verifier();
    let leeway = i64::try_from(Verifier::LEEWAY).unwrap();
    let token = mint.token(&mint.header(), &with(claims(), "exp", json!(Clock::now().timestamp() + 2 - leeway)));
    let verified = verifier.verify(&token).unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while let Ok(again) = verifier.verify(&token) {
        assert_eq!(again, verified);
        assert!(Instant::now() < deadline, "the token never ended");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert_eq!(verifier.verify(&token), Err(Rejection::Expired));
}

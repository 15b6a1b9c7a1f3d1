"""Verifies access tokens with PyJWT and the key set that the gateway shows: the genuine ones hold, no forged one does.

Reads the forged ones from standard input, each line {"name": …, "token": …}.
"""

import base64
import hashlib
import json
import os
import re
import sys
import urllib.request

import jwt

COMPACT = re.compile(r"[\w-]+\.[\w-]+\.[\w-]+", re.ASCII)
REQUIRED = ["iss", "aud", "sub", "org", "scope", "iat", "nbf", "exp", "jti"]


def thumbprint(key):
    """The name of a key, of nothing but the key itself (RFC 7638)."""
    required = {name: key[name] for name in ("crv", "kty", "x")}
    canonical = json.dumps(required, separators=(",", ":"), sort_keys=True).encode()
    return base64.urlsafe_b64encode(hashlib.sha256(canonical).digest()).decode().rstrip("=")


direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
with direct.open(os.environ["GATEWAY"] + "/.well-known/jwks.json") as reply:
    # By the thumbprints that are computed here.
    keys = {}
    for key in json.load(reply)["keys"]:
        assert (key["kty"], key["crv"], key["alg"], key["use"]) == ("OKP", "Ed25519", "EdDSA", "sig"), key
        assert "d" not in key, "a private key is shown"
        assert key["kid"] == thumbprint(key), key
        keys[thumbprint(key)] = jwt.PyJWK(key)


def is_exact(part):
    """PyJWT also decodes what RFC 7515 does not allow: padding, letters that are none, unused bits that are set."""
    decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    return base64.urlsafe_b64encode(decoded).decode().rstrip("=") == part


def verified(token):
    """The claims of a token that holds; raises otherwise."""
    if not COMPACT.fullmatch(token) or not all(len(part) % 4 != 1 and is_exact(part) for part in token.split(".")):
        raise jwt.DecodeError("this is no compact JWS")
    header = jwt.get_unverified_header(token)
    if header.get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("this is no access token")
    if "crit" in header:
        raise jwt.InvalidTokenError("the header has an extension that has to be understood")
    key = keys.get(header.get("kid"))
    if key is None:
        raise jwt.InvalidKeyError("there is no such key")
    return jwt.decode(
        token,
        key,
        algorithms=["EdDSA"],
        issuer=os.environ["ISSUER"],
        audience=os.environ["AUDIENCE"],
        options={"require": REQUIRED},
    )


for token in json.loads(os.environ["GENUINE"]):
    kid = jwt.get_unverified_header(token)["kid"]
    assert kid in keys, f"{kid} is not the thumbprint of a key that is shown"
    claims = verified(token)
    assert claims["sub"].startswith("user_") and claims["org"].startswith("org_"), claims
    assert claims["exp"] - claims["iat"] == 600, claims
    try:
        jwt.decode(token, keys[kid], algorithms=["EdDSA"], audience="another")
        sys.exit("a token is for everybody")
    except jwt.InvalidAudienceError:
        pass

count, accepted = 0, []
for line in sys.stdin:
    forged = json.loads(line)
    count += 1
    try:
        verified(forged["token"])
        accepted.append(forged["name"])
    except jwt.PyJWTError:
        pass

assert count > 40, f"only {count} forged tokens came"
assert not accepted, f"accepted: {accepted}"

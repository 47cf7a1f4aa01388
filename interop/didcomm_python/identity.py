"""A did:peer:2 identity and a resolver, in terms of the `didcomm` library.

The library reads JsonWebKey2020 with absolute ids only, so every document is rewritten to that on
the way in: Multikey becomes a JWK, `#key-1` becomes `DID#key-1`. Nothing else is changed.
"""

import base64
import json
import os
import pathlib
import urllib.parse
import urllib.request

import base58
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from didcomm.common.types import (
    VerificationMaterial,
    VerificationMaterialFormat,
    VerificationMethodType,
)
from didcomm.did_doc.did_doc import DIDDoc
from didcomm.did_doc.did_resolver import DIDResolver
from didcomm.secrets.secrets_resolver import Secret, SecretsResolver

ED25519, X25519 = b"\xed\x01", b"\xec\x01"
CURVES = {ED25519: "Ed25519", X25519: "X25519"}
PURPOSES = {
    "A": "assertionMethod",
    "D": "capabilityDelegation",
    "E": "keyAgreement",
    "I": "capabilityInvocation",
    "V": "authentication",
}
ABBREVIATIONS = {"t": "type", "s": "serviceEndpoint", "r": "routingKeys", "a": "accept"}
DOCUMENT_BYTES = 64 * 1024
FETCH_SECONDS = 10


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: a peer that sends one is not answered."""

    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirect, urllib.request.ProxyHandler({}))


def b64(octets):
    """Writes octets as base64url without padding."""
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def unb64(text):
    """Reads base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Identity(SecretsResolver):
    """A did:peer:2 with an Ed25519 key (`#key-1`) and an X25519 key (`#key-2`), and their secrets.

    `seeds` are the two private keys, 32 octets each; without them new keys are made.
    """

    def __init__(self, endpoint="didcomm:transport/queue", seeds=None):
        self.endpoint, self.seeds = endpoint, seeds or (os.urandom(32), os.urandom(32))
        signing = Ed25519PrivateKey.from_private_bytes(self.seeds[0])
        agreement = X25519PrivateKey.from_private_bytes(self.seeds[1])
        service = {"t": "dm", "s": {"uri": endpoint, "accept": ["didcomm/v2"]}}
        self.did = "did:peer:2.V{}.E{}.S{}".format(
            multikey(ED25519, signing),
            multikey(X25519, agreement),
            b64(json.dumps(service, separators=(",", ":")).encode()),
        )
        self._secrets = {
            f"{self.did}#key-1": secret(f"{self.did}#key-1", "Ed25519", signing),
            f"{self.did}#key-2": secret(f"{self.did}#key-2", "X25519", agreement),
        }

    @classmethod
    def load(cls, path, endpoint=None):
        """Reads the identity kept at `path`; makes and keeps one if there is none.

        A throw-away identity for trials: its private keys are in the file as they are. Another
        endpoint than the kept one is another did:peer, of the same keys.
        """
        try:
            kept = json.loads(pathlib.Path(path).read_text())
            seeds = tuple(unb64(seed) for seed in kept["seeds"])
            identity = cls(endpoint or kept["endpoint"], seeds)
        except FileNotFoundError:
            identity = cls(endpoint) if endpoint else cls()
        kept = {"endpoint": identity.endpoint, "seeds": [b64(seed) for seed in identity.seeds]}
        pathlib.Path(path).write_text(json.dumps(kept))
        return identity

    async def get_key(self, kid):
        return self._secrets.get(kid)

    async def get_keys(self, kids):
        return [kid for kid in kids if kid in self._secrets]


class Resolver(DIDResolver):
    """Resolves did:peer:2 by itself and did:web over HTTP.

    `hosts` maps host names to `ADDRESS:PORT` that are reached by plain HTTP, as a node's
    `--host-map` does; every other host is reached by https. `documents` go before both.
    """

    def __init__(self, hosts=None, documents=None):
        self.hosts = hosts or {}
        self.documents = documents or {}

    def document(self, did):
        """Returns the document of a DID as JSON, or None."""
        if did in self.documents:
            return self.documents[did]
        if did.startswith("did:peer:2."):
            return peer2_document(did)
        if did.startswith("did:web:"):
            return self._fetch(did)
        return None

    def address(self, url):
        """Returns where to reach a URL: elsewhere if its host is mapped."""
        parts = urllib.parse.urlsplit(url)
        if parts.netloc not in self.hosts:
            return url
        return parts._replace(scheme="http", netloc=self.hosts[parts.netloc]).geturl()

    async def resolve(self, did):
        document = self.document(did.split("#")[0])
        return document and DIDDoc.deserialize(for_library(document))

    def _fetch(self, did):
        host, *path = [urllib.parse.unquote(part) for part in did.split(":")[2:]]
        path = "/".join(urllib.parse.quote(part) for part in path) or ".well-known"
        url = self.address(f"https://{host}/{path}/did.json")
        with OPENER.open(url, timeout=FETCH_SECONDS) as response:
            document = json.loads(response.read(DOCUMENT_BYTES))
        if document.get("id") != did:
            raise ValueError(f"the document served for {did} is of {document.get('id')}")
        return document


def endpoint(document):
    """Returns the first address of a document that DIDComm v2 is spoken at."""
    for service in document.get("service", []):
        if service["type"] == "DIDCommMessaging":
            endpoints = service["serviceEndpoint"]
            first = endpoints[0] if isinstance(endpoints, list) else endpoints
            return first["uri"]
    raise ValueError(f"{document['id']} has no DIDComm endpoint")


def peer2_document(did):
    """Builds the document of a did:peer:2 (did:peer, "Method 2")."""
    document, unnamed = {"id": did, "verificationMethod": [], "service": []}, 0
    for element in did.removeprefix("did:peer:2.").split("."):
        purpose, value = element[0], element[1:]
        if purpose == "S":
            service = expand(json.loads(unb64(value)))
            if "id" not in service:
                service["id"] = f"#service-{unnamed}" if unnamed else "#service"
                unnamed += 1
            document["service"].append(service)
            continue
        kid = f"#key-{len(document['verificationMethod']) + 1}"
        document["verificationMethod"].append(
            {"id": kid, "type": "Multikey", "controller": did, "publicKeyMultibase": value}
        )
        document.setdefault(PURPOSES[purpose], []).append(kid)
    return document


def expand(value):
    """Expands the abbreviations of a service in a did:peer:2, at every level."""
    if isinstance(value, list):
        return [expand(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    expanded = {ABBREVIATIONS.get(name, name): expand(member) for name, member in value.items()}
    if expanded.get("type") == "dm":
        expanded["type"] = "DIDCommMessaging"
    return expanded


def for_library(document):
    """Rewrites a document to what the library reads: absolute ids, JsonWebKey2020, no contexts."""
    did = document["id"]
    absolute = lambda name: did + name if name.startswith("#") else name
    methods = [
        {
            "id": absolute(method["id"]),
            "type": "JsonWebKey2020",
            "controller": did,
            "publicKeyJwk": method.get("publicKeyJwk") or jwk(method["publicKeyMultibase"]),
        }
        for method in document.get("verificationMethod", [])
    ]
    rewritten = {"id": did, "verificationMethod": methods}
    for relationship in PURPOSES.values():
        if relationship in document:
            rewritten[relationship] = [absolute(name) for name in document[relationship]]
    return rewritten


def jwk(multibase):
    """Reads a Multikey of curve 25519 as a JWK."""
    octets = base58.b58decode(multibase[1:])
    return {"kty": "OKP", "crv": CURVES[octets[:2]], "x": b64(octets[2:])}


def multikey(codec, private):
    """Writes the public part of a key as a Multikey."""
    return "z" + base58.b58encode(codec + public_octets(private)).decode()


def secret(kid, curve, private):
    """Writes a private key as the library keeps secrets."""
    octets = private.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    key = {"kty": "OKP", "crv": curve, "x": b64(public_octets(private)), "d": b64(octets)}
    material = VerificationMaterial(VerificationMaterialFormat.JWK, json.dumps(key))
    return Secret(kid, VerificationMethodType.JSON_WEB_KEY_2020, material)


def public_octets(private):
    return private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)

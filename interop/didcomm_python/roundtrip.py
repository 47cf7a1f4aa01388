"""Packs and unpacks on request, so that another implementation can exchange envelopes with this one.

One JSON object a line on standard input, one on standard output for each, as described in
`interop/peers/src/program.rs`. A failure answers {"error":TEXT}.
"""

import asyncio
import json
import logging
import sys

from didcomm.common.algorithms import AnonCryptAlg
from didcomm.common.resolvers import ResolversConfig
from didcomm.common.types import (
    VerificationMaterial,
    VerificationMaterialFormat,
    VerificationMethodType,
)
from didcomm.did_doc.did_doc import DIDDoc
from didcomm.did_doc.did_resolver import DIDResolver
from didcomm.message import Message
from didcomm.pack_encrypted import PackEncryptedConfig, PackEncryptedParameters, pack_encrypted
from didcomm.pack_plaintext import PackPlaintextParameters, pack_plaintext
from didcomm.pack_signed import PackSignedParameters, pack_signed
from didcomm.protocols.routing.forward import unpack_forward
from didcomm.secrets.secrets_resolver import Secret, SecretsResolver
from didcomm.unpack import unpack

ANONCRYPT = {alg.value.enc: alg for alg in AnonCryptAlg}


class Known(SecretsResolver, DIDResolver):
    """The documents and secrets that the other side gave."""

    def __init__(self, documents=(), secrets=()):
        self.documents = {document["id"]: document for document in documents}
        self.secrets = dict(secrets)

    async def resolve(self, did):
        document = self.documents.get(did)
        return document and DIDDoc.deserialize(for_library(document))

    async def get_key(self, kid):
        if kid not in self.secrets:
            return None
        key = json.dumps(self.secrets[kid])
        material = VerificationMaterial(VerificationMaterialFormat.JWK, key)
        return Secret(kid, VerificationMethodType.JSON_WEB_KEY_2020, material)

    async def get_keys(self, kids):
        return [kid for kid in kids if kid in self.secrets]


def main():
    logging.disable(logging.CRITICAL)
    known = Known()
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if request["op"] == "know":
                known, answer = Known(request["documents"], request["secrets"]), {}
            else:
                config = ResolversConfig(secrets_resolver=known, did_resolver=known)
                answer = asyncio.run(answer_to(request, config))
        except Exception as error:  # whatever the library raises is an answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


async def answer_to(request, config):
    match request["op"]:
        case "pack":
            return {"envelope": await pack(request["message"], request["packing"], config)}
        case "unpack":
            opened = await unpack(config, request["envelope"])
            return {
                "message": opened.message.as_dict(),
                "encrypted": opened.metadata.encrypted,
                "sender": opened.metadata.encrypted_from,
                "signer": opened.metadata.sign_from,
                "prior": opened.metadata.from_prior_issuer_kid,
            }
        case "open_forward":
            opened = await unpack_forward(config, request["envelope"], False)
            return {
                "next": opened.forward_msg.body.next,
                "envelope": json.dumps(opened.forwarded_msg),
            }
        case other:
            raise ValueError(f"unknown op {other}")


async def pack(message, packing, config):
    prior_kid = None
    if prior := packing["prior"]:
        prior_kid = prior["kid"]
        claims = {"iss": prior_kid.split("#")[0], "sub": message["from"], "iat": prior["iat"]}
        message = {**message, "from_prior": claims}
    message = Message.from_dict(message)
    if packing["to"] is None and packing["sign_by"] is None:
        params = PackPlaintextParameters(from_prior_issuer_kid=prior_kid)
        return (await pack_plaintext(config, message, params)).packed_msg
    if packing["to"] is None:
        params = PackSignedParameters(from_prior_issuer_kid=prior_kid)
        return (await pack_signed(config, message, packing["sign_by"], params)).packed_msg
    packed = await pack_encrypted(
        config,
        message,
        to=packing["to"],
        frm=packing["from"],
        sign_frm=packing["sign_by"],
        pack_config=PackEncryptedConfig(
            forward=packing["forward"],
            protect_sender_id=packing["protect_sender"],
            enc_alg_anon=ANONCRYPT[packing["enc"]],
        ),
        pack_params=PackEncryptedParameters(from_prior_issuer_kid=prior_kid),
    )
    return packed.packed_msg


def for_library(document):
    """Rewrites the services of a document to the form before DIDComm 2.1, the only one it routes by."""
    return {**document, "service": [service_for_library(service) for service in document["service"]]}


def service_for_library(service):
    endpoint = service["serviceEndpoint"]
    return {
        "id": service["id"],
        "type": service["type"],
        "serviceEndpoint": endpoint["uri"],
        "routingKeys": endpoint["routingKeys"],
        "accept": endpoint["accept"],
        "recipientKeys": [],
    }


if __name__ == "__main__":
    main()

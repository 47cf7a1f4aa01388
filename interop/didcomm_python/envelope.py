"""Packing and unpacking with the `didcomm` library."""

import asyncio

from didcomm.common.resolvers import ResolversConfig
from didcomm.message import Message
from didcomm.pack_encrypted import PackEncryptedConfig, pack_encrypted
from didcomm.pack_plaintext import pack_plaintext
from didcomm.pack_signed import pack_signed
from didcomm.common.algorithms import AnonCryptAlg
from didcomm.unpack import unpack

MEDIA_TYPES = {
    "plain": "application/didcomm-plain+json",
    "signed": "application/didcomm-signed+json",
}
ENCRYPTED = "application/didcomm-encrypted+json"


class Packer:
    """Packs as one identity and unpacks what was sent to it."""

    def __init__(self, identity, resolver):
        self.identity = identity
        self.config = ResolversConfig(secrets_resolver=identity, did_resolver=resolver)

    def pack(self, kind, message, to):
        """Packs `message`, a plaintext as JSON, for `to`.

        `kind` is plain, signed, authcrypt, anoncrypt, anoncrypt+signed or anoncrypt+authcrypt.
        """
        return asyncio.run(self._pack(kind, Message.from_dict(dict(message)), to))

    def unpack(self, packed):
        """Unpacks an envelope; returns the plaintext and how it was protected."""
        result = asyncio.run(unpack(self.config, packed))
        metadata = result.metadata
        return result.message.as_dict(), {
            "encrypted": metadata.encrypted,
            "authenticated": metadata.authenticated,
            "non_repudiation": metadata.non_repudiation,
            "encrypted_from": metadata.encrypted_from,
            "encrypted_to": metadata.encrypted_to,
            "sign_from": metadata.sign_from,
            "anoncrypt": metadata.enc_alg_anon and metadata.enc_alg_anon.name,
        }

    async def _pack(self, kind, message, to):
        own = self.identity.did
        if kind == "plain":
            return (await pack_plaintext(self.config, message)).packed_msg
        if kind == "signed":
            return (await pack_signed(self.config, message, sign_frm=own)).packed_msg
        options = PackEncryptedConfig(
            forward=False,
            protect_sender_id=kind == "anoncrypt+authcrypt",
            enc_alg_anon=AnonCryptAlg.A256CBC_HS512_ECDH_ES_A256KW,
        )
        packed = await pack_encrypted(
            self.config,
            message,
            to=to,
            frm=own if "authcrypt" in kind else None,
            sign_frm=own if "signed" in kind else None,
            pack_config=options,
        )
        return packed.packed_msg

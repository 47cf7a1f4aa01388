// Packs and unpacks on request, so that another implementation can exchange envelopes with this one.
//
//     node roundtrip.mjs PATH_OF_THE_INSTALLED_LIBRARY
//
// One JSON object a line on standard input, one on standard output for each, as described in
// `interop/peers/src/program.rs`. A failure answers {"error":TEXT}.

import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { FromPrior, Message } = createRequire(import.meta.url)(process.argv[2]);

const ANONCRYPT = {
    "A256CBC-HS512": "A256cbcHs512EcdhEsA256kw",
    A256GCM: "A256gcmEcdhEsA256kw",
    XC20P: "Xc20pEcdhEsA256kw",
};

// The documents and secrets that the other side gave.
class Known {
    constructor(documents = [], secrets = {}) {
        this.documents = new Map(documents.map((document) => [document.id, document]));
        this.secrets = new Map(Object.entries(secrets));
    }

    async resolve(did) {
        return this.documents.get(did) ?? null;
    }

    async get_secret(id) {
        const privateKeyJwk = this.secrets.get(id);
        return privateKeyJwk ? { id, type: "JsonWebKey2020", privateKeyJwk } : null;
    }

    async find_secrets(ids) {
        return ids.filter((id) => this.secrets.has(id));
    }
}

let known = new Known();

const answers = {
    async know({ documents, secrets }) {
        known = new Known(documents, secrets);
        return {};
    },

    async pack({ message, packing }) {
        if (packing.prior) {
            const { kid, iat } = packing.prior;
            const prior = new FromPrior({ iss: kid.split("#")[0], sub: message.from, iat });
            const [token] = await prior.pack(kid, known, known);
            message = { ...message, from_prior: token };
        }
        return { envelope: await pack(new Message(message), packing) };
    },

    async unpack({ envelope }) {
        const [message, metadata] = await Message.unpack(envelope, known, known, {});
        return {
            message: message.as_value(),
            encrypted: metadata.encrypted,
            sender: metadata.encrypted_from_kid,
            signer: metadata.sign_from,
            prior: metadata.from_prior_issuer_kid,
        };
    },

    async open_forward({ envelope }) {
        const options = { unwrap_re_wrapping_forward: false };
        const [message] = await Message.unpack(envelope, known, known, options);
        // What its try_parse_forward gives cannot be looked into.
        if (!message.try_parse_forward()) throw new Error("this is no forward");
        const { body, attachments } = message.as_value();
        return { next: body.next, envelope: JSON.stringify(attachments[0].data.json) };
    },
};

async function pack(message, { to, from, sign_by, enc, protect_sender, forward }) {
    if (!to && !sign_by) return message.pack_plaintext(known);
    if (!to) return (await message.pack_signed(sign_by, known, known))[0];
    const options = { protect_sender, forward, enc_alg_anon: ANONCRYPT[enc] };
    return (await message.pack_encrypted(to, from, sign_by, known, known, options))[0];
}

for await (const line of createInterface({ input: process.stdin })) {
    let answer;
    try {
        const request = JSON.parse(line);
        answer = await answers[request.op](request);
    } catch (error) {
        // Whatever the library throws is an answer.
        answer = { error: String(error) };
    }
    console.log(JSON.stringify(answer));
}

// Verifies vouches and their status lists, and makes some, with nothing of Comity's.
//
//     node check.mjs DIRECTORY_OF_THE_INSTALLED_LIBRARIES
//
// One JSON object a line on standard input, one on standard output for each:
//
//     {"op":"know","documents":[…],"contexts":{URL:CONTEXT},"now":RFC3339}   {}
//     {"op":"verify","vouch":JWS,"status":JWS}      {"credential":{…},"expanded":[…],"revoked":BOOL}
//     {"op":"list","revoked":[INDEX…]}              {"encodedList":TEXT}
//     {"op":"bits","encodedList":TEXT,"indexes":[…]}     {"length":BITS,"bits":[BOOL…]}
//     {"op":"sign","payload":{…},"kid":DID_URL,"jwk":PRIVATE_JWK}            {"jws":JWS}
//
// A failure answers {"error":TEXT}.
//
// `jose` verifies the signatures; `@digitalbazaar/ed25519-multikey` reads the keys;
// `@digitalbazaar/vc` judges the data model 2.0; `jsonld` expands in safe mode, where a term that no
// context defines is an error; `@digitalbazaar/vc-bitstring-status-list`, by the authors of the
// specification, judges the status.

import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const installed = createRequire(join(process.argv[2], "from.cjs"));
const load = async (name) => {
    const loaded = await import(pathToFileURL(installed.resolve(name)).href);
    return { ...loaded.default, ...loaded };
};

const jose = await load("jose");
const multikey = await load("@digitalbazaar/ed25519-multikey");
const vc = await load("@digitalbazaar/vc");
const { checkStatus, createList, decodeList } = await load("@digitalbazaar/vc-bitstring-status-list");
const { contexts: standard } = await load("@digitalbazaar/credentials-context");
const { default: jsonld } = await load("jsonld");

let documents = new Map();
let contexts = new Map();
let now;

const answers = {
    async know(known) {
        documents = new Map(known.documents.map((document) => [document.id, document]));
        contexts = new Map([...standard, ...Object.entries(known.contexts)]);
        now = new Date(known.now);
        return {};
    },

    async verify({ vouch, status }) {
        const credential = await verified(vouch);
        const expanded = await expand(credential);
        const list = await verified(status);
        await expand(list);
        const checked = await checkStatus({
            credential,
            documentLoader: async (url) => {
                if (url !== list.id) {
                    throw new Error(`the list is another than ${url}`);
                }
                return { document: list };
            },
            // Its signature is in the envelope, which was opened above.
            verifyBitstringStatusListCredential: false,
        });
        if (!checked.verified) {
            throw checked.error;
        }
        return { credential, expanded, revoked: checked.results[0].status };
    },

    async list({ revoked }) {
        const list = await createList({ length: 131072 });
        revoked.forEach((index) => list.setStatus(index, true));
        return { encodedList: await list.encode() };
    },

    async bits({ encodedList, indexes }) {
        const list = await decodeList({ encodedList });
        return { length: list.length, bits: indexes.map((index) => list.getStatus(index)) };
    },

    async sign({ payload, kid, jwk }) {
        const key = await jose.importJWK(jwk, "EdDSA");
        const octets = new TextEncoder().encode(JSON.stringify(payload));
        const header = { kid, cty: "vc", typ: "vc+jwt", alg: "EdDSA" };
        const jws = await new jose.CompactSign(octets).setProtectedHeader(header).sign(key);
        return { jws };
    },
};

// The credential inside a JWS, once all that concerns it alone holds.
async function verified(jws) {
    const { kid, typ, cty } = jose.decodeProtectedHeader(jws);
    if (typ !== "vc+jwt" || cty !== "vc") {
        throw new Error(`no credential by its header: ${typ}, ${cty}`);
    }
    const [issuer] = kid.split("#");
    const document = documents.get(issuer);
    if (!document?.assertionMethod.includes(kid)) {
        throw new Error(`${kid} is no assertionMethod`);
    }
    const method = document.verificationMethod.find(({ id }) => id === kid);
    const keyPair = await multikey.from(method);
    const key = await jose.importJWK(await multikey.toJwk({ keyPair }), "EdDSA");
    const { payload } = await jose.compactVerify(jws, key, { algorithms: ["EdDSA"] });
    const credential = JSON.parse(new TextDecoder().decode(payload));
    if (credential.issuer !== issuer) {
        throw new Error("it is signed by somebody else than its issuer");
    }
    vc._checkCredential({ credential, now, mode: "verify" });
    return credential;
}

function expand(credential) {
    const documentLoader = async (url) => {
        if (!contexts.has(url)) {
            throw new Error(`no context ${url}`);
        }
        return { contextUrl: null, documentUrl: url, document: contexts.get(url) };
    };
    return jsonld.expand(credential, { documentLoader, safe: true });
}

for await (const line of createInterface({ input: process.stdin })) {
    let answer;
    try {
        const { op, ...request } = JSON.parse(line);
        answer = await answers[op](request);
    } catch (error) {
        answer = { error: String(error?.cause?.message ?? error?.message ?? error) };
    }
    process.stdout.write(`${JSON.stringify(answer)}\n`);
}

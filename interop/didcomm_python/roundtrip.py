"""Packs and unpacks on request, so that another implementation can exchange envelopes with this one.

One JSON object a line on standard input, one on standard output for each:

    {"op":"identity"}                                     -> {"did":DID}
    {"op":"document","document":{…}}                      -> {}
    {"op":"pack","kind":KIND,"to":DID,"message":{…}}      -> {"packed":TEXT}
    {"op":"unpack","packed":TEXT}                         -> {"message":{…},"metadata":{…}}

A failure answers {"error":TEXT}. The kinds are those of `envelope.Packer.pack`.
"""

import json
import logging
import sys

from envelope import Packer
from identity import Identity, Resolver


def main():
    logging.disable(logging.CRITICAL)
    identity, resolver = Identity(), Resolver()
    packer = Packer(identity, resolver)
    for line in sys.stdin:
        try:
            answer = answer_to(json.loads(line), packer, resolver)
        except Exception as error:  # whatever the library raises is an answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def answer_to(request, packer, resolver):
    match request["op"]:
        case "identity":
            return {"did": packer.identity.did}
        case "document":
            document = request["document"]
            resolver.documents[document["id"]] = document
            return {}
        case "pack":
            return {"packed": packer.pack(request["kind"], request["message"], request["to"])}
        case "unpack":
            message, metadata = packer.unpack(request["packed"])
            return {"message": message, "metadata": metadata}
        case other:
            raise ValueError(f"unknown op {other}")


if __name__ == "__main__":
    main()

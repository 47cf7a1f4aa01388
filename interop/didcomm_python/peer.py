"""A client that does what it is told, so that a test can put it before a running node.

    peer.py LISTEN ENDPOINT NAME=HOST:PORT…

It listens at LISTEN; its did:peer:2 names ENDPOINT; the names are reached by plain HTTP. One JSON
object a line on standard input, one on standard output for each:

    {"op":"identity"}                            -> {"did":DID}
    {"op":"follow","url":URL}                    -> {"invitation":{…}}
    {"op":"send","protection":KIND,"message":{"type":…,"to":DID,"body":{…},…}}
                     -> {"id":ID,"packed":TEXT,"status":N,"headers":{…},"text":TEXT} and, with
                        status 200, "reply":{"message":{…},"metadata":{…}}
    {"op":"post","to":DID,"text":TEXT}           -> {"status":N,"headers":{…},"text":TEXT}
    {"op":"receive","seconds":N}                 -> {"message":{…},"metadata":{…}}, or {}
    {"op":"close"}, {"op":"open"}                -> {}; nobody listens between them

A failure answers {"error":TEXT}. The kinds are those of `envelope.Packer.pack`; members of a message
beyond type, to and body are headers. Pings are answered, as by every client.
"""

import json
import logging
import queue
import sys

from client import Client, invitation_in
from identity import Identity, Resolver
from inbox import Inbox


def main():
    listen, endpoint, *hosts = sys.argv[1:]
    logging.disable(logging.CRITICAL)
    client = Client(Identity(endpoint), Resolver(dict(pair.split("=", 1) for pair in hosts)))
    inbox = Inbox(listen, client)
    for line in sys.stdin:
        try:
            request = json.loads(line)
            if request["op"] == "open":
                inbox, answer = Inbox(listen, client), {}
            else:
                answer = answer_to(request, client, inbox)
        except Exception as error:  # whatever goes wrong is an answer
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


def answer_to(request, client, inbox):
    match request["op"]:
        case "identity":
            return {"did": client.identity.did}
        case "follow":
            return {"invitation": invitation_in(request["url"])}
        case "send":
            headers = dict(request["message"])
            kind, to, body = (headers.pop(name) for name in ("type", "to", "body"))
            message = client.message(kind, to, body, **headers)
            packed = client.packer.pack(request["protection"], message, to)
            answer = posted(client, packed, to)
            if answer["status"] == 200:
                answer["reply"] = unpacked(*client.packer.unpack(answer["text"]))
            return {"id": message["id"], "packed": packed, **answer}
        case "post":
            return posted(client, request["text"], request["to"])
        case "receive":
            try:
                return unpacked(*inbox.received.get(timeout=request["seconds"]))
            except queue.Empty:
                return {}
        case "close":
            inbox.close()
            return {}
        case other:
            raise ValueError(f"unknown op {other}")


def posted(client, text, to):
    status, headers, body = client.post(text, to)
    return {"status": status, "headers": headers, "text": body}


def unpacked(message, metadata):
    return {"message": message, "metadata": metadata}


if __name__ == "__main__":
    main()

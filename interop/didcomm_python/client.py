"""A small DIDComm agent on the `didcomm` library: sends to a node, and can be sent to.

    client.py identity
    client.py ping    DID
    client.py message DID TEXT
    client.py follow  URL TEXT        an out-of-band invitation: whoever invites gets the text
    client.py listen                  answers pings until it is stopped

Answers come back in the HTTP response (`return_route`), or, with `--listen HOST:PORT`, to an HTTP
endpoint of its own, which its did:peer:2 then names. What was sent and received is printed as one
JSON object a line. The identity is kept in `--identity FILE`, for a node remembers whom it admitted.
"""

import argparse
import base64
import json
import logging
import queue
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid

from envelope import ENCRYPTED, MEDIA_TYPES, Packer
from identity import OPENER, Identity, Resolver, endpoint
from inbox import Inbox

PING = "https://didcomm.org/trust-ping/2.0/ping"
PING_RESPONSE = "https://didcomm.org/trust-ping/2.0/ping-response"
BASICMESSAGE = "https://didcomm.org/basicmessage/2.0/message"
SEND_SECONDS = 30
REPLY_BYTES = 1024 * 1024


class Client:
    """One identity that sends and, if it has an inbox, receives."""

    def __init__(self, identity, resolver):
        self.identity, self.resolver = identity, resolver
        self.packer = Packer(identity, resolver)

    def message(self, kind, to, body, **headers):
        """Makes a plaintext from this identity; `kind` is its type."""
        return {
            "id": str(uuid.uuid4()),
            "typ": "application/didcomm-plain+json",
            "type": kind,
            "from": self.identity.did,
            "to": [to],
            "created_time": int(time.time()),
            "body": body,
            **headers,
        }

    def send(self, message, protection="authcrypt"):
        """Packs and posts a message. Returns the HTTP status and the unpacked reply, if any."""
        to = message["to"][0]
        packed = self.packer.pack(protection, message, to)
        status, _, body = self.post(packed, to, MEDIA_TYPES.get(protection, ENCRYPTED))
        return status, self.packer.unpack(body) if body and status < 400 else None

    def post(self, packed, to, media_type=ENCRYPTED):
        """Posts an envelope to where a DID wants it. Returns status, headers and body."""
        request = urllib.request.Request(
            self.resolver.address(endpoint(self.resolver.document(to))),
            data=packed.encode(),
            headers={"Content-Type": media_type},
        )
        try:
            with OPENER.open(request, timeout=SEND_SECONDS) as response:
                return response.status, dict(response.headers), text_of(response)
        except urllib.error.HTTPError as refusal:
            return refusal.code, dict(refusal.headers), text_of(refusal)

    def ping(self, to, **headers):
        """Makes a trust ping."""
        return self.message(PING, to, {"response_requested": True}, **headers)

    def basicmessage(self, to, text, **headers):
        """Makes a basic message."""
        return self.message(BASICMESSAGE, to, {"content": text}, **headers)

    def answer(self, message):
        """Returns the answer to a message: one to a ping that asks for it, else None."""
        if message["type"] != PING or not message["body"].get("response_requested", True):
            return None
        thread = message.get("thid") or message["id"]
        return self.message(PING_RESPONSE, message["from"], {}, thid=thread)


def invitation_in(url):
    """Returns the invitation (DIDComm out-of-band 2.0) that a link carries in `_oob`."""
    query = urllib.parse.parse_qs(urllib.parse.urlsplit(url).query)
    encoded = query["_oob"][0]
    return json.loads(base64.urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4)))


def text_of(response):
    return response.read(REPLY_BYTES).decode()


def main():
    arguments = read_arguments()
    logging.disable(logging.CRITICAL)
    own = arguments.endpoint or (f"http://{arguments.listen}/" if arguments.listen else None)
    identity = Identity.load(arguments.identity, own) if arguments.identity else Identity(own or QUEUE)
    client = Client(identity, Resolver(dict(pair.split("=", 1) for pair in arguments.host_map)))
    if arguments.command == "identity":
        show("identity", did=identity.did)
        return 0
    inbox = Inbox(arguments.listen, client) if arguments.listen else None
    if arguments.command == "listen":
        show("identity", did=identity.did)
        return listen(inbox)
    headers = {} if inbox else {"return_route": "all"}
    if arguments.command == "ping":
        message = client.ping(arguments.to, **headers)
    elif arguments.command == "follow":
        invitation = invitation_in(arguments.url)
        show("invited", invitation=invitation)
        headers["pthid"] = invitation["id"]
        message = client.basicmessage(invitation["from"], arguments.text, **headers)
    else:
        message = client.basicmessage(arguments.to, arguments.text, **headers)
    return converse(client, inbox, message, arguments)


def converse(client, inbox, message, arguments):
    """Sends a message and waits for the answer in its thread. Returns the exit code."""
    status, reply = client.send(message, arguments.protection)
    show("sent", id=message["id"], status=status)
    if reply:
        show("received", message=reply[0], metadata=reply[1])
        return 0
    if not 200 <= status < 300:
        return 1
    deadline = time.monotonic() + arguments.wait
    while inbox and (left := deadline - time.monotonic()) > 0:
        try:
            message_back, metadata = inbox.received.get(timeout=left)
        except queue.Empty:
            break
        show("received", message=message_back, metadata=metadata)
        if message_back.get("thid") == message["id"]:
            return 0
    return 1 if arguments.command == "ping" else 0


def listen(inbox):
    """Prints what arrives until it is stopped."""
    if not inbox:
        sys.exit("listen needs --listen HOST:PORT")
    while True:
        message, metadata = inbox.received.get()
        show("received", message=message, metadata=metadata)


def show(event, **members):
    print(json.dumps({"event": event, **members}), flush=True)


def read_arguments():
    parser = argparse.ArgumentParser(description="A small DIDComm agent on the didcomm library")
    parser.add_argument("--identity", metavar="FILE", help="where the identity is kept")
    parser.add_argument("--listen", metavar="HOST:PORT", help="an HTTP endpoint of its own")
    parser.add_argument("--endpoint", metavar="URL", help="where others reach it, if elsewhere")
    parser.add_argument("--host-map", metavar="NAME=HOST:PORT", action="append", default=[])
    parser.add_argument("--protection", default="authcrypt", help="see envelope.Packer.pack")
    parser.add_argument("--wait", type=float, default=30, help="seconds for an answer")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("identity")
    commands.add_parser("listen")
    commands.add_parser("ping").add_argument("to")
    follow = commands.add_parser("follow")
    follow.add_argument("url")
    follow.add_argument("text")
    message = commands.add_parser("message")
    message.add_argument("to")
    message.add_argument("text")
    return parser.parse_args()


QUEUE = "didcomm:transport/queue"

if __name__ == "__main__":
    sys.exit(main())

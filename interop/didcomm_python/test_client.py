"""Two clients talk to each other over loopback: the harness works before it is used on a node."""

import pathlib
import socket
import tempfile
import unittest

from client import BASICMESSAGE, PING_RESPONSE, Client
from identity import Identity, Resolver, peer2_document
from inbox import Inbox


def free_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def listening():
    address = free_address()
    client = Client(Identity(f"http://{address}/"), Resolver())
    return client, Inbox(address, client)


class TwoClients(unittest.TestCase):
    def test_an_answer_comes_back_on_the_connection_that_asks_for_it(self):
        bruno, _ = listening()
        aria = Client(Identity(), Resolver())
        ping = aria.ping(bruno.identity.did, return_route="all")
        status, (reply, metadata) = aria.send(ping)
        self.assertEqual((status, reply["type"], reply["thid"]), (200, PING_RESPONSE, ping["id"]))
        self.assertTrue(metadata["authenticated"])

    def test_an_answer_goes_to_the_endpoint_of_the_sender(self):
        (bruno, _), (aria, inbox) = listening(), listening()
        ping = aria.ping(bruno.identity.did)
        self.assertEqual(aria.send(ping), (202, None))
        reply, _ = inbox.received.get(timeout=10)
        self.assertEqual((reply["type"], reply["thid"]), (PING_RESPONSE, ping["id"]))

    def test_every_protection_arrives(self):
        bruno, inbox = listening()
        aria = Client(Identity(), Resolver())
        for protection in ("authcrypt", "signed", "anoncrypt+signed", "anoncrypt+authcrypt"):
            message = aria.basicmessage(bruno.identity.did, "hello")
            self.assertEqual(aria.send(message, protection), (202, None), protection)
            received, metadata = inbox.received.get(timeout=10)
            self.assertEqual((received["type"], received["body"]), (BASICMESSAGE, {"content": "hello"}))
            self.assertEqual(metadata["non_repudiation"], "signed" in protection)

    def test_what_cannot_be_read_is_refused(self):
        (bruno, _), mallory = listening(), Client(Identity(), Resolver())
        mallory.resolver.documents[bruno.identity.did] = {
            **peer2_document(mallory.identity.did),
            "service": peer2_document(bruno.identity.did)["service"],
            "id": bruno.identity.did,
        }
        message = mallory.basicmessage(bruno.identity.did, "for another key")
        self.assertEqual(mallory.send(message), (400, None))

    def test_an_identity_is_kept(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "identity.json")
            first = Identity.load(path)
            self.assertEqual(Identity.load(path).did, first.did)
            moved = Identity.load(path, "http://127.0.0.1:1/")
            self.assertNotEqual(moved.did, first.did)
            self.assertEqual(moved.seeds, first.seeds)


if __name__ == "__main__":
    unittest.main()

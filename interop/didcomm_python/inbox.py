"""An HTTP endpoint that unpacks what is posted to it."""

import http.server
import queue
import threading

from envelope import ENCRYPTED

MESSAGE_BYTES = 1024 * 1024


class Inbox:
    """Serves an endpoint for a client in the background; what arrives is in `received`.

    A message that asks for an answer on its own connection (`return_route`) gets it with status
    200; other answers are posted to the sender.
    """

    def __init__(self, address, client):
        host, port = address.rsplit(":", 1)
        self.received = queue.Queue()
        inbox = self

        class Door(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                inbox.accept(self, client)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer((host, int(port)), Door)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        """Stops serving."""
        self.server.shutdown()
        self.server.server_close()

    def accept(self, door, client):
        """Answers one POST."""
        length = int(door.headers.get("Content-Length") or 0)
        if length > MESSAGE_BYTES:
            return respond(door, 413)
        try:
            message, metadata = client.packer.unpack(door.rfile.read(length).decode())
        except Exception:  # whatever can't be read is refused alike
            return respond(door, 400)
        metadata["media_type"] = door.headers["Content-Type"]
        self.received.put((message, metadata))
        answer = client.answer(message) if metadata["authenticated"] else None
        if answer is None:
            return respond(door, 202)
        if message.get("return_route") == "all":
            packed = client.packer.pack("authcrypt", answer, message["from"])
            return respond(door, 200, packed.encode())
        respond(door, 202)
        client.send(answer)


def respond(door, status, body=b""):
    door.send_response(status)
    door.send_header("Content-Length", str(len(body)))
    if body:
        door.send_header("Content-Type", ENCRYPTED)
    door.end_headers()
    door.wfile.write(body)

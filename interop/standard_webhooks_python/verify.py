"""Verifies one webhook as its receivers do: {"secret", "headers", "body"} on standard input.

Prints the payload that the library gives, or {"refused": why}.
"""

import json
import sys

from standardwebhooks.webhooks import Webhook, WebhookVerificationError


def main() -> None:
    call = json.load(sys.stdin)
    try:
        payload = Webhook(call["secret"]).verify(call["body"], call["headers"])
        print(json.dumps(payload))
    except WebhookVerificationError as why:
        print(json.dumps({"refused": str(why)}))


main()

"""What a webhook was sent, held against the verifier that apps in Python use."""

import unittest

from svix.webhooks import Webhook, WebhookVerificationError

from world import HARBOUR, WORLD

SECRETS, MESSAGES = WORLD["received"]["secrets"], WORLD["received"]["messages"]


class Verifier(unittest.TestCase):
    def test_every_message(self):
        for message in MESSAGES:
            for secret in SECRETS[: message["newest_secret"] + 1]:
                event = Webhook(secret).verify(message["body"], message["headers"])
                self.assertEqual(event["event_id"], message["headers"]["svix-id"])
                self.assertEqual(event["workspace_id"], HARBOUR["workspace_id"])
        self.assertEqual(MESSAGES[-1]["newest_secret"], 1)

    def test_refusals(self):
        first = MESSAGES[0]
        for secret, body in ((SECRETS[0], first["body"] + " "), (SECRETS[1], first["body"])):
            with self.assertRaises(WebhookVerificationError):
                Webhook(secret).verify(body, first["headers"])


if __name__ == "__main__":
    unittest.main()

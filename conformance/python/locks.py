"""What an app does with locks, from connecting an account to its webhooks, under each kind of
credential that a server holds."""

import json
import re
import threading
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from seam import (
    Seam,
    SeamActionAttemptFailedError,
    SeamActionAttemptTimeoutError,
    SeamHttpApiError,
    SeamHttpInvalidInputError,
    SeamHttpUnauthorizedError,
    SeamWebhook,
)

from world import HARBOUR, PAT, URL, WORLD

WORKSPACE = HARBOUR["workspace_id"]
WAIT = {"timeout": 10, "polling_interval": 0.02}
NOBODY = "00000000-0000-4000-8000-000000000000"
CREDENTIALS = {
    "personal access token": ("sam", lambda: Seam.from_personal_access_token(PAT, WORKSPACE, endpoint=URL)),
    "API key": ("john", lambda: Seam.from_api_key(WORLD["harbour_api_key"], endpoint=URL)),
    "workspace key": ("frodo", lambda: Seam.from_api_key(WORLD["harbour_workspace_key"], endpoint=URL)),
}


def keyway(path, **body):
    """Asks for one of Keyway's own endpoints, which clients have no methods for."""
    request = urllib.request.Request(f"{URL}/keyway/v1/{path}", json.dumps(body).encode(), {
        "Authorization": f"Bearer {PAT}", "Seam-Workspace": WORKSPACE, "Content-Type": "application/json"})
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def advance(**time_span):
    """Moves the sandbox's clock and returns where it then stands."""
    clock = keyway("sandbox/advance_time", seconds=timedelta(**time_span).total_seconds())["clock"]
    return datetime.fromisoformat(clock["now"].replace("Z", "+00:00"))


def sign_in(url, login):
    """Signs in on the page that a customer would see."""
    with urllib.request.urlopen(url) as response:
        page = response.read().decode()
    for step in ({"step": "brands"}, {"step": "credentials", "field.email": f"{login}@example.com", "field.password": "1234"}):
        form = {"state": re.search(r'name="state" value="([^"]*)"', page)[1], **step}
        with urllib.request.urlopen(f"{URL}/connect_webviews/view", urllib.parse.urlencode(form).encode()) as response:
            page = response.read().decode()


def until(what, f):
    """Waits until f gives something, or says that it never did."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if result := f():
            return result
        time.sleep(0.01)
    raise AssertionError(f"never: {what}")


class Receiver(BaseHTTPRequestHandler):
    received = []

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        Receiver.received.append((self.path, body, dict(self.headers)))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


class Locks(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.receiver = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
        threading.Thread(target=cls.receiver.serve_forever, daemon=True).start()

    @classmethod
    def tearDownClass(cls):
        cls.receiver.shutdown()
        cls.receiver.server_close()

    def test_from_connecting_to_webhooks(self):
        for name, (login, connect) in CREDENTIALS.items():
            with self.subTest(name):
                self.live(connect(), login)

    def live(self, seam, login):
        hook = seam.webhooks.create(url=f"http://127.0.0.1:{self.receiver.server_port}/{login}")

        webview = seam.connect_webviews.create(accepted_providers=["schlage"], custom_metadata={"login": login})
        sign_in(webview.url, login)
        connected = seam.connect_webviews.get(connect_webview_id=webview.connect_webview_id)
        self.assertTrue(connected.login_successful)
        account = seam.connected_accounts.get(connected_account_id=connected.connected_account_id)
        self.assertEqual(dict(account.custom_metadata), {"login": login})
        devices = [d.device_id for d in seam.devices.list(connect_webview_id=webview.connect_webview_id)]
        device_id = devices[0]

        for act, locked in ((seam.locks.unlock_door, False), (seam.locks.lock_door, True)):
            attempt = act(device_id=device_id, wait_for_action_attempt=WAIT)
            self.assertEqual(attempt.status, "success")
            self.assertEqual(seam.devices.get(device_id=device_id).properties.locked, locked)
        keyway("sandbox/fail_requests", device_id=device_id, faults=["jammed"])
        with self.assertRaises(SeamActionAttemptFailedError) as failed:
            seam.locks.lock_door(device_id=device_id, wait_for_action_attempt=WAIT)
        self.assertEqual((failed.exception.code, failed.exception.action_attempt.status), ("lock_jammed", "error"))
        with self.assertRaises(SeamActionAttemptTimeoutError):
            seam.locks.lock_door(device_id=device_id, wait_for_action_attempt={"timeout": 0})

        first, second = (seam.access_codes.generate_code(device_id=device_id).code for _ in range(2))
        code_id = seam.access_codes.create(device_id=device_id, name=login, code=first).access_code_id

        def in_order(pin):
            code = seam.access_codes.get(access_code_id=code_id)
            return (code.status, code.code, len(code.pending_mutations)) == ("set", pin, 0)

        until("the code is set", lambda: in_order(first))
        seam.access_codes.update(access_code_id=code_id, code=second)
        until("the code is changed", lambda: in_order(second))
        self.assertEqual([c.access_code_id for c in seam.access_codes.list(device_id=device_id)], [code_id])
        seam.access_codes.delete(access_code_id=code_id)
        until("the code is removed", lambda: seam.access_codes.list(device_id=device_id) == [])

        friday = advance() + timedelta(days=5)
        weekend = seam.access_codes.create(device_id=device_id, name="Weekend", starts_at=friday.isoformat(),
                                           ends_at=(friday + timedelta(days=2)).isoformat())
        self.assertEqual(weekend.status, "unset")
        weekend_id = weekend.access_code_id
        advance(days=3)
        self.assertTrue(seam.access_codes.get(access_code_id=weekend_id).is_scheduled_on_device)
        advance(days=2)
        self.assertEqual(seam.access_codes.get(access_code_id=weekend_id).status, "set")

        # This client takes no client session tokens, so the header carries it.
        session = seam.client_sessions.create(user_identifier_key=login, connected_account_ids=[account.connected_account_id])
        request = urllib.request.Request(f"{URL}/devices/list", b"{}", {
            "Content-Type": "application/json", "Client-Session-Token": session.token})
        with urllib.request.urlopen(request) as response:
            self.assertEqual({d["device_id"] for d in json.load(response)["devices"]}, set(devices))
        seam.client_sessions.delete(client_session_id=session.client_session_id)
        with self.assertRaises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request)
        self.assertEqual(refused.exception.code, 401)
        refused.exception.close()

        advance(days=2)
        with self.assertRaises(SeamHttpApiError) as gone:
            seam.access_codes.get(access_code_id=weekend_id)
        self.assertEqual((gone.exception.status_code, gone.exception.code), (404, "access_code_not_found"))

        verifier = SeamWebhook(hook.secret)

        def told(of):
            events = [verifier.verify(body, headers) for path, body, headers in list(Receiver.received) if path == f"/{login}"]
            return [e.event_type.removeprefix("access_code.") for e in events if getattr(e, "access_code_id", None) == of]

        until("the last webhook", lambda: "deleted" in told(weekend_id))
        life = ["created", "scheduled_on_device", "set_on_device", "removed_from_device", "deleted"]
        self.assertEqual([kind for kind in told(weekend_id) if kind in life], life)
        self.assertIn("code_changed", told(code_id))
        seam.webhooks.delete(webhook_id=hook.webhook_id)

    def test_errors(self):
        for name, (_, connect) in CREDENTIALS.items():
            seam = connect()
            for request, code in (
                (lambda: seam.locks.unlock_door(device_id=NOBODY), "device_not_found"),
                (lambda: seam.access_codes.get(access_code_id=NOBODY), "access_code_not_found"),
                (lambda: seam.action_attempts.get(action_attempt_id=NOBODY), "action_attempt_not_found"),
                (lambda: seam.webhooks.get(webhook_id=NOBODY), "webhook_not_found"),
                (lambda: seam.client_sessions.get(client_session_id=NOBODY), "client_session_not_found"),
            ):
                with self.subTest(name, code=code):
                    with self.assertRaises(SeamHttpApiError) as caught:
                        request()
                    self.assertEqual((caught.exception.status_code, caught.exception.code), (404, code))
            with self.subTest(name), self.assertRaises(SeamHttpInvalidInputError) as invalid:
                seam.access_codes.create(device_id=HARBOUR["devices"][0]["device_id"], code="12", name=5)
            self.assertEqual(invalid.exception.get_validation_error_messages("name"), ["Expected string, received number"])
            self.assertEqual(len(invalid.exception.get_validation_error_messages("code")), 1)

    def test_unauthorized(self):
        key = WORLD["harbour_api_key"]
        with self.assertRaises(SeamHttpUnauthorizedError):
            Seam.from_api_key(key[:-1] + ("2" if key[-1] == "1" else "1"), endpoint=URL).access_codes.list(
                device_id=HARBOUR["devices"][0]["device_id"])


if __name__ == "__main__":
    # The clients leave their connections to the garbage collector, which unittest would lament.
    unittest.main(warnings="ignore")

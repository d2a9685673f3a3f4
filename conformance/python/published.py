"""`seam` 0.6.0 against a running server, in the form of the published page: api_key=<PAT>."""

import unittest

from seam import Seam
from seam.types import SeamApiException

from world import HARBOUR, HILL, PAT, URL, WORLD, comparable, environment


def connect(workspace_id):
    return Seam(api_key=PAT, workspace_id=workspace_id, api_url=URL)


class Published(unittest.TestCase):
    maxDiff = None

    def test_api_key_and_workspace(self):
        for workspace in (HARBOUR, HILL):
            seam = connect(workspace["workspace_id"])
            self.assertEqual(comparable(seam.devices.list()), workspace["devices"])
            got = seam.workspaces.get()
            self.assertEqual((got.workspace_id, got.name), (workspace["workspace_id"], workspace["name"]))

    def test_environment(self):
        with environment(SEAM_API_KEY=PAT, SEAM_WORKSPACE_ID=HILL["workspace_id"], SEAM_ENDPOINT=URL):
            self.assertEqual(comparable(Seam().devices.list()), HILL["devices"])

    def test_deprecated_endpoint_variable(self):
        with environment(SEAM_API_KEY=PAT, SEAM_WORKSPACE_ID=HILL["workspace_id"], SEAM_API_URL=URL):
            self.assertEqual(comparable(Seam().devices.list()), HILL["devices"])

    def test_list_workspaces(self):
        seam = Seam(api_key=PAT, api_url=URL)
        ids = {w.workspace_id for w in seam.workspaces.list()}
        self.assertEqual(ids, {HARBOUR["workspace_id"], HILL["workspace_id"]})

    def test_get_and_update(self):
        seam, wanted = connect(HARBOUR["workspace_id"]), HARBOUR["devices"][0]
        self.assertEqual(comparable([seam.devices.get(device_id=wanted["device_id"])]), [wanted])
        seam.devices.update(device_id=wanted["device_id"], name="Boat house")
        self.assertEqual(seam.devices.get(device_id=wanted["device_id"]).properties.name, "Boat house")
        seam.devices.update(device_id=wanted["device_id"], name=wanted["name"])
        account = seam.connected_accounts.list()[0]
        self.assertEqual(seam.connected_accounts.get(connected_account_id=account.connected_account_id), account)
        self.assertTrue(seam.events.list(since="2020-01-01T00:00:00.000Z"))

    def test_reset_sandbox(self):
        attempt = connect(HILL["workspace_id"]).workspaces.reset_sandbox(wait_for_action_attempt=True)
        self.assertEqual(attempt.status, "success")

    def test_errors(self):
        cases = (
            (connect(HARBOUR["workspace_id"]), HILL["devices"][0]["device_id"], 404, "device_not_found"),
            (connect(WORLD["abroad_workspace_id"]), HILL["devices"][0]["device_id"], 401, "unauthorized"),
            (connect(HARBOUR["workspace_id"]), 5, 400, "invalid_input"),
        )
        for seam, device_id, status, kind in cases:
            with self.assertRaises(SeamApiException) as caught:
                seam.devices.get(device_id=device_id)
            self.assertEqual((caught.exception.status_code, caught.exception.metadata["type"]), (status, kind))
            self.assertRegex(caught.exception.request_id, "^request")


if __name__ == "__main__":
    # The clients leave their connections to the garbage collector, which unittest would lament.
    unittest.main(warnings="ignore")

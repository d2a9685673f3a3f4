"""The newest `seam` client against a running server."""

import unittest

from seam import (
    Seam,
    SeamHttpApiError,
    SeamHttpInvalidInputError,
    SeamHttpUnauthorizedError,
    SeamWithoutWorkspace,
)

from world import HARBOUR, HILL, PAT, URL, WORLD, comparable, environment


def connect(workspace_id):
    return Seam(personal_access_token=PAT, workspace_id=workspace_id, endpoint=URL)


class Current(unittest.TestCase):
    maxDiff = None

    def test_constructor(self):
        for workspace in (HARBOUR, HILL):
            seam = connect(workspace["workspace_id"])
            self.assertEqual(comparable(seam.devices.list()), workspace["devices"])
            got = seam.workspaces.get()
            self.assertEqual((got.workspace_id, got.name, got.is_sandbox),
                             (workspace["workspace_id"], workspace["name"], True))

    def test_from_personal_access_token(self):
        seam = Seam.from_personal_access_token(PAT, HILL["workspace_id"], endpoint=URL)
        self.assertEqual(comparable(seam.devices.list()), HILL["devices"])

    def test_environment(self):
        with environment(SEAM_PERSONAL_ACCESS_TOKEN=PAT, SEAM_WORKSPACE_ID=HILL["workspace_id"], SEAM_ENDPOINT=URL):
            self.assertEqual(comparable(Seam().devices.list()), HILL["devices"])

    def test_workspace_key_as_api_key(self):
        with environment(SEAM_API_KEY=WORLD["harbour_workspace_key"], SEAM_ENDPOINT=URL):
            self.assertEqual(comparable(Seam().devices.list()), HARBOUR["devices"])

    def test_without_workspace(self):
        seam = SeamWithoutWorkspace.from_personal_access_token(PAT, endpoint=URL)
        ids = [w.workspace_id for w in seam.workspaces.list()]
        self.assertIn(HARBOUR["workspace_id"], ids)
        self.assertIn(HILL["workspace_id"], ids)
        self.assertNotIn(WORLD["abroad_workspace_id"], ids)
        made = seam.workspaces.create(name="Valley", is_sandbox=True)
        self.assertEqual((made.name, made.is_sandbox), ("Valley", True))
        self.assertEqual(connect(made.workspace_id).devices.list(), [])

    def test_get(self):
        seam, wanted = connect(HARBOUR["workspace_id"]), HARBOUR["devices"][0]
        self.assertEqual(comparable([seam.devices.get(device_id=wanted["device_id"])]), [wanted])
        self.assertEqual(comparable([seam.devices.get(name=wanted["name"])]), [wanted])

    def test_filters(self):
        seam, wanted = connect(HARBOUR["workspace_id"]), HARBOUR["devices"][0]
        self.assertEqual(comparable(seam.devices.list(device_ids=[wanted["device_id"]])), [wanted])
        self.assertEqual(seam.devices.list(device_ids=[]), [])
        self.assertEqual(seam.devices.list(device_types=["ecobee_thermostat", "nest_thermostat"]), [])

    def test_update(self):
        seam = connect(HARBOUR["workspace_id"])
        device_id, name = HARBOUR["devices"][-1]["device_id"], HARBOUR["devices"][-1]["name"]
        seam.devices.update(device_id=device_id, name="Boat house", custom_metadata={"floor": "2"})
        device = seam.devices.get(device_id=device_id)
        self.assertEqual(device.properties.name, "Boat house")
        self.assertEqual(dict(device.custom_metadata), {"floor": "2"})
        found = seam.devices.list(custom_metadata_has={"floor": "2"})
        self.assertEqual([d.device_id for d in found], [device_id])
        seam.devices.update(device_id=device_id, name=name, custom_metadata={"floor": ""})
        self.assertEqual(dict(seam.devices.get(device_id=device_id).custom_metadata), {})

    def test_paginator(self):
        seam = connect(WORLD["many_workspace_id"])
        pages = seam.create_paginator(seam.devices.list, {"limit": 50})
        first, pagination = pages.first_page()
        self.assertEqual((len(first), pagination.has_next_page), (50, True))
        everything = pages.flatten_to_list()
        self.assertEqual(len(everything), 120)
        self.assertEqual(len({d.device_id for d in everything}), 120)

    def test_other_reads(self):
        seam = connect(HARBOUR["workspace_id"])
        account = seam.connected_accounts.list()[0]
        again = seam.connected_accounts.get(connected_account_id=account.connected_account_id)
        self.assertEqual(again.connected_account_id, account.connected_account_id)
        self.assertIn("august", [p.device_provider_name for p in seam.devices.list_device_providers()])
        events = seam.events.list(since="2020-01-01T00:00:00.000Z")
        self.assertEqual(seam.events.get(event_id=events[0].event_id).event_type, events[0].event_type)

    def test_unauthorized(self):
        wrong = PAT[:-1] + ("2" if PAT[-1] == "1" else "1")
        for token, workspace_id in ((wrong, HARBOUR["workspace_id"]), (PAT, WORLD["abroad_workspace_id"])):
            with self.assertRaises(SeamHttpUnauthorizedError) as caught:
                Seam.from_personal_access_token(token, workspace_id, endpoint=URL).devices.list()
            self.assertRegex(caught.exception.request_id, "^request")

    def test_invalid_input(self):
        with self.assertRaises(SeamHttpInvalidInputError) as caught:
            connect(HARBOUR["workspace_id"]).devices.update(device_id=HARBOUR["devices"][0]["device_id"], name=5)
        error = caught.exception
        self.assertEqual(error.get_validation_error_messages("name"), ["Expected string, received number"])
        self.assertEqual([e.parameter_name for e in error.validation_errors], ["name"])
        self.assertRegex(error.request_id, "^request")

    def test_device_not_found(self):
        with self.assertRaises(SeamHttpApiError) as caught:
            connect(HARBOUR["workspace_id"]).devices.get(device_id=HILL["devices"][0]["device_id"])
        error = caught.exception
        self.assertEqual((error.status_code, error.code), (404, "device_not_found"))
        self.assertRegex(error.request_id, "^request")

    def test_reset_sandbox(self):
        with_attempt = SeamWithoutWorkspace.from_personal_access_token(PAT, endpoint=URL)
        made = with_attempt.workspaces.create(name="Glen", is_sandbox=True)
        attempt = connect(made.workspace_id).workspaces.reset_sandbox()
        self.assertEqual((attempt.status, attempt.action_type), ("success", "RESET_SANDBOX_WORKSPACE"))


if __name__ == "__main__":
    # The clients leave their connections to the garbage collector, which unittest would lament.
    unittest.main(warnings="ignore")

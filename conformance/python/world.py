"""What the harness has made: see world in conformance/harness_test.go."""

import json
import os

WORLD = json.loads(os.environ["KEYWAY_WORLD"])
URL, PAT = WORLD["url"], WORLD["personal_access_token"]
HARBOUR, HILL = WORLD["harbour"], WORLD["hill"]


def comparable(devices):
    """The parts of devices that are compared with what plain HTTP gave."""
    return [
        {"device_id": d.device_id, "device_type": d.device_type, "name": d.properties["name"]}
        for d in devices
    ]


class environment:
    """Sets variables for a while."""

    def __init__(self, **variables):
        self.variables = variables

    def __enter__(self):
        os.environ.update(self.variables)

    def __exit__(self, *_):
        for name in self.variables:
            del os.environ[name]

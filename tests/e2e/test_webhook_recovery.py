# SPDX-License-Identifier: Apache-2.0
"""A registry that is ill when an extension is written, and well again later."""

import http.client
import json
import time

from cluster import ADMIN_TOKEN
from fleet import FleetCase
from harness import HttpSource, digest, module
from manifests_table import Good, manifest
from processes import LIMIT, LOOPBACK, in_time, wait_equal, wait_until
from registries import (
    MODULE,
    MODULE_CONFIG,
    PASSWORD,
    USER,
    Certificate,
    DockerRegistry,
    Layout,
    htpasswd,
)
from roads import Road
from webhooks import WebhookCase

WRITTEN = 3  # seconds within which the API server answers
PINNED = 10  # seconds after which the digest is known, once the registry is well
LATER = "; the module is checked and pinned later"


class Recovery(WebhookCase, FleetCase):
    def setUp(self):
        super().setUp()
        self.trusted = Certificate(self.folder / "trusted")
        ca = f"--ca-file={self.trusted.authority}"
        self.webhook(ca)
        self.controller(ca)

    def registry(self, name, **options):
        registry = DockerRegistry(self.folder, name=name, **options)
        self.processes.append(registry)
        self.addCleanup(registry.kill)
        registry.start()
        layout = Layout(self.folder / f"{name}.layout")
        layout.tag("v1", layout.manifest(MODULE_CONFIG, [(MODULE, module())]))
        registry.push(layout, "v1", "filters/header:v1", user=USER if "auth" in options else None)
        return int(registry.host.rpartition(":")[2])

    def road(self):
        road = Road()
        self.addCleanup(road.close)
        return road

    def document(self, road, name):
        image = {"protocol": "oci", "uri": f"{road.host}/filters/header:v1"}
        return manifest(Good("", {"image": image}), name, self.namespace)

    def write(self, document):
        """Returns the status, the warnings and how long it took."""
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": "application/json"}
        connection = http.client.HTTPSConnection(
            LOOPBACK, self.cluster.port, timeout=LIMIT, context=self.cluster.context
        )
        began = time.monotonic()
        try:
            connection.request("POST", self.extensions, json.dumps(document), headers)
            answer = connection.getresponse()
            answer.read()
            took = time.monotonic() - began
            return answer.status, answer.headers.get_all("Warning", []), took
        finally:
            connection.close()

    def write_in_time(self, road, name):
        """Returns the warnings of each try; the first is called name."""
        heard = []

        def write(attempt):
            status, warnings, took = self.write(self.document(road, name + "x" * attempt))
            self.assertEqual(status, 201)
            heard.append(warnings)
            return took

        in_time(WRITTEN, write)
        return heard

    def assertAdmitted(self, road, name, why):
        """It is written in time, with a warning that says why it is not pinned."""
        says = f"spec.image.uri: {why}{LATER}"
        for warnings in self.write_in_time(road, name):
            self.assertTrue(any(says in each for each in warnings), warnings)
        self.assertIsNone(self.pinned(name))
        wait_until(lambda: self.status(name).get("conditions"), "the controller does not see it")
        self.assertNotIn("resolvedSha256", self.status(name))

    def assertPinned(self, name):
        def known():
            return self.status(name).get("resolvedSha256")

        wait_equal(known, digest(module()), "the digest in the status", PINNED)

    def test_black_holed(self):
        road, well = self.road(), self.registry("well")
        self.assertAdmitted(road, "filter", "was not reached in time")
        road.lead_to(well)
        self.assertPinned("filter")

    def test_slow(self):
        road, well = self.road(), self.registry("well")
        road.lead_to(well, lag=1, portion=1)
        self.assertAdmitted(road, "filter", "was not reached in time")
        road.lead_to(well)
        self.assertPinned("filter")

    def test_late(self):
        """Both webhooks ask, and each answer takes its time: what the two wait is bounded."""
        road, well = self.road(), self.registry("well")
        road.lead_to(well, lag=0.7)
        self.write_in_time(road, "filter")
        road.lead_to(well)
        self.assertPinned("filter")

    def test_failing(self):
        road, well = self.road(), self.registry("well")
        failing = HttpSource(b"")
        self.addCleanup(failing.stop)
        failing.status = 503
        road.lead_to(failing.server.server_address[1])
        self.assertAdmitted(road, "filter", "was not reached in time")
        road.lead_to(well)
        self.assertPinned("filter")

    def test_of_a_private_authority(self):
        road = self.road()
        road.lead_to(self.registry("private", certificate=Certificate(self.folder / "private-ca")))
        well = self.registry("well", certificate=self.trusted)
        self.assertAdmitted(road, "filter", "was not reached in time")
        road.lead_to(well)
        self.assertPinned("filter")

    def test_closed(self):
        """It is well for who is given the key."""
        road = self.road()
        road.lead_to(self.registry("closed", auth=htpasswd(self.folder)))
        self.assertAdmitted(road, "filter", "is not open to the webhook")
        self.wait_reason("Denied")
        login = [f"--docker-username={USER}", f"--docker-password={PASSWORD}"]
        self.kubectl(
            "create", "secret", "docker-registry", "key", f"--docker-server={road.host}", *login
        )
        patch = json.dumps({"spec": {"image": {"pull_secret": "key"}}})
        self.kubectl("patch", "wasmextension", "filter", "--type=merge", f"--patch={patch}")
        self.assertPinned("filter")

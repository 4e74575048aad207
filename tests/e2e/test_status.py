# SPDX-License-Identifier: Apache-2.0
"""Status and Events as a real API server takes them, from the controller's service account."""

import datetime
import json
import pathlib
import re
import subprocess
import time

from cluster import GROUP, ClusterCase
from processes import TREE, wait_until

DRIVER = TREE / "build/release/tests/tools/status_driver"
CONDITIONS = ["Accepted", "Resolved", "Fetched", "Programmed", "Ready"]
MODULE = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


def documented_reasons():
    """The closed list, as docs/conditions.md has it; a unit test holds that to the code."""
    table = (TREE / "docs/conditions.md").read_text().split("| reason |")[1].split("\n\n")[0]
    return re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)


CLOCK_REALTIME_COARSE = 5  # which time(2) reads, and which is a tick behind


def utc_now():
    now = time.clock_gettime(CLOCK_REALTIME_COARSE)
    return datetime.datetime.fromtimestamp(now, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Status(ClusterCase):
    def setUp(self):
        super().setUp()
        release = self.cluster.apply_roles(self.namespace)
        self.addCleanup(self._remove_roles, release)
        account = self.cluster.account(self.namespace, f"{release}-controller")
        self.said = open(self.folder / "driver.log", "w+")
        pipe = subprocess.PIPE
        self.driver = subprocess.Popen(
            [DRIVER, account], stdin=pipe, stdout=pipe, stderr=self.said, text=True
        )
        self.addCleanup(self._end_driver)
        # New roles take a moment to count.
        may = ("auth", "can-i", "patch", "wasmextensions", "--subresource=status", "-A")
        wait_until(
            lambda: self.cluster.try_kubectl(*may, kubeconfig=account).returncode == 0, "no roles"
        )

    def _remove_roles(self, release):
        label = f"app.kubernetes.io/instance={release}"
        kinds = "clusterroles,clusterrolebindings,roles,rolebindings"
        self.cluster.kubectl("delete", kinds, "-A", "--selector", label)

    def _end_driver(self):
        self.driver.stdin.close()
        self.driver.stdout.close()
        self.driver.wait()
        self.said.close()

    def order(self, line):
        self.driver.stdin.write(line + "\n")
        self.driver.stdin.flush()
        self.assertEqual(self.driver.stdout.readline(), "done\n")

    def make(self, name="x"):
        """Makes an extension; returns it as the API server has it."""
        metadata = {"name": name, "namespace": self.namespace}
        image = {"protocol": "http", "uri": "example.org/f.wasm"}
        spec = {"runtime": "v8", "vm_id": "", "root_id": "", "image": image}
        path = f"{GROUP}/namespaces/{self.namespace}/wasmextensions"
        version = "wasmxds.tetrate.io/v1alpha1"
        return self.cluster.create(path, version, "WasmExtension", metadata, spec=spec)

    def say(self, extension, reason, message="why", nacked=0):
        about = extension["metadata"]
        name = f"{about['namespace']}/{about['name']}"
        self.order(f"say {name} {about['uid']} {about['generation']} {reason} {nacked} {message}")

    def object(self, name="x"):
        return self.cluster.extension(self.namespace, name)

    def events(self, name="x"):
        path = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"
        items = self.cluster.get(path)["items"]
        return [e for e in items if e["regarding"]["name"] == name]

    def test_every_reason_is_a_status_that_the_definition_takes(self):
        extension = self.make()
        conditions = ("Accepted", "Resolved", "Fetched", "Pending", "Stale", "ProxyRefused")
        reasons = [r for r in documented_reasons() if r not in conditions]
        self.assertGreater(len(reasons), 14)
        for reason in reasons:
            self.say(extension, reason, message=f'{reason} of "it"')
            status = self.object()["status"]
            self.assertEqual([c["type"] for c in status["conditions"]], CONDITIONS)
            self.assertEqual(status["conditions"][-1]["reason"], reason)
            self.assertEqual(status["resolvedSha256"], MODULE)
            self.assertEqual(status["shortSha256"], MODULE[:12])
            self.assertEqual(status["manifestDigest"], f"sha256:{MODULE}")
            self.assertEqual((status["sizeBytes"], status["servedBytes"]), (5242880, 120931))
            self.assertEqual(status["lastHandledRefetch"], "monday")
            self.assertLess(len(json.dumps(status)), 4096)

    def test_every_field_of_the_definition_is_filled(self):
        definition = self.cluster.get(
            "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/wasmextensions.wasmxds.tetrate.io"
        )
        (version,) = definition["spec"]["versions"]
        status = version["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
        self.say(self.make(), "Programmed", nacked=2)
        seen = self.object()["status"]
        self.assertEqual(sorted(seen), sorted(status))
        self.assertEqual(sorted(seen["proxies"]), sorted(status["proxies"]["properties"]))
        condition = status["conditions"]["items"]["properties"]
        self.assertEqual(sorted(seen["conditions"][0]), sorted(condition))

    def test_columns_and_wait_say_what_the_status_says(self):
        extension = self.make()
        self.say(extension, "Programmed")
        self.kubectl("wait", "--for=condition=Ready", "wext/x", "--timeout=5s")
        self.assertRegex(self.kubectl("get", "wext"), rf"x +True +http +{MODULE[:12]} +7/9 ")
        self.say(extension, "Programmed", nacked=2)
        status = self.object()["status"]
        self.assertEqual(status["conditions"][-1]["reason"], "ProxyRefused")
        self.assertEqual(status["proxies"]["firstNack"], 'edge-1: Unable to create "Wasm"')
        self.assertIn("ProxyRefused", self.kubectl("get", "wext", "-o", "wide"))

    def test_steady_state_writes_nothing(self):
        extension = self.make()
        self.say(extension, "FetchFailed", message="timed out after 1003 ms")
        version = self.object()["metadata"]["resourceVersion"]
        events = self.events()
        for waited in (7, 998, 20011):
            self.say(extension, "FetchFailed", message=f"timed out after {waited} ms")
        self.assertEqual(self.object()["metadata"]["resourceVersion"], version)
        self.assertEqual(self.events(), events)

    def test_transition_time_moves_only_with_the_status(self):
        extension = self.make()

        def since():
            listed = self.object()["status"]["conditions"]
            return {c["type"]: (c["status"], c["lastTransitionTime"]) for c in listed}

        self.say(extension, "FetchFailed")
        before = since()
        wait_until(lambda: utc_now() > before["Ready"][1], "the clock stands")
        self.say(extension, "Programmed")
        self.assertGreater(since()["Ready"][1], before["Ready"][1])
        self.assertEqual(since()["Accepted"], before["Accepted"])
        self.assertEqual(since()["Ready"][0], "True")

    def test_repeats_are_counted_in_one_event(self):
        extension = self.make()
        for _ in range(3):
            self.say(extension, "FetchFailed", message="HTTP 503")
            self.order("age 100")
            self.say(extension, "Programmed")
            self.order("age 100")
        failed, programmed = sorted(self.events(), key=lambda e: e["reason"])
        self.assertEqual((failed["reason"], failed["type"]), ("FetchFailed", "Warning"))
        self.assertEqual(failed["note"], "HTTP 503")
        self.assertEqual(failed["series"]["count"], 3)
        self.assertEqual((programmed["reason"], programmed["type"]), ("Programmed", "Normal"))
        said = self.kubectl("describe", "wext", "x")
        self.assertRegex(said, r"Warning +FetchFailed .*HTTP 503")

    def test_event_that_is_gone_is_made_anew(self):
        extension = self.make()
        self.say(extension, "FetchFailed")
        self.kubectl("delete", "events", "--all")
        self.order("age 100")
        self.say(extension, "Programmed")
        self.say(extension, "FetchFailed")
        self.assertEqual(sorted(e["reason"] for e in self.events()), ["FetchFailed", "Programmed"])

    def test_object_that_was_made_anew_is_not_taken_for_the_one_before(self):
        before = self.make()
        self.say(before, "Programmed")
        self.kubectl("delete", "wext", "x")
        after = self.make()
        late = f"say {self.namespace}/x {before['metadata']['uid']} 1 FetchFailed 0 late"
        self.driver.stdin.write(late + "\n")
        self.driver.stdin.flush()
        log = pathlib.Path(self.said.name)
        wait_until(lambda: "status not written" in log.read_text(), "not refused")
        self.assertNotEqual(before["metadata"]["uid"], after["metadata"]["uid"])
        self.assertNotIn("status", self.object())
        self.driver.kill()

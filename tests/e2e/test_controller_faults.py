# SPDX-License-Identifier: Apache-2.0
"""`wasmxds controller` on a real API server that fails, forgets and stores what nobody expects."""

import base64
import http.client
import json
import re
import secrets
import time

from cluster import GROUP, OwnClusterCase
from harness import REFETCH, digest, extension, module
from processes import LIMIT, LOOPBACK, wait_equal, wait_until
from test_controller import ControllerCase, reference
from test_leader import TAKEOVER

DISCOVERY = "/v3/discovery:extension_configs"
CUTS = 50
FLEET = 1000
ROTATIONS = 1000
CONVERGED = 10  # seconds from the moment when the API server can be reached again
SERVED = 2  # seconds of a processor from the start of xds
QUIET_SECONDS = 6  # beyond every backoff of a request, and a renewal of the Lease


class FaultCase(ControllerCase):
    def setUp(self):
        super().setUp()
        self.wanted = {}

    def manifest(self, name, value):
        return extension(name=name, namespace=self.namespace, plugin=value)

    def put_all(self, values):
        """Applies extensions: name → value."""
        self.wanted.update(values)
        manifests = ((name, self.manifest(name, value)) for name, value in values.items())
        self.cluster.apply_all(self.namespace, "wasmextensions", manifests)

    def remove_one(self, name):
        self.wanted.pop(name)
        path = f"{GROUP}/namespaces/{self.namespace}/wasmextensions/{name}"
        status, answer = self.cluster.request("DELETE", path)
        self.assertEqual(status, 200, answer)

    def records(self):
        folder = self.store / "resources" / self.namespace
        return {path.name: path.read_bytes() for path in folder.iterdir()}

    def assertConverged(self, limit=CONVERGED):
        """Waits until the store has a record of each extension, with its value, and no other."""

        def wrong():
            records = self.records()
            strange = sorted(records.keys() ^ self.wanted.keys())
            both = records.keys() & self.wanted.keys()
            return strange + sorted(n for n in both if self.wanted[n].encode() not in records[n])

        wait_equal(wrong, [], "records that are not as wanted", limit)

    def requests(self, verb, resource):
        """How many of them the API server has answered since it started."""
        text = self.cluster.request("GET", "/metrics")[1]
        labels = rf'[^}}]*resource="{resource}"[^}}]*verb="{verb}"[^}}]*'
        wanted = rf"^apiserver_request_total{{{labels}}} (\d+)"
        return sum(int(n) for n in re.findall(wanted, text, re.MULTILINE))

    def lists(self):
        return self.requests("LIST", "wasmextensions")

    def versions(self):
        """The resourceVersion of all that the controller writes, but for its Lease."""
        places = {"wasmextensions": GROUP, "events": "/apis/events.k8s.io/v1"}
        seen = {}
        for kind, group in places.items():
            answer = self.cluster.get(f"{group}/namespaces/{self.namespace}/{kind}")
            for item in answer["items"]:
                metadata = item["metadata"]
                seen[kind, metadata["name"]] = metadata["resourceVersion"]
        return seen

    def assertQuiet(self, controller):
        """Nothing is written where nothing changes."""
        waiting = "wasmxds_controller_status_waiting"
        wait_until(lambda: controller.metric(waiting) == 0, "status is not written")
        written = "wasmxds_controller_records_put_total"
        before = self.versions(), controller.metric(written)
        time.sleep(QUIET_SECONDS)  # for what must not happen
        self.assertEqual((self.versions(), controller.metric(written)), before)


class LossTest(FaultCase, OwnClusterCase):
    def test_fifty_cuts_of_the_watch_lose_nothing(self):
        proxy = self.toxiproxy()
        self.put_all({"changes": "start", "goes-0": "start"})
        controller = self.controller(port=proxy.port.number)
        self.assertConverged()
        before = self.lists()
        for cut in range(CUTS):
            proxy.cut()
            self.remove_one(f"goes-{cut}")
            self.put_all({"changes": f"cut {cut}.", f"goes-{cut + 1}": f"new {cut}."})
            if cut % 10 == 9:
                self.cluster.compact()
            proxy.heal()
            self.assertConverged()
        self.assertEqual(self.lists(), before, "a cut is no reason to list")
        self.assertQuiet(controller)

    def test_an_api_server_that_is_killed_and_forgets_costs_one_list(self):
        self.put_all({"changes": "start", "goes-0": "start", "stays": "here"})
        controller = self.controller()
        self.assertConverged()
        for loss in range(3):
            self.cluster.kill_api()
            self.cluster.start_api()
            starts = self.start_again(controller)
            self.remove_one(f"goes-{loss}")
            self.put_all({"changes": f"loss {loss}.", f"goes-{loss + 1}": f"new {loss}."})
            self.cluster.compact()
            # One that lost its Lease, since the server was away for so long, waits for its end.
            self.assertConverged(CONVERGED + starts * TAKEOVER)
            starts += self.start_again(controller)
            self.assertLessEqual(self.lists(), 1 + starts)
        controller.wait_leading()
        self.assertQuiet(controller)

    def start_again(self, controller):
        """Does what a kubelet does where the Lease was lost meanwhile; returns how often."""
        if controller.running:
            return 0
        self.assertEqual(controller.child.returncode, 1)
        controller.start()
        return 1


class FleetTest(FaultCase, OwnClusterCase):
    def served(self, xds):
        """The value that xds serves each extension with; asks for one at a time."""
        seen = {}
        connection = http.client.HTTPConnection(LOOPBACK, xds.admin_port, timeout=LIMIT)
        for name in self.wanted:
            body = {"resource_names": [f"{self.namespace}/{name}"], "node": {"id": "n"}}
            connection.request("POST", DISCOVERY, json.dumps(body))
            response = connection.getresponse()
            answer = json.loads(response.read())
            self.assertEqual(response.status, 200, answer)
            (resource,) = answer["resources"]
            seen[name] = resource["typed_config"]["config"]["configuration"]["value"]
        connection.close()
        return seen

    def test_a_thousand_are_served_with_registry_and_api_server_down(self):
        source = self.source()
        self.wanted = {f"ext-{n:04}": f"value {n}." for n in range(FLEET)}
        sha256 = digest(module())
        image = {"protocol": "http", "uri": source.uri, "sha256": sha256}
        self.cluster.apply_all(
            self.namespace,
            "wasmextensions",
            ((n, extension(n, self.namespace, v, **image)) for n, v in self.wanted.items()),
        )
        controller = self.controller()
        self.assertConverged(4 * LIMIT)
        xds = self.xds()
        source.stop()
        self.cluster.kill_api()
        for process in (controller, xds):
            process.kill()
        controller.start()
        began = time.monotonic()
        xds.start()
        self.assertEqual(self.served(xds), self.wanted)
        took = time.monotonic() - began
        spent = xds.processor_seconds()
        print(f"all, one by one, in {spent:.2f} s of a processor and {took:.2f} s by the clock")
        # What the clock says is what the machine's others do, and who asks.
        self.assertLess(spent, SERVED)
        self.assertFalse(controller.leads())


class SecretTest(FaultCase):
    def secret(self, value):
        metadata = {"name": "secret", "namespace": self.namespace}
        document = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata}
        data = {"key": base64.b64encode(value.encode()).decode()}
        return json.dumps({**document, "data": data})

    def test_a_secret_that_is_rotated_often_ends_at_its_last_value_and_is_nowhere_else(self):
        token = secrets.token_hex(12)
        values = [f"{token}-{n}" for n in range(ROTATIONS + 1)]
        self.apply(self.secret(values[0]), "--server-side")
        key = reference("secretKeyRef", "secret", self.namespace)
        self.put(plugin=key, vm=key)
        envoy = self.start_all()
        self.assertHeader(envoy, values[0])
        before = self.requests("APPLY", "secrets")
        rotations = (("secret", self.secret(value)) for value in values[1:])
        self.cluster.apply_all(self.namespace, "secrets", rotations)
        self.assertEqual(self.requests("APPLY", "secrets") - before, ROTATIONS)
        self.assertHeader(envoy, values[-1])
        self.assertHeader(envoy, values[-1], header="x-wasm-vm")
        self.kubectl("annotate", "wasmextension", "filter", f"{REFETCH}=1")
        wait_equal(lambda: self.status().get("lastHandledRefetch"), "1", "a status of later")

        told = {
            "events": self.kubectl("get", "events", "-o", "yaml"),
            "status": self.kubectl("get", "wasmextensions", "-o", "yaml"),
            "metrics": self.running.admin("/metrics").body + self.server.admin("/metrics").body,
            "clients": self.server.admin("/clients").body,
        }
        files = [path for path in self.folder.rglob("*") if path.is_file()]
        for path in files:
            told[str(path.relative_to(self.folder))] = path.read_bytes().decode("latin-1")
        self.assertIn(f"store/resources/{self.namespace}/filter", told)
        self.assertIn("controller.1.log", told)
        encoded = base64.b64encode(token.encode()).decode()
        for place, text in told.items():
            self.assertNotIn(token, text, place)
            self.assertNotIn(encoded, text, place)


class NulTest(ControllerCase):
    """The API server stores NUL bytes in annotations, which no rule of a definition reaches."""

    def annotate(self, name, annotations):
        """Not by apply, whose annotation would hold the other as text."""
        patch = json.dumps({"metadata": {"annotations": annotations}})
        self.kubectl("patch", "wasmextension", name, "--type=merge", f"--patch={patch}")

    def records(self):
        return sorted(path.name for path in (self.store / "resources" / self.namespace).iterdir())

    def test_one_in_an_annotation_is_nobodys_business(self):
        for name in ("odd", "goes-first", "goes-later"):
            self.put(name=name)
        self.start_all(names=("odd",))
        wait_equal(self.records, ["goes-first", "goes-later", "odd"], "records")
        self.annotate("odd", {"note": "\0"})
        self.put(name="odd", plugin="two")
        wait_equal(lambda: self.status("odd").get("observedGeneration"), 2, "observedGeneration")
        self.wait_reason("Programmed", "odd")
        self.kubectl("delete", "wasmextension", "goes-first")
        wait_equal(self.records, ["goes-later", "odd"], "records")

        self.running.stop()
        self.kubectl("delete", "wasmextension", "goes-later")
        self.running.start()
        wait_equal(self.records, ["odd"], "records")
        wait_until(lambda: self.running.admin("/readyz").status == 200, "ready")
        self.wait_reason("Programmed", "odd")
        self.assertEqual(self.running.metric("wasmxds_controller_source_failures_total"), 0)

    def test_one_where_it_counts_is_invalid_by_its_name(self):
        for name in ("bad", "good"):
            self.put(name=name)
        self.start_all(names=("good",))
        refetch = "wasmxds.tetrate.io/refetch"
        self.annotate("bad", {refetch: "\0"})
        self.wait_condition("bad", "Accepted", ("False", "Invalid"))
        self.assertIn(f'annotations["{refetch}"]: must not hold a NUL', self.wait_reason("Invalid", "bad"))
        self.annotate("bad", {refetch: None})
        self.wait_condition("bad", "Accepted", ("True", "Accepted"))
        self.wait_reason("Programmed", "bad")

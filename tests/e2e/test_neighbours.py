# SPDX-License-Identifier: Apache-2.0
"""The snippets of docs/install.md for Istio and Envoy Gateway: taken by the API server with their own
definitions, and at work in an Envoy that is patched as they would patch it."""

import json
import re

from cluster import ClusterCase
from harness import extension, module
from processes import LOOPBACK, TREE, Envoy, cluster

INSTALL = TREE / "docs/install.md"
HTTP = "envoy.filters.network.http_connection_manager"
ISTIO_CLUSTER = "outbound|8610||wasmxds-xds.wasmxds.svc.cluster.local"
LISTENER = "type.googleapis.com/envoy.config.listener.v3.Listener"
CLUSTER = "type.googleapis.com/envoy.config.cluster.v3.Cluster"


def snippet(kind):
    """The block of the docs that makes an object of this kind."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", INSTALL.read_text(), re.S | re.M)
    (found,) = [block for block in blocks if f"\nkind: {kind}\n" in block]
    return found


def add(document, pointer, value):
    """What "add" of JSON Patch does."""
    *path, last = [int(key) if key.isdigit() else key for key in pointer.split("/")[1:]]
    for key in path:
        document = document[key]
    if isinstance(document, list):
        document.insert(last, value)
    else:
        document[last] = value


class Neighbours(ClusterCase):
    def setUp(self):
        super().setUp()
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension("header-filter"))
        self.server = self.wasmxds()

    def accepted(self, definitions, text):
        """Applies an object strictly, beside its definition; returns it in JSON."""
        self.cluster.apply_definitions(definitions)
        command = ("apply", "--server-side", "--validate=strict", "-o", "json", "-f", "-")
        done = self.cluster.try_kubectl(*command, text=text)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        return json.loads(done.stdout)

    def start(self, change):
        """An Envoy whose bootstrap is changed so; it must have the filter."""
        envoy = Envoy(self.folder, self.server.port.number, [])
        config = json.loads(envoy.bootstrap.read_text())
        change(config["static_resources"])
        envoy.bootstrap.write_text(json.dumps(config))
        envoy.filters = ["default/header-filter"]
        self.processes.append(envoy)
        envoy.start()
        self.addCleanup(self._end, envoy)
        self.assertHeader(envoy, "one")

    def test_envoy_filter_of_istio(self):
        text = snippet("EnvoyFilter").replace("namespace: shop", f"namespace: {self.namespace}")
        made = self.accepted("istio", text)
        (patch,) = made["spec"]["configPatches"]
        self.assertEqual(patch["applyTo"], "HTTP_FILTER")
        self.assertEqual(patch["match"]["listener"], {"filterChain": {"filter": {"name": HTTP}}})
        self.assertEqual(patch["patch"]["operation"], "INSERT_FIRST")

        def change(resources):
            # As istiod makes it of the chart's Service, whose port is of appProtocol grpc.
            resources["clusters"] = [{**cluster(self.server.port.number), "name": ISTIO_CLUSTER}]
            (chain,) = resources["listeners"][0]["filter_chains"]
            chain["filters"][0]["name"] = HTTP
            chain["filters"][0]["typed_config"]["http_filters"].insert(0, patch["patch"]["value"])

        self.start(change)

    def test_envoy_patch_policy_of_envoy_gateway(self):
        text = snippet("EnvoyPatchPolicy").replace("namespace: default", f"namespace: {self.namespace}")
        address = "address: wasmxds-xds.wasmxds.svc, port_value: 8610"
        self.assertEqual(text.count(address), 1)
        here = f"address: {LOOPBACK}, port_value: {self.server.port.number}"
        made = self.accepted("envoy-gateway", text.replace(address, here))
        new, changed = made["spec"]["jsonPatches"]
        self.assertEqual((new["type"], new["operation"]["op"], new["operation"]["path"]), (CLUSTER, "add", ""))
        self.assertEqual(new["name"], new["operation"]["value"]["name"])
        self.assertEqual((changed["type"], changed["operation"]["op"]), (LISTENER, "add"))

        def change(resources):
            resources["clusters"] = [new["operation"]["value"]]
            (listener,) = resources["listeners"]
            # As Envoy Gateway makes it of a Gateway called eg, in default, with a listener http.
            listener["name"] = changed["name"]
            (listener["default_filter_chain"],) = listener.pop("filter_chains")
            add(listener, changed["operation"]["path"], changed["operation"]["value"])

        self.start(change)

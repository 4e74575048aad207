# SPDX-License-Identifier: Apache-2.0
"""Configurations that come from Secrets and ConfigMaps in the same folder."""

import base64
import json

from clients import NAME, ClientCase
from harness import extension, module
from processes import wait_until


def secret(value, annotations=None):
    return f"""\
apiVersion: v1
kind: Secret
metadata:
  name: credentials
  namespace: default
  annotations: {json.dumps(annotations or {})}
data:
  token: {base64.b64encode(value.encode()).decode()}
"""


def config_map(value):
    return f"""\
apiVersion: v1
kind: ConfigMap
metadata:
  name: settings
  namespace: default
data:
  mode: {value}
"""


ALLOW = "wasmxds.tetrate.io/allow-namespaces"
FROM_SECRET = {"secretKeyRef": {"name": "credentials", "namespace": "default", "key": "token"}}
FROM_CONFIG_MAP = {"configMapKeyRef": {"name": "settings", "namespace": "default", "key": "mode"}}


class ValuesTest(ClientCase):
    def test_values_of_a_secret_and_a_config_map_reach_the_filter(self):
        self.write("filter.wasm", module())
        self.write("values.yaml", secret("hidden") + "---\n" + config_map("fast"))
        self.write("filter.yaml", extension(plugin=FROM_SECRET, vm=FROM_CONFIG_MAP))
        wasmxds = self.wasmxds("--log-level", "debug")
        envoy = self.envoy(wasmxds)
        self.assertHeader(envoy, "hidden")
        self.assertHeader(envoy, "fast", header="x-wasm-vm")
        self.assertNotIn("hidden", wasmxds.log())

    def test_changed_values_reach_the_filter_without_a_change_of_its_manifest(self):
        self.write("filter.wasm", module())
        self.write("secret.yaml", secret("hidden"))
        self.write("settings.yaml", config_map("fast"))
        self.write("filter.yaml", extension(plugin=FROM_SECRET, vm=FROM_CONFIG_MAP))
        envoy = self.envoy(self.wasmxds())
        self.assertHeader(envoy, "hidden")
        self.write("secret.yaml", secret("changed"))
        self.assertHeader(envoy, "changed")
        self.write("settings.yaml", config_map("slow"))
        self.assertHeader(envoy, "slow", header="x-wasm-vm")

    def test_extension_waits_for_the_secret_that_it_names(self):
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension(plugin=FROM_SECRET))
        wasmxds = self.wasmxds()
        envoy = self.envoy(wasmxds, ready=False)
        refusal = wasmxds.wait_record(msg="extension not programmed", name="default/filter")
        self.assertIn("credentials", refusal["err"])
        self.write("secret.yaml", secret("hidden"))
        self.assertHeader(envoy, "hidden")

    def test_value_of_a_secret_that_a_refusal_quotes_is_in_no_log_and_no_file(self):
        self.write("secret.yaml", secret("hidden"))
        self.write("filter.yaml", extension(plugin=FROM_SECRET))
        wasmxds = self.wasmxds("--log-level", "debug")
        stream = self.stream(self.channel(wasmxds))
        stream.send(self.ask())
        self.assertServed(stream.read().resources[0], "hidden")
        stream.send(self.ask(response_nonce="1", error_detail={"code": 3, "message": "no 'hidden'"}))
        nack = wasmxds.wait_record(msg="nack")
        self.assertRegex(nack["reason"], "^withheld")
        kept = self.store / "refusals"
        wait_until(lambda: kept.exists() and NAME.encode() in kept.read_bytes(), "not kept")
        self.assertNotIn(b"hidden", kept.read_bytes())
        self.assertNotIn("hidden", wasmxds.log())
        self.assertIn("no 'hidden'", wasmxds.admin("/clients").body)

    def test_secret_of_another_namespace_is_refused_until_it_allows_it(self):
        self.write("filter.wasm", module())
        self.write("secret.yaml", secret("hidden"))
        self.write("filter.yaml", extension(namespace="team", plugin=FROM_SECRET))
        wasmxds = self.wasmxds()
        refusal = wasmxds.wait_record(msg="extension not programmed", name="team/filter")
        self.assertIn(ALLOW, refusal["err"])
        envoy = self.envoy_without(wasmxds, "team/filter")
        self.write("secret.yaml", secret("hidden", {ALLOW: "team"}))
        self.assertHeader(envoy, "hidden")

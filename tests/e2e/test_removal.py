# SPDX-License-Identifier: Apache-2.0
"""What was removed from the folder is taken from nobody who runs it."""

import contextlib

from harness import Case, Traffic, altered, extension, module
from processes import wait_equal, wait_until


class RemovalTest(Case):
    def start_and_remove(self):
        """Removes default/filter; returns once wasmxds has seen that, by what it did after."""
        self.write("filter.wasm", module())
        self.write("marker.wasm", altered(b"x-wasm-filter", b"x-wasm-marker"))
        self.write("filter.yaml", extension())
        self.write("marker.yaml", extension("marker", plugin="zero", uri="marker.wasm"))
        wasmxds = self.wasmxds()
        envoy = self.envoy(wasmxds, "default/filter", "default/marker")
        self.assertHeader(envoy, "one")
        self.remove("filter.yaml")
        self.write("marker.yaml", extension("marker", uri="marker.wasm"))
        self.assertHeader(envoy, "one", header="x-wasm-marker")
        return wasmxds, envoy

    def test_removed_manifest_takes_nothing_from_a_proxy_that_has_it(self):
        wasmxds, envoy = self.start_and_remove()
        self.envoy_without(wasmxds)
        self.assertEqual(envoy.header(), ["one"])
        self.assertEqual(envoy.filter_stat("default/filter", "config_fail"), 0)

    def test_removed_manifest_fails_no_request_on_any_transport(self):
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension())
        wasmxds = self.wasmxds()
        transports = ("grpc", "delta", "ads", "ads-delta", "rest")
        envoys = [self.envoy(wasmxds, transport=transport) for transport in transports]
        with contextlib.ExitStack() as stack:
            traffic = [stack.enter_context(Traffic(envoy, want=["one"])) for envoy in envoys]
            self.remove("filter.yaml")
            wait_equal(lambda: wasmxds.metric("wasmxds_extensions"), 0, "extensions")
            asked = envoys[-1].filter_stat("default/filter", "update_attempt")
            wait_until(
                lambda: envoys[-1].filter_stat("default/filter", "update_attempt") > asked + 3,
                "no further look by REST",
            )
        self.assertEqual([each.failures for each in traffic], [[]] * len(envoys))
        for envoy in envoys:
            self.assertHeader(envoy, "one")
        self.write("filter.yaml", extension(plugin="back"))
        for envoy in envoys:
            self.assertHeader(envoy, "back")

    def test_removed_manifest_stays_removed_after_a_restart_of_wasmxds(self):
        wasmxds, envoy = self.start_and_remove()
        wasmxds.restart()
        self.envoy_without(wasmxds)
        self.assertEqual(envoy.header(), ["one"])

    def test_manifest_removed_while_wasmxds_was_down_is_removed(self):
        wasmxds, envoy = self.start_both()
        wasmxds.stop()
        self.remove("filter.yaml")
        wasmxds.start()
        self.write("other.yaml", extension("other"))
        wasmxds.wait_record(msg="extension programmed", name="default/other")
        self.envoy_without(wasmxds)
        self.assertEqual(envoy.header(), ["one"])

    def test_manifest_that_comes_back_is_served_again(self):
        wasmxds, envoy = self.start_and_remove()
        self.write("filter.yaml", extension(plugin="back"))
        self.assertHeader(envoy, "back")
        self.assertHeader(self.envoy(wasmxds), "back")

    def test_manifest_that_comes_back_unchanged_is_served_again(self):
        wasmxds, envoy = self.start_and_remove()
        self.write("filter.yaml", extension())
        self.assertHeader(self.envoy(wasmxds), "one")
        self.assertEqual(envoy.header(), ["one"])

    def test_manifest_that_moves_to_another_file_is_never_missing(self):
        wasmxds, envoy = self.start_both()
        (self.manifests / "filter.yaml").rename(self.manifests / "moved.yaml")
        self.write("other.yaml", extension("other"))
        wasmxds.wait_record(msg="extension programmed", name="default/other")
        self.assertHeader(self.envoy(wasmxds), "one")
        self.assertEqual(envoy.filter_stat("default/filter", "update_success"), 1)

# SPDX-License-Identifier: Apache-2.0
"""From a manifest to a header in a response, and every change of it to the next response."""

from harness import Case, altered, digest, extension, module, padded

TRANSPORTS = ("grpc", "delta", "ads", "ads-delta")


class ServingTest(Case):
    def test_first_fetch_shows_the_header(self):
        _, envoy = self.start_both()
        self.assertHeader(envoy, "vm", header="x-wasm-vm")

    def test_first_fetch_and_update_work_on_every_transport(self):
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension())
        wasmxds = self.wasmxds()
        envoys = [self.envoy(wasmxds, transport=transport) for transport in TRANSPORTS]
        for envoy in envoys:
            self.assertHeader(envoy, "one")
        self.write("filter.yaml", extension(plugin="two"))
        for envoy in envoys:
            self.assertHeader(envoy, "two")
            self.assertEqual(envoy.filter_stat("default/filter", "update_rejected"), 0)

    def test_envoy_that_asked_first_is_served_when_the_manifest_appears(self):
        self.write("filter.wasm", module())
        wasmxds = self.wasmxds()
        envoy = self.envoy(wasmxds, ready=False)
        self.write("filter.yaml", extension())
        self.assertHeader(envoy, "one")

    def test_envoy_that_gave_up_is_served_when_the_manifest_appears(self):
        self.write("filter.wasm", module())
        wasmxds = self.wasmxds()
        envoys = [self.envoy(wasmxds, transport=t, fetch_timeout=1) for t in (*TRANSPORTS, "rest")]
        for envoy in envoys:
            self.assertEqual(envoy.header(), 500)
        self.write("filter.yaml", extension())
        for envoy in envoys:
            self.assertHeader(envoy, "one")

    def test_envoy_knows_by_whom_it_is_served(self):
        _, envoy = self.start_both()
        said = envoy.admin("/stats?type=TextReadouts&filter=control_plane.identifier")
        self.assertRegex(said, r'identifier: "wasmxds/\d+\.\d+')

    def test_new_plugin_configuration_reaches_the_same_processes(self):
        wasmxds, envoy = self.start_both()
        self.write("filter.yaml", extension(plugin="two"))
        self.assertHeader(envoy, "two")
        self.assertTrue(wasmxds.running and envoy.running)
        self.assertEqual((wasmxds.starts, envoy.starts), (1, 1))

    def test_manifest_edited_in_place_is_noticed(self):
        _, envoy = self.start_both()
        (self.manifests / "filter.yaml").write_text(extension(plugin="two"))
        self.assertHeader(envoy, "two")

    def test_new_vm_configuration_reaches_the_filter(self):
        _, envoy = self.start_both()
        self.write("filter.yaml", extension(vm="other"))
        self.assertHeader(envoy, "other", header="x-wasm-vm")

    def test_new_digest_in_the_manifest_brings_the_new_module(self):
        old = module()
        new = altered(b"x-wasm-filter", b"x-wasm-second")
        self.write("filter.wasm", old)
        self.write("filter.yaml", extension(sha256=digest(old)))
        wasmxds = self.wasmxds()
        envoy = self.envoy(wasmxds)
        self.assertHeader(envoy, "one")
        self.write("filter.wasm", new)
        self.write("filter.yaml", extension(sha256=digest(new)))
        self.assertHeader(envoy, "one", header="x-wasm-second")
        self.assertHeader(envoy)

    def test_new_uri_in_the_manifest_brings_the_new_module(self):
        _, envoy = self.start_both()
        self.write("second.wasm", altered(b"x-wasm-filter", b"x-wasm-second"))
        self.write("filter.yaml", extension(uri="second.wasm"))
        self.assertHeader(envoy, "one", header="x-wasm-second")

    def test_two_filters_work_in_one_chain(self):
        self.two_filters(transport="grpc")

    def test_two_filters_work_on_one_ads_stream(self):
        self.two_filters(transport="ads")

    def test_two_filters_work_on_one_delta_ads_stream(self):
        self.two_filters(transport="ads-delta")

    def two_filters(self, transport):
        self.write("first.wasm", module())
        self.write("second.wasm", altered(b"x-wasm-filter", b"x-wasm-second"))
        self.write("both.yaml", self.two_documents("one", "two"))
        wasmxds = self.wasmxds()
        envoy = self.envoy(wasmxds, "default/first", "team/second", transport=transport)
        self.assertHeader(envoy, "one")
        self.assertHeader(envoy, "two", header="x-wasm-second")

        self.write("both.yaml", self.two_documents("one", "three"))
        self.assertHeader(envoy, "three", header="x-wasm-second")
        self.assertHeader(envoy, "one")
        self.assertEqual(envoy.filter_stat("default/first", "config_reload"), 1)

    @staticmethod
    def two_documents(first, second):
        return "---\n".join(
            (
                extension("first", plugin=first, uri="first.wasm"),
                extension("second", namespace="team", plugin=second, uri="second.wasm"),
            )
        )

    def test_two_extensions_of_one_module_keep_their_own_configuration(self):
        self.write("filter.wasm", module())
        self.write("a.yaml", extension("a", plugin="one", vm_id="shared"))
        self.write("b.yaml", extension("b", plugin="two", vm_id="shared"))
        wasmxds = self.wasmxds()
        envoy = self.envoy(wasmxds, "default/a")
        other = self.envoy(wasmxds, "default/b")
        self.assertHeader(envoy, "one")
        self.assertHeader(other, "two")

    def test_module_of_64_mib_is_served(self):
        self.write("filter.wasm", padded(64 << 20))
        self.write("filter.yaml", extension())
        wasmxds = self.wasmxds()
        for transport in ("grpc", "delta"):
            self.assertHeader(self.envoy(wasmxds, transport=transport), "one")

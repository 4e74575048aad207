# SPDX-License-Identifier: Apache-2.0
"""What is wrong is refused, with the reason, and the last good filter goes on."""

from harness import Case, altered, digest, extension, module
from processes import wait_equal

FILTER = "default/filter"


class RefusalTest(Case):
    def wait_marker(self, envoy):
        """Returns once wasmxds and Envoy have dealt with all that was written before this."""
        self.write("marker.yaml", extension("marker", uri="marker.wasm"))
        self.assertHeader(envoy, "one", header="x-wasm-marker")

    def start_with_marker(self, **options):
        """As start_both(), with an Envoy that asks for default/marker, too."""
        self.write("filter.wasm", module())
        self.write("marker.wasm", altered(b"x-wasm-filter", b"x-wasm-marker"))
        self.write("filter.yaml", extension())
        self.write("marker.yaml", extension("marker", plugin="zero", uri="marker.wasm"))
        wasmxds = self.wasmxds()
        envoy = self.envoy(wasmxds, FILTER, "default/marker", **options)
        self.assertHeader(envoy, "one")
        return wasmxds, envoy

    def assertStill(self, envoy, want):
        """Asserts that Envoy runs its first version of the filter, and was offered no other."""
        self.wait_marker(envoy)
        self.assertEqual(envoy.header(), [want])
        self.assertEqual(envoy.filter_stat(FILTER, "config_reload"), 1)
        self.assertEqual(envoy.filter_stat(FILTER, "update_rejected"), 0)

    def test_module_with_a_wrong_sha256_is_never_served(self):
        wrong = "0" * 64
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension(sha256=wrong))
        wasmxds = self.wasmxds()
        refusal = wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.assertIn(wrong, refusal["err"])
        self.assertIn(digest(module()), refusal["err"])
        self.envoy_without(wasmxds)
        self.assertFalse((self.store / "blobs/sha256" / digest(module())).exists())

    def test_last_good_module_stays_when_the_next_has_a_wrong_sha256(self):
        wasmxds, envoy = self.start_with_marker()
        # Another file: filter.wasm is followed, and would be served without a sha256 first.
        self.write("next.wasm", altered(b"x-wasm-filter", b"x-wasm-second"))
        self.write("filter.yaml", extension(plugin="two", uri="next.wasm", sha256="0" * 64))
        wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.assertStill(envoy, "one")

    def test_module_that_comes_to_match_its_sha256_is_served(self):
        good = module()
        self.write("filter.wasm", altered(b"x-wasm-filter", b"x-wasm-second"))
        self.write("filter.yaml", extension(sha256=digest(good)))
        wasmxds = self.wasmxds()
        wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.write("good.wasm", good)
        self.write("filter.yaml", extension(sha256=digest(good), uri="good.wasm"))
        self.assertHeader(self.envoy(wasmxds), "one")

    def test_module_without_the_abi_is_refused_before_envoy_sees_it(self):
        wasmxds, envoy = self.start_with_marker()
        self.write("bad.wasm", altered(b"proxy_abi_version_", b"proxy_nix_version_"))
        self.write("filter.yaml", extension(uri="bad.wasm"))
        refusal = wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.assertIn("proxy_abi_version", refusal["err"])
        self.assertStill(envoy, "one")

    def test_what_is_no_module_is_refused_and_named(self):
        self.write("filter.wasm", "<!DOCTYPE html><title>404</title>")
        self.write("filter.yaml", extension())
        wasmxds = self.wasmxds()
        refusal = wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.assertIn("HTML", refusal["err"])
        self.envoy_without(wasmxds)

    def test_uri_that_leaves_the_module_root_is_refused(self):
        (self.folder / "filter.wasm").write_bytes(module())
        self.write("filter.yaml", extension(uri="../filter.wasm"))
        wasmxds = self.wasmxds()
        refusal = wasmxds.wait_record(msg="manifest invalid", file="filter.yaml")
        self.assertIn("spec.image.uri", refusal["err"])
        self.envoy_without(wasmxds)

    def test_link_that_leaves_the_module_root_is_refused(self):
        (self.folder / "filter.wasm").write_bytes(module())
        (self.manifests / "filter.wasm").symlink_to(self.folder / "filter.wasm")
        self.write("filter.yaml", extension())
        wasmxds = self.wasmxds()
        wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.envoy_without(wasmxds)

    def test_manifest_that_is_no_yaml_keeps_the_last_good_one(self):
        self.broken_manifest("{ this is: [not YAML")

    def test_manifest_with_a_wrong_field_keeps_the_last_good_one(self):
        refusal = self.broken_manifest(extension(plugin="two", protocol="ftp"))
        self.assertIn("spec.image.protocol", refusal["err"])
        self.assertIn("ftp", refusal["err"])

    def broken_manifest(self, text):
        wasmxds, envoy = self.start_with_marker()
        self.write("filter.yaml", text)
        refusal = wasmxds.wait_record(msg="manifest invalid", file="filter.yaml")
        self.assertStill(envoy, "one")
        self.write("filter.yaml", extension(plugin="three"))
        self.assertHeader(envoy, "three")
        self.assertEqual(len(wasmxds.records(msg="manifest invalid")), 1)
        return refusal

    def test_refused_configuration_is_logged_once_and_the_old_one_goes_on(self):
        self.refused_configuration("grpc")

    def test_refused_configuration_is_logged_once_and_the_old_one_goes_on_by_delta(self):
        self.refused_configuration("delta")

    def refused_configuration(self, transport):
        wasmxds, envoy = self.start_both(transport=transport)
        self.write("filter.yaml", extension(plugin="refuse me"))
        nack = wasmxds.wait_record(msg="nack", name=FILTER)
        self.assertEqual(nack["node"], envoy.name)
        self.assertIn("Unable to create Wasm plugin", nack["reason"])
        self.assertEqual(envoy.filter_stat(FILTER, "update_rejected"), 1)
        self.assertEqual(envoy.header(), ["one"])

        self.write("filter.yaml", extension(plugin="two"))
        self.assertHeader(envoy, "two")
        self.assertEqual(len(wasmxds.records(msg="nack")), 1)
        self.assertEqual(envoy.filter_stat(FILTER, "update_rejected"), 1)

    def test_refused_configuration_heals_by_the_last_good_one(self):
        wasmxds, envoy = self.start_both()
        self.write("filter.yaml", extension(plugin="refuse me"))
        wasmxds.wait_record(msg="nack", name=FILTER)
        self.write("filter.yaml", extension())
        good = wasmxds.wait_record(msg="extension programmed", name=FILTER)["version"]
        wait_equal(
            lambda: len(wasmxds.records(msg="extension programmed", version=good)),
            2,
            "the last good version was not programmed again",
        )
        self.write("filter.yaml", extension(plugin="two"))
        self.assertHeader(envoy, "two")
        self.assertEqual(len(wasmxds.records(msg="nack")), 1)

    def test_configuration_that_was_refused_is_not_offered_when_it_comes_back(self):
        """Envoy would accept it then, and go on with the filter that it has."""
        for transport in ("grpc", "delta", "ads", "ads-delta"):
            with self.subTest(transport):
                self.refused_twice(transport)

    def refused_twice(self, transport):
        wasmxds, envoy = self.start_both(transport=transport)
        seen = lambda: wasmxds.clients()[envoy.name, FILTER]
        self.write("filter.yaml", extension(plugin="refuse me"))
        wait_equal(lambda: seen()["state"], "NACK", "state")
        reason = seen()["reason"]
        self.write("filter.yaml", extension(plugin="two"))
        self.assertHeader(envoy, "two")
        wait_equal(lambda: seen()["state"], "SYNCED", "state")
        good = seen()["running"]
        self.write("filter.yaml", extension(plugin="refuse me"))
        wait_equal(lambda: seen()["state"], "NACK", "state")
        self.assertEqual((seen()["reason"], seen()["running"]), (reason, good))
        self.write("filter.yaml", extension(plugin="three"))
        self.assertHeader(envoy, "three")
        self.assertEqual(wasmxds.metric("wasmxds_xds_nacks_total"), 1)
        self.assertEqual(wasmxds.metric("wasmxds_xds_responses_total"), 4)
        wasmxds.stop()

    def test_configuration_refused_by_one_filter_holds_up_no_other_on_ads(self):
        self.one_of_two_refused("ads")

    def test_configuration_refused_by_one_filter_holds_up_no_other_on_delta_ads(self):
        self.one_of_two_refused("ads-delta")

    def one_of_two_refused(self, transport):
        wasmxds, envoy = self.start_with_marker(transport=transport)
        self.write("filter.yaml", extension(plugin="refuse me"))
        wasmxds.wait_record(msg="nack", name=FILTER)
        self.wait_marker(envoy)
        self.assertEqual(envoy.header(), ["one"])
        self.assertEqual(len(wasmxds.records(msg="nack")), 1)

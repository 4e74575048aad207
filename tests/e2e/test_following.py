# SPDX-License-Identifier: Apache-2.0
"""What is fetched again, and what is left alone."""

from harness import REFETCH, Case, HttpSource, altered, extension, module
from processes import wait_until

OTHER = altered(b"x-wasm-filter", b"x-wasm-fliter")
INTERVAL = 10  # seconds; the least that is allowed


class FollowingTest(Case):
    def setUp(self):
        super().setUp()
        self.source = HttpSource(module())
        self.addCleanup(self.source.stop)

    def remote(self, annotations=None, suspend=False, plugin="one", **image):
        """A WasmExtension whose module the source has."""
        return extension(
            plugin=plugin,
            annotations=annotations,
            suspend=suspend,
            protocol="http",
            uri=self.source.uri,
            **image,
        )

    def start(self, **more):
        self.write("filter.yaml", self.remote(**more))
        wasmxds = self.wasmxds("--allow-loopback")
        envoy = self.envoy(wasmxds)
        self.assertHeader(envoy, "one")
        return wasmxds, envoy

    def assertOther(self, envoy):
        self.assertHeader(envoy, "one", header="x-wasm-fliter")

    def test_a_tracked_module_is_fetched_only_when_it_moved(self):
        self.source.etag = '"first"'
        wasmxds, envoy = self.start(track=True, interval=f"{INTERVAL}s")
        wait_until(lambda: self.source.heads >= 1, "never asked")
        self.assertEqual(self.source.requests, 1)
        self.source.body, self.source.etag = OTHER, '"second"'
        self.assertOther(envoy)
        self.assertEqual(self.source.requests, 2)

    def test_a_tracked_source_that_dies_takes_nothing_away(self):
        self.source.etag = '"first"'
        wasmxds, envoy = self.start(track=True, interval=f"{INTERVAL}s")
        self.source.status = 404
        wasmxds.wait_record(msg="extension not programmed", reason="NotFound")
        self.assertHeader(envoy, "one")
        self.source.status = 200
        wait_until(lambda: len(wasmxds.records(msg="extension programmed")) == 2, "not mended")

    def test_a_tracked_source_that_had_no_module_is_asked_again_at_the_interval(self):
        self.source.etag = '"first"'
        wasmxds, envoy = self.start(track=True, interval=f"{INTERVAL}s")
        self.source.body, self.source.etag = b"no module", '"second"'
        wasmxds.wait_record(msg="extension not programmed", reason="InvalidModule")
        self.assertHeader(envoy, "one")
        self.source.body, self.source.etag = OTHER, '"third"'
        self.assertOther(envoy)

    def test_what_is_not_tracked_is_asked_for_once(self):
        self.source.etag = '"first"'
        wasmxds, envoy = self.start()
        self.source.body, self.source.etag = OTHER, '"second"'
        wasmxds.restart()
        self.write("filter.yaml", self.remote(plugin="two"))
        self.assertHeader(envoy, "two")
        self.assertEqual((self.source.requests, self.source.heads), (1, 0))

    def test_each_value_of_the_annotation_fetches_once(self):
        wasmxds, envoy = self.start()
        self.source.body = OTHER
        self.write("filter.yaml", self.remote({REFETCH: "1"}))
        self.assertOther(envoy)
        self.assertEqual(self.source.requests, 2)
        wasmxds.restart()
        self.write("filter.yaml", self.remote({REFETCH: "1"}, plugin="two"))
        self.assertHeader(envoy, "two", header="x-wasm-fliter")
        self.assertEqual(self.source.requests, 2)
        self.source.body = module()
        self.write("filter.yaml", self.remote({REFETCH: "2"}, plugin="two"))
        self.assertHeader(envoy, "two")
        self.assertEqual(self.source.requests, 3)

    def test_a_fetch_that_was_asked_for_and_fails_takes_nothing_away(self):
        wasmxds, envoy = self.start()
        self.source.status = 404
        self.write("filter.yaml", self.remote({REFETCH: "1"}))
        wasmxds.wait_record(msg="extension not programmed", reason="NotFound")
        self.assertHeader(envoy, "one")

    def test_what_is_suspended_is_left_alone(self):
        wasmxds, envoy = self.start()
        self.source.body = OTHER
        self.write("filter.yaml", self.remote({REFETCH: "1"}, suspend=True, plugin="two"))
        wasmxds.wait_record(msg="extension suspended", name="default/filter")
        wasmxds.restart()
        wasmxds.wait_record(msg="extension suspended", name="default/filter")
        self.assertHeader(envoy, "one")
        self.assertEqual(self.source.requests, 1)
        self.write("filter.yaml", self.remote({REFETCH: "1"}, plugin="two"))
        self.assertHeader(envoy, "two", header="x-wasm-fliter")

    def test_what_is_suspended_can_be_deleted(self):
        wasmxds, _ = self.start()
        self.write("filter.yaml", self.remote(suspend=True))
        wasmxds.wait_record(msg="extension suspended", name="default/filter")
        self.remove("filter.yaml")
        record = self.store / "resources/default/filter"
        wait_until(lambda: not record.exists(), "the record stays")

# SPDX-License-Identifier: Apache-2.0
"""Modules from a web server, and from the store once the server is gone."""

from harness import Case, HttpSource, altered, digest, extension, module
from processes import wait_equal

FILTER = "default/filter"


class HttpSourceTest(Case):
    def setUp(self):
        super().setUp()
        self.source = HttpSource(module())
        self.stopped = False
        self.addCleanup(self.stop_source)

    def stop_source(self):
        if not self.stopped:
            self.stopped = True
            self.source.stop()

    def image(self, **fields):
        return {"protocol": "http", "uri": self.source.uri} | fields

    def test_module_from_a_web_server_is_served(self):
        self.write("filter.yaml", extension(**self.image()))
        self.assertHeader(self.envoy(self.wasmxds("--allow-loopback")), "one")

    def test_new_configuration_fetches_no_module_again(self):
        self.write("filter.yaml", extension(**self.image(sha256=digest(module()))))
        envoy = self.envoy(self.wasmxds("--allow-loopback"))
        self.assertHeader(envoy, "one")
        self.write("filter.yaml", extension(plugin="two", **self.image(sha256=digest(module()))))
        self.assertHeader(envoy, "two")
        self.assertEqual(self.source.requests, 1)

    def test_one_digest_is_downloaded_once_whatever_uris_name_it(self):
        pin = digest(module())
        for i in range(20):
            image = self.image(uri=f"{self.source.uri}?{i}", sha256=pin)
            self.write(f"{i}.yaml", extension(f"filter{i}", **image))
        wasmxds = self.wasmxds("--allow-loopback")
        wait_equal(lambda: wasmxds.metric("wasmxds_extensions"), 20, "extensions")
        self.assertEqual(self.source.requests, 1)

    def test_store_serves_when_the_web_server_is_gone(self):
        self.write("filter.yaml", extension(**self.image()))
        wasmxds = self.wasmxds("--allow-loopback")
        envoy = self.envoy(wasmxds)
        self.assertHeader(envoy, "one")
        self.stop_source()
        wasmxds.restart()
        envoy.restart()
        self.assertHeader(envoy, "one")
        self.assertHeader(self.envoy(wasmxds), "one")

    def test_web_server_that_comes_to_answer_is_tried_again(self):
        self.write("filter.yaml", extension(**self.image()))
        self.source.status = 503
        wasmxds = self.wasmxds("--allow-loopback")
        envoy = self.envoy(wasmxds, ready=False)
        refusal = wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.assertIn("503", refusal["err"])
        self.source.status = 200
        self.assertHeader(envoy, "one")

    def test_body_of_an_error_is_no_module(self):
        self.source.status = 404
        self.write("filter.yaml", extension(**self.image()))
        wasmxds = self.wasmxds("--allow-loopback")
        refusal = wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.assertIn("404", refusal["err"])
        self.envoy_without(wasmxds)

    def test_module_changed_on_the_web_server_is_refused_by_its_sha256(self):
        self.source.body = altered(b"x-wasm-filter", b"x-wasm-second")
        self.write("filter.yaml", extension(**self.image(sha256=digest(module()))))
        wasmxds = self.wasmxds("--allow-loopback")
        refusal = wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.assertIn(digest(self.source.body), refusal["err"])
        self.envoy_without(wasmxds)

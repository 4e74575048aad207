# SPDX-License-Identifier: Apache-2.0
"""Modules from a web server, and from the store once the server is gone."""

import pathlib
import re
import ssl

from harness import Case, HttpSource, altered, digest, extension, module
from processes import wait_equal, wait_until
from registries import Certificate

FILTER = "default/filter"
AUTHORITIES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")
ROOM = 6 << 20  # bytes; the authorities take 8 MiB of each handshake


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


class MemoryTest(Case):
    def test_what_fetches_by_tls_took_is_given_back(self):
        source = HttpSource(module())
        self.addCleanup(source.stop)
        certificate = Certificate(self.folder / "tls")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        source.server.socket = context.wrap_socket(source.server.socket, server_side=True)
        bundle = self.folder / "authorities.pem"
        bundle.write_bytes(AUTHORITIES.read_bytes() + certificate.authority.read_bytes())
        trust = ("--ca-file", bundle, "--fetch-host-connections=4")
        wasmxds = self.wasmxds("--allow-loopback", *trust)
        before = self.own_memory(wasmxds)
        for i in range(16):
            image = {"protocol": "https", "uri": f"{source.uri}?{i}"}
            self.write(f"{i}.yaml", extension(f"filter{i}", **image))
        wait_equal(lambda: wasmxds.metric("wasmxds_extensions"), 16, "extensions")
        most = before + ROOM
        wait_until(lambda: self.own_memory(wasmxds) < most, f"not below {most} bytes")

    def own_memory(self, process):
        """Bytes that are resident and of no file."""
        status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
        return int(re.search(r"RssAnon:\s+(\d+) kB", status)[1]) << 10

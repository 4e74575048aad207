# SPDX-License-Identifier: Apache-2.0
"""Private modules and Secrets' values on a real API server: who is given them, and what is sealed."""

import base64
import http.server
import os
import urllib.error
import urllib.request

from processes import WebServer, wait_equal, wait_until
from test_controller import ControllerCase, reference
from test_permission import NAME, PrivateRegistryCase, pull_secret

HIDDEN = "hidden-Zq81x"  # in no other file


class Hiding(WebServer):
    """Stands before a registry, which has nothing for who is not to see it."""

    def __init__(self, registry):
        hiding = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                kind, _, text = self.headers.get("Authorization", "").partition(" ")
                user = base64.b64decode(text).decode().partition(":")[0] if kind else None
                if user in hiding.blind and self.path != "/v2/":
                    self.answer(404, {}, b"")
                    return
                request = urllib.request.Request(
                    f"http://{registry.host}{self.path}", headers=dict(self.headers)
                )
                request.method = self.command
                try:
                    with urllib.request.urlopen(request) as response:
                        self.answer(response.status, response.headers, response.read())
                except urllib.error.HTTPError as e:
                    self.answer(e.code, e.headers, e.read())

            do_HEAD = do_GET

            def answer(self, status, headers, body):
                self.send_response(status)
                for name in ("Www-Authenticate", "Content-Type", "Docker-Content-Digest"):
                    if name in headers:
                        self.send_header(name, headers[name])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.blind = set()
        self.host = self.serve(Handler)


class TrustTest(PrivateRegistryCase, ControllerCase):
    """Two namespaces, each with a user of the registry."""

    def setUp(self):
        super().setUp()
        self.other = self.new_namespace()
        self.host = self.docker.host

    def want(self, namespace, user=None, plugin="one", **image):
        """Applies an extension, and the user's credentials before it."""
        image = {"protocol": "oci", "uri": f"{self.host}/{NAME}", **self.pinned, **image}
        if user:
            self.apply(pull_secret(namespace, self.host, user, f"{user}-word"))
            image["pull_secret"] = "registry"
        self.put(namespace=namespace, plugin=plugin, **image)

    def start_controller(self, *flags):
        flags = ("--fetch-tries=1", "--permission-interval=1s", *flags)
        self.running = self.controller("--namespace", self.other, *flags)

    def wait_ready(self, namespace, reason):
        state = "True" if reason == "Programmed" else "False"
        self.wait_in(namespace, "Ready", (state, reason))

    def wait_in(self, namespace, kind, want):
        wait_equal(
            lambda: self.cluster.condition(namespace, "filter", kind), want, f"{namespace}: {kind}"
        )

    def test_a_private_module_is_given_to_those_alone_who_could_fetch_it(self):
        self.want(self.namespace, "me")
        self.start_controller()
        self.wait_ready(self.namespace, "Programmed")
        downloads = self.blob_downloads()
        self.assertGreater(downloads, 0)
        self.want(self.other)
        self.wait_ready(self.other, "Denied")
        self.assertFalse((self.store / "resources" / self.other).exists())
        self.want(self.other, "you")
        self.wait_ready(self.other, "Programmed")
        self.assertEqual(self.blob_downloads(), downloads)

    def test_a_revoked_permission_is_noticed_and_no_proxy_loses_its_filter(self):
        self.want(self.namespace, "me")
        self.want(self.other, "you")
        self.start_controller()
        server = self.xds()
        envoy = self.envoy_for(server, "filter")
        self.assertHeader(envoy, "one")
        self.wait_ready(self.other, "Programmed")

        self.let_in("you")
        self.wait_ready(self.namespace, "Revoked")
        self.wait_in(self.namespace, "Fetched", ("False", "Revoked"))
        self.wait_in(self.namespace, "Programmed", ("False", "Stale"))
        self.want(self.namespace, "me", plugin="two")
        wait_equal(lambda: self.status().get("observedGeneration"), 2, "observedGeneration")
        self.assertHeader(envoy, "one")
        self.assertHeader(self.envoy_for(server, "filter"), "one")
        self.want(self.other, "you", plugin="for all")
        self.assertHeader(self.envoy(server, f"{self.other}/filter"), "for all")

        self.docker.kill()  # nobody can be asked any more
        self.running.restart()
        self.running.wait_record(msg="extension not programmed", reason="Revoked")
        self.wait_ready(self.namespace, "Revoked")
        self.docker.start()
        self.want(self.namespace, "you", plugin="two")  # other credentials: asked at once
        self.assertHeader(envoy, "two")
        self.wait_ready(self.namespace, "Programmed")
        self.wait_ready(self.other, "Programmed")

    def test_a_registry_that_hides_what_it_has_says_no(self):
        hiding = Hiding(self.docker)
        self.addCleanup(hiding.stop)
        self.host = hiding.host
        self.want(self.namespace, "me")
        self.want(self.other, "you")
        self.start_controller("--log-level=debug")
        for namespace in (self.namespace, self.other):
            self.wait_ready(namespace, "Programmed")
        hiding.blind = {"me"}
        self.wait_ready(self.namespace, "Revoked")
        self.assertIn("it is there for others", self.wait_reason("Revoked"))
        self.wait_ready(self.other, "Programmed")
        hiding.blind = set()
        self.wait_ready(self.namespace, "Programmed")

        # What is gone for all is no refusal.
        hiding.blind = {"me", "you"}
        source = f"oci://{hiding.host}/{NAME}"
        asked = lambda: self.running.records(msg="permission not asked for", source=source)  # noqa: E731
        before = len(asked())
        wait_until(lambda: len(asked()) >= before + 6, "the registry is not asked")
        for namespace in (self.namespace, self.other):
            self.wait_ready(namespace, "Programmed")
        self.assertEqual(len(self.running.records(reason="Revoked")), 1)


class SealedTest(ControllerCase):
    def setUp(self):
        super().setUp()
        self.put_secret(HIDDEN)
        self.put(plugin=reference("secretKeyRef", "secret", self.namespace))
        self.put(name="open", plugin="for all")
        self.record = self.store / "resources" / self.namespace / "filter"

    def key_file(self, *keys):
        """Puts these keys, in hex, in the place of those before."""
        temporary = self.seal_key.with_suffix(".new")
        temporary.write_text("".join(f"{key}\n" for key in keys))
        temporary.rename(self.seal_key)

    def test_a_key_is_rotated_with_nothing_restarted(self):
        old, new = (os.urandom(32).hex() for _ in range(2))
        self.key_file(old)
        envoy = self.start_all(names=("filter", "open"))
        self.assertHeader(envoy, HIDDEN, "for all")
        sealed = self.record.read_bytes()
        self.assertNotIn(HIDDEN.encode(), sealed)
        name = f"{self.namespace}/filter"
        reloads = envoy.filter_stat(name, "config_reload")
        acks = self.server.metric("wasmxds_xds_acks_total")

        self.key_file(new, old)
        wait_until(lambda: self.record.read_bytes() != sealed, "not sealed anew")
        wait_equal(lambda: self.server.metric("wasmxds_xds_acks_total"), acks + 1, "ACKs")
        self.assertEqual(envoy.filter_stat(name, "config_reload"), reloads)
        self.key_file(new)
        for process in (self.running, self.server):
            process.restart()
        self.assertHeader(self.envoy_for(self.server, "filter"), HIDDEN)
        self.wait_reason("Programmed")

    def test_xds_with_another_key_serves_all_else(self):
        self.running = self.controller()
        self.wait_reason("Programmed")
        self.wait_reason("Programmed", "open")
        self.key_file(os.urandom(32).hex())
        self.running.kill()
        server = self.xds()
        self.assertHeader(self.envoy_for(server, "open"), "for all")
        self.assertEqual(server.metric("wasmxds_store_records_sealed"), 1)
        self.envoy_without(server, f"{self.namespace}/filter")

    def test_without_a_key_a_secret_is_refused_and_nothing_else(self):
        self.running = self.controller(start=False)
        keyless = [f for f in self.running.flags if f not in ("--seal-key", self.seal_key)]
        flags, self.running.flags = self.running.flags, keyless
        self.running.start()
        self.running.wait_leading()
        self.assertIn("--seal-key", self.wait_reason("ReferenceDenied"))
        self.wait_reason("Programmed", "open")
        self.assertFalse(self.record.exists())
        self.running.flags = flags
        self.running.restart()
        self.wait_reason("Programmed")

# SPDX-License-Identifier: Apache-2.0
"""Private modules and Secrets' values on a real API server: who is given them, and what is sealed."""

import os

from processes import wait_equal, wait_until
from test_controller import ControllerCase, reference
from test_permission import NAME, PrivateRegistryCase, pull_secret

HIDDEN = "hidden-Zq81x"  # in no other file


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

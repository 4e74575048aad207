# SPDX-License-Identifier: Apache-2.0
"""What proxies run, from the xds processes' admin ports into the status of a real API server."""

from processes import LOOPBACK, wait_equal
from test_controller import ControllerCase


class ProxiesTest(ControllerCase):
    def proxies(self, *keys):
        counts = self.status().get("proxies", {})
        return tuple(counts.get(key) for key in keys)

    def start_counting(self, *servers):
        """A controller that asks these xds processes, in place of the one that filled the store."""
        admins = [f"--xds-admin={LOOPBACK}:{server.admin_port}" for server in servers]
        self.filler.stop()
        return self.controller("--survey-interval=200ms", *admins, name="counting")

    def setUp(self):
        super().setUp()
        self.put()
        self.filler = self.controller()
        self.wait_reason("Programmed")

    def wait_counts(self, connected, acked, nacked):
        want = (connected, acked, nacked, f"{acked}/{connected}")
        keys = ("connected", "acked", "nacked", "summary")
        wait_equal(lambda: self.proxies(*keys), want, "proxies")

    def test_who_has_it_and_who_refused_it_is_in_status(self):
        server = self.xds()
        self.start_counting(server)
        self.wait_counts(0, 0, 0)
        envoy = self.envoy_for(server, "filter")
        self.wait_counts(1, 1, 0)
        self.put(plugin="refuse this")
        self.wait_reason("ProxyRefused")
        self.wait_counts(1, 0, 1)
        (why,) = self.proxies("firstNack")
        self.assertRegex(why, f"^{envoy.name}: .*Unable to create Wasm plugin")
        self.put()
        self.wait_reason("Programmed")
        self.wait_counts(1, 1, 0)
        self.assertEqual(self.proxies("firstNack"), (None,))

    def test_a_refusal_of_what_holds_a_secret_is_not_quoted(self):
        server = self.xds()
        self.start_counting(server)
        envoy = self.envoy_for(server, "filter")
        self.put_secret("refuse this")
        reference = {"name": "secret", "namespace": self.namespace, "key": "key"}
        self.put(plugin={"secretKeyRef": reference})
        self.wait_reason("ProxyRefused")
        self.assertRegex(*self.proxies("firstNack"), f"^{envoy.name}: withheld")
        self.assertNotIn("refuse this", str(self.cluster.extension(self.namespace, "filter")["status"]))

    def test_a_restart_of_the_controller_writes_nothing(self):
        server = self.xds()
        controller = self.start_counting(server)
        self.envoy_for(server, "filter")
        self.wait_counts(1, 1, 0)
        before = self.cluster.extension(self.namespace, "filter")
        controller.stop()
        controller.start()
        self.put(name="later")
        wait_equal(lambda: self.status("later").get("proxies", {}).get("connected"), 0, "later")
        after = self.cluster.extension(self.namespace, "filter")
        self.assertEqual(after["metadata"]["resourceVersion"], before["metadata"]["resourceVersion"])
        self.assertEqual(after["status"], before["status"])

    def test_an_xds_process_that_does_not_answer_is_unknown_and_not_zero(self):
        server = self.xds()
        self.envoy_for(server, "filter")
        self.start_counting(server)
        self.wait_counts(1, 1, 0)
        server.kill()
        wait_equal(lambda: self.status().get("proxies"), None, "proxies")
        self.assertEqual(self.cluster.condition(self.namespace, "filter", "Ready"), ("True", "Programmed"))

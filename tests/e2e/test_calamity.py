# SPDX-License-Identifier: Apache-2.0
"""Everything fails in turn while traffic flows: no request does, and all is well at the end."""

import ssl

from harness import Traffic, module
from installed import NAMESPACE, InstalledCase
from processes import wait_equal, wait_until

WEBHOOK = f"wasmxds-webhook.{NAMESPACE}.svc"
XDS = f"wasmxds-xds.{NAMESPACE}.svc"
RETRIED = 90  # seconds: what failed is tried again at least once a minute
STANDBY = 60  # for another controller to take over from one that was killed


class Changing(Traffic):
    """To a filter whose configuration changes: what was applied once is right."""

    def good(self, seen):
        return seen in self.want


class Calamity(InstalledCase):
    def prepare(self):
        self.disk = self.node.disk("wasmxds", "256k")
        self.create_pair("xds-pair", XDS)
        self.create_pair("webhook-pair", WEBHOOK)

    def setUp(self):
        super().setUp()
        self.registry = self.source(module())
        self.value = 0
        self.values = []

    def install(self, *settings):
        several = ("xds.replicaCount=2", "controller.replicaCount=2", "persistence.sameNode=true")
        super().install(*several, "xds.tls.secretName=xds-pair", *settings)

    def webhook_flags(self):
        return [
            *("--set", "webhook.certificates.mode=secret"),
            *("--set", "webhook.certificates.secret.name=webhook-pair"),
            *("--set-file", f"webhook.certificates.secret.caBundle={self.authority.cert}"),
        ]

    def envoy_of(self, name):
        return self.subscribed(f"default/{name}", tls={"ca": self.authority.cert})

    def extension(self, **fields):
        return {"protocol": "http", "uri": self.registry.uri, **fields}

    def change(self):
        """Asks for another configuration; returns the ended kubectl."""
        self.value += 1
        self.values.append([f"value{self.value}"])
        return self.ask(name="changing", **self.extension(plugin=f"value{self.value}"))

    def converge(self):
        """A change goes all the way again."""
        self.value += 1
        self.values.append([f"value{self.value}"])
        self.apply("changing", limit=RETRIED, **self.extension(plugin=f"value{self.value}"))
        wait_equal(self.changing.header, [f"value{self.value}"], "the changed filter")

    def served_to_a_new_envoy(self):
        envoy = self.envoy_of("steady")
        self.assertEqual(envoy.header(), ["one"])
        envoy.stop()

    def reason(self, name, want, limit=RETRIED):
        wait_equal(
            lambda: self.cluster.condition("default", name, "Ready"), want, f"{name}: Ready", limit
        )

    def fail_registry(self):
        self.registry.status = 503
        done = self.ask(name="late", **self.extension(uri=f"{self.registry.uri}2"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.reason("late", ("False", "FetchFailed"))
        self.served_to_a_new_envoy()
        # What is there needs no registry.
        self.converge()
        self.registry.status = 200
        self.reason("late", ("True", "Programmed"))

    def fail_api_server(self):
        self.cluster.kill_api()
        self.served_to_a_new_envoy()
        self.cluster.start_api()
        self.node.keep()

    def leader(self):
        leading = [pod for pod in self.controllers if pod.metric("wasmxds_controller_leader")]
        return leading[0] if leading else None

    def fail_controller(self):
        leader = wait_until(self.leader, "nobody leads")
        (standby,) = [pod for pod in self.controllers if pod != leader]
        leader.kill()
        self.served_to_a_new_envoy()
        standby.wait_ready()
        wait_until(lambda: standby.metric("wasmxds_controller_leader"), "no leader", STANDBY)
        self.converge()
        self.node.keep()

    def fail_webhook(self):
        for pod in self.webhooks:
            pod.kill()
        done = self.change()
        self.assertIn("failed calling webhook", done.stderr)
        self.served_to_a_new_envoy()
        self.node.keep()

    def fail_xds(self):
        updates = self.changing.filter_stat("default/changing", "update_success")
        for pod in self.xds:
            pod.kill()
        state = "control_plane.connected_state"
        wait_equal(
            lambda: self.changing.filter_stat("default/changing", state), 0, "Envoy's connection"
        )
        self.node.keep()
        wait_equal(
            lambda: self.changing.filter_stat("default/changing", state), 1, "Envoy's connection"
        )
        self.served_to_a_new_envoy()
        self.converge()
        # It was sent the change, and nothing again.
        seen = self.changing.filter_stat("default/changing", "update_success")
        self.assertEqual(seen, updates + 1)

    def fail_disk(self):
        self.disk.fill()
        self.assertEqual(self.change().returncode, 0)
        self.reason("changing", ("False", "StorageFull"))
        self.served_to_a_new_envoy()
        self.disk.empty()
        self.reason("changing", ("True", "Programmed"))
        self.assertHeader(self.changing, f"value{self.value}")

    def fail_module(self):
        bad = self.source(b"no module")
        done = self.ask(name="changing", protocol="http", uri=bad.uri, plugin="bad")
        self.assertEqual(done.returncode, 1)
        self.assertIn("spec.image", done.stderr)
        # What only an Envoy can find out.
        before = self.changing.header()
        self.assertEqual(self.ask(name="changing", **self.extension(plugin="refuse me")).returncode, 0)
        wait_until(
            lambda: self.changing.filter_stat("default/changing", "update_rejected"), "no NACK"
        )
        self.assertEqual(self.changing.header(), before)
        self.served_to_a_new_envoy()

    def fail_certificates(self):
        for name, host, pods, port in (
            ("webhook-pair", WEBHOOK, self.webhooks, 8443),
            ("xds-pair", XDS, self.xds, 8610),
        ):
            pem = self.rotate_pair(name, host)
            self.node.refresh()
            for pod in pods:
                shown = lambda at=(pod.address, port): ssl.get_server_certificate(at).split()
                wait_equal(shown, pem.split(), f"{pod.name}: its certificate")
        self.served_to_a_new_envoy()

    def test_everything_fails_in_turn_and_no_request_does(self):
        self.install()
        self.apply("steady", **self.extension())
        self.apply("changing", **self.extension(plugin="value0"))
        self.values.append(["value0"])
        steady, self.changing = self.envoy_of("steady"), self.envoy_of("changing")
        self.assertHeader(steady, "one")
        self.assertHeader(self.changing, "value0")
        with Traffic(steady, ["one"]) as one, Changing(self.changing, self.values) as other:
            for fail in (
                *(self.fail_registry, self.fail_api_server, self.fail_controller),
                *(self.fail_webhook, self.fail_xds, self.fail_disk),
                *(self.fail_module, self.fail_certificates),
            ):
                answers = one.answers, other.answers
                fail()
                self.converge()
                self.assertEqual((one.failures, other.failures), ([], []), fail.__name__)
                self.assertTrue(one.answers > answers[0] and other.answers > answers[1])
        self.assertEqual(steady.filter_stat("default/steady", "update_success"), 1)

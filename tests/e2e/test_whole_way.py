# SPDX-License-Identifier: Apache-2.0
"""From helm install to a header in a real Envoy's answers, by the pods that the chart renders."""

from certificates import Authority
from cluster import CHART, Cluster
from harness import Case, HttpSource, digest, extension, module
from pods import Network, Node
from processes import wait_equal, wait_until
from test_chart import set_flags

NAMESPACE = "mesh"
WEBHOOK = f"wasmxds-webhook.{NAMESPACE}.svc"
# Each pod on an address of its own, as everywhere; here they are of one machine.
OWN_ADDRESS = (
    "listenAddress=$(POD_IP)",
    *(
        setting
        for component in ("controller", "webhook", "xds")
        for setting in (
            f"{component}.extraEnv[0].name=POD_IP",
            f"{component}.extraEnv[0].valueFrom.fieldRef.fieldPath=status.podIP",
        )
    ),
)
LOCAL_SOURCES = ("controller.extraArgs={--allow-loopback}", "webhook.extraArgs={--allow-loopback}")


class WholeWay(Case):
    def setUp(self):
        super().setUp()
        self.network = Network()
        self.addCleanup(self.network.release)
        flags = ("--service-cluster-ip-range", self.network.services)
        self.cluster = Cluster(flags, definition=False)
        self.addCleanup(self.cluster.stop)
        self.cluster.start()

    def source(self, body):
        source = HttpSource(body)
        self.addCleanup(source.stop)
        return source

    def install(self, *settings):
        """helm install, and everything runs that it asked for."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        metadata = {"name": NAMESPACE, "labels": labels}
        self.cluster.create("/api/v1/namespaces", "v1", "Namespace", metadata)
        self.node = Node(self, self.cluster, self.network, NAMESPACE)
        authority = self.webhook_certificate()
        flags = set_flags((*OWN_ADDRESS, *LOCAL_SOURCES, *settings))
        flags += ["--set", "webhook.certificates.mode=secret"]
        flags += ["--set", "webhook.certificates.secret.name=webhook-pair"]
        flags += ["--set-file", f"webhook.certificates.secret.caBundle={authority.cert}"]
        self.cluster.helm("install", "wasmxds", CHART, "--namespace", NAMESPACE, *flags)
        self.node.expose()
        self.webhooks = self.node.deploy("wasmxds-webhook")
        self.xds = self.node.deploy("wasmxds-xds")
        for pod in self.xds:  # whatever is up first
            pod.wait_up(lambda: pod.records(msg="waiting for the store"), "not waiting")
        self.controllers = self.node.deploy("wasmxds-controller")
        for pod in (*self.webhooks, *self.xds, *self.controllers):
            pod.wait_ready()

    def webhook_certificate(self):
        authority = Authority(self.folder, "webhook-ca")
        pair = authority.issue("webhook", f"DNS:{WEBHOOK}")
        files = [f"--cert={pair['cert']}", f"--key={pair['key']}"]
        secret = ("create", "secret", "tls", "webhook-pair", "--namespace", NAMESPACE)
        self.cluster.kubectl(*secret, *files)
        return authority

    def subscribed(self, *names, **options):
        """An Envoy that asks the Service of xds for these."""
        host = self.node.address("wasmxds-xds")
        return self.envoy(None, *names, port=8610, host=host, **options)

    def spec(self, name="filter"):
        return self.cluster.extension("default", name)["spec"]

    def proxies(self, name="filter"):
        return self.cluster.extension("default", name).get("status", {}).get("proxies")

    def test_from_helm_install_to_a_header_and_back_to_the_status(self):
        source = self.source(module())
        self.install()
        self.cluster.kubectl(
            *("apply", "-f", "-"), text=extension(protocol="http", uri=source.uri)
        )
        self.assertEqual(self.spec()["image"]["sha256"], digest(module()))

        envoy = self.subscribed("default/filter")
        self.assertHeader(envoy, "one")
        wait_equal(
            lambda: self.cluster.condition("default", "filter", "Ready"),
            ("True", "Programmed"),
            "Ready",
        )
        wait_equal(self.proxies, {"connected": 1, "acked": 1, "nacked": 0}, "its proxies")

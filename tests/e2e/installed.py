# SPDX-License-Identifier: Apache-2.0
"""The chart installed by the real helm into a cluster, with every pod that it asks for running."""

import base64

from certificates import Authority
from cluster import CHART, Cluster
from harness import Case, HttpSource, extension
from pods import Network, Node
from processes import LIMIT, wait_equal, wait_until
from test_chart import set_flags

NAMESPACE = "mesh"
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
LOCAL_SOURCES = (
    "controller.extraArgs={--allow-loopback,--survey-interval=1s}",
    "webhook.extraArgs={--allow-loopback}",
)


class InstalledCase(Case):
    """A cluster with the chart in it, and its pods running."""

    chart = CHART

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
        self.own_node(NAMESPACE)
        self.authority = Authority(self.folder, "authority")
        self.prepare()
        flags = set_flags((*OWN_ADDRESS, *LOCAL_SOURCES, *settings))
        flags += self.webhook_flags()
        self.cluster.helm("install", "wasmxds", self.chart, "--namespace", NAMESPACE, *flags)
        self.run_pods()

    def own_node(self, namespace):
        """What a namespace, which is there, has that no helm brings."""
        self.node = Node(self, self.cluster, self.network, namespace)

    def run_pods(self):
        """Runs what helm asked for."""
        self.node.expose()
        self.xds_address = self.node.address("wasmxds-xds")
        self.webhooks = self.node.deploy("wasmxds-webhook")
        self.xds = self.node.deploy("wasmxds-xds")
        for pod in self.xds:  # whatever is up first
            pod.wait_up(lambda: pod.records(msg="waiting for the store"), "not waiting")
            self.assertTrue(pod.probe("livenessProbe"))
            self.assertFalse(pod.ready())
        self.controllers = self.node.deploy("wasmxds-controller")
        for pod in (*self.webhooks, *self.xds, *self.controllers):
            pod.wait_ready()

        # An API server takes a moment to see which authority it is to believe.
        wait_until(lambda: self.ask("--dry-run=server").returncode == 0, "the webhook's first yes")

    def webhook_flags(self):
        """Of helm; without any, it has a certificate of its own."""
        return []

    def prepare(self):
        """What a test wants there before helm comes."""

    def create_pair(self, name, host, *more):
        """A Secret with a certificate and its authority's, laid out as cert-manager does.

        more: other names, as Authority.issue() takes them.
        """
        pair = self.authority.issue(name, f"DNS:{host}", *more)
        files = {"tls.crt": pair["cert"], "tls.key": pair["key"], "ca.crt": self.authority.cert}
        secret = ("create", "secret", "generic", name, "--type=kubernetes.io/tls")
        from_files = [f"--from-file={key}={file}" for key, file in files.items()]
        self.cluster.kubectl(*secret, "--namespace", NAMESPACE, *from_files)

    def rotate_pair(self, name, host, *more):
        """Puts another certificate into the Secret; returns it, in PEM."""
        pair = self.authority.issue(name, f"DNS:{host}", *more)
        data = {"tls.crt": pair["cert"], "tls.key": pair["key"]}
        data = {k: base64.b64encode(file.read_bytes()).decode() for k, file in data.items()}
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}"
        status, answer = self.cluster.request("PATCH", path, {"data": data}, kind="merge")
        self.assertEqual(status, 200, answer)
        return pair["cert"].read_text()

    def subscribed(self, *names, **options):
        """An Envoy that asks the Service of xds for these."""
        return self.envoy(None, *names, port=8610, host=self.xds_address, **options)

    def spec(self, name="filter"):
        return self.cluster.extension("default", name)["spec"]

    def proxies(self, name="filter"):
        return self.cluster.extension("default", name).get("status", {}).get("proxies")

    def ask(self, *flags, **fields):
        """A user applies an extension; returns the ended kubectl."""
        return self.cluster.try_kubectl("apply", *flags, "-f", "-", text=extension(**fields))

    def apply(self, name="filter", limit=LIMIT, **fields):
        """A user applies an extension, and it is served."""
        done = self.ask(name=name, **fields)
        self.assertEqual(done.returncode, 0, done.stderr)
        want = self.cluster.extension("default", name)["metadata"]["generation"]

        def settled():
            status = self.cluster.extension("default", name).get("status", {})
            ready = self.cluster.condition("default", name, "Ready")
            return status.get("observedGeneration"), ready

        wait_equal(settled, (want, ("True", "Programmed")), f"{name}: its status", limit)

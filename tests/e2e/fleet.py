# SPDX-License-Identifier: Apache-2.0
"""`wasmxds controller` on a real API server, with the chart's roles, and `wasmxds xds` beside it."""

import os

from cluster import ClusterCase
from processes import LOOPBACK, WASMXDS, Wasmxds, wait_equal, wait_until


class Controller(Wasmxds):
    """`wasmxds controller`, to the Lease that the chart's role is about."""

    def __init__(self, folder, store, lease, kubeconfig, flags=(), name="controller"):
        super().__init__(folder, None, flags, name)
        self.store = store
        self.lease = lease  # namespace and name
        self.kubeconfig = kubeconfig

    def start(self):
        namespace, name = self.lease
        command = [WASMXDS, "controller", "--kubeconfig", self.kubeconfig, "--store", self.store]
        command += ["--lease-namespace", namespace, "--lease-name", name]
        command += ["--admin-listen", f"{LOOPBACK}:0", *self.flags]
        self.spawn(command)
        started = self.wait_record(msg="started")
        self.admin_port = int(started["admin"].rpartition(":")[2])

    def leads(self):
        return self.metric("wasmxds_controller_leader") == 1

    def wait_leading(self, limit=30):
        wait_until(self.leads, f"{self.name} does not lead", limit)


class Xds(Wasmxds):
    """`wasmxds xds` over a store."""

    def __init__(self, folder, store, flags=(), name="xds"):
        super().__init__(folder, None, flags, name)
        self.store = store

    def start(self):
        listen = ["--listen", f"{LOOPBACK}:{self.port.number}", "--admin-listen", f"{LOOPBACK}:0"]
        self.spawn([WASMXDS, "xds", "--store", self.store, *listen, *self.flags])
        serving = self.wait_record(msg="serving")
        self.admin_port = int(serving["admin"].rpartition(":")[2])


class FleetCase(ClusterCase):
    """A namespace, its roles, and a folder for the store and for modules."""

    def setUp(self):
        super().setUp()
        self.release = self.cluster.apply_roles(self.namespace)
        self.addCleanup(self.remove_roles)
        self.store = self.folder / "store"
        self.modules = self.folder / "modules"
        self.modules.mkdir()
        self.seal_key = self.folder / "seal.key"
        self.seal_key.write_text(os.urandom(32).hex() + "\n")

    def remove_roles(self):
        label = f"app.kubernetes.io/instance={self.release}"
        kinds = "clusterroles,clusterrolebindings,roles,rolebindings"
        if self.cluster.api.running:
            self.cluster.kubectl("delete", kinds, "-A", "--selector", label)

    def controller(self, *flags, name="controller", port=None, start=True):
        """Starts a controller; port: of what is between it and the API server."""
        account = f"{self.release}-controller"
        kubeconfig = self.cluster.account(self.namespace, account, port=port)
        flags = ["--allow-loopback", "--module-root", self.modules, *flags]
        flags = ["--namespace", self.namespace, "--seal-key", self.seal_key, *flags]
        lease = (self.namespace, account)
        process = Controller(self.folder, self.store, lease, kubeconfig, flags, name)
        self.processes.append(process)
        self.addCleanup(process.port.release)
        self.addCleanup(self._end, process)
        if start:
            process.start()
            process.wait_leading()
        return process

    def xds(self, *flags):
        """Starts an xds process, once there is a store."""
        wait_until(lambda: (self.store / "generation").exists(), "no store")
        process = Xds(self.folder, self.store, ["--seal-key", self.seal_key, *flags])
        self.processes.append(process)
        self.addCleanup(process.port.release)
        self.addCleanup(self._end, process)
        process.start()
        return process

    def envoy_for(self, xds, *names, **options):
        return self.envoy(xds, *(f"{self.namespace}/{name}" for name in names), **options)

    def status(self, name="filter"):
        return (self.cluster.extension(self.namespace, name) or {}).get("status", {})

    def wait_condition(self, name, kind, want):
        """Waits for (status, reason) of a condition."""
        wait_equal(
            lambda: self.cluster.condition(self.namespace, name, kind), want, f"{name}: {kind}"
        )

    def wait_reason(self, reason, name="filter"):
        """Waits for the reason of condition Ready; returns its message."""

        def ready():
            return next((c for c in self.status(name).get("conditions", []) if c["type"] == "Ready"), {})

        wait_equal(lambda: ready().get("reason"), reason, f"{name}: Ready")
        return ready()["message"]

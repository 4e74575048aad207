# SPDX-License-Identifier: Apache-2.0
"""What happens to an installation in the soak.  Each event returns once all is well again."""

import concurrent.futures
import signal
import ssl
import time

from bed import PATIENCE, VERSION, WEBHOOK, XDS, Bed, variant
from processes import wait_equal, wait_until
from registries import MODULE, MODULE_CONFIG, Layout

GARBAGE = b"no module"
WRITERS = 16


class Events(Bed):
    """The events, by name.  Those of KILLING end processes that are measured in the second half."""

    GENTLE = (
        *("configuration", "secret", "module", "creation", "refused_configuration"),
        *("refused_module", "registry", "watch", "move", "xds", "webhook", "certificates"),
    )
    KILLING = ("api_server", "controller")

    def happen(self, kind):
        getattr(self, f"event_{kind}")()
        self.converge()

    def event_configuration(self):
        for _ in range(self.random.randint(1, 5)):
            value = self.next_value()
            self.change("values", "x-wasm-values", value)
            self.configure("values", value)
        self.shown("values")

    def event_secret(self):
        for _ in range(self.random.randint(1, 5)):
            self.rotate()
        self.shown("secret")

    def rotate(self):
        value = self.next_value()
        self.change("secret", "x-wasm-secret", value)
        self.put_secret("soak", value)

    def event_module(self):
        """Another module under the tag that is tracked."""
        self.version += 1
        self.change("tracked", self.tracked_header(), "tracked-0")
        self.push("tracked:latest", variant(self.tracked_header()))
        self.shown("tracked")

    def event_creation(self):
        self.come_and_go(self.random.randint(1, 3))

    def come_and_go(self, extensions):
        """Extensions, each with a Secret of its own, that are served and then are no more."""
        names = [f"extra-{self.value}-{n}" for n in range(extensions)]
        for name in names:
            uri = self.push(f"{name}:latest", variant("x-wasm-filter"))
            self.put_secret(name, "value")
            self.write(name, {"valueFrom": {"secretKeyRef": {"name": name, "key": "key"}}}, uri)
        self.wait_programmed(*names)
        self.wait_served(names, True)
        for name in names:
            self.remove(self.path(name))
            self.remove(f"/api/v1/namespaces/default/secrets/{name}")
        self.wait_served(names, False)

    def wait_served(self, names, want):
        for pod in self.xds:
            for name in names:
                what = f"{name} served by {pod.name}"
                wait_equal(lambda p=pod, n=name: self.served(p, n), want, what, PATIENCE)

    def event_refused_configuration(self):
        """Which only an Envoy finds out: a NACK, and the last good one goes on."""
        before = [envoy.filter_stat("default/values", "update_rejected") for envoy in self.envoys]
        self.configure("values", f"refuse this: {self.next_value()}")
        for envoy, rejected in zip(self.envoys, before):
            stat = lambda e=envoy: e.filter_stat("default/values", "update_rejected")
            wait_until(lambda s=stat, n=rejected: s() > n, f"{envoy.name}: no NACK", PATIENCE)
        self.wait_reason("values", "False", "ProxyRefused")

    def event_refused_module(self):
        """Which the controller finds out: it never reaches an Envoy."""
        folder = self.folder / f"garbage-{self.value}"
        layout = Layout(folder)
        layout.tag("bad", layout.manifest(MODULE_CONFIG, [(MODULE, GARBAGE)], {"n": self.value}))
        self.registry.push(layout, "bad", "soak/tracked:latest")
        self.wait_reason("tracked", "False", "InvalidModule")
        self.event_module()

    def event_registry(self):
        """It is down: what is there needs none, and what is new waits for it."""
        name = f"late-{self.value}"
        uri = self.push(f"{name}:latest", variant("x-wasm-filter"))
        self.registry.kill()
        value = self.next_value()
        self.change("values", "x-wasm-values", value)
        self.configure("values", value)
        self.shown("values")
        self.write(name, {"value": "late"}, uri)
        self.wait_reason(name, "False", "FetchFailed")
        self.registry.start()
        self.wait_programmed(name)
        self.remove(self.path(name))
        self.wait_served([name], False)

    def event_watch(self):
        """Pods lose the API server for a moment, which forgets meanwhile half of the times."""
        self.proxy.cut()
        self.rotate()
        if self.random.random() < 0.5:
            self.cluster.compact()
        time.sleep(self.random.uniform(0, 2))
        self.proxy.heal()
        self.shown("secret")

    def event_move(self):
        """Envoys go to another replica, and are sent nothing again."""
        before = [self.connections(envoy) for envoy in self.envoys]

        def cut():
            self.node.balancers["wasmxds-xds"].cut()
            for envoy, number in zip(self.envoys, before):
                again = lambda e=envoy, n=number: self.connections(e) > n
                wait_until(again, f"{envoy.name}: did not come back", PATIENCE)

        self.to_another(cut)

    def connections(self, envoy):
        return envoy.stat("cluster.wasmxds.upstream_cx_total")

    def to_another(self, cut):
        """Cuts Envoys off; returns when both have come back to a replica that runs."""
        updates = [self.updates(envoy) for envoy in self.envoys]
        cut()
        for envoy in self.envoys:
            wait_until(lambda e=envoy: self.synced(e), f"{envoy.name}: not synced", PATIENCE)
        # The stream is in order: what was sent again would come before this.
        self.converge()
        for envoy, before in zip(self.envoys, updates):
            wait_equal(lambda e=envoy: self.synced(e), True, f"{envoy.name}: synced", PATIENCE)
            want = {**before, "values": before["values"] + 1}
            self.assertEqual(self.updates(envoy), want, f"{envoy.name}: updates")

    def updates(self, envoy):
        stat = lambda name: envoy.filter_stat(f"default/{name}", "update_success")
        return {name: stat(name) for name in self.wanted.pairs}

    def event_xds(self):
        """The replica that is not spared ends, by force or as asked, and comes back."""
        pod = self.xds[0]
        end = self.random.choice((signal.SIGKILL, signal.SIGTERM))
        self.to_another(lambda: pod.stop(end))

    def event_webhook(self):
        """One is away, and many write at a time, so that each worker of the other has work."""
        self.webhooks[0].stop(self.random.choice((signal.SIGKILL, signal.SIGTERM)))
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            for done in [pool.submit(self.try_out, n) for n in range(4 * WRITERS)]:
                done.result()
        self.event_configuration()
        self.node.keep()

    def try_out(self, n):
        """A dry run, of an extension whose module is at a host of its own where nobody answers."""
        name = f"tried-{self.value}-{n}"
        spec = {"runtime": "v8", "vm_id": name, "root_id": name}
        reference = {"secretKeyRef": {"name": "soak", "key": "key"}}
        spec["plugin_configuration"] = {"valueFrom": reference}
        spec["image"] = {"protocol": "http", "uri": f"127.0.0.{n + 2}:9/{name}.wasm"}
        document = {"apiVersion": VERSION, "kind": "WasmExtension", "metadata": {"name": name}}
        path = f"{self.path()}?dryRun=All"

        def admitted():
            return self.cluster.request("POST", path, {**document, "spec": spec})[0] == 201

        wait_until(admitted, f"{name} is not admitted", PATIENCE)

    def event_certificates(self):
        for pair, pods, port in ((WEBHOOK, self.webhooks, 8443), (XDS, self.xds, 8610)):
            pem = self.rotate_pair(*pair)
            self.node.refresh()
            for pod in pods:
                shown = lambda at=(pod.address, port): ssl.get_server_certificate(at).split()
                wait_equal(shown, pem.split(), f"{pod.name}: its certificate", PATIENCE)

    def event_api_server(self):
        self.cluster.kill_api()
        time.sleep(self.random.uniform(0, 5))
        self.cluster.start_api()
        self.revive()
        for pod in self.node.pods:
            pod.wait_ready()

    def event_controller(self):
        leader = wait_until(self.leader, "nobody leads", PATIENCE)
        leader.kill()
        wait_until(self.leader, "nobody leads", PATIENCE)
        self.node.keep()

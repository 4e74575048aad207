# SPDX-License-Identifier: Apache-2.0
"""What the soak stands on: the chart installed with two replicas of each, a registry, two Envoys.

The second replica of xds and of the webhook is spared: nobody ever kills it, so that what it takes
can be measured for as long as the soak runs.
"""

import base64
import json
import os
import pathlib

from cluster import GROUP, Toxiproxy
from harness import altered, module, padded
from installed import NAMESPACE, InstalledCase
from processes import HeldPort, fetch, wait_equal, wait_until
from registries import Certificate, DockerRegistry
from traffic import Steady, Wanted

WEBHOOK = ("webhook-pair", f"wasmxds-webhook.{NAMESPACE}.svc")
XDS = ("xds-pair", f"wasmxds-xds.{NAMESPACE}.svc", "IP:127.0.0.1")  # as the load client calls it
LOAD_NAMESPACE, LOAD_NAMES = "bench", 4
VERSION = "wasmxds.tetrate.io/v1alpha1"
DISCOVERY = "/v3/discovery:extension_configs"
PATIENCE = 180  # seconds for what takes a few, or a minute where it is tried again
GRACE = 30  # seconds; --gc-grace
PAD = 64 << 10  # bytes that make each module one of its own
AUTHORITIES = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")  # what a handshake reads, all of it
TRUST = ("--allow-loopback", "--ca-file=/authorities/all.pem")
ARGUMENTS = (*TRUST, "--survey-interval=1s", f"--gc-grace={GRACE}s")


def trusting(component):
    """Has a component trust the registry's authority, beside those that the world trusts."""
    yield f"{component}.extraVolumes[0].name=authorities"
    yield f"{component}.extraVolumes[0].configMap.name=authorities"
    yield f"{component}.extraVolumeMounts[0].name=authorities"
    yield f"{component}.extraVolumeMounts[0].mountPath=/authorities"


SETTINGS = (
    *trusting("controller"),
    *trusting("webhook"),
    "webhook.extraArgs={" + ",".join(TRUST) + "}",
    *(f"{component}.replicaCount=2" for component in ("controller", "webhook", "xds")),
    "persistence.sameNode=true",
    "xds.tls.secretName=" + XDS[0],
    "controller.extraArgs={" + ",".join(ARGUMENTS) + "}",
)
FILTERS = ("steady", "values", "secret", "tracked")
TRANSPORTS = ("grpc", "ads-delta")  # SotW, one stream a filter; Delta, one for all


def variant(header):
    """A module that sets this header, of x-wasm-filter's length, and is like no other."""
    padding = padded(os.urandom(PAD))[len(module()) :]
    return altered(b"x-wasm-filter", header.encode()) + padding


class Bed(InstalledCase):
    def prepare(self):
        self.proxy = Toxiproxy(self.folder, self.cluster.port)
        self.processes.append(self.proxy)
        self.addCleanup(self.proxy.release)
        self.addCleanup(self.proxy.kill)
        self.proxy.start()
        self.node.api_port = self.proxy.port.number
        self.create_pair(*XDS)
        self.create_pair(*WEBHOOK)
        self.certificate = Certificate(self.folder / "registry-tls")
        self.bundle = self.folder / "all.pem"
        self.bundle.write_bytes(AUTHORITIES.read_bytes() + self.certificate.authority.read_bytes())
        create = ("create", "configmap", "authorities", "--namespace", NAMESPACE)
        self.cluster.kubectl(*create, f"--from-file={self.bundle}")

    def webhook_flags(self):
        return [
            *("--set", "webhook.certificates.mode=secret"),
            *("--set", f"webhook.certificates.secret.name={WEBHOOK[0]}"),
            *("--set-file", f"webhook.certificates.secret.caBundle={self.authority.cert}"),
        ]

    def start_registry(self):
        port = HeldPort()
        self.addCleanup(port.release)
        self.registry = DockerRegistry(self.folder, certificate=self.certificate, port=port.number)
        self.processes.append(self.registry)
        self.addCleanup(self._end_registry)
        self.registry.start()

    def _end_registry(self):
        if self.registry.running:
            self.registry.kill()

    def push(self, name, content):
        """Puts a module into the registry by our own push; returns its uri."""
        file = self.folder / "pushed.wasm"
        file.write_bytes(content)
        uri = f"{self.registry.host}/soak/{name}"
        done = self.run_command("push", "--allow-loopback", "--ca-file", self.bundle, file, uri)
        self.assertEqual(done.returncode, 0, done.stderr)
        return uri

    def path(self, name="", namespace="default"):
        return f"{GROUP}/namespaces/{namespace}/wasmextensions/{name}".rstrip("/")

    def write(self, name, plugin, uri, namespace="default", **image):
        """Creates an extension."""
        spec = {"runtime": "v8", "vm_id": name, "root_id": name, "plugin_configuration": plugin}
        spec["image"] = {"protocol": "oci", "uri": uri, **image}
        place = (self.path("", namespace), VERSION, "WasmExtension")
        self.cluster.create(*place, {"name": name}, spec=spec)

    def patch(self, path, document):
        """Tried again: one of the webhooks may just have been killed."""

        def done():
            status, answer = self.cluster.request("PATCH", path, document, kind="merge")
            self.said = answer
            return status == 200

        wait_until(done, f"PATCH {path}", PATIENCE)

    def configure(self, name, value):
        self.patch(self.path(name), {"spec": {"plugin_configuration": {"value": value}}})

    def put_secret(self, name, value):
        """Makes it, or gives it another value."""
        data = {"key": base64.b64encode(value.encode()).decode()}
        path = "/api/v1/namespaces/default/secrets"
        if self.cluster.get(f"{path}/{name}"):
            self.patch(f"{path}/{name}", {"data": data})
        else:
            self.cluster.create(path, "v1", "Secret", {"name": name}, data=data)

    def remove(self, path):
        status, answer = self.cluster.request("DELETE", path)
        self.assertEqual(status, 200, answer)

    def wait_reason(self, name, *want, namespace="default"):
        """Until Ready has this status and reason, said of what the extension is now."""

        def ready():
            extension = self.cluster.extension(namespace, name) or {"metadata": {}}
            status = extension.get("status", {})
            if status.get("observedGeneration") != extension["metadata"].get("generation"):
                return None
            found = [c for c in status.get("conditions", []) if c["type"] == "Ready"]
            return found and (found[0]["status"], found[0]["reason"])

        wait_equal(ready, want, f"{name}: Ready", PATIENCE)

    def wait_programmed(self, *names, namespace="default"):
        for name in names:
            self.wait_reason(name, "True", "Programmed", namespace=namespace)

    def fill(self):
        """The extensions that are there all the time."""
        self.value = 0
        self.wanted = Wanted()
        for name in FILTERS[:3]:
            self.put_filter(name, f"x-wasm-{name}")
        self.version = 0
        self.put_filter("tracked", self.tracked_header(), track=True, interval="10s")
        metadata = {"name": LOAD_NAMESPACE}
        self.cluster.create("/api/v1/namespaces", "v1", "Namespace", metadata)
        for n in range(LOAD_NAMES):
            uri = self.push(f"load:{n}", variant("x-wasm-filter"))
            self.write(f"ext-{n:05}", {"value": "load"}, uri, namespace=LOAD_NAMESPACE)
        self.wait_programmed(*FILTERS)
        for n in range(LOAD_NAMES):
            self.wait_programmed(f"ext-{n:05}", namespace=LOAD_NAMESPACE)

    def tracked_header(self):
        return f"x-wasm-{self.version:06}"

    def put_filter(self, name, header, **image):
        uri = self.push(f"{name}:latest", variant(header))
        value = f"{name}-0"
        plugin = {"value": value}
        if name == "secret":
            self.put_secret("soak", value)
            plugin = {"valueFrom": {"secretKeyRef": {"name": "soak", "key": "key"}}}
        self.write(name, plugin, uri, **image)
        self.wanted.allow(name, (header, value))

    def start_envoys(self):
        names = [f"default/{name}" for name in FILTERS]
        tls = {"ca": self.authority.cert}
        self.envoys = [self.subscribed(*names, transport=way, tls=tls) for way in TRANSPORTS]
        self.traffic = [Steady(envoy, self.wanted) for envoy in self.envoys]

    def change(self, name, *pair):
        """What a filter may show from now on is this too, until shown() says that it does."""
        self.wanted.allow(name, *self.wanted.pairs[name], pair)

    def shown(self, name):
        """Waits for the newest pair in both Envoys' answers; no other may come from then on."""
        pair = self.wanted.pairs[name][-1]
        for traffic in self.traffic:
            wait_until(lambda t=traffic: t.shows(pair), f"{traffic.envoy.name}: {pair}", PATIENCE)
        self.wanted.allow(name, pair)

    def next_value(self):
        self.value += 1
        return f"value-{self.value}"

    def converge(self):
        """A change goes all the way again, all extensions are as wanted, and requests go on."""
        self.revive()
        before = [traffic.answers for traffic in self.traffic]
        value = self.next_value()
        self.change("values", "x-wasm-values", value)
        self.configure("values", value)
        self.shown("values")
        self.wait_programmed(*FILTERS)
        for traffic, answers in zip(self.traffic, before):
            more = lambda t=traffic, n=answers: t.answers > n
            wait_until(more, f"{traffic.envoy.name}: no answers")

    def revive(self):
        """Does what a kubelet does, for controllers that lost their Lease."""
        for pod in self.node.pods:
            if not pod.running and not pod.stopped:
                lost = pod in self.controllers and pod.child.returncode == 1
                self.assertTrue(lost, f"{pod.name} ended with {pod.child.returncode}")
        if not all(pod.running for pod in self.node.pods):
            self.node.keep()

    def leader(self):
        leading = [
            pod
            for pod in self.controllers
            if pod.running and pod.metric("wasmxds_controller_leader") == 1
        ]
        return leading[0] if leading else None

    def synced(self, envoy):
        """Whether it holds what is newest of each filter, as the replica says where it is."""
        states = []
        for pod in self.xds:
            if pod.running:
                for client in json.loads(pod.admin("/clients").body)["clients"]:
                    if client["node"] == envoy.name:
                        states += [resource["state"] for resource in client["resources"]]
        return states == ["SYNCED"] * len(FILTERS)

    def where(self):
        """Which replica each Envoy is at."""
        places = {}
        for pod in self.xds:
            for client in json.loads(pod.admin("/clients").body)["clients"]:
                places[client["node"]] = pod.name
        return [places.get(envoy.name) for envoy in self.envoys]

    def served(self, pod, name):
        """Whether a replica has an extension to serve."""
        body = json.dumps({"resource_names": [f"default/{name}"], "node": {"id": "soak"}})
        status = fetch(pod.port("admin"), DISCOVERY, body, host=pod.address).status
        self.assertIn(status, (200, 404))
        return status == 200

    def blobs(self):
        return sorted(file.name for file in (self.store / "blobs/sha256").iterdir())

    def used(self):
        """The modules that extensions run, by their status."""
        seen = self.cluster.get(GROUP + "/wasmextensions")["items"]
        return sorted({each["status"]["resolvedSha256"] for each in seen})

    def store_bytes(self):
        return sum(file.lstat().st_size for file in self.store.rglob("*") if file.is_file())

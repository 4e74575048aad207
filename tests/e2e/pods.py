# SPDX-License-Identifier: Apache-2.0
"""What nodes would do for the chart's pods: run them as they were rendered, and connect them.

A pod is the image of `make image` in a user and a mount namespace, with the arguments, environment,
volumes and service account that the API server has.  Each has an address in 127.0.0.0/8 and the
rendered ports.
"""

import base64
import contextlib
import copy
import json
import os
import random
import re
import selectors
import shutil
import socket
import subprocess
import threading

from image import image
from processes import LIMIT, LOOPBACK, Process, fetch, parse_logfmt, wait_until
from store_faults import SmallDisk

KEEPER = 9  # a port that holds a network, where nobody else listens


class Network:
    """Addresses of loopback that no other test on this machine has, for pods and for Services."""

    def __init__(self):
        self.prefix, self._socket = self._take()
        self._pods = iter(range(1, 127))

    @staticmethod
    def _take():
        while True:
            prefix = f"127.{random.randint(64, 127)}.{random.randint(0, 255)}"
            held = socket.socket()
            try:
                held.bind((f"{prefix}.254", KEEPER))
                return prefix, held
            except OSError:
                held.close()

    @property
    def services(self):
        """For the API server's --service-cluster-ip-range."""
        return f"{self.prefix}.128/26"

    def pod(self):
        return f"{self.prefix}.{next(self._pods)}"

    def release(self):
        self._socket.close()


def write_volume(folder, files):
    """Fills or refills the folder of a volume as a kubelet does: all files change at one instant."""
    folder.mkdir(parents=True, exist_ok=True)
    version = next(n for n in range(1000) if not (folder / f"..{n}").exists())
    (folder / f"..{version}").mkdir()
    for name, content in files.items():
        (folder / f"..{version}" / name).write_bytes(content)
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(f"..data/{name}")
    before = (folder / "..data").resolve()
    (folder / "..new").symlink_to(f"..{version}")
    os.replace(folder / "..new", folder / "..data")
    if before.name != "..data":
        shutil.rmtree(before)


class Pod(Process):
    """One pod of a Deployment, or one that is there by itself, as the API server has it."""

    def __init__(self, node, name, template):
        super().__init__(name, node.folder)
        self.node = node
        self.take(template)
        self.address = node.network.pod()
        self.own = self.folder / name
        self.root = self.own / "root"
        self.root.mkdir(parents=True)

    def take(self, template):
        self.spec = template["spec"]
        self.labels = template["metadata"].get("labels", {})
        (self.container,) = self.spec["containers"]

    def start(self):
        """As the kubelet starts it; returns when it runs, ready or not."""
        self.fill_volumes()
        self.own_hosts()
        # So that a name may have several addresses, as in DNS.
        (self.own / "host.conf").write_text("multi on\n")
        mounts = [f"{self.own / file}:/etc/{file}:ro" for file in ("hosts", "host.conf")]
        for mount in self.container.get("volumeMounts", []):
            way = "ro" if mount.get("readOnly") else "rw"
            mounts.append(f"{self.volume(mount['name'])}:{mount['mountPath']}:{way}")
        self.spawn([*image().contained, self.root, *mounts, "--", *self.arguments()])

    def spawn(self, argv):
        variables = (f"{k}={v}" for k, v in self.environment().items())
        super().spawn([*self.node.enter, "env", "-i", *variables, *argv])

    def environment(self):
        """That of the pod, in which the API server is where the test has it."""
        service = {
            "KUBERNETES_SERVICE_HOST": LOOPBACK,
            "KUBERNETES_SERVICE_PORT": str(self.node.api_port),
        }
        own = {each["name"]: self.value(each) for each in self.container.get("env", [])}
        return image().environment | service | own

    def value(self, variable):
        if "value" in variable:
            return variable["value"]
        fields = {
            "status.podIP": self.address,
            "metadata.name": self.name,
            "metadata.namespace": self.node.namespace,
        }
        return fields[variable["valueFrom"]["fieldRef"]["fieldPath"]]

    def arguments(self):
        """The program and its own, with $(VARIABLE) replaced, as a kubelet does."""
        environment = self.environment()
        program = self.container.get("command", image().config["Entrypoint"])
        given = [*program, *self.container.get("args", [])]
        return [
            re.sub(r"\$\((\w+)\)", lambda m: environment.get(m[1], m[0]), each) for each in given
        ]

    def volume(self, name):
        """The folder of one of its volumes."""
        (volume,) = [each for each in self.spec["volumes"] if each["name"] == name]
        if "persistentVolumeClaim" in volume:
            return self.node.claim(volume["persistentVolumeClaim"]["claimName"])
        return self.own / "volumes" / name

    def fill_volumes(self):
        """Writes what comes from the API server, anew where it was written before."""
        for volume in self.spec.get("volumes", []):
            folder = self.volume(volume["name"])
            folder.mkdir(parents=True, exist_ok=True)
            files = self.files(volume)
            if files is not None:
                write_volume(folder, files)

    def files(self, volume):
        """What a volume has of the API server; None for one that the pod fills itself."""
        if "secret" in volume:
            return self.node.secret(volume["secret"]["secretName"])
        if "configMap" in volume:
            return self.node.config_map(volume["configMap"]["name"])
        if "projected" not in volume:
            return None
        found = {}
        for source in volume["projected"]["sources"]:
            found |= self.projected(source)
        return found

    def projected(self, source):
        if "serviceAccountToken" in source:
            token = self.node.cluster.token(self.node.namespace, self.spec["serviceAccountName"])
            return {source["serviceAccountToken"]["path"]: token.encode()}
        if "configMap" in source:
            data = self.node.config_map(source["configMap"]["name"])
            return {item["path"]: data[item["key"]] for item in source["configMap"]["items"]}
        return {
            item["path"]: self.value({"valueFrom": item}).encode()
            for item in source["downwardAPI"]["items"]
        }

    def own_hosts(self):
        """Rewrites its /etc/hosts in place: the mount is of the file."""
        (self.own / "hosts").write_text(self.node.hosts())

    def port(self, name):
        (found,) = [each for each in self.container["ports"] if each["name"] == name]
        return found["containerPort"]

    def probe(self, kind):
        """Asks what the kubelet would; returns whether it would be content."""
        get = self.container[kind]["httpGet"]
        return self.admin(get["path"], port=self.port(get["port"])).status == 200

    def ready(self):
        return self.probe("readinessProbe")

    def wait_ready(self):
        self.wait_up(self.ready, "not ready")

    def admin(self, path, port=None):
        return fetch(port or self.port("admin"), path, host=self.address)

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.admin("/metrics").body, re.M)
        return float(found[1])

    def records(self, **fields):
        lines = (parse_logfmt(line) for line in self.log().splitlines())
        return [line for line in lines if fields.items() <= line.items()]


class Service(threading.Thread):
    """The cluster address of a Service: carries connections to its pods, in turn."""

    def __init__(self, address, port, pods, name):
        super().__init__(daemon=True)
        self.pods = pods  # (pods, name of the port)
        self.target = name
        self.turn = 0
        self.peers = {}
        self.ending, self.wake = socket.socketpair()
        self.listener = socket.create_server((address, port))
        self.selector = selectors.DefaultSelector()
        for each in (self.listener, self.ending):
            self.selector.register(each, selectors.EVENT_READ)

    def run(self):
        while True:
            for key, _ in self.selector.select():
                if key.fileobj is self.ending:
                    return
                if key.fileobj is self.listener:
                    self.connect()
                elif key.fileobj in self.peers:
                    self.carry(key.fileobj)

    def connect(self):
        client, _ = self.listener.accept()
        server = self.reach()
        if server is None:
            client.close()
            return
        for one, other in ((client, server), (server, client)):
            self.peers[one] = other
            self.selector.register(one, selectors.EVENT_READ)

    def reach(self):
        """A connection to the next pod that takes one, or None."""
        pods = self.pods()
        self.turn += 1
        for n in range(len(pods)):
            pod = pods[(self.turn + n) % len(pods)]
            try:
                return socket.create_connection((pod.address, pod.port(self.target)), LIMIT)
            except OSError:
                continue
        return None

    def carry(self, one):
        other = self.peers[one]
        try:
            content = one.recv(1 << 16)
            if content:
                other.sendall(content)
                return
        except OSError:
            pass
        for each in (one, other):
            self.selector.unregister(each)
            del self.peers[each]
            each.close()

    def cut(self):
        """Ends every connection; who comes back is given the next pod."""
        for each in list(self.peers):
            with contextlib.suppress(OSError):  # it went by itself
                each.shutdown(socket.SHUT_RDWR)

    def stop(self):
        self.wake.send(b".")
        self.join()
        for each in (*self.peers, self.listener, self.ending, self.wake):
            each.close()
        self.selector.close()


class Node:
    """The pods and Services of one namespace."""

    def __init__(self, case, cluster, network, namespace):
        self.case = case
        self.cluster = cluster
        self.api_port = cluster.port  # where pods reach the API server
        self.network = network
        self.namespace = namespace
        self.folder = case.folder / "node"
        self.pods = []
        self.balancers = {}  # by the Service's name
        self.enter = []  # what to put before a command so that it sees the node's disks
        self.publish_authority()

    def publish_authority(self):
        """What the controller manager puts into each namespace."""
        data = {"ca.crt": self.cluster.api.authority.cert.read_text()}
        path = f"/api/v1/namespaces/{self.namespace}/configmaps"
        self.cluster.create(path, "v1", "ConfigMap", {"name": "kube-root-ca.crt"}, data=data)

    def get(self, kind, name):
        found = self.cluster.get(f"/api/v1/namespaces/{self.namespace}/{kind}/{name}")
        assert found, f"no {kind} {name} in {self.namespace}"
        return found

    def secret(self, name):
        """Waits for it, as a kubelet does."""
        path = f"/api/v1/namespaces/{self.namespace}/secrets/{name}"
        found = wait_until(lambda: self.cluster.get(path), f"no Secret {name}")
        data = found.get("data", {})
        return {key: base64.b64decode(value) for key, value in data.items()}

    def config_map(self, name):
        found = self.get("configmaps", name)
        binary = found.get("binaryData", {}).items()
        text = {key: value.encode() for key, value in found.get("data", {}).items()}
        return text | {key: base64.b64decode(value) for key, value in binary}

    def claim_folder(self, name):
        return self.folder / "claims" / name

    def claim(self, name):
        """The folder that is a claim's volume."""
        self.get("persistentvolumeclaims", name)
        self.claim_folder(name).mkdir(parents=True, exist_ok=True)
        return self.claim_folder(name)

    def disk(self, claim, size):
        """Makes a claim's volume a file system of its own, before there is a pod; returns it."""
        folder = self.claim_folder(claim)
        folder.mkdir(parents=True)
        disk = SmallDisk(folder, size)
        self.case.addCleanup(disk.close)
        assert disk.ready
        self.enter = disk.enter()
        return disk

    def services(self):
        path = f"/api/v1/namespaces/{self.namespace}/services"
        return self.cluster.get(path)["items"]

    def selected(self, service):
        """The pods that a Service is in front of."""
        want = service["spec"]["selector"].items()
        return [pod for pod in self.pods if want <= pod.labels.items()]

    def hosts(self):
        """What the cluster's DNS would say of the namespace's Services, as /etc/hosts has it."""
        lines = [f"{LOOPBACK} localhost"]
        for service in self.services():
            name = service["metadata"]["name"]
            names = f"{name} {name}.{self.namespace}.svc {name}.{self.namespace}.svc.cluster.local"
            addresses = [service["spec"]["clusterIP"]]
            if addresses == ["None"]:
                addresses = [pod.address for pod in self.selected(service) if pod.running]
            lines += [f"{address} {names}" for address in addresses]
        return "".join(f"{line}\n" for line in lines)

    def deployment(self, name):
        path = f"/apis/apps/v1/namespaces/{self.namespace}/deployments/{name}"
        deployment = self.cluster.get(path)
        assert deployment, f"no Deployment {name} in {self.namespace}"
        return deployment

    def deploy(self, name):
        """Starts as many pods of a Deployment as it asks for; returns them."""
        deployment = self.deployment(name)
        made = []
        for n in range(deployment["spec"]["replicas"]):
            made.append(self.run(f"{name}-{n}", copy.deepcopy(deployment["spec"]["template"])))
        return made

    def run(self, name, template):
        """Starts a pod; it ends with the test."""
        pod = Pod(self, name, template)
        self.pods.append(pod)
        self.case.processes.append(pod)
        pod.start()
        self.case.addCleanup(self.case._end, pod)
        self.tell()
        return pod

    def keep(self):
        """Starts again what ended, as a kubelet does, and waits for it."""
        for pod in self.pods:
            if not pod.running:
                pod.start()
        self.tell()
        for pod in self.pods:
            pod.wait_ready()

    def roll(self, name, pods):
        """Replaces these pods of a Deployment, one after the other, by what it asks for now."""
        template = self.deployment(name)["spec"]["template"]
        for pod in pods:
            assert pod.stop() == 0
            shutil.rmtree(pod.own / "volumes")
            pod.take(copy.deepcopy(template))
            pod.start()
            self.tell()
            pod.wait_ready()

    def refresh(self):
        """Has every pod see what its Secrets and ConfigMaps hold now."""
        for pod in self.pods:
            pod.fill_volumes()

    def complete(self, manifest):
        """Runs a pod of its own to its end and tells the API server; returns the exit code."""
        name = manifest["metadata"]["name"]
        pod = Pod(self, name, manifest)
        pod.start()
        code = pod.child.wait(LIMIT)
        path = f"/api/v1/namespaces/{self.namespace}/pods/{name}/status"
        phase = {"status": {"phase": "Failed" if code else "Succeeded"}}
        status, answer = self.cluster.request("PATCH", path, phase, kind="merge")
        assert status == 200, answer
        return code

    def tell(self):
        """Has every pod see who runs."""
        for pod in self.pods:
            if pod.running:
                pod.own_hosts()

    def expose(self):
        """Makes the cluster addresses of Services answer, until the test ends."""
        for service in self.services():
            address = service["spec"]["clusterIP"]
            if address == "None":
                continue
            for port in service["spec"]["ports"]:
                chosen = lambda service=service: self.selected(service)
                thread = Service(address, port["port"], chosen, port["targetPort"])
                thread.start()
                self.case.addCleanup(thread.stop)
                self.balancers[service["metadata"]["name"]] = thread

    def address(self, service):
        return self.get("services", service)["spec"]["clusterIP"]

# SPDX-License-Identifier: Apache-2.0
"""A real Kubernetes API without nodes: etcd and kube-apiserver, with RBAC on.

No kubelet and no controllers of Kubernetes run: a pod never starts, and a deleted namespace stays
Terminating.  What a pod would run, a test starts itself.
"""

import base64
import functools
import http.client
import itertools
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import tempfile

from certificates import Authority, openssl
from harness import Case
from processes import LIMIT, LOOPBACK, TREE, HeldPort, Process, fetch, wait_until

CHART = TREE / "charts/wasmxds"
GROUP = "/apis/wasmxds.tetrate.io/v1alpha1"
ADMIN = "admin"
ADMIN_TOKEN = "the-token-of-the-admin"
PATCHES = {
    "merge": "application/merge-patch+json",
    "json": "application/json-patch+json",
    "apply": "application/apply-patch+yaml",
}


def programs():
    """The folder that tools/build-kube fills; builds what is not there yet."""
    if not programs.folder:
        said = subprocess.check_output([TREE / "tools/build-kube"], text=True)
        programs.folder = pathlib.Path(said.strip())
    return programs.folder


programs.folder = None


@functools.cache
def neighbours():
    """The folder that tools/build-neighbours fills."""
    said = subprocess.check_output([TREE / "tools/build-neighbours"], text=True)
    return pathlib.Path(said.strip())


def run(*command, text=None, **options):
    """Runs a program to its end; returns what it printed, or fails with what it complained of."""
    done = subprocess.run(command, input=text, capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.stderr}{done.stdout}")
    return done.stdout


def helm(*arguments, text=None, env=None, check=True):
    command = [programs() / "helm", *map(str, arguments)]
    if check:
        return run(*command, text=text, env=env)
    return subprocess.run(command, input=text, capture_output=True, text=True, env=env)


class Etcd(Process):
    """Keeps its port and its data over restarts."""

    def __init__(self, folder):
        super().__init__("etcd", folder)
        self.client = HeldPort()
        self.peer = HeldPort()

    @property
    def url(self):
        return f"http://{LOOPBACK}:{self.client.number}"

    def start(self):
        peer = f"http://{LOOPBACK}:{self.peer.number}"
        # Without fsync: no machine fails here, and a disk that others use is slow.
        command = ["etcd", "--unsafe-no-fsync", "--data-dir", self.folder / "etcd"]
        command += ["--listen-client-urls", self.url, "--advertise-client-urls", self.url]
        command += ["--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer]
        command += ["--initial-cluster", f"default={peer}", "--log-level", "warn"]
        self.spawn(command)
        self.wait_up(lambda: fetch(self.client.number, "/health").status == 200, "not healthy")

    def post(self, path, body):
        answer = fetch(self.client.number, path, json.dumps(body))
        assert answer.status == 200, answer
        return json.loads(answer.body)

    def compact(self):
        """Forgets all but the newest revision, as time does: older watches end in 410."""
        key = base64.b64encode(b"/").decode()
        revision = self.post("/v3/kv/range", {"key": key, "count_only": True})["header"]["revision"]
        self.post("/v3/kv/compaction", {"revision": revision, "physical": True})

    def release(self):
        self.client.release()
        self.peer.release()


class ApiServer(Process):
    """Keeps its port, its keys and its certificate over restarts."""

    def __init__(self, folder, etcd, flags=()):
        super().__init__("apiserver", folder)
        self.etcd = etcd
        self.flags = flags
        self.port = HeldPort()
        self.authority = Authority(self.folder, "kube-ca")
        self.authority.issue("apiserver", f"IP:{LOOPBACK}", "DNS:localhost", "DNS:kubernetes")
        openssl("genrsa", "-out", self.folder / "accounts.key", "2048")
        users = self.folder / "tokens.csv"
        users.write_text(f'{ADMIN_TOKEN},{ADMIN},{ADMIN},"system:masters"\n')

    def start(self):
        folder, key = self.folder, self.folder / "accounts.key"
        self.spawn(
            [
                programs() / "kube-apiserver",
                *("--etcd-servers", self.etcd.url, "--etcd-compaction-interval", "0"),
                *("--bind-address", LOOPBACK, "--secure-port", self.port.number),
                # An address of its own, or else it looks for a network card.
                *("--advertise-address", "192.0.2.1", "--endpoint-reconciler-type", "none"),
                *("--tls-cert-file", folder / "apiserver.pem"),
                *("--tls-private-key-file", folder / "apiserver.key"),
                *("--client-ca-file", self.authority.cert),
                *("--token-auth-file", folder / "tokens.csv", "--authorization-mode", "RBAC"),
                *("--service-account-key-file", key, "--service-account-signing-key-file", key),
                *("--service-account-issuer", "https://kubernetes.default.svc"),
                *("--service-cluster-ip-range", "10.0.0.0/24"),
                # Which would want an account in each namespace, that nobody here makes.
                *("--disable-admission-plugins", "ServiceAccount"),
                *self.flags,
            ]
        )

    def release(self):
        self.port.release()


class Toxiproxy(Process):
    """A proxy to a port, which can be made a bad network."""

    def __init__(self, folder, upstream, name="toxiproxy"):
        super().__init__(name, folder)
        self.upstream = upstream
        self.control = HeldPort()
        self.port = HeldPort()

    def start(self):
        self.spawn(
            [programs() / "toxiproxy-server", "-host", LOOPBACK, "-port", self.control.number]
        )
        self.wait_up(lambda: fetch(self.control.number, "/version").status == 200, "not up")
        listen, upstream = (f"{LOOPBACK}:{n}" for n in (self.port.number, self.upstream))
        self._post("/proxies", name="all", listen=listen, upstream=upstream)

    def cut(self):
        """Ends every connection and takes no new one."""
        self._post("/proxies/all", enabled=False)

    def heal(self):
        """Takes connections again, with no toxic."""
        self._post("/reset")

    def add_toxic(self, kind, stream="downstream", **attributes):
        """kind: latency, timeout, slow_close, bandwidth, limit_data, reset_peer, slicer."""
        named = {"name": kind, "type": kind, "stream": stream, "attributes": attributes}
        self._post("/proxies/all/toxics", **named)

    def _post(self, path, **body):
        answer = fetch(self.control.number, path, json.dumps(body))
        assert answer.status < 300, answer

    def release(self):
        self.control.release()
        self.port.release()


class Cluster:
    """etcd, kube-apiserver and, unless somebody else brings it, the WasmExtension's definition."""

    def __init__(self, flags=(), definition=True):
        self.definition = definition
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="wasmxds-kube-"))
        self.etcd = Etcd(self.folder)
        self.api = ApiServer(self.folder, self.etcd, flags)
        self.namespaces = (f"ns{n}" for n in itertools.count(1))
        self.context = ssl.create_default_context(cafile=self.api.authority.cert)
        self.environment = {
            **os.environ,
            "HOME": str(self.folder),
            "KUBECACHEDIR": str(self.folder / "cache"),
            "KUBECONFIG": str(self.kubeconfig(ADMIN, token=ADMIN_TOKEN)),
        }

    @property
    def port(self):
        return self.api.port.number

    def start(self):
        self.etcd.start()
        self.start_api()
        if self.definition:
            self.apply_definition()

    def start_api(self):
        self.api.start()
        self.api.wait_up(lambda: self.request("GET", "/readyz")[0] == 200, "not ready")

    def kill_api(self):
        self.api.kill()

    def restart_api(self):
        """As after kill -9: the same port, keys and data."""
        self.kill_api()
        self.start_api()

    def compact(self):
        self.etcd.compact()

    def stop(self):
        """Ends both by force, because nobody needs what they hold, and removes their folder."""
        for process in (self.api, self.etcd):
            if process.running:
                process.kill()
            process.release()
        shutil.rmtree(self.folder)

    def request(self, method, path, body=None, kind="application/json", token=ADMIN_TOKEN):
        """One request to the API server; returns the status and the answer, read as JSON if it is.

        kind: a media type, or a key of PATCHES.
        """
        headers = {"Authorization": f"Bearer {token}", "Content-Type": PATCHES.get(kind, kind)}
        body = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        connection = http.client.HTTPSConnection(
            LOOPBACK, self.port, timeout=LIMIT, context=self.context
        )
        try:
            connection.request(method, path, body, headers)
            response = connection.getresponse()
            text = response.read().decode()
        finally:
            connection.close()
        is_json = response.headers.get_content_type() == "application/json"
        return response.status, json.loads(text) if is_json else text

    def apply_all(self, namespace, resource, manifests):
        """Applies manifests, pairs of name and text, in this order: as kubectl does, but for its
        questions between, so that a thousand take seconds."""
        group = GROUP if resource == "wasmextensions" else "/api/v1"
        headers = {"Authorization": f"Bearer {ADMIN_TOKEN}", "Content-Type": PATCHES["apply"]}
        connection = http.client.HTTPSConnection(
            LOOPBACK, self.port, timeout=LIMIT, context=self.context
        )
        try:
            for name, text in manifests:
                path = f"{group}/namespaces/{namespace}/{resource}/{name}"
                query = "?fieldManager=e2e&force=true"
                connection.request("PATCH", path + query, text.encode(), headers)
                response = connection.getresponse()
                answer = response.read()
                assert response.status in (200, 201), answer
        finally:
            connection.close()

    def get(self, path):
        """Returns the object, or None where there is none."""
        status, answer = self.request("GET", path)
        if status == 404:
            return None
        assert status == 200, answer
        return answer

    def extension(self, namespace, name):
        """Returns a WasmExtension, or None."""
        return self.get(f"{GROUP}/namespaces/{namespace}/wasmextensions/{name}")

    def condition(self, namespace, name, kind):
        """Returns (status, reason) of one of an extension's conditions; None where it has not."""
        status = (self.extension(namespace, name) or {}).get("status", {})
        for each in status.get("conditions", []):
            if each["type"] == kind:
                return each["status"], each["reason"]
        return None

    def try_kubectl(self, *arguments, text=None, kubeconfig=None):
        """Returns the ended process, whatever came of it."""
        env = {**self.environment, **({"KUBECONFIG": str(kubeconfig)} if kubeconfig else {})}
        command = [programs() / "kubectl", *map(str, arguments)]
        return subprocess.run(
            command, input=text, capture_output=True, text=True, timeout=2 * LIMIT, env=env
        )

    def kubectl(self, *arguments, text=None, kubeconfig=None):
        """Returns what kubectl printed; text: what it reads with -f -."""
        done = self.try_kubectl(*arguments, text=text, kubeconfig=kubeconfig)
        if done.returncode != 0:
            raise AssertionError(f"kubectl {' '.join(map(str, arguments))}: {done.stderr}")
        return done.stdout

    def helm(self, *arguments, text=None, check=True):
        return helm(*arguments, text=text, env=self.environment, check=check)

    def kubeconfig(self, name, token=None, port=None, groups=()):
        """Writes the kubeconfig of a user: with a token, or with a certificate and these groups.

        port: of what is between it and the API server.
        """
        server = f"https://{LOOPBACK}:{port or self.port}"
        user = {"token": token}
        if not token:
            pair = self.api.authority.issue(name, groups=groups)
            user = {
                "client-certificate": str(pair["cert"]),
                "client-key": str(pair["key"]),
            }
        cluster = {"server": server, "certificate-authority": str(self.api.authority.cert)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "e2e", "cluster": cluster}],
            "users": [{"name": name, "user": user}],
            "contexts": [{"name": "e2e", "context": {"cluster": "e2e", "user": name}}],
            "current-context": "e2e",
        }
        path = self.folder / f"{name.replace(':', '-')}-{port or 'direct'}.kubeconfig"
        path.write_text(json.dumps(document))  # which is YAML
        return path

    def namespace(self, labels=()):
        """Makes a namespace that no other test has; returns its name."""
        name = next(self.namespaces)
        metadata = {"name": name, "labels": dict(labels)}
        self.create("/api/v1/namespaces", "v1", "Namespace", metadata)
        return name

    def create(self, path, version, kind, metadata, **more):
        document = {"apiVersion": version, "kind": kind, "metadata": metadata, **more}
        status, answer = self.request("POST", path, document)
        assert status == 201, answer
        return answer

    def token(self, namespace, account):
        """A new token of a service account, which must exist, as its pod would be given."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        answer = self.create(path, "authentication.k8s.io/v1", "TokenRequest", {}, spec={})
        return answer["status"]["token"]

    def account(self, namespace, account, port=None):
        """The kubeconfig of a service account."""
        name = f"system:serviceaccount:{namespace}:{account}"
        return self.kubeconfig(name, token=self.token(namespace, account), port=port)

    def template(self, *arguments, namespace="wasmxds", release="wasmxds"):
        """What the chart comes to; fails where helm refuses."""
        return self.helm("template", release, CHART, "--namespace", namespace, *arguments)

    def apply_definitions(self, name):
        """Applies a neighbour's definitions, and waits until they are served."""
        file = neighbours() / f"{name}.yaml"
        self.kubectl("apply", "--server-side", "-f", file)
        # It takes an object that has no conditions yet for an error.
        wait = ("wait", "--for=condition=Established", f"--timeout={LIMIT}s", "-f", file)
        wait_until(lambda: self.try_kubectl(*wait).returncode == 0, f"{name}: not served")

    def apply_definition(self):
        """Applies the WasmExtension's definition out of the chart, and waits until it is served."""
        crd = self.template("--show-only", "templates/crd.yaml")
        self.kubectl("apply", "--server-side", "-f", "-", text=crd)
        wait_until(
            lambda: self.request("GET", GROUP + "/wasmextensions")[0] == 200, "no WasmExtensions"
        )

    def apply_roles(self, namespace, *arguments):
        """Applies the chart's service accounts and roles; returns the release's name, before
        "-controller", "-webhook" and "-xds" in the accounts'."""
        release = f"wasmxds-{namespace}"
        roles = self.template(
            *("--show-only", "templates/rbac.yaml"),
            *arguments,
            namespace=namespace,
            release=release,
        )
        self.kubectl("apply", "-f", "-", text=roles)
        return release


class Shared:
    """The one cluster of a run, started when the first test wants it: it takes some seconds."""

    cluster = None
    problem = None

    @classmethod
    def get(cls):
        if cls.problem:
            raise AssertionError("no cluster, as the first test that wanted it says")
        if cls.cluster is None:
            cluster = Cluster()
            try:
                cluster.start()
            except BaseException as e:
                cls.problem = e
                cluster.stop()
                raise
            cls.cluster = cluster
        return cls.cluster

    @classmethod
    def stop(cls):
        """Called by the runner at its end."""
        if cls.cluster is not None:
            cls.cluster.stop()
            cls.cluster = None


class ClusterCase(Case):
    """A test with a namespace of its own in the shared cluster."""

    def setUp(self):
        super().setUp()
        self.cluster = Shared.get()
        self.namespace = self.new_namespace()

    def new_namespace(self, **labels):
        """Another namespace; what the test leaves in it goes at its end."""
        name = self.cluster.namespace(labels)
        self.addCleanup(self._sweep, name)
        return name

    def _sweep(self, namespace):
        """Nobody removes what is in a namespace here, and who watches all of them sees it."""
        places = [f"/api/v1/namespaces/{namespace}/{kind}" for kind in ("secrets", "configmaps")]
        for place in [f"{GROUP}/namespaces/{namespace}/wasmextensions", *places]:
            status, answer = self.cluster.request("DELETE", place)
            self.assertEqual(status, 200, answer)

    def kubectl(self, *arguments, text=None, kubeconfig=None):
        """kubectl in the test's namespace."""
        arguments = ("--namespace", self.namespace, *arguments)
        return self.cluster.kubectl(*arguments, text=text, kubeconfig=kubeconfig)

    def apply(self, text, *flags):
        """Applies a manifest that names its namespace."""
        return self.cluster.kubectl("apply", *flags, "-f", "-", text=text)

    def toxiproxy(self, cluster=None):
        """Starts a proxy to the API server; kubeconfig(…, port=proxy.port.number) goes there."""
        proxy = Toxiproxy(self.folder, (cluster or self.cluster).port)
        self.processes.append(proxy)
        self.addCleanup(proxy.release)
        self.addCleanup(proxy.stop, signal.SIGKILL)
        proxy.start()
        return proxy


class OwnClusterCase(ClusterCase):
    """A test with a cluster of its own, because it does it harm."""

    def setUp(self):
        Case.setUp(self)
        self.cluster = Cluster()
        self.addCleanup(self.cluster.stop)
        self.cluster.start()
        self.namespace = self.cluster.namespace()

    def new_namespace(self, **labels):
        return self.cluster.namespace(labels)

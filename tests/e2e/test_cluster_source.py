# SPDX-License-Identifier: Apache-2.0
"""The API server as a source of objects: a real one, which is killed, compacted and cut off."""

import base64
import os
import pathlib
import re

from cluster import ADMIN, ADMIN_TOKEN, GROUP, ClusterCase, OwnClusterCase
from harness import extension
from processes import TREE, Process, in_time, wait_equal, wait_until

DRIVER = pathlib.Path(
    os.environ.get("WASMXDS_SOURCE_DRIVER") or TREE / "build/release/tests/tools/source_driver"
)
CONVERGE = 10  # seconds from the moment when the server can be reached again
PAGE = 500
OPENING = 4  # LIMIT_KUBE_OPENING


class Source(Process):
    """tests/tools/source_driver.c, and what it has said so far."""

    def __init__(self, folder, *arguments):
        super().__init__("source", folder)
        self.arguments = arguments

    def start(self):
        self.spawn([DRIVER, *self.arguments])

    def lines(self, word):
        said = self.log().rpartition("\n")[0]  # whole lines only
        return [line.split(" ", 2) for line in said.splitlines() if line.startswith(word + " ")]

    @property
    def complete(self):
        return "\ncomplete\n" in "\n" + self.log()

    def objects(self):
        """What there is, by what it has said: {key: value}."""
        seen = {}
        for line in self.log().rpartition("\n")[0].splitlines():
            verb, key, value = (*line.split(" ", 2), "", "")[:3]
            if verb == "applied":
                seen[key] = value
            elif verb == "deleted":
                seen.pop(key, None)
        return seen

    def sockets(self):
        """How many connections to the port of the API server it has."""
        table = pathlib.Path(f"/proc/{self.pid}/net/tcp").read_text().splitlines()[1:]
        inodes = {line.split()[9] for line in table if line.split()[3] == "01"}
        held = set()
        for each in pathlib.Path(f"/proc/{self.pid}/fd").iterdir():
            held.update(re.findall(r"socket:\[(\d+)\]", os.readlink(each)))
        return len(held & inodes)


class SourceTest:
    """What the tests below share; mixed into a case of a cluster."""

    def follow(self, *objects, kubeconfig=None, namespace=None):
        """Starts a source of the test's WasmExtensions, and of these Secrets and ConfigMaps."""
        kubeconfig = kubeconfig or self.cluster.kubeconfig(ADMIN, token=ADMIN_TOKEN)
        namespace = self.namespace if namespace is None else namespace
        source = Source(self.folder, kubeconfig, namespace, *objects)
        self.processes.append(source)
        self.addCleanup(source.kill)
        source.start()
        return source

    def key(self, kind, name):
        return f"{kind}/{self.namespace}/{name}"

    def put_extension(self, name, vm_id):
        self.apply(extension(name, self.namespace, vm_id=vm_id), "--server-side")

    def path(self, resource, name=""):
        group = GROUP if resource == "wasmextensions" else "/api/v1"
        return f"{group}/namespaces/{self.namespace}/{resource}" + (f"/{name}" if name else "")

    def put_secret(self, name, value):
        data = {"v": base64.b64encode(value.encode()).decode()}
        path = self.path("secrets", name)
        if self.cluster.get(path):
            answer = self.cluster.request("PATCH", path, {"data": data}, "merge")
            self.assertEqual(answer[0], 200, answer)
        else:
            self.cluster.create(self.path("secrets"), "v1", "Secret", {"name": name}, data=data)

    def patch_extension(self, name, vm_id):
        spec = {"spec": {"vm_id": vm_id}}
        answer = self.cluster.request("PATCH", self.path("wasmextensions", name), spec, "merge")
        self.assertEqual(answer[0], 200, answer)

    def remove(self, resource, name):
        status, answer = self.cluster.request("DELETE", self.path(resource, name))
        self.assertEqual(status, 200, answer)

    def requests(self, verb, resource="wasmextensions"):
        """How many such requests the API server has answered since it started."""
        status, metrics = self.cluster.request("GET", "/metrics")
        self.assertEqual(status, 200)
        labels = rf'[^}}]*resource="{resource}"[^}}]*verb="{verb}"[^}}]*'
        wanted = rf"^apiserver_request_total{{{labels}}} (\d+)"
        return sum(int(n) for n in re.findall(wanted, metrics, re.MULTILINE))

    def assertObjects(self, source, want, limit=CONVERGE):
        wait_equal(source.objects, want, "what the source has", limit)


class ClusterSourceTest(SourceTest, ClusterCase):
    def test_objects_come_and_go_as_kubectl_says(self):
        secret, values = self.key("Secret", "s"), self.key("ConfigMap", "m")
        source = self.follow(secret, values)
        wait_until(lambda: source.complete, "complete")
        self.put_extension("x", "one")
        self.put_secret("s", "secret")
        self.kubectl("create", "configmap", "m", "--from-literal=v=open")
        want = {self.key("WasmExtension", "x"): "one", secret: "secret", values: "open"}
        self.assertObjects(source, want)
        self.put_extension("x", "two")
        self.put_secret("s", "changed")
        self.kubectl("delete", "configmap", "m")
        self.assertObjects(source, {self.key("WasmExtension", "x"): "two", secret: "changed"})
        self.kubectl("delete", "wasmextension", "x")
        self.assertObjects(source, {secret: "changed"})
        self.assertEqual(source.lines("failed"), [])

    def test_a_client_certificate_is_as_good_as_a_token(self):
        self.put_extension("x", "one")
        kubeconfig = self.cluster.kubeconfig("certified", groups=["system:masters"])
        source = self.follow(kubeconfig=kubeconfig)
        self.assertObjects(source, {self.key("WasmExtension", "x"): "one"})

    def test_the_charts_role_is_enough(self):
        release = self.cluster.apply_roles(self.namespace)
        self.addCleanup(
            self.cluster.kubectl,
            *("delete", "clusterroles,clusterrolebindings,roles,rolebindings", "-A"),
            *("--selector", f"app.kubernetes.io/instance={release}"),
        )
        self.put_extension("x", "one")
        self.put_secret("s", "secret")
        kubeconfig = self.cluster.account(self.namespace, f"{release}-controller")
        source = self.follow(self.key("Secret", "s"), kubeconfig=kubeconfig, namespace="")
        key = self.key("WasmExtension", "x")
        wait_until(lambda: source.objects().get(key) == "one", "the extension")
        wait_until(lambda: source.objects().get(self.key("Secret", "s")) == "secret", "the Secret")

    def test_a_role_that_names_one_secret_is_enough_for_that(self):
        self.put_secret("mine", "secret")
        self.put_secret("other", "theirs")
        self.kubectl("create", "serviceaccount", "narrow")
        account = f"--serviceaccount={self.namespace}:narrow"
        verbs = "--verb=list,watch"
        self.kubectl("create", "role", "x", verbs, "--resource=wasmextensions")
        self.kubectl("create", "rolebinding", "x", "--role=x", account)
        secrets = ("create", "role", "s", verbs, "--resource=secrets")
        self.kubectl(*secrets, "--resource-name=mine")
        self.kubectl("create", "rolebinding", "s", "--role=s", account)
        source = self.follow(
            self.key("Secret", "mine"),
            self.key("Secret", "other"),
            kubeconfig=self.cluster.account(self.namespace, "narrow"),
        )
        self.assertObjects(source, {self.key("Secret", "mine"): "secret"})
        wait_until(lambda: source.lines("invalid"), "the Secret that may not be read")
        (said,) = source.lines("invalid")
        self.assertEqual(said[1], self.key("Secret", "other"))
        self.assertIn("403", said[2])
        self.assertIn("forbidden", said[2])
        self.assertNotIn("theirs", source.log())

        self.kubectl("delete", "role", "s")
        self.kubectl(*secrets, "--resource-name=mine", "--resource-name=other")
        want = {self.key("Secret", "mine"): "secret", self.key("Secret", "other"): "theirs"}
        self.assertObjects(source, want, limit=30)

    def test_an_account_that_may_do_nothing_is_told_so(self):
        self.kubectl("create", "serviceaccount", "nobody")
        source = self.follow(kubeconfig=self.cluster.account(self.namespace, "nobody"))
        wait_until(lambda: source.lines("failed"), "a failure")
        self.assertIn("WasmExtensions", " ".join(source.lines("failed")[0]))
        self.assertIn("403", " ".join(source.lines("failed")[0]))
        self.assertFalse(source.complete)

    def test_more_extensions_than_a_page_holds_come_whole(self):
        names = [f"x{i}" for i in range(PAGE + 20)]
        manifests = (extension(name, self.namespace, vm_id="one") for name in names)
        self.apply("---\n".join(manifests), "--server-side")
        source = self.follow()
        wait_until(lambda: source.complete, "complete")
        self.assertEqual(len(source.objects()), PAGE + 20)
        self.assertEqual(source.lines("failed"), [])

    def test_many_watches_share_few_connections(self):
        """Also when all of them come back at once.  A server takes 100 on one, and the client has
        no more than OPENING connections under way beside those that are full."""
        proxy = self.toxiproxy()
        kubeconfig = self.cluster.kubeconfig(ADMIN, token=ADMIN_TOKEN, port=proxy.port.number)
        names = [f"s{i}" for i in range(240)]
        source = self.follow(*(self.key("Secret", name) for name in names), kubeconfig=kubeconfig)
        wait_until(lambda: source.complete, "complete")
        for name in names:
            self.put_secret(name, "one")
        self.assertObjects(source, {self.key("Secret", name): "one" for name in names})
        self.assertLessEqual(source.sockets(), 2 + OPENING)
        proxy.cut()
        wait_until(lambda: source.sockets() == 0, "the end of all connections")
        proxy.heal()
        for name in names:
            self.put_secret(name, "two")
        self.assertObjects(source, {self.key("Secret", name): "two" for name in names})
        self.assertLessEqual(source.sockets(), 2 + OPENING)
        seventh = self.key("Secret", "s7")

        def change_often(attempt):
            last = f"{attempt}-20"
            for round in range(21):
                self.put_secret("s7", f"{attempt}-{round}")
            return wait_equal(lambda: source.objects()[seventh], last, "the last value")

        in_time(2, change_often)


class ClusterSourceFaultTest(SourceTest, OwnClusterCase):
    def test_a_server_that_was_killed_and_compacted_costs_one_list(self):
        self.put_extension("stays", "one")
        self.put_extension("goes", "one")
        self.put_secret("s", "one")
        secret, stays = self.key("Secret", "s"), self.key("WasmExtension", "stays")
        source = self.follow(secret)
        want = {stays: "one", self.key("WasmExtension", "goes"): "one", secret: "one"}
        self.assertObjects(source, want)

        for round in range(3):
            self.cluster.kill_api()
            self.cluster.start_api()
            # Before the source is back, as far as that can be: nothing may depend on it.
            if round == 0:
                self.remove("wasmextensions", "goes")
                want.pop(self.key("WasmExtension", "goes"))
            self.cluster.compact()
            want[stays] = want[secret] = f"round-{round}"
            self.patch_extension("stays", f"round-{round}")
            self.put_secret("s", f"round-{round}")
            self.assertObjects(source, want)
            self.assertLessEqual(self.requests("LIST"), 1)

    def test_a_delete_while_nobody_watches_is_not_missed(self):
        proxy = self.toxiproxy()
        port = proxy.port.number
        for name in ("stays", "goes", "changes"):
            self.put_extension(name, "one")
        kubeconfig = self.cluster.kubeconfig(ADMIN, token=ADMIN_TOKEN, port=port)
        source = self.follow(kubeconfig=kubeconfig)
        wait_until(lambda: len(source.objects()) == 3, "three")
        before = self.requests("LIST")
        proxy.cut()
        wait_until(lambda: source.lines("failed"), "a failure")
        self.remove("wasmextensions", "goes")
        self.patch_extension("changes", "two")
        self.cluster.compact()
        proxy.heal()
        stays, changes = (self.key("WasmExtension", name) for name in ("stays", "changes"))
        self.assertObjects(source, {stays: "one", changes: "two"})
        self.assertLessEqual(self.requests("LIST") - before, 1)

    def test_fifty_cuts_lose_nothing_and_cost_no_list(self):
        proxy = self.toxiproxy()
        self.put_extension("x", "start")
        self.put_secret("s", "start")
        secret, x = self.key("Secret", "s"), self.key("WasmExtension", "x")
        port = proxy.port.number
        kubeconfig = self.cluster.kubeconfig(ADMIN, token=ADMIN_TOKEN, port=port)
        source = self.follow(secret, kubeconfig=kubeconfig)
        self.assertObjects(source, {x: "start", secret: "start"})
        lists = self.requests("LIST")
        for cut in range(50):
            proxy.cut()
            self.patch_extension("x", f"cut-{cut}")
            self.put_secret("s", f"cut-{cut}")
            proxy.heal()
            self.assertObjects(source, {x: f"cut-{cut}", secret: f"cut-{cut}"})
        self.assertEqual(self.requests("LIST"), lists)

    def test_a_watch_that_is_cut_in_mid_line_goes_on(self):
        proxy = self.toxiproxy()
        self.put_extension("x", "start")
        x = self.key("WasmExtension", "x")
        port = proxy.port.number
        kubeconfig = self.cluster.kubeconfig(ADMIN, token=ADMIN_TOKEN, port=port)
        source = self.follow(kubeconfig=kubeconfig)
        self.assertObjects(source, {x: "start"})
        for kept in (1, 100, 700, 1500, 3000):
            proxy.add_toxic("limit_data", bytes=kept)
            self.patch_extension("x", f"kept-{kept}")
            proxy.heal()
            self.assertObjects(source, {x: f"kept-{kept}"})

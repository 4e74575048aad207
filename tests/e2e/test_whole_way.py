# SPDX-License-Identifier: Apache-2.0
"""From helm install to a header in a real Envoy's answers, by the pods that the chart renders."""

import json
import os
import pathlib
import re
import shutil
import subprocess

from cluster import CHART, programs, run
from harness import Traffic, altered, digest, extension, module
from image import image
from installed import NAMESPACE, InstalledCase
from processes import TREE, wait_equal, wait_until
from test_page import Reader


class WholeWay(InstalledCase):
    def test_from_helm_install_to_a_header(self):
        source = self.source(module())
        self.install()
        self.apply(protocol="http", uri=source.uri)
        # At admission, not by the controller, which writes no spec.
        self.assertEqual(self.spec()["image"]["sha256"], digest(module()))
        envoy = self.subscribed("default/filter")
        self.assertHeader(envoy, "one")

        self.assertProxies(connected=1, acked=1, nacked=0, summary="1/1")

        self.apply(protocol="http", uri=source.uri, plugin="two")
        self.assertHeader(envoy, "two")
        self.assertProxies(connected=1, acked=1, nacked=0, summary="1/1")
        envoy.stop()
        self.assertProxies(connected=0, acked=0, nacked=0, summary="0/0")

    def test_pods_run_what_is_in_the_image_and_may_not_change_it(self):
        self.install()
        self.apply(protocol="http", uri=self.source(module()).uri)
        known = {file.stat().st_ino for file in image().root.rglob("*") if file.is_file()}
        for pod in (*self.webhooks, *self.xds, *self.controllers):
            with self.subTest(pod.name):
                process = pathlib.Path(f"/proc/{pod.child.pid}")
                maps = re.findall(r"^\S+ ..x. \S+ \S+ (\d+) +/", (process / "maps").read_text(), re.M)
                self.assertGreater(len(maps), 10)
                self.assertEqual([inode for inode in maps if int(inode) not in known], [])
                status = (process / "status").read_text()
                capabilities = re.findall(r"^Cap\w+:\t([0-9a-f]+)$", status, re.M)
                self.assertEqual([int(each, 16) for each in capabilities], [0] * 5)
                self.assertIn("NoNewPrivs:\t1\n", status)
                for place in ("root/new", "root/etc/new", "root/usr/bin/wasmxds"):
                    with self.assertRaisesRegex(OSError, "Read-only file system"):
                        (process / place).write_bytes(b"")

    def assertProxies(self, **want):
        # A count that changes no verdict is written once a minute.
        wait_equal(self.proxies, want, "its proxies", limit=90)

    def test_proxies_of_every_xds_are_counted(self):
        source = self.source(module())
        self.install("xds.replicaCount=2", "persistence.sameNode=true")
        self.apply(protocol="http", uri=source.uri)
        envoys = [self.subscribed("default/filter") for _ in range(2)]
        self.assertNotEqual(*map(self.serving, envoys))
        self.assertProxies(connected=2, acked=2, nacked=0, summary="2/2")
        self.ask(protocol="http", uri=source.uri, plugin="refuse me")
        wait_equal(
            lambda: self.cluster.condition("default", "filter", "Ready"),
            ("False", "ProxyRefused"),
            "Ready",
        )
        self.assertEqual(self.proxies()["nacked"], 2)
        self.assertOneStory(refused_by=2, reason="Unable to create Wasm plugin default/filter")

    def test_what_was_refused_is_known_in_a_container_that_is_started_again(self):
        source = self.source(module())
        self.install()
        self.apply(protocol="http", uri=source.uri)
        envoy = self.subscribed("default/filter")
        self.assertHeader(envoy, "one")
        self.ask(protocol="http", uri=source.uri, plugin="refuse me")
        (xds,) = self.xds
        wait_equal(lambda: self.cluster.condition("default", "filter", "Ready"), ("False", "ProxyRefused"), "Ready")
        kept = xds.own / "volumes/state/refusals"
        wait_until(lambda: kept.exists() and envoy.name.encode() in kept.read_bytes(), "not kept")
        xds.kill()
        self.node.keep()
        wait_until(lambda: self.serving(envoy), "nobody serves it")
        # Offered once more, it would be a success too many: Envoy's answer would be a false one.
        self.apply(protocol="http", uri=source.uri, plugin="two")
        self.assertHeader(envoy, "two")
        stats = [envoy.filter_stat("default/filter", f"update_{kind}") for kind in ("success", "rejected")]
        self.assertEqual(stats, [2, 1])

    def test_what_was_refused_at_one_xds_is_known_to_the_other(self):
        source = self.source(module())
        self.install("xds.replicaCount=2", "persistence.sameNode=true")
        self.apply(protocol="http", uri=source.uri)
        envoy = self.subscribed("default/filter")
        self.assertHeader(envoy, "one")
        self.ask(protocol="http", uri=source.uri, plugin="refuse me")
        ready = lambda: self.cluster.condition("default", "filter", "Ready")
        wait_equal(ready, ("False", "ProxyRefused"), "Ready")
        one = self.serving(envoy)
        (other,) = [pod for pod in self.xds if pod != one]
        wait_until(lambda: other.records(msg="refusals of all replicas read"), "not known")
        one.kill()
        wait_equal(lambda: self.serving(envoy), other, "who serves it")
        self.assertOneStory(refused_by=1, reason="Unable to create Wasm plugin default/filter")
        self.assertEqual(ready(), ("False", "ProxyRefused"))
        # Offered there, too, it would be a success too many: Envoy's answer would be a false one.
        self.apply(protocol="http", uri=source.uri, plugin="two")
        self.assertHeader(envoy, "two")
        stats = [envoy.filter_stat("default/filter", f"update_{kind}") for kind in ("success", "rejected")]
        self.assertEqual(stats, [2, 1])

    def assertOneStory(self, refused_by, reason):
        """kubectl, `wasmxds status` and the status page say the same of default/filter."""
        columns = self.cluster.kubectl("get", "wasmext", "filter", "--namespace", "default").splitlines()
        row = dict(zip(*(re.split(r"  +", line.strip()) for line in columns)))
        self.assertEqual((row["READY"], row["PROXIES"]), ("False", self.proxies()["summary"]))
        self.assertIn(reason, json.dumps(self.proxies()["firstNack"]))
        told, shown = [], []
        for pod in (pod for pod in self.xds if pod.running):
            admin = f"http://{pod.address}:{pod.port('admin')}"
            done = self.run_command("status", "--admin", admin, "-o", "json")
            self.assertEqual(done.returncode, 1)
            for proxy in json.loads(done.stdout)["clients"]:
                for each in proxy["resources"]:
                    told.append((proxy["node"], each["name"], each["state"], each["reason"]))
            rows = [row for row in Reader(pod.admin("/").body).rows if len(row) == 6 and row[4] == reason]
            shown += [(row[0], row[1], "NACK", row[4]) for row in rows]
        self.assertEqual((sorted(told), len(told)), (sorted(shown), refused_by))
        self.assertEqual({each[3] for each in told}, {reason})

    def test_a_user_who_may_not_read_a_secret_may_not_have_it_sent_to_envoy(self):
        self.install()
        kubectl = self.cluster.kubectl
        kubectl("create", "secret", "generic", "plugin", "--from-literal=key=value")
        resource = "--resource=wasmextensions.wasmxds.tetrate.io"
        kubectl("create", "role", "author", "--verb=get,create,patch", resource)
        kubectl("create", "rolebinding", "author", "--role=author", "--user=author")
        author = self.cluster.kubeconfig("author")
        manifest = extension(plugin={"secretKeyRef": {"name": "plugin", "key": "key"}})
        command = ("apply", "-f", "-")
        done = self.cluster.try_kubectl(*command, text=manifest, kubeconfig=author)
        self.assertEqual(done.returncode, 1)
        self.assertIn('admission webhook "validate.wasmxds.tetrate.io" denied', done.stderr)
        kubectl("create", "role", "reader", "--verb=get", "--resource=secrets")
        kubectl("create", "rolebinding", "reader", "--role=reader", "--user=author")
        wait_until(
            lambda: self.cluster.try_kubectl(*command, text=manifest, kubeconfig=author).returncode
            == 0,
            "it is still refused",
        )

    def test_helm_test(self):
        self.install()
        environment = self.cluster.environment
        command = [programs() / "helm", "test", "wasmxds", "--namespace", NAMESPACE]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as helm:
            pod = wait_until(self.made, "helm made no pod")
            code = self.node.complete(pod)
            said = helm.stdout.read().decode()
        self.assertEqual((code, helm.returncode), (0, 0), said)
        self.assertIn("Succeeded", said)

    def made(self):
        return self.cluster.get(f"/api/v1/namespaces/{NAMESPACE}/pods/wasmxds-test")

    def test_envoys_are_served_what_the_client_policy_gives_them(self):
        self.prepare = lambda: self.create_pair("pair", f"wasmxds-xds.{NAMESPACE}.svc")
        self.install("xds.tls.secretName=pair", "xds.tls.clientPolicy=shop.example.org default")
        self.apply(protocol="http", uri=self.source(module()).uri)
        tls = {"ca": self.authority.cert}
        shop = self.authority.issue("shop", "DNS:shop.example.org")
        self.assertHeader(self.subscribed("default/filter", tls={**tls, **shop}), "one")
        other = self.authority.issue("other", "DNS:other.example.org")
        for pair in (other, {}):
            envoy = self.subscribed("default/filter", tls={**tls, **pair}, ready=False, fetch_timeout=1)
            self.assertEqual(envoy.filter_stat("default/filter", "update_success"), 0)

    def older_chart(self):
        """The chart packaged as an older version, from before a value and its default were there."""
        older = self.folder / "older/wasmxds"
        shutil.copytree(CHART, older)
        values = older / "values.yaml"
        without = re.sub(r"^moduleVolume: .*\n", "", values.read_text(), flags=re.M)
        self.assertNotEqual(without, values.read_text())
        values.write_text(without)
        version = ("--version", "0.0.1", "--app-version", "0.0.1")
        said = self.cluster.helm("package", older, *version, "--destination", self.folder)
        return said.split()[-1]

    def roll(self):
        for name, pods in (("webhook", self.webhooks), ("xds", self.xds), ("controller", self.controllers)):
            self.node.roll(f"wasmxds-{name}", pods)

    def images(self):
        return {pod.container["image"].rpartition(":")[2] for pod in self.node.pods}

    def what_must_stay(self):
        extension = self.cluster.extension("default", "filter")
        return self.node.secret("wasmxds-webhook-own"), extension["metadata"]["uid"], extension["spec"]

    def test_upgrade_from_an_older_version_and_back(self):
        self.chart = self.older_chart()
        self.install()
        source = self.source(module())
        self.apply(protocol="http", uri=source.uri)
        envoy = self.subscribed("default/filter")
        self.assertHeader(envoy, "one")
        before = self.what_must_stay()
        self.assertEqual(self.images(), {"0.0.1"})
        source.status = 503  # what is there needs no source
        upgrade = ("upgrade", "wasmxds", CHART, "--reuse-values")
        with Traffic(envoy, ["one"]) as traffic:
            for way in (upgrade, ("rollback", "wasmxds", "1")):
                self.cluster.helm(*way, "--namespace", NAMESPACE)
                self.roll()
                wait_until(lambda: self.serving(envoy), "nobody serves it")
                self.assertEqual("0.0.1" in self.images(), way is not upgrade)
                self.assertEqual(self.what_must_stay(), before)
                wait_until(lambda: self.ask("--dry-run=server").returncode == 0, "a yes")
        self.assertEqual(traffic.failures, [])
        self.assertEqual(envoy.filter_stat("default/filter", "update_success"), 1)
        source.status = 200
        self.apply(protocol="http", uri=source.uri, plugin="two")
        self.assertHeader(envoy, "two")

    def test_controller_of_some_namespaces(self):
        source = self.source(module())
        self.install("namespaces={default}")
        self.apply(protocol="http", uri=source.uri)
        self.assertHeader(self.subscribed("default/filter"), "one")
        (controller,) = self.controllers
        self.assertNotIn("denied", controller.log())

    def test_every_metric_is_in_the_docs_and_every_one_named_exists(self):
        source = self.source(module())
        self.install()
        self.apply(protocol="http", uri=source.uri)
        exposed, rows = set(), ["| Metric | Kind | Of | What it is |", "|---|---|---|---|"]
        for pod in (self.controllers[0], self.webhooks[0], self.xds[0]):
            page = pod.admin("/metrics").body
            run("promtool", "check", "metrics", text=page)
            kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.M))
            for name, text in re.findall(r"^# HELP (\S+) (.*)$", page, re.M):
                rows.append(f"| `{name}` | {kinds[name]} | {pod.container['name']} | {text} |")
                exposed.add(name)
                if kinds[name] == "histogram":
                    exposed |= {f"{name}_{part}" for part in ("bucket", "count", "sum")}
        page = TREE / "docs/metrics.md"
        before, _, _ = page.read_text().partition("| Metric |")
        table = "\n".join(rows) + "\n"
        if os.environ.get("UPDATE_GOLDEN"):
            page.write_text(before + table)
        self.assertEqual(page.read_text(), before + table)
        for file in ("files/dashboard.json", "files/alerts.yaml"):
            named = set(re.findall(r"\bwasmxds_\w+", (CHART / file).read_text()))
            self.assertGreater(len(named), 5)
            self.assertEqual(named - exposed, set(), file)

    def test_modules_on_a_volume_of_the_users(self):
        """Here a ConfigMap, which the kubelet renews under the controller's eyes."""
        self.prepare = lambda: self.put_modules(module())
        self.install("moduleVolume.configMap.name=modules")
        self.apply(protocol="local_fs", uri="filter.wasm")
        envoy = self.subscribed("default/filter")
        self.assertHeader(envoy, "one")
        self.put_modules(altered(b"x-wasm-filter", b"x-wasm-marker"))
        self.node.refresh()
        self.assertHeader(envoy, "one", header="x-wasm-marker")
        done = self.ask(protocol="local_fs", uri="/etc/passwd")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/var/lib/wasmxds-modules", done.stderr)

    def put_modules(self, content):
        (self.folder / "filter.wasm").write_bytes(content)
        made = ("create", "configmap", "modules", f"--from-file={self.folder / 'filter.wasm'}")
        text = self.cluster.kubectl(*made, "--dry-run=client", "-o", "yaml")
        self.cluster.kubectl("apply", "--namespace", NAMESPACE, "-f", "-", text=text)

    def test_a_value_out_of_a_secret(self):
        source = self.source(module())
        self.install()
        self.cluster.kubectl("create", "secret", "generic", "plugin", "--from-literal=key=sealed")
        self.apply(
            protocol="http",
            uri=source.uri,
            plugin={"secretKeyRef": {"name": "plugin", "key": "key"}},
        )
        self.assertHeader(self.subscribed("default/filter"), "sealed")
        for file in self.node.claim("wasmxds").rglob("*"):
            self.assertNotIn(b"sealed", file.read_bytes() if file.is_file() else b"")

    def serving(self, envoy):
        """The xds pod that this Envoy subscribes at, or None."""
        for pod in self.xds:
            if pod.running and envoy.name in pod.admin("/clients").body:
                return pod
        return None

    def test_an_envoy_that_moves_to_another_xds_is_sent_nothing_again(self):
        source = self.source(module())
        self.install("xds.replicaCount=2", "persistence.sameNode=true")
        for transport in ("grpc", "delta", "ads", "ads-delta"):
            with self.subTest(transport):
                self.move(source, transport)

    def move(self, source, transport):
        self.apply(transport, protocol="http", uri=source.uri)
        envoy = self.subscribed(f"default/{transport}", transport=transport)
        self.assertHeader(envoy, "one")
        one = wait_until(lambda: self.serving(envoy), "nobody serves it")
        (other,) = [pod for pod in self.xds if pod != one]
        sent = other.metric("wasmxds_xds_responses_total")
        with Traffic(envoy, want=["one"]) as traffic:
            one.kill()
            wait_equal(lambda: self.serving(envoy), other, "who serves it")
            answers = traffic.answers
            wait_until(lambda: traffic.answers > answers + 20, "no traffic")
        self.assertEqual(traffic.failures, [])
        # One update more would be the same again; the stream is in order, so it would show first.
        self.apply(transport, protocol="http", uri=source.uri, plugin="two")
        self.assertHeader(envoy, "two")
        self.assertEqual(envoy.filter_stat(f"default/{transport}", "update_success"), 2)
        self.assertEqual(other.metric("wasmxds_xds_responses_total"), sent + 1)
        envoy.stop()
        one.start()
        one.wait_ready()

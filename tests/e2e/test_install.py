# SPDX-License-Identifier: Apache-2.0
"""The chart, installed by the real helm into a real API server; no kubelet runs its pods."""

import base64
import json

from cluster import CHART, Cluster, ClusterCase
from harness import Case, extension
from processes import wait_until
from test_chart import COMPONENTS, MUCH, SECRET_MODE, every_key, render, set_flags

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
LITTLE = (*SECRET_MODE, "crds.enabled=false")
WATCHED = ("serviceMonitor", "prometheusRule", "dashboard")
ALL = (*MUCH, "crds.enabled=false")


class Accepted(ClusterCase):
    """By the API server, each object that the chart makes."""

    maxDiff = None

    def objects(self, *settings):
        namespace = self.new_namespace(**RESTRICTED)
        rendered = self.cluster.template(*set_flags(settings), namespace=namespace)
        command = ("apply", "--dry-run=server", "--validate=strict", "-o", "json", "-f", "-")
        done = self.cluster.try_kubectl(*command, text=rendered)
        self.assertEqual((done.returncode, done.stderr), (0, ""))  # no warning either
        return namespace, json.loads(done.stdout)["items"]

    def test_with_little_and_with_much(self):
        for settings in (LITTLE, ALL):
            with self.subTest(settings):
                _, objects = self.objects(*settings)
                kinds = [each["kind"] for each in objects]
                self.assertEqual(kinds.count("Deployment"), 3)
                self.assertEqual(kinds.count("NetworkPolicy"), 3 if settings == ALL else 0)

    def test_whatever_each_key_is_set_to(self):
        """Of what it changes, each object."""
        self.cluster.apply_definitions("prometheus-operator")
        self.cluster.apply_definitions("cert-manager")
        for name in ("one", "two"):
            metadata = {"name": name}
            self.cluster.create("/api/v1/namespaces", "v1", "Namespace", metadata)
        changed = []
        for _, own, beside in every_key():
            base = render(*beside).split("\n---\n")
            for each in render(*beside, *own).split("\n---\n"):
                # The definition is there, and has tests of its own.
                if each not in [*base, *changed] and "kind: CustomResourceDefinition" not in each:
                    changed.append(each)
        self.assertGreater(len(changed), 100)
        text = "\n---\n".join(changed).replace("namespace: w\n", f"namespace: {self.namespace}\n")
        text = text.replace(": RANDOM", ": UkFORE9N")
        command = ("apply", "--dry-run=server", "--validate=strict", "-o", "name", "-f", "-")
        done = self.cluster.try_kubectl(*command, text=text)
        self.assertEqual(done.stderr, "")
        self.assertEqual(len(done.stdout.splitlines()), len(changed))

    def test_by_the_prometheus_operators_definitions(self):
        self.cluster.apply_definitions("prometheus-operator")
        _, objects = self.objects(*LITTLE, *(f"metrics.{x}.enabled=true" for x in WATCHED))
        kinds = [each["kind"] for each in objects]
        self.assertEqual([kinds.count(kind) for kind in ("ServiceMonitor", "PrometheusRule")], [1, 1])

    def test_its_pods_where_pods_are_restricted(self):
        namespace, objects = self.objects(*ALL)
        templates = [each["spec"]["template"] for each in objects if each["kind"] == "Deployment"]
        self.assertEqual(len(templates), 3)
        for template in templates:
            name = template["spec"]["containers"][0]["name"]
            pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, **template}
            pod["metadata"] = {**template["metadata"], "name": name}
            path = f"/api/v1/namespaces/{namespace}/pods?dryRun=All"
            status, answer = self.cluster.request("POST", path, pod)
            self.assertEqual(status, 201, answer)
            volumes = json.dumps(template["spec"]["volumes"])
            self.assertEqual("serviceAccountToken" in volumes, name != "xds")

    def test_its_arguments_are_the_programs_own(self):
        for settings in (LITTLE, ALL):
            arguments = {}
            for each in self.objects(*settings)[1]:
                if each["kind"] == "Deployment":
                    container = each["spec"]["template"]["spec"]["containers"][0]
                    arguments[container["name"]] = container["args"]
            for component in COMPONENTS:
                self.assertEqual(arguments[component][0], component)
                done = self.run_command(*arguments[component], "--help")
                self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_store_is_written_by_the_controller_alone(self):
        _, objects = self.objects(*ALL)
        writers = [
            each["metadata"]["name"]
            for each in objects
            if each["kind"] == "Deployment"
            for mount in each["spec"]["template"]["spec"]["containers"][0]["volumeMounts"]
            if mount["name"] == "store" and not mount.get("readOnly")
        ]
        self.assertEqual(writers, ["wasmxds-controller"])


class Install(Case):
    """With a cluster of its own: there is one definition in each."""

    def setUp(self):
        super().setUp()
        self.cluster = Cluster(definition=False)
        self.addCleanup(self.cluster.stop)
        self.cluster.start()

    def helm(self, verb, *settings):
        where = ("--namespace", "mesh", *set_flags((*SECRET_MODE, *settings)))
        return self.cluster.helm(verb, "wasmxds", CHART, *where)

    def extensions(self):
        return self.cluster.get("/apis/wasmxds.tetrate.io/v1alpha1/wasmextensions")

    def seal_key(self):
        data = self.cluster.get("/api/v1/namespaces/mesh/secrets/wasmxds-seal-key")["data"]
        line = base64.b64decode(data["seal.key"])
        self.assertEqual(len(base64.b64decode(line)), 32)
        return line

    def test_install_upgrade_and_uninstall(self):
        created = ("--namespace", "mesh", "--create-namespace")
        said = self.cluster.helm(
            "install",
            "wasmxds",
            CHART,
            *created,
            *set_flags((*SECRET_MODE, "webhook.enabled=false")),
        )
        self.assertIn("wasmxds-xds.mesh.svc:8610", said)
        self.assertIn("There is no webhook", said)
        wait_until(self.extensions, "the definition")
        self.cluster.kubectl("apply", "-f", "-", text=extension("kept"))

        key = self.seal_key()

        self.helm("upgrade", "xds.service.port=9000", "webhook.enabled=false")
        service = self.cluster.get("/api/v1/namespaces/mesh/services/wasmxds-xds")
        self.assertEqual(service["spec"]["ports"][0]["port"], 9000)
        self.assertEqual(self.seal_key(), key)
        self.assertEqual(len(self.extensions()["items"]), 1)

        self.helm("upgrade", "webhook.failurePolicy=Ignore")
        path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
        self.assertEqual(len(self.cluster.get(path)["items"]), 1)

        self.cluster.helm("uninstall", "wasmxds", "--namespace", "mesh")
        self.assertEqual(len(self.extensions()["items"]), 1)
        self.assertEqual(self.cluster.get(path)["items"], [])
        # Nobody is left who could object.
        self.cluster.kubectl("apply", "-f", "-", text=extension("kept", plugin="two"))

        self.cluster.helm("install", "wasmxds", CHART, *created, *set_flags(SECRET_MODE))
        self.assertEqual(len(self.extensions()["items"]), 1)

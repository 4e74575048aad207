# SPDX-License-Identifier: Apache-2.0
"""The webhook in front of a real API server, which asks it at an address of this machine."""

import base64
import json
import time

from certificates import Authority
from cluster import GROUP, ClusterCase
from processes import LOOPBACK, WASMXDS, HeldPort, Meanwhile, Process, fetch, parse_logfmt, wait_until

ADMISSION = "/apis/admissionregistration.k8s.io/v1"
KINDS = {"mutate": "mutatingwebhookconfigurations", "validate": "validatingwebhookconfigurations"}
ROLES = "/apis/rbac.authorization.k8s.io/v1"


class Webhook(Process):
    """`wasmxds webhook`; keeps its port over restarts."""

    def __init__(self, folder, flags, name="webhook"):
        super().__init__(name, folder)
        self.flags = flags
        self.port = HeldPort()

    def start(self, ready=True):
        listen = ["--listen", f"{LOOPBACK}:{self.port.number}", "--admin-listen", f"{LOOPBACK}:0"]
        self.spawn([WASMXDS, "webhook", *listen, "--allow-loopback", *self.flags])
        serving = self.wait_up(lambda: self.records(msg="serving"), "no line with msg=serving")[0]
        self.admin_port = int(serving["admin"].rpartition(":")[2])
        if ready:
            self.wait_up(lambda: self.admin("/readyz").status == 200, "not ready")

    def records(self, **fields):
        lines = (parse_logfmt(line) for line in self.log().splitlines())
        return [line for line in lines if fields.items() <= line.items()]

    def admin(self, path):
        return fetch(self.admin_port, path)

    def metric(self, name):
        for line in self.admin("/metrics").body.splitlines():
            if line.startswith(name + " "):
                return float(line.rpartition(" ")[2])
        raise AssertionError(f"no metric {name}")


class WebhookCase(ClusterCase):
    """A webhook that is asked about the test's namespace, and no other."""

    def setUp(self):
        super().setUp()
        self.release = self.cluster.apply_roles(self.namespace)
        self.addCleanup(self.remove_roles)
        self.configuration = self.granted("clusterroles", "admissionregistration.k8s.io")
        self.secret = self.granted(f"namespaces/{self.namespace}/roles", "")
        self.kubeconfig = self.cluster.account(self.namespace, f"{self.release}-webhook")

    def remove_roles(self):
        label = f"app.kubernetes.io/instance={self.release}"
        kinds = "clusterroles,clusterrolebindings,roles,rolebindings"
        self.cluster.kubectl("delete", kinds, "-A", "--selector", label)

    def granted(self, kind, group):
        """The one name that the webhook's role of that kind gives it rights to."""
        label = f"app.kubernetes.io/instance%3D{self.release},app.kubernetes.io/component%3Dwebhook"
        roles = self.cluster.get(f"{ROLES}/{kind}?labelSelector={label}")["items"]
        rules = [rule for role in roles for rule in role["rules"] if group in rule["apiGroups"]]
        (names,) = {tuple(rule["resourceNames"]) for rule in rules if "resourceNames" in rule}
        return names[0]

    def webhook(self, *flags, own=False, name="webhook", ready=True, registered=True):
        """Starts one: with files that the test's authority signed, or a certificate of its own.

        registered: the API server is told of it.
        """
        if own:
            where = ["--cert-secret", self.secret, "--webhook-configuration", self.configuration]
            where += ["--namespace", self.namespace, "--cert-name", LOOPBACK]
        else:
            self.authority = Authority(self.folder, "webhook-ca")
            pair = self.authority.issue("webhook", f"IP:{LOOPBACK}")
            where = ["--tls-cert", pair["cert"], "--tls-key", pair["key"]]
        process = Webhook(self.folder, [*where, "--kubeconfig", self.kubeconfig, *flags], name)
        self.processes.append(process)
        self.addCleanup(process.port.release)
        self.addCleanup(self._end, process)
        if registered:
            self.register(process, b"" if own else self.authority.cert.read_bytes())
        process.start(ready)
        return process

    def register(self, webhook, bundle=b"", policies=("Ignore", "Fail")):
        """Has the API server ask it about the test's namespace."""
        for (way, kind), policy in zip(KINDS.items(), policies):
            document = {
                "apiVersion": "admissionregistration.k8s.io/v1",
                "kind": {"mutate": "Mutating", "validate": "Validating"}[way]
                + "WebhookConfiguration",
                "metadata": {"name": self.configuration},
                "webhooks": [
                    {
                        "name": f"{way}.wasmxds.tetrate.io",
                        "admissionReviewVersions": ["v1"],
                        "sideEffects": "None",
                        "timeoutSeconds": 5,
                        "failurePolicy": policy,
                        "namespaceSelector": {
                            "matchLabels": {"kubernetes.io/metadata.name": self.namespace}
                        },
                        "rules": [
                            {
                                "apiGroups": ["wasmxds.tetrate.io"],
                                "apiVersions": ["v1alpha1"],
                                "operations": ["CREATE", "UPDATE"],
                                "resources": ["wasmextensions"],
                            }
                        ],
                        "clientConfig": {
                            "url": f"https://{LOOPBACK}:{webhook.port.number}/{way}",
                            "caBundle": base64.b64encode(bundle).decode(),
                        },
                    }
                ],
            }
            status, answer = self.cluster.request("POST", f"{ADMISSION}/{kind}", document)
            self.assertEqual(status, 201, answer)
            self.addCleanup(
                self.cluster.request, "DELETE", f"{ADMISSION}/{kind}/{self.configuration}"
            )

    @property
    def extensions(self):
        return f"{GROUP}/namespaces/{self.namespace}/wasmextensions"

    def create(self, document, *query):
        """Returns the status and the answer of the API server."""
        return self.cluster.request("POST", "?".join([self.extensions, *query]), document)

    def pinned(self, name="filter"):
        return self.cluster.extension(self.namespace, name)["spec"]["image"].get("sha256")

    def bundle(self, way):
        """The caBundle that a configuration has."""
        path = f"{ADMISSION}/{KINDS[way]}/{self.configuration}"
        return self.cluster.get(path)["webhooks"][0]["clientConfig"].get("caBundle", "")


class Writer(Meanwhile):
    """Writes an extension so many times a second until the with block ends; keeps what failed."""

    def __init__(self, case, document, rate):
        super().__init__()
        self.case = case
        self.document = document
        self.rate = rate
        self.writes = 0
        self.failures = []

    def run(self):
        start = time.monotonic()
        while not self.ending.wait(max(0, start + self.writes / self.rate - time.monotonic())):
            self.document["spec"]["vm_id"] = f"vm{self.writes}"
            began = time.monotonic()
            status, answer = self.case.create(self.document, "dryRun=All")
            took = time.monotonic() - began
            if status != 201:
                self.failures.append((status, json.dumps(answer)[:300], round(took, 2)))
            self.writes += 1

    def wait_writes(self, more):
        """Until so many more have ended."""
        before = self.writes
        wait_until(lambda: self.writes >= before + more, "no more writes")

# SPDX-License-Identifier: Apache-2.0
"""The chart with cert-manager: its own controllers issue, inject and renew the webhook's certificate."""

import base64
import ssl

from cluster import GROUP, neighbours
from installed import NAMESPACE, InstalledCase
from manifests_table import GOOD, manifest
from processes import Process, wait_equal, wait_until
from webhooks import ADMISSION, KINDS, Writer

NAME = "wasmxds-webhook"
CERTIFICATES = f"/apis/cert-manager.io/v1/namespaces/{NAMESPACE}/certificates"
WRITES_A_SECOND = 20


class CertManager(InstalledCase):
    def prepare(self):
        self.cluster.apply_definitions("cert-manager")
        manager = Process("cert-manager", self.folder)
        self.processes.append(manager)
        manager.spawn([neighbours() / "cert-manager", self.cluster.environment["KUBECONFIG"]])
        self.addCleanup(self._end, manager)

        self.assertAccepted()

    def assertAccepted(self):
        """By cert-manager's own definitions, each field."""
        mode = ("--set", "webhook.certificates.mode=certManager")
        rendered = self.cluster.template(*mode, "--show-only", "templates/webhook.yaml", namespace=NAMESPACE)
        command = ("apply", "--dry-run=server", "--validate=strict", "-o", "name", "-f", "-")
        done = self.cluster.try_kubectl(*command, text=rendered)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.count("certificate.cert-manager.io"), 2)

    def create(self, document, query):
        return self.cluster.request("POST", f"{GROUP}/namespaces/default/wasmextensions?{query}", document)

    def bundles(self):
        """What both configurations have API servers trust."""
        paths = [f"{ADMISSION}/{kind}/{NAMESPACE}-{NAME}" for kind in KINDS.values()]
        return {self.cluster.get(path)["webhooks"][0]["clientConfig"]["caBundle"] for path in paths}

    def renew(self, name):
        """What `cmctl renew` does; returns when it is done."""
        before = self.node.secret(name)["tls.crt"]
        now = self.cluster.get(f"{CERTIFICATES}/{name}")
        issuing = {
            "type": "Issuing",
            "status": "True",
            "reason": "ManuallyTriggered",
            "message": "by the test",
            "lastTransitionTime": now["metadata"]["creationTimestamp"],
        }
        conditions = [*now["status"]["conditions"], issuing]
        status, answer = self.cluster.request(
            "PATCH", f"{CERTIFICATES}/{name}/status", {"status": {"conditions": conditions}}, kind="merge"
        )
        self.assertEqual(status, 200, answer)
        wait_until(lambda: self.node.secret(name)["tls.crt"] != before, f"{name}: not renewed")

    def shown(self):
        """The certificates that the pods show."""
        return {ssl.get_server_certificate((pod.address, pod.port("webhook"))) for pod in self.webhooks}

    def test_its_certificate_is_issued_injected_and_renewed_while_users_write(self):
        # Which ends when an API server has had its first yes.
        self.install("webhook.certificates.mode=certManager")
        secret = self.node.secret(NAME)
        trusted = self.bundles()
        self.assertEqual(trusted, {base64.b64encode(secret["ca.crt"]).decode()})
        self.assertEqual(len(self.shown()), 1)
        before = self.shown()
        document = manifest(GOOD[0], "filter", "default")
        with Writer(self, document, WRITES_A_SECOND) as writer:
            self.renew(f"{NAME}-ca")
            self.renew(NAME)
            wait_until(lambda: not self.bundles() & trusted, "the renewed authority is not injected")
            # An API server takes a moment to see it.
            writer.wait_writes(3 * WRITES_A_SECOND)
            # As late as kubelets are.
            self.node.refresh()
            wait_until(lambda: not self.shown() & before, "the old one is shown")
            writer.wait_writes(10)
        self.assertEqual(writer.failures, [])

    def test_an_issuer_that_is_there_already(self):
        """Here one that signs each certificate by itself."""
        issuer = ("kind=Issuer", "name=mine", "group=cert-manager.io")
        settings = [f"webhook.certificates.certManager.issuerRef.{each}" for each in issuer]
        prepare = self.prepare

        def with_issuer():
            prepare()
            made = {"apiVersion": "cert-manager.io/v1", "kind": "Issuer", "metadata": {"name": "mine"}}
            path = f"/apis/cert-manager.io/v1/namespaces/{NAMESPACE}/issuers"
            status, answer = self.cluster.request("POST", path, {**made, "spec": {"selfSigned": {}}})
            self.assertEqual(status, 201, answer)

        self.prepare = with_issuer
        self.install("webhook.certificates.mode=certManager", *settings)
        names = [each["metadata"]["name"] for each in self.cluster.get(CERTIFICATES)["items"]]
        self.assertEqual(names, [NAME])
        wait_equal(self.bundles, {base64.b64encode(self.node.secret(NAME)["ca.crt"]).decode()}, "caBundle")

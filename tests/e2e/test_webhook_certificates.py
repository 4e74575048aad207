# SPDX-License-Identifier: Apache-2.0
"""The webhook's own certificates: made, renewed and repaired while a real API server asks it."""

import base64
import http.client
import os
import signal
import ssl

from manifests_table import GOOD, manifest
from processes import LIMIT, LOOPBACK, Meanwhile, wait_equal, wait_until
from webhooks import ADMISSION, KINDS, WebhookCase, Writer

WRITES_A_SECOND = 50
# A certificate lives for six seconds, or a busy machine would see it expire, so that each rotation
# takes three: `make e2e E2E=certificates_are_renewed ROTATIONS=50` sees seven authorities in 150 s.
ROTATIONS = int(os.environ.get("ROTATIONS", "8"))
AUTHORITIES = max(1, ROTATIONS // 12)
REPLACED = 5
REPAIRED = 10  # seconds within which what somebody broke is right again


class Caller(Meanwhile):
    """Opens a connection after the other and trusts what the configuration says."""

    def __init__(self, case, webhook):
        super().__init__()
        self.case = case
        self.webhook = webhook
        self.calls = 0
        self.failures = []

    def run(self):
        while not self.ending.wait(0.05):
            try:
                self.case.shake_hands(self.webhook)
            except OSError as e:
                self.failures.append(repr(e))
            self.calls += 1


class Certificates(WebhookCase):
    @property
    def secret_path(self):
        return f"/api/v1/namespaces/{self.namespace}/secrets/{self.secret}"

    def authorities(self, way="validate"):
        return base64.b64decode(self.bundle(way)).decode()

    def shake_hands(self, webhook):
        """Returns the certificate that is shown, which caBundle must vouch for."""
        context = ssl.create_default_context(cadata=self.authorities())
        connection = http.client.HTTPSConnection(
            LOOPBACK, webhook.port.number, timeout=LIMIT, context=context
        )
        try:
            connection.connect()
            return connection.sock.getpeercert(binary_form=True)
        finally:
            connection.close()

    def document(self, name="filter"):
        return manifest(GOOD[0], name, self.namespace)

    def wait_admitting(self):
        wait_until(lambda: self.create(self.document(), "dryRun=All")[0] == 201, "not admitted")

    def stored(self):
        data = self.cluster.get(self.secret_path)["data"]
        return {key: base64.b64decode(value).decode() for key, value in data.items()}

    def test_both_configurations_trust_the_authority(self):
        webhook = self.webhook(own=True)
        self.assertEqual(self.bundle("mutate"), self.bundle("validate"))
        self.assertEqual(self.stored()["ca.crt"], self.authorities())
        self.shake_hands(webhook)
        self.wait_admitting()

    def test_no_write_fails_while_certificates_are_renewed(self):
        webhook = self.webhook("--cert-lifetime=6s", "--ca-lifetime=40s", own=True)
        self.wait_admitting()

        def actions(*names):
            written = webhook.records(msg="certificates written")
            return sum(each["action"] in names for each in written)

        def renewed():
            leaves = actions("renew", "promote")
            return leaves >= ROTATIONS and actions("promote") >= AUTHORITIES

        writer = Writer(self, self.document(), WRITES_A_SECOND)
        caller = Caller(self, webhook)
        with writer, caller:
            wait_until(renewed, "not as many certificates", limit=60 + 5 * ROTATIONS)
        self.assertEqual(writer.failures, [])
        self.assertEqual(caller.failures, [])
        self.assertGreater(writer.writes, 10 * ROTATIONS)
        self.assertGreater(caller.calls, 10 * ROTATIONS)

    def test_no_write_fails_while_files_are_replaced(self):
        """As kubelet does with what cert-manager, or somebody else, keeps in a Secret."""
        webhook = self.webhook()
        self.wait_admitting()

        def in_force():
            return len(webhook.records(msg="certificate in force"))

        shown = {self.shake_hands(webhook)}
        writer = Writer(self, self.document(), WRITES_A_SECOND)
        caller = Caller(self, webhook)
        with writer, caller:
            for n in range(REPLACED):
                before = in_force()
                self.authority.issue("webhook", f"IP:{LOOPBACK}")
                wait_until(lambda: in_force() > before, f"not read again, {n}")
                shown.add(self.shake_hands(webhook))
        self.assertEqual(len(shown), REPLACED + 1)
        self.assertEqual(writer.failures, [])
        self.assertEqual(caller.failures, [])
        self.assertGreater(writer.writes, 10 * REPLACED)

    def test_a_deleted_secret_comes_back_as_it_was(self):
        webhook = self.webhook(own=True)
        self.wait_admitting()
        before = self.stored()
        with Writer(self, self.document(), WRITES_A_SECOND) as writer:
            self.cluster.request("DELETE", self.secret_path)
            wait_until(lambda: self.cluster.get(self.secret_path), "not restored", REPAIRED)
        self.assertEqual(self.stored(), before)
        self.assertEqual(writer.failures, [])
        self.shake_hands(webhook)

    def test_a_garbled_secret_is_repaired(self):
        webhook = self.webhook(own=True)
        before = self.stored()

        def is_sound():
            now = self.stored()
            kept = all(now.get(key) == before[key] for key in ("ca.crt", "ca.key"))
            return kept and "BEGIN" in now.get("tls.crt", "")

        for garbage in ({"ca.key": "eA=="}, {"tls.crt": "eA=="}, {"ca.crt": None}):
            with self.subTest(garbage):
                status, answer = self.cluster.request(
                    "PATCH", self.secret_path, {"data": garbage}, kind="merge"
                )
                self.assertEqual(status, 200, answer)
                wait_until(is_sound, "not repaired", REPAIRED)
                self.shake_hands(webhook)

    def test_a_garbled_ca_bundle_is_repaired(self):
        """Meanwhile nothing is let by: that is what failurePolicy Fail is for."""
        self.webhook(own=True)
        self.wait_admitting()
        good = self.bundle("validate")
        path = f"{ADMISSION}/{KINDS['validate']}/{self.configuration}"
        change = [{"op": "remove", "path": "/webhooks/0/clientConfig/caBundle"}]
        with Writer(self, self.document(), WRITES_A_SECOND) as writer:
            self.cluster.request("PATCH", path, change, kind="json")
            wait_equal(lambda: self.bundle("validate"), good, "the caBundle", REPAIRED)
            self.wait_admitting()
            writer.wait_writes(2)  # one may be under way that began before that
            before = len(writer.failures)
            writer.wait_writes(WRITES_A_SECOND)
        self.assertEqual(len(writer.failures), before)
        for status, answer, _ in writer.failures:
            self.assertEqual(status, 500)
            self.assertIn("failed calling webhook", answer)

    def test_replicas_agree_on_one_authority(self):
        first = self.webhook(own=True)
        others = [
            self.webhook(own=True, name=f"webhook{n}", ready=False, registered=False)
            for n in range(2, 5)
        ]
        for round in range(3):
            with self.subTest(round):
                for each in [first, *others]:
                    each.stop()
                self.cluster.request("DELETE", self.secret_path)
                for each in [first, *others]:
                    each.start(ready=False)
                for each in [first, *others]:
                    each.wait_up(lambda: each.admin("/readyz").status == 200, "not ready")
                shown = {self.shake_hands(each) for each in [first, *others]}
                self.assertEqual(len(shown), 1)
        self.wait_admitting()


class Outages(WebhookCase):
    def refused(self, document):
        status, answer = self.create(document, "dryRun=All")
        return status >= 500 and answer["message"]

    def test_a_dead_webhook_holds_up_only_writes_of_extensions(self):
        webhook = self.webhook()
        document = manifest(GOOD[0], "filter", self.namespace)
        wait_until(lambda: self.create(document)[0] in (201, 409), "not admitted")
        webhook.stop(signal.SIGKILL)
        another = manifest(GOOD[0], "another", self.namespace)
        said = wait_until(lambda: self.refused(another), "not refused")
        self.assertIn("failed calling webhook", said)
        path = f"{self.extensions}/filter/status"
        status, answer = self.cluster.request(
            "PATCH", path, {"status": {"observedGeneration": 1}}, kind="merge"
        )
        self.assertEqual(status, 200, answer)
        self.cluster.kubectl("create", "configmap", "other", "-n", self.namespace)
        webhook.start()
        wait_until(lambda: self.create(another)[0] == 201, "not admitted again")

    def test_termination_answers_what_is_under_way(self):
        webhook = self.webhook()
        document = manifest(GOOD[0], "filter", self.namespace)
        wait_until(lambda: self.create(document, "dryRun=All")[0] == 201, "not admitted")
        self.assertEqual(webhook.stop(), 0)
        webhook.start()
        self.assertEqual(self.create(document, "dryRun=All")[0], 201)

# SPDX-License-Identifier: Apache-2.0
"""Every reason that a status can show is caused on a real API server, and leaves with its cause."""

import base64
import json
import time

from harness import REFETCH, altered, digest, module, padded
from processes import LOOPBACK, wait_equal, wait_until
from test_controller import ALLOW, ControllerCase, reference
from test_status import documented_reasons

OTHER = altered(b"x-wasm-filter", b"x-wasm-fliter")
MIB = 1 << 20
SLOW_MS = 1500  # for an answer of the API server; the Lease's may take twice as long


class ReasonsTest(ControllerCase):
    """Each row makes an extension of its name, yields when the cause is there, and takes it away."""

    def web(self, name, body=None, **fields):
        """An extension by http; returns its source."""
        source = self.source(body)
        self.put(name=name, protocol="http", uri=source.uri, **fields)
        return source

    def refetch(self, name):
        self.kubectl("annotate", "wasmextension", name, f"{REFETCH}=now")

    def put_bytes(self, name, value):
        metadata = {"name": name, "namespace": self.namespace}
        data = {"key": base64.b64encode(value).decode()}
        document = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        self.apply(json.dumps(document))

    def own(self, name):
        return reference("secretKeyRef", name, self.namespace)

    def fetch_failed(self, name):
        self.answer(name, 500)
        yield
        self.sources[name].status = 200

    def answer(self, name, status):
        source = self.sources[name] = self.source()
        source.status = status
        self.put(name=name, protocol="http", uri=source.uri)

    def not_found(self, name):
        self.answer(name, 404)
        yield
        self.sources[name].status = 200

    def denied(self, name):
        self.answer(name, 403)
        yield
        self.sources[name].status = 200
        self.refetch(name)

    def revoked(self, name):
        source = self.web(name, padded(1))  # what a namespace has by one source it has by all
        source.etag = '"one"'
        self.wait_reason("Programmed", name)
        source.status = 403
        yield
        source.status = 200
        self.refetch(name)

    def digest_mismatch(self, name):
        source = self.web(name, sha256=digest(OTHER))
        yield
        source.body = OTHER
        self.refetch(name)

    def invalid_module(self, name):
        source = self.web(name, b"\0asm\1\0\0\0")
        yield
        source.body = module()
        self.refetch(name)

    def fetching(self, name):
        source = self.source()
        source.hold()
        self.put(name=name, protocol="http", uri=source.uri)
        yield
        source.let_go()

    def reference_not_found(self, name):
        self.put(name=name, plugin=self.own(name))
        yield
        self.put_secret("x", name)

    def reference_denied(self, name):
        self.put_secret("x", name, namespace=self.other)
        self.put(name=name, plugin=reference("secretKeyRef", name, self.other))
        yield
        self.put_secret("x", name, self.other, annotations={ALLOW: self.namespace})

    def stale(self, name):
        self.put(name=name)
        self.wait_reason("Programmed", name)
        self.put(name=name, plugin=self.own(name))
        yield
        self.put_secret("x", name)

    def invalid(self, name):
        self.put(name=name, annotations={REFETCH: "x" * 257})
        yield
        self.put(name=name)

    def invalid_configuration(self, name):
        self.put_bytes(name, b"\xff")
        self.put(name=name, plugin=self.own(name))
        yield
        self.put_secret("x", name)

    def suspended(self, name):
        self.put(name=name, suspend=True)
        yield
        self.put(name=name)

    def storage_full(self, name):
        self.web("large", padded(2 * MIB), debug_sections="keep")
        self.wait_reason("Programmed", "large")
        self.web(name, padded(2 * MIB + 1), debug_sections="keep")
        yield
        self.kubectl("delete", "wasmextension", "large")

    def storage_failed(self, name):
        folder = self.store / "resources" / self.namespace
        folder.rename(folder.with_suffix(".away"))
        folder.touch()
        self.put(name=name)
        yield
        folder.unlink()
        folder.with_suffix(".away").rename(folder)

    def proxy_refused(self, name):
        self.envoy_for(self.server, name, ready=False)
        self.put(name=name, plugin="refuse this")
        yield
        self.put(name=name)

    def unknown(self, name):
        self.put_secret("x", name)
        self.proxy.add_toxic("latency", latency=SLOW_MS)
        # With its module there nothing is known before the Secret is.
        self.put(name=name, plugin=self.own(name), sha256=digest(module()))
        yield
        self.proxy.heal()

    # reason: the condition that shows it, that one's status, what causes it
    TROUBLES = {
        "FetchFailed": ("Fetched", "False", fetch_failed),
        "NotFound": ("Fetched", "False", not_found),
        "Denied": ("Fetched", "False", denied),
        "Revoked": ("Fetched", "False", revoked),
        "DigestMismatch": ("Fetched", "False", digest_mismatch),
        "InvalidModule": ("Fetched", "False", invalid_module),
        "Fetching": ("Fetched", "Unknown", fetching),
        "Pending": ("Programmed", "False", fetching),
        "ReferenceNotFound": ("Resolved", "False", reference_not_found),
        "ReferenceDenied": ("Resolved", "False", reference_denied),
        "Stale": ("Programmed", "False", stale),
        "Invalid": ("Accepted", "False", invalid),
        "InvalidConfiguration": ("Programmed", "False", invalid_configuration),
        "Suspended": ("Ready", "Unknown", suspended),
        "StorageFull": ("Fetched", "False", storage_full),
        "ProxyRefused": ("Ready", "False", proxy_refused),
    }
    # These change what all others need, and so come one by one.
    ALONE = {
        "StorageFailed": ("Programmed", "False", storage_failed),
        "Unknown": ("Ready", "Unknown", unknown),
    }
    GOOD = {kind: kind for kind in ("Accepted", "Resolved", "Fetched", "Programmed")}

    def assertGood(self, name):
        for kind, reason in {**self.GOOD, "Ready": "Programmed"}.items():
            self.wait_condition(name, kind, ("True", reason))

    def start(self):
        self.sources = {}
        self.other = self.new_namespace()
        self.proxy = self.toxiproxy()
        flags = ["--fetch-tries=1", "--permission-interval=1s", "--store-max-size=3Mi"]
        flags += ["--gc-grace=0s", "--survey-interval=200ms"]
        controller = self.controller(*flags, port=self.proxy.port.number)
        self.server = self.xds()
        controller.flags.append(f"--xds-admin={LOOPBACK}:{self.server.admin_port}")
        controller.restart()
        controller.wait_leading()
        return controller

    def test_each_is_caused_and_leaves_with_its_cause(self):
        rows = {**self.TROUBLES, **self.ALONE}
        self.assertEqual(sorted({*rows, *self.GOOD}), sorted(documented_reasons()))
        self.start()
        for group in (self.TROUBLES, *({reason: row} for reason, row in self.ALONE.items())):
            causes = {}
            for reason, (kind, state, cause) in group.items():
                causes[reason] = cause(self, reason.lower())
                next(causes[reason])
            for reason, (kind, state, _) in group.items():
                self.wait_condition(reason.lower(), kind, (state, reason))
                if reason not in ("Pending", "Stale"):  # which Ready never shows
                    self.wait_reason(reason, reason.lower())
            for cause in causes.values():
                self.assertIsNone(next(cause, None))
            for reason in group:
                self.assertGood(reason.lower())

    def test_what_waits_for_its_source_is_left_alone(self):
        controller = self.controller("--fetch-tries=1")
        reconciles = lambda: controller.metric("wasmxds_controller_reconciles_total")  # noqa: E731
        source = self.web("filter")
        source.status = 500
        self.put(protocol="http", uri=f"{source.uri}?2")
        self.wait_reason("FetchFailed")
        source.hold()
        requests = source.requests
        wait_until(lambda: source.requests > requests, "not tried again")
        before = reconciles()
        time.sleep(1)  # for what must not happen
        self.assertLessEqual(reconciles(), before + 1)
        source.let_go()
        self.put(protocol="http", uri=f"{source.uri}?2", suspend=True)
        self.wait_reason("Suspended")
        before = reconciles()
        time.sleep(1)
        self.assertLessEqual(reconciles(), before + 1)

    def test_a_key_that_is_not_there_is_named(self):
        controller = self.controller()
        self.put(plugin=self.own("secret"))
        self.wait_reason("ReferenceNotFound")
        self.put_secret("x", key="wrong")
        no_key = f'refers to key "key" of Secret/{self.namespace}/secret, which has no such key'
        controller.wait_record(
            msg="extension not programmed", err=f"plugin_configuration {no_key}"
        )
        self.put_secret("x")
        self.wait_reason("Programmed")

# SPDX-License-Identifier: Apache-2.0
"""WasmExtensions of a real API server, through `wasmxds controller` and `wasmxds xds` to Envoy."""

import base64
import json
import os
import subprocess
import unittest.mock

from cluster import OwnClusterCase
from fleet import FleetCase
from harness import REFETCH, HttpSource, altered, digest, extension, module
from processes import in_time, wait_equal, wait_until
from registries import (
    MODULE,
    MODULE_CONFIG,
    PASSWORD,
    USER,
    Certificate,
    DockerRegistry,
    Layout,
    htpasswd,
)
from test_permission import pull_secret
from test_s3 import BUCKET, KEY_ID, SECRET, VersityGw

ALLOW = "wasmxds.tetrate.io/allow-namespaces"
OTHER = altered(b"x-wasm-filter", b"x-wasm-fliter")


def reference(kind, name, namespace, key="key"):
    return {kind: {"name": name, "namespace": namespace, "key": key}}


class ControllerCase(FleetCase):
    def setUp(self):
        super().setUp()
        (self.modules / "filter.wasm").write_bytes(module())

    def put(self, **fields):
        """Applies default fields as filter of the test's namespace."""
        self.apply(extension(**{"namespace": self.namespace, **fields}))

    def put_secret(self, value, name="secret", namespace=None, annotations=None, key="key"):
        document = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": name,
                "namespace": namespace or self.namespace,
                "annotations": annotations or {},
            },
            "data": {key: base64.b64encode(value.encode()).decode()},
        }
        self.apply(json.dumps(document))

    def put_config_map(self, value, name="settings"):
        metadata = {"name": name, "namespace": self.namespace}
        document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata}
        self.apply(json.dumps({**document, "data": {"key": value}}))

    def source(self, body=None):
        source = HttpSource(body or module())
        self.addCleanup(source.stop)
        return source

    def start_all(self, *flags, names=("filter",), **options):
        """Controller, xds and an Envoy with these filters."""
        self.running = self.controller(*flags)
        self.server = self.xds()
        return self.envoy_for(self.server, *names, **options)


class ProtocolsTest(ControllerCase):
    def registry(self, **options):
        layout = Layout(self.folder / "layout")
        layout.tag("v1", layout.manifest(MODULE_CONFIG, [(MODULE, module())]))
        registry = DockerRegistry(self.folder, **options)
        self.processes.append(registry)
        self.addCleanup(registry.kill)
        registry.start()
        registry.push(layout, "v1", "filters/f:v1", user=options.get("auth") and USER)
        return registry

    def bucket(self):
        s3 = VersityGw(self.folder)
        self.processes.append(s3)
        self.addCleanup(s3.port.release)
        self.addCleanup(s3.kill)
        s3.start()
        s3.put("f.wasm", module())
        keys = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
        keys |= {"AWS_EC2_METADATA_DISABLED": "true", "HOME": str(self.folder)}
        environment = unittest.mock.patch.dict(os.environ, keys)
        environment.start()
        self.addCleanup(environment.stop)
        return s3

    def test_every_protocol_brings_a_filter_to_envoy(self):
        plain, bucket, registry = self.source(), self.bucket(), self.registry()
        certificate = Certificate(self.folder / "tls")
        secure = DockerRegistry(self.folder, certificate=certificate, name="secure")
        self.processes.append(secure)
        self.addCleanup(secure.kill)
        secure.start()
        layout = Layout(self.folder / "secure-layout")
        layout.tag("v1", layout.manifest(MODULE_CONFIG, [(MODULE, module())]))
        secure.push(layout, "v1", "f:v1")
        blob = f"{secure.host}/v2/f/blobs/sha256:{digest(module())}"
        images = {
            "local-fs": ("local_fs", "filter.wasm"),
            "http": ("http", plain.uri),
            "https": ("https", blob),
            "s3": ("s3", f"{BUCKET}/f.wasm"),
            "oci": ("oci", f"{registry.host}/filters/f:v1"),
        }
        for name, (protocol, uri) in images.items():
            self.put(name=name, plugin=f"by-{name}", protocol=protocol, uri=uri)
        envoy = self.start_all(
            f"--s3-endpoint={bucket.url}", "--ca-file", certificate.authority, names=images
        )
        self.assertHeader(envoy, *(f"by-{name}" for name in images))
        for name in images:
            self.wait_reason("Programmed", name)
            status = self.status(name)
            self.assertEqual(status["resolvedSha256"], digest(module()))
            self.assertEqual(status["sizeBytes"], len(module()))
        self.assertRegex(self.status("oci")["manifestDigest"], "^sha256:[0-9a-f]{64}$")
        wide = self.kubectl("get", "wasmextensions", "-o", "wide")
        self.assertIn(digest(module())[:12], wide)

    def put_pull_secret(self, registry):
        self.apply(pull_secret(self.namespace, registry.host, USER, PASSWORD))

    def test_pull_secret_of_the_same_namespace_opens_a_registry(self):
        registry = self.registry(auth=htpasswd(self.folder))
        self.put(protocol="oci", uri=f"{registry.host}/filters/f:v1", pull_secret="registry")
        self.running = self.controller()
        self.assertIn("/registry, which is not there", self.wait_reason("ReferenceNotFound"))
        self.put_secret("{}", name="registry")
        self.wait_words('which has no key ".dockerconfigjson"')
        self.put_secret("[]", name="registry", key=".dockerconfigjson")
        self.wait_words('".dockerconfigjson" is not usable')
        self.kubectl("delete", "secret", "registry")  # whose type cannot change
        self.put_pull_secret(registry)
        self.assertHeader(self.envoy_for(self.xds(), "filter"), "one")
        self.wait_reason("Programmed")
        self.assertNotIn(PASSWORD, self.running.log() + json.dumps(self.status()))

    def wait_words(self, words):
        """Waits for other words about ReferenceNotFound, which are in the log at once."""
        about = {"msg": "extension not programmed", "reason": "ReferenceNotFound"}
        wait_until(lambda: any(words in r["err"] for r in self.running.records(**about)), words)

    def test_pull_secret_that_goes_is_missing_whatever_else_fails_for_want_of_it(self):
        registry = self.registry(auth=htpasswd(self.folder))
        image = {"protocol": "oci", "uri": f"{registry.host}/filters/f:v1", "pull_secret": "registry"}
        image |= {"track": True, "interval": "10s"}
        self.put_pull_secret(registry)
        self.put(**image)
        envoy = self.start_all()
        self.assertHeader(envoy, "one")
        self.wait_reason("Programmed")
        self.kubectl("delete", "secret", "registry")
        self.wait_reason("ReferenceNotFound")
        self.wait_condition("filter", "Resolved", ("False", "ReferenceNotFound"))
        self.wait_condition("filter", "Programmed", ("True", "Programmed"))
        # A fetch that is asked for cannot be made, and another configuration can be served.
        self.put(plugin="two", annotations={REFETCH: "1"}, **image)
        self.assertHeader(envoy, "two")
        self.running.wait_record(msg="extension not programmed", reason="ReferenceNotFound")
        wait_equal(lambda: self.status().get("observedGeneration"), 2, "observedGeneration")
        self.running.restart()
        self.running.wait_leading()
        self.put(name="later")
        self.wait_reason("Programmed", "later")
        self.wait_reason("ReferenceNotFound")
        self.put_pull_secret(registry)
        self.wait_reason("Programmed")
        wait_equal(lambda: self.status().get("lastHandledRefetch"), "1", "lastHandledRefetch")
        reasons = {r["reason"] for r in self.running.records(msg="extension not programmed")}
        self.assertEqual(reasons, {"ReferenceNotFound"})


class ValuesTest(ControllerCase):
    def test_values_reach_the_filter_by_every_way_there_is(self):
        self.put_secret("hidden")
        self.put_config_map("open")
        secret = reference("secretKeyRef", "secret", self.namespace)
        settings = reference("configMapKeyRef", "settings", self.namespace)
        self.put(name="by-value", plugin="p", vm="v")
        self.put(name="by-secret", plugin=secret, vm=secret)
        self.put(name="by-map", plugin=settings, vm=settings)
        envoy = self.start_all(names=("by-value", "by-secret", "by-map"))
        self.assertHeader(envoy, "p", "hidden", "open")
        self.assertHeader(envoy, "v", "hidden", "open", header="x-wasm-vm")
        self.assertNotIn("hidden", self.running.log())

    def test_rotated_values_reach_the_filter_within_two_seconds(self):
        self.put_secret("first")
        self.put_config_map("slow")
        self.put(
            plugin=reference("secretKeyRef", "secret", self.namespace),
            vm=reference("configMapKeyRef", "settings", self.namespace),
        )
        envoy = self.start_all()
        self.assertHeader(envoy, "first")

        def rotate_secret(attempt):
            self.put_secret(f"value-{n}-{attempt}")
            return wait_equal(envoy.header, [f"value-{n}-{attempt}"], "a rotated Secret")

        def rotate_config_map(attempt):
            self.put_config_map(f"fast-{attempt}")
            return wait_equal(lambda: envoy.header("x-wasm-vm"), [f"fast-{attempt}"], "a ConfigMap")

        for n in range(5):
            in_time(2, rotate_secret)
        in_time(2, rotate_config_map)

    def test_a_deleted_secret_keeps_its_last_value_and_status_says_so(self):
        self.put_secret("hidden")
        self.put(plugin=reference("secretKeyRef", "secret", self.namespace))
        envoy = self.start_all()
        self.assertHeader(envoy, "hidden")
        self.kubectl("delete", "secret", "secret")
        self.assertIn("is not there", self.wait_reason("ReferenceNotFound"))
        self.assertHeader(envoy, "hidden")
        self.running.restart()
        self.running.wait_leading()
        self.wait_reason("ReferenceNotFound")
        self.assertHeader(self.envoy_for(self.server, "filter"), "hidden")
        self.put_secret("again")
        self.wait_reason("Programmed")
        self.assertHeader(envoy, "again")

    def test_a_restart_writes_nothing_however_late_the_values_are_seen(self):
        self.put_secret("hidden")
        self.put(plugin=reference("secretKeyRef", "secret", self.namespace))
        self.put(name="gone", plugin=reference("secretKeyRef", "gone", self.namespace))
        self.running = self.controller()
        names = ("filter", "gone")
        self.wait_reason("Programmed")
        self.wait_reason("ReferenceNotFound", "gone")
        events = f"/apis/events.k8s.io/v1/namespaces/{self.namespace}/events"

        def written():
            said = [e for e in self.cluster.get(events)["items"] if e["regarding"]["name"] in names]
            return said, [self.cluster.extension(self.namespace, name) for name in names]

        wait_equal(lambda: len(written()[0]), 2, "Events")
        before = written()
        self.running.restart()
        self.put(name="later")
        self.wait_reason("Programmed", "later")
        self.assertEqual(written(), before)

    def test_a_secret_of_another_namespace_needs_its_consent(self):
        other = self.new_namespace()
        self.put(plugin=reference("secretKeyRef", "secret", other))
        self.running = self.controller()
        absent = self.wait_reason("ReferenceDenied")
        self.put_secret("hidden", namespace=other)
        self.put(plugin=reference("secretKeyRef", "secret", other), vm="other")
        wait_until(lambda: self.status().get("observedGeneration") == 2, "not observed")
        self.assertEqual(self.wait_reason("ReferenceDenied"), absent)
        self.put_secret("hidden", namespace=other, annotations={ALLOW: self.namespace})
        self.wait_reason("Programmed")


class ChangesTest(ControllerCase):
    def test_an_update_reaches_envoy_and_a_deleted_one_is_served_to_nobody_new(self):
        self.put()
        envoy = self.start_all()
        self.assertHeader(envoy, "one")
        self.put(plugin="two")
        self.assertHeader(envoy, "two")
        wait_equal(lambda: self.status().get("observedGeneration"), 2, "observedGeneration")
        self.kubectl("delete", "wasmextension", "filter")
        record = self.store / "resources" / self.namespace / "filter"
        wait_until(lambda: not record.exists(), "the record stays")
        self.assertHeader(envoy, "two")
        self.envoy_without(self.server, f"{self.namespace}/filter")

    def test_one_that_was_deleted_while_nobody_looked_is_swept(self):
        self.put()
        self.put(name="stays")
        self.start_all(names=("filter", "stays"))
        self.running.stop()
        self.kubectl("delete", "wasmextension", "filter", "--timeout=10s")
        self.running.start()
        folder = self.store / "resources" / self.namespace
        wait_equal(lambda: [p.name for p in folder.iterdir()], ["stays"], "records")

    def test_what_the_decoder_refuses_keeps_the_last_good_one(self):
        self.put()
        envoy = self.start_all()
        self.assertHeader(envoy, "one")
        self.put(plugin="two", annotations={REFETCH: "x" * 257})
        self.wait_condition("filter", "Accepted", ("False", "Invalid"))
        self.assertIn("at most 256 bytes", self.wait_reason("Invalid"))
        self.running.restart()
        self.running.wait_leading()
        self.assertHeader(self.envoy_for(self.server, "filter"), "one")
        self.put(plugin="two")
        self.wait_condition("filter", "Accepted", ("True", "Accepted"))
        self.assertHeader(envoy, "two")

    def test_the_annotation_asks_for_one_fetch_and_status_says_which(self):
        source = self.source()
        self.put(protocol="http", uri=source.uri)
        envoy = self.start_all()
        self.assertHeader(envoy, "one")
        source.body = OTHER
        self.kubectl("annotate", "wasmextension", "filter", f"{REFETCH}=noon")
        self.assertHeader(envoy, "one", header="x-wasm-fliter")
        wait_equal(lambda: self.status().get("lastHandledRefetch"), "noon", "lastHandledRefetch")
        self.assertEqual(source.requests, 2)


    def test_what_is_tracked_moves_and_all_else_stays_as_it_was_resolved(self):
        track = {"track": True, "interval": "10s"}
        images = {"moves": track, "stays": {}, "sleeps": track}
        sources = {name: self.source() for name in images}
        fields = {}
        for name, source in sources.items():
            source.etag = '"first"'
            fields[name] = {"name": name, "protocol": "http", "uri": source.uri, **images[name]}
            self.put(**fields[name])
        envoy = self.start_all(names=("moves", "stays", "sleeps"))
        self.assertHeader(envoy, "one", "one", "one")
        self.put(suspend=True, plugin="two", **fields["sleeps"])
        self.wait_reason("Suspended", "sleeps")
        for source in sources.values():
            source.body, source.etag = OTHER, '"second"'
        resolved = lambda: {name: self.status(name)["resolvedSha256"] for name in images}  # noqa: E731
        want = {"moves": digest(OTHER), "stays": digest(module()), "sleeps": digest(module())}
        wait_equal(resolved, want, "resolvedSha256")
        self.assertHeader(envoy, "one", header="x-wasm-fliter")
        self.assertHeader(envoy, "one", "one")
        requests = {name: source.requests for name, source in sources.items()}
        self.assertEqual(requests, {"moves": 2, "stays": 1, "sleeps": 1})
        self.assertEqual(sources["stays"].heads, 0)
        self.put(plugin="two", **fields["sleeps"])
        wait_equal(resolved, {**want, "sleeps": digest(OTHER)}, "resolvedSha256")
        self.assertHeader(envoy, "one", "two", header="x-wasm-fliter")


class FaultsTest(ControllerCase, OwnClusterCase):
    def test_an_api_server_that_is_killed_takes_nothing_away(self):
        self.put()
        envoy = self.start_all()
        self.assertHeader(envoy, "one")
        self.cluster.kill_api()
        self.assertHeader(envoy, "one")
        self.server.restart()
        self.assertHeader(self.envoy_for(self.server, "filter"), "one")
        self.cluster.start_api()
        self.put(plugin="two")
        wait_equal(envoy.header, ["two"], "converged after the API server came back")
        self.wait_reason("Programmed")


class AdminTest(ControllerCase):
    def test_health_and_metrics(self):
        self.put()
        controller = self.controller()
        self.wait_reason("Programmed")
        for page in ("/livez", "/readyz"):
            self.assertEqual(controller.admin(page).status, 200)
        programmed = 'wasmxds_controller_extensions{reason="Programmed"}'
        self.assertEqual(controller.metric(programmed), 1)
        fetched = 'wasmxds_controller_fetches_total{protocol="local_fs",result="ok"}'
        self.assertEqual(controller.metric(fetched), 1)
        self.assertEqual(controller.metric("wasmxds_controller_status_waiting"), 0)
        text = controller.admin("/metrics").body
        check = subprocess.run(
            ["promtool", "check", "metrics"], input=text, capture_output=True, text=True
        )
        self.assertEqual((check.returncode, check.stdout + check.stderr), (0, ""))

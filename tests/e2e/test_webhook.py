# SPDX-License-Identifier: Apache-2.0
"""The admission webhook, asked by a real API server on behalf of kubectl."""

import copy
import gzip
import json
import os
import re
import ssl
import time
import unittest.mock

from fleet import FleetCase
from harness import REFETCH, HttpSource, altered, digest, extension, module, padded
from manifests_table import BAD, GOOD, manifest
from processes import LOOPBACK, in_time, wait_equal, wait_until
from registries import MODULE, MODULE_CONFIG, Certificate, DockerRegistry, Layout, htpasswd
from test_debug_sections import custom_section
from test_s3 import BUCKET, KEY_ID, SECRET, VersityGw
from webhooks import WebhookCase

HIDDEN = (
    "spec.image.uri: is not asked, as its pull_secret is not read here; "
    "the module is checked and pinned later"
)
UNREACHED = "spec.image.uri: was not reached in time; the module is checked and pinned later"
DEFINITION = (
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/wasmextensions.wasmxds.tetrate.io"
)


class Verdicts(WebhookCase):
    def setUp(self):
        super().setUp()
        self.webhook("--resolve-timeout=200ms", "--pin=false", "--check-access=false")
        self.probe()

    def probe(self):
        """Waits until the API server asks the webhook: only that refuses this."""
        document = manifest(GOOD[0], "probe", self.namespace)
        document["spec"]["image"] = {"protocol": "oci", "uri": "no-such-registry/A"}
        wait_until(lambda: self.create(document, "dryRun=All")[0] == 422, "not asked")

    def rows(self):
        """Each row of the table: its title, its document, and what `wasmxds validate` says of
        that: (field, message) of each problem."""
        rows = [(row, True) for row in GOOD] + [(row, False) for row in BAD]
        self.assertGreaterEqual(len(rows), 150)
        folder = self.folder / "rows"
        folder.mkdir()
        documents = []
        for n, (row, _) in enumerate(rows):
            documents.append(manifest(row, f"row{n}", self.namespace))
            (folder / f"{n:04}.json").write_text(json.dumps(documents[-1]))
        done = self.run_command("validate", "-o", "json", folder)
        files = sorted(json.loads(done.stdout)["files"], key=lambda file: file["file"])
        self.assertEqual(len(files), len(rows))
        for (row, is_good), document, file in zip(rows, documents, files):
            said = [(p["path"].partition(": ")[2], p["message"]) for p in file["problems"]]
            self.assertEqual(is_good, not said, row.title)
            yield row.title, document, said

    def refusal(self, document):
        """Why the API server refuses it; "" where it does not."""
        status, answer = self.create(document, "dryRun=All&fieldValidation=Strict")
        return "" if status == 201 else answer["message"]

    def loosen_definition(self):
        """Takes the rules about the spec out of the definition, until the end of the test."""
        strict = self.cluster.get(DEFINITION)["spec"]["versions"][0]
        loose = copy.deepcopy(strict)
        del loose["selectableFields"]  # which want a schema
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        loose["schema"]["openAPIV3Schema"]["properties"]["spec"] = anything
        wrong = manifest(GOOD[0], "probe", self.namespace)
        wrong["spec"]["runtime"] = "V8"

        def put(version, says):
            patch = [{"op": "replace", "path": "/spec/versions/0", "value": version}]
            status, answer = self.cluster.request("PATCH", DEFINITION, patch, kind="json")
            self.assertEqual(status, 200, answer)
            wait_until(lambda: says in self.refusal(wrong), f"no {says}")

        self.addCleanup(put, strict, "Unsupported value")
        put(loose, "denied the request")

    def test_the_verdict_is_that_of_the_command(self):
        for title, document, said in self.rows():
            if title == "variable null":
                continue  # the API server drops it before anybody is asked
            with self.subTest(title):
                self.assertEqual(bool(self.refusal(document)), bool(said), said)

    def test_the_webhook_says_all_that_the_command_says(self):
        """In the same words, of every row: no rule of the definition speaks first."""
        self.loosen_definition()
        for title, document, said in self.rows():
            with self.subTest(title):
                status, answer = self.create(document, "dryRun=All&fieldValidation=Strict")
                if not said:
                    self.assertEqual(status, 201, answer)
                    continue
                self.assertEqual((status, answer["reason"]), (422, "Invalid"), answer)
                causes = [(c["field"], c["message"]) for c in answer["details"]["causes"]]
                self.assertEqual(causes, said)
                self.assertIn("; ".join(": ".join(each) for each in said), answer["message"])

    def test_kubectl_shows_every_problem_on_a_line_of_its_own(self):
        text = extension(namespace=self.namespace, protocol="oci", uri="r.example/A:v/1")
        text = text.replace("vm_id: filter", "vm_id: filter\n  environment: {host_env_keys: [a=b]}")
        done = self.cluster.try_kubectl("apply", "-f", "-", text=text)
        self.assertEqual(done.returncode, 1)
        self.assertIn('The WasmExtension "filter" is invalid:', done.stderr)
        for field in ("spec.image.uri: ", "spec.environment.host_env_keys"):
            begins = rf"(?m)^\* {re.escape(field)}|invalid: {re.escape(field)}"
            self.assertRegex(done.stderr, begins)

    def test_warnings_reach_the_user(self):
        text = extension(namespace=self.namespace, protocol="http", uri="localhost/filter.wasm")
        done = self.cluster.try_kubectl("apply", "-f", "-", text=text)
        self.assertEqual(done.returncode, 0, done.stderr)
        warnings = re.findall(r"(?m)^Warning: (.*)$", done.stderr)
        self.assertIn(UNREACHED, warnings)
        self.assertTrue(any("http lets anybody on the way" in each for each in warnings), warnings)
        self.assertTrue(all(len(each) <= 120 for each in warnings), warnings)


    def test_whoever_gives_a_pull_secret_is_told_who_will_use_it(self):
        image = {"protocol": "oci", "uri": "r.example/a", "pull_secret": "key"}
        text = extension(namespace=self.namespace, **image)
        done = self.cluster.try_kubectl("apply", "-f", "-", text=text)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"Warning: {HIDDEN}\n", done.stderr)

    def test_a_nul_in_an_annotation_is_nobodys_business(self):
        document = manifest(GOOD[0], "filter", self.namespace)
        document["metadata"]["annotations"] = {"note": "\0"}
        self.assertEqual(self.create(document)[0], 201)
        document["metadata"]["annotations"] = {REFETCH: "\0"}
        status, answer = self.create(document, "dryRun=All")
        self.assertEqual(status, 422, answer)
        self.assertIn(f'metadata.annotations["{REFETCH}"]: must not hold a NUL', answer["message"])


class Pins(WebhookCase):
    def source(self, body=None):
        source = HttpSource(body or module())
        self.addCleanup(source.stop)
        return source

    def registry(self, **options):
        registry = DockerRegistry(self.folder, **options)
        self.processes.append(registry)
        self.addCleanup(registry.kill)
        registry.start()
        return registry

    def push(self, registry, tag, content=None, **options):
        """Pushes a module as filters/header:TAG; returns the manifest's digest."""
        layout = Layout(self.folder / "layout")
        layers = [(MODULE, content or module())]
        layout.tag(tag, layout.manifest(MODULE_CONFIG, layers))
        return registry.push(layout, tag, f"filters/header:{tag}", **options)

    def http(self, source, **more):
        return extension(namespace=self.namespace, protocol="http", uri=source.uri, **more)

    def oci(self, registry, tag="v1", **more):
        uri = f"{registry.host}/filters/header:{tag}"
        return extension(namespace=self.namespace, protocol="oci", uri=uri, **more)

    def version(self):
        return self.cluster.extension(self.namespace, "filter")["metadata"]["resourceVersion"]

    def apply_pinned(self, text, want, *flags):
        """Applies until it is pinned: the API server takes a moment to ask the webhook."""

        def applied():
            self.cluster.try_kubectl("delete", "-n", self.namespace, "wasmextension", "filter")
            self.apply(text, *flags)
            return self.pinned()

        wait_equal(applied, want, "the pin")

    @staticmethod
    def other(text):
        """The same for another name."""
        return text.replace("name: filter\n", "name: other\n")

    def test_http_is_pinned(self):
        self.webhook()
        self.apply_pinned(self.http(self.source()), digest(module()))

    def test_https_is_pinned(self):
        source = self.source()
        certificate = Certificate(self.folder / "https")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate.certificate, certificate.key)
        source.server.socket = context.wrap_socket(source.server.socket, server_side=True)
        self.webhook(f"--ca-file={certificate.authority}")
        text = extension(namespace=self.namespace, protocol="https", uri=source.uri)
        self.apply_pinned(text, digest(module()))

    def test_a_module_that_is_mostly_debug_sections_is_warned_of(self):
        self.webhook()
        large = module() + custom_section(".debug_info", bytes(40 * len(module())))
        text = self.http(self.source(large))
        self.apply_pinned(text, digest(large))
        done = self.cluster.try_kubectl("apply", "--dry-run=server", "-f", "-", text=self.other(text))
        self.assertIn("Warning: spec.image.uri: leads to a module of which 97 % is debug", done.stderr)

    def test_oci_is_pinned_without_its_module(self):
        webhook = self.webhook("--inspect-max-size=0")
        registry = self.registry()
        self.push(registry, "v1")
        self.apply_pinned(self.oci(registry), digest(module()))
        resolved = 'wasmxds_webhook_resolutions_total{result="resolved"}'
        self.assertGreaterEqual(webhook.metric(resolved), 1)

    def s3_store(self):
        store = VersityGw(self.folder)
        self.processes.append(store)
        self.addCleanup(store.port.release)
        self.addCleanup(store.kill)
        store.start()
        return store

    def s3(self, key, **more):
        uri = f"{BUCKET}/{key}"
        return extension(namespace=self.namespace, protocol="s3", uri=uri, **more)

    def test_s3_is_pinned(self):
        store = self.s3_store()
        store.put("filter.wasm", module())
        store.make_public()
        self.webhook("--s3-endpoint", store.url)
        self.apply_pinned(self.s3("filter.wasm"), digest(module()))

    def test_s3_is_pinned_by_the_checksum_that_the_store_states(self):
        """More is not downloaded than the first bytes: the limit would not let it."""
        large = padded(4096)
        store = self.s3_store()
        store.put("silent.wasm", large)
        store.upload("stated.wasm", large)
        store.upload("packed.wasm", gzip.compress(large, compresslevel=0))
        keys = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
        with unittest.mock.patch.dict(os.environ, keys):
            limits = ("--resolve-max-size=1Ki", "--inspect-max-size=0")
            self.webhook("--s3-endpoint", store.url, *limits)
        self.apply_pinned(self.s3("stated.wasm"), digest(large))
        for key in ("silent", "packed"):
            with self.subTest(key):
                text = self.s3(f"{key}.wasm", name=key)
                self.assertAdmitted(text, "leads to more than is looked at here", key)

    def test_a_second_apply_changes_nothing(self):
        self.webhook()
        text = self.http(self.source())
        self.apply_pinned(text, digest(module()))
        before = self.version()
        self.apply(text)
        self.assertEqual(self.version(), before)
        self.assertIn("unchanged", self.apply(text))
        self.assertEqual(self.pinned(), digest(module()))

    def test_a_second_server_side_apply_changes_nothing(self):
        self.webhook()
        # An empty map is a change to the API server each time, webhook or not.
        text = self.http(self.source()).replace("  annotations: {}\n", "")
        self.apply_pinned(text, digest(module()), "--server-side")
        before = self.version()
        for _ in range(2):
            self.apply(text, "--server-side")
            self.assertEqual(self.version(), before)
        self.assertEqual(self.pinned(), digest(module()))

    def test_the_pin_follows_the_image_and_not_the_user(self):
        other = altered(b"x-wasm-filter", b"x-wasm-second")
        self.webhook()
        one, two = self.source(), self.source(other)
        for flags in ((), ("--server-side",)):
            with self.subTest(flags):
                self.apply_pinned(self.http(one), digest(module()), *flags)
                self.apply(self.http(two), *flags)
                self.assertEqual(self.pinned(), digest(other))
        mine = self.http(two, sha256=digest(other))
        self.apply_pinned(mine, digest(other))
        wrong = self.http(one, sha256=digest(other))
        done = self.cluster.try_kubectl("apply", "-f", "-", text=wrong)
        self.assertEqual(done.returncode, 1)
        want = f"spec.image.sha256: must be that of the module at uri, {digest(module())}"
        self.assertIn(want, done.stderr)

    def test_what_is_tracked_is_not_pinned(self):
        self.webhook()
        registry = self.registry()
        self.push(registry, "v1")
        self.apply_pinned(self.oci(registry), digest(module()))
        self.apply(self.oci(registry, track=True))
        self.assertIsNone(self.pinned())
        self.apply(self.oci(registry, track=True).replace("name: filter", "name: tracked"))
        self.assertIsNone(self.pinned("tracked"))
        self.apply(self.oci(registry))
        self.assertEqual(self.pinned(), digest(module()))

    def test_dry_run_shows_the_pin_and_leaves_nothing(self):
        self.webhook()
        source = self.source()
        text = self.http(source)

        def shown():
            said = self.apply(text, "--dry-run=server", "-o", "json")
            return json.loads(said)["spec"]["image"].get("sha256")

        wait_equal(shown, digest(module()), "the pin in a dry-run")
        self.assertIsNone(self.cluster.extension(self.namespace, "filter"))

    def test_pinning_can_be_declined(self):
        self.webhook()
        source = self.source()
        self.apply_pinned(self.http(source), digest(module()))
        self.kubectl("delete", "wasmextension", "filter")
        self.apply(self.http(source, annotations={"wasmxds.tetrate.io/pin": "false"}))
        self.assertIsNone(self.pinned())

    def test_what_is_no_module_is_refused(self):
        self.webhook()
        source = self.source(b"<html>not here</html>")

        def refusal():
            done = self.cluster.try_kubectl("apply", "-f", "-", text=self.http(source))
            return done.returncode == 1 and done.stderr

        said = wait_until(refusal, "not refused")
        self.assertIn("spec.image.uri: leads to no module that Envoy can run: ", said)
        self.assertIsNone(self.cluster.extension(self.namespace, "filter"))

    def assertAdmitted(self, text, says, name="filter"):
        """It is written within 3 s and what kubectl itself takes, with this warning, unpinned."""

        def write(attempt):
            if attempt:
                self.kubectl("delete", "wasmextension", name)
            began = time.monotonic()
            done = self.cluster.try_kubectl("apply", "-f", "-", text=text)
            took = time.monotonic() - began
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"Warning: spec.image.uri: {says}", done.stderr)
            self.assertIsNone(self.pinned(name))
            return took

        in_time(4, write)

    def test_a_registry_that_is_ill_holds_up_nobody(self):
        self.webhook()
        ready, silent = self.source(), self.source()
        self.apply_pinned(self.http(ready), digest(module()))
        silent.hold()
        self.addCleanup(silent.let_go)
        locked = self.registry(auth=htpasswd(self.folder))
        certificate = Certificate(self.folder / "private")
        private = self.registry(certificate=certificate, name="private")
        broken = self.source()
        broken.status = 503
        cases = {
            "silent": (self.http(silent, name="a"), "was not reached in time"),
            "broken": (self.http(broken, name="b"), "was not reached in time"),
            "locked": (self.oci(locked, name="c"), "is not open to the webhook"),
            "private": (self.oci(private, name="d"), "was not reached in time"),
            "dead": (self.http(ready, name="e").replace(ready.uri, f"{LOOPBACK}:1/f"), "was not"),
        }
        for title, (text, says) in cases.items():
            with self.subTest(title):
                self.assertAdmitted(text, says, re.search(r"name: (\w)$", text, re.M)[1])


class Fleet(WebhookCase, FleetCase):
    """The webhook, the controller, xds and an Envoy."""

    def setUp(self):
        super().setUp()
        self.webhook()
        self.registry = DockerRegistry(self.folder)
        self.processes.append(self.registry)
        self.addCleanup(self.registry.kill)

    def push(self, content):
        layout = Layout(self.folder / digest(content))
        layout.tag("v1", layout.manifest(MODULE_CONFIG, [(MODULE, content)]))
        self.registry.push(layout, "v1", "filters/header:v1")

    def manifest(self):
        uri = f"{self.registry.host}/filters/header:v1"
        return extension(namespace=self.namespace, protocol="oci", uri=uri)

    def applied(self):
        """Applies it anew; returns its pin, and what kubectl complained of."""
        self.cluster.try_kubectl("delete", "-n", self.namespace, "wasmextension", "filter")
        done = self.cluster.try_kubectl("apply", "-f", "-", text=self.manifest())
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.pinned(), done.stderr

    def test_what_was_pinned_runs_though_its_tag_moved(self):
        self.registry.start()
        self.push(module())
        wait_equal(lambda: self.applied()[0], digest(module()), "the pin")
        self.push(altered(b"x-wasm-filter", b"x-wasm-second"))
        self.controller()
        envoy = self.envoy(self.xds(), f"{self.namespace}/filter")
        self.assertHeader(envoy, "one")

    def test_what_was_not_pinned_is_once_the_registry_is_back(self):
        self.registry.start()
        self.push(module())
        wait_equal(lambda: self.applied()[0], digest(module()), "the pin")
        host = self.registry.host
        self.registry.kill()
        self.registry.config.write_text(
            self.registry.config.read_text().replace(f"{LOOPBACK}:0", host)
        )
        self.webhooks_forget()
        wait_until(lambda: UNREACHED in self.applied()[1], "no warning")
        self.assertIsNone(self.pinned())
        self.controller()
        self.registry.start()

        def resolved():
            status = self.cluster.extension(self.namespace, "filter").get("status", {})
            return status.get("resolvedSha256")

        wait_equal(resolved, digest(module()), "the digest in the status")

    def webhooks_forget(self):
        """What the webhook remembers goes with its process."""
        (webhook,) = [each for each in self.processes if each.name == "webhook"]
        webhook.stop()
        webhook.start()


class Access(WebhookCase):
    """Who may have an extension refer to what."""

    ROWS = [
        # kind of the object, its namespace is the test's, the right that alice has, verdict
        ("secretKeyRef", True, "secrets", True),
        ("secretKeyRef", True, "configmaps", False),
        ("secretKeyRef", True, None, False),
        ("configMapKeyRef", True, "configmaps", True),
        ("configMapKeyRef", True, "secrets", False),
        ("secretKeyRef", False, "secrets", False),
    ]

    def setUp(self):
        super().setUp()
        self.other = self.new_namespace()
        self.alice = self.cluster.kubeconfig(f"alice-{self.namespace}", groups=["devs"])
        self.webhook("--pin=false")

    def grant(self, resource):
        rules = [{"apiGroups": ["wasmxds.tetrate.io"], "resources": ["*"], "verbs": ["*"]}]
        if resource:
            rules.append({"apiGroups": [""], "resources": [resource], "verbs": ["get"]})
        role = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"}
        role |= {"metadata": {"name": "alice", "namespace": self.namespace}, "rules": rules}
        subject = {"kind": "User", "name": f"alice-{self.namespace}"}
        subject["apiGroup"] = "rbac.authorization.k8s.io"
        binding = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "RoleBinding",
            "metadata": {"name": "alice", "namespace": self.namespace},
            "roleRef": {"apiGroup": subject["apiGroup"], "kind": "Role", "name": "alice"},
            "subjects": [subject],
        }
        listed = {"apiVersion": "v1", "kind": "List", "items": [role, binding]}
        self.cluster.kubectl("apply", "-f", "-", text=json.dumps(listed))

    def try_write(self, kind, namespace, name="values"):
        reference = {kind: {"name": name, "namespace": namespace, "key": "k"}}
        text = extension(namespace=self.namespace, plugin=reference)
        how = ("--server-side", "--dry-run=server")
        return self.cluster.try_kubectl(
            "apply", *how, "-f", "-", text=text, kubeconfig=self.alice
        )

    def test_only_who_may_read_an_object_may_refer_to_it(self):
        for kind, own, resource, allowed in self.ROWS:
            with self.subTest(kind=kind, own=own, resource=resource):
                self.grant(resource)
                namespace = self.namespace if own else self.other
                done = None

                def settled():
                    nonlocal done
                    done = self.try_write(kind, namespace)
                    is_known = "wasmextensions.wasmxds" not in done.stderr  # to RBAC
                    return is_known and (done.returncode == 0) == allowed

                wait_until(settled, f"not {allowed}: {done and done.stderr}")
                if not allowed:
                    what = {"secretKeyRef": "secrets", "configMapKeyRef": "configmaps"}[kind]
                    want = f'must be allowed to get {what} "values" in namespace "{namespace}"'
                    self.assertIn(want, done.stderr)
                    self.assertIn("Forbidden", done.stderr)

    def test_a_refusal_does_not_tell_what_exists(self):
        self.grant(None)
        self.cluster.kubectl("create", "secret", "generic", "here", "-n", self.other)

        def refused():
            return "must be allowed" in self.try_write("secretKeyRef", self.other).stderr

        wait_until(refused, "let in")
        here = self.try_write("secretKeyRef", self.other, "here").stderr
        gone = self.try_write("secretKeyRef", self.other, "gone").stderr
        self.assertIn("must be allowed", here)
        self.assertEqual(here.replace("here", "gone"), gone)

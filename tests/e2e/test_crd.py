# SPDX-License-Identifier: Apache-2.0
"""The WasmExtension's definition, on a real API server with no webhook."""

import json
import re
import time

from cluster import GROUP, ClusterCase
from harness import extension
from manifests_table import BAD, DIGEST, GOOD, manifest
from processes import TREE, wait_until

PROTOCOLS = {
    "oci": "webassemblyhub.io/mathetake/example:v0.1",
    "s3": "my-s3-bucket/path/to/filter.wasm",
    "http": "foo.com/assets/filter.wasm",
    "https": "bar.com/assets/filter.wasm",
    "local_fs": "filter.wasm",
}
# As the README of the operator that Wasmxds replaces has it, comments left out.
ORIGINAL = """\
apiVersion: wasmxds.tetrate.io/v1alpha1
kind: WasmExtension
metadata:
  name: {name}
  namespace: {namespace}
spec:
  runtime: v8
  vm_id: vm_id_foo
  root_id: root_id_foo
  plugin_configuration:
    valueFrom:
      secretKeyRef:
        name: my-secret
        namespace: my-secret-space
        key: my-config-key
  vm_configuration:
    valueFrom:
      configMapKeyRef:
        name: my-configmap
        namespace: my-config-space
        key: my-config-key
  image:
    protocol: {protocol}
    uri: {uri}
"""
STATUS = {
    "observedGeneration": 1,
    "resolvedSha256": DIGEST,
    "shortSha256": DIGEST[:12],
    "manifestDigest": "sha256:" + DIGEST,
    "sizeBytes": 5242880,
    "servedBytes": 4096,
    "lastHandledRefetch": "once",
    "proxies": {"connected": 4, "acked": 3, "nacked": 1, "summary": "3/4", "firstNack": "no"},
    "conditions": [
        {
            "type": "Ready",
            "status": "False",
            "reason": "Refused",
            "message": "one proxy refused it",
            "observedGeneration": 1,
            "lastTransitionTime": "2026-01-02T03:04:05Z",
        }
    ],
}


def documented_fields():
    """The fields of docs/fields.md below spec, with their types."""
    rows = re.findall(
        r"^\| `(spec[^`]*)` \| ([a-z ]+) \|", (TREE / "docs/fields.md").read_text(), re.M
    )
    return dict(rows)


def schema_fields(schema, path):
    """Each field at and below path, with its schema."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from schema_fields(child, f"{path}.{name}")


def type_of(schema):
    """As docs/fields.md calls it."""
    kind = schema["type"]
    if kind == "object":
        return "mapping of strings" if "additionalProperties" in schema else "mapping"
    if kind == "array":
        return "list of strings"
    if "enum" in schema:
        return "choice"
    rules = schema.get("x-kubernetes-validations", [])
    return "duration" if any("duration(" in rule["rule"] for rule in rules) else kind


class DefinitionCase(ClusterCase):
    def definition(self):
        name = "wasmextensions.wasmxds.tetrate.io"
        return self.cluster.get(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")

    def schema(self):
        return self.definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]

    def try_create(self, document):
        """What the API server says of it, strictly, as kubectl asks."""
        path = f"{GROUP}/namespaces/{self.namespace}/wasmextensions"
        return self.cluster.request("POST", path + "?dryRun=All&fieldValidation=Strict", document)

    def patch_status(self, name, status):
        path = f"{GROUP}/namespaces/{self.namespace}/wasmextensions/{name}/status"
        return self.cluster.request("PATCH", path, {"status": status}, kind="merge")

    def create(self, name, **options):
        self.apply(extension(name, self.namespace, **options))

    def read(self, name):
        return self.cluster.extension(self.namespace, name)


class Rules(DefinitionCase):
    """The table of manifests, tried on the API server and on `wasmxds validate`."""

    def documents(self, rows):
        for n, row in enumerate(rows):
            yield row, manifest(row, f"row-{n}", self.namespace)

    def validate(self, rows):
        """The paths of what `wasmxds validate` complains of, for each row."""
        for n, (_, document) in enumerate(self.documents(rows)):
            (self.manifests / f"{n:04}.json").write_text(json.dumps(document))
        report = json.loads(self.run_command("validate", "-o", "json", self.manifests).stdout)
        self.assertEqual(len(report["files"]), len(rows))
        for row, file in zip(rows, sorted(report["files"], key=lambda file: file["file"])):
            yield row, [problem["path"].rpartition(" ")[2] for problem in file["problems"]]

    def test_what_is_right_is_accepted(self):
        for row, document in self.documents(GOOD):
            with self.subTest(row.title):
                status, answer = self.try_create(document)
                self.assertEqual(status, 201, answer)

    def test_what_is_right_is_valid_offline(self):
        for row, problems in self.validate(GOOD):
            with self.subTest(row.title):
                self.assertEqual(problems, [])

    def test_what_is_wrong_is_refused_at_its_field(self):
        for row, document in self.documents(BAD):
            with self.subTest(row.title):
                status, answer = self.try_create(document)
                if not row.crd:
                    self.assertEqual(status, 201, answer)
                elif status == 400:  # a field that is unknown
                    self.assertIn(f'"spec.{row.field}"', answer["message"])
                else:
                    self.assertEqual(status, 422, answer)
                    fields = [cause["field"] for cause in answer["details"]["causes"]]
                    at = [field for field in fields if field.startswith(f"spec.{row.field}")]
                    self.assertTrue(at, answer)

    def test_what_is_wrong_is_invalid_offline(self):
        for row, paths in self.validate(BAD):
            with self.subTest(row.title):
                at = [path for path in paths if path.startswith(f"spec.{row.field}")]
                self.assertTrue(at, paths)

    def test_a_refused_password_is_not_repeated(self):
        for protocol in ("http", "s3", "oci"):
            row = next(row for row in BAD if row.title.startswith(f"{protocol} me:p"))
            status, answer = self.try_create(manifest(row, "a", self.namespace))
            self.assertEqual(status, 422, answer)
            self.assertNotIn("me:p", json.dumps(answer))
            self.assertIn("password", answer["message"])

    def test_kubectl_shows_what_is_wrong_in_words(self):
        text = extension("a", self.namespace, sha256="sha256:" + DIGEST)
        done = self.cluster.try_kubectl("apply", "-f", "-", text=text)
        self.assertEqual(done.returncode, 1)
        self.assertIn("spec.image.sha256", done.stderr)
        self.assertIn('must be the 64 hex digits alone: leave "sha256:" out', done.stderr)

    def test_kubectl_refuses_an_unknown_field(self):
        text = extension("a", self.namespace, url="x")
        done = self.cluster.try_kubectl("apply", "-f", "-", text=text)
        self.assertEqual(done.returncode, 1)
        self.assertIn('unknown field "spec.image.url"', done.stderr)


class Manifests(DefinitionCase):
    def test_the_original_operators_manifests_apply_unchanged(self):
        for protocol, uri in PROTOCOLS.items():
            text = ORIGINAL.format(
                name=protocol.replace("_", "-"),
                namespace=self.namespace,
                protocol=protocol,
                uri=uri,
            )
            self.apply(text)
        self.assertEqual(self.read("s3")["spec"]["image"]["uri"], PROTOCOLS["s3"])
        self.assertEqual(self.kubectl("get", "wasmext", "-o", "name").count("\n"), len(PROTOCOLS))

    def test_the_documents_examples_apply(self):
        examples = re.search(r"```yaml\n(.*?)```", (TREE / "docs/fields.md").read_text(), re.S)[1]
        own = (TREE / "examples/header-filter/extension.yaml").read_text()
        for text in (*examples.split("---\n"), own):
            text = text.replace("namespace: payments", f"namespace: {self.namespace}")
            self.apply(text, "--dry-run=server", "--validate=strict")

    def test_a_second_apply_changes_nothing(self):
        for flags in ([], ["--server-side"]):
            text = json.dumps(manifest(GOOD[0], f"a{len(flags)}", self.namespace))
            self.apply(text, *flags)
            before = self.read(f"a{len(flags)}")["metadata"]
            applied = int(time.time())  # as managedFields count it
            wait_until(lambda: int(time.time()) > applied, "another second")
            self.apply(text, *flags)
            after = self.read(f"a{len(flags)}")["metadata"]
            self.assertEqual(after, before)
            self.assertEqual(after["generation"], 1)

    def test_nothing_is_added_to_what_was_applied(self):
        self.create("a")
        applied = json.loads(
            self.read("a")["metadata"]["annotations"][
                "kubectl.kubernetes.io/last-applied-configuration"
            ]
        )
        self.assertEqual(self.read("a")["spec"], applied["spec"])

    def test_two_managers_own_a_set_together(self):
        for manager, name in (("one", "A"), ("two", "B")):
            document = manifest(GOOD[0], "a", self.namespace)
            document["spec"]["environment"] = {"host_env_keys": [name]}
            self.apply(json.dumps(document), "--server-side", "--field-manager", manager)
        self.assertEqual(self.read("a")["spec"]["environment"]["host_env_keys"], ["A", "B"])


class Status(DefinitionCase):
    def test_users_cannot_write_it_with_the_rest(self):
        document = {**manifest(GOOD[0], "a", self.namespace), "status": STATUS}
        self.apply(json.dumps(document))
        self.assertNotIn("status", self.read("a"))

    def test_the_controller_writes_nothing_else_with_it(self):
        self.create("a")
        status, answer = self.patch_status("a", STATUS)
        self.assertEqual(status, 200, answer)
        self.assertEqual(answer["status"], STATUS)  # so every field is in the schema
        self.assertEqual(answer["metadata"]["generation"], 1)

    def test_every_field_has_a_bound(self):
        self.create("a")
        sound = STATUS["conditions"][0]
        for wrong in (
            {"resolvedSha256": "abc"},
            {"shortSha256": DIGEST},
            {"manifestDigest": DIGEST},
            {"sizeBytes": -1},
            {"observedGeneration": "1"},
            {"conditions": [{**sound, "lastTransitionTime": "yesterday"}]},
            {"lastHandledRefetch": "r" * 257},
            {"proxies": {"connected": -1}},
            {"proxies": {"firstNack": "n" * 1025}},
            {"conditions": [{**sound, "message": "m" * 1025}]},
            {"conditions": [{**sound, "status": "Maybe"}]},
            {"conditions": [{**sound, "reason": ""}]},
            {"conditions": [{**sound, "reason": "not camel"}]},
            {"conditions": [sound, sound]},
            {"conditions": [{"type": "Ready"}]},
        ):
            with self.subTest(wrong):
                status, answer = self.patch_status("a", wrong)
                self.assertEqual(status, 422, answer)


class Looks(DefinitionCase):
    """What kubectl shows."""

    def setUp(self):
        super().setUp()
        self.create("filter")
        self.create("other", protocol="oci", uri="r.example/team/other:v1", sha256=DIGEST)
        self.patch_status("filter", STATUS)

    def rows(self, *arguments):
        """The words of each line, but for the age."""
        lines = self.kubectl("get", *arguments).splitlines()
        self.assertLessEqual(max(map(len, lines)), 80 if "wide" not in arguments else 200)
        ages = [line.split()[-1] for line in lines]
        self.assertEqual(ages[0], "AGE")
        return [line.split()[:-1] for line in lines]

    def test_the_columns(self):
        want = [
            ["NAME", "READY", "PROTOCOL", "SHA256", "PROXIES"],
            ["filter", "False", "local_fs", DIGEST[:12], "3/4"],
            ["other", "oci"],
        ]
        self.assertEqual(self.rows("wasmextensions"), want)

    def test_the_wide_columns(self):
        want = [
            ["NAME", "READY", "PROTOCOL", "SHA256", "PROXIES", "URI", "REASON"],
            ["filter", "False", "local_fs", DIGEST[:12], "3/4", "filter.wasm", "Refused"],
            ["other", "oci", "r.example/team/other:v1"],
        ]
        self.assertEqual(self.rows("wasmextensions", "-o", "wide"), want)

    def test_short_names_and_category(self):
        for name in ("wasmext", "wext", "wasmextension", "wasmxds"):
            with self.subTest(name):
                seen = self.kubectl("get", name, "-o", "name").split()
                self.assertEqual(
                    seen,
                    [f"wasmextension.wasmxds.tetrate.io/{each}" for each in ("filter", "other")],
                )

    def test_field_selectors(self):
        for selector, want in (
            ("spec.image.protocol=oci", ["other"]),
            ("spec.image.protocol!=oci", ["filter"]),
            (f"spec.image.sha256={DIGEST}", ["other"]),
            ("spec.runtime=v8", ["filter", "other"]),
            ("spec.runtime=wamr", []),
        ):
            with self.subTest(selector):
                seen = self.kubectl("get", "wasmext", "-o", "name", "--field-selector", selector)
                self.assertEqual([line.rpartition("/")[2] for line in seen.split()], want)

    def test_wait_for_ready(self):
        ready = {**STATUS["conditions"][0], "status": "True", "reason": "Ready"}
        self.patch_status("filter", {"conditions": [ready]})
        self.kubectl("wait", "--for=condition=Ready", "--timeout=30s", "wasmext/filter")

    def test_explain_shows_every_field(self):
        seen = self.kubectl("explain", "wasmext.spec", "--recursive")
        words = set(re.findall(r"^\s+(\w+)\s+<", seen, re.M))
        self.assertEqual(
            words, {path.rpartition(".")[2] for path in documented_fields()} - {"spec"}
        )
        seen = self.kubectl("explain", "wasmext.spec.image.sha256")
        self.assertIn("64 lower-case hex digits", " ".join(seen.split()))


class Definition(DefinitionCase):
    def test_it_has_the_fields_of_the_documents(self):
        seen = {
            path: type_of(schema)
            for path, schema in schema_fields(self.schema()["properties"]["spec"], "spec")
        }
        self.assertEqual(seen, documented_fields())

    def test_every_field_is_described_and_bounded(self):
        for part in ("spec", "status"):
            for path, schema in schema_fields(self.schema()["properties"][part], part):
                with self.subTest(path):
                    self.assertGreater(len(schema["description"]), 10)
                    self.check_bounds(schema)

    def check_bounds(self, schema):
        if schema["type"] == "string":
            self.assertTrue({"maxLength", "enum", "format"} & schema.keys())
        if schema["type"] == "array":
            self.assertIn("maxItems", schema)
            self.assertIn("x-kubernetes-list-type", schema)
            self.check_bounds(schema["items"])
        if "additionalProperties" in schema:
            self.assertIn("maxProperties", schema)
            self.check_bounds(schema["additionalProperties"])

    def test_the_api_server_finds_nothing_wrong_with_it(self):
        conditions = {
            each["type"]: each["status"] for each in self.definition()["status"]["conditions"]
        }
        self.assertEqual(conditions, {"NamesAccepted": "True", "Established": "True"})

    def test_applying_it_again_changes_nothing(self):
        self.cluster.apply_definition()  # another test may have changed it, and back
        before = self.definition()["metadata"]
        self.cluster.apply_definition()
        after = self.definition()["metadata"]
        self.assertEqual(after["resourceVersion"], before["resourceVersion"])

    def test_kubectl_applies_it_as_it_is(self):
        crd = self.cluster.template("--show-only", "templates/crd.yaml")
        done = self.cluster.try_kubectl("apply", "--dry-run=server", "-f", "-", text=crd)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_it_outlives_the_release_where_it_is_to_be_kept(self):
        keep = "helm.sh/resource-policy: keep"
        self.assertIn(keep, self.cluster.template())
        self.assertNotIn(keep, self.cluster.template("--set", "crds.keep=false"))
        kind = "kind: CustomResourceDefinition"
        self.assertIn(kind, self.cluster.template("--set", "crds.keep=false"))
        self.assertNotIn(kind, self.cluster.template("--set", "crds.enabled=false"))

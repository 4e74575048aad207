# SPDX-License-Identifier: Apache-2.0
"""A private module in the store is had by those namespaces alone that could fetch it."""

import base64
import json

from harness import HttpSource, digest, extension, module
from processes import HeldPort, wait_equal, wait_until
from registries import run, htpasswd
from test_oci import RegistryCase

NAME = "private/filter:v1"


def pull_secret(namespace, host, user, password, name="registry"):
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    config = json.dumps({"auths": {host: {"auth": auth}}})
    return f"""\
apiVersion: v1
kind: Secret
metadata:
  name: {name}
  namespace: {namespace}
type: kubernetes.io/dockerconfigjson
data:
  .dockerconfigjson: {base64.b64encode(config.encode()).decode()}
"""


class PrivateRegistryCase(RegistryCase):
    """Two users of one registry, and a module in it."""

    def setUp(self):
        super().setUp()
        self.port = HeldPort()
        self.addCleanup(self.port.release)
        auth = htpasswd(self.folder)
        self.users = self.folder / "htpasswd"
        self.let_in("me", "you")
        self.docker = self.registry(auth=auth, port=self.port.number)
        self.add_artifact()
        command = ["skopeo", "--insecure-policy", "copy", "--quiet", "--dest-tls-verify=false"]
        where = [f"oci:{self.layout.folder}:one", f"docker://{self.docker.host}/{NAME}"]
        run(*command, "--dest-creds=me:me-word", *where)
        self.uri = f"{self.docker.host}/{NAME}"
        self.pinned = {"sha256": digest(module())}

    def let_in(self, *users):
        """The registry lets in these users, whose passwords are their names and -word."""
        lines = [run("htpasswd", "-Bbn", user, f"{user}-word") for user in users]
        temporary = self.users.with_suffix(".new")
        temporary.write_text("".join(lines))
        temporary.rename(self.users)

    def blob_downloads(self):
        """How often the registry was asked for the module's bytes."""
        pattern = f"/v2/private/filter/blobs/sha256:{self.pinned['sha256']}"
        lines = self.docker.log().splitlines()
        return sum("response completed" in line and pattern in line for line in lines)


class PermissionTest(PrivateRegistryCase):
    """Two namespaces, a and b."""

    def start(self, *flags):
        return self.wasmxds("--allow-loopback", "--fetch-tries=1", *flags)

    def want(self, namespace, user=None, name="filter", **image):
        """Writes an extension of the namespace, and the user's credentials beside it."""
        image = {"protocol": "oci", "uri": self.uri, **image}
        plugin = image.pop("plugin", "one")
        if user:
            secret = pull_secret(namespace, self.docker.host, user, f"{user}-word")
            self.write(f"{namespace}-secret.yaml", secret)
            image["pull_secret"] = "registry"
        document = extension(name=name, namespace=namespace, plugin=plugin, **image)
        self.write(f"{namespace}-{name}.yaml", document)

    def wait_programmed(self, wasmxds, name):
        wasmxds.wait_record(msg="extension programmed", name=name)

    def wait_refused(self, wasmxds, name):
        return wasmxds.wait_record(msg="extension not programmed", name=name)

    def test_who_knows_the_digest_gets_nothing_without_credentials(self):
        self.want("a", "me", **self.pinned)
        wasmxds = self.start()
        self.wait_programmed(wasmxds, "a/filter")
        self.want("b", **self.pinned)
        self.assertEqual(self.wait_refused(wasmxds, "b/filter")["reason"], "Denied")
        self.envoy_without(wasmxds, "b/filter")
        self.assertHeader(self.envoy(wasmxds, "a/filter"), "one")

    def test_who_knows_the_digest_gets_nothing_from_a_source_that_never_had_it(self):
        self.want("a", "me", **self.pinned)
        wasmxds = self.start()
        self.wait_programmed(wasmxds, "a/filter")
        nobody = HeldPort()
        self.addCleanup(nobody.release)
        liar = HttpSource(module() + b"\x00\x01\x00")
        self.addCleanup(liar.stop)
        dead = f"127.0.0.1:{nobody.number}/f.wasm"
        self.want("b", name="dead", protocol="http", uri=dead, **self.pinned)
        self.want("b", name="liar", protocol="http", uri=liar.uri, **self.pinned)
        self.want("b", name="file", protocol="local_fs", uri="no.wasm", **self.pinned)
        reasons = {"dead": "FetchFailed", "liar": "DigestMismatch", "file": "NotFound"}
        for name, reason in reasons.items():
            self.assertEqual(self.wait_refused(wasmxds, f"b/{name}")["reason"], reason)
        self.assertFalse((self.store / "resources/b").exists())

    def test_namespace_with_credentials_of_its_own_needs_no_second_download(self):
        self.want("a", "me", **self.pinned)
        wasmxds = self.start()
        self.wait_programmed(wasmxds, "a/filter")
        downloads = self.blob_downloads()
        self.want("b", "you", **self.pinned)
        self.wait_programmed(wasmxds, "b/filter")
        self.assertHeader(self.envoy(wasmxds, "b/filter"), "one")
        self.assertEqual(self.blob_downloads(), downloads)
        self.assertGreater(downloads, 0)

    def test_further_extension_of_a_namespace_asks_nobody(self):
        self.want("a", "me", **self.pinned)
        wasmxds = self.start()
        self.wait_programmed(wasmxds, "a/filter")
        self.docker.kill()
        self.want("a", "me", name="second", **self.pinned)
        self.wait_programmed(wasmxds, "a/second")

    def test_revoked_permission_is_noticed_and_no_proxy_loses_its_filter(self):
        self.want("a", "me", **self.pinned)
        self.want("b", "you", **self.pinned)
        wasmxds = self.start("--permission-interval=1s")
        envoy = self.envoy(wasmxds, "a/filter")
        self.assertHeader(envoy, "one")
        self.wait_programmed(wasmxds, "b/filter")

        self.let_in("you")
        revoked = self.wait_refused(wasmxds, "a/filter")
        self.assertEqual(revoked["reason"], "Revoked")
        self.assertIn("401", revoked["err"])
        self.assertHeader(envoy, "one")
        self.assertHeader(self.envoy(wasmxds, "a/filter"), "one")
        self.want("a", "me", name="second", **self.pinned)
        self.assertEqual(self.wait_refused(wasmxds, "a/second")["reason"], "Revoked")
        refused = {line["name"] for line in wasmxds.records(msg="extension not programmed")}
        self.assertNotIn("b/filter", refused)

    def test_revoked_permission_stays_so_over_a_restart_until_it_is_given_again(self):
        self.want("a", "me", **self.pinned)
        wasmxds = self.start("--permission-interval=1s")
        envoy = self.envoy(wasmxds, "a/filter")
        self.assertHeader(envoy, "one")
        record = self.store / "resources/a/filter"
        given = record.read_bytes()
        self.let_in("you")
        self.wait_refused(wasmxds, "a/filter")
        wait_until(lambda: record.read_bytes() != given, "the record is not marked")
        self.docker.kill()  # nobody can be asked any more
        marked = record.read_bytes()

        wasmxds.stop()
        self.want("a", "me", plugin="two", **self.pinned)
        wasmxds.start()
        self.assertEqual(self.wait_refused(wasmxds, "a/filter")["reason"], "Revoked")
        self.assertHeader(envoy, "one")
        self.assertEqual(record.read_bytes(), marked)

        self.docker.start()
        self.want("a", "you", plugin="two", **self.pinned)  # other credentials: asked at once
        self.wait_programmed(wasmxds, "a/filter")
        self.assertHeader(envoy, "two")

    def test_registry_that_is_down_revokes_nothing(self):
        self.want("a", "me", **self.pinned)
        wasmxds = self.start("--permission-interval=1s", "--log-level=debug")
        envoy = self.envoy(wasmxds, "a/filter")
        self.docker.kill()
        asked = lambda: wasmxds.records(msg="permission not asked for")  # noqa: E731
        wait_until(lambda: len(asked()) >= 3, "the registry is not asked")
        self.want("a", "me", plugin="two", **self.pinned)
        self.assertHeader(envoy, "two")
        self.assertEqual(wasmxds.records(msg="extension not programmed"), [])

    def test_tag_that_is_gone_revokes_nothing(self):
        self.want("a", "me")
        wasmxds = self.start("--permission-interval=1s", "--log-level=debug")
        envoy = self.envoy(wasmxds, "a/filter")
        link = "docker/registry/v2/repositories/private/filter/_manifests/tags/v1/current/link"
        (self.folder / "registry.data" / link).unlink()
        asked = lambda: wasmxds.records(msg="permission not asked for")  # noqa: E731
        wait_until(lambda: len(asked()) >= 2, "the registry is not asked")
        self.want("a", "me", plugin="two")
        self.assertHeader(envoy, "two")

    def test_permission_outlives_a_restart_with_a_dead_registry(self):
        self.want("a", "me", **self.pinned)
        wasmxds = self.start()
        self.wait_programmed(wasmxds, "a/filter")
        wasmxds.stop()
        self.docker.kill()
        self.want("a", "me", plugin="two", **self.pinned)
        self.want("b", "you", **self.pinned)
        wasmxds.start()
        self.assertHeader(self.envoy(wasmxds, "a/filter"), "two")
        self.assertEqual(self.wait_refused(wasmxds, "b/filter")["reason"], "FetchFailed")

    def test_changed_pull_secret_is_tried_at_once(self):
        self.want("a", "me", **self.pinned)
        wasmxds = self.start("--permission-interval=1h")
        self.wait_programmed(wasmxds, "a/filter")
        self.want("a", "stranger", **self.pinned)
        self.assertEqual(self.wait_refused(wasmxds, "a/filter")["reason"], "Revoked")
        self.want("a", "you", **self.pinned)
        programmed = lambda: len(  # noqa: E731
            wasmxds.records(msg="extension programmed", name="a/filter")
        )
        wait_equal(programmed, 2, "programmed")

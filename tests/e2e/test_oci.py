# SPDX-License-Identifier: Apache-2.0
"""Modules from a real registry, in every layout and behind every kind of lock."""

import json

from harness import Case, altered, digest, extension, module
from registries import (
    CNCF_CONFIG,
    CNCF_MODULE,
    MODULE,
    MODULE_CONFIG,
    OLDER_MODULE,
    PASSWORD,
    Certificate,
    DockerRegistry,
    Layout,
    TokenServer,
    docker_config,
    htpasswd,
)

FILTER = "default/filter"
NAME = "filters/header:v1"


class RegistryCase(Case):
    def setUp(self):
        super().setUp()
        self.layout = Layout(self.folder / "layout")

    def registry(self, **options):
        registry = DockerRegistry(self.folder, **options)
        self.processes.append(registry)
        self.addCleanup(registry.kill)
        registry.start()
        return registry

    def add_artifact(self, tag="one", content=None):
        """The layout's simplest image."""
        layers = [(MODULE, content or module())]
        self.layout.tag(tag, self.layout.manifest(MODULE_CONFIG, layers))

    def serve(self, uri, *flags, **image):
        """Asserts that a filter from the registry is at work in Envoy."""
        self.write("filter.yaml", extension(protocol="oci", uri=uri, **image))
        wasmxds = self.wasmxds("--allow-loopback", *flags)
        envoy = self.envoy(wasmxds)
        self.assertHeader(envoy, "one")
        return wasmxds, envoy

    def refuse(self, uri, *flags):
        """Returns why the filter is not served."""
        self.write("filter.yaml", extension(protocol="oci", uri=uri))
        wasmxds = self.wasmxds("--allow-loopback", "--fetch-tries=1", *flags)
        refusal = wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.assertEqual(wasmxds.stop(), 0)
        return refusal["err"]

    def inspect(self, registry, name):
        """What wasmxds says of an image."""
        done = self.run_command("inspect", "-o", "json", f"oci://{registry.host}/{name}")
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def assertModule(self, registry, name, manifest=None):
        seen = self.inspect(registry, name)
        self.assertEqual(seen["sha256"], digest(module()))
        if manifest:
            self.assertEqual(seen["manifestDigest"], manifest)


class LayoutTest(RegistryCase):
    """Whatever tool made the image, its module is found."""

    def setUp(self):
        super().setUp()
        self.docker = self.registry()

    def assertTaken(self, entry, *flags):
        self.layout.tag("one", entry)
        pushed = self.docker.push(self.layout, "one", NAME, *flags)
        self.assertModule(self.docker, NAME, pushed)
        self.assertModule(self.docker, f"filters/header@{pushed}", pushed)

    def test_artifact_of_the_original(self):
        self.assertTaken(self.layout.manifest(MODULE_CONFIG, [(MODULE, module())]))

    def test_artifact_of_the_older_type(self):
        self.assertTaken(self.layout.manifest(MODULE_CONFIG, [(OLDER_MODULE, module())]))

    def test_artifact_of_two_layers(self):
        layers = [(MODULE_CONFIG, b'{"type":"envoy_proxy"}'), (MODULE, module())]
        self.assertTaken(self.layout.manifest(MODULE_CONFIG, layers))

    def test_artifact_of_the_cncf(self):
        self.assertTaken(self.layout.manifest(CNCF_CONFIG, [(CNCF_MODULE, module())]))

    def test_image(self):
        self.assertTaken(self.layout.image({"plugin.wasm": module()}))

    def test_image_with_its_module_in_the_last_layer(self):
        first = {"plugin.wasm": altered(b"x-wasm-filter", b"x-wasm-second")}
        self.assertTaken(self.layout.image(first, {"README": b"", "plugin.wasm": module()}))

    def test_image_that_is_not_compressed(self):
        image = self.layout.image({"plugin.wasm": module()}, compress=False)
        self.assertTaken(image, "--preserve-digests")

    def test_image_of_docker(self):
        self.assertTaken(self.layout.image({"plugin.wasm": module()}), "--format=v2s2")

    def test_index(self):
        other = self.layout.image(
            {"plugin.wasm": altered(b"x-wasm-filter", b"x-wasm-second")},
            platform={"os": "linux", "architecture": "arm64"},
        )
        ours = self.layout.manifest(
            CNCF_CONFIG,
            [(CNCF_MODULE, module())],
            platform={"os": "wasip1", "architecture": "wasm"},
        )
        self.assertTaken(self.layout.index(other, ours), "--preserve-digests")

    def test_short_name_is_refused_with_the_full_one(self):
        done = self.run_command("inspect", "oci://header:v1")
        self.assertEqual(done.returncode, 2)
        self.assertIn("docker.io/library/header:v1", done.stderr)

    def test_what_is_not_there_is_said(self):
        done = self.run_command("inspect", f"oci://{self.docker.host}/{NAME}")
        self.assertEqual(done.returncode, 2)
        self.assertIn("manifest v1: answered 404", done.stderr)


class OpenRegistryTest(RegistryCase):
    def setUp(self):
        super().setUp()
        self.docker = self.registry()
        self.add_artifact()
        self.manifest = self.docker.push(self.layout, "one", NAME)

    def test_filter_from_a_registry_is_at_work(self):
        self.serve(f"{self.docker.host}/{NAME}")

    def test_filter_pinned_by_digest_is_at_work(self):
        self.serve(f"{self.docker.host}/filters/header@{self.manifest}", sha256=digest(module()))

    def test_image_in_an_archive_is_at_work(self):
        self.layout.tag("two", self.layout.image({"plugin.wasm": module()}))
        self.docker.push(self.layout, "two", NAME)
        self.serve(f"{self.docker.host}/{NAME}", sha256=digest(module()))

    def test_wrong_sha256_is_not_even_fetched(self):
        self.write(
            "filter.yaml",
            extension(protocol="oci", uri=f"{self.docker.host}/{NAME}", sha256="0" * 64),
        )
        wasmxds = self.wasmxds("--allow-loopback")
        refusal = wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.assertIn("0" * 64, refusal["err"])
        self.assertIn(digest(module()), refusal["err"])
        self.envoy_without(wasmxds)

    def test_filter_stays_when_the_registry_is_gone(self):
        wasmxds, envoy = self.serve(f"{self.docker.host}/{NAME}")
        self.docker.kill()
        wasmxds.restart()
        envoy.restart()
        self.assertHeader(envoy, "one")


class LockedRegistryTest(RegistryCase):
    """Credentials reach the registry that they are for."""

    def check(self, docker, *flags):
        """With the credential the filter is served; without, and with a wrong one, it is not."""
        self.add_artifact()
        docker.push(self.layout, "one", NAME, user=True)
        uri = f"{docker.host}/{NAME}"
        config = f"--docker-config={docker_config(self.folder, docker.host)}"
        none = self.folder / "none.json"
        none.write_text("{}")

        why = self.refuse(uri, f"--docker-config={none}", *flags)
        self.assertIn("none are given" if "password" in why else "as none is given", why)
        wrong = docker_config(self.folder, docker.host, password="wrong hunter3")
        why = self.refuse(uri, f"--docker-config={wrong}", *flags)
        self.assertIn("answered 401", why)
        self.assertNotIn("hunter3", why)
        docker_config(self.folder, docker.host)
        wasmxds, _ = self.serve(uri, config, *flags)
        self.assertNotIn(PASSWORD, wasmxds.log())

    def test_registry_with_passwords(self):
        self.check(self.registry(auth=htpasswd(self.folder)))

    def test_pull_secret_of_the_manifests_folder_opens_the_registry(self):
        docker = self.registry(auth=htpasswd(self.folder))
        self.add_artifact()
        docker.push(self.layout, "one", NAME, user=True)
        uri = f"{docker.host}/{NAME}"
        self.write("filter.yaml", extension(protocol="oci", uri=uri, pull_secret="registry"))
        wasmxds = self.wasmxds("--allow-loopback")
        envoy = self.envoy(wasmxds, ready=False)
        refusal = wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.assertIn("Secret/default/registry", refusal["err"])
        config = docker_config(self.folder, docker.host).read_text()
        secret = {
            "apiVersion": "v1",
            "kind": "Secret",
            "type": "kubernetes.io/dockerconfigjson",
            "metadata": {"name": "registry", "namespace": "default"},
            "stringData": {".dockerconfigjson": config},
        }
        self.write("registry.json", json.dumps(secret))
        self.assertHeader(envoy, "one")
        self.assertNotIn(PASSWORD, wasmxds.log())

    def test_registry_with_passwords_and_tls(self):
        certificate = Certificate(self.folder / "tls")
        docker = self.registry(auth=htpasswd(self.folder), certificate=certificate)
        self.check(docker, f"--ca-file={certificate.authority}")

    def test_registry_with_tokens(self):
        tokens = TokenServer(self.folder / "tokens")
        self.addCleanup(tokens.stop)
        self.check(self.registry(auth=tokens.auth()))
        self.assertGreater(tokens.requests, 0)

    def test_registry_of_an_unknown_authority_is_not_trusted(self):
        docker = self.registry(certificate=Certificate(self.folder / "tls"))
        why = self.refuse(f"{docker.host}/{NAME}")
        self.assertIn("certificate", why)

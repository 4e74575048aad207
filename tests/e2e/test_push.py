# SPDX-License-Identifier: Apache-2.0
"""wasmxds push: a module in a real registry, in every layout, and what other tools make of it."""

import base64
import hashlib
import http.server
import io
import json
import os
import tarfile
import threading

from harness import Case, digest, extension, module
from processes import LOOPBACK, HttpServer
from registries import (
    CNCF_CONFIG,
    CNCF_MODULE,
    IMAGE_CONFIG,
    MODULE,
    MODULE_CONFIG,
    PASSWORD,
    TAR,
    USER,
    Certificate,
    DockerRegistry,
    TokenServer,
    digest_of,
    docker_config,
    htpasswd,
    run,
)
from test_debug_sections import custom_section

NAME = "filters/header:v1"
LAYOUTS = {
    "artifact": (CNCF_CONFIG, CNCF_MODULE),
    "compat": (MODULE_CONFIG, MODULE),
    "image": (IMAGE_CONFIG, TAR + "+gzip"),
}
PUSHED, REFUSED, UNREADABLE = 0, 1, 2


class PushCase(Case):
    def setUp(self):
        super().setUp()
        self.filter = self.folder / "filter.wasm"
        self.filter.write_bytes(module())

    def registry(self, **options):
        registry = DockerRegistry(self.folder, **options)
        self.processes.append(registry)
        self.addCleanup(registry.kill)
        registry.start()
        return registry

    def push(self, registry, *flags, code=PUSHED, name=NAME):
        done = self.run_command("push", *flags, self.filter, f"{registry.host}/{name}")
        self.assertEqual(done.returncode, code, done.stderr)
        return done

    def push_json(self, *arguments):
        done = self.push(*arguments, "-o", "json")
        return json.loads(done.stdout)


class LayoutTest(PushCase):
    def setUp(self):
        super().setUp()
        self.docker = self.registry()

    def skopeo(self, verb, *flags, name=NAME):
        image = f"docker://{self.docker.host}/{name}"
        return run("skopeo", verb, "--tls-verify=false", *flags, image)

    def copy(self):
        """Has skopeo copy the image to a folder; returns its manifest and its blobs by digest."""
        folder = self.folder / "copied"
        source = f"docker://{self.docker.host}/{NAME}"
        flags = ["--quiet", "--src-tls-verify=false"]
        run("skopeo", "--insecure-policy", "copy", *flags, source, f"dir:{folder}")
        manifest = (folder / "manifest.json").read_bytes()
        blobs = {digest_of(part.read_bytes()): part.read_bytes() for part in folder.iterdir()}
        return manifest, blobs

    def check_layout(self, layout):
        done = self.push(self.docker, f"--layout={layout}")
        manifest, blobs = self.copy()
        self.assertEqual(done.stdout, f"{self.docker.host}/{NAME}@{digest_of(manifest)}\n")
        self.assertEqual(self.skopeo("inspect", "--raw").encode(), manifest)
        document = json.loads(manifest)
        (layer,) = document["layers"]
        types = (document["config"]["mediaType"], layer["mediaType"])
        self.assertEqual(types, LAYOUTS[layout])
        return blobs[layer["digest"]], json.loads(blobs[document["config"]["digest"]])

    def test_artifact(self):
        layer, config = self.check_layout("artifact")
        self.assertEqual(layer, module())
        self.assertEqual(config["architecture"], "wasm")
        self.assertEqual(config["layerDigests"], [digest_of(module())])

    def test_compat(self):
        layer, _ = self.check_layout("compat")
        self.assertEqual(layer, module())

    def test_image(self):
        layer, config = self.check_layout("image")
        with tarfile.open(fileobj=io.BytesIO(layer), mode="r:gz") as tar:
            (entry,) = tar.getmembers()
            self.assertEqual((entry.name, entry.mode, entry.mtime), ("plugin.wasm", 0o644, 0))
            self.assertEqual(tar.extractfile(entry).read(), module())
            tar.fileobj.seek(0)
            self.assertEqual(config["rootfs"]["diff_ids"], [digest_of(tar.fileobj.read())])
        seen = json.loads(self.skopeo("inspect"))
        self.assertEqual(seen["Architecture"], "wasm")

    def test_artifact_is_what_is_pushed_unless_another_is_asked_for(self):
        self.assertEqual(self.push_json(self.docker)["layout"], "artifact")

    def test_each_layout_is_at_work_in_envoy(self):
        for layout in LAYOUTS:
            reference = self.push(self.docker, f"--layout={layout}").stdout.strip()
            image = {"protocol": "oci", "uri": reference, "sha256": digest(module())}
            self.write(f"{layout}.yaml", extension(name=layout, plugin=layout, **image))
        wasmxds = self.wasmxds("--allow-loopback")
        envoy = self.envoy(wasmxds, *(f"default/{layout}" for layout in LAYOUTS))
        self.assertHeader(envoy, *LAYOUTS)

    def test_same_module_gives_the_same_manifest_and_is_not_sent_twice(self):
        for layout in LAYOUTS:
            with self.subTest(layout):
                first = self.push_json(self.docker, f"--layout={layout}")
                again = self.push_json(self.docker, f"--layout={layout}")
                self.assertGreater(first["sentBytes"], 0)
                self.assertEqual(again["sentBytes"], 0)
                self.assertEqual(again["manifestDigest"], first["manifestDigest"])

    def test_layer_that_is_there_already_is_not_sent_for_another_tag(self):
        first = self.push_json(self.docker)
        done = self.push(self.docker, "-o", "json", name="filters/header:v2")
        second = json.loads(done.stdout)
        self.assertEqual(second["manifestDigest"], first["manifestDigest"])
        self.assertLess(second["sentBytes"], len(module()))

    def test_tag_is_moved(self):
        self.push(self.docker)
        self.push(self.docker, "--layout=compat")
        raw = json.loads(self.skopeo("inspect", "--raw"))
        self.assertEqual(raw["layers"][0]["mediaType"], MODULE)

    def test_module_is_pushed_from_one_name_to_another(self):
        reference = self.push(self.docker, "--layout=image").stdout.strip()
        target = f"oci://{self.docker.host}/copies/header:v1"
        done = self.run_command("push", f"oci://{reference}", target)
        self.assertEqual(done.returncode, PUSHED, done.stderr)
        done = self.run_command("inspect", "-o", "json", target)
        self.assertEqual(json.loads(done.stdout)["sha256"], digest(module()))

    def test_large_module_arrives_whole(self):
        large = module() + custom_section("big", os.urandom(16 << 20))
        self.filter.write_bytes(large)
        for layout in LAYOUTS:
            with self.subTest(layout):
                reference = self.push(self.docker, f"--layout={layout}").stdout.strip()
                done = self.run_command("inspect", "-o", "json", f"oci://{reference}")
                self.assertEqual(json.loads(done.stdout)["sha256"], digest(large))


class RefusalTest(PushCase):
    def test_what_envoy_cannot_run_is_not_pushed(self):
        docker = self.registry()
        self.filter.write_bytes(b"<html>")
        done = self.push(docker, code=REFUSED)
        self.assertIn("HTML", done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertFalse(any((self.folder / "registry.data").rglob("filters")))

    def test_wrong_usage_is_2(self):
        self.filter.write_bytes(module())
        cases = [
            ("registry.example.com/x@sha256:" + "0" * 64, "tag"),
            ("short", "docker.io/library/short"),
            ("http://registry.example.com/x", "://"),
        ]
        for reference, why in cases:
            with self.subTest(reference):
                done = self.run_command("push", self.filter, reference)
                self.assertEqual((done.returncode, done.stdout), (UNREADABLE, ""))
                self.assertIn(why, done.stderr)
        for arguments in ((), (self.filter,), ("--layout=zip", self.filter, "a.b/c:d")):
            self.assertEqual(self.run_command("push", *arguments).returncode, UNREADABLE)
        absent = self.run_command("push", self.folder / "absent", "a.example.com/b:c")
        self.assertEqual(absent.returncode, UNREADABLE)

    def test_registry_that_is_not_there_is_1(self):
        done = self.run_command("push", "--fetch-tries=1", self.filter, f"{LOOPBACK}:1/x:y")
        self.assertEqual((done.returncode, done.stdout), (REFUSED, ""))
        self.assertIn(f"{LOOPBACK}:1", done.stderr)


class LockedRegistryTest(PushCase):
    def check(self, docker, *flags):
        none = self.folder / "none.json"
        none.write_text("{}")
        for config in (none, docker_config(self.folder, docker.host, password="wrong hunter3")):
            done = self.push(docker, f"--docker-config={config}", *flags, code=REFUSED)
            self.assertEqual(done.stdout, "")
            self.assertNotIn("hunter3", done.stderr)
        config = f"--docker-config={docker_config(self.folder, docker.host)}"
        self.push(docker, config, *flags)
        done = self.run_command("inspect", config, *flags, f"oci://{docker.host}/{NAME}")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_registry_with_passwords(self):
        self.check(self.registry(auth=htpasswd(self.folder)))

    def test_registry_with_tokens(self):
        tokens = TokenServer(self.folder / "tokens")
        self.addCleanup(tokens.stop)
        self.check(self.registry(auth=tokens.auth()))

    def test_registry_with_tls_of_a_private_authority(self):
        certificate = Certificate(self.folder / "tls")
        docker = self.registry(auth=htpasswd(self.folder), certificate=certificate)
        self.check(docker, f"--ca-file={certificate.authority}")


class PickyRegistry:
    """A registry that wants a password and has bytes sent to another server, and keeps what both
    were sent.  fault(handler) may answer in its place: it then returns true."""

    def __init__(self):
        picky = self
        self.main = []
        self.other = []
        self.blobs = {}
        self.fault = lambda handler: False

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def take(self):
                n = int(self.headers.get("Content-Length", 0))
                self.body = self.rfile.read(n)
                log = picky.main if self.server is picky.servers[0] else picky.other
                log.append((self.command, self.path, self.headers.get("Authorization")))
                if not picky.fault(self):
                    self.respond()

            def respond(self):
                if self.server is picky.servers[0] and not self.headers.get("Authorization"):
                    self.answer(401, ("WWW-Authenticate", 'Basic realm="e2e"'))
                elif self.command == "HEAD":
                    self.answer(200 if self.path.rpartition("/")[2] in picky.blobs else 404)
                elif self.command == "POST":
                    self.answer(202, ("Location", f"http://{picky.hosts[1]}/upload/1?state=x%2Fy"))
                elif self.command == "PUT":
                    picky.blobs["sha256:" + hashlib.sha256(self.body).hexdigest()] = self.body
                    self.answer(201)
                else:
                    self.answer(200)

            def answer(self, status, *headers, body=b""):
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_HEAD = do_POST = do_PUT = take

            def log_message(self, *_):
                pass

        self.servers = [HttpServer(Handler) for _ in range(2)]
        self.hosts = [f"{LOOPBACK}:{server.server_address[1]}" for server in self.servers]
        self.host = self.hosts[0]
        for server in self.servers:
            threading.Thread(target=server.serve_forever, daemon=True).start()

    def stop(self):
        for server in self.servers:
            server.shutdown()
            server.server_close()


class PickyRegistryTest(PushCase):
    def setUp(self):
        super().setUp()
        self.picky = PickyRegistry()
        self.addCleanup(self.picky.stop)
        config = docker_config(self.folder, self.picky.host)
        self.flags = (f"--docker-config={config}", "--fetch-tries=2")

    def test_credential_stays_with_the_registry(self):
        self.push(self.picky, *self.flags)
        known = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        self.assertIn(known, {authorization for _, _, authorization in self.picky.main})
        self.assertEqual(len(self.picky.other), 2)
        for method, path, authorization in self.picky.other:
            self.assertEqual((method, authorization), ("PUT", None))
            self.assertIn("state=x%2Fy&digest=sha256:", path)
        self.assertIn(module(), self.picky.blobs.values())

    def test_upload_that_broke_is_begun_anew(self):
        broken = []

        def fault(handler):
            if handler.command == "PUT" and "/upload/" in handler.path and len(broken) < 2:
                broken.append(handler.path)
                handler.close_connection = True
                return True
            return False

        self.picky.fault = fault
        self.push(self.picky, *self.flags)
        self.assertEqual(len(broken), 2)
        self.assertIn(module(), self.picky.blobs.values())

    def test_upload_whose_answer_was_lost_is_not_sent_again(self):
        lost = []

        def fault(handler):
            if handler.command != "PUT" or "/upload/" not in handler.path or lost:
                return False
            lost.append(handler.path)
            self.picky.blobs["sha256:" + hashlib.sha256(handler.body).hexdigest()] = handler.body
            handler.close_connection = True
            return True

        self.picky.fault = fault
        self.push(self.picky, *self.flags)
        self.assertEqual(len([path for _, path, _ in self.picky.other if "/upload/" in path]), 2)

    def refused(self, method, status, *headers, body=b"", part=""):
        """Returns what is said when the registry answers such a request so."""

        def fault(handler):
            if handler.command != method or not handler.headers.get("Authorization"):
                return False
            if part not in handler.path:
                return False
            handler.answer(status, *headers, body=body)
            return True

        self.picky.fault = fault
        done = self.push(self.picky, *self.flags, code=REFUSED)
        self.assertEqual(done.stdout, "")
        return done.stderr

    def test_what_the_registry_says_is_passed_on_in_quotes(self):
        errors = {"errors": [{"code": "DENIED", "message": "quota\x1b[2J exceeded"}]}
        said = self.refused("POST", 403, body=json.dumps(errors).encode())
        self.assertIn('"DENIED"', said)
        self.assertIn("exceeded", said)
        self.assertNotIn("\x1b", said)
        self.assertIn("403", said)

    def test_answers_that_make_no_sense_are_refused(self):
        cases = {
            "Location": ("POST", 202),
            "file": ("POST", 202, ("Location", "file:///etc/passwd")),
            "not http or https": ("POST", 202, ("Location", "gopher://127.0.0.1/")),
            "200": ("POST", 200),
            "307": ("POST", 307, ("Location", f"http://{self.picky.hosts[1]}/")),
        }
        for why, answer in cases.items():
            with self.subTest(why):
                said = self.refused(*answer)
                self.assertIn("blob sha256:", said)
                self.picky.blobs.clear()
        self.assertEqual(self.picky.other, [])

    def test_registry_that_stored_something_else_is_not_believed(self):
        other = ("Docker-Content-Digest", "sha256:" + "0" * 64)
        said = self.refused("PUT", 201, other, part="/manifests/")
        self.assertIn("0" * 64, said)

    def test_upload_to_an_address_that_is_not_allowed_is_refused(self):
        said = self.refused("POST", 202, ("Location", "http://169.254.169.254/latest/"))
        self.assertIn("169.254.169.254", said)

# SPDX-License-Identifier: Apache-2.0
"""Modules from a real S3 server, and from one that wants what AWS's own services give."""

import base64
import hashlib
import http.client
import http.server
import json
import os
import subprocess
import time
import unittest.mock
import urllib.parse

from fake_aws import REGION, SESSION, FakeAws, signed_headers
from harness import Case, digest, extension, module
from processes import LOOPBACK, TREE, HeldPort, Process, WebServer, fetch
from registries import MODULE, MODULE_CONFIG, PASSWORD, USER, DockerRegistry, Layout, htpasswd

FILTER = "default/filter"
KEY_ID = "e2e-key"
SECRET = "e2e-secret"
BUCKET = "modules"
KEY = "a+b/ü%&=@(1).wasm"
ECR = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"


class VersityGw(Process):
    """versitygw over a folder: each folder in that is a bucket."""

    def __init__(self, folder):
        super().__init__("versitygw", folder)
        self.data = self.folder / "s3"
        self.data.mkdir()
        self.port = HeldPort()
        self.url = f"http://{LOOPBACK}:{self.port.number}"

    def start(self):
        program = subprocess.check_output([TREE / "tools/build-versitygw"], text=True).strip()
        keys = {"ROOT_ACCESS_KEY": KEY_ID, "ROOT_SECRET_KEY": SECRET}
        listen = ["--port", f"{LOOPBACK}:{self.port.number}"]
        with unittest.mock.patch.dict(os.environ, keys):
            self.spawn([program, "--quiet", *listen, "posix", self.data])
        self.wait_up(lambda: fetch(self.port.number, "/").status, "does not answer")

    def put(self, key, content, bucket=BUCKET):
        path = self.data / bucket / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def upload(self, key, content):
        """As the SDKs do by `--checksum-algorithm SHA256`: the store keeps the checksum."""
        checksum = base64.b64encode(hashlib.sha256(content).digest()).decode()
        self._put(key, content, x_amz_checksum_sha256=checksum)

    def make_public(self):
        """Lets everybody read the bucket."""
        allow = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject"}
        allow["Resource"] = f"arn:aws:s3:::{BUCKET}/*"
        self._put("?policy", json.dumps({"Version": "2012-10-17", "Statement": [allow]}).encode())

    def _put(self, what, body, **headers):
        path = f"/{BUCKET}{what}" if what.startswith("?") else f"/{BUCKET}/{what}"
        headers = signed_headers("PUT", self.url + path, body, KEY_ID, SECRET, **headers)
        connection = http.client.HTTPConnection(LOOPBACK, self.port.number)
        connection.request("PUT", path, body, headers)
        answer = connection.getresponse()
        assert answer.status in (200, 204), answer.read()
        connection.close()


class S3Case(Case):
    def setUp(self):
        super().setUp()
        clean = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
        clean |= {"HOME": str(self.folder), "AWS_EC2_METADATA_DISABLED": "true"}
        environment = unittest.mock.patch.dict(os.environ, clean, clear=True)
        environment.start()
        self.addCleanup(environment.stop)

    def serve(self, *flags, key=KEY, **image):
        """Asserts that a filter from the bucket is at work in Envoy."""
        self.write("filter.yaml", extension(protocol="s3", uri=f"{BUCKET}/{key}", **image))
        envoy = self.envoy(self.wasmxds(*flags))
        self.assertHeader(envoy, "one")

    def refuse(self, uri, *flags):
        """Returns why the filter is not served."""
        self.write("filter.yaml", extension(protocol="s3", uri=uri))
        wasmxds = self.wasmxds("--fetch-tries=1", *flags)
        refusal = wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.assertEqual(wasmxds.stop(), 0)
        self.assertNotIn(SECRET, wasmxds.log())
        return refusal["err"]


class RealS3Test(S3Case):
    def setUp(self):
        super().setUp()
        self.s3 = VersityGw(self.folder)
        self.processes.append(self.s3)
        self.addCleanup(self.s3.port.release)
        self.addCleanup(self.s3.kill)
        self.s3.start()
        self.s3.put(KEY, module())
        self.endpoint = f"--s3-endpoint={self.s3.url}"

    def use_key(self, key_id=KEY_ID, secret=SECRET):
        os.environ["AWS_ACCESS_KEY_ID"] = key_id
        os.environ["AWS_SECRET_ACCESS_KEY"] = secret

    def test_filter_from_s3_is_at_work(self):
        self.use_key()
        self.serve(self.endpoint, sha256=digest(module()))

    def test_key_of_the_shared_file_signs(self):
        lines = f"aws_access_key_id = {KEY_ID}\naws_secret_access_key = {SECRET}\n"
        (self.folder / ".aws").mkdir()
        (self.folder / ".aws/credentials").write_text(f"[default]\nx = y\n[e2e]\n{lines}")
        os.environ["AWS_PROFILE"] = "e2e"
        os.environ["AWS_ENDPOINT_URL_S3"] = self.s3.url
        self.serve()

    def test_region_is_learned_from_the_answer(self):
        self.use_key()
        self.serve(self.endpoint, "--s3-region=eu-central-1")

    def test_public_bucket_needs_no_key(self):
        self.s3.make_public()
        self.serve(self.endpoint)

    def test_no_key_is_told_from_a_wrong_one(self):
        uri = f"{BUCKET}/{KEY}"
        refusal = self.refuse(uri, self.endpoint)
        self.assertIn("403 AccessDenied", refusal)
        self.assertIn("no AWS credentials were found", refusal)
        self.use_key(secret="another")
        self.assertIn("403 SignatureDoesNotMatch", self.refuse(uri, self.endpoint))
        self.use_key(key_id="nobody")
        self.assertIn("the access key id is not known", self.refuse(uri, self.endpoint))
        self.use_key()
        os.environ["AWS_SESSION_TOKEN"] = "none-of-theirs"
        self.assertIn("400 InvalidToken", self.refuse(uri, self.endpoint))

    def test_missing_bucket_is_told_from_a_missing_key(self):
        self.use_key()
        self.assertIn("there is no such bucket", self.refuse("nowhere/k.wasm", self.endpoint))
        self.assertIn("has no such key", self.refuse(f"{BUCKET}/k.wasm", self.endpoint))

    def test_store_that_comes_back_is_asked_again(self):
        self.use_key()
        self.s3.kill()
        self.write("filter.yaml", extension(protocol="s3", uri=f"{BUCKET}/{KEY}"))
        wasmxds = self.wasmxds("--fetch-tries=1", self.endpoint)
        envoy = self.envoy(wasmxds, ready=False)
        wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.s3.start()
        self.assertHeader(envoy, "one")


class FakeCase(S3Case):
    def fake(self, **options):
        path = "/" + urllib.parse.quote(f"{BUCKET}/{KEY}", safe="/~")
        fake = FakeAws({path: module()}, **options)
        self.addCleanup(fake.stop)
        os.environ["AWS_REGION"] = REGION
        for service in ("S3", "STS", "ECR"):
            os.environ[f"AWS_ENDPOINT_URL_{service}"] = fake.url
        return fake

    def use_web_identity(self, fake):
        token = self.folder / "web-identity-token"
        token.write_text(fake.web_identity + "\n")
        os.environ["AWS_WEB_IDENTITY_TOKEN_FILE"] = str(token)
        os.environ["AWS_ROLE_ARN"] = "arn:aws:iam::123456789012:role/wasmxds"

    def use_agent(self, fake):
        token = self.folder / "agent-token"
        token.write_text(fake.agent_token)
        os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = fake.url + "/agent"
        os.environ["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = str(token)

    def use_metadata(self, fake):
        os.environ["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = fake.url
        del os.environ["AWS_EC2_METADATA_DISABLED"]


class ChainTest(FakeCase):
    """Each place that credentials come from, up to a filter that only they give."""

    def test_web_identity_signs(self):
        fake = self.fake()
        self.use_web_identity(fake)
        self.serve()
        self.assertEqual((fake.asked("sts"), fake.refused), (1, []))

    def test_agent_of_a_container_signs(self):
        fake = self.fake()
        self.use_agent(fake)
        self.serve()
        self.assertEqual((fake.asked("agent"), fake.refused), (1, []))

    def test_instance_metadata_signs(self):
        fake = self.fake()
        self.use_metadata(fake)
        self.serve()
        self.assertEqual((fake.asked("imds"), fake.refused), (3, []))

    def test_metadata_is_asked_once_for_many_filters(self):
        fake = self.fake()
        self.use_metadata(fake)
        for i in range(10):
            uri = f"{BUCKET}/{KEY}"
            self.write(f"f{i}.yaml", extension(f"f{i}", protocol="s3", uri=uri))
        wasmxds = self.wasmxds()
        for i in range(10):
            wasmxds.wait_record(msg="extension programmed", name=f"default/f{i}")
        self.assertEqual(fake.asked("imds"), 3)

    def test_expired_credentials_are_got_anew(self):
        fake = self.fake()
        fake.lifetime = -1
        self.use_agent(fake)
        self.serve()
        asked = fake.asked("agent")
        self.write("other.yaml", extension("other", protocol="s3", uri=f"{BUCKET}/none.wasm"))
        wasmxds = self.processes[0]
        wasmxds.wait_record(msg="extension not programmed", name="default/other")
        self.assertGreater(fake.asked("agent"), asked)

    def test_refusals_say_what_is_wrong_and_hold_no_secret(self):
        fake = self.fake(clock=lambda: time.time() + 3600)
        self.use_web_identity(fake)
        uri = f"{BUCKET}/{KEY}"
        self.assertIn("clock is more than 15 minutes off", self.refuse(uri))
        self.assertNotIn(SESSION, self.processes[-1].log())
        fake.web_identity = "another"
        refusal = self.refuse(uri)
        self.assertIn("InvalidIdentityToken", refusal)
        self.assertNotIn("web.identity.token", self.processes[-1].log())


class ForwardingProxy(WebServer):
    """A proxy that takes every host's requests to one server, so that a name can stand for it."""

    def __init__(self, host, port):
        proxy = self
        self.hosts = set()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                place = urllib.parse.urlsplit(self.path)
                proxy.hosts.add(place.netloc)
                connection = http.client.HTTPConnection(host, port, timeout=30)
                headers = {k: v for k, v in self.headers.items() if not k.startswith("Proxy-")}
                connection.request("GET", place.path + "?" + place.query, headers=headers)
                answer = connection.getresponse()
                body = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding"):
                        self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
                connection.close()

            def log_message(self, *_):
                pass

        self.url = f"http://{self.serve(Handler)}"


class EcrTest(FakeCase):
    """A registry that lets in only who has a password from ECR's API."""

    def setUp(self):
        super().setUp()
        layout = Layout(self.folder / "layout")
        layout.tag("one", layout.manifest(MODULE_CONFIG, [(MODULE, module())]))
        registry = DockerRegistry(self.folder, auth=htpasswd(self.folder))
        self.processes.append(registry)
        self.addCleanup(registry.kill)
        registry.start()
        registry.push(layout, "one", "filters/header:v1", user=USER)
        host, _, port = registry.host.partition(":")
        self.proxy = ForwardingProxy(host, int(port))
        self.addCleanup(self.proxy.stop)
        os.environ |= {"http_proxy": self.proxy.url, "no_proxy": LOOPBACK}
        self.flags = ["--allow-loopback", f"--insecure-registry={ECR}"]

    def test_password_of_ecr_opens_the_registry(self):
        fake = self.fake()
        fake.registry_user = f"{USER}:{PASSWORD}"
        self.use_web_identity(fake)
        self.write("filter.yaml", extension(protocol="oci", uri=f"{ECR}/filters/header:v1"))
        wasmxds = self.wasmxds(*self.flags)
        self.assertHeader(self.envoy(wasmxds), "one")
        self.assertEqual((fake.asked("sts"), fake.asked("ecr"), fake.refused), (1, 1, []))
        self.assertEqual(self.proxy.hosts, {ECR})
        self.assertNotIn(PASSWORD, wasmxds.log())

    def test_no_other_registry_is_sent_it(self):
        fake = self.fake()
        fake.registry_user = f"{USER}:{PASSWORD}"
        self.use_web_identity(fake)
        evil = f"{ECR}.attacker.test"
        self.write("filter.yaml", extension(protocol="oci", uri=f"{evil}/filters/header:v1"))
        wasmxds = self.wasmxds("--allow-loopback", f"--insecure-registry={evil}")
        refusal = wasmxds.wait_record(msg="extension not programmed", name=FILTER)
        self.assertIn("none are given", refusal["err"])
        self.assertEqual((fake.asked("sts"), fake.asked("ecr")), (0, 0))

# SPDX-License-Identifier: Apache-2.0
"""A real registry (docker-registry), what makes it private, and images that skopeo puts there."""

import base64
import gzip
import hashlib
import http.server
import io
import json
import re
import subprocess
import tarfile
import time
import urllib.parse

from processes import LOOPBACK, Process, WebServer

USER = "me"
PASSWORD = "hunter2"

OCI = "application/vnd.oci.image."
MANIFEST = OCI + "manifest.v1+json"
INDEX = OCI + "index.v1+json"
TAR = OCI + "layer.v1.tar"
IMAGE_CONFIG = OCI + "config.v1+json"
MODULE = "application/vnd.module.wasm.content.layer.v1+wasm"
MODULE_CONFIG = "application/vnd.module.wasm.config.v1+json"
OLDER_MODULE = "application/vnd.wasm.content.layer.v1+wasm"
CNCF_MODULE = "application/wasm"
CNCF_CONFIG = "application/vnd.wasm.config.v0+json"


def digest_of(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def descriptor(media_type, content, **more):
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content), **more}


def tar_of(files):
    """An uncompressed tar of name: bytes."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def gzip_of(content):
    return gzip.compress(content, mtime=0)


class Layout:
    """An OCI image layout in a folder, as skopeo reads it."""

    def __init__(self, folder):
        self.folder = folder
        self.blobs = folder / "blobs/sha256"
        self.blobs.mkdir(parents=True)
        self.entries = []
        (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def add(self, media_type, content, **more):
        """Adds a blob; returns its descriptor."""
        content = content if isinstance(content, bytes) else json.dumps(content).encode()
        (self.blobs / hashlib.sha256(content).hexdigest()).write_bytes(content)
        return descriptor(media_type, content, **more)

    def manifest(self, config_type, layers, config=None, **more):
        """Adds a manifest of these (type, bytes) layers; returns its descriptor."""
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.add(config_type, config or {}),
            "layers": [self.add(media_type, content) for media_type, content in layers],
        }
        return self.add(MANIFEST, document, **more)

    def image(self, *layers, compress=True, **more):
        """Adds an image, each of whose layers is a dict of files; returns its descriptor."""
        tars = [tar_of(files) for files in layers]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [digest_of(tar) for tar in tars]},
        }
        packed = [(TAR + "+gzip", gzip_of(tar)) if compress else (TAR, tar) for tar in tars]
        return self.manifest(IMAGE_CONFIG, packed, config, **more)

    def index(self, *entries):
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(entries)}
        return self.add(INDEX, document)

    def tag(self, name, entry):
        names = {"org.opencontainers.image.ref.name": name}
        self.entries.append({**entry, "annotations": names})
        index = {"schemaVersion": 2, "manifests": self.entries}
        (self.folder / "index.json").write_text(json.dumps(index))


def run(*command, text=None):
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"{command}: {done.stderr}")
    return done.stdout


class Certificate:
    """A key and a certificate for 127.0.0.1, signed by an authority of its own."""

    def __init__(self, folder, key="ec"):
        folder.mkdir()
        self.authority = folder / "ca.pem"
        self.certificate = folder / "server.pem"
        self.key = folder / "server.key"
        authority_key = folder / "ca.key"
        new = ["openssl", "req", "-x509", "-nodes", "-days", "1", "-newkey"]
        new += ["rsa:2048"] if key == "rsa" else ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
        run(*new, "-subj", "/CN=e2e", "-keyout", authority_key, "-out", self.authority)
        signed_by = ["-CA", self.authority, "-CAkey", authority_key]
        extensions = ["-addext", f"subjectAltName=IP:{LOOPBACK}"]
        extensions += ["-addext", "basicConstraints=CA:FALSE"]
        subject = ["-subj", "/CN=server", "-keyout", self.key, "-out", self.certificate]
        run(*new, *signed_by, *extensions, *subject)

    def sign(self, content):
        command = ["openssl", "dgst", "-sha256", "-sign", self.key]
        return subprocess.run(command, input=content, capture_output=True, check=True).stdout

    def der(self):
        command = ["openssl", "x509", "-in", self.certificate, "-outform", "DER"]
        return subprocess.run(command, capture_output=True, check=True).stdout


def base64_url(content):
    return base64.urlsafe_b64encode(content).rstrip(b"=")


def jwt(certificate, claims):
    header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(certificate.der()).decode()]}
    signed = b".".join(base64_url(json.dumps(part).encode()) for part in (header, claims))
    return (signed + b"." + base64_url(certificate.sign(signed))).decode()


class TokenServer(WebServer):
    """What docker-registry sends its clients to for a token: gives one to USER alone."""

    SERVICE = "e2e registry"
    ISSUER = "e2e"

    def __init__(self, folder, lifetime=300):
        server = self
        self.certificate = Certificate(folder, key="rsa")
        self.lifetime = lifetime
        self.requests = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                server.requests += 1
                known = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
                if self.headers["Authorization"] != known:
                    self.send_error(401)
                    return
                query = urllib.parse.urlparse(self.path).query
                body = json.dumps(server.token(dict(urllib.parse.parse_qsl(query)))).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.realm = f"http://{self.serve(Handler)}/token"

    def token(self, query):
        access = []
        for scope in query.get("scope", "").split():
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        claims = {
            "iss": self.ISSUER,
            "sub": USER,
            "aud": query.get("service", ""),
            "iat": now,
            "nbf": now - 10,
            "exp": now + self.lifetime,
            "jti": str(time.monotonic_ns()),
            "access": access,
        }
        return {"token": jwt(self.certificate, claims), "expires_in": self.lifetime}

    def auth(self):
        """What docker-registry is configured with."""
        return {
            "token": {
                "realm": self.realm,
                "service": self.SERVICE,
                "issuer": self.ISSUER,
                "rootcertbundle": str(self.certificate.authority),
            }
        }


def htpasswd(folder):
    """What docker-registry is configured with to let USER in, by PASSWORD."""
    users = folder / "htpasswd"
    users.write_text(run("htpasswd", "-Bbn", USER, PASSWORD))
    return {"htpasswd": {"realm": "e2e", "path": str(users)}}


class DockerRegistry(Process):
    """docker-registry on a free port of 127.0.0.1, over a folder of its own."""

    def __init__(self, folder, auth=None, certificate=None, port=0, name="registry"):
        super().__init__(name, folder)
        self.certificate = certificate
        self.host = None
        serve = {"addr": f"{LOOPBACK}:{port}", "secret": "e2e"}
        if certificate:
            files = {"certificate": certificate.certificate, "key": certificate.key}
            serve["tls"] = {name: str(path) for name, path in files.items()}
        config = {
            "version": 0.1,
            "log": {"accesslog": {"disabled": True}},
            "storage": {"filesystem": {"rootdirectory": str(self.folder / f"{name}.data")}},
            "http": serve,
        }
        if auth:
            config["auth"] = auth
        self.config = self.folder / f"{name}.yml"
        self.config.write_text(json.dumps(config))  # which is YAML

    def start(self):
        self.spawn(["docker-registry", "serve", self.config])
        pattern = re.compile(rf"listening on ({re.escape(LOOPBACK)}:\d+)")
        found = self.wait_up(lambda: pattern.search(self.log()), "does not listen")
        self.host = found[1]

    def push(self, layout, tag, name, *flags, user=None):
        """Has skopeo copy what the layout calls tag; returns the manifest's digest there."""
        verify = "--dest-tls-verify=false"
        if self.certificate:
            folder = self.folder / f"{self.name}.certs"
            folder.mkdir(exist_ok=True)
            (folder / "ca.crt").write_bytes(self.certificate.authority.read_bytes())
            verify = f"--dest-cert-dir={folder}"
        credentials = [f"--dest-creds={USER}:{PASSWORD}"] if user else []
        said = self.folder / "digest"
        copy = ["skopeo", "--insecure-policy", "copy", "--quiet", "--all", verify, *credentials]
        where = [f"oci:{layout.folder}:{tag}", f"docker://{self.host}/{name}"]
        run(*copy, f"--digestfile={said}", *flags, *where)
        return said.read_text().strip()


def docker_config(folder, host, user=USER, password=PASSWORD):
    """Writes a docker config with one entry; returns its path."""
    auth = base64.b64encode(f"{user}:{password}".encode()).decode()
    path = folder / f"docker-{host.replace(':', '-')}.json"
    path.write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    return path

# SPDX-License-Identifier: Apache-2.0
"""A registry that lies, floods, stalls and leads astray: one repository for each way to do so.

CASES lists them: a name, what the refusal must say, and how the repository differs from an honest
one.  A case is asked for as HOST/NAME:v1, or by `reference` where that is set.
"""

import dataclasses
import gzip
import hashlib
import http.server
import io
import json
import tarfile
import threading
import typing

from processes import FILTER, LOOPBACK
from registries import INDEX, MANIFEST, MODULE, MODULE_CONFIG, TAR, descriptor, digest_of, tar_of

MIB = 1 << 20
ONES = "1" * 64
METADATA = "http://169.254.169.254/latest/meta-data/"
MAX_MODULE = 4 * MIB  # what wasmxds is told
IDLE_SECONDS = 1
FLOOD = 64 * MIB  # what is called endless here


@dataclasses.dataclass
class Answer:
    body: typing.Any = b""  # bytes, or something to iterate over
    status: int = 200
    headers: dict = dataclasses.field(default_factory=dict)
    length: typing.Any = "right"  # Content-Length; None: the connection ends with the body
    stall: bool = False  # keeps silent behind the body
    raw: bytes = b""  # in place of all of this


@dataclasses.dataclass
class Repository:
    """Answers for manifests and blobs: what `asked` names, or whatever else is asked for."""

    asked: dict = dataclasses.field(default_factory=dict)
    manifest: Answer = dataclasses.field(default_factory=lambda: Answer(status=404))
    blob: Answer = dataclasses.field(default_factory=lambda: Answer(status=404))
    always: Answer = None  # for everything
    challenge: str = None  # what is asked is answered by 401 and this, unless there is a token
    token: Answer = None  # of the realm that `challenge` names as {realm}
    reference: str = None  # in place of HOST/NAME:v1


@dataclasses.dataclass
class Case:
    name: str
    says: str
    repository: Repository


def good_module():
    return FILTER.read_bytes()


def json_bytes(document):
    return json.dumps(document).encode()


def document(content, media_type=MANIFEST, **headers):
    content = content if isinstance(content, bytes) else json_bytes(content)
    return Answer(content, headers={"Content-Type": media_type, **headers})


def manifest_of(*layers, **more):
    config = descriptor(MODULE_CONFIG, b"{}")
    return {"schemaVersion": 2, "config": config, "layers": list(layers), **more}


def index_of(*entries, **more):
    return {"schemaVersion": 2, "manifests": list(entries), **more}


def layer(media_type=MODULE, **fields):
    """A descriptor of a module that is not there, with fields set, or left out by None."""
    entry = {"mediaType": media_type, "digest": "sha256:" + ONES, "size": 12, **fields}
    return {key: value for key, value in entry.items() if value is not None}


def says(content, media_type=MANIFEST, **headers):
    """A repository with this document behind the tag."""
    return Repository(manifest=document(content, media_type, **headers))


def serves(content, answer=None, media_type=MODULE, size=None):
    """A repository with one layer, described as content, for which answer comes."""
    entry = descriptor(media_type, content)
    if size is not None:
        entry["size"] = size
    return Repository(manifest=document(manifest_of(entry)), blob=answer or Answer(content))


def packs(content):
    """A repository whose one layer is an archive."""
    return serves(content, media_type=TAR + "+gzip")


def asks(challenge, token=None):
    """A repository that wants a token."""
    return Repository(manifest=document(manifest_of()), challenge=challenge, token=token)


def raw_tar(name, size=0, content=b"", kind=tarfile.REGTYPE, link=""):
    """A tar of one entry, as lying as it is told to be."""
    entry = tarfile.TarInfo(name)
    entry.size, entry.type, entry.linkname = size, kind, link
    header = bytearray(entry.tobuf(tarfile.GNU_FORMAT))
    padded = content + bytes(-len(content) % 512)
    return bytes(header) + padded + bytes(1024)


def tar_of_all(*entries):
    """A tar of (name, bytes), in which a name may stand twice."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in entries:
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def endless(n=FLOOD, chunk=b"x" * 65536):
    for _ in range(n // len(chunk)):
        yield chunk


def bomb(start=b""):
    """A gzip of start and 64 MiB behind it."""
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb", mtime=0) as packed:
        packed.write(start)
        for chunk in endless(64 * MIB):
            packed.write(chunk)
    return out.getvalue()


def manifest_cases():
    module = layer()
    nested = b"[" * 200 + b"]" * 200
    flood = b'{"schemaVersion":2,"layers":[' + b"1," * 200000 + b"1]}"
    twice = b'{"schemaVersion":2,"layers":[],"layers":[]}'
    yield "manifest-empty", "JSON", says(b"")
    yield "manifest-html", 'is "text/html"', says(manifest_of(module), "text/html")
    yield "manifest-no-json", "JSON, byte 0", says(b"<html>")
    yield "manifest-array", "must be a JSON object", says(b"[]")
    yield "manifest-schema-1", "v1+prettyjws", says(
        {"schemaVersion": 1}, "application/vnd.docker.distribution.manifest.v1+prettyjws"
    )
    yield "manifest-schema-3", "schemaVersion must be 2", says(
        {**manifest_of(module), "schemaVersion": 3}
    )
    yield "manifest-mismatch", "they must agree", says(manifest_of(module, mediaType=INDEX))
    yield "manifest-no-type", "neither by Content-Type", says(
        manifest_of(module), "application/json"
    )
    yield "manifest-and-index", "must not have manifests", says(manifest_of(module, manifests=[]))
    yield "index-and-manifest", "must not have layers", says(index_of(module, layers=[]), INDEX)
    yield "manifest-5-mib", "more than 4194304 bytes", says(b" " * 5 * MIB)
    yield "manifest-endless", "more than 4194304 bytes", Repository(
        manifest=Answer(endless(), headers={"Content-Type": MANIFEST}, length=None)
    )
    yield "manifest-nested", "nested deeper than 64", says(nested)
    yield "manifest-of-numbers", "more than 100000 values", says(flood)
    yield "manifest-key-twice", "must not stand twice", says(twice)
    yield "manifest-no-utf-8", "not UTF-8", says(b'{"schemaVersion":2,"a":"\xff"}')
    yield "manifest-nul", "\\u0000", says(b'{"schemaVersion":2,"a":"\\u0000"}')
    yield "manifest-cut-short", "ends too early", says(json_bytes(manifest_of(module))[:-5])
    yield "manifest-trailing", "nothing may stand behind", says(
        json_bytes(manifest_of(module)) + b"{}"
    )
    yield "manifest-500", "answered 500", Repository(manifest=Answer(status=500))
    yield "manifest-403", "answered 403", Repository(manifest=Answer(status=403))
    yield "manifest-204", "answered 204", Repository(manifest=Answer(status=204))
    yield "manifest-other-digest", "the registry says that it is " + ONES, says(
        manifest_of(module), **{"Docker-Content-Digest": "sha256:" + ONES}
    )
    pinned = says(manifest_of(module))
    pinned.reference = "{host}/{name}@sha256:" + ONES
    yield "manifest-not-the-pinned", "its bytes' sha256 is", pinned


def layer_cases():
    tar = descriptor(TAR, b"")
    yield "layers-none", "must be a list with something in it", says(manifest_of())
    yield "layers-object", "layers must be a list", says({"schemaVersion": 2, "layers": {}})
    yield "layers-null", "layers[0].mediaType is missing", says(manifest_of(None))
    yield "layers-10000", "layers must hold at most 256", says(manifest_of(*[tar] * 10000))
    yield "layers-two-modules", "more than one module", says(manifest_of(layer(), layer()))
    yield "layer-no-type", "layers[0].mediaType is missing", says(
        manifest_of(layer(mediaType=None))
    )
    yield "layer-long-type", "at most 255 bytes", says(manifest_of(layer("x" * 256)))
    yield "layer-text", 'is "text/plain"', says(manifest_of(layer("text/plain")))
    yield "layer-zstd", "tar+zstd", says(manifest_of(layer(TAR + "+zstd")))
    yield "layer-foreign", "foreign.diff.tar", says(
        manifest_of(
            layer("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", urls=[METADATA])
        )
    )
    yield "digest-none", "digest is missing", says(manifest_of(layer(digest=None)))
    yield "digest-number", "digest is missing, or not text", says(manifest_of(layer(digest=1)))
    yield "digest-sha512", 'digest is "sha512:', says(
        manifest_of(layer(digest="sha512:" + ONES + ONES))
    )
    yield "digest-upper-case", 'digest is "sha256:AAAA', says(
        manifest_of(layer(digest="sha256:" + "A" * 64))
    )
    yield "digest-short", "64 lower-case hex digits", says(manifest_of(layer(digest="sha256:1")))
    yield "digest-path", "../../etc/passwd", says(
        manifest_of(layer(digest="sha256:../../etc/passwd"))
    )
    yield "digest-of-a-terminal", "\\x1b[2J", says(
        manifest_of(layer(digest="sha256:\x1b[2J\n"))
    )
    yield "size-none", "size is missing", says(manifest_of(layer(size=None)))
    yield "size-text", "size is missing, or not a number", says(manifest_of(layer(size="12")))
    yield "size-negative", "size is -1", says(manifest_of(layer(size=-1)))
    yield "size-fraction", "size is 1.5", says(manifest_of(layer(size=1.5)))
    yield "size-8-eib", "size is 9223372036854775808", says(manifest_of(layer(size=1 << 63)))
    yield "size-too-much", f"must be at most {MAX_MODULE}", says(
        manifest_of(layer(size=MAX_MODULE + 1))
    )


def index_cases():
    linux = {"platform": {"os": "linux", "architecture": "arm64"}}
    attestation = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    entry = layer(MANIFEST)
    inner = json_bytes(manifest_of())
    chain = {}
    for _ in range(3):
        kind = INDEX if chain else MANIFEST
        chain["sha256:" + hashlib.sha256(inner).hexdigest()] = document(inner, kind)
        inner = json_bytes(index_of(descriptor(kind, inner)))
    yield "index-empty", "manifests must be a list with something", says(index_of(), INDEX)
    yield "index-of-strangers", "no manifest or index in it", says(
        index_of(layer("application/x")), INDEX
    )
    yield "index-of-attestations", "no manifest or index in it", says(
        index_of({**entry, **attestation}), INDEX
    )
    yield "index-ambiguous", "which is meant cannot be told", says(
        index_of({**entry, **linux}, {**entry, **linux}), INDEX
    )
    yield "index-10000", "manifests must hold at most 1024", says(index_of(*[entry] * 10000), INDEX)
    yield "index-bad-digest", "the chosen entry of manifests: digest", says(
        index_of(layer(MANIFEST, digest="sha256:x")), INDEX
    )
    yield "index-large-entry", "must be at most 4194304", says(
        index_of(layer(MANIFEST, size=5 * MIB)), INDEX
    )
    yield "index-cycle", f"manifest sha256:{ONES}: its bytes' sha256 is", says(
        index_of(layer(INDEX)), INDEX
    )
    yield "index-deep", "nested at most 2 deep", Repository(
        manifest=document(inner, INDEX), asked=chain
    )
    small = json_bytes(manifest_of(layer()))
    yield "index-wrong-size", "and its descriptor says 7", Repository(
        manifest=document(index_of({**descriptor(MANIFEST, small), "size": 7}), INDEX),
        asked={digest_of(small): document(small)},
    )


def blob_cases():
    good = good_module()
    flipped = bytes([*good[:-1], good[-1] ^ 1])
    chunks = {"Content-Range": f"bytes 0-9/{len(good)}"}
    yield "blob-flipped", "its bytes' sha256 is", serves(good, Answer(flipped))
    yield "blob-empty", "has 0 bytes", serves(good, Answer(b""))
    yield "blob-short", f"has {len(good) - 1} bytes", serves(good, Answer(good[:-1]))
    yield "blob-long", f"has {len(good) + 1} bytes", serves(good, Answer(good + b"x"))
    yield "blob-other-size", "and its descriptor says 7", serves(good, size=7)
    yield "blob-cut", "bytes remaining", serves(good, Answer(good[:99], length=len(good)))
    yield "blob-unended", "has 99 bytes", serves(good, Answer(good[:99], length=None))
    yield "blob-endless", f"more than {MAX_MODULE} bytes", serves(
        good, Answer(endless(), length=None)
    )
    yield "blob-1-tib", "is 1099511627776 bytes, by its Content-Length", serves(
        good, Answer(endless(MIB), length=1 << 40)
    )
    yield "blob-8-eib", "Maximum file size exceeded", serves(
        good, Answer(endless(MIB), length=1 << 63)
    )
    yield "blob-stalls", "no byte for 1000 ms", serves(
        good, Answer(good[:99], length=len(good), stall=True)
    )
    yield "blob-encoded", "its bytes' sha256 is", serves(
        good, Answer(bytes([0] * len(good)), headers={"Content-Encoding": "gzip"})
    )
    yield "blob-part", "answered 206 instead of 200", serves(
        good, Answer(good[:10], status=206, headers=chunks)
    )
    yield "blob-404", "answered 404", serves(good, Answer(status=404))
    yield "blob-429", "answered 429", serves(good, Answer(status=429))
    yield "module-html", "HTML", serves(b"<!DOCTYPE html><title>Log in</title>")
    yield "module-cut", "bytes, but only", serves(good[:-20])
    yield "module-elf", "ELF", serves(b"\x7fELF" + bytes(60))
    yield "module-packed", "its type says that it is the module", serves(gzip.compress(good))


def archive_cases():
    good = good_module()
    deep = gzip.compress(gzip.compress(tar_of({"plugin.wasm": good})))
    packed = gzip.compress(tar_of({"plugin.wasm": good}))
    many = tar_of_all(*[("x", b"")] * 3)
    large = 64 * MIB
    yield "archive-bomb", "the most that a module may have", packs(bomb())
    yield "archive-bomb-of-a-module", "plugin.wasm\" of 67108864 bytes; a module may", packs(
        bomb(raw_tar("plugin.wasm", large)[:512])
    )
    yield "archive-bomb-before-it", "unpacks to more than", packs(
        bomb(raw_tar("README", large)[:512])
    )
    yield "archive-1-tib", "of 1099511627776 bytes; a module may have at most", packs(
        raw_tar("plugin.wasm", 1 << 40)
    )
    yield "archive-8-eib", "entry size overflow", packs(raw_tar("plugin.wasm", (1 << 63) - 1))
    yield "archive-parent", "leads out of it", packs(tar_of({"../plugin.wasm": good}))
    yield "archive-parent-inside", "leads out of it", packs(tar_of({"a/../../plugin.wasm": good}))
    yield "archive-absolute", "leads out of it", packs(tar_of({"/plugin.wasm": good}))
    yield "archive-symlink", "which is a symbolic link", packs(
        raw_tar("plugin.wasm", kind=tarfile.SYMTYPE, link="/etc/passwd")
    )
    yield "archive-hardlink", "which is a", packs(
        raw_tar("plugin.wasm", kind=tarfile.LNKTYPE, link="/etc/passwd")
    )
    yield "archive-device", "which is a", packs(raw_tar("plugin.wasm", kind=tarfile.CHRTYPE))
    yield "archive-fifo", "which is a", packs(raw_tar("plugin.wasm", kind=tarfile.FIFOTYPE))
    yield "archive-folder", "another *.wasm that is a file", packs(
        raw_tar("plugin.wasm", kind=tarfile.DIRTYPE)
    )
    yield "archive-twice", "twice", packs(
        tar_of_all(("plugin.wasm", good), ("plugin.wasm", good))
    )
    yield "archive-two", "no plugin.wasm that would say which", packs(
        tar_of({"a.wasm": good, "b.wasm": good})
    )
    yield "archive-none", "neither plugin.wasm nor another", packs(many)
    yield "archive-cut", "truncated gzip", packs(packed[:-30])
    yield "archive-damaged", "is no whole gzip or tar", packs(packed[:10] + b"\xff" * 99)
    yield "archive-twice-packed", "compressed more than once", packs(deep)
    yield "archive-entries", "unpacks to more than", packs(
        gzip.compress(raw_tar("x")[:512] * 100001)
    )


def challenge_cases():
    bearer = 'Bearer realm="{realm}",service="x"'
    good = json_bytes({"token": "t"})
    yield "challenge-none", "neither Basic nor Bearer", asks("")
    yield "challenge-unknown", "neither Basic nor Bearer", asks("Negotiate")
    yield "challenge-open", "without an end", asks('Bearer realm="x')
    yield "challenge-10-kib", "at most 8192 bytes", asks('Bearer realm="' + "x" * 10240 + '"')
    yield "challenge-1-mib", "a header line that is too long", asks(
        'Bearer realm="' + "x" * MIB + '"'
    )
    yield "challenge-many", "more than 16 challenges", asks(",".join(["Negotiate"] * 17))
    yield "challenge-twice", "must not stand twice", asks('Bearer realm="a",realm="b"')
    yield "challenge-no-realm", "must have a realm", asks("Bearer")
    yield "realm-file", "neither http nor https", asks('Bearer realm="file:///etc/passwd"')
    yield "realm-relative", "must be a whole URL", asks('Bearer realm="/token"')
    yield "realm-user", "must not hold a user", asks('Bearer realm="http://a:b@127.0.0.1/t"')
    yield "realm-foreign", "is foreign to the registry", asks('Bearer realm="{foreign}"')
    yield "realm-metadata", "is foreign to the registry", asks(f'Bearer realm="{METADATA}"')
    yield "token-none", "a token or an access_token", asks(bearer, Answer(b"{}"))
    yield "token-html", "JSON", asks(bearer, Answer(b"<html>"))
    yield "token-1-mib", "more than 131072 bytes", asks(bearer, Answer(b" " * MIB))
    yield "token-two-lines", "printable ASCII", asks(
        bearer, Answer(json_bytes({"token": "a\r\nX: y"}))
    )
    yield "token-long", "at most 32768 bytes", asks(
        bearer, Answer(json_bytes({"token": "x" * 40000}))
    )
    yield "token-500", "answered 500", asks(bearer, Answer(status=500))
    yield "token-to-metadata", "169.254.169.254", asks(
        bearer, Answer(status=302, headers={"Location": METADATA})
    )
    vain = asks(bearer, Answer(good))
    vain.manifest = Answer(status=401)
    yield "token-in-vain", "answered 401", vain


def redirect(location, status=302):
    return Answer(status=status, headers={"Location": location})


def redirect_cases():
    def to(location, status=302):
        return Repository(manifest=redirect(location, status))

    yield "redirect-metadata", "169.254.169.254", to(METADATA)
    yield "redirect-metadata-307", "169.254.169.254", to(METADATA, 307)
    yield "redirect-metadata-mapped", "169.254.169.254", to("http://[::ffff:169.254.169.254]/")
    yield "redirect-metadata-decimal", "169.254.169.254", to("http://2852039166/")
    yield "redirect-metadata-octal", "169.254.169.254", to("http://0251.0376.0251.0376/")
    yield "redirect-metadata-v6", "fd00:ec2::254", to("http://[fd00:ec2::254]/")
    yield "redirect-link-local-v6", "fe80::1", to("http://[fe80::1]/")
    yield "redirect-unspecified", "0.0.0.0", to("http://0.0.0.0:1/")
    yield "redirect-file", "neither http nor https", to("file:///etc/passwd")
    yield "redirect-gopher", "neither http nor https", to("gopher://127.0.0.1/")
    yield "redirect-nonsense", "not a URL", to("http://[/")
    yield "redirect-loop", "redirected more than 5 times", to("{self}")
    yield "redirect-foreign", "answered 404", to("{foreign}")
    blob = serves(good_module(), redirect(METADATA))
    yield "redirect-blob", "169.254.169.254", blob


def http_cases():
    many = {f"X-{i}": "x" * 4000 for i in range(100)}
    yield "http-headers", "headers of more than", says(manifest_of(), **many)
    yield "http-none", "HTTP/0.9", Repository(always=Answer(raw=b"SSH-2.0-OpenSSH_9.2\r\n"))
    yield "http-nothing", "HTTP/0.9", Repository(always=Answer(raw=b"\r\n"))
    yield "http-stalls", "no byte for 1000 ms", Repository(always=Answer(stall=True, length=12))


def all_cases():
    groups = (manifest_cases, layer_cases, index_cases, blob_cases, archive_cases)
    groups += (challenge_cases, redirect_cases, http_cases)
    for group in groups:
        for name, words, repository in group():
            yield Case(name, words, repository)


def honest():
    """What is served beside all that."""
    return serves(good_module())


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        where = self.path.partition("?")[0].strip("/").split("/")
        if where[0] == "v2" and len(where) == 4:
            self.send(self.server.answer(self, *where[1:]))
        elif where[0] == "token":
            self.send(self.server.repositories[where[1]].token)
        else:
            self.send(Answer())  # /v2/

    def send(self, answer):
        if answer.raw:
            self.wfile.write(answer.raw)
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.length is not None:
            length = len(answer.body) if answer.length == "right" else answer.length
            self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        try:
            self.end_headers()
            body = [answer.body] if isinstance(answer.body, bytes) else answer.body
            for chunk in body:
                self.wfile.write(chunk)
            if answer.stall:
                self.wfile.flush()
                self.server.ending.wait(IDLE_SECONDS * 10)
        except OSError:
            pass  # refused in the middle, as it should be

    def log_message(self, *_):
        pass


class HostileRegistry(http.server.ThreadingHTTPServer):
    """Serves every case, on 127.0.0.1; `repositories` by name."""

    daemon_threads = True

    def __init__(self, cases, foreign):
        super().__init__((LOOPBACK, 0), Handler)
        self.host = f"{LOOPBACK}:{self.server_address[1]}"
        self.foreign = foreign
        self.repositories = {case.name: case.repository for case in cases}
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def filled(self, text, name):
        """Text with the addresses that a case cannot know."""
        me = f"http://{self.host}"
        return (
            text.replace("{realm}", f"{me}/token/{name}")
            .replace("{self}", f"{me}/v2/{name}/manifests/v1")
            .replace("{foreign}", self.foreign)
        )

    def answer(self, handler, name, kind, what):
        repository = self.repositories[name]
        if repository.always:
            return repository.always
        if repository.challenge is not None and not handler.headers["Authorization"]:
            challenge = self.filled(repository.challenge, name)
            headers = {"WWW-Authenticate": challenge} if challenge else {}
            return Answer(b"no", status=401, headers=headers)
        answer = repository.manifest if kind == "manifests" else repository.blob
        answer = repository.asked.get(what) or answer
        headers = {key: self.filled(value, name) for key, value in answer.headers.items()}
        return dataclasses.replace(answer, headers=headers)

    def stop(self):
        self.ending.set()
        self.shutdown()
        self.server_close()
        self.thread.join()


class Witness(http.server.ThreadingHTTPServer):
    """A foreign server: answers 404, and keeps what it was sent that it should not see."""

    daemon_threads = True

    def __init__(self):
        witness = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                witness.requests += 1
                if self.headers["Authorization"]:
                    witness.secrets.append(self.headers["Authorization"])
                self.send_error(404)

            do_POST = do_GET

            def log_message(self, *_):
                pass

        super().__init__((LOOPBACK, 0), Handler)
        self.url = f"http://localhost:{self.server_address[1]}/"
        self.requests = 0
        self.secrets = []
        self.thread = threading.Thread(target=self.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.shutdown()
        self.server_close()
        self.thread.join()

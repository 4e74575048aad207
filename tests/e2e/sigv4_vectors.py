#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signs the published test vectors of Signature Version 4, and compares byte for byte.

    tests/e2e/sigv4_vectors.py [SIGV4_VECTOR]

They are data of others, so they are not in the tree: they come from PyPI (botocore's source
archive) and from the crates registry (aws-sigv4) into ${WASMXDS_CACHE:-.cache}.  A vector passes when the
canonical request, the string to sign and the signature do, as far as it has them; one of aws-sigv4
also when the same holds for its presigned form.  SIGV4_VECTOR is the program that signs,
build/release/tests/tools/sigv4_vector.
"""

import datetime
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.parse

TREE = pathlib.Path(__file__).resolve().parents[2]
CACHE = pathlib.Path(os.environ.get("WASMXDS_CACHE") or TREE / ".cache").resolve()
BOTOCORE = "1.40.0"
AWS_SIGV4 = "1.6.4"
WANT = {f"botocore {BOTOCORE}": 34, f"aws-sigv4 {AWS_SIGV4}": 40}

# What botocore's own test signs with; the crate says it in each vector's context.json, but for two.
CONTEXT = {
    "key_id": "AKIDEXAMPLE",
    "secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
    "region": "us-east-1",
    "service": "service",
    "time": datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.timezone.utc),
    "normalize": True,
}


def run(*command, **options):
    """Runs a command quietly; shows what it said when it fails."""
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options
    )
    if done.returncode:
        sys.exit(f"sigv4 vectors: {' '.join(map(str, command))} failed:\n{done.stdout}")


def cached(name, fill):
    """Returns that folder of the cache, which fill(folder) made whole, now or before."""
    folder = CACHE / name
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        fresh = pathlib.Path(tempfile.mkdtemp(prefix=f"{name}-", dir=CACHE))
        try:
            fill(fresh)
            fresh.rename(folder)
        finally:
            shutil.rmtree(fresh, ignore_errors=True)
    return folder


def fetch_botocore(folder):
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet"]
    source = ["--no-deps", "--no-binary", "botocore", f"botocore=={BOTOCORE}"]
    with tempfile.TemporaryDirectory() as temporary:
        run(*pip, *source, "--dest", temporary)
        with tarfile.open(next(pathlib.Path(temporary).iterdir())) as archive:
            for member in archive:
                path = pathlib.PurePosixPath(member.name)
                wanted = path.suffix in (".req", ".creq", ".sts", ".authz")
                if member.isfile() and "aws4_testsuite" in path.parts and wanted:
                    place = folder / path.parent.name
                    place.mkdir(exist_ok=True)
                    (place / path.suffix[1:]).write_bytes(archive.extractfile(member).read())


def cargo():
    """The cargo that there is, or Debian's, installed on the way."""
    if not shutil.which("cargo"):
        as_root = [] if os.geteuid() == 0 else ["sudo"]
        run(*as_root, "apt-get", "-qq", "update")
        run(*as_root, "apt-get", "-qq", "install", "-y", "--no-install-recommends", "cargo-web")
    return "cargo"


def fetch_crate(folder):
    with tempfile.TemporaryDirectory() as temporary:
        place = pathlib.Path(temporary)
        manifest = place / "Cargo.toml"
        manifest.write_text(
            '[package]\nname = "vectors"\nversion = "0.0.0"\nedition = "2021"\n'
            f'[dependencies]\naws-sigv4 = {{version = "={AWS_SIGV4}", default-features = false}}\n'
        )
        (place / "src").mkdir()
        (place / "src/lib.rs").touch()
        environment = {**os.environ, "CARGO_HOME": str(place / "home")}
        run(cargo(), "fetch", "--quiet", "--manifest-path", manifest, env=environment)
        crate = next(place.glob(f"home/registry/src/*/aws-sigv4-{AWS_SIGV4}"))
        for vector in (crate / "aws-signing-test-suite/v4").iterdir():
            shutil.copytree(vector, folder / vector.name)


def parse_request(raw):
    """A request as the vectors write it: targets may hold spaces, header values several lines."""
    head, _, body = raw.replace("\r", "").partition("\n\n")
    first, *lines = head.split("\n")
    method, _, rest = first.partition(" ")
    path, _, query = rest.removesuffix(" HTTP/1.1").partition("?")
    headers = []
    for line in filter(None, lines):
        if line[0] in " \t":
            headers[-1][1] += "\n" + line
        else:
            headers.append(list(line.split(":", 1)))
    payload = hashlib.sha256(body.encode()).hexdigest()
    return {"method": method, "path": path, "query": query, "headers": headers, "payload": payload}


def names(request):
    return {name.lower() for name, _ in request["headers"]}


def with_headers(request, context):
    """The request with the headers that its signature is over."""
    added = [["X-Amz-Date", context["time"].strftime("%Y%m%dT%H%M%SZ")]]
    if context.get("token"):
        added.append(["X-Amz-Security-Token", context["token"]])
    if context.get("sign_body"):
        added.append(["X-Amz-Content-Sha256", request["payload"]])
    kept = [pair for pair in request["headers"] if pair[0].lower() != "x-amz-date"]
    return {**request, "headers": kept + added}


def presigned(request, context):
    """The request with all that in its query."""
    date = context["time"].strftime("%Y%m%dT%H%M%SZ")
    scope = f"{date[:8]}/{context['region']}/{context['service']}/aws4_request"
    added = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{context['key_id']}/{scope}",
        "X-Amz-Date": date,
        "X-Amz-Expires": str(context["expires"]),
        "X-Amz-SignedHeaders": ";".join(sorted(names(request))),
    }
    if context.get("token"):
        added["X-Amz-Security-Token"] = context["token"]
    query = urllib.parse.urlencode(added, quote_via=urllib.parse.quote, safe="")
    return {**request, "query": "&".join(filter(None, [request["query"], query]))}


def botocore_vectors(folder):
    """Yields a name, what is signed, and what must come of it."""
    for place in sorted(folder.iterdir()):
        if (place / "req").exists():
            want = {key: read(place / key) for key in ("creq", "sts", "authz")}
            request = parse_request(read(place / "req"))
            token = want["creq"].partition("\nx-amz-security-token:")[2].partition("\n")[0]
            if token and "x-amz-security-token" not in names(request):
                request["headers"].append(["X-Amz-Security-Token", token])
            yield place.name, CONTEXT, request, want


def read(path):
    """A document, without the newline that an editor may have put at its end."""
    return path.read_bytes().decode().replace("\r", "").removesuffix("\n")


def crate_context(place, want):
    if not (place / "context.json").exists():
        # Two have none: what they were signed with stands in what came of it.
        date = want["creq"].partition("x-amz-date:")[2].split("\n")[0]
        time = datetime.datetime.strptime(date, "%Y%m%dT%H%M%SZ")
        context = {**CONTEXT, "time": time.replace(tzinfo=datetime.timezone.utc)}
        if "sts" in want:
            _, context["region"], context["service"], _ = want["sts"].split("\n")[2].split("/")
        return context
    said = json.loads((place / "context.json").read_text())
    return {
        "key_id": said["credentials"]["access_key_id"],
        "secret": said["credentials"]["secret_access_key"],
        "token": not said.get("omit_session_token") and said["credentials"].get("token"),
        "region": said["region"],
        "service": said["service"],
        "time": datetime.datetime.fromisoformat(said["timestamp"].replace("Z", "+00:00")),
        "normalize": said["normalize"],
        "expires": said["expiration_in_seconds"],
        "sign_body": said["sign_body"],
    }


def crate_documents(place, form):
    files = {"creq": "canonical-request", "sts": "string-to-sign", "signature": "signature"}
    files = {key: place / f"{form}-{name}.txt" for key, name in files.items()}
    want = {key: read(file) for key, file in files.items() if file.exists()}
    if form == "header" and "sts" in want:
        signed = dict(parse_request(read(place / "header-signed-request.txt"))["headers"])
        want["authz"] = signed["Authorization"].strip()
    return want


def crate_vectors(folder):
    for place in sorted(folder.iterdir()):
        request = parse_request(read(place / "request.txt"))
        # The path as it was signed: in one request.txt the crate has encoded it beforehand, and
        # leaves that vector out of its own tests.
        request["path"] = parse_request(read(place / "header-signed-request.txt"))["path"]
        for form, change in (("header", with_headers), ("query", presigned)):
            want = crate_documents(place, form)
            if want:
                context = crate_context(place, crate_documents(place, "header"))
                yield place.name, context, change(request, context), want


def sign(program, vectors):
    requests = []
    for _, context, request, _ in vectors:
        keys = ("key_id", "secret", "region", "service", "normalize")
        common = {key: context[key] for key in keys}
        requests.append({**request, **common, "time": int(context["time"].timestamp())})
    return json.loads(subprocess.check_output([program], input=json.dumps(requests), text=True))


def differences(suite, vectors, results):
    """Returns the names of the vectors, and of those that differ; prints how."""
    failed = set()
    for (name, _, _, want), got in zip(vectors, results, strict=True):
        for key, value in want.items():
            if got[key] != value:
                failed.add(name)
                print(f"{suite}: {name}: {key}\n  got  {got[key]!r}\n  want {value!r}")
    return {name for name, *_ in vectors}, failed


def main():
    program = pathlib.Path(
        sys.argv[1] if len(sys.argv) > 1 else TREE / "build/release/tests/tools/sigv4_vector"
    )
    if not program.exists():
        sys.exit(f"sigv4 vectors: {program} is missing: run make {program.relative_to(TREE)}")
    botocore = cached(f"sigv4-botocore-{BOTOCORE}", fetch_botocore)
    crate = cached(f"sigv4-aws-sigv4-{AWS_SIGV4}", fetch_crate)
    suites = zip(WANT, (botocore_vectors(botocore), crate_vectors(crate)), strict=True)
    passed, failed = 0, 0
    for suite, vectors in suites:
        vectors = list(vectors)
        found, bad = differences(suite, vectors, sign(program, vectors))
        if len(found) != WANT[suite]:
            print(f"{suite}: {len(found)} vectors, not {WANT[suite]}")
            failed += 1
        print(f"{suite}: {len(found) - len(bad)} of {len(found)}, {len(vectors)} forms")
        passed += len(found) - len(bad)
        failed += len(bad)
    print(f"sigv4 vectors: {passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

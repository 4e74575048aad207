# SPDX-License-Identifier: Apache-2.0
"""Measures the admission webhook beside a minimal one in Go, and prints a table of both.

    python3 tests/bench/webhook.py TOOLS     TOOLS: the folder that tools/build-bench prints

Same reviews, same load client over TLS, digests that both know already; by turns, medians.
BENCH_JSON=FILE: the rows are added to it as JSON lines.  Standard library only.
"""

import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests/e2e"))
sys.dont_write_bytecode = True

from certificates import Authority  # noqa: E402
from harness import HttpSource, digest, module  # noqa: E402
from processes import LOOPBACK, WASMXDS, Process  # noqa: E402

ROUNDS = 3
CONNECTIONS, REVIEWS = 100, 1000
TICKS = os.sysconf("SC_CLK_TCK")


def review(uri):
    """As kubectl's first apply makes an API server send it."""
    spec = {
        "runtime": "v8",
        "vm_id": "bench",
        "root_id": "bench",
        "plugin_configuration": {"value": json.dumps({"rules": [{"header": "x"}] * 10})},
        "image": {"protocol": "http", "uri": uri},
    }
    owned = {f"f:{key}": {} for key in spec}
    owned["f:image"] = {".": {}, "f:protocol": {}, "f:uri": {}}
    manager = {"manager": "kubectl-client-side-apply", "operation": "Update"}
    manager |= {"apiVersion": "wasmxds.tetrate.io/v1alpha1", "time": "2026-01-02T03:04:05Z"}
    manager |= {"fieldsType": "FieldsV1", "fieldsV1": {"f:spec": owned}}
    identity = {"group": "wasmxds.tetrate.io", "version": "v1alpha1"}
    plain = {"apiVersion": "wasmxds.tetrate.io/v1alpha1", "kind": "WasmExtension"}
    applied = json.dumps({**plain, "metadata": {"name": "bench"}, "spec": spec})
    metadata = {
        "name": "bench",
        "namespace": "default",
        "uid": "4a1f3f4e-7f0e-4f5c-9d0c-1c2d3e4f5a6b",
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "generation": 1,
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": applied},
        "managedFields": [manager],
    }
    request = {
        "uid": "705ab4f5-6393-11e8-b7cc-42010a800002",
        "kind": {**identity, "kind": "WasmExtension"},
        "resource": {**identity, "resource": "wasmextensions"},
        "requestKind": {**identity, "kind": "WasmExtension"},
        "requestResource": {**identity, "resource": "wasmextensions"},
        "name": "bench",
        "namespace": "default",
        "operation": "CREATE",
        "userInfo": {"username": "admin", "groups": ["system:masters", "system:authenticated"]},
        "object": {**plain, "metadata": metadata, "spec": spec},
        "oldObject": None,
        "dryRun": False,
        "options": {"kind": "CreateOptions", "apiVersion": "meta.k8s.io/v1"},
    }
    return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}


class Server(Process):
    """Either webhook; what it prints of its address is found by a pattern."""

    def __init__(self, folder, name, command, pattern):
        super().__init__(name, folder)
        self.command = command
        self.pattern = re.compile(pattern)

    def start(self):
        self.spawn(self.command)
        self.address = self.wait_up(lambda: self.pattern.search(self.log()), "no address")[1]

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def peak_bytes(self):
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) * 1024


def measure(server, tools, authority, body):
    """One round against a fresh process; returns its rows."""
    server.start()
    try:
        load = [pathlib.Path(tools) / "load-webhook", "-address", server.address]
        load += ["-authority", authority.cert, "-body", body, "-want", "JSONPatch"]
        warm = [*load, "-connections", "1", "-reviews", "100"]
        subprocess.run(warm, check=True, capture_output=True)
        before = server.cpu_seconds()
        count = ["-connections", str(CONNECTIONS), "-reviews", str(REVIEWS)]
        said = json.loads(subprocess.check_output([*load, *count]))
        assert said["failed"] == 0, said
        return {
            "webhook_reviews_per_cpu_second": said["reviews"] / (server.cpu_seconds() - before),
            "webhook_reviews_per_second": said["reviews"] / said["seconds"],
            "webhook_p99_seconds": said["p99_seconds"],
            "webhook_rss_bytes": server.peak_bytes(),
        }
    finally:
        server.kill()


UNITS = {
    "webhook_reviews_per_cpu_second": "1/s",
    "webhook_reviews_per_second": "1/s",
    "webhook_p99_seconds": "s",
    "webhook_rss_bytes": "bytes",
}


def main():
    tools = sys.argv[1]
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wasmxds-bench-"))
    source = HttpSource(module())
    try:
        authority = Authority(folder)
        pair = authority.issue("webhook", f"IP:{LOOPBACK}")
        body = folder / "review.json"
        body.write_text(json.dumps(review(source.uri)))
        ours = [WASMXDS, "webhook", "--listen", f"{LOOPBACK}:0", "--admin-listen", ""]
        ours += ["--tls-cert", pair["cert"], "--tls-key", pair["key"]]
        ours += ["--check-access=false", "--allow-loopback", "--cache-ttl=1h"]
        peer = [pathlib.Path(tools) / "peer-webhook", "-cert", pair["cert"], "-key", pair["key"]]
        peer += ["-uri", source.uri, "-digest", digest(module())]
        servers = {
            "ours": Server(folder, "ours", ours, r"msg=serving listen=(\S+)"),
            "peer": Server(folder, "peer", peer, r"(127\.0\.0\.1:\d+)"),
        }
        rounds = {who: [] for who in servers}
        for _ in range(ROUNDS):
            for who, server in servers.items():
                rounds[who].append(measure(server, tools, authority, body))
    finally:
        source.stop()
        shutil.rmtree(folder)
    rows = [
        {
            "name": name,
            **{who: statistics.median(each[name] for each in seen) for who, seen in rounds.items()},
            "unit": unit,
        }
        for name, unit in UNITS.items()
    ]
    print(f"{CONNECTIONS} connections, {REVIEWS} reviews each, over TLS, digests known")
    for row in rows:
        print(f"  {row['name']:32} {row['ours']:14.6g} {row['peer']:14.6g} {row['unit']}")
    if os.environ.get("BENCH_JSON"):
        with open(os.environ["BENCH_JSON"], "a") as out:
            for row in rows:
                print(json.dumps(row), file=out)


if __name__ == "__main__":
    main()

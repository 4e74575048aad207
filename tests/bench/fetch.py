# SPDX-License-Identifier: Apache-2.0
"""Measures `wasmxds fetch` beside `skopeo copy`: one large module from one registry, by turns.

    PYTHON tests/bench/fetch.py

What wasmxds does on top: it checks that the bytes are a Proxy-Wasm module, and commits them synced to
the disk.  BENCH_JSON=FILE appends its rows.
"""

import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests/e2e"))
sys.dont_write_bytecode = True

from harness import extension, padded  # noqa: E402
from processes import WASMXDS  # noqa: E402
from registries import DockerRegistry  # noqa: E402

MIB = 1 << 20
SIZE = 240 * MIB
ROUNDS = 3
SAMPLE = 0.01  # seconds between two looks at a process's memory


def peak_rss(pid):
    """Bytes; 0 where the process is gone.  A child's rusage would count its parent's memory too."""
    try:
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 if "VmHWM" in status else 0


def measure(command):
    """Runs a command to its end; returns its seconds, CPU seconds and peak RSS in bytes."""
    peak = 0
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while True:
        pid, status, usage = os.wait4(child.pid, os.WNOHANG)
        if pid:
            break
        peak = max(peak, peak_rss(child.pid))
        time.sleep(SAMPLE)
    took = time.monotonic() - begin
    if status:
        raise SystemExit(f"bench: {' '.join(command)} failed")
    return took, usage.ru_utime + usage.ru_stime, peak


def run(folder):
    registry = DockerRegistry(folder)
    registry.start()
    try:
        return compare(folder, registry)
    finally:
        registry.kill()


def compare(folder, registry):
    module = folder / "module.wasm"
    module.write_bytes(padded(random.Random(1).randbytes(SIZE)))
    subprocess.run(
        [WASMXDS, "push", str(module), f"{registry.host}/bench:v1"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    module.unlink()
    manifest = folder / "filter.yaml"
    manifest.write_text(extension(protocol="oci", uri=f"{registry.host}/bench:v1"))
    ours, peers = [], []
    for _ in range(ROUNDS):
        store, copy = folder / "store", folder / "copy"
        command = [WASMXDS, "fetch", "--allow-loopback", "--store", store, manifest]
        ours.append(measure([str(word) for word in command]))
        source = f"docker://{registry.host}/bench:v1"
        command = ["skopeo", "--insecure-policy", "copy", "--quiet", "--src-tls-verify=false"]
        peers.append(measure([*command, source, f"dir:{copy}"]))
        shutil.rmtree(store)
        shutil.rmtree(copy)
    return [list(map(statistics.median, zip(*side))) for side in (ours, peers)]


def main():
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wasmxds-bench-"))
    try:
        ours, peer = run(folder)
    finally:
        shutil.rmtree(folder)
    print(f"{'fetch of 240 MiB from docker-registry':<58}{'wasmxds':>12}{'skopeo':>12}{'ratio':>8}")
    mine, other = SIZE / MIB / ours[0], SIZE / MIB / peer[0]
    print(f"{'throughput':<58}{mine:>7.0f} MB/s{other:>7.0f} MB/s{mine / other:>8.2f}")
    print(f"{'CPU seconds':<58}{ours[1]:>10.2f} s{peer[1]:>10.2f} s{ours[1] / peer[1]:>8.2f}")
    mine, other = ours[2] / MIB, peer[2] / MIB
    print(f"{'peak RSS':<58}{mine:>8.1f} MiB{other:>8.1f} MiB{mine / other:>8.2f}")
    if os.environ.get("BENCH_JSON"):
        names = (("fetch_seconds", "seconds"), ("fetch_cpu_seconds", "seconds"))
        names += (("fetch_peak_rss_bytes", "bytes"),)
        with open(os.environ["BENCH_JSON"], "a") as out:
            for (name, unit), mine, other in zip(names, ours, peer):
                row = {"name": name, "ours": mine, "peer": other, "unit": unit}
                print(json.dumps(row), file=out)


if __name__ == "__main__":
    main()

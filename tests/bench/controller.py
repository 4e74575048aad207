# SPDX-License-Identifier: Apache-2.0
"""Measures `wasmxds controller` idle, on a real API server, at 10, 1,000 and 10,000 extensions.

    PYTHON tests/bench/controller.py [NUMBER…]

BENCH_JSON=FILE appends its rows.  The figure beside them is a stated one: docs/bench.md says whose.
"""

import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests/e2e"))
sys.dont_write_bytecode = True

from cluster import GROUP, Cluster  # noqa: E402
from fleet import Controller  # noqa: E402
from harness import module  # noqa: E402
from processes import wait_until  # noqa: E402

KIB, MIB = 1 << 10, 1 << 20
NUMBERS = (10, 1000, 10000)
STATED_RSS = 42 * MIB  # of the original, idle
IDLE_SECONDS = 20
PATIENCE = 600  # seconds, for one number of extensions to be programmed
WRITERS = 4
TICKS = os.sysconf("SC_CLK_TCK")


def memory(pid):
    """What is resident, by kind, in bytes: of its own, and of files that others may share."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in text.splitlines())
    return {kind: int(fields[kind].split()[0]) * KIB for kind in ("VmRSS", "RssAnon", "RssFile")}


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def create(cluster, namespace, i):
    spec = {"runtime": "v8", "vm_id": f"bench-{i}", "root_id": "bench"}
    spec["plugin_configuration"] = {"value": f"value {i}"}
    spec["image"] = {"protocol": "local_fs", "uri": "filter.wasm"}
    metadata = {"name": f"ext-{i:05}"}
    path = f"{GROUP}/namespaces/{namespace}/wasmextensions"
    cluster.create(path, "wasmxds.tetrate.io/v1alpha1", "WasmExtension", metadata, spec=spec)


class Bench:
    def __init__(self, folder, cluster):
        self.folder = folder
        self.cluster = cluster
        self.namespace = cluster.namespace()
        self.made = 0
        modules = folder / "modules"
        modules.mkdir()
        (modules / "filter.wasm").write_bytes(module())
        account = cluster.apply_roles(self.namespace) + "-controller"
        lease, kubeconfig = (self.namespace, account), cluster.account(self.namespace, account)
        flags = ["--module-root", modules]
        self.controller = Controller(folder, folder / "store", lease, kubeconfig, flags)

    def fill(self, number):
        with concurrent.futures.ThreadPoolExecutor(WRITERS) as pool:
            todo = range(self.made, number)
            list(pool.map(lambda i: create(self.cluster, self.namespace, i), todo))
        self.made = number

    def settle(self, number):
        """Until all are programmed and their status is written."""
        want = {
            f'wasmxds_controller_extensions{{reason="Programmed"}} {number}',
            "wasmxds_controller_status_waiting 0",
        }

        def settled():
            if not self.controller.running:  # where the machine had no time for its Lease
                self.controller.start()
            return want <= set(self.controller.admin("/metrics").body.splitlines())

        wait_until(settled, f"{number} extensions programmed", PATIENCE)

    def measure(self, number):
        """Returns what is resident and the CPU time by the second: of a controller that took all
        of them in, and of one that came back to them."""
        self.fill(number)
        self.controller.start()
        self.settle(number)
        peak = memory(self.controller.pid)["VmRSS"]
        self.controller.restart()
        self.settle(number)
        time.sleep(2)
        before = cpu_seconds(self.controller.pid)
        time.sleep(IDLE_SECONDS)
        spent = cpu_seconds(self.controller.pid) - before
        seen = memory(self.controller.pid)
        self.controller.stop()
        return {**seen, "peak": peak, "cpu": spent / IDLE_SECONDS}

    def end(self):
        if self.controller.running:
            self.controller.kill()
        self.controller.port.release()


def run(numbers):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wasmxds-bench-"))
    cluster = Cluster()
    bench = None
    try:
        cluster.start()
        bench = Bench(folder, cluster)
        results = {}
        for number in numbers:
            results[number] = bench.measure(number)
            report(number, results[number])
        return results
    finally:
        if bench:
            bench.end()
        cluster.stop()
        shutil.rmtree(folder)


def report(number, seen):
    rss = seen["VmRSS"]
    print(
        f"{f'controller, {number:,} extensions, idle: RSS':<58}{rss / MIB:>8.1f} MiB"
        f"{STATED_RSS / MIB:>8.1f} MiB{rss / STATED_RSS:>8.2f}\n"
        f"{'  its own / of files':<58}{seen['RssAnon'] / MIB:>8.1f} MiB"
        f"{seen['RssFile'] / MIB:>8.1f} MiB\n"
        f"{'  after it took them in':<58}{seen['peak'] / MIB:>8.1f} MiB\n"
        f"{'  CPU':<58}{seen['cpu'] * 100:>9.2f} %",
        flush=True,
    )


def main():
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    print(f"{'controller, beside the stated figure':<58}{'wasmxds':>12}{'stated':>12}{'ratio':>8}")
    results = run([int(word) for word in sys.argv[1:]] or NUMBERS)
    if os.environ.get("BENCH_JSON"):
        with open(os.environ["BENCH_JSON"], "a") as out:
            for number, seen in results.items():
                rss = {"name": f"controller_rss_bytes_{number}", "ours": seen["VmRSS"]}
                print(json.dumps({**rss, "peer": STATED_RSS, "unit": "bytes"}), file=out)
                cpu = {"name": f"controller_cpu_ratio_{number}", "ours": seen["cpu"]}
                print(json.dumps({**cpu, "peer": None, "unit": "CPUs"}), file=out)


if __name__ == "__main__":
    main()

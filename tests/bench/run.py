# SPDX-License-Identifier: Apache-2.0
"""Measures wasmxds beside a go-control-plane LinearCache server, and prints a table of both.

    python3 tests/bench/run.py TOOLS     TOOLS: the folder that tools/build-bench prints

Same modules, same load client, the two by turns, medians; docs/bench.md says what each load is.
BENCH_JSON=FILE writes the rows that have a name there as JSON lines.  Standard library only.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import pathlib
import resource
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

TREE = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TREE / "tests/e2e"))
sys.dont_write_bytecode = True

from load_client import PATIENCE, Clients  # noqa: E402
from processes import FILTER, LOOPBACK, WASMXDS, HeldPort, Process, wait_until  # noqa: E402

MEMORY = "/dev/shm"
KIB, MIB = 1024, 1024 * 1024
TICKS = os.sysconf("SC_CLK_TCK")

MANIFEST = """\
apiVersion: wasmxds.tetrate.io/v1alpha1
kind: WasmExtension
metadata:
  namespace: bench
  name: {name}
spec:
  runtime: v8
  vm_id: bench/{name}
  root_id: bench
  plugin_configuration:
    value: {value}
  image:
    protocol: local_fs
    uri: {module}
    sha256: {sha256}
"""


@dataclasses.dataclass(frozen=True)
class Load:
    """What both serve, and to whom."""

    extensions: int
    distinct: int  # modules that the extensions have among them
    module_bytes: int
    clients: int
    rounds: int = 3


FLEET = Load(extensions=10, distinct=10, module_bytes=MIB, clients=200)
IDLE = Load(extensions=1, distinct=1, module_bytes=0, clients=2000)
SMALL = Load(extensions=1000, distinct=1000, module_bytes=16 * KIB, clients=1)
LARGE = Load(extensions=1000, distinct=1000, module_bytes=256 * KIB, clients=1)
FEW = Load(extensions=10, distinct=1, module_bytes=0, clients=1, rounds=5)
MANY = Load(extensions=10000, distinct=1, module_bytes=0, clients=1, rounds=5)


def leb128(number):
    out = bytearray()
    while True:
        number, low = number >> 7, number & 0x7F
        out.append(low | (0x80 if number else 0))
        if not number:
            return bytes(out)


def make_module(at_least):
    """The example filter, brought to that size by a custom section that nothing compresses."""
    module = FILTER.read_bytes()
    name = b"\x05bench"
    padding = max(at_least - len(module) - len(name) - 5, 0)
    return module + b"\0" + leb128(len(name) + padding) + name + os.urandom(padding)


class Stage:
    """A folder with what a load serves: modules, manifests, and the store made of them."""

    def __init__(self, folder, load):
        self.load = load
        self.folder = pathlib.Path(tempfile.mkdtemp(dir=folder))
        self.modules = self.folder / "modules"
        self.manifests = self.folder / "manifests"
        self.store = self.folder / "store"
        self.changes = 0
        self.modules.mkdir()
        self.manifests.mkdir()
        self.sha256 = []
        for i in range(load.distinct):
            module = make_module(load.module_bytes)
            self.sha256.append(hashlib.sha256(module).hexdigest())
            (self.modules / f"{i:05}.wasm").write_bytes(module)
        for i in range(load.extensions):
            self.write_manifest(i)

    def write_manifest(self, i):
        which = i % self.load.distinct
        text = MANIFEST.format(
            name=f"ext-{i:05}",
            value=f"value {self.changes}",
            module=f"{which:05}.wasm",
            sha256=self.sha256[which],
        )
        new = self.folder / "manifest.new"
        new.write_text(text)
        new.replace(self.manifests / f"{i:05}.yaml")

    def fill_store(self):
        """Lets wasmxds take every module in, as its first start ever would.

        In memory where there is room, because that start syncs each file to the disk.
        """
        store, room = self.store, 4 * self.load.distinct * self.load.module_bytes + 256 * MIB
        if os.path.isdir(MEMORY) and shutil.disk_usage(MEMORY).free > room:
            in_memory = tempfile.mkdtemp(prefix="wasmxds-bench-", dir=MEMORY)
            self.store = pathlib.Path(in_memory) / "store"
        try:
            server = Ours(self, [])
            with running(server):
                server.start()
                server.wait_programmed(self.load.extensions)
            if self.store != store:
                shutil.copytree(self.store, store)
        finally:
            if self.store != store:
                shutil.rmtree(self.store.parent)  # with the key that was made beside it
            self.store = store


@contextlib.contextmanager
def running(*servers):
    """Ends the servers that run when the block is left, however it is left."""
    try:
        yield
    finally:
        for server in servers:
            server.end()


class Server(Process):
    """One of the two that are compared, on a port that survives its restarts."""

    def __init__(self, name, stage):
        super().__init__(name, stage.folder)
        self.stage = stage
        self.port = HeldPort()
        self.address = f"{LOOPBACK}:{self.port.number}"

    def start(self):
        self.launch()
        self.wait_up(lambda: self.serving in self.log(), f"no {self.serving!r} in its log")

    def restart(self):
        self.stop()
        self.start()

    def end(self):
        if self.running:
            self.stop()
        self.port.release()

    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def memory(self, field):
        """VmRSS or VmHWM (the most that VmRSS ever was), in bytes."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) * KIB
        raise AssertionError(f"no {field} of {self.name}")


class Ours(Server):
    """`wasmxds run`, as a user starts it."""

    serving = "msg=serving"

    def __init__(self, stage, tls):
        super().__init__("wasmxds", stage)
        self.flags = [f"--tls-{kind}={file}" for kind, file in tls]

    def launch(self):
        places = [f"--store={self.stage.store}", f"--module-root={self.stage.modules}"]
        listen = f"--listen={self.address}"
        admin = f"--admin-listen={LOOPBACK}:0"
        self.spawn([WASMXDS, "run", listen, admin, *places, *self.flags, self.stage.manifests])

    def wait_programmed(self, extensions):
        def programmed():
            return self.log().count('msg="extension programmed"') >= extensions

        wait_until(programmed, f"{extensions} extensions programmed", PATIENCE)

    def update(self):
        self.stage.changes += 1
        self.stage.write_manifest(0)


class Peer(Server):
    serving = "serving\n"

    def __init__(self, stage, tls, tool):
        super().__init__("peer", stage)
        self.tool = tool
        self.flags = [f"--tls-{kind}={file}" for kind, file in tls]

    def launch(self):
        load = self.stage.load
        counts = [f"--extensions={load.extensions}", f"--distinct={load.distinct}"]
        listen = f"--listen={self.address}"
        self.spawn([self.tool, listen, f"--modules={self.stage.modules}", *counts, *self.flags])

    def update(self):
        self.child.send_signal(signal.SIGHUP)


class Results:
    """Figures by row and side.  A row with a name goes into the JSON, all go into the table."""

    def __init__(self):
        self.rows = {}

    def add(self, prefix, name, what, unit, side, value):
        key = (prefix + name if name else "", f"{what}{', TLS' if prefix else ''}", unit)
        self.rows.setdefault(key, {}).setdefault(side, []).append(value)

    def medians(self):
        for (name, what, unit), sides in self.rows.items():
            yield name, what, unit, *(statistics.median(sides[s]) for s in ("wasmxds", "peer"))

    def print(self):
        print(f"{'load':<58}{'wasmxds':>12}{'peer':>12}{'ratio':>8}")
        for _, what, unit, ours, peer in self.medians():
            ratio = f"{ours / peer:.2f}" if peer else "-"
            print(f"{what:<58}{show(ours, unit):>12}{show(peer, unit):>12}{ratio:>8}")

    def write(self, path):
        with open(path, "w") as out:
            for name, _, unit, ours, peer in self.medians():
                if name:
                    row = {"name": name, "ours": ours, "peer": peer, "unit": unit}
                    print(json.dumps(row), file=out)


def show(value, unit):
    if unit == "seconds":
        return f"{value:.2f} s" if value >= 1 else f"{value * 1000:.1f} ms"
    for size, suffix in ((1024 * MIB, "GiB"), (MIB, "MiB"), (KIB, "KiB")):
        if value >= size:
            return f"{value / size:.1f} {suffix}"
    return f"{value:.0f} B"


class Bench:
    """The loads over one transport."""

    def __init__(self, tools, results, tls=()):
        self.tools = tools
        self.results = results
        self.tls = tls
        self.prefix = "tls_" if tls else ""

    def note(self, server, name, what, unit, value):
        self.results.add(self.prefix, name, what, unit, server.name, value)

    def pair(self, stage):
        return Ours(stage, self.tls), Peer(stage, self.tls, self.tools / "peer")

    def by_turns(self, stage):
        """Each of the two alone, one after the other, again and again."""
        for _ in range(stage.load.rounds):
            yield from self.pair(stage)

    def clients(self, server, delta=False, names=None):
        load = server.stage.load
        names = names or load.extensions
        return Clients(self.tools / "load", server, load.clients, names, self.tls, delta)

    def change(self, server, clients):
        """Updates extension 0; returns the seconds until every client has it, and their answer."""
        time.sleep(0.3)  # a change of its own, not one of a burst
        clients.say("next")
        begin = time.monotonic_ns()
        server.update()
        got = clients.answer()
        return (got["last_ns"] - begin) / 1e9, got

    def fleet(self, stage):
        for server in self.by_turns(stage):
            with running(server):
                server.start()
                with self.clients(server) as clients:
                    self.first_sync(server, clients)
                    self.reconnect(server, clients)
                server.restart()
                with self.clients(server, delta=True) as clients:
                    self.update(server, clients)

    def first_sync(self, server, clients):
        load = "200 x 10 x 1 MiB, first sync"
        clients.do("connect")
        before = server.cpu_seconds()
        got = clients.do("sync")
        cpu = server.cpu_seconds() - before
        peak = server.memory("VmHWM")
        self.note(server, "first_sync_seconds", f"{load}: time", "seconds", got["seconds"])
        self.note(server, "", f"{load}: bytes", "bytes", got["bytes"])
        self.note(server, "first_sync_cpu_seconds", f"{load}: CPU", "seconds", cpu)
        self.note(server, "first_sync_peak_rss_bytes", f"{load}: peak RSS", "bytes", peak)

    def reconnect(self, server, clients):
        clients.do("drop")
        server.restart()
        got = clients.do("reconnect 2")
        what = "all reconnect, server restarted: bytes"
        self.note(server, "reconnect_bytes", what, "bytes", got["bytes"])

    def update(self, server, clients):
        got = clients.connect_and_sync()
        what = "200 x 10 x 1 MiB, first sync, Delta: time"
        self.note(server, "", what, "seconds", got["seconds"])
        took, got = self.change(server, clients)
        what = "one of ten updated, until the last of 200 has it"
        self.note(server, "update_last_client_seconds", what, "seconds", took)
        self.note(server, "", "one of ten updated: bytes", "bytes", got["bytes"])

    def idle(self, stage):
        what = "2,000 idle connections: RSS of each"
        for server in self.by_turns(stage):
            with running(server):
                server.start()
                before = server.memory("VmRSS")
                with self.clients(server) as clients:
                    clients.connect_and_sync()
                    time.sleep(1)  # what was only needed to connect may be given back
                    each = (server.memory("VmRSS") - before) / stage.load.clients
            self.note(server, "idle_connection_bytes", what, "bytes", each)

    def cold_start(self, stage, name, size):
        load = f"cold start, 1,000 x {size}"
        for server in self.by_turns(stage):
            with running(server), self.clients(server, names=1) as clients:
                clients.say("connect\nsync")  # it waits for the server
                begin = time.monotonic_ns()
                server.launch()
                clients.answer()
                took = (clients.answer()["last_ns"] - begin) / 1e9
                peak = server.memory("VmHWM")
            self.note(server, name, f"{load}: first response", "seconds", took)
            self.note(server, "", f"{load}: peak RSS", "bytes", peak)

    def update_among(self, stage, name):
        what = f"one of {stage.load.extensions:,} updated, until a client of all has it"
        pair = self.pair(stage)
        with running(*pair), contextlib.ExitStack() as stack:
            fleets = []
            for server in pair:
                server.start()
                fleets.append(stack.enter_context(self.clients(server, delta=True)))
                fleets[-1].connect_and_sync()
            for server, clients in list(zip(pair, fleets)) * stage.load.rounds:
                took, _ = self.change(server, clients)
                self.note(server, name, what, "seconds", took)

    def run(self, stages):
        self.fleet(stages[FLEET])
        self.idle(stages[IDLE])
        self.cold_start(stages[SMALL], "", "16 KiB")
        self.cold_start(stages[LARGE], "cold_start_seconds", "256 KiB")
        self.update_among(stages[FEW], "")
        self.update_among(stages[MANY], "update_among_10000_seconds")


def make_certificate(folder):
    """A key of P-256 and its certificate for 127.0.0.1, which is its own authority."""
    tls = [(kind, folder / f"{kind}.pem") for kind in ("cert", "key")]
    command = ["openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=bench"]
    command += ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]
    command += ["-addext", f"subjectAltName=IP:{LOOPBACK}"]
    command += ["-out", tls[0][1], "-keyout", tls[1][1]]
    subprocess.run(command, check=True, stderr=subprocess.DEVNULL)
    return tls


def serves_tls():
    help_text = subprocess.run([WASMXDS, "run", "--help"], capture_output=True, text=True).stdout
    return "--tls-cert" in help_text and "--tls-key" in help_text


def say(text):
    print(f"bench: {text}", file=sys.stderr, flush=True)


def raise_descriptor_limit():
    """A socket for each client, here and in the servers, which inherit it."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def prepare(folder):
    stages = {}
    for load in (FLEET, IDLE, SMALL, LARGE, FEW, MANY):
        say(f"filling a store of {load.extensions:,} extensions")
        stages[load] = Stage(folder, load)
        stages[load].fill_store()
    return stages


def main():
    tools = pathlib.Path(sys.argv[1])
    results = Results()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wasmxds-bench-"))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    raise_descriptor_limit()
    try:
        stages = prepare(folder)
        say("measuring")
        Bench(tools, results).run(stages)
        if serves_tls():
            say("measuring over TLS")
            Bench(tools, results, make_certificate(folder)).run(stages)
        else:
            say("nothing is measured over TLS: this wasmxds has no --tls-cert and --tls-key")
    finally:
        shutil.rmtree(folder)
    results.print()
    if os.environ.get("BENCH_JSON"):
        results.write(os.environ["BENCH_JSON"])


if __name__ == "__main__":
    main()

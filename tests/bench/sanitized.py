# SPDX-License-Identifier: Apache-2.0
"""Runs the load client against a wasmxds that was built with a sanitizer, which looks on.

    WASMXDS=build/asan/wasmxds python3 tests/bench/sanitized.py TOOLS

SotW and Delta, in plain text and over TLS: a small fleet connects, syncs, is updated, comes back with
what it holds, and in the end goes in the middle of a sync.  A report of the sanitizer fails the run,
and so does any other exit code than 0.  The last line says how many of the four passed.
"""

import pathlib
import shutil
import signal
import sys
import tempfile

from load_client import Clients
from run import KIB, WASMXDS, Load, Ours, Stage, make_certificate, running

LOAD = Load(extensions=6, distinct=3, module_bytes=256 * KIB, clients=40)
UPDATES = 5
REPORTS = ("Sanitizer", "runtime error:")


def sync(tools, server, delta, tls):
    """The whole life of a fleet; returns what it counted."""
    load = server.stage.load
    with Clients(tools / "load", server, load.clients, load.extensions, tls, delta) as clients:
        got = clients.connect_and_sync()
        assert got["resources"] == load.clients * load.extensions, got
        for _ in range(UPDATES):
            clients.say("next")
            server.update()
            assert clients.answer()["resources"] >= load.clients
        clients.do("drop")
        assert clients.do("reconnect 0.5")["resources"] == 0, "sent again what they held"
    with Clients(tools / "load", server, load.clients, load.extensions, tls, delta) as clients:
        clients.do("connect")
        clients.say("sync")  # and is killed with responses on their way


def run(tools, stage, delta, tls):
    server = Ours(stage, tls)
    with running(server):
        server.start()
        sync(tools, server, delta, tls)
        code = server.stop()
    log = server.log()
    reported = [line for line in log.splitlines() if any(word in line for word in REPORTS)]
    assert not reported, log[-20000:]
    assert code == 0, f"exit code {code}: {log[-2000:]}"


def main():
    tools = pathlib.Path(sys.argv[1])
    folder = pathlib.Path(tempfile.mkdtemp(prefix="wasmxds-load-"))
    passed = failed = 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        stage = Stage(folder, LOAD)
        stage.fill_store()
        certificate = make_certificate(folder)
        for delta in (False, True):
            for tls in ((), certificate):
                what = f"{'Delta' if delta else 'SotW'}{', TLS' if tls else ''}"
                try:
                    run(tools, stage, delta, tls)
                except AssertionError as e:
                    failed += 1
                    print(f"{what}: {e}")
                else:
                    passed += 1
    finally:
        shutil.rmtree(folder)
    print(f"load on {WASMXDS.parent.name}: {passed} passed, {failed} failed")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()

# SPDX-License-Identifier: Apache-2.0
"""The load client, tests/bench/load, as a child."""

import json
import select
import subprocess

PATIENCE = 300  # seconds, for one step of a load


class Clients:
    """The load client: it takes commands as lines, and answers each when it is done."""

    def __init__(self, tool, server, clients, names, tls, delta=False):
        flags = [f"--tls-ca={file}" for kind, file in tls if kind == "cert"]
        flags += ["--delta"] if delta else []
        counts = [f"--clients={clients}", f"--names={names}"]
        self.log = (server.folder / "load.log").open("w+b")
        self.child = subprocess.Popen(
            [tool, f"--address={server.address}", *counts, *flags],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.log,
            bufsize=0,  # or select() would not see an answer that came with the one before
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.kill()
        self.child.wait()
        self.child.stdin.close()
        self.child.stdout.close()
        self.log.close()

    def say(self, command):
        self.child.stdin.write(f"{command}\n".encode())

    def answer(self):
        if not select.select([self.child.stdout], [], [], PATIENCE)[0]:
            raise AssertionError(f"the load client did not answer within {PATIENCE} s")
        line = self.child.stdout.readline()
        if not line:
            self.log.seek(0)
            raise AssertionError(f"the load client ended: {self.log.read().decode()}")
        return json.loads(line)

    def do(self, command):
        self.say(command)
        return self.answer()

    def connect_and_sync(self):
        self.do("connect")
        return self.do("sync")

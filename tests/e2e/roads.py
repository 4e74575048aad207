# SPDX-License-Identifier: Apache-2.0
"""A port of ours that leads to another one, and what can become of those who take it."""

import contextlib
import select
import socket
import threading

from processes import LOOPBACK

CHUNK = 65536
LOOK = 0.05  # seconds between two looks at what has changed


class Road:
    """Leads nowhere at first: it takes no connection, and refuses none either."""

    def __init__(self):
        self.listener = socket.create_server((LOOPBACK, 0), backlog=0)
        self.port = self.listener.getsockname()[1]
        self.host = f"{LOOPBACK}:{self.port}"
        self.target = None
        self.lag = 0
        self.portion = CHUNK
        self.ending = threading.Event()
        self.fillers = []
        self._fill()
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def lead_to(self, port, lag=0, portion=CHUNK):
        """lag: seconds that each portion of what comes back takes."""
        self.lag = lag
        self.portion = portion
        self.target = port

    def close(self):
        self.ending.set()
        self.thread.join()
        self.listener.close()

    def _fill(self):
        """Fills the queue of those who wait to be taken, so that who comes next is not heard."""
        while True:
            client = socket.socket()
            self.fillers.append(client)
            client.settimeout(0.3)
            try:
                client.connect((LOOPBACK, self.port))
            except TimeoutError:
                return

    def _serve(self):
        while not self.ending.wait(LOOK):
            while self.target and select.select([self.listener], [], [], 0)[0]:
                for each in self.fillers:
                    each.close()
                self.fillers.clear()
                client, _ = self.listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _carry(self, client):
        with contextlib.suppress(OSError), client:
            with socket.create_connection((LOOPBACK, self.target)) as server:
                others = {client: server, server: client}
                while True:
                    ready, _, _ = select.select([client, server], [], [])
                    for each in ready:
                        lag = self.lag if each is server else 0
                        if lag and self.ending.wait(lag):
                            return
                        data = each.recv(self.portion if lag else CHUNK)
                        if not data:
                            return
                        others[each].sendall(data)

# SPDX-License-Identifier: Apache-2.0
"""wasmxds and Envoy as child processes: started, looked at and stopped by pid.

Standard library only, because tools/demo uses it too.
"""

import collections
import copy
import errno
import http.client
import http.server
import json
import os
import pathlib
import pty
import re
import signal
import socket
import subprocess
import sys
import threading
import time

TREE = pathlib.Path(__file__).resolve().parents[2]


def venv():
    """The folder of the Python environment that tools/setup makes."""
    command = [TREE / "tools/setup", "venv"]
    return pathlib.Path(subprocess.check_output(command, text=True).strip())


WASMXDS = pathlib.Path(os.environ.get("WASMXDS") or TREE / "build/release/wasmxds")
FILTER = pathlib.Path(os.environ.get("WASMXDS_FILTER") or TREE / "build/filters/header-filter.wasm")
ENVOY = pathlib.Path(os.environ.get("ENVOY") or venv() / "bin/envoy")

# Seconds for what takes far less, on a machine that has other things to do.
LIMIT = int(os.environ.get("E2E_LIMIT") or 30)
LOOPBACK = "127.0.0.1"


def check_built():
    """Says what to run where one of the three is missing."""
    for needed, how in ((WASMXDS, "make"), (FILTER, "make"), (ENVOY, "tools/setup demo")):
        if not needed.exists():
            raise AssertionError(f"{needed} is missing: run {how}")


def wait_until(condition, what, limit=LIMIT):
    """Polls until condition() is true and returns what it returned."""
    deadline = time.monotonic() + limit
    while True:
        try:
            seen = condition()
        except (OSError, http.client.HTTPException) as e:  # nobody answers yet
            seen = e
        if seen and not isinstance(seen, Exception):
            return seen
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {limit} s")
        time.sleep(0.02)


def in_time(seconds, attempt, tries=3):
    """Calls attempt(0), attempt(1) and so on, which return how long they took, until one is in time.

    What is slow by itself is slow each time; a machine that is busy for a moment is not.
    """
    took = []
    while not took or (min(took) >= seconds and len(took) < tries):
        took.append(attempt(len(took)))
    assert min(took) < seconds, f"took {took} s, not less than {seconds}"


def wait_equal(probe, want, what, limit=LIMIT):
    """Polls until probe() returns want, and returns the seconds that it took.

    Says what it returned last when it never does.
    """
    began = time.monotonic()
    last = None

    def reached():
        nonlocal last
        last = probe()
        return last == want

    try:
        wait_until(reached, what, limit)
    except AssertionError as e:
        raise AssertionError(f"{e}: want {want!r}, last seen {last!r}") from None
    return time.monotonic() - began


def parse_logfmt(line):
    """Returns the fields of one log line."""
    pairs = re.findall(r'([A-Za-z0-9_.]+)=("(?:[^"\\]|\\.)*"|\S*)', line)
    return {key: json.loads(value) if value[:1] == '"' else value for key, value in pairs}


def run_on_terminal(command):
    """Runs a command whose standard error is a terminal; returns the ended process."""
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=LIMIT)
        os.close(theirs)
        done.stderr = b"".join(iter(lambda: _read_terminal(ours), b""))
    finally:
        os.close(ours)
    return done


def _read_terminal(ours):
    """The next piece of what was written: the kernel hands it on in some, and some of them late."""
    try:
        return os.read(ours, 4096)
    except OSError as e:
        if e.errno != errno.EIO:  # as at the end, where the other end is closed
            raise
        return b""


class HeldPort:
    """A port of our own that survives its server's restarts.

    The socket is bound and never listens: nobody else is given the port, a connection to it is
    refused, and a server that sets SO_REUSEADDR, as gRPC does, can still bind it.
    """

    def __init__(self):
        self._socket = socket.socket()
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._socket.bind((LOOPBACK, 0))
        self.number = self._socket.getsockname()[1]

    def release(self):
        self._socket.close()


class Meanwhile(threading.Thread):
    """Base of what goes on while a with block runs: run() returns once ending is set."""

    def __init__(self):
        super().__init__(daemon=True)
        self.ending = threading.Event()

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.join()


class HttpServer(http.server.ThreadingHTTPServer):
    """On loopback; what its clients go away from is no error of the test."""

    def __init__(self, handler):
        super().__init__((LOOPBACK, 0), handler)

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class WebServer:
    """A web server on loopback, in a thread of its own; base of those that play somebody."""

    def serve(self, handler):
        """Starts it; returns "HOST:PORT"."""
        self.server = HttpServer(handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        return f"{LOOPBACK}:{self.server.server_address[1]}"

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Process:
    """A child whose output goes to a file, a new one each time it starts."""

    def __init__(self, name, folder):
        self.name = name
        self.folder = pathlib.Path(folder)
        self.child = None
        self.starts = 0
        self.stopped = False  # by us

    @property
    def pid(self):
        return self.child.pid

    @property
    def running(self):
        return self.child is not None and self.child.poll() is None

    @property
    def log_file(self):
        return self.folder / f"{self.name}.{self.starts}.log"

    def log(self):
        return self.log_file.read_text(errors="replace") if self.starts else ""

    def spawn(self, argv):
        assert not self.running, f"{self.name} runs already"
        self.starts += 1
        self.stopped = False
        with self.log_file.open("wb") as log:
            self.child = subprocess.Popen(
                [str(arg) for arg in argv], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def wait_up(self, condition, what):
        """Waits for condition(), but no longer than the process lives."""

        def up():
            if not self.running:
                code = self.child.returncode
                raise AssertionError(f"{self.name} ended with {code}: {self.log()}")
            return condition()

        return wait_until(up, f"{self.name}: {what}")

    def processor_seconds(self):
        """What it has used so far, of all processors."""
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self, signum=signal.SIGTERM, limit=LIMIT):
        """Returns the exit code, which is negative for a signal."""
        self.stopped = self.running
        self.child.send_signal(signum)
        try:
            return self.child.wait(limit)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
            problem = f"{self.name} did not end within {limit} s of {signum!r}"
            raise AssertionError(problem) from None

    def kill(self):
        self.stop(signal.SIGKILL)


class Wasmxds(Process):
    """`wasmxds run` over a folder of manifests."""

    def __init__(self, folder, manifests, flags=(), name="wasmxds"):
        super().__init__(name, folder)
        self.manifests = manifests
        self.flags = flags
        self.port = HeldPort()

    def start(self):
        listen = f"{LOOPBACK}:{self.port.number}"
        ports = ["--listen", listen, "--admin-listen", f"{LOOPBACK}:0"]
        self.spawn([WASMXDS, "run", *ports, *self.flags, self.manifests])
        serving = self.wait_up(lambda: self.records(msg="serving"), "no line with msg=serving")[0]
        self.admin_port = int(serving["admin"].rpartition(":")[2])

    def restart(self):
        self.stop()
        self.start()

    def admin(self, path, body=None):
        return fetch(self.admin_port, path, body)

    def clients(self):
        """What each stream subscribes to, by node and name."""
        report = json.loads(self.admin("/clients").body)
        return {
            (client["node"], resource["name"]): resource
            for client in report["clients"]
            for resource in client["resources"]
        }

    def metric(self, name):
        found = re.search(rf"^{re.escape(name)} (\S+)$", self.admin("/metrics").body, re.M)
        return float(found[1])

    def records(self, **fields):
        """The log lines of this start that have all these fields."""
        lines = (parse_logfmt(line) for line in self.log().splitlines())
        return [line for line in lines if fields.items() <= line.items()]

    def wait_record(self, **fields):
        return self.wait_up(lambda: self.records(**fields), f"no log line with {fields}")[0]


Answer = collections.namedtuple("Answer", "status headers body")


class Envoy(Process):
    """An Envoy that answers 200 itself, behind filters that it asks wasmxds for.

    transport: grpc, delta, ads, ads-delta or rest (xds_port is then the admin port).  network: the
    filters are network filters, before an echo.  tls: certificate files, see transport_socket().
    dynamic: the listener is read from a file, so that set_filters() can change it.  It binds port 0
    and says where it listens, so a restart moves it.  node: its id, where not the name.
    """

    def __init__(
        self,
        folder,
        xds_port,
        filters,
        transport="grpc",
        fetch_timeout=15,
        network=False,
        tls=None,
        unified_mux=False,
        dynamic=False,
        host=LOOPBACK,
        name="envoy",
        node=None,
    ):
        super().__init__(name, folder)
        self.filters = filters
        self.bootstrap = self.folder / f"{name}.json"
        config = bootstrap(node or name, filters, transport, fetch_timeout, network)
        config["static_resources"]["clusters"] = [cluster(xds_port, transport != "rest", host)]
        if unified_mux:
            config["layered_runtime"] = {"layers": [UNIFIED_MUX]}
        if dynamic:
            listener_file = self.folder / f"{name}.lds.json"
            self.listener = config["static_resources"]["listeners"].pop()
            config["dynamic_resources"]["lds_config"] = {
                "resource_api_version": "V3",
                "path_config_source": {"path": str(listener_file)},
            }
            self.listener_file = listener_file
            self.set_filters(*filters)
        if tls:
            config["static_resources"]["clusters"][0]["transport_socket"] = transport_socket(**tls)
        self.bootstrap.write_text(json.dumps(config, indent=1))
        self.admin_port = None
        self.port = None

    def start(self, ready=True):
        """ready=False returns as soon as the admin port answers."""
        address = self.folder / f"{self.name}.admin"
        address.unlink(missing_ok=True)
        command = [ENVOY, "-c", self.bootstrap, "--concurrency", 1, "--log-level", "warning"]
        command += ["--drain-time-s", 1, "--drain-strategy", "immediate"]
        self.spawn([*command, "--disable-hot-restart", "--admin-address-path", address])
        self.wait_up(lambda: address.exists() and address.read_text(), "no admin address")
        self.admin_port = int(address.read_text().rpartition(":")[2])
        self.port = self.wait_up(self._listener_port, "no listener")
        if ready:
            self.wait_up(self.ready, "not ready")

    def restart(self):
        self.stop()
        self.start()

    def set_filters(self, *names):
        """Changes a dynamic listener: of its filters, those with these names stay or come back."""
        changed = copy.deepcopy(self.listener)
        chain = changed["filter_chains"][0]["filters"][0]["typed_config"]
        chain["http_filters"] = [
            f for f in chain["http_filters"] if f["name"] in (*names, "router")
        ]
        resource = {"@type": "type.googleapis.com/envoy.config.listener.v3.Listener", **changed}
        temporary = self.listener_file.with_suffix(".new")
        temporary.write_text(json.dumps({"resources": [resource]}))
        os.replace(temporary, self.listener_file)

    def _listener_port(self):
        statuses = json.loads(self.admin("/listeners?format=json")).get("listener_statuses")
        return statuses and statuses[0]["local_address"]["socket_address"]["port_value"]

    def admin(self, path):
        return fetch(self.admin_port, path).body

    def ready(self):
        return fetch(self.admin_port, "/ready").status == 200

    def config_dump(self):
        return json.loads(self.admin("/config_dump"))

    def stat(self, name):
        """A counter's or gauge's value; 0 where Envoy has not made it yet."""
        pattern = re.compile(rf"^{re.escape(name)}: (\d+)$", re.M)
        found = pattern.search(self.admin("/stats"))
        return int(found[1]) if found else 0

    def filter_stat(self, name, stat):
        return self.stat(f"extension_config_discovery.http_filter.{name}.{stat}")

    def get(self, path="/"):
        return fetch(self.port, path)

    def header(self, name="x-wasm-filter"):
        """The values of a response header, sorted; the status where that is not 200."""
        answer = self.get()
        return sorted(answer.headers.get_all(name, [])) if answer.status == 200 else answer.status


def fetch(port, path, body=None, host=LOOPBACK):
    """GET, or POST of a body."""
    connection = http.client.HTTPConnection(host, port, timeout=LIMIT)
    try:
        connection.request("GET" if body is None else "POST", path, body)
        response = connection.getresponse()
        return Answer(response.status, response.headers, response.read().decode())
    finally:
        connection.close()


def bootstrap(node, filters, transport, fetch_timeout, network):
    """Envoy's bootstrap: one listener, and the filters by ECDS from the cluster wasmxds."""
    api = {
        "api_type": "DELTA_GRPC" if transport.endswith("delta") else "GRPC",
        "transport_api_version": "V3",
        "grpc_services": [{"envoy_grpc": {"cluster_name": "wasmxds", "retry_policy": QUICK_RETRY}}],
    }
    if transport == "rest":
        api = {
            "api_type": "REST",
            "transport_api_version": "V3",
            "cluster_names": ["wasmxds"],
            "refresh_delay": "0.2s",
            "request_timeout": "10s",
        }
    ads = transport.startswith("ads")
    source = {"ads": {}} if ads else {"api_config_source": api}
    source |= {"resource_api_version": "V3", "initial_fetch_timeout": f"{fetch_timeout}s"}
    kind = "network" if network else "http"
    chain = network_chain if network else http_chain
    resources = {
        "listeners": [listener(chain([ecds_filter(name, source, kind) for name in filters]))],
    }
    return {
        "node": {"id": node, "cluster": "e2e"},
        "admin": {"address": address(0)},
        "dynamic_resources": {"ads_config": api} if ads else {},
        "static_resources": resources,
    }


EXTENSION = "envoy.extensions."
TYPE = "type.googleapis.com/" + EXTENSION
HTTP_OPTIONS = "upstreams.http.v3.HttpProtocolOptions"
UNIFIED_MUX = {"name": "mux", "static_layer": {"envoy.reloadable_features.unified_mux": True}}
QUICK_RETRY = {"retry_back_off": {"base_interval": "0.1s", "max_interval": "0.5s"}}


def address(port, host=LOOPBACK):
    return {"socket_address": {"address": host, "port_value": port}}


def ecds_filter(name, source, kind):
    discovery = {"config_source": source, "type_urls": [TYPE + f"filters.{kind}.wasm.v3.Wasm"]}
    return {"name": name, "config_discovery": discovery}


def http_chain(filters):
    router = {"@type": TYPE + "filters.http.router.v3.Router"}
    answer = {"status": 200, "body": {"inline_string": "hello\n"}}
    route = {"match": {"prefix": "/"}, "direct_response": answer}
    manager = {
        "@type": TYPE + "filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "ingress",
        "http_filters": [*filters, {"name": "router", "typed_config": router}],
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [route]}]},
    }
    return [{"name": "http", "typed_config": manager}]


def network_chain(filters):
    echo = {"@type": TYPE + "filters.network.echo.v3.Echo"}
    return [*filters, {"name": "echo", "typed_config": echo}]


def listener(filters):
    return {"name": "ingress", "address": address(0), "filter_chains": [{"filters": filters}]}


def cluster(port, http2=True, host=LOOPBACK):
    protocol = "http2_protocol_options" if http2 else "http_protocol_options"
    options = {"@type": TYPE + HTTP_OPTIONS, "explicit_http_config": {protocol: {}}}
    endpoints = [{"lb_endpoints": [{"endpoint": {"address": address(port, host)}}]}]
    return {
        "name": "wasmxds",
        "connect_timeout": "1s",
        "load_assignment": {"cluster_name": "wasmxds", "endpoints": endpoints},
        "typed_extension_protocol_options": {EXTENSION + HTTP_OPTIONS: options},
    }


def transport_socket(ca, cert=None, key=None):
    """TLS to wasmxds, whose certificate ca signed; with cert and key for the client's own."""
    context = {"validation_context": {"trusted_ca": {"filename": str(ca)}}}
    if cert:
        pair = {"certificate_chain": {"filename": str(cert)}, "private_key": {"filename": str(key)}}
        context["tls_certificates"] = [pair]
    return {
        "name": "tls",
        "typed_config": {
            "@type": TYPE + "transport_sockets.tls.v3.UpstreamTlsContext",
            "common_tls_context": context,
        },
    }

# SPDX-License-Identifier: Apache-2.0
"""The status page, as Chromium reads it."""

import html.parser
import http.server
import re
import shutil
import subprocess

from harness import Case, altered, digest, extension, module
from processes import LIMIT, LOOPBACK, Process, WebServer, fetch, wait_equal, wait_until

MARKUP = "<img src=x onerror=alert(1)>"


class Relay(WebServer):
    """Hands each request on to the admin port, and keeps the paths that were asked for."""

    def __init__(self, port):
        paths = self.paths = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                paths.append(self.path)
                answer = fetch(port, self.path)
                body = answer.body.encode()
                self.send_response(answer.status)
                for name in ("Content-Type", "Content-Security-Policy"):
                    self.send_header(name, answer.headers[name])
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.serve(Handler)
        self.port = self.server.server_address[1]


class Reader(html.parser.HTMLParser):
    """The tags of a page, and the text of each row of its tables."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.rows = []
        self.feed(text)
        self.rows = [row for row in self.rows if row]

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag):
        if tag == "table":
            self.rows.append([])

    def handle_data(self, data):
        if self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip()


class PageTest(Case):
    def command(self, port, query, *flags):
        self.assertTrue(shutil.which("chromium"), "chromium is missing: run tools/setup")
        profile = f"--user-data-dir={self.folder / 'chromium'}"
        quiet = ["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"]
        # It leaves a folder behind where temporary files are.
        chromium = ["env", f"TMPDIR={self.folder}", "chromium", *quiet, profile]
        return [*chromium, *flags, f"http://{LOOPBACK}:{port}/{query}"]

    def chromium(self, port, query=""):
        """The page's DOM, and what the browser's console says."""
        command = self.command(port, query, "--dump-dom", "--virtual-time-budget=1000")
        result = subprocess.run(command, capture_output=True, text=True, timeout=2 * LIMIT)
        self.assertEqual(result.returncode, 0, result.stderr)
        return result.stdout, [line for line in result.stderr.splitlines() if "CONSOLE" in line]

    def start_fleet(self):
        """A filter that two Envoys run, and another that both refused and go on without."""
        self.write("filter.wasm", module())
        self.write("marker.wasm", altered(b"x-wasm-filter", b"x-wasm-marker"))
        self.write("filter.yaml", extension())
        self.write("marker.yaml", extension("marker", uri="marker.wasm"))
        wasmxds = self.wasmxds()
        for transport in ("ads", "ads-delta"):
            envoy = self.envoy(wasmxds, "default/filter", "default/marker", transport=transport)
            self.assertHeader(envoy, "one")
        self.write("marker.yaml", extension("marker", plugin="refuse me", uri="marker.wasm"))
        states = lambda: sorted(r["state"] for r in wasmxds.clients().values())
        wait_equal(states, ["NACK", "NACK", "SYNCED", "SYNCED"], "states")
        return wasmxds

    def test_page_tells_what_runs_where(self):
        wasmxds = self.start_fleet()
        dom, console = self.chromium(wasmxds.admin_port)
        self.assertEqual(console, [])
        page = Reader(dom)
        clients = wasmxds.clients()
        (version, running) = (clients["envoy1", "default/marker"][k][:12] for k in ("version", "running"))
        reason = "Unable to create Wasm plugin default/marker"
        refused = [row[:5] for row in page.rows if len(row) == 6 and row[4] == reason]
        self.assertEqual(
            refused,
            [[f"envoy{n}", "default/marker", version, running, reason] for n in (1, 2)],
        )
        (served,) = [row for row in page.rows if row[0] == "default/filter" and len(row) == 6]
        self.assertEqual(served[2], digest(module())[:12])
        self.assertEqual(served[4:], ["local_fs://filter.wasm", "2 SYNCED"])
        self.assertEqual(page.tags.count("script"), 0)

        dom, console = self.chromium(wasmxds.admin_port, "?extension=default/marker")
        self.assertEqual(console, [])
        rows = Reader(dom).rows
        self.assertIn([running, "2"], rows)
        self.assertEqual([row[3] for row in rows if row[0] in ("envoy1", "envoy2")], ["NACK"] * 2)

    def test_page_renews_itself_and_asks_nobody_else(self):
        wasmxds, _ = self.start_both()
        relay = Relay(wasmxds.admin_port)
        self.addCleanup(relay.stop)
        query = "?extension=default/filter"
        browser = Process("chromium", self.folder)
        self.addCleanup(browser.stop)
        browser.spawn(self.command(relay.port, query, "--remote-debugging-port=0"))
        wait_until(lambda: relay.paths.count(f"/{query}") >= 3, "the page was not renewed")
        self.assertIn("/page.css", relay.paths)
        self.assertLessEqual(set(relay.paths), {f"/{query}", "/page.css", "/favicon.ico"})
        self.assertNotIn("CONSOLE", browser.log())

    def test_page_shows_what_a_proxy_says_of_itself_as_text(self):
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension())
        wasmxds = self.wasmxds()
        self.envoy(wasmxds, f"default/{MARKUP}", ready=False, node=MARKUP)
        wait_equal(lambda: list(wasmxds.clients()), [(MARKUP, f"default/{MARKUP}")], "clients")
        for query in ("", "?extension=default/%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E"):
            dom, console = self.chromium(wasmxds.admin_port, query)
            self.assertEqual(console, [])
            page = Reader(dom)
            self.assertNotIn("img", page.tags)
            self.assertEqual([row[0] for row in page.rows if MARKUP in row[0]], [MARKUP])

    def test_page_lets_a_browser_load_nothing_but_its_style(self):
        wasmxds, _ = self.start_both()
        answer = wasmxds.admin("/")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"], "text/html; charset=utf-8")
        policy = answer.headers["Content-Security-Policy"]
        self.assertRegex(policy, r"^default-src 'none'; style-src 'self';")
        self.assertNotRegex(answer.body, re.compile(r"<script|\son\w+=|style=|https?://", re.I))
        self.assertEqual(wasmxds.admin("/page.css").headers["Content-Type"], "text/css; charset=utf-8")
        self.assertEqual(wasmxds.admin("/", "x").status, 405)

    def test_page_shows_no_configuration(self):
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension(plugin="hunter2"))
        wasmxds = self.wasmxds()
        self.assertHeader(self.envoy(wasmxds), "hunter2")
        for path in ("/", "/?extension=default/filter", "/clients", "/metrics"):
            self.assertNotIn("hunter2", wasmxds.admin(path).body)

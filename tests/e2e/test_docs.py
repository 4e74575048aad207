# SPDX-License-Identifier: Apache-2.0
"""What the documents say to type is typed, and what they name is there."""

import json
import os
import re
import subprocess
import unittest

from cluster import programs
from harness import Case
from installed import LOCAL_SOURCES, OWN_ADDRESS, InstalledCase
from processes import ENVOY, LIMIT, TREE, WASMXDS, wait_until
from registries import DockerRegistry
from test_chart import documented_keys, set_flags

PAGES = sorted(
    [*TREE.glob("*.md"), *TREE.glob("docs/*.md"), *TREE.glob("examples/*.md"), *TREE.glob("charts/*/*.md")]
)
# Flags in the pages that are other programs'.
FOREIGN = set("--all --as --checksum-algorithm --for --list --reuse-values".split())
LOOPBACK_UP = """
import fcntl, os, socket, struct, sys
fcntl.ioctl(socket.socket(), 0x8914, struct.pack("16sh22x", b"lo", 1))  # SIOCSIFFLAGS, IFF_UP
os.execvp(sys.argv[1], sys.argv[1:])
"""


def commands(page, first):
    """The lines of the block that begins so, which is fenced or set in by four blanks."""
    text = (TREE / page).read_text()
    blocks = re.findall(r"^```sh\n(.*?)^```|((?:^    [^\n]*\n)+)", text, re.S | re.M)
    blocks = [fenced or re.sub(r"^    ", "", indented, flags=re.M) for fenced, indented in blocks]
    (found,) = [block for block in blocks if block.startswith(first)]
    return found.replace("\\\n", "").splitlines()


class Pages(unittest.TestCase):
    def test_links_lead_somewhere(self):
        for page in PAGES:
            for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
                path, _, anchor = target.partition("#")
                if path.startswith("http"):
                    continue
                with self.subTest(page.name, target=target):
                    to = (page.parent / path) if path else page
                    self.assertTrue(to.exists())
                    if anchor:
                        titles = re.findall(r"^#+ (.*)$", to.read_text(), re.M)
                        self.assertIn(anchor, [title.lower().replace(" ", "-") for title in titles])

    def test_what_make_is_asked_for_is_a_target(self):
        targets = set(re.findall(r"^([a-z0-9-]+):", (TREE / "Makefile").read_text(), re.M))
        for page in PAGES:
            named = re.findall(r"(?:^    |`|&& |^)make((?: [a-z][a-z0-9-]*)+)(?= *[`#&]|$| [A-Z])", page.read_text(), re.M)
            for target in " ".join(named).split():
                with self.subTest(page.name, target=target):
                    self.assertIn(target, targets)

    def test_flags_are_the_programs(self):
        said = subprocess.run([WASMXDS, "--help"], capture_output=True, text=True, check=True).stdout
        verbs = re.findall(r"^  ([a-z]+) ", said, re.M)
        self.assertGreater(len(verbs), 10)
        helps = [subprocess.run([WASMXDS, verb, "--help"], capture_output=True, text=True).stdout for verb in verbs]
        known = set(re.findall(r"--[a-z0-9-]+", "".join(helps)))
        for page in PAGES:
            if page.name in ("CHANGELOG.md", "bench.md"):
                continue
            for flag in re.findall(r"`(--[a-z][a-z0-9-]+)", page.read_text()):
                with self.subTest(page.name, flag=flag):
                    self.assertIn(flag, known | FOREIGN)

    def test_values_are_the_charts(self):
        keys = list(documented_keys())
        tops = {key.partition(".")[0] for key in keys} - {"image"}  # which is a field of a spec too
        pattern = rf"`((?:{'|'.join(sorted(tops))})\.[A-Za-z.]+)[`=]"
        for page in PAGES:
            if page.name == "CHANGELOG.md":
                continue
            for named in re.findall(pattern, page.read_text()):
                with self.subTest(page.name, key=named):
                    self.assertTrue(any((key + ".").startswith(named + ".") or named.startswith(key + ".") for key in keys))

    def test_readme_lists_every_verb(self):
        said = subprocess.run([WASMXDS, "--help"], capture_output=True, text=True, check=True).stdout
        text = (TREE / "README.md").read_text()
        for verb in re.findall(r"^  ([a-z]+) ", said, re.M):
            with self.subTest(verb):
                self.assertRegex(text, rf"[`(]wasmxds {verb}\b")

    def test_manifests_are_valid(self):
        for page in PAGES:
            for block in re.findall(r"^```yaml\n(.*?)^```", page.read_text(), re.S | re.M):
                for document in block.split("---\n"):
                    if "\nkind: WasmExtension" not in document or "spec:" not in document:
                        continue
                    with self.subTest(page.name):
                        done = subprocess.run([WASMXDS, "validate", "-"], input=document, capture_output=True, text=True)
                        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


class FirstFilter(Case):
    """examples/README.md, in a network of its own, since the ports are fixed."""

    def test_by_hand(self):
        made, *serve = commands("examples/README.md", "make &&")
        self.assertIn("make filters", made)
        (envoy,) = commands("examples/README.md", "envoy ")
        (curl,) = commands("examples/README.md", "curl ")
        (self.folder / "build/release").mkdir(parents=True)
        (self.folder / "build/release/wasmxds").symlink_to(WASMXDS)
        (self.folder / "build/filters").symlink_to(TREE / "build/filters")
        (self.folder / "examples").symlink_to(TREE / "examples")
        *copies, run = serve
        script = ["set -e", *copies, f"{run} >wasmxds.log 2>&1 &", f"{envoy} >envoy.log 2>&1 &"]
        script += ["trap 'kill $(jobs -p)' EXIT"]
        script += [f"for n in $(seq {2 * LIMIT}); do {curl.partition('#')[0]} >said && grep -q x-wasm said && break"]
        script += ["sleep 0.5; done; cat said"]
        environment = {**os.environ, "PATH": f"{ENVOY.parent}:{os.environ['PATH']}"}
        apart = ["unshare", "--user", "--map-root-user", "--net", "python3", "-c", LOOPBACK_UP]
        done = subprocess.run(
            [*apart, "bash", "-c", "\n".join(script)],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
        )
        want = curl.partition("#")[2].strip()
        self.assertIn(want, done.stdout, done.stderr)


class Installation(InstalledCase):
    """docs/install.md, as it stands but for the registry's name."""

    def setUp(self):
        super().setUp()
        registry = DockerRegistry(self.folder)
        self.processes.append(registry)
        self.addCleanup(registry.kill)
        registry.start()
        self.host = registry.host
        (self.folder / "bin").mkdir()
        # Each pod is on an address of its own, of this one machine.
        flags = " ".join(f"'{each}'" for each in set_flags((*OWN_ADDRESS, *LOCAL_SOURCES)))
        helm = f'[ "$1" != install ] || set -- "$@" {flags}\nexec {programs()}/helm "$@"\n'
        self.program("helm", helm)
        self.program("kubectl", f'exec {programs()}/kubectl "$@"\n')
        containers = self.folder / ".config/containers"
        containers.mkdir(parents=True)
        registries = f'[[registry]]\nlocation = "{self.host}"\ninsecure = true\n'
        (containers / "registries.conf").write_text(registries)
        policy = json.dumps({"default": [{"type": "insecureAcceptAnything"}]})
        (containers / "policy.json").write_text(policy)
        self.environment = {
            **self.cluster.environment,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "HOME": str(self.folder),
        }

    def program(self, name, text):
        file = self.folder / "bin" / name
        file.write_text(f"#!/bin/sh\n{text}")
        file.chmod(0o755)

    def type(self, line):
        return subprocess.Popen(
            ["bash", "-c", line.replace("registry.example.com", self.host)],
            cwd=TREE,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def after(self, line):
        """What the cluster does on its own where it has nodes and controllers."""
        if line.startswith("kubectl create namespace"):
            self.own_node("wasmxds")
        elif line.startswith("helm install"):
            self.run_pods()
            for name in ("controller", "webhook", "xds"):
                self.available(f"wasmxds-{name}")

    def available(self, name):
        path = f"/apis/apps/v1/namespaces/wasmxds/deployments/{name}/status"
        conditions = [{"type": "Available", "status": "True", "reason": "Test", "message": ""}]
        status, answer = self.cluster.request("PATCH", path, {"status": {"conditions": conditions}}, kind="merge")
        self.assertEqual(status, 200, answer)

    def during(self, line):
        if line.startswith("helm test"):
            pods = "/api/v1/namespaces/wasmxds/pods/wasmxds-test"
            self.node.complete(wait_until(lambda: self.cluster.get(pods), "helm made no pod"))

    def test_from_a_clone_to_a_filter(self):
        for line in commands("docs/install.md", "make && make image"):
            with self.type(line) as typed:
                self.during(line)
                said = typed.communicate(timeout=10 * LIMIT)[0]
            self.assertEqual(typed.returncode, 0, f"{line}\n{said}")
            self.after(line)
        self.assertRegex(said, r"(?m)^default +header-filter +True ")
        self.assertHeader(self.subscribed("default/header-filter"), "hello from wasmxds")

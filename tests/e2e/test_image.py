# SPDX-License-Identifier: Apache-2.0
"""The container image: built without an engine, the same each time, and all that the program needs."""

import json
import os
import pathlib
import re
import shutil
import subprocess

from harness import Case, extension, module
from image import image, output
from processes import LOOPBACK, TREE, WASMXDS, Process, fetch, parse_logfmt

USER = "65532:65532"


def owners_of(paths):
    """The Debian packages of files, by the files' last names."""
    both = [f"/{p}" for path in paths for p in (path, path.removeprefix("usr/"))]
    lines = subprocess.run(["dpkg", "-S", *both], capture_output=True, text=True).stdout.splitlines()
    return {line.rpartition("/")[2]: line.partition(":")[0] for line in lines}


def chroot(root):
    """What runs a command in root as the image's user, where we may become that."""
    if os.geteuid() == 0:
        return ["chroot", f"--userspec={USER}", root]
    return ["unshare", "--map-root-user", "chroot", root]


class Contained(Process):
    """`wasmxds xds` out of the image."""

    def start(self, root, store):
        ports = ["--listen", f"{LOOPBACK}:0", "--admin-listen", f"{LOOPBACK}:0"]
        self.spawn([*chroot(root), "/usr/bin/wasmxds", "xds", "--store", store, *ports])
        records = lambda: [r for r in map(parse_logfmt, self.log().splitlines()) if r.get("msg") == "serving"]
        (serving,) = self.wait_up(records, "no line with msg=serving")
        self.admin_port = int(serving["admin"].rpartition(":")[2])


class ImageTest(Case):
    def setUp(self):
        super().setUp()
        self.layout = image().layout
        self.root = image().root
        self.entries = image().entries

    def test_second_build_has_the_same_digest(self):
        twin = self.folder / "twin"
        copy = self.folder / "wasmxds"
        shutil.copy(WASMXDS, copy)
        os.utime(copy, (1, 1))
        command = ["sh", "-c", 'umask 077; exec "$@"', "sh", TREE / "tools/build-image", copy, twin]
        said = output(*command, env={"PATH": os.environ["PATH"], "TZ": "Asia/Tokyo", "LC_ALL": "C"})
        self.assertEqual(said.split()[0], image().digest)
        bills = [pathlib.Path(f"{layout}.spdx.json").read_bytes() for layout in (self.layout, twin)]
        self.assertEqual(*bills)

    def test_skopeo_reads_and_copies_it(self):
        seen = json.loads(output("skopeo", "inspect", f"oci:{self.layout}"))
        self.assertEqual(seen["Digest"], image().digest)
        self.assertEqual((seen["Os"], len(seen["Layers"])), ("linux", 2))
        version = output(WASMXDS, "version").split()[1]
        self.assertEqual(seen["Labels"]["org.opencontainers.image.version"], version)
        config = json.loads(output("skopeo", "inspect", "--config", f"oci:{self.layout}:{version}"))
        self.assertEqual(config["config"]["User"], USER)
        self.assertEqual(config["config"]["Entrypoint"], ["/usr/bin/wasmxds"])
        # It checks every digest, and that the layers are those that the configuration names.
        output("skopeo", "--insecure-policy", "copy", f"oci:{self.layout}", f"dir:{self.folder}/copy")

    def test_it_is_as_large_as_the_readme_says(self):
        """Or nearly: Debian's libraries grow and shrink."""
        said = re.search(r"(\d+) MiB to pull, (\d+) MiB unpacked", (TREE / "README.md").read_text())
        pulled = sum(file.stat().st_size for file in (self.layout / "blobs").rglob("*") if file.is_file())
        unpacked = sum(member.size for member in self.entries.values())
        for seen, want in zip((pulled, unpacked), said.groups()):
            self.assertAlmostEqual(seen / 2**20, int(want), delta=int(want) / 10)

    def test_program_runs_with_nothing_but_the_image(self):
        said = output(*chroot(self.root), "/usr/bin/wasmxds", "version")
        self.assertEqual(said, output(WASMXDS, "version"))

    def test_program_serves_out_of_the_image(self):
        self.write("filter.wasm", module())
        self.write("filter.yaml", extension())
        volume = self.root / "data"
        volume.mkdir()
        self.addCleanup(shutil.rmtree, volume)
        fetched = self.run_command("fetch", "--store", str(volume / "store"), str(self.manifests))
        self.assertEqual(fetched.returncode, 0, fetched.stderr)
        subprocess.run(["chown", "-R", USER, volume], check=os.geteuid() == 0, capture_output=True)
        process = Contained("contained", self.folder)
        self.processes.append(process)
        self.addCleanup(self._end, process)
        process.start(self.root, "/data/store")
        self.assertEqual(fetch(process.admin_port, "/readyz").status, 200)
        (served,) = json.loads(fetch(process.admin_port, "/clients").body)["extensions"]
        self.assertEqual(served["name"], "default/filter")

    def test_nothing_in_it_belongs_to_its_user_or_may_be_written(self):
        for name, member in self.entries.items():
            self.assertEqual((member.uid, member.gid), (0, 0), name)
            if not member.issym() and name != "tmp":
                self.assertEqual(member.mode & 0o7022, 0, name)
        self.assertEqual(self.entries["tmp"].mode, 0o1777)

    def test_there_is_no_other_program_in_it(self):
        programs = [n for n, m in self.entries.items() if "bin" in pathlib.Path(n).parts and not m.isdir()]
        self.assertEqual(programs, ["usr/bin/wasmxds"])

    def test_bill_of_materials_names_every_package_that_is_in_it(self):
        bill = json.loads((self.root / "usr/share/wasmxds/sbom.spdx.json").read_text())
        self.assertEqual(bill["spdxVersion"], "SPDX-2.3")
        versions = {p["name"]: p["versionInfo"] for p in bill["packages"]}
        identifiers = [p["SPDXID"] for p in bill["packages"]]
        self.assertEqual(len(identifiers), len(set(identifiers)))
        self.assertIn("libc6", versions)
        self.assertIn("ca-certificates", versions)
        libraries = [n for n, m in self.entries.items() if ".so" in n and not m.issym()]
        self.assertGreater(len(libraries), 10)
        owners = owners_of(libraries)
        for library in libraries:
            owner = owners[pathlib.Path(library).name]
            self.assertIn(owner, versions, library)
            installed = output("dpkg-query", "-W", "-f=${Version}", owner)
            self.assertEqual(versions[owner], installed.split("\n")[0])
            self.assertTrue((self.root / f"usr/share/doc/{owner}/copyright").exists(), owner)

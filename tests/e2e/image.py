# SPDX-License-Identifier: Apache-2.0
"""The container image of `make image`, built once for all tests and unpacked."""

import functools
import json
import pathlib
import subprocess
import tarfile
import tempfile

from processes import TREE, WASMXDS

CONTAINER = pathlib.Path(__file__).with_name("container")


def output(*command, **options):
    return subprocess.run(command, check=True, capture_output=True, text=True, **options).stdout


def blob(layout, descriptor):
    return layout / "blobs" / descriptor["digest"].replace(":", "/")


class Image:
    """The image, and what its layers come to."""

    def __init__(self):
        self.place = tempfile.TemporaryDirectory(prefix="wasmxds-e2e-image-")
        place = pathlib.Path(self.place.name)
        place.chmod(0o755)
        self.layout = place / "image"
        self.root = place / "root"
        self.digest = output(TREE / "tools/build-image", WASMXDS, self.layout).split()[0]
        (entry,) = self.read(self.layout / "index.json")["manifests"]
        manifest = self.read(blob(self.layout, entry))
        self.config = self.read(blob(self.layout, manifest["config"]))["config"]
        self.entries = {}
        for layer in manifest["layers"]:
            with tarfile.open(blob(self.layout, layer)) as archive:
                self.entries |= {member.name: member for member in archive}
                archive.extractall(self.root)

    @staticmethod
    def read(file):
        return json.loads(file.read_text())

    @property
    def environment(self):
        return dict(each.split("=", 1) for each in self.config["Env"])

    @functools.cached_property
    def contained(self):
        """What to put before an empty folder, mounts, "--" and a program to run it in a container."""
        command = [CONTAINER, self.root]
        with tempfile.TemporaryDirectory(dir=self.place.name) as folder:
            tried = [*command, folder, "--", *self.config["Entrypoint"], "version"]
            done = subprocess.run(tried, capture_output=True, text=True)
        assert done.returncode == 0, (
            "pods are run in a user and a mount namespace of their own, which this machine did not "
            f"let us have, or did not let us mount in: {done.stderr}"
        )
        return command


image = functools.cache(Image)


def discard():
    """Removes it, where it was built: a process of multiprocessing ends without what is due at exit."""
    if image.cache_info().currsize:
        image().place.cleanup()
        image.cache_clear()

# SPDX-License-Identifier: Apache-2.0
"""Manual pages and completions, which come from the same tables as --help."""

import json
import re
import subprocess

from harness import Case
from processes import WASMXDS

# Completes a command line as bash does: the words that it splits it into, the last one under way.
BASH = """
source "$1"
shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_wasmxds 2>/dev/null
printf '%s\\n' "${COMPREPLY[@]}"
"""


class ShellTest(Case):
    def said(self, *arguments):
        result = self.run_command(*arguments)
        self.assertEqual((result.returncode, result.stderr), (0, ""), arguments)
        return result.stdout

    def verbs(self):
        verbs = re.findall(r"^  ([a-z]+) ", self.said("--help"), re.M)
        self.assertIn("run", verbs)
        return verbs

    def flags(self, verb):
        """The flags that --help lists, and whether each takes a value."""
        return dict(re.findall(r"^  (?:-\w, |    )(--[a-z0-9-]+)(=?)", self.said(verb, "--help"), re.M))

    def script(self, shell):
        script = self.folder / shell
        script.write_text(self.said("completion", shell))
        result = subprocess.run([shell, "-n", script], capture_output=True, text=True)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return script

    def bash(self, script, *words):
        command = ["bash", "-c", BASH, "bash", script, "wasmxds", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()

    def fish(self, script, line):
        command = ["fish", "--no-config", "-c", f"source {script}; complete -C '{line}'"]
        out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return [row.split("\t")[0] for row in out.splitlines()]

    def test_bash_completes_verbs_flags_and_values(self):
        script = self.script("bash")
        self.assertEqual(self.bash(script, ""), self.verbs())
        self.assertEqual(self.bash(script, "va"), ["validate"])
        for verb in self.verbs():
            flags = [name + equals for name, equals in self.flags(verb).items()]
            self.assertEqual(self.bash(script, verb, "-"), flags)
        for words in (["--output", ""], ["--output", "="], ["-o", ""]):
            self.assertEqual(self.bash(script, "status", *words), ["text", "wide", "json"])
        self.assertEqual(self.bash(script, "status", "--output", "=", "w"), ["wide"])
        self.assertEqual(self.bash(script, "run", "--max-streams", "="), [])
        self.assertIn(f"{self.folder}/manifests", self.bash(script, "run", f"{self.folder}/"))

    def test_fish_completes_verbs_flags_and_values(self):
        script = self.script("fish")
        self.assertEqual(sorted(self.fish(script, "wasmxds ")), sorted(self.verbs()))
        for verb in self.verbs():
            flags = self.fish(script, f"wasmxds {verb} --")
            self.assertEqual(sorted(flag.rstrip("=") for flag in flags), sorted(self.flags(verb)))
        values = self.fish(script, "wasmxds status --output ")
        self.assertEqual(sorted(values), ["json", "text", "wide"])

    def test_zsh_knows_every_verb_and_flag(self):
        text = self.script("zsh").read_text()
        for verb in self.verbs():
            self.assertIn(f"\t\t'{verb}:", text)
            (own,) = re.findall(rf"^\t\t{verb}\)\n(.*?);;$", text, re.M | re.S)
            flags = {name: equals for name, equals in re.findall(r"'\*?(--[a-z0-9-]+)(=?)\[", own)}
            self.assertEqual(flags, self.flags(verb))

    def test_every_verb_has_a_manual_page_that_tells_of_every_flag(self):
        pages = {verb: self.said("man", verb) for verb in self.verbs()}
        for verb, page in {**pages, "": self.said("man")}.items():
            command = ["groff", "-man", "-ww", "-Tascii", "-P-c", "-rLL=500n"]
            result = subprocess.run(command, input=page, capture_output=True, text=True, check=True)
            self.assertEqual(result.stderr, "", verb)
            text = re.sub(r".\x08", "", result.stdout)
            self.assertIn(f"wasmxds-{verb} - " if verb else "wasmxds - ", text)
            for flag, equals in self.flags(verb).items() if verb else ():
                ends = equals or r"(\s|$)"
                self.assertRegex(text, rf"(?m)^ +(-\w, )?{flag}{ends}")
        for verb in pages:
            self.assertIn(f"wasmxds\\-{verb}", self.said("man"))

    def test_unknown_verbs_and_shells_are_refused(self):
        for arguments in (["man", "fly"], ["completion"], ["completion", "csh"]):
            result = self.run_command(*arguments)
            self.assertEqual((result.returncode, result.stdout), (2, ""))

    def test_version_is_told_for_machines_too(self):
        told = json.loads(self.said("version", "-o", "json"))
        self.assertEqual(self.said("version"), f"wasmxds {told['version']}\n")
        self.assertLessEqual({"grpc", "curl", "gnutls", "microhttpd"}, set(told["libraries"]))
        self.assertTrue(all(told["libraries"].values()))

    def test_install_puts_all_in_its_place(self):
        make = ["make", "-s", "install", f"DESTDIR={self.folder}/root", "PREFIX=/usr"]
        if WASMXDS.resolve().parent.name != "release":
            make.append(f"VARIANT={WASMXDS.resolve().parent.name}")
        subprocess.run(make, cwd=WASMXDS.resolve().parents[2], check=True, capture_output=True)
        usr = self.folder / "root/usr"
        pages = {path.name for path in (usr / "share/man/man1").iterdir()}
        self.assertEqual(pages, {"wasmxds.1", *(f"wasmxds-{verb}.1" for verb in self.verbs())})
        for file in (
            "bin/wasmxds",
            "share/bash-completion/completions/wasmxds",
            "share/zsh/site-functions/_wasmxds",
            "share/fish/vendor_completions.d/wasmxds.fish",
        ):
            self.assertTrue((usr / file).stat().st_size > 0, file)

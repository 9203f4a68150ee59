"""What is made of what cargo-mutants says."""

import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import mutants
from mutants import ENDLESS, FUNCTIONS, MISSED, UNIT, UNNOTICED, UNVIABLE

TEXT = "fn a() -> bool {\n    1 < 2\n}\n\nfn b() {\n    c();\n    d();\n}\n"


def change(start, end, replacement, file="shared/src/a.rs"):
    positions = [{"line": line, "column": column} for line, column in (start, end)]
    return {"file": file, "span": dict(zip(("start", "end"), positions)), "replacement": replacement}


def outcomes(**summaries):
    ran = [{"scenario": {"Mutant": {"name": name}}, "summary": it} for name, it in summaries.items()]
    return {"outcomes": [{"scenario": "Baseline", "summary": "Success"}, *ran]}


class Changes(unittest.TestCase):
    def test_an_operator_is_replaced(self):
        self.assertEqual(mutants.changed(TEXT, change((2, 7), (2, 8), ">")), TEXT.replace("1 < 2", "1 > 2"))

    def test_a_body_of_several_lines_is_replaced(self):
        found = mutants.changed(TEXT, change((6, 5), (7, 9), "()"))
        self.assertEqual(found, TEXT.replace("c();\n    d();", "()"))


class Outcomes(unittest.TestCase):
    def test_a_run_adds_to_what_is_known(self):
        ran = outcomes(a="CaughtMutant", b="MissedMutant", c="Unviable", d="Timeout")
        found = mutants.merged({"a": MISSED, "e": FUNCTIONS}, ran)
        self.assertEqual(found, {"a": UNIT, "b": UNNOTICED, "c": UNVIABLE, "d": ENDLESS, "e": FUNCTIONS})

    def test_what_the_functions_notice_is_not_tried_again_and_what_was_missed_is(self):
        ran = outcomes(a="MissedMutant", b="MissedMutant")
        self.assertEqual(mutants.merged({"a": FUNCTIONS, "b": MISSED}, ran), {"a": FUNCTIONS, "b": UNNOTICED})

    def test_what_can_no_longer_be_changed_is_forgotten(self):
        self.assertEqual(mutants.known({"a": MISSED, "b": MISSED}, {"a": {}}), {"a": MISSED})

    def test_the_table_counts_by_file(self):
        changes = {"a": change((1, 1), (1, 1), "", "y.rs"), "b": change((1, 1), (1, 1), "", "x.rs")}
        changes["c"] = changes["a"]
        lines = mutants.table({"a": UNIT, "b": MISSED, "c": UNVIABLE}, changes).splitlines()
        rows = [line.strip("| ").split(" | ") for line in lines[2:]]
        self.assertEqual(rows[0], ["`x.rs`", "1", "0", "0", "0", "1", "0"])
        self.assertEqual(rows[1], ["`y.rs`", "2", "1", "0", "0", "0", "1"])
        self.assertEqual(rows[2], ["all", "3", "1", "0", "0", "1", "1"])


class Copy(unittest.TestCase):
    def test_it_becomes_what_the_project_is(self):
        with tempfile.TemporaryDirectory() as folder:
            root, copy = Path(folder) / "root", Path(folder) / "copy"
            files = {"a/same": "same", "a/other": "new", "a/b/added": "added", ".gitignore": "/target\n", "target/x": "x"}
            write(root, files)
            subprocess.run(["git", "init", "--quiet", root], check=True)
            write(copy, {"a/same": "same", "a/other": "old", "a/gone": "gone", "target/built": "built"})
            before = (copy / "a" / "same").stat().st_mtime_ns
            with mock.patch.multiple(mutants, ROOT=root, COPY=copy):
                mutants.copy_project()
            found = {str(path.relative_to(copy)): path.read_text() for path in copy.rglob("*") if path.is_file()}
            del files["target/x"]
            self.assertEqual(found, files | {"target/built": "built"})
            self.assertEqual((copy / "a" / "same").stat().st_mtime_ns, before)


def write(folder, files):
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


class EndToEnd(unittest.TestCase):
    def test_all_but_the_slow_ones_are_run_and_likely_ones_first(self):
        known = {path.stem for path in (mutants.ROOT / "tests" / "end-to-end" / "tests").iterdir()}
        self.assertLessEqual(mutants.SLOW, known)
        for file, likely in (
            ("shared/src/uri.rs", ["user"]),
            ("shared/src/table/shared.rs", ["remote_cache"]),
            ("shared/src/pats.rs", ["pat"]),
            ("functions/check-availability/src/ask.rs", ["availability_queries", "event_type_resolution", "availability"]),
        ):
            tests = mutants.end_to_end(file)
            self.assertEqual(tests[: len(likely)], likely)
            self.assertEqual(sorted(tests), sorted(known - mutants.SLOW))

    def test_likely_ones_exist(self):
        known = {path.stem for path in (mutants.ROOT / "tests" / "end-to-end" / "tests").iterdir()}
        for names in mutants.FIRST.values():
            self.assertLessEqual(set(names), known)

    def test_a_change_is_there_while_it_is_tried_and_no_longer(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder)
            (copy / "shared" / "src").mkdir(parents=True)
            file = copy / "shared" / "src" / "a.rs"
            file.write_text(TEXT)
            seen = []

            def passes(name):
                seen.append((name, file.read_text()))
                if len(seen) > 1:
                    raise mutants.MutantsError("full")
                return False

            with mock.patch.multiple(mutants, COPY=copy, passes=passes):
                self.assertTrue(mutants.is_noticed(change((2, 7), (2, 8), ">")))
                with self.assertRaises(mutants.MutantsError):
                    mutants.is_noticed(change((2, 7), (2, 8), ">"))
            self.assertEqual(seen, [("shared/src/a.rs", TEXT.replace("1 < 2", "1 > 2"))] * 2)
            self.assertEqual(file.read_text(), TEXT)

    def test_what_takes_too_long_is_ended_with_all_that_it_started(self):
        with tempfile.TemporaryDirectory() as folder, mock.patch.object(mutants, "COPY", Path(folder)):
            self.assertTrue(mutants.run(["sh", "-c", "true"], 60))
            self.assertFalse(mutants.run(["sh", "-c", "false"], 60))
            self.assertFalse(mutants.run(["sh", "-c", "sleep 600 & echo $! > child; wait"], 1))
            child = int((Path(folder) / "child").read_text())
            ends = time.monotonic() + 10
            while is_running(child) and time.monotonic() < ends:
                time.sleep(0.01)
            self.assertFalse(is_running(child), child)


def is_running(process):
    try:
        return (Path("/proc") / str(process) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


if __name__ == "__main__":
    unittest.main()

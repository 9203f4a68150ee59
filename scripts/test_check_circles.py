"""What counts as a circle."""

import tempfile
import unittest
from pathlib import Path

import check_circles

ERROR = "pub struct Error;"


class Circles(unittest.TestCase):
    def reports(self, files, with_tests=False):
        """The circles of a crate with these files beside lib.rs, as they are told."""
        with tempfile.TemporaryDirectory() as folder:
            base = Path(folder)
            for name, text in files.items():
                file = base / f"{name}.rs"
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text)
            return list(check_circles.report(base / "lib.rs", with_tests, base))

    def check_each(self, cases, expected):
        for case, files in cases.items():
            with self.subTest(case):
                self.assertEqual(len(self.reports(files)), expected)

    def test_a_circle_is_told_with_the_names_that_tie_it(self):
        files = {
            "lib": "mod a; mod b; mod c; mod d; pub use a::One;",
            "a": "use crate::b::{self, Two}; pub struct One(Two); fn f() { b::three(); }",
            "b": "use super::c; pub struct Two; pub fn three() { c::four(Two) }",
            "c": "pub fn four(_: crate::b::Two) -> crate::One { crate::One::new() }",
            "d": "use crate::One;",
        }
        self.assertEqual(
            self.reports(files),
            [
                "3 files use each other in a circle:\n"
                "  a.rs uses b.rs: Two, three\n"
                "  b.rs uses c.rs: four\n"
                "  c.rs uses a.rs: One\n"
                "  c.rs uses b.rs: Two"
            ],
        )

    def test_circles_are_told_one_by_one(self):
        pair = {"a": "use crate::b::B; pub struct A;", "b": "use crate::a::A; pub struct B;"}
        nested = {f"x/{name}": text.replace("crate::", "super::") for name, text in pair.items()}
        files = {"lib": "mod a; mod b; mod x;", "x": "mod a; mod b;"} | pair | nested
        reports = self.reports(files)
        self.assertEqual([text.count("\n") for text in reports], [2, 2])
        self.assertIn("x/a.rs uses x/b.rs: B", reports[1])

    def test_circles_are_found_however_a_name_is_reached(self):
        error = {"error": "use crate::a::f; pub struct Error;"}
        lib = "mod a; mod error;"
        cases = {
            "a path without `use`": "fn f() -> crate::error::Error { todo!() }",
            "a nested `use`": "use crate::{error::{self as e, Error}}; fn f() {}",
            "an alias": "use crate::error::Error as Failure; fn f() {}",
            "a module's alias": "use crate::error as e; fn f() -> e::Error { e::Error }",
            "all names of a module": "use crate::error::*; fn f() -> Error { Error }",
            "a variant": "fn f() { crate::error::Error::Bad }",
            "in a module of its own": "fn f() {} mod inner { use super::super::error::Error; }",
            "through `self`": "use self::inner::E; fn f() {} "
            "mod inner { pub use crate::error::Error as E; }",
            "after what looks like a comment": 'const S: &str = "//"; '
            "use crate::error::Error; fn f() {}",
            "after a character": "const C: char = '\"'; use crate::error::Error; fn f<'a>() {}",
            "after a variant for tests": "fn f() {} "
            "enum E { #[cfg(test)] A, B(crate::error::Error) }",
            "after an item for tests": "#[cfg(test)] #[derive(Debug)] struct T; "
            "use crate::error::Error; fn f() {}",
            "`#[cfg(not(test))]`": "#[cfg(not(test))] use crate::error::Error; fn f() {}",
        }
        cases = {case: {"lib": lib, "a": text} | error for case, text in cases.items()}
        cases["by a name that is passed on twice"] = {
            "lib": "mod a; mod b; mod error; pub use b::Error;",
            "b": "pub(crate) use crate::error::Error;",
            "a": "use crate::Error; fn f() {}",
        } | error
        self.check_each(cases, 1)

    def test_what_only_says_where_things_are_makes_no_circle(self):
        cases = {
            "a name passed on": {
                "lib": "mod a; mod error; pub use error::Error; pub fn run() { a::f() }",
                "a": "use crate::Error; pub fn f() {}",
                "error": ERROR,
            },
            "a parent that passes its child's name on": {
                "lib": "mod a;",
                "a": "mod child; pub use child::Child; pub struct A;",
                "a/child": "use super::A; pub struct Child(A);",
            },
            "a folder with a mod.rs": {
                "lib": "mod a;",
                "a/mod": "mod one; mod two; pub use one::One;",
                "a/one": "use super::two::Two; pub struct One(Two);",
                "a/two": "pub struct Two;",
            },
            "tests": {
                "lib": "mod a; mod b;",
                "a": "use crate::b::B; pub struct A; #[cfg(test)] pub struct C;",
                "b": "pub struct B; #[cfg(test)] #[derive(Debug)] mod tests { use crate::a::A; } "
                "enum E { One, #[cfg(test)] Two(Vec<u8, crate::a::A>), Three }",
            },
            "comments, texts, methods and fields": {
                "lib": "mod a; mod b;",
                "a": "use crate::b::B; pub struct A; pub fn f() {}",
                "b": "/// [`crate::a::A`]\npub struct B; /* crate::a::A */ "
                'const S: &str = "crate::a::A \\" crate::a::f"; '
                'const R: &str = r#"" crate::a::f"#; '
                "fn g(b: B) { b.f(); b.a }",
            },
            "a method with the name of what is passed on": {
                "lib": "mod a;",
                "a": "mod child; pub use child::run; pub struct A; fn f(one: A) { one.run() }",
                "a/child": "use super::A; pub fn run() {}",
            },
            "other crates": {
                "lib": "mod a; use ::a::B; pub struct L; fn f(_: ::a::A) { other::a::A }",
                "a": "use crate::L; pub struct A; pub struct B;",
            },
        }
        self.check_each(cases, 0)

    def test_a_parent_and_a_child_that_need_each_other_are_a_circle(self):
        child = {"a/child": "use super::A; pub struct Child(A);"}
        for use in (
            "use child::Child; pub struct A; fn f(_: Child) {}",
            "pub struct A; fn f() { child::Child }",
        ):
            with self.subTest(use):
                reports = self.reports({"lib": "mod a;", "a": f"mod child; {use}"} | child)
                self.assertEqual(len(reports), 1)

    def test_a_name_that_is_passed_on_and_used_counts(self):
        files = {
            "lib": "mod a;",
            "a": "mod child; pub use child::run; fn f() { run() } "
            "pub struct A; impl A { fn run() {} }",
            "a/child": "use super::A; pub fn run() {}",
        }
        self.assertEqual(len(self.reports(files)), 1)

    def test_tests_count_where_everything_is_a_test(self):
        files = {
            "lib": "#[cfg(test)] mod a; #[cfg(test)] mod b;",
            "a": "use crate::b::B; pub struct A;",
            "b": "use crate::a::A; pub struct B;",
        }
        self.assertEqual(self.reports(files), [])
        self.assertEqual(len(self.reports(files, with_tests=True)), 1)

    def test_a_module_without_a_file_is_named(self):
        with self.assertRaisesRegex(SystemExit, "no file for `mod gone;`"):
            self.reports({"lib": "mod gone;"})


if __name__ == "__main__":
    unittest.main()

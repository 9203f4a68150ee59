"""Checks that no files of a Rust crate use each other in a circle.

A file uses another if its code names something that is defined there: `use crate::lock::lock`,
`super::Issuer`, `keys::Keys`. The rule, where it is not obvious:

- A name counts for the file that defines it, whoever passes it on. With `pub use error::Error;` in
  lib.rs, `use crate::Error` uses error.rs and not lib.rs.
- `mod child;` is no use, nor is a `pub use` of a name that the file does not need itself: both only say
  where things are. So a parent is in a circle with its child only if it names something of the child's
  and the child (or one of its children) names something that the parent's own file defines.
- What only tests need (`#[cfg(test)]`, documentation) does not count: they may use all of their crate.
- What is not named is not seen: a method that is called on a value, a trait that is implemented.
"""

import json
import re
import subprocess
import sys
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

TOKEN = re.compile(
    r"""
    //[^\n]* | /\*.*?\*/
    | b?c?r(?P<hashes>\#*)".*?"(?P=hashes) | [bc]?"(?:\\.|[^"\\])*"
    | b?'(?:\\[^']+|\\'|[^\\'])' | '\w+ | \d\w*
    | (?P<token>(?:r\#)?[^\W\d]\w*|::|\S)
    """,
    re.DOTALL | re.VERBOSE,
)
NAME = re.compile(r"[^\W\d]\w*")
DEFINING = {"const", "enum", "fn", "static", "struct", "trait", "type", "union"}
# What an item begins with that ends with a block or a semicolon. Anything else (a variant, a field, an
# element of a list) ends with a comma.
ITEMS = DEFINING | {"async", "extern", "impl", "let", "macro_rules", "mod", "pub", "unsafe", "use"}
OPENING, CLOSING = set("([{"), set(")]}")


@dataclass(eq=False)
class Module:
    """What a module defines, imports and names."""

    file: Path
    parent: "Module | None" = None
    children: dict = field(default_factory=dict)
    defines: set = field(default_factory=set)
    # {name: path}, and the paths whose names are all imported.
    imports: dict = field(default_factory=dict)
    globs: list = field(default_factory=list)
    # Paths that the code names: tuples of names.
    paths: set = field(default_factory=set)


def crate(root, with_tests=False):
    """The root module of a crate, from its first file (lib.rs, main.rs, …)."""
    module = Module(root)
    read(module, root.parent, with_tests)
    return module


def read(module, folder, with_tests):
    """Reads a module's file, and those of its children, which are in `folder`."""
    tokens = [found["token"] for found in TOKEN.finditer(module.file.read_text()) if found["token"]]
    Parser(tokens, with_tests).body(module, folder)


class Parser:
    def __init__(self, tokens, with_tests):
        self.tokens = tokens
        self.with_tests = with_tests
        self.at = 0

    def peek(self, ahead=0):
        place = self.at + ahead
        return self.tokens[place] if 0 <= place < len(self.tokens) else ""

    def body(self, module, folder):
        """Reads to the end of the module's block, or of the file."""
        depth = 0
        while self.at < len(self.tokens):
            token, following = self.peek(), self.peek(1)
            if token == "#" and following in {"[", "!"}:
                self.attribute()
            elif token == "mod" and NAME.fullmatch(following):
                self.child(module, folder)
            elif token == "use":
                self.use(module)
            elif token == "macro_rules" and following == "!":
                module.defines.add(self.peek(2))
                self.at += 3
            elif token in DEFINING and NAME.fullmatch(following):
                if depth == 0:
                    module.defines.add(following)
                # `const fn name`
                self.at += 1 if following in DEFINING else 2
            elif NAME.fullmatch(token) and self.peek(-1) not in {".", "::"}:
                module.paths.add(self.path())
            else:
                depth += (token in OPENING) - (token in CLOSING)
                self.at += 1
                if depth < 0:
                    return

    def path(self):
        names = [self.peek()]
        while self.peek(1) == "::" and NAME.fullmatch(self.peek(2)):
            self.at += 2
            names.append(self.peek())
        self.at += 1
        return tuple(names)

    def attribute(self):
        """Skips an attribute, and with `#[cfg(test)]` what it is about."""
        self.at += 1 + (self.peek(1) == "!")
        start = self.at
        self.group()
        inside = self.tokens[start : self.at]
        if inside[1] == "cfg" and "test" in inside and "not" not in inside and not self.with_tests:
            while self.peek() == "#":
                self.attribute()
            self.skip()

    def group(self):
        """Skips a bracket and everything to the one that closes it."""
        depth = 0
        while True:
            depth += (self.peek() in OPENING) - (self.peek() in CLOSING)
            self.at += 1
            if depth == 0:
                return

    def skip(self):
        is_item = self.peek() in ITEMS
        while (token := self.peek()) and token not in CLOSING:
            if token in OPENING:
                self.group()
                if is_item and token == "{":
                    return
            else:
                self.at += 1
                if token == (";" if is_item else ","):
                    return

    def child(self, module, folder):
        name = self.peek(1)
        self.at += 3
        if self.peek(-1) == "{":
            child = Module(module.file, module)
            self.body(child, folder / name)
        else:
            file = next((file for file in files(folder, name) if file.is_file()), None)
            if file is None:
                sys.exit(f"check-circles: {module.file}: there is no file for `mod {name};`")
            child = Module(file, module)
            read(child, folder / name, self.with_tests)
        module.children[name] = child

    def use(self, module):
        # `pub use`, `pub(crate) use`
        passes_on = self.peek(-1) == "pub" or (self.peek(-1) == ")" and self.peek(-4) == "pub")
        self.at += 1
        # What begins with `::` is another crate's.
        start = ("::",) if self.peek() == "::" else ()
        self.at += len(start)
        for name, path in self.tree(start):
            if name == "*":
                module.globs.append(path)
            else:
                module.imports[name] = path
            if not passes_on:
                module.paths.add(path)

    def tree(self, path):
        """(name, path) of each name that a `use` imports."""
        if self.peek() == "{":
            self.at += 1
            while self.peek() != "}":
                yield from self.tree(path)
                self.at += self.peek() == ","
            self.at += 1
            return
        name = self.peek()
        self.at += 1
        if name == "*":
            yield name, path
        elif self.peek() == "::":
            self.at += 1
            yield from self.tree((*path, name))
        else:
            path = path if name == "self" and path else (*path, name)
            if self.peek() == "as":
                self.at += 2
                yield self.peek(-1), path
            else:
                yield path[-1], path


def files(folder, name):
    return folder / f"{name}.rs", folder / name / "mod.rs"


def found(module, path, root, seen=()):
    """What a path leads to from a module: a Module, (file, name) of a definition, or None."""
    if (module, path) in seen:
        return None
    seen = (*seen, (module, path))
    here = module
    for index, name in enumerate(path):
        if isinstance(here, tuple) or here is None:
            # A variant or an associated function of what is defined there.
            return here
        if name in {"crate", "$crate"}:
            here = root
        elif name == "super":
            here = here.parent
        elif name != "self":
            here = member(here, name, root, seen, is_last=index + 1 == len(path))
    return here


def member(module, name, root, seen, is_last):
    """What a module has under a name. A function and a module may share one."""
    defined = (module.file, name) if name in module.defines else None
    if name in module.children and not (is_last and defined):
        return module.children[name]
    if defined:
        return defined
    if name in module.imports:
        return found(module, module.imports[name], root, seen)
    for path in module.globs:
        source = found(module, path, root, seen)
        if isinstance(source, Module) and (via_glob := member(source, name, root, seen, is_last)):
            return via_glob
    return None


def uses(root):
    """{file: {file that it uses: {names}}}"""
    edges = defaultdict(lambda: defaultdict(set))
    modules = [root]
    while modules:
        module = modules.pop()
        modules += module.children.values()
        for path in module.paths:
            target = found(module, path, root)
            if isinstance(target, tuple) and target[0] != module.file:
                edges[module.file][target[0]].add(target[1])
    return edges


def circles(edges):
    """Sets of files that all reach each other."""
    reached = {}
    for file in edges:
        reached[file] = set()
        ahead = list(edges[file])
        while ahead:
            one = ahead.pop()
            if one not in reached[file]:
                reached[file].add(one)
                ahead += edges.get(one, ())
    circle_of = {
        file: frozenset(one for one in all_reached if file in reached.get(one, ()))
        for file, all_reached in reached.items()
    }
    return sorted({circle for circle in circle_of.values() if circle}, key=sorted)


def report(root, with_tests=False, base=Path()):
    """A text for each circle of a crate: its files, and the names that tie them."""
    edges = uses(crate(root, with_tests))
    for circle in circles(edges):
        lines = [f"{len(circle)} files use each other in a circle:"]
        for file in sorted(circle):
            for other in sorted(circle & set(edges[file])):
                names = ", ".join(sorted(edges[file][other]))
                lines.append(f"  {file.relative_to(base)} uses {other.relative_to(base)}: {names}")
        yield "\n".join(lines)


def targets():
    """(first file, whether it is all tests) of every crate of the workspace, and the workspace."""
    command = ["cargo", "metadata", "--no-deps", "--format-version", "1"]
    metadata = json.loads(subprocess.check_output(command, text=True))
    roots = [
        (Path(target["src_path"]), "test" in target["kind"])
        for package in metadata["packages"]
        for target in package["targets"]
    ]
    return roots, Path(metadata["workspace_root"])


def main():
    roots, workspace = targets()
    texts = [text for root, is_test in roots for text in report(root, is_test, workspace)]
    if texts:
        sys.exit("check-circles: " + "\n".join(texts))
    print(f"check-circles: {len(roots)} crates, no circle")


if __name__ == "__main__":
    main()

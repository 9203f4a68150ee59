"""Runs the unmodified snippets of docs/clients.md against the functions at FUNCTIONS_URL."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests" / "api" / "running")]

import bundle  # noqa: E402
import tools  # noqa: E402

LAST_LINE = r"404 no_event_type [0-9a-f-]{36}$"
SLOT = r"^20\d\d-\d\d-\d\dT\d\d:\d\d:00\S+ https://calendly\.com/\S+$"


def snippets():
    """{language: code} of the snippets."""
    page = (ROOT / "docs" / "clients.md").read_text()
    found = re.findall(r"^```(sh|python|typescript)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    if sorted(language for language, _ in found) != ["python", "sh", "typescript"]:
        sys.exit(f"clients: one snippet a language is expected, not {[language for language, _ in found]}")
    return dict(found)


def check(language, command, directory, patterns):
    """Runs a command, and exits unless its output matches all patterns."""
    environment = os.environ | {"TOKEN": bundle.token()}
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, text=True, timeout=120)
    missing = [pattern for pattern in patterns if not re.search(pattern, done.stdout, re.MULTILINE)]
    if done.returncode != 0 or missing:
        sys.exit(f"clients: {language}: exit code {done.returncode}, without {missing}\n{done.stdout}{done.stderr}")
    print(f"clients: {language}: {len(done.stdout.splitlines())} lines, as expected", flush=True)


def typescript(directory, text):
    """Compiles the program with all compiler checks, and returns the command that runs it."""
    modules = tools.npm("api") / "node_modules"
    (directory / "node_modules").symlink_to(modules)
    shutil.copy(ROOT / "openapi.yaml", directory)
    (directory / "package.json").write_text('{"type": "module"}')
    (directory / "client.ts").write_text(text)
    binaries = modules / ".bin"
    options = ["--strict", "--target", "es2022", "--module", "nodenext", "--lib", "es2022,dom,dom.iterable"]
    check("openapi-typescript", [binaries / "openapi-typescript", "openapi.yaml", "-o", "calendly-functions.ts"],
          directory, [])  # fmt: skip
    check("tsc", [binaries / "tsc", *options, "--types", "node", "client.ts"], directory, [])
    return ["node", "client.js"]


def main():
    texts = snippets()
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        check("curl", ["sh", "-euc", texts["sh"]], directory, [r'^\{"collection":\[\{.*"available":true'])
        program = directory / "client.py"
        program.write_text(texts["python"])
        slugs = [r"^https://api\.calendly\.com/users/", r"^catch-up 15$"]
        check("Python", [sys.executable, program], directory, [*slugs, SLOT, LAST_LINE])
        check("TypeScript", typescript(directory, texts["typescript"]), directory, [SLOT, LAST_LINE])


if __name__ == "__main__":
    main()

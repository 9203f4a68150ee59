"""Containers for `sam local` without Docker and without an image registry.

Runs a podman service with storage in a temporary directory, and builds an image from this machine's busybox,
C library and certificate authorities. Leaves no container, image or file, and does not touch other services.
"""

import os
import platform
import re
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from pathlib import Path

# {Python's name of an architecture: SAM's}
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}

# Certificate authorities on Debian and on Fedora.
CERTIFICATES = ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt"]
# Programs that `sam` runs before the function starts, and a few for debugging.
APPLETS = "sh mv chmod cp rm ls cat mkdir env sleep ps id".split()
# Includes the user that `sam` runs functions as.
USERS = "root:x:0:0:root:/root:/bin/sh\nsbx_user1051:x:993:990::/home/sbx_user1051:/bin/sh\n"
# Some hosts refuse podman's default limits.
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=10000:10000", "nproc=20000:20000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "none"
"""

START_SECONDS = 60
COMMAND_SECONDS = 120


class ContainersUnavailable(Exception):
    """This machine cannot run the containers; the message says what is missing."""


def architecture():
    """This machine's architecture, as the template names it."""
    machine = platform.machine()
    if os.geteuid() != 0:
        raise ContainersUnavailable("The containers' network needs root: sudo make sam-test")
    if platform.system() != "Linux" or machine not in ARCHITECTURES:
        raise ContainersUnavailable(
            f"The functions are Linux binaries for x86_64 or arm64; this is {platform.system()} on {machine}."
        )
    return ARCHITECTURES[machine]


class Containers:
    """A podman service with Docker's API at `socket`. Runs during the `with` block."""

    # The host name of this machine inside containers.
    machine = "host.containers.internal"

    def __init__(self, processes):
        self._processes = processes
        self._folder = Path(tempfile.mkdtemp(prefix="sam-test-"))
        self.socket = self._folder / "podman.sock"
        (self._folder / "containers.conf").write_text(CONTAINERS_CONF)
        self.environment = {"CONTAINERS_CONF": str(self._folder / "containers.conf")}
        self._podman = ["podman"]
        for option, name in {
            "--root": "storage",
            "--runroot": "run",
            "--tmpdir": "tmp",
            "--network-config-dir": "networks",
        }.items():
            self._podman += [option, str(self._folder / name)]

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        self._processes.start(
            "podman",
            [*self._podman, "system", "service", "--time=0", f"unix://{self.socket}"],
            env=os.environ | self.environment,
        )
        deadline = time.monotonic() + START_SECONDS
        while not self._answers():
            self._processes.check()
            if time.monotonic() > deadline:
                raise ContainersUnavailable(f"podman does not answer. {self._processes.last_lines('podman')}")
            time.sleep(0.1)

    def __exit__(self, *_):
        # Including containers of an interrupted `sam`.
        self._run("rm", "--all", "--force", "--time=0", check=False)
        self._run("network", "prune", "--force", check=False)
        self._run("image", "rm", "--all", "--force", check=False)
        shutil.rmtree(self._folder, ignore_errors=True)

    def make_image(self, name, executables):
        """Makes an image in which the executables run, under the name that `sam` looks for."""
        root, archive = self._folder / "root", self._folder / "image.tar"
        for folder in ("bin", "etc", "tmp", "var/task", "var/runtime", "opt", "home/sbx_user1051"):
            (root / folder).mkdir(parents=True)
        (root / "tmp").chmod(0o1777)
        for source, target in self._files(executables):
            path = root / target.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, path)
        for applet in APPLETS:
            (root / "bin" / applet).symlink_to("/bin/busybox")
        (root / "etc" / "passwd").write_text(USERS)
        with tarfile.open(archive, "w") as tar:
            tar.add(root, "")
        self._run("import", "--change", "ENV=PATH=/bin:/usr/bin", str(archive), name)

    @staticmethod
    def _files(executables):
        """(file here, path in the image)."""
        yield shutil.which("busybox"), "/bin/busybox"
        bundle = next((path for path in CERTIFICATES if os.path.exists(path)), None)
        if bundle:
            yield bundle, "/etc/pki/tls/certs/ca-bundle.crt"
        # The C library, its companions and their loader.
        listing = subprocess.run(["ldd", *executables], capture_output=True, text=True, check=True).stdout
        for path in sorted(set(re.findall(r"(/\S+) \(0x", listing))):
            yield path, path

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket))
                return True
            except OSError:
                return False

    def _run(self, *arguments, check=True):
        result = subprocess.run(
            [*self._podman, *arguments],
            env=os.environ | self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_SECONDS,
            check=False,
        )
        if check and result.returncode != 0:
            raise ContainersUnavailable(f"podman {arguments[0]} failed: {result.stderr.strip()}")

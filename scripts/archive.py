"""The zip file of a function: its executable only, reproducible byte for byte."""

import io
import zipfile

# The file name that Lambda's `provided` runtimes start.
NAME = "bootstrap"
# The earliest time of the zip format, so that builds are reproducible.
TIMESTAMP = (1980, 1, 1, 0, 0, 0)
UNIX = 3
# A regular file that all users can execute: Lambda runs it as another user.
MODE = 0o100755


def zipped(executable):
    """The zip file of an executable's bytes, as bytes.

    They depend only on the executable and on Python's zlib.
    """
    entry = zipfile.ZipInfo(NAME, TIMESTAMP)
    entry.create_system = UNIX
    entry.external_attr = MODE << 16
    entry.compress_type = zipfile.ZIP_DEFLATED
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zip_file:
        zip_file.writestr(entry, executable, compresslevel=9)
    return archive.getvalue()

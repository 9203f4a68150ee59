"""The files of `make release-artifacts`, and the scripts that make them."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

DIST = ROOT / "dist"
ARCHITECTURES = os.environ["ARCHITECTURES"].split()

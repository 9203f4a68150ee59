"""What `make release-artifacts` made, and the scripts that made it."""

import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

DIST = ROOT / "dist"
ARCHITECTURES = os.environ["ARCHITECTURES"].split()

"""The settings of template.yaml, for comparison with the examples."""

import sys
from pathlib import Path

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

TEMPLATE = yaml_parse((ROOT / "template.yaml").read_text())
FUNCTION = TEMPLATE["Globals"]["Function"]
VARIABLES = set(FUNCTION["Environment"]["Variables"])
MEMORY = TEMPLATE["Parameters"]["MemorySize"]["Default"]
THROTTLING = {
    name: TEMPLATE["Parameters"][name]["Default"] for name in ("ThrottlingRateLimit", "ThrottlingBurstLimit")
}

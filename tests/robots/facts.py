"""The measured numbers of XBot-L (`xbot_l_facts.yaml`)."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Dict

import yaml

from humanoid_envs.robots import XBOT_L

FACTS: Dict[str, Any] = yaml.safe_load(Path(__file__).with_name("xbot_l_facts.yaml").read_text())
LINKS: Dict[str, Dict[str, Any]] = FACTS["links"]
MOVING = {name: link for name, link in LINKS.items() if "joint" in link}
FEET: Dict[str, str] = {"left": XBOT_L.foot_bodies[0], "right": XBOT_L.foot_bodies[1]}

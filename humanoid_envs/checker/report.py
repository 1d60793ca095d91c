"""What a check finds, collected and raised together."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Dict, Optional, Sequence, Tuple

from gymnasium.vector import AutoresetMode


@dataclass(frozen=True)
class Finding:
    """One property that the environment breaks."""

    property: str
    """What should hold, e.g. `"reward shape"`."""
    observed: str
    """What was seen instead, with the values."""
    remedy: str
    """What to change."""
    modes: Tuple[AutoresetMode, ...] = ()
    """The autoreset modes in which it was seen; empty if it is about none of them."""

    def __str__(self) -> str:
        where = f" [{', '.join(mode.name for mode in self.modes)}]" if self.modes else ""
        return f"{self.property}{where}: {self.observed}. Remedy: {self.remedy}."


class VectorEnvError(AssertionError):
    """An environment breaks the rules; `findings` has every broken property."""

    def __init__(self, name: str, findings: Sequence[Finding]) -> None:
        self.findings = tuple(findings)
        lines = [f"  {number}. {finding}" for number, finding in enumerate(findings, 1)]
        super().__init__("\n".join([f"{name} breaks {len(lines)} rule(s) of a vector environment:", *lines]))


class VectorEnvWarning(UserWarning):
    """Something could not be checked, or is allowed but likely to surprise."""


class Report:
    """Collects findings: the first of each property, and the autoreset modes in which it shows."""

    def __init__(self, silent: bool = False) -> None:
        """silent: without warnings."""
        self.findings: Dict[str, Finding] = {}
        self._silent = silent
        self.mode: Optional[AutoresetMode] = None
        """The mode now under check."""

    def add(self, name: str, observed: str, remedy: str) -> None:
        finding = self.findings.setdefault(name, Finding(name, observed, remedy))
        if self.mode is not None and self.mode not in finding.modes:
            self.findings[name] = replace(finding, modes=(*finding.modes, self.mode))

    def warn(self, text: str) -> None:
        if self._silent:
            return
        where = "" if self.mode is None else f"{self.mode.name}: "
        warnings.warn(where + text, VectorEnvWarning, stacklevel=2)

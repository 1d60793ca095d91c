"""The page's HTML, as Jinja's templates: what they are given is text unless it is marked as HTML."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jinja2


@lru_cache(maxsize=None)
def environment() -> jinja2.Environment:
    """Where the templates are found."""
    loader = jinja2.PackageLoader(__name__, "")
    return jinja2.Environment(
        loader=loader, autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )


def blocks() -> Any:
    """The macros of `blocks.html`, which give HTML."""
    return environment().get_template("blocks.html").module

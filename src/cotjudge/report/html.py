"""A page as one HTML file: no script, no request, light and dark. The door to jinja2."""

from __future__ import annotations

import base64
import hashlib
import re
from itertools import groupby
from pathlib import Path
from typing import Any

from cotjudge.report.page import Figure, Page, Section, Table, Text

_FOLDER = Path(__file__).parent
_KINDS = {Text: "text", Table: "table", Figure: "figures"}
# Characters that HTML does not allow, and those that reorder or hide text; shown by their number as in the terminal.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


def render(page: Page) -> str:
    """The page as HTML.

    Its policy (Content-Security-Policy) lets in its own style sheet, known by its hash, and nothing else: no script, no
    image, no font, no form, no frame.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_harmless,
    )
    style = (_FOLDER / "page.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    sections = [{"id": f"s{at}", "heading": s.heading, "blocks": _blocks(s)} for at, s in enumerate(page.sections, 1)]
    return environment.get_template("page.html.j2").render(page=page, style=style, digest=digest, sections=sections)


def _blocks(section: Section) -> list[dict[str, Any]]:
    """The parts with their kinds; figures that follow one another are one block."""
    blocks: list[dict[str, Any]] = []
    for kind, parts in groupby(section.parts, lambda part: _KINDS[type(part)]):
        if kind == "figures":
            blocks.append({"kind": kind, "figures": list(parts)})
        else:
            blocks += [{"kind": kind, "part": part} for part in parts]
    return blocks


def _harmless(value: object) -> object:
    """What a trace or a database wrote: characters that would reorder, hide or break the page become their number."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return _UNSAFE.sub(lambda found: f"<U+{ord(found.group()):04X}>", value.replace("\r\n", "\n"))

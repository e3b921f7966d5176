"""SQL text cut into statements, so that a prompt knows where one ends and a file can hold several."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What may hold a semicolon that ends nothing: comments, texts, names in quotation marks, dollar-quoted texts. Each
# runs to the end of the text where it is not closed.
_PIECE = re.compile(
    r"""(?P<comment>--[^\n]*|/\*.*?(?:\*/|\Z))"""
    r"""|(?<!\w)[eE]'(?:[^'\\]|\\.|'')*(?:'|\Z)|'[^']*(?:'|\Z)|"[^"]*(?:"|\Z)"""
    r"""|(?P<tag>\$(?:[A-Za-z_]\w*)?\$).*?(?:(?P=tag)|\Z)|(?P<end>;)|[^-/eE'"$;\s]+|\s+|.""",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Statements:
    """The statements of a text."""

    whole: tuple[str, ...]
    """Those that a semicolon ends, without it; empty ones are left out."""
    rest: str
    """What stands behind the last semicolon; empty where that is nothing but space and comments."""

    @property
    def all(self) -> tuple[str, ...]:
        """Every statement; the last needs no semicolon."""
        return (*self.whole, self.rest) if self.rest else self.whole


def split(text: str) -> Statements:
    """Cut a text at the semicolons that end statements."""
    whole: list[str] = []
    begin, said = 0, False
    for piece in _PIECE.finditer(text):
        if piece["end"]:
            if said:
                whole.append(text[begin : piece.start()].strip())
            begin, said = piece.end(), False
        elif not piece["comment"] and not piece.group().isspace():
            said = True
    return Statements(tuple(whole), text[begin:].strip() if said else "")

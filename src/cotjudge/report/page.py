"""What a report is made of. Every text is plain text: it is escaped where the page is made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A paragraph."""

    text: str
    """Its words."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table."""

    columns: tuple[str, ...]
    """Headings."""
    rows: tuple[tuple[str, ...], ...]
    """Cells, as many as there are headings."""
    caption: str = ""
    """What it shows."""
    numbers: bool = True
    """Whether all columns but the first are numbers, and stand to the right."""


@dataclass(frozen=True, slots=True)
class Figure:
    """A drawing."""

    svg: str
    """An SVG element, as `charts` makes it; the one thing that is not escaped."""
    caption: str
    """What it shows, also to those who cannot see it."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands below it; neighbouring figures stand side by side."""

    heading: str
    """The heading."""
    parts: tuple[Text | Table | Figure, ...]
    """From top to bottom."""


@dataclass(frozen=True, slots=True)
class Page:
    """A report."""

    title: str
    """What it is."""
    lead: str
    """One paragraph on how it was made."""
    sections: tuple[Section, ...]
    """From top to bottom; a list of contents leads to each."""

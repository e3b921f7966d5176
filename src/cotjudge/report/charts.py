"""Figures as SVG, in colours that stand on light and dark. The door to altair and vl-convert.

Numbers and our own titles only: no text of a trace or a database goes into a figure; captions hold those.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_INK = "currentColor"
_LINE = "#3d8bda"  # 3:1 and more on white and on the dark paper
_FAINT = 0.35


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a curve; both axes go from 0 to 1."""

    x: float
    """To the right."""
    y: float
    """Upwards."""
    low: float | None = None
    """The lower end of its interval, if it has one."""
    high: float | None = None
    """The upper end."""


def curve(points: Sequence[Point], *, x: str, y: str, marked: bool = False) -> str:
    """A curve in the unit square, with the diagonal.

    Args:
        points: from left to right.
        x: what the horizontal axis shows.
        y: what the vertical axis shows.
        marked: whether each point is marked, with its interval.

    Returns:
        An SVG element.
    """
    import altair as alt

    places = [{"x": p.x, "y": p.y, "low": p.low, "high": p.high, "order": at} for at, p in enumerate(points)]
    base = alt.Chart(alt.InlineData(values=places))
    horizontal = alt.X("x:Q", title=x, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=5))
    vertical = alt.Y("y:Q", title=y, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(tickCount=5))
    diagonal = (
        alt.Chart(alt.InlineData(values=[{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
        .mark_line(color=_INK, opacity=_FAINT, strokeDash=[4, 4], strokeWidth=1)
        .encode(horizontal, vertical)
    )
    line = base.mark_line(color=_LINE, strokeWidth=2).encode(horizontal, vertical, order="order:Q")
    layers = [diagonal, line]
    if marked:
        ends = base.transform_filter("datum.low !== null").mark_rule(color=_LINE, opacity=0.6)
        layers += [
            ends.encode(horizontal, alt.Y("low:Q", title=y), y2="high:Q"),
            base.mark_circle(color=_LINE, size=40, opacity=1).encode(horizontal, vertical),
        ]
    return _svg(alt.layer(*layers).properties(width=240, height=240))


def _svg(chart: Any) -> str:
    """A chart as an SVG element without anything that a strict policy would refuse."""
    import vl_convert

    axis: dict[str, Any] = {"labelColor": _INK, "titleColor": _INK, "tickColor": _INK, "domainColor": _INK}
    axis |= {"gridColor": _INK, "gridOpacity": 0.12, "titleFontWeight": "normal"}
    plain = chart.configure(background="transparent", axis=axis, view={"stroke": None})
    svg = vl_convert.vegalite_to_svg(plain.to_json(), vl_version=_version(vl_convert.get_vegalite_versions()))
    return re.sub(r' style="[^"]*"', "", svg[svg.index("<svg") :])


def _version(versions: Sequence[str]) -> str:
    """The version of Vega-Lite that altair writes, where vl-convert has it."""
    import altair as alt

    major_minor = ".".join(alt.SCHEMA_VERSION.lstrip("v").split(".")[:2])
    return major_minor if major_minor in versions else max(versions, key=lambda v: [int(n) for n in v.split(".")])

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

import cotjudge.report
from cotjudge.errors import SettingsError
from cotjudge.report.charts import Point, curve
from cotjudge.report.html import render
from cotjudge.report.page import Figure, Page, Section, Table, Text

HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)> \u202e\x1b[31m & \"'"


class _Tags(HTMLParser):
    """Every tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


@pytest.fixture(scope="module")
def figure() -> str:
    return curve([Point(0, 0), Point(0.5, 0.8, 0.6, 0.9), Point(1, 1)], x="false-alarm rate", y="recall", marked=True)


@pytest.fixture(scope="module")
def page(figure: str) -> str:
    table = Table((HOSTILE, "n"), ((HOSTILE, "1"),), HOSTILE)
    sections = (
        Section(HOSTILE, (Text(HOSTILE), table, Figure(figure, HOSTILE), Figure(figure, "b"))),
        Section("Other", (Text("t"),)),
    )
    return render(Page(HOSTILE, HOSTILE, sections))


def test_text_of_others_is_text(page: str) -> None:
    """Wherever it stands: title, heading, paragraph, cell, caption. Characters that reorder or hide are shown."""
    tags = {tag for tag, _ in _Tags(page).tags}
    assert not tags & {"script", "img", "iframe", "object", "embed", "form", "link", "base"}
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 10
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "&lt;U+202E&gt;" in page


def test_a_page_asks_for_nothing(page: str) -> None:
    """No attribute leads out of the file, and the policy lets in the style sheet by its hash and nothing else."""
    tags = _Tags(page).tags
    for tag, attributes in tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes), (tag, attributes)
        leading = [str(attributes[name]) for name in ("src", "href", "xlink:href", "srcset") if name in attributes]
        assert all(target.startswith("#") for target in leading)
    (policy,) = (a["content"] for t, a in tags if a.get("http-equiv") == "Content-Security-Policy")
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert "url(" not in style
    assert "prefers-color-scheme: dark" in style


def test_the_contents_lead_to_every_section(page: str) -> None:
    """Each link of the list has a section with that id."""
    tags = _Tags(page).tags
    targets = {str(a["href"]).removeprefix("#") for t, a in tags if t == "a"}
    assert targets == {str(a["id"]) for t, a in tags if t == "section"} == {"s1", "s2"}


def test_a_figure_is_svg_in_the_ink_of_the_page(figure: str) -> None:
    """Axes and titles take the colour of the text around, so that one drawing stands on light and on dark."""
    root = ET.fromstring(figure)  # noqa: S314 (our own)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    texts = [e for e in root.iter("{http://www.w3.org/2000/svg}text") if e.text]
    assert {"recall", "false-alarm rate"} <= {e.text for e in texts}
    assert {e.get("fill") for e in texts} == {"currentColor"}
    assert not any(e.tag.endswith("script") for e in root.iter())


def test_a_page_without_contents_has_one_section() -> None:
    """A list of one entry helps nobody."""
    assert "<nav" not in render(Page("T", "l", (Section("S", (Text("t"),)),)))


def test_the_room_itself_loads_no_library() -> None:
    """A missing library is named with its cure before any is imported."""
    code = "import sys, cotjudge.report, cotjudge.report.html, cotjudge.report.charts; cotjudge.report.require();"
    code += f"print(set({cotjudge.report.LIBRARIES}) & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "set()"
    with pytest.raises(SettingsError, match=r"needs chartlib: pip install 'cotjudge\[report\]'"):
        cotjudge.report.require(("jinja2", "chartlib"))

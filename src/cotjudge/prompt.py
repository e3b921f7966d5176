"""The prompt: a rubric and a trace as chat messages.

The trace stands first, so that all rubrics of one trace share it as a prefix that a provider can cache; the
rubric stands last, so that the last words are ours. Templates are the text files in `prompts/`, filled in one
pass: text of a trace is never read as a template.

Our own lines begin at the left edge and carry a marker that no text can contain; every line of a trace's text is
indented by one space, so none of it can stand where ours do, in whatever letters. Control tokens of chat templates
are broken by full-width characters. Both are folded away when quotes are looked up.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from importlib.resources import files
from string import Template
from typing import Any, Literal

from cotjudge.rubric import Criterion, Example, ExtraField, JudgedText, Rubric
from cotjudge.trace import Excerpt, Segment, Trace

RENDERING = "2"
"""Version of what this module does to a trace; raised when the same templates would give another prompt."""

TEMPLATES = ("system", "trace", "rubric", "question", "schema")
"""What every prompt with one rubric is made of."""

Wording = Literal["", "brief", "formal"]
"""The prompt as it is, or one of its paraphrases in a folder of that name: they ask the same in other words."""
_PARAPHRASED = frozenset({"system", "rubric", "bundle", "question"})
Message = dict[str, Any]

JUDGED: dict[JudgedText, str] = {
    "reasoning": "the model's reasoning (segments assistant | reasoning)",
    "response": "what the model said and did (segments assistant | content and assistant | tool_call)",
    "both": "all that the model wrote (every assistant segment)",
}
"""What a rubric judges, in words."""
_MODEL = "any assistant segment"
_ANY = "any segment, whoever wrote it"


@cache
def template(name: str) -> str:
    """The text of one template file; `WORDING/NAME` for a paraphrase."""
    return files("cotjudge").joinpath("prompts", f"{name}.txt").read_text(encoding="utf-8").rstrip("\n")


def templates(*, shots: int = 0, bundle: bool = False, wording: Wording = "") -> tuple[str, ...]:
    """The templates that a prompt of this kind is made of; see `rubric_block` and `bundle_block`."""
    asked = (_worded("bundle" if bundle and name == "rubric" else name, wording) for name in TEMPLATES)
    return (*asked, *(("member",) if bundle else ()), *(("examples", "example") if shots else ()))


@cache
def version(names: tuple[str, ...] = TEMPLATES) -> str:
    """12 hex digits over these template files and `RENDERING`: what the judgement key knows of the prompt."""
    parts = "\0".join([RENDERING, *map(template, names)])
    return hashlib.blake2b(parts.encode(), digest_size=6).hexdigest()


def _worded(name: str, wording: Wording) -> str:
    return f"{wording}/{name}" if wording and name in _PARAPHRASED else name


def fill(name: str, **values: str) -> str:
    """A template with its placeholders filled in one pass; unknown ones stay, values are not looked into."""
    return Template(template(name)).safe_substitute(values)


def messages(trace_text: str, rubric_text: str, *, mark_cache: bool = False, wording: Wording = "") -> list[Message]:
    """The conversation that asks a rubric about a trace: it begins alike for every rubric, up to the trace's end.

    Args:
        trace_text: what `trace_block` gives.
        rubric_text: what `rubric_block` or `bundle_block` gives.
        mark_cache: whether to mark the end of the trace for providers that cache only what is marked (Anthropic);
            the same text, in two parts.
        wording: which paraphrase of the system prompt; the same as the rubric's.
    """
    asked = f"\n\n{rubric_text}"
    content: Any = trace_text + asked
    if mark_cache:
        kept = {"type": "text", "text": trace_text, "cache_control": {"type": "ephemeral"}}
        content = [kept, {"type": "text", "text": asked}]
    return [{"role": "system", "content": template(_worded("system", wording))}, {"role": "user", "content": content}]


# --- the trace


class Piece(Segment):
    """A part of a segment that is too long to be shown whole."""

    number: int
    """Which part, from 1."""
    start: int
    """Offset of its first character in the segment's text."""
    of: int
    """How many parts the segment is cut into; each overlaps the one before."""


def trace_block(trace: Trace) -> str:
    """The trace, fenced by a marker made of its own hash, each segment under a numbered header.

    Of a trace that is shown in part (see `Trace.excerpt`), a note of ours says which part.
    """
    marker = trace.trace_id[:16]
    shown_segments = trace.segments
    blocks = [segment_block(segment, marker) for segment in shown_segments]
    total = _count(trace) if isinstance(trace, Excerpt) else len(shown_segments)
    if len(shown_segments) < total:
        indices = [segment.index for segment in shown_segments] or [0]
        blocks.insert(0, window_note(marker, indices[0], indices[-1], total))
    return fill("trace", marker=marker, segments="\n\n".join(blocks))


def segment_block(segment: Segment, marker: str) -> str:
    """One segment under its header, with a note on what is hidden in it."""
    part = f"{segment.part} | part {segment.number} of {segment.of}" if isinstance(segment, Piece) else segment.part
    header = f"[segment {segment.index} | turn {segment.turn} | {_one_word(segment.role)} | {part} | #{marker}]"
    visible, hidden = _without_hidden(segment.text)
    note = _note(hidden, marker) if hidden else ""
    return f"{header}\n{_harmless(visible)}{note}"


def window_note(marker: str, first: int, last: int, total: int) -> str:
    """The line that says which segments of a trace are shown."""
    which = f"segment {first}" if first == last else f"segments {first} to {last}"
    return f"[note | #{marker} | shown here: {which} of a trace of {total}, numbered from 0]"


def _count(excerpt: Excerpt) -> int:
    return sum(bool(turn.reasoning) + bool(turn.content) + len(turn.tool_calls) for turn in excerpt.turns)


def _one_word(role: str) -> str:
    return re.sub(r"[^\w.-]+", "_", role) or "_"


# All of category Cc or Cf, which evidence folds away: a quote copied from the shown text is still found.
_HIDDEN = re.compile(
    r"[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\xad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f"
    r"\ufeff\ufff9-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f]"
    r"(?<!(?<=[^\x00-\x7f])[\u200c\u200d](?=[^\x00-\x7f]))"  # joiners belong between letters of many scripts, and emoji
)
# Text that imitates our fences or headers, or the control tokens of a chat template. The full-width form is folded to
# the plain one when quotes are looked up. Possessive, so that long runs of spaces cost no more than their length.
_IMITATION = re.compile(
    r"[<\[](?:(?<=<)(?=\s*+(?:[|｜]|<?+/?+\s*+(?i:(?:trace|example)\b|(?:s|bos|eos|sop|unk|pad)>|SYS>|im_(?:start|end|sep)\b"
    r"|(?:start|end)_(?:of_turn|header_id)>|think(?:ing)?>|tool_(?:call|response)s?>)))"
    r"|(?<=\[)(?=\s*+(?:(?i:segment|note)\b|/?+(?i:INST|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|SYSTEM_PROMPT|gMASK)\])))"
)
_FULL_WIDTH = {"<": "＜", "[": "［"}
_LINE_BREAK = re.compile(r"([\n\r\v\f\x1c-\x1e\x85\u2028\u2029])(?=[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029])")


def shown(text: str) -> str:
    """A passage as the judge sees it: indented, without hidden characters, and unable to pass for our own lines."""
    return _harmless(_without_hidden(text)[0])


def _harmless(visible: str) -> str:
    if "<" in visible or "[" in visible:
        visible = _IMITATION.sub(lambda match: _FULL_WIDTH[match.group()], visible)
    indented = _LINE_BREAK.sub(r"\1 ", visible)  # whatever breaks a line for some reader; empty lines stay empty
    return indented if _LINE_BREAK.match(f"{indented[:1]}.") else f" {indented}"


def _without_hidden(text: str) -> tuple[str, Counter[str]]:
    if text.replace("\n", "").isprintable():  # ten times as fast as the pattern
        return text, Counter()
    hidden = Counter(_HIDDEN.findall(text))
    return (_HIDDEN.sub("", text) if hidden else text), hidden


def _note(hidden: Counter[str], marker: str) -> str:
    counts = sorted((f"U+{ord(char):04X}", count) for char, count in hidden.items())
    listed = ", ".join(f"{name} x{count}" for name, count in counts)
    return f"\n[note | #{marker} | hidden characters left out of this segment: {listed}]"


# --- the rubric


def rubric_block(rubric: Rubric, *, schema: str = "", shots: int = 0, wording: Wording = "") -> str:
    """The rubric as it stands after the trace.

    Args:
        rubric: the rubric.
        schema: JSON schema of the reply, for a provider that is not told it beside the prompt.
        shots: how many of its worked examples are shown at most; see `worked_examples`.
        wording: which paraphrase.
    """
    counter = "; for each answer also quote the strongest passage against it" if rubric.counter_evidence else ""
    body = _body(rubric, shots, wording)
    return _with_schema(fill(_worded("rubric", wording), body=body, counter=counter), schema)


def bundle_block(rubrics: Sequence[Rubric], *, schema: str = "", shots: int = 0, wording: Wording = "") -> str:
    """Several rubrics that are asked together, as they stand after the trace.

    Args:
        rubrics: the rubrics, in the order in which they are to be answered.
        schema: JSON schema of the reply, for a provider that is not told it beside the prompt.
        shots: how many worked examples of each are shown at most.
        wording: which paraphrase.
    """
    contrary = ", ".join(rubric.id for rubric in rubrics if rubric.counter_evidence)
    counter = f"; for each answer to {contrary} also quote the strongest passage against it" if contrary else ""
    members = [fill("member", id=rubric.id, body=_body(rubric, shots, wording)) for rubric in rubrics]
    block = fill(
        _worded("bundle", wording),
        count=str(len(rubrics)),
        ids=", ".join(rubric.id for rubric in rubrics),
        rubrics="\n\n".join(members),
        counter=counter,
    )
    return _with_schema(block, schema)


def worked_examples(rubric: Rubric, shots: int) -> tuple[Example, ...]:
    """Up to so many examples of a rubric: one of each label in turn, so that a few of them do not all say the same."""
    nth: Counter[str] = Counter()
    ranked = []
    for position, example in enumerate(rubric.examples):
        ranked.append((nth[example.label], position, example))
        nth[example.label] += 1
    return tuple(example for _, _, example in sorted(ranked, key=lambda entry: entry[:2])[:shots])


def _with_schema(block: str, schema: str) -> str:
    return f"{block}\n\n{fill('schema', schema=schema)}" if schema else block


def _body(rubric: Rubric, shots: int, wording: Wording) -> str:
    body = fill(
        _worded("question", wording),
        title=rubric.title,
        question=_flat(rubric.question),
        definition=_flat(rubric.definition),
        judged=JUDGED[rubric.judges],
        exclusions=_bullets(map(_flat, rubric.exclusions)),
        hard_negatives=_bullets(map(_flat, rubric.hard_negatives)),
        criteria="\n".join(_criterion(name, c, rubric.judges) for name, c in rubric.criteria.items()),
        fields=_bullets(_field(name, f) for name, f in rubric.fields.items()),
    )
    chosen = worked_examples(rubric, shots)
    if not chosen:
        return body
    examples = "\n\n".join(_example(number, example, rubric) for number, example in enumerate(chosen, start=1))
    return f"{body}\n\n{fill('examples', examples=examples)}"


def _example(number: int, example: Example, rubric: Rubric) -> str:
    passages = {"context": example.context, "reasoning": example.reasoning, "response": example.response}
    answers = {name: c.negative for name, c in rubric.criteria.items()} | example.answers
    return fill(
        "example",
        number=str(number),
        passages="\n".join(f"{name}:\n{shown(text.strip())}" for name, text in passages.items() if text),
        answers=", ".join(f"{name} {answer}" for name, answer in answers.items()),
        why=_flat(example.why),
    )


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "(nothing)"


def _flat(text: str) -> str:
    return " ".join(text.split())


def place(criterion: Criterion, judges: JudgedText) -> str:
    """Where a criterion's quotes may stand, in words."""
    return {"judged": JUDGED[judges], "model": _MODEL, "any": _ANY}[criterion.evidence]


def _criterion(name: str, criterion: Criterion, judges: JudgedText) -> str:
    where = place(criterion, judges)
    optional = "a quote where there is one" if criterion.quote == "optional" else "quotes"
    lines = [f"### {name}", _flat(criterion.text)]
    lines += [_flat(criterion.guidance)] if criterion.guidance else []
    lines += [f"Choices: {' | '.join(criterion.choices)}. With {optional} from {where}."]
    return "\n".join(lines)


def _field(name: str, field: ExtraField) -> str:
    kinds = {"choice": f"one of {' | '.join(field.choices)}", "list": "a list of short texts"}
    return f"{name} ({kinds.get(field.type, field.type)}): {_flat(field.description)}"

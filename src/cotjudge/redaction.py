"""Redaction: private text is masked before a trace leaves the house, character by character, so that offsets hold."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from cotjudge.cues import PatternSet, fault
from cotjudge.errors import SettingsError
from cotjudge.trace import Trace

VERSION = "1"
"""Raised when the same patterns may mask other text."""

BLOCK = "█"
"""What stands in place of each masked character."""

_NO_LINE_END = re.compile(r"[^\r\n]")


@dataclass(frozen=True, slots=True)
class _Private:
    """One kind of private text: an RE2 pattern, and a second look at what it matched."""

    pattern: str
    counts: Callable[[bytes, int, int], bool] | None = None


def _has_digit(text: bytes, start: int, end: int) -> bool:
    """A credential holds a digit; `Bearer authentication` and `api_key = get_api_key_from_env` do not."""
    return re.search(rb"\d", text[start:end]) is not None


_JOINED_BEFORE = re.compile(rb"[\w/.-]\Z")
_RECKONING_BEFORE = re.compile(rb"[\d*+^][ \t]*\Z")
_GOES_ON_AFTER = re.compile(rb"[-./]?\w|[ \t]*[=*/+^]")
_AROUND = 8


def _is_phone(text: bytes, start: int, end: int) -> bool:
    """Eight to fifteen digits (E.164) or ten (US) that are no part of a longer number, a date, or a calculation."""
    before = text[max(0, start - _AROUND) : start]
    if _JOINED_BEFORE.search(before) or _RECKONING_BEFORE.search(before):
        return False
    return not _GOES_ON_AFTER.match(text, end) and 8 <= len(re.findall(rb"\d", text[start:end])) <= 15


# Letters of scripts that put spaces between words: elsewhere the sentence before an address would go with it.
_LETTER = r"\p{Latin}\p{Cyrillic}\p{Greek}\p{Arabic}\p{Hebrew}\p{Devanagari}\pN"
_EMAIL = rf"[{_LETTER}_%+'&][{_LETTER}._%+'&-]*@(?:[{_LETTER}](?:[{_LETTER}-]*[{_LETTER}])?\.)+[{_LETTER}]{{2,}}"
_INTERNATIONAL = r"\+[1-9]\d{0,2}(?:[ .-]?\(\d{1,4}\))?(?:[ .-]?\d{1,5}){1,7}"
_UNITED_STATES = r"(?:\b1[ .-])?(?:\([2-9]\d\d\)[ -]?|\b[2-9]\d\d[-.])\d{3}[-. ]\d{4}\b"

_KEYS = (
    r"sk-[A-Za-z0-9_-]{16,}|(?:sk|pk|rk)_(?:live|test)_[A-Za-z0-9]{10,}|whsec_[A-Za-z0-9]{16,}",  # OpenAI, Anthropic, Stripe
    r"(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|ANPA|ANVA|AIPA)[A-Z0-9]{16}",  # AWS
    r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{20,}",  # GitHub, GitLab
    r"AIza[A-Za-z0-9_-]{30,}|ya29\.[A-Za-z0-9_-]{20,}|GOCSPX-[A-Za-z0-9_-]{20,}",  # Google
    r"xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-[A-Za-z0-9-]{10,}|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",  # Slack, SendGrid
    r"(?:AC|SK)[0-9a-f]{32}|[0-9]{8,10}:AA[A-Za-z0-9_-]{30,}|dop_v1_[0-9a-f]{32,}",  # Twilio, Telegram, DigitalOcean
    r"(?:hf|gsk|r8|npm|fw|key)_[A-Za-z0-9]{20,}|(?:xai|pplx|nvapi|pypi)-[A-Za-z0-9_-]{20,}",  # model hosts, registries
)
_JWT = r"\beyJ[A-Za-z0-9_-]{6,}\.eyJ[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?"
_BEARER = r"\b(?:bearer|basic)[ \t]+[A-Za-z0-9._~+/-]{12,}={0,2}"
_ASSIGNED = (
    r"\b(?:[A-Za-z0-9]+[_-])*(?:api[_-]?key|(?:access|auth|refresh)[_-]?token|secret[_-]?(?:access[_-]?)?key|client[_-]?secret)"
    r"[\\\"']*[ \t]*[:=][ \t]*[\\\"']*[A-Za-z0-9._~+/-]{16,}={0,2}"
)
# Lines of a key block end in new lines or, inside JSON, in `\n`. The body is consumed whether or not an end follows.
_PRIVATE_KEY = (
    r"-----BEGIN (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----"
    r"(?:(?:\s|\\[nr])*(?:[A-Za-z-]+: [^\n\\]*(?:\n|\\n)|[A-Za-z0-9+/=]{16,}))*"
    r"(?:(?:\s|\\[nr]){0,8}[A-Za-z0-9+/=]{0,64}(?:\s|\\[nr]){0,8}-----END (?:[A-Z0-9]+ ){0,4}PRIVATE KEY(?: BLOCK)?-----)?"
)

_BUILT_IN = (
    _Private(_EMAIL),
    _Private(rf"\b(?-i:{'|'.join(_KEYS)})"),
    _Private(f"(?-i:{_JWT})"),
    _Private(f"(?-i:{_PRIVATE_KEY})"),
    _Private(_BEARER, _has_digit),
    _Private(_ASSIGNED, _has_digit),
    _Private(_INTERNATIONAL, _is_phone),
    _Private(_UNITED_STATES, _is_phone),
)


class Redactor:
    """Masks emails, keys and tokens, phone numbers, and whatever else the user names.

    Every pattern is matched by RE2, in time linear in the text and without regard to case (`(?-i:...)` restores it).

    Args:
        patterns: the user's own regular expressions (RE2 syntax), beside the built-in ones.

    Raises:
        SettingsError: a pattern is not a regular expression; all faulty ones are named.
    """

    def __init__(self, patterns: Sequence[str] = ()) -> None:
        faults = [f"redaction pattern {pattern!r}: {reason}" for pattern in patterns if (reason := fault(pattern))]
        if faults:
            raise SettingsError("; ".join(faults))
        self._kinds = (*_BUILT_IN, *map(_Private, patterns))
        self._set = PatternSet([kind.pattern for kind in self._kinds])

    @cached_property
    def version(self) -> str:
        """12 hex digits over all patterns: what the judgement key knows of the redaction."""
        parts = "\0".join([VERSION, *self._set.patterns])
        return hashlib.blake2b(parts.encode(), digest_size=6).hexdigest()

    def mask(self, text: str) -> str:
        """The text with each private character replaced by `BLOCK`; as long as before, line ends kept."""
        data = text.encode(errors="surrogatepass")
        spans = sorted(self._spans(data))
        if not spans:
            return text
        parts: list[str] = []
        done = 0
        for start, end in spans:
            first = max(start, done)
            if end > first:
                parts += _decode(data[done:first]), _NO_LINE_END.sub(BLOCK, _decode(data[first:end]))
                done = end
        return "".join([*parts, _decode(data[done:])])

    def view(self, trace: Trace) -> Trace:
        """What of a trace may be shown: an excerpt of masked segments, or the trace itself where nothing is private."""
        masked = [self.mask(segment.text) for segment in trace.segments]
        if all(text == segment.text for text, segment in zip(masked, trace.segments, strict=True)):
            return trace
        pairs = zip(trace.segments, masked, strict=True)
        return trace.excerpt(segment.model_copy(update={"text": text}) for segment, text in pairs)

    def _spans(self, data: bytes) -> Iterator[tuple[int, int]]:
        for index in self._set.matching(data):
            kind = self._kinds[index]
            for start, end in self._set.spans(index, data):
                if start < end and (kind.counts is None or kind.counts(data, start, end)):
                    yield _whole(data, start, end)


def _whole(data: bytes, start: int, end: int) -> tuple[int, int]:
    """A span widened to whole characters: RE2 can be told to match single bytes."""
    while start > 0 and data[start] & 0xC0 == 0x80:
        start -= 1
    while end < len(data) and data[end] & 0xC0 == 0x80:
        end += 1
    return start, end


def _decode(data: bytes) -> str:
    return data.decode(errors="surrogatepass")

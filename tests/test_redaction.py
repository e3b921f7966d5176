from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotjudge.errors import SettingsError
from cotjudge.redaction import BLOCK, Redactor
from cotjudge.trace import Source, ToolCall, Trace, Turn

REDACTOR = Redactor()
PRIVATE = {
    "email": "jo.doe+lists@mail.example.co.uk",
    "an address of another script": "вася@почта.рф",
    "an OpenAI key": "sk-proj-Abc123Abc123Abc123Abc123",
    "an Anthropic key": "sk-ant-api03-abcdefghij-KLMNOP_12345",
    "a Stripe key": "sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc",  # in two pieces: scanners of repositories look for these
    "an AWS key id": "AKIAIOSFODNN7EXAMPLE",
    "an AWS secret": "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    "a GitHub token": "ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789",
    "a fine-grained GitHub token": "github_pat_" + "11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz",
    "a GitLab token": "glpat-" + "abcdefghij0123456789",
    "a Google key": "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "a Slack token": "xoxb-" + "123456789012-abcdefghijkl",
    "a Hugging Face token": "hf_" + "abcdefghijklmnopqrstuvwxyz01234567",
    "a bearer token": "Bearer abc.def123-456ghi",
    "an assigned key": "api_key=abcd1234efgh5678ij",
    "an assigned key in JSON": 'access_token": "abcd1234efgh5678ij',
    "a JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl-_x",
    "a private key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq0\nabc=\n-----END RSA PRIVATE KEY-----",
    "a private key in JSON": r"-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq0\nabcd\n-----END PRIVATE KEY-----",
    "an international number": "+44 20 7946 0958",
    "an international number in one piece": "+4915112345678",
    "a US number after its country": "+1 (415) 555-0100",
    "a US number": "(415) 555-0100",
    "a US number with hyphens": "415-555-0100",
    "a US number with full stops": "415.555.0100",
    "a toll-free number": "1-800-555-0199",
}
HARMLESS = (
    "2024-01-15 at 12:30:45, or 15.01.2024, or 2024.01.15, or 1999-12-31T23:59:59Z",
    "1,000,000 + 2,000 = 1,002,000 and 4155550100 is a number",
    "500-200-1000 = -700; 415-555-0100*2; 12345678 +12345678",
    "3.14159265358979, 192.168.100.1, 10.0.0.1:8080, v1.2.3-4567, 2001:db8::1",
    "1 + 2 + 3 + 4 + 5 + 6 + 7 + 8 = 36, which is +36",
    "the bearer authentication scheme, and basic understanding of it",
    "api_key = get_api_key_from_environment()",
    "a risk-management-and-control-of-everything plan; task-oriented-programming-language",
    "@pytest.fixture and user@localhost and a @ b.c",
    "550e8400-e29b-41d4-a716-446655440000 and 978-3-16-148410-0",
    "sha256 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
)


def masked(text: str) -> str:
    return re.sub(r"[^\r\n]", BLOCK, text)


@pytest.mark.parametrize("private", PRIVATE.values(), ids=PRIVATE)
@pytest.mark.parametrize("around", ["{}", "Send it to {}, please.", "“{}”", "{}\nand then", "x: ({})", "好{}好"])
def test_private_text_is_masked_and_nothing_around_it(private: str, around: str) -> None:
    """Each character of it becomes a block, line ends stay, and what stands beside it is not touched."""
    assert REDACTOR.mask(around.format(private)) == around.format(masked(private))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_only_looks_like_it_is_left_alone(text: str) -> None:
    """Dates, numbers of a calculation, addresses of machines, hashes and code are no private text."""
    assert REDACTOR.mask(text) == text


def test_a_key_block_without_its_end_is_masked_as_far_as_it_goes() -> None:
    """A dump may cut a key in two; and the mere mention of one does not blacken the rest of the text."""
    assert REDACTOR.mask("-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA7bq0") == f"{BLOCK * 27}\n{BLOCK * 20}"
    assert REDACTOR.mask("it begins -----BEGIN PRIVATE KEY----- and so on").endswith(f"{BLOCK} and so on")


def test_a_users_pattern_is_masked_beside_the_built_in_ones() -> None:
    """It is matched without regard to case, and may overlap with another match."""
    redactor = Redactor([r"project \w+", r"falcon is", r"x*"])
    assert redactor.mask("Project Falcon is at a@b.example") == f"{BLOCK * 17} at {BLOCK * 11}"


def test_a_bad_pattern_is_the_users_mistake_and_is_named() -> None:
    """All bad ones at once."""
    with pytest.raises(SettingsError, match=r"'\(': missing.*'\(\?=a\)'"):
        Redactor(["fine", "(", "(?=a)"])


def test_the_version_changes_with_every_pattern() -> None:
    """It stands in the judgement key, so that another redaction is another question."""
    versions = {Redactor().version, Redactor(["a"]).version, Redactor(["b"]).version, Redactor(["a", "b"]).version}
    assert len(versions) == 4
    assert Redactor(["a"]).version == Redactor(["a"]).version


def test_a_view_keeps_the_indices_and_the_hash_of_the_trace() -> None:
    """Only the text of segments is masked, tool calls included; a trace without private text is itself."""
    turns = (
        Turn(role="user", content="I am a@b.example."),
        Turn(
            role="assistant",
            reasoning="Call 415-555-0100.",
            tool_calls=(ToolCall(name="f", arguments='"a@b.example"'),),
        ),
    )
    trace = Trace(turns=turns, source=Source(path="t", record="1"))
    view = REDACTOR.view(trace)
    assert [s.text for s in view.segments] == [f"I am {BLOCK * 11}.", f"Call {BLOCK * 12}.", f'f("{BLOCK * 11}")']
    assert [s.index for s in view.segments] == [0, 1, 2]
    assert view.trace_id == trace.trace_id
    plain = Trace(turns=(Turn(role="user", content="nothing"),), source=trace.source)
    assert REDACTOR.view(plain) is plain


@given(
    st.lists(
        st.one_of(st.sampled_from(list(PRIVATE.values())), st.text(max_size=12), st.sampled_from("é好\n ")), max_size=8
    )
)
def test_lengths_hold_and_what_is_not_masked_is_unchanged(pieces: list[str]) -> None:
    """Whatever the text: as many characters as before, each the old one or a block, line ends where they were."""
    text = "".join(pieces)
    result = Redactor([r"é+", r"\C好"]).mask(text)
    assert len(result) == len(text)
    assert all(new in (old, BLOCK) for old, new in zip(text, result, strict=True))
    assert [c for c in result if c in "\r\n"] == [c for c in text if c in "\r\n"]


def test_half_a_character_in_the_text_survives() -> None:
    """A lone surrogate that no reader cleaned up is no reason to fail."""
    assert REDACTOR.mask("\ud800 a@b.example") == f"\ud800 {BLOCK * 11}"


@pytest.mark.parametrize(
    "piece",
    ["a@b.cc.1", "-----BEGIN PRIVATE KEY-----\n\n ", "+1 2 3 4 5 ", "Bearer ", "eyJ", "415-555-", "api_key=", "A_"],
)
def test_hostile_text_costs_no_more_than_its_length(piece: str) -> None:
    """A megabyte that nearly matches everywhere is done in a moment; in quadratic time this test would never end."""
    text = piece * (1_000_000 // len(piece))
    assert len(REDACTOR.mask(text)) == len(text)

"""The one door to instructor: what a reply must look like, how it is read, and how it is asked for again.

instructor's own `create` prepares all of this anew for every call (a third of a call's CPU); its registered
handlers, of which `create` is made, are used directly, so that a rubric's schema is built once.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson
from pydantic import BaseModel, ValidationError

from cotjudge.answer import Answers, bundle_answers, bundle_model, reply_model, to_answers
from cotjudge.errors import SettingsError
from cotjudge.judges.faults import UnreadableReply
from cotjudge.judges.litellm_door import Completion, Format
from cotjudge.prompt import Message
from cotjudge.rubric import Rubric

_FENCED = re.compile(r"\s*```(?:json)?\s*(\{.*\})\s*```\s*", re.DOTALL)


class ReplyForm:
    """The form a reply has to take.

    Args:
        rubrics: what is asked.
        format: how the provider is told.
        together: whether the rubrics are asked as a bundle, the reply holding one part for each under its id.

    Raises:
        SettingsError: the `llm` extra is not installed.
    """

    def __init__(self, rubrics: Sequence[Rubric], format: Format, *, together: bool = False) -> None:  # noqa: A002 (the word used everywhere)
        self._first = rubrics[0].id
        self._together = together
        self._model: type[BaseModel] = bundle_model(rubrics) if together else reply_model(rubrics[0])
        self._handlers = load()
        _, request = self._handlers.request_handler(self._model, {"messages": []})
        schema = request["response_format"]["json_schema"]
        formats: dict[Format, Mapping[str, Any] | None] = {
            "json_schema": {"type": "json_schema", "json_schema": {**schema, "strict": True}},
            "json_object": {"type": "json_object"},
            "text": None,
        }
        self.response_format = formats[format]
        """What litellm is given as response_format."""
        self.schema_text = "" if format == "json_schema" else orjson.dumps(schema["schema"]).decode()
        """The JSON schema, where the prompt has to say it."""
        self.told_beside = len(orjson.dumps(self.response_format)) if format == "json_schema" else 0
        """Bytes of schema that go beside the prompt."""

    def read(self, completion: Completion) -> dict[str, Answers]:
        """The reply as answers: rubric id -> what is said about it.

        Raises:
            UnreadableReply: it does not satisfy the schema.
        """
        fenced = _FENCED.fullmatch(completion.text)
        if fenced:
            completion.response.choices[0].message.content = fenced[1]
        try:
            reply = self._handlers.response_parser(
                response=completion.response, response_model=self._model, strict=False
            )
        except ValidationError as error:
            raise UnreadableReply(str(error)) from error
        if not self._together:
            return {self._first: to_answers(reply)}
        return bundle_answers(reply)

    def ask_again(self, messages: list[Message], completion: Completion, error: UnreadableReply) -> list[Message]:
        """The conversation, with the unusable reply and what is wrong with it."""
        request = {"messages": list(messages)}
        again: list[Message] = self._handlers.reask_handler(request, completion.response, error)["messages"]
        return [message for message in again if message["content"]]


@cache
def load() -> Any:
    """Instructor's handlers for replies by JSON schema.

    Raises:
        SettingsError: the `llm` extra is not installed.
    """
    try:
        from instructor import Mode, Provider
        from instructor.v2 import mode_registry
    except ImportError as error:
        raise SettingsError("an LLM judge needs litellm and instructor: pip install 'cotjudge[llm]'") from error
    return mode_registry.get_handlers(Provider.OPENAI, Mode.JSON_SCHEMA)

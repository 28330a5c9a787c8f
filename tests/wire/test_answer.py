"""The default fold: it takes every piece of an answer, whatever its shape."""

import pytest

from lumeai_cli.wire.answer import Answer, ToolCall, fold
from lumeai_cli.wire.event import (
    BackendError,
    CallPart,
    Done,
    Event,
    Finish,
    KeepAlive,
    Odd,
    OddKind,
    Reasoning,
    Refusal,
    Started,
    Text,
    Usage,
    Via,
)

FIRST_ERROR = BackendError(0, 1.0, "one")
SECOND_ERROR = BackendError(1, 2.0, "two")

TABLE: list[tuple[str, list[Event], Answer]] = [
    ("nothing", [], Answer()),
    ("keep-alives and oddities", [KeepAlive(0, 1.0), Odd(1, 2.0, OddKind.NO_CHOICES)], Answer()),
    (
        "text by every way",
        [Text(0, 1.0, "a"), Text(1, 2.0, "b", Via.MESSAGE), Text(2, 3.0, "c", Via.TEXT), Text(3, 4.0, "d", Via.PARTS)],
        Answer("abcd", first_content_at=1.0),
    ),
    ("white space first", [Text(0, 1.0, " \n"), Text(1, 2.0, "a ")], Answer(" \na ", first_content_at=2.0)),
    ("white space only", [Text(0, 1.0, " \n")], Answer(" \n")),
    (
        "reasoning is no content",
        [Reasoning(0, 1.0, "a", "reasoning"), Reasoning(1, 2.0, "b", "reasoning_content"), Refusal(2, 3.0, "c")],
        Answer(reasoning="ab", refusal="c"),
    ),
    ("refusals", [Refusal(0, 1.0, "n"), Refusal(1, 2.0, "o")], Answer(refusal="no")),
    (
        "the first model name",
        [Started(0, 1.0, "assistant", ""), Started(1, 2.0, "assistant", "m"), Started(2, 3.0, "assistant", "n")],
        Answer(model="m"),
    ),
    ("the last finish", [Finish(0, 1.0, "length"), Finish(1, 2.0, "stop")], Answer(finish="stop")),
    ("the last usage", [Usage(0, 1.0, 1, 1), Usage(1, 2.0, 1, 2)], Answer(usage=Usage(1, 2.0, 1, 2))),
    (
        "what the last usage does not tell",
        [Usage(0, 1.0, 7, 1, 3), Usage(1, 2.0, -1, 9)],
        Answer(usage=Usage(1, 2.0, 7, 9, 3)),
    ),
    (
        "zero is told, too",
        [Usage(0, 1.0, 7, 1, 3), Usage(1, 2.0, 0, 0, 0)],
        Answer(usage=Usage(1, 2.0, 0, 0, 0)),
    ),
    (
        "usage that tells nothing",
        [Usage(0, 1.0, 7, 1), Usage(1, 2.0, -1, -1)],
        Answer(usage=Usage(1, 2.0, 7, 1)),
    ),
    ("every error", [FIRST_ERROR, SECOND_ERROR], Answer(errors=(FIRST_ERROR, SECOND_ERROR))),
    ("done", [Done(0, 1.0)], Answer(done=True)),
    (
        "one call in pieces",
        [
            CallPart(0, 1.0, 0, "c1", "read", ""),
            CallPart(1, 2.0, 0, "", "", '{"a'),
            CallPart(2, 3.0, 0, "", "", '":1}'),
        ],
        Answer(calls=(ToolCall("c1", "read", '{"a":1}'),), first_content_at=1.0),
    ),
    (
        "calls in the order they began",
        [CallPart(0, 1.0, 5, "c5", "b", "1"), CallPart(0, 1.0, -1, "c0", "a", "2"), CallPart(1, 2.0, 5, "", "", "3")],
        Answer(calls=(ToolCall("c5", "b", "13"), ToolCall("c0", "a", "2")), first_content_at=1.0),
    ),
    (
        "id and name come late",
        [CallPart(0, 1.0, 0, "", "", "x"), CallPart(1, 2.0, 0, "c1", "a", ""), CallPart(2, 3.0, 0, "", "", "y")],
        Answer(calls=(ToolCall("c1", "a", "xy"),), first_content_at=1.0),
    ),
    (
        "id and name again and again",
        [CallPart(0, 1.0, 0, "c1", "a", "x"), CallPart(1, 2.0, 0, "c1", "a", "y"), CallPart(2, 3.0, 0, "", "a", "z")],
        Answer(calls=(ToolCall("c1", "a", "xyz"),), first_content_at=1.0),
    ),
    (
        "another id and name in the same place",
        [CallPart(0, 1.0, 0, "c1", "a", "x"), CallPart(1, 2.0, 0, "c2", "b", "y"), CallPart(2, 3.0, 0, "", "", "z")],
        Answer(calls=(ToolCall("c1", "a", "x"), ToolCall("c2", "b", "yz")), first_content_at=1.0),
    ),
    (
        "another id, but no name: the first id counts",
        [CallPart(0, 1.0, 0, "c1", "a", "x"), CallPart(1, 2.0, 0, "c2", "", "y")],
        Answer(calls=(ToolCall("c1", "a", "xy"),), first_content_at=1.0),
    ),
    (
        "Ollama's calls come whole, each in its line",
        [CallPart(0, 1.0, 0, "", "a", "{}", Via.OLLAMA), CallPart(1, 2.0, 0, "", "a", "{}", Via.OLLAMA)],
        Answer(calls=(ToolCall("", "a", "{}"), ToolCall("", "a", "{}")), first_content_at=1.0),
    ),
    (
        "Anthropic's call without arguments",
        [CallPart(0, 1.0, 0, "c1", "a", "", Via.ANTHROPIC), CallPart(1, 2.0, 1, "c2", "b", "", Via.ANTHROPIC)],
        Answer(calls=(ToolCall("c1", "a", "{}"), ToolCall("c2", "b", "{}")), first_content_at=1.0),
    ),
    (
        "text before a call",
        [Text(0, 1.0, "a"), CallPart(1, 2.0, 0, "c", "n", "")],
        Answer("a", calls=(ToolCall("c", "n", ""),), first_content_at=1.0),
    ),
]


@pytest.mark.parametrize(("events", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_answer_of(events: list[Event], expected: Answer) -> None:
    assert fold(iter(events)) == expected


@pytest.mark.parametrize(
    ("answer", "usable"),
    [
        (Answer(), False),
        (Answer("a"), True),
        (Answer(" \n\t\u00a0\u2003"), False),
        (Answer(calls=(ToolCall("", "", ""),)), True),
        (Answer(reasoning="a", refusal="b", finish="stop", done=True, errors=(FIRST_ERROR,)), False),
    ],
)
def test_usable_is_text_or_a_call(answer: Answer, *, usable: bool) -> None:
    assert answer.usable is usable

"""Tool calls in the markup of a chat template: each form, what only speaks of it, and the cost of hostile texts."""

import json
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.wire.markup import MOST_CALLS, MOST_SIGNS, MOST_TEXT, Markup, WrittenCall, written_calls

ARGUMENTS = '{"path": "a.txt"}'
NAMED = f'{{"name": "read", "arguments": {ARGUMENTS}}}'
READ = ("read", {"path": "a.txt"})

FORMS = {
    "Hermes": (Markup.TOOL_CALL, f"<tool_call>\n{NAMED}\n</tool_call>"),
    "Hermes without its end": (Markup.TOOL_CALL, f"<tool_call>{NAMED}"),
    "OpenAI's own spelling": (Markup.TOOL_CALL, f'<tool_call>{{"type": "function", "function": {NAMED}}}</tool_call>'),
    "Qwen-Coder": (Markup.FUNCTION, "<function=read>\n<parameter=path>\na.txt\n</parameter>\n</function>"),
    "Qwen-Coder in tool_call": (
        Markup.FUNCTION,
        "<tool_call>\n<function=read>\n<parameter=path>\na.txt\n</parameter>\n</function>\n</tool_call>",
    ),
    "Qwen-Coder, cut": (Markup.FUNCTION, "<function=read>\n<parameter=path>\na.txt"),
    "invoke": (Markup.INVOKE, '<invoke name="read"><parameter name="path">a.txt</parameter></invoke>'),
    "invoke with attributes": (
        Markup.INVOKE,
        '<invoke name="read" >\n<parameter name="path" string="true">a.txt</parameter>\n</invoke>',
    ),
    "Mistral": (Markup.MISTRAL, f"[TOOL_CALLS][{NAMED}]"),
    "Mistral, a space and no list": (Markup.MISTRAL, f"[TOOL_CALLS] {NAMED}"),
    "Llama": (Markup.PYTHON_TAG, f'<|python_tag|>{{"name": "read", "parameters": {ARGUMENTS}}}<|eom_id|>'),
    "DeepSeek R1": (
        Markup.DEEPSEEK,
        f"<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>read\n```json\n{ARGUMENTS}\n```<｜tool▁call▁end｜>",
    ),
    "DeepSeek V3.1": (Markup.DEEPSEEK, f"<｜tool▁call▁begin｜>read<｜tool▁sep｜>{ARGUMENTS}<｜tool▁call▁end｜>"),
    "Harmony": (
        Markup.HARMONY,
        f"<|channel|>commentary to=functions.read <|constrain|>json<|message|>{ARGUMENTS}<|call|>",
    ),
    "Harmony, another channel": (Markup.HARMONY, f"<|channel|>analysis to=read<|message|>{ARGUMENTS}"),
    "a fence": (Markup.FENCED, f"```json\n{NAMED}\n```"),
    "a fence without a language": (Markup.FENCED, f"```\n{NAMED}\n```"),
    "a fence for tools, CRLF": (Markup.FENCED, f"```tool_call\r\n{NAMED}\r\n```"),
    "bare": (Markup.BARE, NAMED),
    "bare, parameters": (Markup.BARE, f'\n {{"name": "read", "parameters": {ARGUMENTS}}}\n'),
    "bare, arguments as text": (Markup.BARE, json.dumps({"name": "read", "arguments": ARGUMENTS})),
    "bare, under tool_calls": (Markup.BARE, f'{{"tool_calls": [{{"function": {NAMED}}}]}}'),
}
"""Each form with the one call of it."""


def told(call: WrittenCall) -> tuple[str, object]:
    """What is called, with what."""
    return call.name, json.loads(call.arguments)


@pytest.mark.parametrize("form", FORMS)
def test_the_call_in(form: str) -> None:
    markup, text = FORMS[form]
    (call,) = written_calls(text)
    assert (call.markup, told(call)) == (markup, READ)


@pytest.mark.parametrize("form", FORMS)
def test_a_call_is_found_after_prose_unless_it_stands_bare(form: str) -> None:
    """The span begins at the sign."""
    markup, text = FORMS[form]
    found = written_calls(f"I look.\n{text}")
    if markup is Markup.BARE:
        assert found == ()
    else:
        (call,) = found
        assert told(call) == READ
        assert call.start >= len("I look.\n")
        assert f"I look.\n{text}"[call.start] in "<[`"


def test_every_form_stands_in_the_table() -> None:
    assert {markup for markup, _ in FORMS.values()} == set(Markup)


NO_CALLS = {
    "nothing": "",
    "prose": "I would read the file.",
    "an answer about the tags": "A call stands between `<tool_call>` and `</tool_call>`, as JSON in one line.",
    "an answer about the signs": "Mistral writes [TOOL_CALLS], Llama <|python_tag|>, Harmony <|channel|>commentary.",
    "an answer about function tags": "Qwen-Coder writes <function=...> and <parameter=...>, others <invoke name=...>.",
    "an empty tag": "<tool_call></tool_call>",
    "JSON without a name": f"<tool_call>{ARGUMENTS}</tool_call>",
    "a name without arguments": '<tool_call>{"name": "read"}</tool_call>',
    "an empty name": '{"name": "", "arguments": {}}',
    "a name that is a number": '{"name": 1, "arguments": {}}',
    "a very long name": json.dumps({"name": "x" * 129, "arguments": {}}),
    "cut JSON": '<tool_call>{"name": "read", "arguments": {"pa',
    "JSON in single quotes": "<tool_call>{'name': 'read', 'arguments': {}}</tool_call>",
    "escaped brackets": f"&lt;tool_call&gt;{NAMED}&lt;/tool_call&gt;",
    "escaped quotes": '<tool_call>{\\"name\\": \\"read\\", \\"arguments\\": {}}</tool_call>',
    "other case": f"<TOOL_CALL>{NAMED}</TOOL_CALL>",
    "JSON amid prose": f"Send {NAMED} to the tool.",
    "two objects and nothing else": f"{NAMED} {NAMED}",
    "another language in the fence": f"```python\n{NAMED}\n```",
    "a config in a fence": '```json\n{"name": "lumeai", "version": "1"}\n```',
    "a list of numbers": "[1, 2]",
    "a word": '"read"',
    "Harmony's last channel": "<|channel|>final<|message|>maple",
    "Harmony without a message": "<|channel|>commentary to=functions.read",
    "DeepSeek without arguments": "<｜tool▁call▁begin｜>read<｜tool▁sep｜>",
    "the sign of another's message": "<|channel|>commentary to=functions.read, then <|channel|>final<|message|>{}",
}
"""Texts in which nothing is called."""


@pytest.mark.parametrize("text", NO_CALLS.values(), ids=NO_CALLS)
def test_a_mention_is_no_call(text: str) -> None:
    assert written_calls(text) == ()


SEVERAL: dict[str, tuple[str, list[str]]] = {
    "one after the other": (f"<tool_call>{NAMED}</tool_call>\n" * 2, ["read", "read"]),
    "a list of Mistral's": (
        '[TOOL_CALLS][{"name": "a", "arguments": {}}, {"name": "b", "arguments": {}}]',
        ["a", "b"],
    ),
    "a bare list": ('[{"name": "a", "arguments": {}}, {"name": "b", "arguments": {}}]', ["a", "b"]),
    "two forms": (
        f'```json\n{NAMED}\n```\n<function=write></function><invoke name="x"></invoke>',
        ["read", "write", "x"],
    ),
    "of two invokes": ('<invoke name="a"></invoke><invoke name="b"></invoke>', ["a", "b"]),
    "a mention, then a call": (f"With <tool_call> I call: <tool_call>{NAMED}</tool_call>", ["read"]),
    "a mention in Harmony, then a call": (
        f"<|channel|>commentary to=functions.x <|channel|>commentary to=functions.read<|message|>{ARGUMENTS}",
        ["read"],
    ),
    "a broken one, then a good one": (f'<tool_call>{{"name": </tool_call><tool_call>{NAMED}', ["read"]),
    "a call inside arguments": (
        "<tool_call>"
        + json.dumps({"name": "write", "arguments": {"content": f"<tool_call>{NAMED}</tool_call>"}})
        + "</tool_call>",
        ["write"],
    ),
    "another form inside arguments": (
        "<tool_call>" + json.dumps({"name": "write", "arguments": {"c": "<function=read></function>"}}),
        ["write"],
    ),
    "a fence inside a parameter": (
        f"<function=write>\n<parameter=c>\n```json\n{NAMED}\n```\n</parameter>\n</function>",
        ["write"],
    ),
    "an open one swallows the rest": ("<function=a><parameter=x>1<function=b></parameter>", ["a"]),
    "an unknown name is told all the same": ('{"name": "no_such_tool", "arguments": {}}', ["no_such_tool"]),
    "a name in Russian": ('{"name": "читать", "arguments": {}}', ["читать"]),
}


@pytest.mark.parametrize(("text", "names"), SEVERAL.values(), ids=SEVERAL)
def test_the_names_in_order(text: str, names: list[str]) -> None:
    """The outermost counts, and whoever stands inside it is its text."""
    assert [call.name for call in written_calls(text)] == names


def test_the_values_of_parameters_keep_what_stands_in_them() -> None:
    text = '<function=write>\n<parameter=c>\n  a < b\n\n"c"\n</parameter>\n<parameter=d></parameter>\n</function>'
    (call,) = written_calls(text)
    assert json.loads(call.arguments) == {"c": '  a < b\n\n"c"', "d": ""}


def test_the_span_holds_the_sign_and_the_call() -> None:
    text = f"So: <tool_call>{NAMED}</tool_call>."
    (call,) = written_calls(text)
    assert text[call.start : call.end] == f"<tool_call>{NAMED}"


def test_what_goes_beyond_the_limits_is_left_out() -> None:
    """A text, its signs and its calls are counted."""
    assert len(written_calls(f"<tool_call>{NAMED}" * (MOST_CALLS + 9))) == MOST_CALLS
    assert written_calls("<tool_call>" * MOST_SIGNS + f"<tool_call>{NAMED}") == ()
    assert written_calls(" " * MOST_TEXT + f"<tool_call>{NAMED}") == ()


PIECES = (
    *(text for _, text in FORMS.values()),
    *(sign for sign in (markup.value for markup in Markup)),
    *("<function=a>", "</function>", "<parameter=b>", "</parameter>", '<invoke name="a">', "</invoke>", "<tool_call>"),
    *(
        "<｜tool▁call▁begin｜>",
        "<｜tool▁sep｜>",
        "<|message|>",
        "<|channel|>commentary to=a",
        "```json\n",
        "```\n",
        "```",
    ),
    *("{", "}", "[", "]", '"', "\\", ",", ":", "name", "1e999", "NaN", "\ud800", "\n", " ", "a", "Привет"),
)

texts = st.one_of(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.text(max_size=60))


@settings(max_examples=600, deadline=None)
@given(texts)
def test_whatever_the_text_calls_stand_in_it_in_order(text: str) -> None:
    """Never an error; only the calls of one list share a place."""
    before: WrittenCall | None = None
    for call in written_calls(text):
        assert 0 <= call.start < call.end <= len(text)
        assert 0 < len(call.name) <= 128
        if before is not None and (call.start, call.end) != (before.start, before.end):
            assert call.start >= before.end
        before = call


# --- cost ---------------------------------------------------------------------------------------------------------


def calls_of(work: Callable[[], object]) -> int:
    """How many functions this calls, built-in ones as well: its cost, without a clock."""
    count = 0

    def counting(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(counting)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


HOSTILE = (
    '<tool_call>["',
    "<tool_call>[",
    '<tool_call>{"name":',
    "[TOOL_CALLS][",
    "```json\n{",
    "```\n",
    "<function=f>",
    "<function=f><parameter=a>",
    "<function=f><parameter=a>x</parameter>",
    "<parameter=a>x</parameter>",
    '<invoke name="f"><parameter name="a">x</parameter>',
    "<|python_tag|>[",
    "<|channel|>commentary to=a",
    "<|channel|>commentary to=a<|message|>",
    "<｜tool▁call▁begin｜>a{",
    "[",
    '{"a":',
    NAMED,
    f"<tool_call>{NAMED}",
    f"[TOOL_CALLS][{NAMED}]",
)


@pytest.mark.parametrize("many", [100, 2000])
@pytest.mark.parametrize("piece", HOSTILE)
def test_twice_the_text_is_no_more_than_twice_the_work(piece: str, many: int) -> None:
    """No repetition makes it quadratic, below the limit of signs and beyond it."""
    prefix = "<function=f>" if piece.startswith("<parameter") else ""
    once, twice = (calls_of(lambda size=size: written_calls(prefix + piece * size)) for size in (many, 2 * many))
    assert twice <= 2.5 * once + 100


def test_a_list_of_very_many_calls_costs_no_more_than_each() -> None:
    once, twice = (calls_of(lambda size=size: written_calls(f"[{', '.join([NAMED] * size)}]")) for size in (500, 1000))
    assert twice <= 2.5 * once

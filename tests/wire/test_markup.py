"""Tool calls in the markup of a chat template: each form, what only speaks of it, and the cost of hostile texts."""

import json
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lumeai_cli.wire import forms
from lumeai_cli.wire.forms import MOST_SIGNS, Markup, WrittenCall
from lumeai_cli.wire.markup import MOST_CALLS, MOST_TEXT, written_calls

ARGUMENTS = '{"path": "a.txt"}'
NAMED = f'{{"name": "read", "arguments": {ARGUMENTS}}}'
READ = ("read", {"path": "a.txt"})
INVOKED = '<invoke name="read">\n<parameter name="path">a.txt</parameter>\n</invoke>'
KIMI = "<|tool_call_begin|>%s<|tool_call_argument_begin|>%s<|tool_call_end|>"

FORMS = {
    "Hermes": (Markup.TOOL_CALL, f"<tool_call>\n{NAMED}\n</tool_call>"),
    "Hermes without its beginning": (Markup.UNOPENED, f"{NAMED}\n</tool_call>"),
    "OpenAI's own spelling without its beginning": (
        Markup.UNOPENED,
        f'  {{ "type": "function", "function": {NAMED}}}</tool_call>',
    ),
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
    "MiniMax": (
        Markup.INVOKE,
        f"<minimax:tool_call>\n{INVOKED}\n</minimax:tool_call>",
    ),
    "function_calls": (
        Markup.INVOKE,
        f"<function_calls>\n{INVOKED}\n</function_calls>",
    ),
    "GLM 4.5": (
        Markup.GLM,
        "<tool_call>read\n<arg_key>path</arg_key>\n<arg_value>a.txt</arg_value>\n</tool_call>",
    ),
    "GLM, all in a line": (
        Markup.GLM,
        "<tool_call>read <arg_key>path</arg_key> <arg_value>a.txt</arg_value> </tool_call>",
    ),
    "GLM, white space wherever it may stand": (
        Markup.GLM,
        "<tool_call> read \n\n<arg_key> path </arg_key>\n\n<arg_value>a.txt</arg_value>\n\n</tool_call>",
    ),
    "GLM without its end": (Markup.GLM, "<tool_call>read<arg_key>path</arg_key><arg_value>a.txt</arg_value>"),
    "Mistral": (Markup.MISTRAL, f"[TOOL_CALLS][{NAMED}]"),
    "Mistral, a space and no list": (Markup.MISTRAL, f"[TOOL_CALLS] {NAMED}"),
    "Mistral, the 11th tokenizer": (Markup.MISTRAL, f"[TOOL_CALLS]read[ARGS]{ARGUMENTS}"),
    "Mistral with an id": (Markup.MISTRAL, f"[TOOL_CALLS]read[CALL_ID]a1B2c3D4e[ARGS]{ARGUMENTS}"),
    "Mistral, the second sign lost": (Markup.MISTRAL, f"[TOOL_CALLS]read{ARGUMENTS}"),
    "Llama in Python": (Markup.PYTHON_TAG, '<|python_tag|>read.call(path="a.txt")<|eom_id|>'),
    "Llama, a list in Python": (Markup.PYTHON_TAG, "<|python_tag|>[read(path='a.txt')]"),
    "Llama, a list after a space": (Markup.PYTHON_TAG, "<|python_tag|> [read(path='a.txt')]"),
    "Llama, nothing but Python": (Markup.PYTHONIC, '[read(path="a.txt")]'),
    "Llama, nothing but Python between its tokens": (
        Markup.PYTHONIC,
        '<|python_start|>[read(path="a.txt")]<|python_end|><|eot|>',
    ),
    "Kimi K2": (
        Markup.KIMI,
        f"<|tool_calls_section_begin|>{KIMI % ('functions.read:0', ARGUMENTS)}<|tool_calls_section_end|>",
    ),
    "Kimi K2 without a section": (
        Markup.KIMI,
        f"<|tool_call_begin|> read:12 <|tool_call_argument_begin|> {ARGUMENTS}",
    ),
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
    "Harmony, the recipient first": (
        Markup.HARMONY,
        f"<|start|>assistant to=functions.read<|channel|>commentary json<|message|>{ARGUMENTS}<|call|>",
    ),
    "Harmony, the recipient first, the start in the prompt": (
        Markup.HARMONY,
        f" to=functions.read <|channel|>commentary <|constrain|>json<|message|>{ARGUMENTS}",
    ),
    "Harmony, the recipient first, white space": (
        Markup.HARMONY,
        f"<|start|> assistant  to=functions.read <|channel|> commentary\n<|message|> {ARGUMENTS}",
    ),
    "ReAct": (Markup.REACT, f"Thought: I look.\nAction: read\nAction Input: {ARGUMENTS}\nObservation:"),
    "ReAct, crlf, JSON in lines": (Markup.REACT, f"Action: read\r\nAction Input:\r\n{json.dumps(READ[1], indent=1)}"),
    "Harmony, another channel": (Markup.HARMONY, f"<|channel|>analysis to=read<|message|>{ARGUMENTS}"),
    "a fence": (Markup.FENCED, f"```json\n{NAMED}\n```"),
    "a fence without a language": (Markup.FENCED, f"```\n{NAMED}\n```"),
    "a fence for tools, CRLF": (Markup.FENCED, f"```tool_call\r\n{NAMED}\r\n```"),
    "bare": (Markup.BARE, NAMED),
    "bare, parameters": (Markup.BARE, f'\n {{"name": "read", "parameters": {ARGUMENTS}}}\n'),
    "bare, arguments as text": (Markup.BARE, json.dumps({"name": "read", "arguments": ARGUMENTS})),
    "bare, a list under tool_calls": (Markup.BARE, f'{{"tool_calls": [{NAMED}]}}'),
    "bare, under tool_calls": (Markup.BARE, f'{{"tool_calls": [{{"function": {NAMED}}}]}}'),
}
"""Each form with the one call of it."""


def told(call: WrittenCall) -> tuple[str, object]:
    """What is called, with what."""
    return call.name, json.loads(call.arguments)


def test_a_call_between_its_tags_may_have_broken_json() -> None:
    """As small models write it: a trailing comma, a brace too few. The name is there, and what stands for arguments."""
    (call,) = written_calls('So:\n<tool_call>\n{"name": "read", "arguments": {"path": "a", }\n</tool_call>')
    assert (call.markup, call.name, call.arguments) == (Markup.TOOL_CALL, "read", '{"path": "a", }')
    assert written_calls('<tool_call>{"name": "read", is how it begins') == ()


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
    if markup in ALONE:
        assert found == ()
    else:
        (call,) = found
        assert told(call) == READ
        assert call.start >= len("I look.\n")
        assert f"I look.\n{text}"[call.start :].lstrip()[0] in "<[`{tA"


ALONE = (Markup.BARE, Markup.PYTHONIC)
"""Forms that count only where the text is nothing else."""


@pytest.mark.parametrize("form", [form for form in FORMS if form != "Qwen-Coder, cut"])
def test_as_code_within_a_line_it_is_only_spoken_of(form: str) -> None:
    """A fence is no line's code: in one, a call counts. A value that is cut off would hold the closing tick itself."""
    markup, text = FORMS[form]
    line = text.replace("\r", "").replace("\n", " ")
    for ticks in ("`", "``"):
        assert written_calls(f"The call `x` looks like {ticks}{line}{ticks} there.") == ()
        assert written_calls(f"{ticks}{line}{ticks}") == ()
    if markup not in (*ALONE, Markup.FENCED):
        (call,) = written_calls(f"One `word` and a lone ` on this line\n```xml\n{text}\n```")
        assert told(call) == READ


@pytest.mark.parametrize("form", FORMS)
def test_half_of_it_calls_nothing(form: str) -> None:
    """Cut anywhere before its arguments are there, it says nothing, or (where each has a tag) what came of them."""
    markup, text = FORMS[form]
    here = text.index("a.txt") if markup is not Markup.GLM else text.index("</arg_value>")
    for end in range(here):
        found = written_calls(text[:end])
        if markup in (Markup.FUNCTION, Markup.INVOKE):
            assert all(told(call) == ("read", {"path": ""}) for call in found)
        else:
            assert found == ()


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
    "a list of no calls": '[1, {"a": 2}, "b"]',
    "a word": '"read"',
    "Harmony's last channel": "<|channel|>final<|message|>maple",
    "Harmony without a message": "<|channel|>commentary to=functions.read",
    "DeepSeek without arguments": "<｜tool▁call▁begin｜>read<｜tool▁sep｜>",
    "an opening tag within prose": "Write <function=read> first, then the path.",
    "tags around prose": "A call stands between <function=read> and </function>, one a line.",
    "an invoke within prose": 'Anthropic writes <invoke name="read"> and then the parameters.',
    "a parameter alone": "<parameter=path>a.txt</parameter>",
    "GLM, an answer about it": "GLM writes <tool_call>name and then <arg_key>key</arg_key> with its <arg_value>.",
    "GLM, a name within prose": "A call without arguments is <tool_call>read</tool_call>, as you see.",
    "GLM, a key without a value": "<tool_call>read\n<arg_key>path</arg_key>\n</tool_call>",
    "GLM, an open value": "<tool_call>read\n<arg_key>path</arg_key>\n<arg_value>a.txt",
    "GLM, two words for a name": "<tool_call>read file\n<arg_key>a</arg_key><arg_value>b</arg_value></tool_call>",
    "a closing tag alone": "It ends with </tool_call>.",
    "a closing tag after other JSON": '{"name": "lumeai", "version": "1"}\n</tool_call>',
    "a closing tag after prose": f"{NAMED} and so on\n</tool_call>",
    "a closing tag after JSON amid prose": f"So {NAMED}</tool_call>",
    "Mistral, an answer about it": "[TOOL_CALLS] begins a call, [ARGS] its arguments: [TOOL_CALLS]name[ARGS]{...}",
    "Mistral without arguments": "[TOOL_CALLS]read[ARGS]",
    "Mistral, a list for arguments": "[TOOL_CALLS]read[ARGS][1]",
    "Mistral, broken arguments": "[TOOL_CALLS]read[ARGS]{path: a}",
    "Mistral's arguments without its sign": f"read[ARGS]{ARGUMENTS}",
    "Llama, code": "<|python_tag|>print('a')",
    "Llama, a function": "<|python_tag|>read(path='a.txt')",
    "Llama, broken Python": "<|python_tag|>read.call(path=",
    "Llama, no literal": "<|python_tag|>read.call(path=a)",
    "Python amid prose": "Call [read(path='a.txt')] to read.",
    "Python, then prose": "[read(path='a.txt')]\nreads the file.",
    "Python, a call without a list": "read(path='a.txt')",
    "Python by position": "[read('a.txt')]",
    "Python, half of it": "[read(path='a.txt'",
    "Python, an empty list": "[]",
    "a link": "[read](https://a.example/read)",
    "a task": "[x] read (the file)",
    "Kimi, an answer about it": "Kimi writes <|tool_call_begin|>functions.name:0<|tool_call_argument_begin|> and JSON.",
    "Kimi without arguments": "<|tool_call_begin|>functions.read:0<|tool_call_end|>",
    "Kimi, a list for arguments": "<|tool_call_begin|>read:0<|tool_call_argument_begin|>[1]<|tool_call_end|>",
    "Harmony, half of it": '<|channel|>commentary to=functions.read<|message|>{"pa',
    "Harmony, a tool's result": "<|start|>functions.read to=assistant<|channel|>commentary<|message|>{}<|end|>",
    "Harmony, a result in the other order": "<|channel|>commentary to=assistant<|message|>{}",
    "Harmony, the recipient first, the last channel": "to=functions.read<|channel|>final<|message|>{}",
    "Harmony, the recipient first, no message": "<|start|>assistant to=functions.read<|channel|>commentary json",
    "ReAct without JSON": "Action: read\nAction Input: the file a.txt",
    "ReAct, prose for a name": f"Action: read the file\nAction Input: {ARGUMENTS}",
    "ReAct without input": "Action: read\n",
    "ReAct amid a line": f"Then Action: read\nAction Input: {ARGUMENTS}",
    "ReAct, half of it": 'Action: read\nAction Input: {"pa',
    "no call under tool_calls": '{"tool_calls": []}',
    "tool_calls amid prose": f'Send {{"tool_calls": [{NAMED}]}} back.',
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
    "a list of Mistral's, new": ("[TOOL_CALLS]a[ARGS]{}[TOOL_CALLS]b[CALL_ID]c1[ARGS]{}", ["a", "b"]),
    "a list of Mistral's, the sign once": ("[TOOL_CALLS]a[ARGS]{} b[ARGS]{} c{}", ["a", "b"]),
    "Mistral's sign inside arguments": ('[TOOL_CALLS]a[ARGS]{"x": "[TOOL_CALLS]b[ARGS]{}"}', ["a"]),
    "GLM twice": (
        "<tool_call>a\n<arg_key>k</arg_key>\n<arg_value>v</arg_value>\n</tool_call>\n<tool_call>b\n</tool_call>",
        ["a", "b"],
    ),
    "GLM without arguments, alone in its line": ("I look.\n<tool_call>now</tool_call>\n", ["now"]),
    "Llama, parted by semicolons": (
        '<|python_tag|>{"name": "a", "parameters": {}}; {"name": "b", "parameters": {}}; done',
        ["a", "b"],
    ),
    "Llama, a list": ("[a(), b(x=1)]", ["a", "b"]),
    "Kimi twice": (
        f"<|tool_calls_section_begin|>{KIMI % ('functions.a:0', '{}')}{KIMI % ('b:1', '{}')}<|tool_calls_section_end|>",
        ["a", "b"],
    ),
    "the opening tag forgotten twice": (f"{NAMED}\n</tool_call>\n{NAMED}</tool_call>", ["read", "read"]),
    "ReAct twice": ("Action: a\nAction Input: {}\nObservation: x\nAction: b\nAction Input: {}", ["a", "b"]),
    "two invokes in one MiniMax block": (
        f'<minimax:tool_call>\n<invoke name="a">\n</invoke>\n{INVOKED}\n</minimax:tool_call>',
        ["a", "read"],
    ),
    "spoken of, then called": (f"I use `<tool_call>{NAMED}</tool_call>` so: <tool_call>{NAMED}</tool_call>", ["read"]),
    "an odd tick before a call": (f"Don`t. <tool_call>{NAMED}</tool_call> Done.", ["read"]),
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


def test_a_typed_value_keeps_its_type_where_the_form_has_one() -> None:
    (call,) = written_calls("[write(path='a', lines=[1, 2.5], at={'x': None}, again=True)]")
    assert json.loads(call.arguments) == {"path": "a", "lines": [1, 2.5], "at": {"x": None}, "again": True}
    (call,) = written_calls("<tool_call>write<arg_key>n</arg_key><arg_value>1</arg_value></tool_call>")
    assert json.loads(call.arguments) == {"n": "1"}, "the markup does not tell"


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
    *("<arg_key>a</arg_key>", "<arg_value>", "</arg_value>", "</tool_call>", "[ARGS]", "[CALL_ID]", "[TOOL_CALLS]a"),
    *("<|python_tag|>", "a.call(", "a(", "b=", ")", "'", "<|tool_call_begin|>a:0", "<|tool_call_argument_begin|>"),
    *("\nAction: a\n", "Action Input:", "to=a", "<|start|>assistant ", "`", "``"),
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
    "<tool_call>a<arg_key>b</arg_key><arg_value>",
    "<tool_call>a<arg_key>b</arg_key><arg_value></arg_value>",
    "<tool_call>a",
    "<arg_key>b</arg_key><arg_value>c</arg_value>",
    "[TOOL_CALLS]a[ARGS]{",
    "[TOOL_CALLS]a[ARGS]{}",
    "a[ARGS]{}",
    "[TOOL_CALLS]a",
    "<|python_tag|>a.call(",
    "<|python_tag|>a.call(b='",
    "<|python_tag|>[a(b=[",
    '<|python_tag|>{"a":1};',
    '{"a":1};',
    "[a(",
    "[a(b=[",
    "[a(b={'c':",
    "a(b='c'), ",
    "<|tool_call_begin|>a:0<|tool_call_argument_begin|>{",
    "<|tool_call_begin|>a",
    "to=a<|channel|>commentary",
    "<|start|>assistant to=",
    '\n{"name": "a", "arguments": {}',
    '\n{"name":',
    "\n" + NAMED,
    "\n" + NAMED + "</tool_call>",
    "</tool_call>",
    "\nAction: a\nAction Input:{",
    "\nAction: a",
    "`",
    f"`<tool_call>{NAMED}",
)


BEGUN = {
    "<parameter": "<function=f>",
    "<arg_key": "<tool_call>f",
    "a[ARGS]": "[TOOL_CALLS]",
    '{"a":1};': "<|python_tag|>",
    "a(b=": "[",
}
"""What goes on only after its beginning."""


def repeated(piece: str, many: int) -> str:
    """A text of so many of these pieces."""
    return next((begun for part, begun in BEGUN.items() if piece.startswith(part)), "") + piece * many


@pytest.mark.parametrize("many", [100, 2000])
@pytest.mark.parametrize("piece", HOSTILE)
def test_twice_the_text_is_no_more_than_twice_the_work(piece: str, many: int) -> None:
    """No repetition makes it quadratic, below the limit of signs and beyond it."""
    once, twice = (calls_of(lambda size=size: written_calls(repeated(piece, size))) for size in (many, 2 * many))
    assert twice <= 2.5 * once + 100


def test_a_list_of_very_many_calls_costs_no_more_than_each() -> None:
    once, twice = (calls_of(lambda size=size: written_calls(f"[{', '.join([NAMED] * size)}]")) for size in (500, 1000))
    assert twice <= 2.5 * once


class Parser:
    """Counts how often JSON is parsed, and how far."""

    def __init__(self) -> None:
        self.times = 0
        self._real = json.JSONDecoder()

    def raw_decode(self, text: str, start: int) -> object:
        """Counts, and parses."""
        self.times += 1
        return self._real.raw_decode(text, start)


@pytest.mark.parametrize("piece", HOSTILE)
def test_a_megabyte_of_beginnings_is_tried_a_bounded_number_of_times(
    piece: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each form tries so many signs and no more, however many there are."""
    parser = Parser()
    monkeypatch.setattr(forms, "_decoder", parser)
    written_calls(repeated(piece, MOST_TEXT // len(piece) + 1))
    most = MOST_SIGNS * len(Markup)
    if piece in ("a[ARGS]{}", '{"a":1};'):
        most += MOST_TEXT // len(piece)  # these are whole, follow one sign, and are parsed once each
    assert parser.times <= most


@pytest.mark.parametrize("end", ["", "</arg_value>", "</parameter></function>", '"}}'])
@pytest.mark.parametrize("piece", HOSTILE)
def test_what_stands_in_a_value_is_not_taken_again(piece: str, end: str) -> None:
    """Else a text of beginnings would cost its square in memory: each call would hold all that follows."""
    text = repeated(piece, 300) + end
    for markup, _, read in forms.FORMS:
        assert sum(len(call.arguments) for call in read(text, markup)) <= 2 * len(text)

"""A client's request as a value: what is read from its bytes, what is refused, and what a backend gets of them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lumeai_cli.clients.request import small_native, small_xml
from lumeai_cli.flow.attempt import Attempt, Candidate, request_of
from lumeai_cli.flow.chat import Chat, read_chat, with_changes
from lumeai_cli.flow.refusal import Refusal
from tests.flow.playbook import ASK_A, A, body_of, chat_of


def refused(body: bytes) -> Refusal:
    """The refusal of this body."""
    told = read_chat(body, seed="r1")
    assert isinstance(told, Refusal)
    assert told.status == 400
    return told


def taken(body: bytes) -> Chat:
    """The request that this body is."""
    told = read_chat(body, seed="r1")
    assert isinstance(told, Chat)
    return told


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b'{"messages":[]',
        b'{"messages":[]} {}',
        b"messages",
        b"NaN",
        b'{"messages":[],"temperature":NaN}',
        b'{"messages":[],"temperature":-Infinity}',
        b'{"messages":[],"seed":' + b"9" * 5000 + b"}",
        b'{"messages":[],"deep":' + b"[" * 100_000,
        b'{"messages":[],"deep":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_001,
        '{"messages":[]}'.encode("utf-16"),
        b"\x00\xff\xfe",
    ],
    ids=lambda body: body[:24],
)
def test_what_is_no_json_is_refused_in_a_short_sentence(body: bytes) -> None:
    told = refused(body)
    assert told.code == "LUM001"
    assert len(told.sentence.in_("en")) < 300


@pytest.mark.parametrize(
    ("value", "param", "wanted", "got"),
    [
        ([], "body", "object", "array"),
        (None, "body", "object", "null"),
        ("hello", "body", "object", "string"),
        ({}, "messages", "array", "null"),
        ({"messages": None}, "messages", "array", "null"),
        ({"messages": {}}, "messages", "array", "object"),
        ({"messages": "Hello"}, "messages", "array", "string"),
        ({"messages": ["Hello"]}, "messages[0]", "object", "string"),
        ({"messages": [{}, 7]}, "messages[1]", "object", "number"),
        ({"messages": [], "model": 5}, "model", "string", "number"),
        ({"messages": [], "model": True}, "model", "string", "boolean"),
        ({"messages": [], "stream": "true"}, "stream", "boolean", "string"),
        ({"messages": [], "stream": 1}, "stream", "boolean", "number"),
        ({"messages": [], "tools": {}}, "tools", "array", "object"),
        ({"messages": [], "stream_options": True}, "stream_options", "object", "boolean"),
    ],
)
@pytest.mark.parametrize("language", ["en", "ru"])
def test_a_wrong_type_is_refused_with_the_fields_name(
    value: object, param: str, wanted: str, got: str, language: str
) -> None:
    told = refused(json.dumps(value).encode())
    error = json.loads(told.body(language))["error"]
    assert (error["code"], error["type"], error["param"]) == ("LUM003", "invalid_request_error", param)
    assert all(word in error["message"] for word in (param, wanted, got))


def test_a_field_that_is_null_counts_as_not_given() -> None:
    """SDKs of other languages send every field that they know."""
    chat = taken(b'{"messages":[],"model":null,"stream":null,"tools":null,"stream_options":null}')
    assert (chat.model, chat.wanted.stream, dict(chat.wanted.tools), chat.wanted.usage) == ("", False, {}, False)


def test_what_the_client_can_take_is_read_from_its_request() -> None:
    """Native tools by their schemas, tags by its prompt; where both are, the native ones count."""
    native = small_native().body("m", stream=True)
    chat = taken(json.dumps(native).encode())
    assert chat.wanted.native
    assert chat.wanted.stream
    assert chat.wanted.usage
    assert chat.wanted.tools["read"]["type"] == "object"
    classic = small_xml().body("m", stream=False)
    chat = taken(json.dumps(classic).encode())
    assert chat.wanted.xml
    assert {tool.name for tool in chat.wanted.xml_tools} >= {"read_file", "attempt_completion"}
    chat = taken(json.dumps({**classic, "tools": native["tools"]}).encode())
    assert chat.wanted.native
    assert not chat.wanted.xml
    chat = chat_of(functions=[{"name": "read", "parameters": {"type": "object"}}])
    assert chat.wanted.tools == {"read": {"type": "object"}}


@pytest.mark.parametrize(
    "tools", [[None], [[]], [{}], [{"function": None}], [{"function": {"name": 5}}], [{"function": {}}], []]
)
def test_a_tool_that_is_none_is_left_to_the_backend_to_refuse(tools: object) -> None:
    assert dict(chat_of(tools=tools).wanted.tools) == {}


@pytest.mark.parametrize(
    ("last", "after"),
    [
        ({"role": "tool", "content": "maple"}, True),
        ({"role": "function", "content": "maple"}, True),
        ({"role": "user", "content": "[read_file for 'a.txt'] Result:\nmaple"}, True),
        ({"role": "user", "content": [{"type": "text", "text": "[list_files] Result:"}]}, True),
        ({"role": "user", "content": "What is [x] Result: for?"}, False),
        ({"role": "user", "content": "Hello"}, False),
        ({"role": "user", "content": None}, False),
        ({"role": "user", "content": []}, False),
        ({"role": "user", "content": [None, 5]}, False),
        ({"role": "user", "content": [{"type": "image_url"}]}, False),
        ({"role": "assistant", "content": "[read_file] Result:"}, False),
        ({}, False),
    ],
)
def test_a_turn_behind_a_tools_result_is_known(last: object, after: bool) -> None:  # noqa: FBT001  # a column
    assert chat_of(messages=[{"role": "user", "content": "Look."}, last]).after_tool is after


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, ("max_tokens", None)),
        ({"max_tokens": 5}, ("max_tokens", 5)),
        ({"max_completion_tokens": 7, "max_tokens": 5}, ("max_completion_tokens", 7)),
        ({"max_tokens": True}, ("max_tokens", None)),
        ({"max_tokens": 10**30}, ("max_tokens", 10**30)),
        ({"max_tokens": "5"}, ("max_tokens", None)),
    ],
)
def test_the_bound_of_the_answer_is_known_by_its_name(fields: dict[str, object], told: tuple[str, int | None]) -> None:
    assert chat_of(**fields).max_tokens == told


def test_the_same_bytes_of_another_client_are_another_request() -> None:
    first, same, other = (
        read_chat(body_of(), seed=seed, key=key) for seed, key in [("1", "a"), ("2", "a"), ("1", "b")]
    )
    assert isinstance(first, Chat)
    assert isinstance(same, Chat)
    assert isinstance(other, Chat)
    assert first.digest == same.digest != other.digest


# What a backend gets.


def test_a_body_that_needs_no_change_goes_out_as_it_came() -> None:
    body = b'{ "messages" : [ ] ,\n"model":"m" , "n":1.50, "x": "\xff" }'
    assert with_changes(taken(body), {}) is body
    assert with_changes(taken(body), {"model": "m"}, frozenset({"unknown"})) is body


@pytest.mark.parametrize(
    ("body", "then"),
    [
        (b'{"model":"m","messages":[]}', b'{"model":"other","messages":[]}'),
        (b'{ "messages": [ ], "n": 1.50,\n "model" :\t"m" }', b'{ "messages": [ ], "n": 1.50,\n "model" :\t"other" }'),
        (b'{"model":"a \\"model\\": \\u0041","messages":[],"x":"\xff"}', b'{"model":"other","messages":[],"x":"\xff"}'),
        (
            b'{"model":"m","messages":[{"role":"user","content":"say \\"model\\": \\"m\\""}]}',
            b'{"model":"other","messages":[{"role":"user","content":"say \\"model\\": \\"m\\""}]}',
        ),
    ],
)
def test_another_model_takes_the_place_of_the_first_among_the_same_bytes(body: bytes, then: bytes) -> None:
    assert with_changes(taken(body), {"model": "other"}) == then


@pytest.mark.parametrize(
    "body",
    [
        b'{"model":"m","messages":[],"metadata":{"model":"m"}}',
        b'{"model":"a","messages":[],"model":"m"}',
        b'{"model":"m","messages":[],"mod\\u0065l":"m"}',
        b'{"mod\\u0065l":"m","messages":[],"metadata":{"model":"m"}}',
        b'{"messages":[],"metadata":{"model":""}}',
        b'{"messages":[]}',
        b'{"model":null,"messages":[]}',
    ],
)
def test_a_name_that_stands_twice_or_nowhere_is_put_where_it_counts(body: bytes) -> None:
    """Whoever reads the first of two, or the last: the backend is asked for one model."""
    chat = taken(body)
    then = json.loads(with_changes(chat, {"model": "other"}), object_pairs_hook=list)
    assert [value for name, value in then if name == "model"] == ["other"]
    assert [pair for pair in then if pair[0] != "model"] == [
        pair for pair in json.loads(body, object_pairs_hook=list) if pair[0] != "model"
    ]


def test_a_model_that_stands_twice_is_asked_for_once() -> None:
    """As it was understood: backends need not agree on which one counts."""
    assert with_changes(taken(b'{"model":"a","messages":[],"model":"m"}'), {}) == b'{"model":"m","messages":[]}'


def test_half_a_character_stays_what_it_was() -> None:
    """JavaScript cuts texts between the halves of an emoji, and sends what is left as an escape."""
    body = b'{"model":"m","messages":[{"role":"user","content":"\\ud83e"}],"stream":true}'
    then = with_changes(taken(body), {"stream": False})
    assert json.loads(then) == {**json.loads(body), "stream": False}
    assert b"\\ud83e" in then
    assert with_changes(taken(body), {"model": "\ud83e"}) == body.replace(b'"m"', b'"\\ud83e"')


def test_a_field_that_was_refused_is_left_out() -> None:
    then = with_changes(chat_of(temperature=1, seed=2), {"max_tokens": 5}, frozenset({"temperature"}))
    assert json.loads(then) == {**json.loads(body_of(seed=2)), "max_tokens": 5}


keys = st.text(st.characters(codec="utf-8"), max_size=6) | st.just("model")
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


@given(
    st.dictionaries(keys.filter(lambda key: key not in ("messages", "model")), values, max_size=4),
    st.text(),
    st.text(),
    st.booleans(),
)
def test_nothing_but_the_model_changes(more: dict[str, object], model: str, other: str, ascii_only: bool) -> None:  # noqa: FBT001  # a coin
    """Whatever else stands in a request, and however it is written."""
    for name in ("stream", "tools", "stream_options"):
        more.pop(name, None)
    value = {**more, "model": model, "messages": []}
    body = json.dumps(value, ensure_ascii=ascii_only).encode("utf-8", "replace")
    chat = taken(body)
    assert json.loads(with_changes(chat, {"model": other})) == {**chat.value, "model": other}


def test_an_attempt_is_written_as_a_request() -> None:
    """The other mode leaves out what belongs to a stream; the budget keeps the name that the client gave it."""
    chat = chat_of(stream_options={"include_usage": True}, max_completion_tokens=5)
    attempt = Attempt(Candidate(A, "real", base="http://a.test/api/v1/"), stream=False, max_tokens=9000)
    request = request_of(attempt, chat, "lumeai/1")
    assert (request.method, request.url) == ("POST", "http://a.test/api/v1/chat/completions")
    assert json.loads(request.body) == {
        "model": "real",
        "messages": [{"role": "user", "content": "Hello"}],
        "stream": False,
        "max_completion_tokens": 9000,
    }
    assert dict(request.headers)["accept"] == "application/json"
    assert request_of(ASK_A, chat, "lumeai/1").body == chat.body


def test_what_is_too_deep_to_be_written_still_is_a_conversation(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_deep(_: object) -> str:
        raise RecursionError

    chat = read_chat(b'{"model": "m", "messages": [{"role": "user"}]}', seed="s")
    assert isinstance(chat, Chat)
    monkeypatch.setattr(json, "dumps", too_deep)
    assert chat.conversation == chat.digest

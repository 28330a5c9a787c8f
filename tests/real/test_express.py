"""The user's own case, against the real Express: named with proof, in all its variants, and cured by the cure."""

import json
from collections.abc import Callable
from pathlib import Path

import openai
import pytest

from tests.real.conftest import PLANTED_KEY
from tests.real.servers import Examination, Server

pytestmark = pytest.mark.real

Doctor = Callable[..., Examination]
WRONG_KEY = "sk-wrong-77c2e9d14ab05f38"
ANSWER = "Привет! Я - LumeAI. Чем могу помочь?"
KILO_RU = "Ответ модели неожиданно завершился (нет сообщений ассистента)"
KILO_STREAMING_SWITCH = ("Включить потоковую передачу", "Enable streaming", "openAiStreamingEnabled")


@pytest.fixture(scope="module")
def mock_report(express_mock: Server, examine: Doctor) -> Examination:
    """One examination of the server as it was, read by several tests."""
    return examine(express_mock.url, "--format", "json", "--lang", "ru")


@pytest.fixture
def ask(request: pytest.FixtureRequest) -> Callable[[Server], openai.OpenAI]:
    """The official SDK, pointed at a server; closed afterwards, since an open socket is a warning here."""

    def client(server: Server) -> openai.OpenAI:
        sdk = openai.OpenAI(base_url=server.url, api_key="unused", max_retries=0)
        request.addfinalizer(sdk.close)
        return sdk

    return client


def test_the_cause_is_proven(mock_report: Examination) -> None:
    """The verdict is the one cause, and the exit code says that there is a problem."""
    assert mock_report.verdict["name"] == "json-for-stream"
    assert mock_report.verdict["certainty"] == "proven"
    assert mock_report.target["healthy"] is False
    assert mock_report.exit_code == 1


def test_what_comes_next_is_told(mock_report: Examination) -> None:
    """Who cures only the stream meets the canned answer, and then Express' limit of 100 KiB."""
    following = mock_report.target["next"]

    assert following[0] == "canned-answer"
    assert "body-too-large" in following


@pytest.mark.parametrize(("client", "outcome"), [("kilo-xml", "empty"), ("kilo7", "empty"), ("openai-sdk", "silent")])
def test_what_each_client_shows(mock_report: Examination, client: str, outcome: str) -> None:
    """Kilo says that there was no answer; the SDK says nothing at all."""
    shown = mock_report.target["clients"][client]

    assert shown["outcome"] == outcome
    assert shown["because"] == mock_report.verdict["code"]


def test_the_sentence_that_the_user_saw(mock_report: Examination) -> None:
    """The report quotes Kilo's own words in the user's language."""
    assert KILO_RU in mock_report.target["clients"]["kilo-xml"]["message"]


def test_the_evidence_is_the_body(mock_report: Examination) -> None:
    """The finding shows the bytes that prove it."""
    findings = [each for each in mock_report.target["findings"] if each["name"] == "json-for-stream"]

    assert any('"choices"' in evidence["excerpt"] for finding in findings for evidence in finding["evidence"])


def test_a_doubled_path_comes_first(express_mock: Server, examine: Doctor) -> None:
    """The Base URL with the endpoint's path in it is the first thing to mend, the stream the second."""
    examined = examine(f"{express_mock.url}/chat/completions", "--format", "json")

    assert examined.verdict["name"] == "base-url-doubled-path"
    assert "json-for-stream" in examined.target["next"]
    assert examined.exit_code == 1


def test_no_key(express_locked: Server, examine: Doctor) -> None:
    """A server that wants a key and gets none."""
    examined = examine(express_locked.url, "--format", "json")

    assert examined.verdict["name"] == "key-missing"
    assert examined.exit_code == 1


def test_a_wrong_key_is_told_and_never_shown(express_locked: Server, examine: Doctor, tmp_path: Path) -> None:
    """The key is in none of the three places where a report might be copied from."""
    record = tmp_path / "exchanges"
    arguments = ["--format", "json", "--api-key-env", "THEIR_KEY", "--record", str(record)]
    examined = examine(express_locked.url, *arguments, THEIR_KEY=WRONG_KEY)

    assert examined.verdict["name"] == "key-rejected"
    written = "".join(each.read_text("utf-8", errors="replace") for each in files_under(record))
    assert written
    assert WRONG_KEY not in examined.stdout + examined.stderr + written


def test_the_right_key_opens_the_view(express_locked: Server, examine: Doctor, tmp_path: Path) -> None:
    """Behind the key stands the same cause; a good key is no more shown than a bad one."""
    record = tmp_path / "exchanges"
    arguments = ["--format", "json", "--api-key-env", "THEIR_KEY", "--record", str(record)]
    examined = examine(express_locked.url, *arguments, THEIR_KEY=PLANTED_KEY)

    assert examined.verdict["name"] == "json-for-stream"
    written = "".join(each.read_text("utf-8", errors="replace") for each in files_under(record))
    assert PLANTED_KEY not in examined.stdout + examined.stderr + written


def test_the_russian_report_holds_all_three_cures(express_mock: Server, examine: Doctor) -> None:
    """Mend the server, untick streaming in Kilo, or put lumeai in between: whichever the reader can do."""
    examined = examine(express_mock.url, "--lang", "ru")

    assert examined.exit_code == 1
    assert "json-for-stream" in examined.stdout
    assert "res.write" in examined.stdout
    assert any(name in examined.stdout for name in KILO_STREAMING_SWITCH)
    assert "lumeai serve" in examined.stdout


def test_the_cure_cures(express_cured: Server, examine: Doctor) -> None:
    """With the handler from the cure the stream is right, and what is left is that a mock says one sentence."""
    examined = examine(express_cured.url, "--format", "json")

    assert examined.verdict["name"] == "canned-answer"
    assert {"json-for-stream", "body-too-large"}.isdisjoint(each["name"] for each in examined.target["findings"])


def test_the_real_sdk_sees_nothing(express_mock: Server, ask: Callable[[Server], openai.OpenAI]) -> None:
    """The silence itself: no chunk and no exception, from the official SDK."""
    stream = ask(express_mock).chat.completions.create(
        model="lumeai", messages=[{"role": "user", "content": "Привет"}], stream=True
    )

    assert list(stream) == []
    assert express_mock.process.wait_until(lambda: "✅ Mock-ответ отправлен" in express_mock.process.log or None)


def test_the_real_sdk_sees_the_plain_answer(express_mock: Server, ask: Callable[[Server], openai.OpenAI]) -> None:
    """Why curl and LangChain worked: without `stream` the same body is an answer."""
    done = ask(express_mock).chat.completions.create(model="lumeai", messages=[{"role": "user", "content": "Привет"}])

    assert done.choices[0].message.content == ANSWER


def test_the_real_sdk_reads_the_cured_stream(express_cured: Server, ask: Callable[[Server], openai.OpenAI]) -> None:
    """The cure by the client's own eyes, also with a body far above Express' default limit."""
    prompt = "п" * 200_000
    stream = ask(express_cured).chat.completions.create(
        model="lumeai", messages=[{"role": "user", "content": prompt}], stream=True
    )
    choices = [choice for chunk in stream for choice in chunk.choices]

    assert "".join(choice.delta.content or "" for choice in choices) == ANSWER
    assert choices[-1].finish_reason == "stop"


def test_express_refuses_a_large_body_by_default(express_mock: Server, ask: Callable[[Server], openai.OpenAI]) -> None:
    """What `body-too-large` foretells is what this Express really does, so that the warning stays true."""
    with pytest.raises(openai.APIStatusError) as refused:
        ask(express_mock).chat.completions.create(
            model="lumeai", messages=[{"role": "user", "content": json.dumps("п" * 20_000)}]
        )

    assert refused.value.status_code == 413


def files_under(path: Path) -> list[Path]:
    """The file itself, or all files of the folder: `--record` may write either."""
    return [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]

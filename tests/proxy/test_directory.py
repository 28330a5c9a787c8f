"""What the backends offer: who is asked for its list, how often, and who waits for it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from lumeai_cli.proxy import directory
from lumeai_cli.proxy.patience import Patience
from tests.doctor.raw import Act, Request, completion, http, models, raw_server
from tests.proxy.serving import asked, chat, get, served, until, upstream


def offering(*names: str) -> Callable[[Request], list[bytes]]:
    def script(asked_of: Request) -> list[bytes]:
        return [models(*names) if asked_of.path.endswith("/models") else completion(f"by {names[0]}")]

    return script


def hanging(asked_of: Request) -> list[bytes | Act]:
    return [Act.HOLD] if asked_of.path.endswith("/models") else [completion("by the hanging one")]


def test_a_backend_that_hangs_holds_the_first_requests_up_for_a_moment_only() -> None:
    with (
        raw_server(hanging) as silent,
        raw_server(offering("a")) as first,
        raw_server(offering("b")) as second,
        served(
            upstream(first.url, "one"), upstream(silent.url, "two"), upstream(second.url, "three"),
            patience=Patience(lists=0.3),
        ) as serving,
    ):  # fmt: skip
        began = time.monotonic()
        assert [model["id"] for model in get(serving.port, "/v1/models").json["data"]] == ["a", "one/a", "b", "three/b"]
        assert asked(serving.port, chat(model="b")).json["choices"][0]["message"]["content"] == "by b"
        assert time.monotonic() - began < 4, "the backend would be given up after 5 s"
        assert len(silent.requests) == 1


def test_nobody_waits_any_more_once_the_first_moment_has_passed() -> None:
    with raw_server(hanging) as silent, served(upstream(silent.url), patience=Patience(lists=0.2)) as serving:
        get(serving.port, "/v1/models")
        began = time.monotonic()
        for _ in range(50):
            get(serving.port, "/v1/models")
        assert time.monotonic() - began < 4, "50 waits would take 10 s"


def test_a_hundred_first_requests_ask_each_backend_once() -> None:
    def slowly(asked_of: Request) -> list[bytes]:
        time.sleep(0.3 if asked_of.path.endswith("/models") else 0)
        return offering("a")(asked_of)

    with (
        raw_server(slowly) as first,
        raw_server(offering("b")) as second,
        served(upstream(first.url, "one"), upstream(second.url, "two"), patience=Patience(lists=30)) as serving,
        ThreadPoolExecutor(100) as pool,
    ):
        answers = list(pool.map(lambda _: asked(serving.port, chat(model="a")), range(100)))
        assert {answer.headers["x-lumeai-backend"] for answer in answers} == {"one"}
        for server in (first, second):
            assert [one.path for one in server.requests if one.method == "GET"] == ["/v1/models"]


def test_old_lists_are_asked_for_again_while_requests_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    offered = ["a"]

    def script(asked_of: Request) -> list[bytes]:
        return offering(*offered)(asked_of)

    with raw_server(script) as server, served(upstream(server.url)) as serving:
        assert get(serving.port, "/v1/models/a").status == 200
        offered[:] = ["b"]
        assert get(serving.port, "/v1/models/b").status == 404, "it is not old yet"
        monkeypatch.setattr(directory, "FRESH_SECONDS", 0.0)
        until(lambda: get(serving.port, "/v1/models/b").status == 200)
        assert get(serving.port, "/v1/models/a").status == 404


def test_a_list_that_is_not_told_for_once_is_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    alive = True

    def script(asked_of: Request) -> list[bytes]:
        return offering("a")(asked_of) if alive else [http("{}", "502 Bad Gateway")]

    with raw_server(script) as server, served(upstream(server.url)) as serving:
        assert get(serving.port, "/readyz").status == 200
        alive = False
        monkeypatch.setattr("lumeai_cli.proxy.app.READY_SECONDS", 0.0)
        until(lambda: get(serving.port, "/readyz").status == 503)
        assert get(serving.port, "/v1/models/a").status == 200
        alive = True
        until(lambda: get(serving.port, "/readyz").status == 200)


def test_a_backend_without_such_a_list_answers_all_the_same() -> None:
    def script(asked_of: Request) -> list[bytes]:
        return [completion("hi") if asked_of.method == "POST" else http("no", "404 Not Found", "text/plain")]

    with raw_server(script) as server, served(upstream(server.url)) as serving:
        assert get(serving.port, "/readyz").json == {"ready": True, "backends": {"up": {"answers": True, "models": 0}}}
        assert asked(serving.port, chat()).status == 200


def test_a_new_plan_knows_what_the_old_one_knew_of_the_same_backends() -> None:
    with (
        raw_server(offering("a")) as first,
        raw_server(offering("b")) as second,
        served(upstream(first.url, "one")) as serving,
    ):
        assert get(serving.port, "/v1/models/a").status == 200
        both = (upstream(first.url, "one"), upstream(second.url, "two"))
        plan = replace(serving.proxy.plan, backends=both)
        serving.on_loop(lambda: serving.proxy.reload(plan))
        assert get(serving.port, "/v1/models/b").status == 200
        assert get(serving.port, "/v1/models/a").status == 200
        assert len(first.requests) == len(second.requests) == 1
        moved = replace(plan, backends=(upstream(second.url, "one"),))
        serving.on_loop(lambda: serving.proxy.reload(moved))
        assert get(serving.port, "/v1/models/b").status == 200
        assert get(serving.port, "/v1/models/a").status == 404

"""A short fuzzing of the pure core, the same every time; `scripts/fuzz` does it for an hour, anew each time."""

import pytest
from hypothesis import HealthCheck, given, settings

from tests.fuzz import corpus, run
from tests.fuzz.mutation import KINDS, Mutation, mutated
from tests.fuzz.property import PROPERTIES, Property, Repeated, work_grows_with_the_body

EXAMPLES = {
    "nothing_raises": 120,
    "chunks_do_not_matter": 250,
    "health_is_what_clients_meet": 80,
    "a_recording_tells_the_same": 60,
    "what_all_accept_is_not_blamed": 150,
    "work_grows_with_the_body": 20,
}
"""So many that all of it takes about fifteen seconds."""

pytestmark = pytest.mark.timeout(600)  # what fails is made small before it is told


@pytest.mark.parametrize("name", EXAMPLES)
def test_of_a_damaged_answer_it_holds_that(name: str) -> None:
    """The property of this name."""
    one = PROPERTIES[name]
    quietly = settings(
        max_examples=EXAMPLES[name],
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    quietly(given(one.values)(one.check))()


def test_every_property_without_a_clock_is_tried_here() -> None:
    """What a clock decides is left to `scripts/fuzz`."""
    assert EXAMPLES.keys() == {name for name, one in PROPERTIES.items() if not one.clock}


def test_the_beginnings_are_of_every_kind() -> None:
    """Streams, JSON, lines of JSON, pages, refusals, and bodies that break off."""
    bodies = corpus.bodies()
    assert len(bodies) > 150
    for beginning in (b"data: ", b"{", b"<!DOCTYPE", b": ", b"\xef\xbb\xbf", b""):
        assert any(body.startswith(beginning) for body in bodies), beginning
    assert len(corpus.fragments()) > 100


@pytest.mark.parametrize("kind", KINDS)
def test_a_mutation_changes_something_and_takes_any_body(kind: str) -> None:
    """Places beyond a body's end, and bodies without a line, a frame or JSON."""
    body = corpus.recorded("healthy-plain", "native", stream=True).body
    changed = [
        mutated(body, (Mutation(kind, start, 0.5, number),)) for start in (0.0, 0.3, 0.999) for number in range(64)
    ]
    assert any(one != body for one in changed)
    for small in (b"", b"\n", b"{}", b"[]", b"x"):
        for number in range(64):
            assert isinstance(mutated(small, (Mutation(kind, 0.999, 0.999, number),)), bytes)


def test_square_growth_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The measure must be able to fail."""

    def slowly(text: str) -> tuple[()]:
        for place in range(len(text)):
            for _ in range(place // 8):
                len(text)
        return ()

    repeated = Repeated(b'data: {"choices": [{"delta": {"content": "', b"a word, ", b'"}}]}\n\n', 0, stream=True)
    work_grows_with_the_body(repeated)
    monkeypatch.setattr("tests.fuzz.property.written_calls", slowly)
    with pytest.raises(AssertionError, match="calls"):
        work_grows_with_the_body(repeated)


def test_a_failure_is_told_with_its_seed_and_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    """And the run goes on to the other properties, and ends with 1."""
    from hypothesis import strategies as st  # noqa: PLC0415 - needed here alone

    def all_are_small(value: int) -> None:
        assert value < 17

    def all_are_numbers(value: int) -> None:
        assert isinstance(value, int)

    properties = {
        "all_are_small": Property(all_are_small, st.integers(0, 100)),
        "all_are_numbers": Property(all_are_numbers, st.integers(0, 100)),
    }
    assert run.fuzz(properties, seconds=0.0, seed=7) == 1
    told = capsys.readouterr().out
    assert "all_are_small: FAILED" in told
    assert "value=17" in told
    assert "--seed 7" in told
    assert "all_are_numbers: held for" in told


def test_what_holds_ends_with_0(capsys: pytest.CaptureFixture[str]) -> None:
    """With the number of the values tried."""
    from hypothesis import strategies as st  # noqa: PLC0415 - needed here alone

    def all_are_numbers(value: int) -> None:
        assert isinstance(value, int)

    assert run.fuzz({"all_are_numbers": Property(all_are_numbers, st.integers(0, 100))}, seconds=0.0, seed=1) == 0
    assert "all_are_numbers: held for" in capsys.readouterr().out

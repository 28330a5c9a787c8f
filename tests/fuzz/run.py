"""`scripts/fuzz`: every property for as long as one likes, each round with a seed of its own."""

import argparse
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Mapping, Sequence

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.property import PROPERTIES, Property

EXAMPLES = 150  # values of a property in a round, times its share
MOST_LINES = 120  # of a failure that are shown


def fuzz(properties: Mapping[str, Property], seconds: float, seed: int, examples: int = EXAMPLES) -> int:
    """Rounds until the time is up, at least one; 1 as soon as a round has had a failure, else 0."""
    held: Counter[str] = Counter()
    started = time.monotonic()
    failed = False
    while not failed:
        for name, one in properties.items():
            try:
                held[name] += tried(one, seed, examples)
            except Exception as error:  # noqa: BLE001 - whatever a property raises is its failure
                failed = True
                _tell(name, error, seed)
        if time.monotonic() - started >= seconds:
            break
        seed += 1
        if not failed:
            _say(f"{time.monotonic() - started:6.0f} s  next --seed {seed}  " + _counts(held))
    for name in properties:
        _say(f"{name}: held for {held[name]} values")
    return int(failed)


def tried(one: Property, number: int, examples: int) -> int:
    """How many values the property was tried with; raises what it raises, of the smallest value found."""
    count = 0

    def check(value: object) -> None:
        nonlocal count
        count += 1
        one.check(value)

    rules = settings(
        max_examples=max(1, examples * one.share // (10 if one.clock else 1)),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate, Phase.shrink),
        print_blob=False,
    )
    seed(number)(rules(given(one.values)(check)))()
    return count


def _tell(name: str, error: Exception, number: int) -> None:
    _say(f"{name}: FAILED")
    lines = "".join(traceback.format_exception(error)).splitlines()
    kept = lines if len(lines) <= MOST_LINES else [*lines[:40], "...", *lines[40 - MOST_LINES :]]
    for line in kept:
        _say(f"    {line}")
    _say(f"    again: scripts/fuzz --minutes 0 --only {name} --seed {number}")


def _counts(held: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in held.items())


def _say(line: str) -> None:
    sys.stdout.write(line.encode("ascii", "backslashreplace").decode() + "\n")
    sys.stdout.flush()


def main(arguments: Sequence[str]) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="scripts/fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (default 60; at least one round)")
    parser.add_argument("--seed", type=int, help="the first round's seed (default: a new one)")
    parser.add_argument("--only", choices=tuple(PROPERTIES), help="this property alone")
    given_ = parser.parse_args(arguments)
    number = given_.seed if given_.seed is not None else random.SystemRandom().randrange(2**31)
    chosen = {given_.only: PROPERTIES[given_.only]} if given_.only else PROPERTIES
    _say(f"seed {number}")
    return fuzz(chosen, given_.minutes * 60, number)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

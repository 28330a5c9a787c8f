"""What it costs to read a long streamed answer: the wire core against the least that any program could do.

Run from the project's root, on an idle machine, without coverage or a debugger:

    .venv/bin/python bench/sse_read.py [MEGABYTES]

The stream (10 MB unless said otherwise) holds chat completion chunks as OpenAI sends them, a third of them in Russian.
The yardstick splits the whole body at its blank lines and gives each frame to `json.loads`; it has no spans, no times,
no oddities, and would break on CRLF. Ours is `Reader`, fed in chunks of several sizes, and `fold`. Both are measured in
CPU time, round by round in turn; the median counts. It always ends with exit code 0.
"""

import json
import sys
import time
from collections.abc import Callable
from statistics import median

from lumeai_cli.wire.answer import Answer, fold
from lumeai_cli.wire.reading import Reader

TARGET = 3.0
ROUNDS = 5
WORDS = (" the", " quick", " brown", " fox,", " съешь", " ещё", "\\n", ' "quoted"', " {code};")
BY_EVENT = -1
CHUNKS = {"one chunk": 0, "64 KiB": 65536, "4 KiB": 4096, "1 KiB": 1024, "an event each": BY_EVENT}


def event(said: dict[str, object], finish: str | None = None) -> bytes:
    """One chunk of a streamed completion, framed."""
    chunk = {
        "id": "chatcmpl-AbCdEfGhIjKlMnOpQrStUvWxYz012",
        "object": "chat.completion.chunk",
        "created": 1790000000,
        "model": "gpt-4o-mini-2024-07-18",
        "system_fingerprint": "fp_0123456789",
        "choices": [{"index": 0, "delta": said, "logprobs": None, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(chunk, ensure_ascii=False, separators=(",", ":")).encode() + b"\n\n"


def stream(size: int) -> list[bytes]:
    """The events of a stream of at least so many bytes."""
    events = [event({"role": "assistant", "content": ""})]
    texts = [event({"content": word}) for word in WORDS]
    total = 0
    while total < size:
        events.append(texts[len(events) % len(texts)])
        total += len(events[-1])
    return [*events, event({}, "stop"), b"data: [DONE]\n\n"]


def yardstick(body: bytes) -> int:
    """Every frame parsed, and nothing else."""
    parsed = 0
    for part in body.split(b"\n\n"):
        if part and part != b"data: [DONE]":
            json.loads(part[6:])
            parsed += 1
    return parsed


def ours(chunks: list[bytes]) -> Answer:
    """The whole reading of these chunks."""
    reader = Reader()
    for place, chunk in enumerate(chunks):
        reader.feed(chunk, place / 1000)
    reader.close(len(chunks) / 1000)
    return fold(reader.events)


def cpu(work: Callable[[], object]) -> float:
    """The CPU seconds of one run."""
    started = time.process_time()
    work()
    return time.process_time() - started


def main() -> None:
    """Measures every chunk size and prints a line for each."""
    megabytes = float(sys.argv[1]) if len(sys.argv) > 1 else 10.0
    events = stream(int(megabytes * 1_000_000))
    body = b"".join(events)
    count = yardstick(body)
    print(f"{len(body) / 1e6:.1f} MB, {count} events, CPU time, median of {ROUNDS} rounds; target: ratio <= {TARGET}")
    worst = 0.0
    for name, size in CHUNKS.items():
        if size == BY_EVENT:
            chunks = events
        else:
            chunks = [body[at : at + size] for at in range(0, len(body), size)] if size else [body]
        answer = ours(chunks)
        if not (answer.done and answer.finish == "stop" and len(answer.text) >= count - 2):
            print(f"{name}: the answer is WRONG")
        theirs, mine = [], []
        for _ in range(ROUNDS):
            theirs.append(cpu(lambda: yardstick(body)))
            mine.append(cpu(lambda chunks=chunks: ours(chunks)))  # type: ignore[misc]  # binds this round's chunks
        least, read = median(theirs), median(mine)
        ratio = median(read_ / least_ for read_, least_ in zip(mine, theirs, strict=True))  # noise hits both of a pair
        worst = max(worst, ratio)
        print(
            f"{name:>14}: yardstick {least:.3f} s ({least / count * 1e6:.2f} us/event), "
            f"wire {read:.3f} s ({read / count * 1e6:.2f} us/event), ratio {ratio:.2f}"
        )
    print(f"worst ratio {worst:.2f}: target {'met' if worst <= TARGET else 'MISSED'}")


if __name__ == "__main__":
    main()

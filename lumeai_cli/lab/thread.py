"""The lab for synchronous callers: tests and demonstrations run it beside themselves."""

import asyncio
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from lumeai_cli.lab.disguise import Disguise, undisguised
from lumeai_cli.lab.server import LabServer


@contextmanager
def running_lab(
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    time_scale: float = 1.0,
    hostile: bool = False,
    disguise: Disguise = undisguised,
) -> Iterator[LabServer]:
    """A lab in a thread and an event loop of its own; it has stopped when the block is left.

    Raises `OSError` if the port is taken.
    """
    ready: Future[tuple[LabServer, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        async with LabServer(host, port, time_scale=time_scale, hostile=hostile, disguise=disguise) as lab:
            stop = asyncio.Event()
            ready.set_result((lab, asyncio.get_running_loop(), stop))
            await stop.wait()

    def tell_failure(ended: Future[None]) -> None:
        if not ready.done():
            ready.set_exception(ended.exception())

    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="lumeai-lab") as pool:
        served = pool.submit(asyncio.run, serve())
        served.add_done_callback(tell_failure)
        lab, loop, stop = ready.result()
        try:
            yield lab
        finally:
            if not served.done():
                loop.call_soon_threadsafe(stop.set)
            served.result()

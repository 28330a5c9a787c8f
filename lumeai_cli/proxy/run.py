"""Starts the proxy: in this process, or in several that this one watches over."""

import sys
from collections.abc import Callable

from lumeai_cli.proxy.listening import listen
from lumeai_cli.proxy.plan import Plan
from lumeai_cli.proxy.record import start_log
from lumeai_cli.proxy.server import hold_back, one
from lumeai_cli.text.mendable import MendableError
from lumeai_cli.text.phrase import phrase, say
from lumeai_cli.text.visible import visible


def serve(plan_again: Callable[[], Plan], plan: Plan, *, quiet: bool = False, verbose: bool = False) -> int:
    """Serves until a signal ends it; the exit code: 0 after SIGTERM, 130 after Ctrl-C, 3 if it could not start."""
    start_log(quiet=quiet, verbose=verbose)
    hold_back()
    sock = listen(plan.settings.host, plan.settings.port)
    with sock:
        port = sock.getsockname()[1]
        host = f"[{plan.settings.host}]" if ":" in plan.settings.host else plan.settings.host
        base = f"http://{host}:{port}"
        if plan.settings.workers == 1:
            return one(plan_again, plan, sock, lambda: announce(plan, base))
        if sys.platform == "win32":
            raise MendableError(phrase("serve-no-workers"))
        from lumeai_cli.proxy.workers import Workers  # noqa: PLC0415  # it needs what only POSIX has

        return Workers(plan_again, plan, sock, lambda: announce(plan, base)).run()


def announce(plan: Plan, base: str) -> None:
    """Where it serves and what stands behind it, on stdout: a person reads it, a program waits for it."""
    lines = [say(plan.language, "serve-serving", base=f"{base}/v1")]
    for place, backend in enumerate(plan.backends, 1):
        lines.append(f"  {place}. {backend.name}  {backend.url or '-'}")
    keys = plan.guard.keys
    lines.append(say(plan.language, "serve-keys", keys=keys) if keys else say(plan.language, "serve-open-to-all"))
    sys.stdout.write("".join(f"{visible(line)}\n" for line in lines))
    sys.stdout.flush()

"""`lumeai lab`: every known failure as a live endpoint, for people who write clients and for trying the doctor."""

from typing import TYPE_CHECKING, Annotated

import typer

from lumeai_cli.cli.options import Lang, language
from lumeai_cli.cli.output import put

if TYPE_CHECKING:
    from lumeai_cli.lab import Specimen

app = typer.Typer(help="Every known failure as a live endpoint.", no_args_is_help=True, rich_markup_mode=None)

DEFAULT_PORT = 5864


@app.command("list")
def list_(
    *,
    json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    lang: Lang = "",
) -> int:
    """List the specimens: code, name, what the doctor must say, what the server does."""
    from lumeai_cli.diagnoses.catalogue import CATALOGUE
    from lumeai_cli.lab import SPECIMENS
    from lumeai_cli.text.phrase import say

    spoken = language(lang, None)
    shown = [(specimen, CATALOGUE.get(specimen.shows)) for specimen in SPECIMENS.values()]
    if json:
        from json import dumps

        rows = [
            {
                "name": specimen.name,
                "code": diagnosis.code if diagnosis is not None else None,
                "healthy": specimen.healthy,
                "sentence": specimen.sentence(spoken),
            }
            for specimen, diagnosis in shown
        ]
        put(dumps(rows, ensure_ascii=False, indent=2) + "\n")
        return 0
    table = [
        (
            diagnosis.code if diagnosis is not None else "-",
            specimen.name,
            say(spoken, _state(specimen)),
            specimen.sentence(spoken),
        )
        for specimen, diagnosis in shown
    ]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        put("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")
    return 0


def _state(specimen: "Specimen") -> str:
    """The phrase for what the doctor says of it: sick, healthy, or healthy with a warning or a note."""
    if not specimen.healthy:
        return "sick"
    if specimen.warns:
        return "severity-warning"
    return "severity-note" if specimen.shows else "healthy"


@app.command()
def serve(
    *,
    port: Annotated[int, typer.Option(help="0 takes a free one.", min=0, max=65535)] = DEFAULT_PORT,
    host: Annotated[str, typer.Option(help="Address to listen at.")] = "127.0.0.1",
    time_scale: Annotated[float, typer.Option(help="Multiplies every pause.", min=0.0)] = 1.0,
    lang: Lang = "",
) -> int:
    """Serve every specimen at /NAME/v1 until Ctrl-C."""
    import asyncio
    from contextlib import AsyncExitStack

    from lumeai_cli.lab import LabServer
    from lumeai_cli.text.phrase import say

    async def forever() -> None:
        server = LabServer(host, port, time_scale=time_scale)
        async with AsyncExitStack() as stack:
            try:
                await stack.enter_async_context(server)
            except OSError as error:  # told with the address that could not be had
                raise OSError(error.errno, error.strerror, f"{host}:{port}") from None
            put(say(language(lang, None), "lab-serving", base=server.base) + "\n")
            await asyncio.Event().wait()

    asyncio.run(forever())
    return 0

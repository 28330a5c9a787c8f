"""Reports about what answers at the address: nothing, a page, another API, or one that does not know the model."""

from tests.cases.record import Recorded, elsewhere, page

GATEWAY = "http://127.0.0.1:3000/anthropic"

RECORDS = (
    Recorded(
        "https://github.com/atopos31/llmio/issues/42",
        "an unknown route of New API: 200 with its index page",
        "html-instead-of-api",
        elsewhere(
            GATEWAY, page("New API"), (f"{GATEWAY}/v1", page("New API")), ("http://127.0.0.1:3000", page("New API"))
        ),
        given=GATEWAY,
    ),
)

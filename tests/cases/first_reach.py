"""Reports about what answers at the address: a page, an empty 200, a wrong path, an unknown model, a refused size."""

from lumeai_cli.backends.backend import Kind
from tests.cases.record import BASE, Recorded, beside, body, door, elsewhere, page, raw, refused, text_stream

ORIGIN = BASE.removesuffix("/v1")
GATEWAY = f"{ORIGIN}/anthropic"

LOGIN = raw(
    "<!doctype html><html><head><title>Sign in</title></head><body>".ljust(1240, "\n")
    + "<form></form></body></html>\n",
    label="text/html; charset=utf-8",
)
"""A page of about the 1,270 bytes that were counted."""

EMPTY = raw(label="")
"""A 200, no content type that anybody quoted, no byte."""

NO_SUCH_ENDPOINT = body({"error": "Unexpected endpoint or method. (POST /chat/completions)"})
"""LM Studio's word for an unknown route; its log adds that it sends a 200 all the same."""

RECORDS = (
    # html_interstitial
    Recorded(
        "https://github.com/Alishahryar1/free-claude-code/issues/1858",
        "200, text/html, a page of 1,270 bytes where a stream is due: no event in it",
        "html-instead-of-api",
        elsewhere(BASE, LOGIN, (ORIGIN, LOGIN)),
        facts={"title": "Sign in"},
    ),
    # url_path
    Recorded(
        "https://github.com/atopos31/llmio/issues/42",
        "an unknown route of New API: 200 with its index page",
        "html-instead-of-api",
        elsewhere(GATEWAY, page("New API"), (f"{GATEWAY}/v1", page("New API")), (ORIGIN, page("New API"))),
        given=GATEWAY,
        facts={"title": "New API"},
    ),
    Recorded(
        "https://github.com/ChatGPTNextWeb/NextChat/issues/4761",
        "a path that One API does not have: 200 with its index page, which the client shows as the answer",
        "html-instead-of-api",
        elsewhere(BASE, page("One API"), (ORIGIN, page("One API"))),
    ),
    Recorded(
        "https://github.com/ahaostudy/openrouter-proxy/issues/4",
        "the proxy asks a path that its upstream does not have, and passes on a 200 with no byte in it",
        "not-an-llm-api",
        elsewhere(BASE, EMPTY, (ORIGIN, EMPTY)),
    ),
    Recorded(
        "https://github.com/cline/cline/issues/224",
        "LM Studio asked for /chat/completions, its base URL without /v1: an error object in a 200",
        "base-url-missing-v1",
        (*elsewhere(ORIGIN, NO_SUCH_ENDPOINT, (BASE, text_stream("maple"))), *beside()),
        given=ORIGIN,
        base=BASE,
        kind=Kind.LM_STUDIO,
        facts={"given": ORIGIN, "works": BASE},
    ),
    # model_name
    Recorded(
        "https://github.com/OpenHands/OpenHands/issues/2517",
        "Ollama has not pulled the model that was asked for: 404",
        "model-not-found",
        door(refused(404, "model 'codellama:7b' not found, try pulling it first", type="api_error")),
        kind=Kind.OLLAMA,
        model="codellama:7b",
        models=("codellama:latest",),
        facts={"model": "codellama:7b", "available": "codellama:latest"},
    ),
    Recorded(
        "https://github.com/abi/screenshot-to-code/issues/354",
        "a name of OpenAI's, fixed in the program, sent to Ollama: 404",
        "model-not-found",
        door(refused(404, 'model "gpt-4o-2024-11-20" not found, try pulling it first', type="api_error")),
        kind=Kind.OLLAMA,
        model="gpt-4o-2024-11-20",
        models=("llava:13b",),
    ),
)

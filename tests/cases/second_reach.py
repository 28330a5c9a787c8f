"""Reports about the way to the model: nobody listens, a wrong base URL or model, a body too big, a server too slow."""

import json

from lumeai_cli.backends.address import variants
from lumeai_cli.backends.backend import Kind
from lumeai_cli.clients.outcome import OutcomeKind
from lumeai_cli.diagnoses.case import AGENT_NATIVE, AGENT_XML, PLAIN, SIZES
from lumeai_cli.diagnoses.finding import Severity
from lumeai_cli.wire.exchange import Chunk, Ending, EndingKind
from tests.cases.record import (
    BASE,
    JSON,
    Recorded,
    Said,
    beside,
    body,
    door,
    elsewhere,
    message,
    once,
    page,
    raw,
    refused,
    text_stream,
    to,
    unreached,
)

OLLAMA = "http://localhost:11434/v1"
ORIGIN = BASE.removesuffix("/v1")
FOUND = text_stream("maple")

NO_LISTENER = unreached(EndingKind.REFUSED, detail="[Errno 111] Connection refused", url=f"{OLLAMA}/chat/completions")
"""What `localhost` is inside a container that runs no Ollama: the container itself."""

NOT_FOUND = body({"detail": "Not found"}, 404)
RESELLER = "https://api.reseller.example/v1"
RESELLERS_OWN = f"{ORIGIN}/openai/v1"

GATEWAY = f"{ORIGIN}/api/gateway"

NGINX = page("404 Not Found", 404)
UNKNOWN_URL = refused(
    404,
    "Unknown request URL: POST /chat/completions. Look into the documentation for the right one.",
    type="invalid_request_error",
    code="unknown_url",
)

TOO_LARGE = page("Error: PayloadTooLargeError: request entity too large", 413)
REAL_SESSION = 180_000  # bytes of a request with some files in it

LATE = Said(
    (Chunk(304.0, json.dumps(message({"content": "maple"})).encode()),),
    label=JSON,
    headers_at=304.0,
    ending=Ending(EndingKind.CLEAN, 304.0),
)
"""Headers and body together, at the end of the work, and that later than the 300 s of Node's fetch."""

RECORDS = (
    # transport
    Recorded(
        "https://github.com/lfnovo/open-notebook/issues/37",
        "the program runs in a container and asks localhost for Ollama: nobody listens there",
        "connection-refused",
        NO_LISTENER,
        given=OLLAMA,
        kind=Kind.OLLAMA,
    ),
    Recorded(
        "https://github.com/nilsherzig/LLocalSearch/issues/36",
        "another program in a container, the same refused connection to localhost",
        "connection-refused",
        NO_LISTENER,
        given=OLLAMA,
        kind=Kind.OLLAMA,
    ),
    # url
    Recorded(
        "https://github.com/harry0703/MoneyPrinterTurbo/issues/1001",
        'the host\'s own /v1 answers 404 {"detail": "Not found"}; the API lives under /openai/v1, no neighbour of it',
        "endpoint-not-found",
        elsewhere(RESELLER, NOT_FOUND, *((base, NOT_FOUND) for base in variants(RESELLER))),
        given=RESELLER,
        facts={"status": 404},
    ),
    Recorded(
        "https://github.com/harry0703/MoneyPrinterTurbo/issues/1001",
        "the third wrong value of this thread: the base URL already ends in /chat/completions",
        "base-url-doubled-path",
        (*elsewhere(f"{RESELLERS_OWN}/chat/completions", NOT_FOUND, (RESELLERS_OWN, FOUND)), *beside()),
        given=f"{RESELLERS_OWN}/chat/completions",
        base=RESELLERS_OWN,
        facts={"given": f"{RESELLERS_OWN}/chat/completions", "works": RESELLERS_OWN},
    ),
    Recorded(
        "https://github.com/inferencerlabs/inferencer-feedback/issues/79",
        "address and port alone as the base URL: 404 without a body; with /v1 it worked",
        "base-url-missing-v1",
        (*elsewhere(ORIGIN, raw(status=404, label=""), (BASE, FOUND)), *beside()),
        given=ORIGIN,
        base=BASE,
        facts={"given": ORIGIN, "works": BASE, "status": 404},
        meets={"kilo-xml": OutcomeKind.ERROR},
    ),
    Recorded(
        "https://github.com/nomic-ai/gpt4all/issues/3214",
        "POST /chat/completions at a host that wants /v1 before it: 404, code unknown_url",
        "base-url-missing-v1",
        (*elsewhere(ORIGIN, UNKNOWN_URL, (BASE, FOUND)), *beside()),
        given=ORIGIN,
        base=BASE,
        kind=Kind.OPENAI,
        facts={"given": ORIGIN, "works": BASE, "status": 404},
    ),
    Recorded(
        "https://github.com/tsundereraws/aisub-translator/issues/2",
        "a base URL without /v1 meets nginx' own 404 page",
        "base-url-missing-v1",
        (*elsewhere(ORIGIN, NGINX, (BASE, FOUND)), *beside()),
        given=ORIGIN,
        base=BASE,
        kind=Kind.OPENAI,
        facts={"given": ORIGIN, "works": BASE, "status": 404},
        meets={"openai-sdk": OutcomeKind.ERROR},
    ),
    Recorded(
        "https://github.com/smallmain/vscode-unify-chat-provider/issues/234",
        "the client adds /v1 to a gateway's base URL, which is right without it",
        "base-url-extra-v1",
        (*elsewhere(f"{GATEWAY}/v1", NOT_FOUND, (GATEWAY, FOUND)), *beside()),
        given=f"{GATEWAY}/v1",
        base=GATEWAY,
        facts={"given": f"{GATEWAY}/v1", "works": GATEWAY},
    ),
    # model_name
    Recorded(
        "https://github.com/netease-youdao/QAnything/issues/555",
        "the server's name stood where the model's is due: 404, model \"ollama\" not found",
        "model-not-found",
        door(refused(404, 'model "ollama" not found, try pulling it first', type="api_error")),
        kind=Kind.OLLAMA,
        model="ollama",
        models=("qwen2.5:7b",),
        facts={"model": "ollama", "available": "qwen2.5:7b"},
    ),
    # payload_size
    Recorded(
        "https://github.com/lutzleonhardt/copilot-proxy/issues/4",
        "Express refuses every body above its default of 100 kB: 413, PayloadTooLargeError",
        "body-too-large",
        beside(
            to(TOO_LARGE, AGENT_XML, AGENT_NATIVE, size=REAL_SESSION),
            once(body(message({"content": "maple"})), SIZES, size=90 * 1024),
            once(TOO_LARGE, SIZES, size=101 * 1024),
        ),
        facts={"status": 413, "express": True},
    ),
    Recorded(
        "https://github.com/lutzleonhardt/copilot-proxy/issues/4",
        "the same limit at the beginning of a session, when the requests are still smaller",
        "body-too-large",
        beside(
            once(body(message({"content": "maple"})), SIZES, size=90 * 1024),
            once(TOO_LARGE, SIZES, size=101 * 1024),
        ),
        severity=Severity.WARNING,
        facts={"passed": 90 * 1024, "refused": 101 * 1024, "express": True},
    ),
    # timeout
    Recorded(
        "https://github.com/joshuaswarren/remnic/issues/2148",
        "no status line for 300 s while a local model works unstreamed: the fetch of Node gives up, every time then",
        "slow-first-byte",
        beside(once(LATE, PLAIN)),
        severity=Severity.WARNING,
        facts={"seconds": 304.0},
    ),
    Recorded(
        "https://github.com/ollama/ollama-js/issues/144",
        "the same from Ollama without streaming: UND_ERR_HEADERS_TIMEOUT after 300 s",
        "slow-first-byte",
        beside(once(LATE, PLAIN)),
        severity=Severity.WARNING,
        kind=Kind.OLLAMA,
    ),
)

"""What the proxy itself refuses, before any backend is asked: a code of its own, a status, a sentence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from lumeai_cli.repair.chunk import encoded
from lumeai_cli.text.phrase import Phrase, phrase
from lumeai_cli.text.secret import masked

INVALID = "invalid_request_error"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`code` is one of those that no diagnosis has (LUM001 to LUM099); `param` names the field that is wrong."""

    code: str
    status: int
    sentence: Phrase
    type: str = INVALID
    param: str | None = None
    headers: tuple[tuple[bytes, bytes], ...] = ()

    def body(self, language: str) -> bytes:
        """The error in OpenAI's form."""
        return error_body(self.sentence.in_(language), self.type, self.code, self.param)


def error_body(message: str, type_: str, code: str, param: str | None = None) -> bytes:
    """An error in OpenAI's form; a key that a client sent in the wrong place is not repeated."""
    return encoded({"error": {"message": masked(message), "type": type_, "code": code, "param": param}})


def not_json(detail: str) -> Refusal:
    """The body is no JSON."""
    return Refusal("LUM001", 400, phrase("refuse-no-json", detail=detail))


def too_large(limit: int) -> Refusal:
    """The body is larger than the settings allow; `limit` in MiB."""
    return Refusal("LUM002", 413, phrase("refuse-too-large", limit=limit))


def wrong_type(param: str, wanted: str, got: str) -> Refusal:
    """A field has another type than the API has it."""
    return Refusal("LUM003", 400, phrase("refuse-type", param=param, wanted=wanted, got=got), param=param)


def unknown_route(method: str, path: str) -> Refusal:
    """There is no such route."""
    return Refusal("LUM004", 404, phrase("refuse-route", method=method, path=path[:200]))


def unknown_model(model: str, near: str) -> Refusal:
    """No backend has this model; `near` are those that may be meant."""
    model = model[:200]
    sentence = phrase("refuse-model-near", model=model, near=near) if near else phrase("refuse-model", model=model)
    return Refusal("LUM005", 404, sentence, param="model")


def stopping() -> Refusal:
    """The proxy is about to end."""
    return Refusal("LUM006", 503, phrase("refuse-stopping"), type="server_error")


def own_fault(request: str) -> Refusal:
    """Something broke in lumeai itself; the log has more under this request's id."""
    return Refusal("LUM007", 500, phrase("refuse-own-fault", request=request), type="server_error")


def wrong_method(method: str, allowed: str) -> Refusal:
    """The route is there, for another method."""
    sentence = phrase("refuse-method", method=method[:20], allowed=allowed)
    return Refusal("LUM008", 405, sentence, headers=((b"allow", allowed.encode()),))


def slow_request(seconds: float) -> Refusal:
    """The request's head or its body did not come in time."""
    return Refusal("LUM009", 408, phrase("refuse-slow", seconds=f"{seconds:g}"))


def no_http() -> Refusal:
    """What came is no HTTP request."""
    return Refusal("LUM032", 400, phrase("refuse-no-http"))


def head_too_large(limit: int) -> Refusal:
    """The request's line and headers are larger than any client's; `limit` in KiB."""
    return Refusal("LUM033", 431, phrase("refuse-head", limit=limit))


AUTHENTICATE = ((b"www-authenticate", b"Bearer"),)
AUTHENTICATION = "authentication_error"
PERMISSION = "permission_error"
RATE = "rate_limit_error"
QUOTA = "insufficient_quota"


def key_missing() -> Refusal:
    """The request shows no key."""
    return Refusal("LUM010", 401, phrase("refuse-key-missing"), AUTHENTICATION, headers=AUTHENTICATE)


def key_mistyped() -> Refusal:
    """What it shows cannot be a key of lumeai."""
    return Refusal("LUM011", 401, phrase("refuse-key-mistyped"), AUTHENTICATION, headers=AUTHENTICATE)


def key_unknown() -> Refusal:
    """The key is well formed, and nobody has it."""
    return Refusal("LUM012", 401, phrase("refuse-key-unknown"), AUTHENTICATION, headers=AUTHENTICATE)


def key_expired(name: str, ends: str) -> Refusal:
    """The key's time is over."""
    sentence = phrase("refuse-key-expired", name=name, ends=ends)
    return Refusal("LUM013", 401, sentence, AUTHENTICATION, headers=AUTHENTICATE)


def key_replaced(name: str, ends: str) -> Refusal:
    """The key has another token, and this one's grace is over."""
    sentence = phrase("refuse-key-replaced", name=name, ends=ends)
    return Refusal("LUM013", 401, sentence, AUTHENTICATION, headers=AUTHENTICATE)


def key_revoked(name: str) -> Refusal:
    """The key was taken back."""
    return Refusal("LUM014", 401, phrase("refuse-key-revoked", name=name), AUTHENTICATION, headers=AUTHENTICATE)


def model_not_allowed(model: str) -> Refusal:
    """The key does not reach this model, whether there is one of this name or not."""
    return Refusal("LUM015", 403, phrase("refuse-model-forbidden", model=model[:200]), PERMISSION, param="model")


def backend_not_allowed() -> Refusal:
    """None of the backends that the key may use is served."""
    return Refusal("LUM016", 403, phrase("refuse-backend-forbidden"), PERMISSION)


def too_many_requests(limit: int, seconds: float, name: str, headers: tuple[tuple[bytes, bytes], ...]) -> Refusal:
    """The minute's requests are used up; `name` is the key's, or empty for all keys together."""
    values = {"limit": limit, "seconds": math.ceil(seconds)}
    sentence = phrase("refuse-rpm", name=name, **values) if name else phrase("refuse-rpm-all", **values)
    return Refusal("LUM017", 429, sentence, RATE, headers=headers)


def too_many_tokens(limit: int, name: str, headers: tuple[tuple[bytes, bytes], ...]) -> Refusal:
    """The day's tokens are used up."""
    sentence = phrase("refuse-tokens", name=name, limit=limit) if name else phrase("refuse-tokens-all", limit=limit)
    return Refusal("LUM018", 429, sentence, QUOTA, headers=headers)


def too_many_streams(limit: int, name: str, headers: tuple[tuple[bytes, bytes], ...]) -> Refusal:
    """As many requests as may be are under way."""
    sentence = phrase("refuse-streams", name=name, limit=limit) if name else phrase("refuse-streams-all", limit=limit)
    return Refusal("LUM019", 429, sentence, RATE, headers=headers)


def too_many_tries() -> Refusal:
    """So many wrong keys come from this address that not even their refusals are queued."""
    return Refusal("LUM020", 429, phrase("refuse-tries"), RATE, headers=((b"retry-after", b"5"),))


def store_lost(seconds: float) -> Refusal:
    """The store of the keys has been away for so long that nobody is let in on old knowledge."""
    return Refusal("LUM021", 503, phrase("refuse-store-lost", seconds=round(seconds)), type="server_error")


def foreign_page(origin: str) -> Refusal:
    """A web page asks, and there are no keys by which it could be allowed to."""
    return Refusal("LUM030", 403, phrase("refuse-page", origin=origin[:100]), type="permission_error")


def foreign_host(host: str) -> Refusal:
    """The request calls this machine by a name that is not its own."""
    return Refusal("LUM031", 403, phrase("refuse-host", host=host[:100]), type="permission_error")


MEANINGS: Mapping[str, str] = MappingProxyType(
    {
        "LUM001": "refuse-no-json",
        "LUM002": "refuse-too-large",
        "LUM003": "refuse-type",
        "LUM004": "refuse-route",
        "LUM005": "refuse-model",
        "LUM006": "refuse-stopping",
        "LUM007": "refuse-own-fault",
        "LUM008": "refuse-method",
        "LUM009": "refuse-slow",
        "LUM010": "refuse-key-missing",
        "LUM011": "refuse-key-mistyped",
        "LUM012": "refuse-key-unknown",
        "LUM013": "refuse-key-expired",
        "LUM014": "refuse-key-revoked",
        "LUM015": "refuse-model-forbidden",
        "LUM016": "refuse-backend-forbidden",
        "LUM017": "refuse-rpm",
        "LUM018": "refuse-tokens",
        "LUM019": "refuse-streams",
        "LUM020": "refuse-tries",
        "LUM021": "refuse-store-lost",
        "LUM030": "refuse-page",
        "LUM031": "refuse-host",
        "LUM032": "refuse-no-http",
        "LUM033": "refuse-head",
    }
)
"""Every code of this module with the key of its sentence."""

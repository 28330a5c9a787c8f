"""Knows a backend's excuse in the place of an answer: a short sentence about a quota or a limit, told as the text.

The beginning of an answer is held back only while it may be such a sentence, and a text that begins in any other way
passes at once. When the answer has ended, a short text that is one is a fault, and everything else passes as it was.
"""

import re

from lumeai_cli.backends.words import CHARACTERS, LIMIT, QUOTA, SENTENCE
from lumeai_cli.repair.fault import Fault

_OPENERS = (
    *("you have ", "you've ", "you are out of", "you reached ", "you exceeded ", "you hit ", "you need to upgrade"),
    *("your ", "sorry", "oops", "unfortunately", "we're sorry", "we are sorry", "i'm sorry", "i am sorry"),
    *("quota", "rate limit", "rate-limit", "rate_limit", "daily ", "monthly ", "usage limit", "limit ", "limits "),
    *("insufficient", "error", "[error", "free ", "free-tier", "request", "too many requests", "payment required"),
    *("out of credits", "no resource package", "billing ", "upgrade ", "please upgrade", "exceeded ", "exceeds "),
    *("message ", "messages ", "prompt ", "input ", "text ", "account ", "api ", "429", "402", "http 4", "status 4"),
    *(f"the {noun}" for noun in ("quota", "rate limit", "daily ", "free ", "message ", "prompt ", "input ", "text ")),
    *("the request ", "this request ", "this message ", "this account ", "this model ", "the model ", "the account "),
    *("当日", "每日", "今日", "额度", "您", "你的", "你已", "抱歉", "对不起", "很抱歉", "免费", "余额", "账户", "请求"),
    *("вы исчерпали", "вы достигли", "вы превысили", "ваш", "лимит", "дневной", "суточный", "квота", "извините"),
    *("превышен", "исчерпан", "достигнут", "ошибка", "к сожалению", "бесплатн", "недостаточно", "у вас "),
)
"""The beginnings of such sentences, in lower case; those that the patterns match begin so."""

_SKIPPED = re.compile(r"""[\s*_#>"'«“(⚠️❗❌🚫]*""")
_MOST_SKIPPED = 32


def excuse_in(text: str) -> Fault | None:
    """What a whole answer of this text is, if it is an excuse."""
    if len(text) > SENTENCE or _begins(text) is not True:
        return None
    if CHARACTERS.search(text):
        return Fault("context-exceeded", text.strip())
    if QUOTA.search(text) or LIMIT.search(text):
        return Fault("quota-text-as-answer", text.strip())
    return None


class ExcuseWatch:
    """Holds the beginning of an answer's text back while it may be an excuse; `settled` says that it is none."""

    __slots__ = ("held", "settled")

    def __init__(self) -> None:
        self.settled = False
        self.held = ""

    def feed(self, text: str) -> str:
        """What may pass with this piece."""
        if self.settled:
            return text
        self.held += text
        return "" if len(self.held) <= SENTENCE and _begins(self.held) is not False else self.release()

    def release(self) -> str:
        """All that was held, which is an answer."""
        self.settled = True
        held, self.held = self.held, ""
        return held


def _begins(text: str) -> bool | None:
    """Whether the text begins as an excuse does; None while that is not known."""
    skipped = _SKIPPED.match(text)
    place = skipped.end() if skipped is not None else 0
    if place > _MOST_SKIPPED:
        return False
    head = text[place : place + 32].lower().replace("’", "'")
    if any(head.startswith(opener) for opener in _OPENERS):
        return True
    return None if any(opener.startswith(head) for opener in _OPENERS) else False

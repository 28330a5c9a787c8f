"""The English words."""

MESSAGES = {
    # what was decided before a request went out
    "note-completed": "no path was given: {url} is examined",
    "note-no-key-over-http": "the key from {source} is not sent: the connection is not encrypted and leaves this "
    "machine (--insecure sends it all the same)",
    "note-anthropic": "examined through its OpenAI-compatible endpoint",
    "note-absent": "{name}: nobody answers at {url}",
    "note-key-elsewhere": "{key} ({key_place}) is not sent to {url} ({url_place}): a key goes only to a URL from the "
    "same place. Set both in the environment, or both in .env.",
    "note-fallback-model": "the server lists no models: asked for {model}",
    # why a probe was not sent or not judged
    "via-one-target": "compares one server with one gateway to it: name exactly one target beside it",
    "via-same": "the gateway and the target are the same URL",
    "explain-refusal": "lumeai's own proxy says this; no backend was asked. The answer tells what is in brackets here.",
    "reserved-code": "{code} is kept for what lumeai's own proxy refuses; no diagnosis has it",
    "coming-command": "({commands}: not in this version yet)",
    "skip-system-proxy": "a proxy is set for this address: a direct connection proves nothing",
    "skip-unreached": "there is no connection ({ending})",
    "skip-no-proxy-variable": "no proxy variable would divert this target",
    "skip-name-a-model": "the server lists no models and refuses {model}, a name of our own: name one with --model",
    "skip-needs": "needs {probe}",
    "skip-url-works": "the URL as given is an API",
    "skip-no-api": "no chat endpoint was found (HTTP {status})",
    "skip-refused": "the first requests were refused already (HTTP {status})",
    "skip-no-end": "the first answers did not end ({ending})",
    "skip-quick": "--quick: the agent-sized request was not sent, so nothing is known of large prompts",
    "skip-window-known": "the model list told the window",
    "skip-no-reason": "no earlier answer gave a reason to ask this",
    "skip-not-chosen": "not chosen (--only, --skip)",
    "skip-time": "the time of the examination was up ({seconds} s, --timeout)",
    "skip-budget": "about {tokens} tokens more would exceed the budget of {budget} (--budget)",
    "skip-interrupted": "interrupted",
    "skip-not-recorded": "not in the recording",
    "crashed": "lumeai's own fault: {error}",
    # progress
    "progress-connect": "connecting to {url}",
    "progress-probe": "asking: {probe}",
    "progress-large": "asking: {probe}, {chars} characters (about {tokens} tokens)",
    "progress-variant": "is the API at {url}?",
    # the report
    "healthy": "healthy",
    "healthy-line": "every judged client gets its answer",
    "unjudged": "not judged",
    "sick": "sick",
    "demo": "This is a demonstration: three sick specimens and a healthy one, served by lumeai's own lab.",
    "why-heading": "Proof",
    "likewise": "likewise: {named}",
    "clients-heading": "What your client shows",
    "fix-heading": "What to do",
    "next-heading": "Once this is cured, you will meet",
    "also-heading": "Also found",
    "not-judged-heading": "Not judged",
    "probes-heading": "Probes",
    "more": "More: lumeai explain {name}",
    "certainty-proven": "proven",
    "certainty-likely": "likely",
    "certainty-possible": "possible",
    "severity-error": "error",
    "severity-warning": "warning",
    "severity-note": "note",
    "quoted": "“{text}”",
    "outcome-ok": "shows the answer",
    "outcome-nudge": "asks the model again",
    "outcome-empty": "no answer",
    "outcome-error": "error",
    "outcome-retry": "repeats, then an error",
    "outcome-silent": "shows nothing",
    "outcome-loop": "repeats without end",
    "outcome-hang": "hangs",
    "outcome-not-judged": "not judged",
    "status-passed": "passed",
    "status-failed": "failed",
    "status-skipped": "skipped",
    "status-not-judged": "not judged",
    "status-crashed": "crashed",
    "targets": "target|targets",
    "summary-line": "{targets} examined in {seconds} s",
    "asked-model": "model {model}",
    "lasted": "{seconds} s",
    "at": "after {seconds} s",
    "interrupted": "Interrupted: this is what is known so far.",
    "crash-line": "lumeai itself failed here ({error}): please report it.",
    "nothing-there": "There is nothing to examine. lumeai looked for:",
    "nothing-there-how": "Start one of them, or name your server: lumeai doctor http://HOST:PORT/v1",
    "start-with": "start it with",
    "start-variable": "{setting} (in the environment or in .env)",
    # the table of contents of `explain --list`
    "explain-hint": "lumeai explain NAME shows a page.",
    "lab-serving": "The lab listens at {base}. Each specimen: {base}/NAME/v1. Ctrl-C ends it.",
    "config-fine": "The settings are fine.",
    "config-written": "Written: {path}",
    # before the proxy serves
    "serve-found": "found: {name} at {url}",
    "serve-unusable": "left out: {name} at {url}: {objection}",
    "serve-found-itself": "left out: {name} at {url} is the proxy's own address",
    "serve-builtin": "no real model is configured, and of the usual servers ({looked}) none is there: lumeai itself "
    "answers, under the name `builtin`, and says so to everybody who asks. To get a real model start a server, such "
    "as `ollama serve`, or name yours: lumeai serve --backend http://HOST:PORT/v1 (`lumeai doctor` says how to start "
    "each)",
    "serve-completed": "no path was given: {url} is used",
    "serve-cut": "the URL ended in an endpoint's path: {url} is used",
    "serve-query": "what stands behind the `?` of its URL is not sent: {url} is used",
    "serve-no-key-over-http": "{name}: the key from {source} is not sent, for the connection is not encrypted and "
    "leaves this machine: use https",
    "presence-silent": "no answer ({ending})",
    "presence-key-missing": "wants a key (HTTP {status}): configure it with `key_env`",
    "presence-key-refused": "refuses the key (HTTP {status})",
    "presence-status": "HTTP {status} for the list of models",
    "presence-page": "a web page instead of an API: the base URL usually ends in /v1",
    "presence-no-models": "has no models",
    "presence-no-list": "tells no list of models (HTTP {status})",
    "check-alive": "alive, {offered}",
    "check-dead": "not alive: {objection}",
    "check-builtin": "answers without a model: it says that no real one is configured",
    "check-default": "default {model}",
    "check-default-unlisted": "default {model} (not in its list)",
    "check-no-default": "no default model: configure one with `model`",
    "models": "model|models",
    # pieces of the sentences below
    "place-environment": "environment {name}",
    "place-default": "default",
    "did-you-mean": " Did you mean '{near}'?",
    "did-you-mean-key": '; did you mean "{near}"?',
    "did-you-mean-choice": ' (did you mean "{near}"?)',
    "found-text": '"{text}"',
    "found-long": "a text of {length} characters",
    "found-nothing": "nothing",
    "found-list": "a list",
    "found-group": "a group of keys",
    "what-settings": "the settings",
    "what-backend": "a backend",
    "expected-group": "a group of `key: value` lines",
    "expected-list": "a list (lines that start with `- `)",
    "expected-text": "a text",
    "expected-whole": "a whole number from {least} to {most}, in plain digits",
    "expected-seconds": "a number of seconds above 0, in plain digits",
    "expected-flag": "yes or no",
    # what is wrong in the settings
    "settings-unknown-key": "unknown key {key}{hint} Valid keys here: {known}.",
    "settings-wrong-kind": '"{what}" takes {expected}, found {found}',
    "settings-choice": '"{what}" is one of {choices}, found {found}{hint}',
    "settings-empty": '"{what}" is empty: give it a value or remove the line',
    "settings-empty-list": '"{what}" is an empty list: name at least one, or remove the line',
    "settings-control": '"{what}" holds a control character or a line break: remove it',
    "settings-same-name": "two backends are called {name} (the first at {first}): rename one",
    "settings-missing": 'this backend has no "{needed}": add a line `{needed}: ...`',
    "settings-backend-name": "a backend's name holds no `/` and no space at its ends: `NAME/MODEL` names a model",
    "settings-builtin": "a backend of kind `builtin` answers inside lumeai and has a name alone: remove `{idle}`, or "
    "give another kind",
    "settings-alias-itself": "the alias {alias} stands for itself: let it stand for BACKEND/MODEL or for another "
    "model's name",
    "settings-two-keys": "both `key` and `key_env` are given: keep one",
    "settings-key-is-text": '"key" takes a text',
    "settings-key-env": "`key_env` takes the NAME of an environment variable, such as LUMEAI_API_KEY, not the key "
    "itself",
    "settings-variable-unset": "the environment variable {name} is not set, so no key is sent: set it, or put it "
    "into .env",
    "settings-this-variable-unset": "the environment variable named here is not set, so no key is sent: set it, or put "
    "it into .env",
    "settings-key-withheld": "its key stands in the environment, and this file was merely found in the folder: "
    "the key is not sent to another machine (put it into this folder's .env, or name the file with --config)",
    "settings-key-in-the-open": "its key would cross the network in the open: use https",
    "settings-no-file": "there is no such file: check the path given with --config",
    "dotenv-broken": "this line does not set {name}: write {name}=VALUE, without spaces in the value or in whole "
    "quotes",
    # what is wrong with a key
    "key-empty": "the key is empty: put the real key there, or remove it if the server needs none",
    "key-not-latin": "the key holds letters that are not Latin, and no HTTP header can carry them. It looks like a "
    "placeholder copied from a manual (like `sk-your-key`, in another language): put the key your server gave you "
    "there",
    "key-not-ascii": "the key holds a character that no HTTP header can carry, such as a curly quote or a long dash. "
    "That happens when a key is copied from formatted text: copy it again from where it was issued",
    "key-space": "the key holds a space or a line break, and no HTTP header can carry it: remove it (it is often "
    "copied along with the key)",
    "key-control": "the key holds a control character, and no HTTP header can carry it: copy the key again",
    # what is wrong with a URL
    "url-space": "the URL holds a space or a control character: remove it",
    "url-scheme": "the URL must start with http:// or https://, such as http://127.0.0.1:1337/v1",
    "url-user": "the URL holds a user name or password, which every report would show: remove it, and give a key as "
    "`key_env`",
    "url-host": "the URL's host or port cannot be read: write http://host:port/v1",
    "target-no-url": "'{text}' is no URL: it has to begin with http:// or https://",
    "target-unreadable": "'{text}' is no usable URL: its host or port cannot be read. Write http://host:port/v1",
    "target-scheme": "'{text}' has the scheme '{scheme}': only http and https are spoken",
    "target-no-host": "'{text}' is no usable URL: it names no host, or holds a space",
    "target-port-zero": "'{text}' names port 0, at which nobody can listen: give the server's real port",
    "target-user": "a URL must not hold a user name or a password: give the key with --api-key-env",
    # what is wrong with a file
    "file-exists": "this file exists and is left as it is: choose another path, or use --force",
    "file-unwritable": "this file cannot be written ({reason}): choose another path",
    "file-unreadable": "this file cannot be read ({reason}): check its path and its permissions",
    "file-no-path": "not a usable path",
    "file-large": "this file is larger than {limit} KiB, so it is no settings file",
    "file-utf16": "this file is UTF-16 (PowerShell's `>` writes that): save it as UTF-8",
    "file-not-utf8": "this line is not UTF-8: save the file as UTF-8",
    "no-file-there": "no file can be written there: choose another path",
    "yaml-tab": "a tab stands at the start of the line: indent with spaces",
    "yaml-start": "a value cannot start with this character: put the value in quotes",
    "yaml-colon": "a ':' stands where none can be: check the indentation, or quote the value",
    "yaml-no-colon": "a ':' is missing after this key",
    "yaml-indentation": "the indentation does not fit the lines above",
    "yaml-open": "a quote or bracket is opened here and never closed",
    "yaml-end": "the file ends here, in the middle of a value: close the bracket that is open",
    "yaml-bracket": "a bracket is opened here and not closed properly",
    "yaml-invalid": "this line is not valid YAML",
    "yaml-control": "a control character stands in this line: remove it",
    "yaml-range": "an escape or a number in this file is out of range",
    "yaml-second": "a second document starts here (`---`): keep one",
    "yaml-alias": "anchors and aliases (`&name`, `*name`) are not used here: write the value out",
    "yaml-tag": "tags (`!name`) mean nothing here: write the plain value, or quote it",
    "yaml-deep": "this is nested too deeply for settings",
    "yaml-key": "a key must be a plain word",
    "yaml-twice": "the key {key} is given twice (first at {first}): keep one",
    # what is wrong with a recording
    "recording-damaged": "line {line} is damaged ({what})",
    "recording-no-json": "it is no JSON object",
    "recording-field": '"{field}" is missing or not as lumeai writes it',
    "recording-no-target": "no target stands above it",
    "recording-empty": "it is empty: no target was recorded",
    "recording-foreign": "it is no recording of lumeai (its first line does not say so)",
    "recording-version": "it has version {version}, this lumeai reads version {known}",
    "recording-url": "line {line} names an unusable URL: {why}",
    "recording-no-text": "it is no text file, so no recording of lumeai",
    "recording-large": "it is larger than {limit} MiB, so it is not read",
    # what is wrong on the command line
    "unknown-choice": "'{word}' is unknown.{hint} Known are: {known}.",
    "unknown-client": "'{word}' is no client.{hint} Known are: {known}.",
    "unknown-probe": "'{word}' is no probe.{hint} Known are: {known}.",
    "unknown-backend": "'{word}' is no backend.{hint} Known are: {known}. A URL begins with http:// or https://.",
    "unknown-diagnosis": "'{word}' is no diagnosis.{hint} `lumeai explain --list` shows all.",
    "explain-nothing": "explain needs a code or a name, such as LUM301 or json-for-stream; --list shows all.",
    "replay-target": "--replay judges what was recorded: it takes no target.",
    "demo-target": "--demo examines lumeai's own specimens: it takes no target.",
    "key-option-target": "--api-key-env needs a target: a key is never sent to whoever happens to answer.",
    "key-option-unset": "the variable '{name}' is not set, or empty: set it, or put it into .env",
    "key-option-this-unset": "the variable named there is not set, or empty. The option takes the NAME of a variable, "
    "not the key itself",
    "builtin-target": "'{name}' is lumeai itself, which needs no examination: name a server.",
    "serve-open": "'{host}' can be reached from other machines, and without API keys everybody there could use your "
    "models: make a key first with `lumeai keys create`, or listen at 127.0.0.1",
    "serve-key-option": "--api-key-env needs exactly one --backend: a key goes to the server it belongs to alone.",
    "serve-repeated": "'{name}' is given twice, or is the same server as '{other}': keep one of them",
    "serve-itself": "{name}: {url} is the address at which the proxy itself would listen, so it would ask itself "
    "without end: name the server behind it, or choose another port with --port",
    # the keys of the proxy
    "keys-none": "There are no keys yet. `lumeai keys create NAME` makes the first one.",
    "keys-created": "Key '{name}' is made. It is shown this once: keep it where your agent reads it.",
    "keys-rotated": "Key '{name}' has a new token, shown this once. {grace}",
    "keys-grace": "The old one is good until {ends}.",
    "keys-no-grace": "The old one is good no more.",
    "keys-changed": "Key '{name}' is changed.",
    "keys-revoked": "Key '{name}' is revoked. Every running proxy knows that within two seconds.",
    "keys-deleted": "Key '{name}' is deleted, with what it has used.",
    "keys-delete-sure": "Delete key '{name}' ({shown}) and what it has used? [y/N]",
    "keys-kept": "Nothing was deleted.",
    "keys-delete-yes": "to delete without being asked, as in a script, add --yes",
    "keys-prompt": "Key:",
    "keys-column-name": "name",
    "keys-column-key": "key",
    "keys-column-state": "state",
    "keys-column-created": "created",
    "keys-column-expires": "expires",
    "keys-column-used": "last used",
    "keys-column-models": "models",
    "keys-column-backends": "backends",
    "keys-column-limits": "limits",
    "keys-column-older": "older tokens",
    "keys-column-day": "day",
    "keys-column-model": "model",
    "keys-column-backend": "backend",
    "keys-column-requests": "requests",
    "keys-column-tokens": "tokens",
    "keys-column-failed": "failed",
    "keys-column-cured": "cured",
    "keys-column-seconds": "seconds",
    "keys-column-errors": "errors",
    "keys-all": "all",
    "keys-never": "never",
    "keys-unlimited": "none",
    "keys-until": "{shown} until {ends}",
    "keys-limit-rpm": "{count}/min",
    "keys-limit-tokens": "{count} tokens/day",
    "keys-limit-concurrent": "{count} at once",
    "keys-no-usage": "Nothing was used in this time.",
    "keys-estimated": "~ means: counted in part by estimate, since the backend told no numbers.",
    "key-state-good": "good",
    "key-state-expired": "expired",
    "key-state-revoked": "revoked",
    "verify-good": "good: key '{name}'",
    "verify-expired": "expired: key '{name}'. Make it last longer with `lumeai keys set {name} --expires 30d`, or make "
    "another",
    "verify-revoked": "revoked: key '{name}' was taken back",
    "verify-unknown": "unknown: well formed, but not in the store {store}. It was deleted or replaced, or belongs to "
    "another machine",
    "verify-mistyped": "mistyped: {flaw}",
    "flaw-empty": "there is nothing",
    "flaw-prefix": "a key of lumeai begins with sk-lumeai-",
    "flaw-length": "characters are missing, or too many: a key has {length}",
    "flaw-character": "it holds a character that no key has: only letters of the Latin alphabet and digits follow "
    "sk-lumeai-",
    "flaw-checksum": "the last six characters do not fit the others: copy the key again",
    "keys-unknown": "there is no key '{name}': `lumeai keys list` shows all",
    "keys-taken": "a key '{name}' exists already: choose another name, or give it a new token with `lumeai keys "
    "rotate`",
    "keys-revoked-already": "key '{name}' is revoked, and a revoked key does not come back: make a new one",
    "keys-name": "a name has 1 to {longest} characters, none of them invisible, and no space at its ends",
    "keys-name-is-key": "this looks like a key, not like a key's name. A key does not belong on a command line, where "
    "others can see it: `lumeai keys verify` reads it from the keyboard",
    "keys-set-nothing": "say what to change: --expires, --models, --backends, --rpm, --tokens-per-day, --concurrent",
    "keys-expiry": "'{text}' is no time: write a span such as 12h or 30d, a day such as 2027-01-31, or a time with its "
    "zone such as 2027-01-31T18:00+03:00; `none` for never",
    "keys-expiry-zone": "'{text}' has no time zone: write it as in 2027-01-31T18:00+03:00 or 2027-01-31T15:00Z",
    "keys-expiry-past": "this time is over already: give one that is to come",
    "keys-expiry-far": "this time is too far away: give one before the year 2100, or `none` for never",
    "keys-span": "'{text}' is no span of time: write 30m, 12h or 7d, a year at most, or 0",
    "keys-limit": "'{text}' is no limit: give a whole number above 0 in plain digits, or `none`",
    "keys-list-empty": "the list is empty: name at least one, or write `all`",
    "keys-list-item": "a name or pattern holds no control characters, has {longest} characters at most, and is no key",
    "keys-list-long": "{most} names or patterns at most",
    "keys-days": "days: a whole number from 1 to 3660",
    "keys-one-format": "--json and --csv exclude each other: keep one",
    "keys-backend-unknown": "no backend is called '{name}'. If it is a mistake, nothing answers this key: configured "
    "are "
    "{known}",
    # the store of the keys
    "store-unopened": "the store of the keys cannot be opened ({reason}): check the path and its permissions, or set "
    "keys.store in lumeai.yaml",
    "store-cannot-open": "the store of the keys cannot be opened ({words}): check the path, its permissions and the "
    "space "
    "on the disk",
    "store-no-wal": "this file system cannot hold the store of the keys (SQLite's write-ahead log does not work on "
    "it, as "
    "on many network drives): set keys.store to a path on a local disk",
    "store-foreign": "this file is a database of another program: set keys.store to another path",
    "store-newer": "the store of the keys has form {form}, written by a newer lumeai; this one knows forms up to "
    "{known}: update lumeai",
    "store-locked": "another program holds the store of the keys locked: end it, or wait, and try again",
    "store-read-only": "the store of the keys is read-only: check the permissions of the file and its folder",
    "store-full": "there is no space left for the store of the keys: free some on its disk",
    "store-io": "the disk of the store of the keys failed ({words}): check it",
    "store-corrupt": "this file is no store of keys, or is damaged ({words}): put a backup in its place, or move it "
    "away "
    "and make new keys",
    "store-gone": "the store of the keys is not there any more: put it back",
    "store-emptied": "another store, without keys, lies in the place of the store of the keys: put the right one back",
    "store-else": "the store of the keys refuses: {words}",
    # why the system refused; what is not here is told in the system's own words
    "system-else": "{words}",
    "system-eacces": "Permission denied",
    "system-eperm": "Operation not permitted",
    "system-enoent": "No such file or directory",
    "system-eisdir": "Is a directory",
    "system-enotdir": "Not a directory",
    "system-eexist": "File exists",
    "system-enospc": "No space left on device",
    "system-erofs": "Read-only file system",
    "system-emfile": "Too many open files",
    "system-enametoolong": "File name too long",
    "system-eaddrinuse": "this port is in use: end the program that listens there, or choose another port with --port "
    "(0 takes a free one)",
    "system-eaddrnotavail": "this machine has no such address: give one of its own with --host, such as 127.0.0.1",
    "own-fault": "its own fault, not yours: {error}. Please report it with the output of the same command under "
    "LUMEAI_TRACEBACK=1.",
    # what the proxy says
    "serve-serving": "lumeai serves at {base} (the Base URL for your agent)",
    "serve-open-to-all": "There are no keys: every program on this machine may use it. Ctrl-C ends it.",
    "serve-keys": "Whoever asks has to show a key ({keys} in the store). Ctrl-C ends it.",
    "serve-reload-refused": "the settings were not read anew, the old ones stay: {error}",
    "refuse-no-json": "The request's body is no JSON ({detail}). Send one JSON object, as the OpenAI API has it.",
    "refuse-too-large": "The request is larger than {limit} MiB. Shorten it, or raise serve.max_body in lumeai.yaml.",
    "refuse-type": "The field '{param}' must be of type {wanted}, and is {got}.",
    "refuse-route": "There is no route {method} {path}. Chat completions are at /v1/chat/completions, models at "
    "/v1/models; the Base URL for a client ends in /v1.",
    "refuse-model": "No backend offers the model '{model}'. GET /v1/models lists what there is.",
    "refuse-model-near": "No backend offers the model '{model}'. Near it are: {near}. GET /v1/models lists all.",
    "refuse-stopping": "lumeai is being stopped. Start it again, then repeat the request.",
    "refuse-own-fault": "Something broke in lumeai itself: its own fault, not yours. Its log tells more under request "
    "{request}; please report it.",
    "refuse-method": "This route does not take {method}: use {allowed}.",
    "refuse-slow": "The request had not come whole after {seconds} s. Send it at once, with the content-length it has.",
    "refuse-no-http": "What came is no HTTP/1.1 request. The Base URL for your agent begins with http://, not https://.",
    "refuse-head": "The request's headers are larger than {limit} KiB. Look what your agent puts there.",
    "serve-other-route": "{path} is served as {usual}: the Base URL in that client should end in /v1",
    "serve-no-workers": "several workers need a system with fork, which this one is not: leave serve.workers at 1",
    "refuse-page": "A web page ({origin}) asked, and a proxy without keys answers no pages: they could spend your "
    "tokens. Use a program of this machine.",
    "refuse-host": "This machine was called '{host}', a name of the internet. Use http://127.0.0.1 and the port.",
    "refuse-key-missing": "This proxy wants an API key, and the request shows none. Put yours into your client's "
    "settings (`Authorization: Bearer sk-lumeai-...`, or `x-api-key`); its owner makes one with `lumeai keys create`.",
    "refuse-key-mistyped": "What was sent is no key of this proxy: its checksum or its form is wrong. Copy the key "
    "again, "
    "whole, from where it was issued; `lumeai keys verify` checks it.",
    "refuse-key-unknown": "This key is well formed, and unknown here: it was deleted or replaced, or belongs to "
    "another "
    "proxy. Ask the owner of this one for a new one (`lumeai keys create`).",
    "refuse-key-expired": "The key '{name}' expired at {ends}. Its owner can make it last longer (`lumeai keys set`), "
    "or "
    "issue a new one.",
    "refuse-key-revoked": "The key '{name}' was revoked. Ask the owner of this proxy for a new one.",
    "refuse-model-forbidden": "This key may not use the model '{model}'. GET /v1/models lists those that it may; the "
    "owner "
    "of this proxy can allow more (`lumeai keys set --models`).",
    "refuse-backend-forbidden": "None of the servers that this key may use is behind this proxy now. Its owner can "
    "allow "
    "others (`lumeai keys set --backends`).",
    "refuse-rpm": "The key '{name}' has made its {limit} requests of this minute. Try again in {seconds} s.",
    "refuse-rpm-all": "All keys together have made the {limit} requests of this minute. Try again in {seconds} s.",
    "refuse-tokens": "The key '{name}' has used its {limit} tokens of this day. The next day begins at 00:00 UTC; the "
    "owner of this proxy can allow more (`lumeai keys set --tokens-per-day`).",
    "refuse-tokens-all": "All keys together have used the {limit} tokens of this day. The next day begins at 00:00 "
    "UTC; "
    "the owner of this proxy can allow more (keys.tokens_per_day in lumeai.yaml).",
    "refuse-streams": "The key '{name}' has {limit} requests under way, as many as it may have at once. Wait for one "
    "of "
    "them to end.",
    "refuse-streams-all": "{limit} requests are under way, as many as may be at once. Try again in a moment.",
    "refuse-tries": "Too many wrong keys came from this address. Wait, then try again with the right one.",
    "refuse-store-lost": "The store of the keys has not been readable for more than {seconds} s, so that no key can be "
    "trusted. The owner of this proxy finds the reason in its log.",
    "backend-said": 'The server said: "{said}".',
    "what-to-do": "What to do: {cure}",
    "more-about": "({code}; more: lumeai explain {name})",
    "also-asked": "Also asked in vain: {others}.",
    "failed-somehow": "The backend {target} gave no answer that a client could use.",
    "cure-url": "Correct the URL of the backend {target} in lumeai's settings, or behind --backend; it is {base} now. "
    "lumeai doctor {base} looks for the right one.",
    "cure-key": "Give lumeai the key of the backend {target}: in lumeai.yaml as key_env (the variable that holds it), "
    "beside its url. A key in the agent does not reach the backend.",
    "cure-window": "Start a new, shorter chat, or start the server with a larger window (Ollama: "
    "OLLAMA_CONTEXT_LENGTH=65536 ollama serve; llama-server: -c 65536).",
    "cure-parser": "Add the option to the server's start command. vLLM: --enable-auto-tool-choice with the "
    "--tool-call-parser of your model; llama-server: --jinja.",
    "cure-server": "Restart or update the server of the backend {target}, or take another model there; its log may "
    "tell more.",
    "cure-size": "Start a new, shorter chat, or raise the limit of the server of {target}. Express: express.json with "
    "the limit 50mb; nginx: client_max_body_size 50m.",
    "cure-start": "Start the server of the backend {target}, for example with ollama serve or g4f api --no-gui --bind "
    "127.0.0.1:1337. If it runs, compare the port it prints with {base}.",
    "cure-model": "Choose a name from the list at lumeai's own /v1/models in the agent, or set model for the backend "
    "{target} in lumeai.yaml.",
    "cure-slow": "Wait until the model is loaded, then ask again. If the server is only slow, raise first_byte and "
    "silence under serve in lumeai.yaml; if it is stuck, restart it.",
    "builtin-chat": "Hello! I am LumeAI. How can I help you? (No real model is set up: I say this to everybody. "
    "`lumeai serve --backend URL` puts me in front of one.)",
    "builtin-agent": "This is lumeai itself: no real model is configured, so nothing can be done for this task. Your "
    "agent and its connection are fine. To get a real model, start one (for example `ollama serve` after `ollama pull "
    "qwen3`) or name your server: `lumeai serve --backend http://HOST:PORT/v1`, then send the task again.",
    # `config show`
    "unset-language": "the locale's",
    "unset-backends": "none (local servers are looked for)",
    "unset-prompt-chars": "each client's own size",
    "unset-budget": "unlimited on this machine, 60000 elsewhere",
    "unset-substitute": "yes for a single backend",
    "unset-aliases": "none",
    "unset-store": "keys.db in the data folder",
    "unset-rpm": "no limit",
    "unset-tokens-per-day": "no limit",
    "unset-concurrent": "no limit",
    "key-set": "set, from {source}",
    "key-unset": "not set",
}

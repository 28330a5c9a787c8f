"""llama.cpp's own HTTP server, started by the Python that has `xllamacpp`; the options are named as llama-server's own.

It listens on a free loopback port and says so in one line `listening on URL` when the model is loaded. One thread:
servers that compete for few cores would spin instead of computing. SIGTERM ends it.
"""

import argparse
import time

import xllamacpp

FROM_USER = 1
"""`COMMON_GRAMMAR_TYPE_USER`: holds for every request, beside its tools."""

parser = argparse.ArgumentParser()
parser.add_argument("--model", required=True)
parser.add_argument("--ctx-size", type=int, required=True)
parser.add_argument("--n-predict", type=int, default=-1, help="most tokens of an answer whose request names no limit")
parser.add_argument("--grammar", default="", help="GBNF that every answer is made to follow")
asked = parser.parse_args()

params = xllamacpp.CommonParams()
params.model.path = asked.model
params.model_alias = {"smollm2"}
params.n_ctx = asked.ctx_size
params.n_predict = asked.n_predict
params.n_parallel = 1
params.use_jinja = True
params.warmup = False
params.cpuparams.n_threads = 1
params.cpuparams_batch.n_threads = 1
if asked.grammar:
    grammar = xllamacpp.CommonGrammar()
    grammar.type, grammar.grammar = FROM_USER, asked.grammar
    params.sampling.grammar = grammar
server = xllamacpp.Server(params)
print(f"listening on {server.listening_address}", flush=True)  # noqa: T201 - it tells the tests where it is
while True:
    time.sleep(3600)

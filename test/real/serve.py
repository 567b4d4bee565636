"""Serves one model with llama.cpp's own HTTP server and prints the address once it listens.

usage: serve.py MODEL.gguf HOST PORT ALIAS CONTEXT_TOKENS [embeddings|reranking]
"""

import sys
import time

import xllamacpp

model, host, port, alias, context_tokens, *features = sys.argv[1:]
params = xllamacpp.CommonParams()
params.model.path = model
params.hostnames = [host]
params.port = int(port)
params.model_alias = {alias}
params.n_ctx = int(context_tokens) * 2
params.n_parallel = 2
params.cpuparams.n_threads = 1
params.warmup = False
params.use_jinja = True
params.endpoint_slots = True
params.endpoint_props = True
params.endpoint_metrics = True
if "embeddings" in features:
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
if "reranking" in features:
    params.embedding = True
    params.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_RANK
server = xllamacpp.Server(params)
print(server.listening_address, flush=True)
while True:
    time.sleep(3600)

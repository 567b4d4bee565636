"""Runs the official Python clients against a gateway and prints what they saw as one JSON object.

usage: clients.py GATEWAY_URL
"""

import json
import sys

import anthropic
import ollama
import openai

gateway = sys.argv[1]
messages = [{"role": "user", "content": "hello"}]
seen = {}

chat = openai.OpenAI(base_url=f"{gateway}/v1", api_key="any", max_retries=0)
seen["openai_models"] = [model.id for model in chat.models.list()]
answer = chat.chat.completions.create(model="tiny", messages=messages)
seen["openai_chat"] = answer.choices[0].message.content
stream = chat.chat.completions.create(model="tiny", messages=messages, stream=True)
seen["openai_stream"] = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
seen["openai_responses"] = chat.responses.create(model="tiny", input="hello").output_text
# Its stream passes through, and the SDK's typed helper fails on it: llama.cpp sends no content_index.
events = chat.responses.create(model="tiny", input="hello", stream=True)
seen["openai_responses_stream"] = "".join(e.delta for e in events if e.type == "response.output_text.delta")
try:
    chat.chat.completions.create(model="absent", messages=messages)
except openai.NotFoundError as error:
    seen["openai_unknown_model"] = error.code

claude = anthropic.Anthropic(base_url=gateway, api_key="any", max_retries=0)
message = claude.messages.create(model="tiny", max_tokens=50, messages=messages)
seen["anthropic_message"] = message.content[0].text
with claude.messages.stream(model="tiny", max_tokens=50, messages=messages) as events:
    seen["anthropic_stream"] = events.get_final_text()
seen["anthropic_tokens"] = claude.messages.count_tokens(model="tiny", messages=messages).input_tokens > 0
try:
    claude.messages.create(model="tiny", max_tokens=50, messages=[{"role": "user", "content": "long " * 3000}])
except anthropic.BadRequestError as error:
    seen["anthropic_too_long"] = error.body["error"]["message"]

native = ollama.Client(host=gateway)
seen["ollama_list"] = [model.model for model in native.list().models]
seen["ollama_chat"] = native.chat(model="tiny", messages=messages).message.content
seen["ollama_stream"] = "".join(part.message.content for part in native.chat(model="tiny", messages=messages, stream=True))
seen["ollama_generate"] = native.generate(model="tiny", prompt="hello").response
seen["ollama_show"] = native.show("tiny").capabilities
try:
    native.chat(model="absent", messages=messages)
except ollama.ResponseError as error:
    seen["ollama_unknown_model"] = [error.status_code, isinstance(error.error, str)]

print(json.dumps(seen))

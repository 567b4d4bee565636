"""Writes a GGUF model of about 100 KB that always says the same.

usage: make_model.py OUT.gguf says|calls|loops|thinks

The model is a one-layer llama whose attention and feed-forward weights are zero, so the last token alone decides
the next one: each token of the answer has an embedding of its own, and the output row of its successor answers to it.
`says` says one sentence and stops, `calls` makes one tool call, `loops` repeats its sentence without end,
`thinks` thinks before it says its sentence.
"""

import json
import pathlib
import sys

import gguf
import numpy as np

WIDTH = 64
CONTEXT_TOKENS = 131_072
SENTENCE = ["Hello", " from", " a", " very", " small", " model", "."]
THOUGHT = ["Let", " me", " think", "!"]
TOOL_CALL = {"name": "get_weather", "arguments": {"city": "Paris"}}
PIECE = 9
SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<tool_call>", "</tool_call>", "<think>", "</think>"]
NORMAL, CONTROL, USER_DEFINED = 1, 3, 4


def byte_letters():
    """GPT-2's letters for the 256 bytes: printable ones stand for themselves, the rest follow from U+0100 on."""
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    letters, following = {}, 0x100
    for byte in range(256):
        if byte in printable:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(following)
            following += 1
    return letters


LETTERS = byte_letters()


def spelt(text):
    return "".join(LETTERS[byte] for byte in text.encode())


class Vocabulary:
    def __init__(self):
        self.tokens = [LETTERS[byte] for byte in range(256)]
        self.types = [NORMAL] * 256
        # llama.cpp wants at least one merge.
        self.merges = [f"{spelt('t')} {spelt('h')}"]
        self.add(spelt("th"))

    def add(self, token, kind=NORMAL):
        self.tokens.append(token)
        self.types.append(kind)
        return len(self.tokens) - 1

    def find_or_add(self, token):
        return self.tokens.index(token) if token in self.tokens else self.add(token)


def answer_tokens(vocabulary, special, behaviour):
    if behaviour == "thinks":
        thought = [vocabulary.find_or_add(spelt(word)) for word in THOUGHT]
        said = [vocabulary.find_or_add(spelt(word)) for word in SENTENCE]
        return [special["<think>"], *thought, special["</think>"], *said]
    if behaviour != "calls":
        return [vocabulary.find_or_add(spelt(word)) for word in SENTENCE]
    text = f"\n{json.dumps(TOOL_CALL)}\n"
    # Each piece needs an embedding of its own: no piece may occur twice or be the byte that begins the answer.
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    assert len(set(pieces)) == len(pieces) and "\n" not in pieces, pieces
    inner = [vocabulary.find_or_add(spelt(piece)) for piece in pieces]
    return [special["<tool_call>"], *inner, special["</tool_call>"]]


def write(out, behaviour):
    vocabulary = Vocabulary()
    special = {
        name: vocabulary.add(name, CONTROL if name.startswith("<|") else USER_DEFINED) for name in SPECIAL
    }
    answer = answer_tokens(vocabulary, special, behaviour)
    # The prompt ends with a line break, which begins the answer.
    begin = vocabulary.tokens.index(spelt("\n"))
    last = answer[0] if behaviour == "loops" else special["<|im_end|>"]
    successors = dict(zip([begin, *answer], [*answer, last]))

    size = len(vocabulary.tokens)
    random = np.random.default_rng(0)
    embeddings = np.zeros((size, WIDTH), np.float16)
    embeddings[:, WIDTH // 2 :] = random.normal(0, 0.15, (size, WIDTH // 2))
    output = random.normal(0, 0.01, (size, WIDTH)).astype(np.float16)
    assert len(successors) <= WIDTH // 2
    for column, (token, successor) in enumerate(successors.items()):
        embeddings[token] = 0
        embeddings[token, column] = 1
        output[successor, column] = 6

    writer = gguf.GGUFWriter(out, "llama")
    writer.add_name(f"tiny-{behaviour}")
    writer.add_context_length(CONTEXT_TOKENS)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(32)
    writer.add_head_count(1)
    writer.add_head_count_kv(1)
    writer.add_key_length(32)
    writer.add_value_length(32)
    writer.add_rope_dimension_count(32)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(size)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(vocabulary.tokens)
    writer.add_token_types(vocabulary.types)
    writer.add_token_merges(vocabulary.merges)
    writer.add_bos_token_id(special["<|endoftext|>"])
    writer.add_eos_token_id(special["<|im_end|>"])
    writer.add_pad_token_id(special["<|endoftext|>"])
    writer.add_add_bos_token(False)
    writer.add_chat_template(pathlib.Path(__file__).with_name("chat-template.jinja").read_text())
    writer.add_tensor("token_embd.weight", embeddings)
    writer.add_tensor("output.weight", output)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    for norm in ("attn_norm", "ffn_norm"):
        writer.add_tensor(f"blk.0.{norm}.weight", np.ones(WIDTH, np.float32))
    for name in ("attn_q", "attn_k", "attn_v", "ffn_gate", "ffn_up"):
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((32, WIDTH), np.float16))
    for name in ("attn_output", "ffn_down"):
        writer.add_tensor(f"blk.0.{name}.weight", np.zeros((WIDTH, 32), np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    write(sys.argv[1], sys.argv[2])

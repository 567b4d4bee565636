import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { contextSentence } from '../../../src/dialects/anthropic/errors/context-sentence.ts'
import { readContextLimit } from '../../../src/dialects/errors/context-limit.ts'
import { error, json, tooLong } from './context-bodies.ts'

/** The prompt fits, but not together with `max_tokens`. */
const tooMuch: readonly [server: string, body: string, numbers: readonly [number, number, number]][] = [
  [
    'vLLM',
    error(
      "'max_tokens' or 'max_completion_tokens' is too large: 32000. This model's maximum context length is 32768 tokens and your request has 17459 input tokens (32000 > 32768 - 17459). (parameter=max_tokens, value=32000)",
      { param: 'max_tokens', code: 400 },
    ),
    [17459, 32000, 32768],
  ],
  [
    'vLLM, newest',
    error(
      "This model's maximum context length is 32768 tokens. However, you requested 32000 output tokens and your prompt contains 17459 input tokens, for a total of 49459 tokens. Please reduce the length of the input prompt or the number of requested output tokens.",
    ),
    [17459, 32000, 32768],
  ],
  [
    'vLLM, old',
    json({
      object: 'error',
      message:
        "This model's maximum context length is 6048 tokens. However, you requested 6616 tokens (568 in the messages, 6048 in the completion). Please reduce the length of the messages or completion.",
      code: 400,
    }),
    [568, 6048, 6048],
  ],
  [
    'SGLang',
    json({
      object: 'error',
      message:
        "Requested token count exceeds the model's maximum context length of 32768 tokens. You requested a total of 49459 tokens: 17459 tokens from the input messages and 32000 tokens for the completion. Please reduce the number of tokens in the input messages or the completion to fit within the limit.",
      code: 400,
    }),
    [17459, 32000, 32768],
  ],
  [
    'OpenAI, completions',
    error(
      "This model's maximum context length is 8191 tokens, however you requested 10346 tokens (346 in your prompt; 10000 for the completion). Please reduce your prompt; or completion length.",
    ),
    [346, 10000, 8191],
  ],
  [
    'TGI',
    json({
      error:
        'Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 3000 `inputs` tokens and 2000 `max_new_tokens`',
    }),
    [3000, 2000, 4096],
  ],
  [
    'Anthropic',
    error(
      'input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease input length or `max_tokens` and try again',
    ),
    [188240, 21333, 200000],
  ],
  [
    'LiteLLM, wrapping vLLM',
    error(
      'litellm.ContextWindowExceededError: litellm.BadRequestError: ContextWindowExceededError: Hosted_vllmException - {"error":{"message":"\'max_tokens\' or \'max_completion_tokens\' is too large: 32000. This model\'s maximum context length is 32768 tokens and your request has 17459 input tokens (32000 > 32768 - 17459)."}}',
    ),
    [17459, 32000, 32768],
  ],
]

/** Errors about tokens, contexts and lengths that mean something else. */
const others: readonly string[] = [
  "The 'name' field exceeds the maximum length of 64 characters",
  'messages[3].name exceeds maximum length 64',
  'max_tokens: 64000 > 8192, which is the maximum allowed number of output tokens',
  'n must be at most 1: 2 > 1',
  'context deadline exceeded',
  'context canceled',
  'Invalid token in request',
  'The token has expired',
  'Unexpected token < in JSON at position 0',
  'max_tokens must be at least 1',
  '`max_tokens` must be greater than `thinking.budget_tokens`',
  'max_tokens is too large: 100000. This model supports at most 16384 completion tokens, whereas you provided 100000.',
  'max_tokens: 100000 > 64000, which is the maximum allowed number of output tokens for m',
  'Rate limit reached for m on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000.',
  'Request too large for model m on tokens per minute (TPM): Limit 6000, Requested 9000, please reduce your message size and try again.',
  'Too many tokens, rate limit reached; please wait',
  'Daily token limit exceeded',
  'You exceeded your current quota, please check your plan and billing details.',
  'tools.0.name: string exceeds the maximum allowed length of 64',
  "Invalid 'user': string too long. Expected a string with maximum length 64, but got a string with length 180 instead.",
  'Unknown parameter: context_length',
  'context_length must be a positive integer',
  'model requires more system memory (16.0 GiB) than is available (7.7 GiB)',
  'requested context size too large for available memory',
  'CUDA out of memory. Tried to allocate 2.00 GiB',
  'Request body too large',
  'request entity too large',
  'image exceeds 5 MB maximum: 9 MB > 5 MB',
  'temperature must be <= 2',
  'The number of tools exceeds the limit of 128',
  'model "m" not found, try pulling it first',
  'Loading model',
  'registry.ollama.ai/library/gemma:2b does not support tools',
  'Failed to tokenize prompt',
  'Internal server error',
  'The response was cut off because the maximum number of tokens was reached',
  '<html><body>502 Bad Gateway</body></html>',
  '',
]

describe('readContextLimit', () => {
  for (const [server, body, numbers] of tooLong) {
    it(`recognizes a prompt that is too long: ${server}`, () => {
      const found = readContextLimit(body)
      assert.equal(found?.kind, 'prompt', json(found))
      for (const [name, value] of Object.entries(numbers ?? {})) {
        assert.equal(Reflect.get(found, name), value, `${name} of ${json(found)}`)
      }
    })
  }

  for (const [server, body, [promptTokens, maxTokens, limitTokens]] of tooMuch) {
    it(`recognizes a completion that is too long: ${server}`, () => {
      const { kind, ...numbers } = readContextLimit(body) ?? { kind: 'none' }
      assert.equal(kind, 'max_tokens', json(numbers))
      assert.partialDeepStrictEqual(numbers, { promptTokens, maxTokens, limitTokens })
    })
  }

  for (const message of others) {
    it(`ignores another error: ${message.slice(0, 70)}`, () => {
      assert.equal(readContextLimit(message), undefined)
      assert.equal(readContextLimit(error(message, { code: 400 })), undefined)
      assert.equal(readContextLimit(json({ detail: message })), undefined)
    })
  }

  it('ignores what an error quotes from the request', () => {
    const quoted = {
      detail: [{ type: 'missing', loc: ['body', 'x'], msg: 'Field required', input: 'prompt is too long' }],
    }
    assert.equal(readContextLimit(json(quoted)), undefined)
  })

  it('takes linear time for hostile bodies', () => {
    for (const piece of [
      '1',
      '1 + ',
      'maximum ',
      'context length ',
      '(',
      'input ',
      '{"error":',
      'tokens > 1 ',
    ]) {
      const startedAtMs = performance.now()
      readContextLimit(piece.repeat(1_000_000 / piece.length))
      assert.ok(performance.now() - startedAtMs < 200, piece)
    }
  })
})

describe('contextSentence', () => {
  const sentence = (body: string, size = {}) => {
    const found = readContextLimit(body)
    return found === undefined ? undefined : contextSentence(found, size)
  }
  const asked = { maxTokens: 32000, promptTokens: 900 }

  it("writes Anthropic's message for a long prompt", () => {
    assert.equal(
      sentence(error("The input (61709 tokens) is longer than the model's context length (40960 tokens).")),
      'prompt is too long: 61709 tokens > 40960 maximum',
    )
  })

  it("writes Anthropic's message for a long completion", () => {
    for (const [server, body, [prompt, max, limit]] of tooMuch) {
      assert.equal(
        sentence(body),
        `input length and \`max_tokens\` exceed context limit: ${prompt} + ${max} > ${limit}, decrease input length or \`max_tokens\` and try again`,
        server,
      )
    }
  })

  it('takes missing numbers from the request', () => {
    const total = error(
      "This model's maximum context length is 32768 tokens. However, you requested 33000 tokens.",
    )
    assert.match(sentence(total, asked) ?? '', /: 1000 \+ 32000 > 32768,/)
    assert.equal(sentence(total), 'prompt is too long: 32769 tokens > 32768 maximum')
    const none = error('the input length exceeds the context length')
    assert.equal(
      sentence(none, { ...asked, limitTokens: 4096 }),
      'prompt is too long: 4097 tokens > 4096 maximum',
    )
    assert.equal(
      sentence(none, { promptTokens: 5000, limitTokens: 4096 }),
      'prompt is too long: 5000 tokens > 4096 maximum',
    )
    assert.equal(sentence(none, asked), undefined)
  })

  it('prefers the estimate if the endpoint stopped counting', () => {
    const body = error(
      "This model's maximum context length is 32768 tokens. However, you requested 32000 output tokens and your prompt contains at least 769 input tokens, for a total of at least 32769 tokens.",
    )
    assert.match(sentence(body, { maxTokens: 32000, promptTokens: 9000 }) ?? '', /: 9000 \+ 32000 > 32768,/)
    assert.match(
      sentence(body, { maxTokens: 32000, promptTokens: 40000 }) ?? '',
      /^prompt is too long: 40000 tokens/,
    )
  })

  it('never contradicts itself', () => {
    const body = error("max_tokens exceeds the model's context length of 4096")
    const [, prompt, max, limit] =
      /(\d+) \+ (\d+) > (\d+)/.exec(sentence(body, { maxTokens: 4000, promptTokens: 10 }) ?? '') ?? []
    assert.ok(Number(prompt) + Number(max) > Number(limit))
  })
})

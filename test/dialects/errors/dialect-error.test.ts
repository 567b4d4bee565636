import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { dialectNamed } from '../../../src/dialects/all.ts'
import { answerFormNamed } from '../../../src/dialects/answers/form-finder.ts'

const llamacpp = '{"error":{"code":404,"message":"File Not Found","type":"not_found_error"}}'
const full =
  '{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error","n_ctx":4096}}'

/** `undefined` if the error passes byte for byte. */
const cases: readonly [string, string, number, string, object | undefined][] = [
  ['ollama', 'ollama', 404, '{"error":"model \'x\' not found"}', undefined],
  ['ollama', 'ollama', 404, llamacpp, { error: 'File Not Found' }],
  ['ollama', 'ollama', 404, '{"detail":"Not Found"}', { error: 'Not Found' }],
  ['ollama', 'ollama', 400, '{"object":"error","message":"bad","code":400}', { error: 'bad' }],
  ['ollama', 'ollama', 502, '<html>Bad Gateway</html>', { error: 'The endpoint answered with status 502.' }],
  ['ollama', 'ollama', 500, '', { error: 'The endpoint answered with status 500.' }],
  ['ollama', 'ollama', 404, '404 page not found\n', { error: '404 page not found' }],
  ['openai', 'embeddings', 404, llamacpp, undefined],
  ['openai', 'chat', 400, '{"error":{"message":"bad","big":12345678901234567890}}', undefined],
  [
    'openai',
    'chat',
    404,
    '404 page not found',
    { error: { message: '404 page not found', type: 'not_found_error', param: null, code: null } },
  ],
  [
    'openai',
    'chat',
    500,
    '{"error":"runner stopped"}',
    { error: { message: 'runner stopped', type: 'server_error', param: null, code: null } },
  ],
  [
    'openai',
    'chat',
    422,
    '{"detail":[{"loc":["body","n"],"msg":"must be a number"}]}',
    { error: { message: 'n: must be a number', type: 'invalid_request_error', param: null, code: null } },
  ],
  [
    'openai',
    'chat',
    400,
    '{"object":"error","message":"bad","type":"BadRequestError","param":"n","code":400}',
    { error: { message: 'bad', type: 'BadRequestError', param: 'n', code: 400 } },
  ],
  [
    'openai',
    'chat',
    503,
    '<html>',
    {
      error: {
        message: 'The endpoint answered with status 503.',
        type: 'server_error',
        param: null,
        code: null,
      },
    },
  ],
  [
    'openai',
    'chat',
    500,
    '[1]',
    { error: { message: '[1]', type: 'server_error', param: null, code: null } },
  ],
  [
    'openai',
    'chat',
    400,
    '{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 5000 tokens > 4096 maximum"}}',
    {
      error: {
        message: 'prompt is too long: 5000 tokens > 4096 maximum',
        type: 'invalid_request_error',
        param: null,
        code: 'context_length_exceeded',
      },
    },
  ],
  [
    'openai',
    'responses',
    529,
    '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"},"request_id":"x"}',
    { error: { message: 'Overloaded', type: 'server_error', param: null, code: null } },
  ],
  [
    'ollama',
    'ollama',
    529,
    '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}',
    { error: 'Overloaded' },
  ],
  ['openai', 'embeddings', 400, full, undefined],
  [
    'openai',
    'responses',
    400,
    '{"error":{"message":"prompt is too long","code":"context_length_exceeded"}}',
    undefined,
  ],
  [
    'anthropic',
    'messages',
    404,
    llamacpp,
    { type: 'error', error: { type: 'not_found_error', message: 'File Not Found' } },
  ],
  [
    'anthropic',
    'messages',
    400,
    full,
    {
      type: 'error',
      error: {
        type: 'invalid_request_error',
        message: 'prompt is too long: 4097 tokens > 4096 maximum',
      },
    },
  ],
  [
    'anthropic',
    'messages',
    529,
    '{"type":"error","error":{"type":"overloaded_error","message":"x"}}',
    undefined,
  ],
]

const translated = (dialect: string, form: string, status: number, body: string) =>
  dialectNamed(dialect).errors.translate(answerFormNamed(form), status, body)

describe('an endpoint’s error in the client’s dialect', () => {
  for (const [dialect, operation, status, body, expected] of cases) {
    it(`${dialect} ${operation} ${status} ${body.slice(0, 50)}`, () => {
      const text = translated(dialect, operation, status, body)
      assert.deepEqual(text === undefined ? undefined : JSON.parse(text), expected)
    })
  }

  it('has the code on which clients shorten the conversation if the context is full', () => {
    for (const operation of ['chat', 'completions', 'responses'] as const) {
      const value: unknown = JSON.parse(translated('openai', operation, 400, full) ?? assert.fail())
      assert.partialDeepStrictEqual(value, { error: { code: 'context_length_exceeded', n_ctx: 4096 } })
    }
  })

  it("has a client status if the context is full, whatever the endpoint's status", () => {
    for (const [dialect, operation, status, body, expected] of [
      ['openai', 'chat', 500, full, 400],
      ['openai', 'responses', 400, full, 400],
      ['openai', 'chat', 500, llamacpp, 500],
      ['openai', 'embeddings', 500, full, 500],
      ['ollama', 'ollama', 500, full, 500],
    ] as const) {
      const { errors } = dialectNamed(dialect)
      assert.equal(errors.status(answerFormNamed(operation), status, body), expected)
    }
  })

  it('is shortened if it quotes the whole prompt', () => {
    const text = translated(
      'ollama',
      'ollama',
      400,
      JSON.stringify({ error: { message: 'x'.repeat(10_000) } }),
    )
    assert.ok(text !== undefined && text.length < 2_100)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { BeginningJudge, firstChunkIsGood } from '../../../src/dialects/answers/answer-beginning.ts'
import { answerFormNamed, answerFormOf } from '../../../src/dialects/answers/form-finder.ts'
import { framingOf } from '../../../src/http/headers/media-type.ts'

const json = 'application/json'
const sse = 'text/event-stream; charset=utf-8'
const ndjson = 'application/x-ndjson'

/** `good`, `undecided`, or why the answer is bad, with the status of the error. */
function judge(operation: string, type: string | undefined, text: string, chunkBytes = 1e6, isEnded = true) {
  const judge = new BeginningJudge(answerFormNamed(operation), framingOf(type))
  const bytes = Buffer.from(text)
  let found = judge.push(bytes.subarray(0, chunkBytes))
  for (let at = chunkBytes; at < bytes.length && found === 'undecided'; at += chunkBytes) {
    found = judge.push(bytes.subarray(at, at + chunkBytes))
  }
  if (found === 'undecided' && isEnded) found = judge.end()
  return typeof found === 'string' ? found : (found.error?.statusCode ?? found.reason)
}

const chunk = (choice: object) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [choice] })}\n\n`
const role = chunk({ index: 0, delta: { role: 'assistant', content: '' }, finish_reason: null })
const content = chunk({ index: 0, delta: { content: 'Hi' }, finish_reason: null })
const engineDead = '{"error":{"message":"EngineDeadError","type":"InternalServerError","code":500}}'
const created =
  'event: response.created\ndata: {"type":"response.created","response":{"id":"r","error":null,"status":"in_progress"}}\n\n'

const cases: readonly [string, string, string | undefined, string, string | number][] = [
  ['a whole completion', 'chat', json, '{"id":"c","choices":[{"index":0}],"usage":null}', 'good'],
  ['a null error before the result', 'chat', json, '{"error":null,"choices":[{"index":0}]}', 'good'],
  ['an empty error after no result', 'chat', json, '{"choices":[],"error":{}}', 'good'],
  ['an unknown object', 'chat', json, '{"ok":1}', 'good'],
  ['a list', 'rerank', json, '[{"index":0,"score":1}]', 'good'],
  ['an error object', 'chat', json, engineDead, 500],
  [
    'an error after other members',
    'chat',
    json,
    '{"id":"x","model":"m","error":{"message":"no","code":"429"}}',
    429,
  ],
  [
    'an error beside empty choices',
    'chat',
    json,
    '{"choices":[],"error":{"message":"no","status":503}}',
    503,
  ],
  ['an error as text', 'ollama', json, '{"error":"model runner has unexpectedly stopped"}', 'an error'],
  ['an error after white space', 'chat', json, `\n  ${engineDead}`, 500],
  [
    'a flat error',
    'chat',
    json,
    '{"object":"error","message":"too long","type":"BadRequestError","code":400}',
    400,
  ],
  [
    'a flat error by its type alone',
    'chat',
    json,
    '{"object":"error","message":"too long","type":"BadRequestError"}',
    400,
  ],
  ['FastAPI detail', 'chat', json, '{"detail":"boom"}', 'an error'],
  ['FastAPI detail list', 'chat', json, '{"detail":[{"loc":["body","model"],"msg":"field required"}]}', 422],
  [
    'an Anthropic error',
    'messages',
    json,
    '{"type":"error","error":{"type":"overloaded_error","message":"x"}}',
    503,
  ],
  ['a message and a code', 'embeddings', json, '{"code":500,"message":"out of memory"}', 500],
  ['success: false', 'rerank', json, '{"success":false,"message":"no"}', 'an error'],
  ['a list of errors', 'chat', json, '{"errors":[{"message":"bad","status":400}]}', 400],
  [
    'a failed response',
    'responses',
    json,
    '{"id":"r","status":"failed","error":{"code":"server_error","message":"x"},"output":[]}',
    500,
  ],
  ['an error typed as text', 'chat', 'text/plain', engineDead, 500],
  ['an error without a type', 'chat', undefined, engineDead, 500],
  ['an error typed as a stream', 'chat', sse, engineDead, 500],
  ['a web page', 'chat', 'Text/HTML; charset=utf-8', 'please log in', 'a web page'],
  ['a web page typed as JSON', 'chat', json, '\r\n<!DOCTYPE html><html>', 'a web page'],
  ['a web page in a stream', 'chat', sse, '<html>', 'a web page'],
  ['nothing', 'chat', json, '', 'empty'],
  ['white space', 'chat', json, ' \n ', 'empty'],
  ['text', 'chat', 'text/plain', 'ok', 'good'],
  ['an embedding', 'embeddings', json, '{"object":"list","data":[{"embedding":[0.1]}]}', 'good'],
  ['an embedding of Ollama', 'ollama', json, '{"embeddings":[[0.1]]}', 'good'],
  [
    'a whole Ollama chat',
    'ollama',
    json,
    '{"model":"m","message":{"role":"assistant","content":""},"done":true}',
    'good',
  ],
  [
    'Ollama loading a model',
    'ollama',
    json,
    '{"model":"m","response":"","done":true,"done_reason":"load"}',
    'good',
  ],
  ['a stream', 'chat', sse, role + content, 'good'],
  ['an error first', 'chat', sse, `data: ${engineDead}\n\ndata: [DONE]\n\n`, 500],
  ['an error first, with CR', 'chat', sse, `data: ${engineDead}\r\rdata: [DONE]\r\r`, 500],
  ['an error first, typed as JSON', 'chat', json, `data: ${engineDead}\n\n`, 500],
  ['a named error', 'chat', sse, 'event: error\ndata: {"message":"no","code":429}\n\n', 429],
  [
    'an error field',
    'chat',
    sse,
    'error: {"code":400,"message":"the request exceeds the context","type":"invalid_request_error"}\n\n',
    400,
  ],
  ['an error after comments', 'chat', sse, `: hi\n\n: ping\n\ndata: ${engineDead}\n\n`, 500],
  ['an error after the role', 'chat', sse, `${role}data: ${engineDead}\n\n`, 500],
  [
    'an error after Azure’s first event',
    'chat',
    sse,
    `data: {"choices":[],"prompt_filter_results":[]}\n\ndata: ${engineDead}\n\n`,
    500,
  ],
  ['an error as text in a stream', 'chat', sse, 'data: {"error":"no slot"}\n\n', 'an error'],
  [
    'a null error in a stream',
    'chat',
    sse,
    'data: {"error":null,"choices":[{"delta":{"content":"a"}}]}\n\n',
    'good',
  ],
  ['FastAPI detail in a stream', 'completions', sse, 'data: {"detail":"boom"}\n\n', 'an error'],
  ['nothing but the end', 'chat', sse, 'data: [DONE]\n\n', 'empty'],
  ['nothing but comments', 'chat', sse, ': a\n\n: b\n\n', 'empty'],
  ['a role and no more', 'chat', sse, role, 'ended before it was complete'],
  ['an empty completion', 'chat', sse, `${role}${chunk({ delta: {}, finish_reason: 'stop' })}`, 'no content'],
  ['a limit of tokens', 'chat', sse, `${role}${chunk({ delta: {}, finish_reason: 'length' })}`, 'good'],
  ['an unknown event', 'chat', sse, 'data: one\n\n', 'good'],
  [
    'a response that fails at once',
    'responses',
    sse,
    `${created}data: {"type":"response.failed","response":{"status":"failed","error":{"code":"rate_limit_exceeded","message":"x"}}}\n\n`,
    429,
  ],
  [
    'a response that fails at once without a status',
    'responses',
    sse,
    `${created}data: {"type":"response.failed","response":{"id":"r","error":{"code":"server_error","message":"x"}}}\n\n`,
    500,
  ],
  [
    'a response that fails at once and says no more',
    'responses',
    sse,
    `${created}data: {"type":"response.failed"}\n\n`,
    'an error',
  ],
  [
    'an error event of Responses',
    'responses',
    sse,
    `${created}event: error\ndata: {"type":"error","code":"server_error","message":"x"}\n\n`,
    500,
  ],
  ['a response that ends at once', 'responses', sse, created, 'ended before it was complete'],
  [
    'a response',
    'responses',
    sse,
    `${created}data: {"type":"response.output_text.delta","delta":"a"}\n\n`,
    'good',
  ],
  [
    'a native message',
    'messages',
    sse,
    'event: message_start\ndata: {"type":"message_start","message":{"id":"x"}}\n\nevent: content_block_delta\ndata: {"type":"content_block_delta"}\n\n',
    'good',
  ],
  ['OpenAI’s error in a native stream', 'messages', sse, `data: ${engineDead}\n\ndata: [DONE]\n\n`, 500],
  [
    'an error after message_start',
    'messages',
    sse,
    'event: message_start\ndata: {"type":"message_start","message":{}}\n\nevent: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n',
    503,
  ],
  ['Ollama’s error line', 'ollama', ndjson, '{"error":"no"}\n', 'an error'],
  [
    'Ollama’s error line after an empty one',
    'ollama',
    ndjson,
    '{"message":{"role":"assistant","content":""},"done":false}\n{"error":"no"}\n',
    'an error',
  ],
  [
    'Ollama’s stream',
    'ollama',
    ndjson,
    '{"message":{"role":"assistant","content":"a"},"done":false}\n',
    'good',
  ],
]

describe('BeginningJudge', () => {
  for (const [name, operation, type, text, expected] of cases) {
    it(`judges ${name} as ${expected}, for any chunk boundaries`, () => {
      for (const chunkBytes of [1, 7, 64, 1e6])
        assert.equal(judge(operation, type, text, chunkBytes), expected)
    })
  }

  it('decides on the first event with content', () => {
    for (const [operation, text] of [
      ['chat', content],
      ['chat', chunk({ delta: { role: 'assistant', content: '', tool_calls: [{ index: 0 }] } })],
      ['completions', 'data: {"choices":[{"text":"a"}]}\n\n'],
      ['chat', '{"id":"c","choices":[{"message":{'],
    ] as const) {
      assert.equal(judge(operation, text.startsWith('{') ? json : sse, text, 1e6, false), 'good', text)
    }
  })

  for (const [name, operation, text, expected] of [
    ['content', 'chat', content, true],
    ['a role and content', 'chat', role + content, true],
    ['the role alone', 'chat', role, false],
    ['half an event', 'chat', content.slice(0, -1), false],
    ['an error', 'chat', `data: ${engineDead}\n\n`, false],
    ['an error after the role', 'chat', `${role}data: ${engineDead}\n\n`, false],
    ['an event in two lines', 'chat', 'data: {"choices":[\ndata: {"delta":{"content":"a"}}]}\n\n', false],
    ['an event with a name after a carriage return', 'chat', 'data: {\revent: error\n\n', false],
    ['nothing but the end', 'chat', 'data: [DONE]\n\n', false],
    ['the role and the end', 'chat', `${role}data: [DONE]\n\n`, false],
    ['text', 'completions', 'data: {"choices":[{"text":"a"}]}\n\n', true],
    [
      'a failed response',
      'responses',
      'data: {"type":"response.failed","response":{"status":"failed"}}\n\n',
      false,
    ],
    ['a message', 'messages', 'event: message_start\ndata: {"type":"message_start"}\n\n', false],
  ] as const) {
    it(`${expected ? 'accepts' : 'does not accept'} the first chunk alone: ${name}`, () => {
      assert.equal(firstChunkIsGood(answerFormNamed(operation), Buffer.from(text)), expected)
      if (expected) assert.equal(judge(operation, sse, text, 1e6, false), 'good')
    })
  }

  it('accepts a first chunk only if the full judgement is good', () => {
    const words = [
      role,
      content,
      'data: {',
      'data: ',
      `${engineDead}`,
      '\n',
      '\n\n',
      '\r',
      '{}',
      ': a',
      'event: error\n',
    ]
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 8 }), (parts) => {
        const text = parts.join('')
        if (firstChunkIsGood(answerFormNamed('chat'), Buffer.from(text)))
          assert.equal(judge('chat', sse, text, 1e6, false), 'good')
      }),
    )
  })

  for (const [name, start, rest, expected] of [
    ['white space and a page', ' \n\r', '<html>', 'a web page'],
    ['a byte order mark and a page', '\ufeff', '<html>', 'a web page'],
    ['a byte order mark, white space and an answer', '\ufeff \n', content, 'good'],
    ['white space and an answer', '\n\n', content, 'good'],
    ['white space alone', '\n\n', '', 'empty'],
  ] as const) {
    it(`reads ${name} byte by byte and keeps no white space`, (t) => {
      const concat = t.mock.method(Buffer, 'concat')
      const verdict = judge('chat', sse, start.repeat(start === '\ufeff' ? 1 : 500) + rest, 1, true)
      assert.equal(verdict, expected)
      for (const { result } of concat.mock.calls) assert.ok((result?.length ?? 0) < 1_000)
    })
  }

  it('holds an answer back no longer than its limits, in linear time', () => {
    const begun = performance.now()
    for (const [type, unit] of [
      [json, `{"error":"${'x'.repeat(100)}`],
      [json, ' '],
      [sse, ': ping\n\n'],
      [sse, role],
      [sse, `data: {"choices":[{"delta":{${' '.repeat(15_000)}`],
      [ndjson, '{"message":{"content":""},"done":false}\n'],
      [ndjson, 'x'],
    ] as const) {
      assert.equal(
        judge('chat', type, unit.repeat(Math.ceil(200_000 / unit.length)), 64, false),
        'good',
        unit.slice(0, 20),
      )
    }
    assert.ok(performance.now() - begun < 2_000)
  })

  it('never throws', () => {
    const types = fc.constantFrom(json, sse, ndjson, 'text/plain', undefined)
    const words = fc.constantFrom(
      '{',
      '}',
      '"error"',
      ':',
      ',',
      'null',
      '[',
      ']',
      'data: ',
      '\n',
      '\r',
      '"a"',
      '"choices"',
      '\\',
    )
    fc.assert(
      fc.property(types, fc.array(words), fc.integer({ min: 1, max: 9 }), (type, parts, chunkBytes) => {
        judge('chat', type, parts.join(''), chunkBytes)
      }),
    )
  })
})

describe('answerFormOf', () => {
  for (const [path, expected] of [
    ['/v1/chat/completions', 'chat'],
    ['/api/v0/chat/completions', 'chat'],
    ['/v1/completions', 'completions'],
    ['/v1/responses', 'responses'],
    ['/v1/responses/r1/cancel', undefined],
    ['/v1/messages', 'messages'],
    ['/v1/messages/count_tokens', undefined],
    ['/v1/threads/t1/messages', undefined],
    ['/api/chat', 'ollama'],
    ['/api/embed', 'ollama'],
    ['/api/embeddings', 'ollama'],
    ['/api/v0/embeddings', 'embeddings'],
    ['/v1/rerank', 'rerank'],
    ['/completion', 'native_completion'],
    ['/api/pull', undefined],
    ['/v1/audio/transcriptions', undefined],
  ] as const) {
    it(`returns ${expected} for ${path}`, () => assert.equal(answerFormOf('POST', path)?.name, expected))
  }
})

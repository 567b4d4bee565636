import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  MessageVariants,
  type VariantOptions,
} from '../../../../src/dialects/translate/messages-to-chat/message-variants.ts'
import type {
  AnswerVariant,
  GatheredAnswer,
  RequestVariant,
  WholeAnswer,
} from '../../../../src/dialects/variants/request-variant.ts'
import { ProfileStore } from '../../../../src/endpoints/profiles/profile-store.ts'
import { headerValue } from '../../../../src/http/headers/response-headers.ts'
import { profilesFolder } from '../../../../src/kernel/package.ts'
import type { RoutedEndpoint } from '../../../../src/routing/models/router.ts'
import { endpoint } from '../../../observe/stats/fixtures.ts'
import { chunk, readEvents, toSse } from './support.ts'

const profiles = new ProfileStore({ builtIn: profilesFolder })
const completion = JSON.stringify({
  model: 'native',
  choices: [{ message: { content: 'hi' }, finish_reason: 'stop' }],
})

function target(
  kind: string,
  beside: Partial<RoutedEndpoint> = {},
  limitations?: readonly string[],
): RoutedEndpoint {
  const profile = profiles.get(kind)
  assert.ok(profile)
  const limited =
    limitations === undefined ? profile : { ...profile, anthropic: { ...profile.anthropic, limitations } }
  return {
    endpoint: endpoint({ slot: 0, profile: limited }),
    nativeModel: 'native',
    sentModel: undefined,
    isWarm: undefined,
    abilities: undefined,
    ...beside,
  }
}

function variants(
  request: object = {},
  { tap, ...options }: Partial<VariantOptions> & { tap?: (bytes: Buffer) => void } = {},
  given?: Buffer,
) {
  const text = JSON.stringify({ model: 'asked', messages: [{ role: 'user', content: 'a' }], ...request })
  return new MessageVariants(
    {
      body: given ?? Buffer.from(text),
      modelSpan: { start: text.indexOf('"asked"'), end: text.indexOf('"asked"') + 7 },
      model: 'asked',
      query: '?beta=true',
      isStream: 'stream' in request,
      requestId: 'req',
    },
    {
      passthrough: true,
      renameAnswers: true,
      serverVersion: () => undefined,
      newId: (prefix) => `${prefix}_1`,
      ...options,
    },
    tap,
  )
}

const answerOf = (variant: RequestVariant, statusCode: number, ...headers: string[]) =>
  variant.answer?.({ statusCode, headers })

function whole(answer: AnswerVariant | GatheredAnswer | undefined, ...chunks: string[]): WholeAnswer {
  assert.ok(answer !== undefined && 'push' in answer)
  for (const each of chunks) answer.push(Buffer.from(each))
  return answer.end()
}

function streamed(answer: AnswerVariant | GatheredAnswer | undefined, bytes: Buffer) {
  assert.ok(answer !== undefined && 'transforms' in answer)
  const [transform] = answer.transforms
  assert.ok(transform)
  const text = Buffer.concat([transform.push(bytes), transform.end()]).toString()
  return { events: readEvents(text), hasFailed: transform.hasFailed, headers: answer.headers ?? [] }
}

describe('the variant of a request', () => {
  it('is the original for an endpoint with the Messages API', () => {
    const all = variants()
    const variant = all.of(target('docker-model-runner'))
    assert.equal(variant.path, '/anthropic/v1/messages')
    assert.equal(variant.query, '?beta=true')
    assert.equal(variant.mode, 'passthrough')
    assert.equal(all.mode, 'passthrough')
    assert.match(String(variant.body), /^\{"model":"asked"/)
    assert.equal(answerOf(variant, 200), undefined)
    const renamed = variants().of(target('vllm', { sentModel: 'org/m' }))
    assert.match(String(renamed.body), /^\{"model":"org\/m","messages"/)
  })

  it('is a chat completion for other endpoints, at the path of their profile', () => {
    const all = variants({ stream: true })
    for (const [kind, path] of [
      ['lemonade', '/api/v1/chat/completions'],
      ['sglang', '/v1/chat/completions'],
    ] as const) {
      const variant = all.of(target(kind))
      assert.equal(variant.path, path)
      assert.equal(variant.query, '')
      assert.equal(variant.mode, undefined)
      assert.equal(JSON.parse(String(variant.body)).model, 'native')
      assert.equal(headerValue(variant.headers ?? [], 'accept'), 'text/event-stream')
    }
    assert.equal(all.mode, 'translation')
    const unknown = all.of({ ...target('vllm'), endpoint: endpoint({ slot: 0, profile: undefined }) })
    assert.equal(unknown.path, '/v1/chat/completions')
  })

  it('depends on the version that the server reports, and on the option', () => {
    const modeFor = (options: Partial<VariantOptions>) => variants({}, options).of(target('ollama')).mode
    assert.equal(modeFor({ serverVersion: () => '0.14.0' }), 'passthrough')
    assert.equal(modeFor({ serverVersion: () => '0.13.9' }), undefined)
    assert.equal(modeFor({}), 'passthrough')
    assert.equal(modeFor({ passthrough: false }), undefined)
  })

  it('is a translation if the endpoint does not support what the request needs', () => {
    const image = { type: 'image', source: { type: 'url', url: 'x' } }
    const cases: [string, object, object][] = [
      ['no_stop_sequences', { stop_sequences: ['x'] }, { stop_sequences: [] }],
      ['no_forbidden_tools', { tool_choice: { type: 'none' } }, { tool_choice: { type: 'auto' } }],
      ['no_tool_use', { tools: [{ name: 'f' }] }, { tools: [] }],
      ['no_extended_thinking', { thinking: { type: 'enabled' } }, {}],
      ['no_streamed_tools', { stream: true, tools: [{ name: 'f' }] }, { stream: true, tools: [] }],
      [
        'no_streamed_tools',
        { stream: true, tools: [{ name: 'f' }] },
        { stream: false, tools: [{ name: 'f' }] },
      ],
      ['no_vision', { messages: [{ role: 'user', content: [image] }] }, {}],
    ]
    for (const [limitation, needs, needsNot] of cases) {
      const limited = target('vllm', {}, [limitation])
      assert.equal(variants(needs).of(limited).mode, undefined, limitation)
      assert.equal(variants(needsNot).of(limited).mode, 'passthrough', limitation)
    }
    assert.equal(variants().of(target('vllm', {}, ['no_token_counting'])).mode, 'passthrough')
  })

  it('is an error if the request is nested too deeply to be serialized', () => {
    const tools = [{ name: 'a', input_schema: {} }]
    const body = Buffer.from(
      JSON.stringify({ model: 'asked', messages: [{ role: 'user', content: 'a' }], tools }).replace(
        '"input_schema":{}',
        `"input_schema":${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`,
      ),
    )
    assert.throws(() => variants({}, {}, body).of(target('sglang')), /more than 400 levels/)
    assert.equal(variants({}, {}, body).of(target('vllm')).mode, 'passthrough')
  })
})

describe('a request for too many tokens', () => {
  const refusal = Buffer.from(
    '{"error":{"message":"This model\'s maximum context length is 32768 tokens. However, you requested 49459 tokens (17459 in the messages, 32000 in the completion)."}}',
  )
  const head = { statusCode: 400, headers: [] }
  for (const kind of ['sglang', 'vllm']) {
    it(`is retried once with what the endpoint has room for, if configured: ${kind}`, () => {
      const asked = { max_tokens: 32_000 }
      const variant = variants(asked, { fitsMaxTokens: true }).of(target(kind))
      const lower = variant.onRefusal?.(head, refusal)
      assert.equal(lower?.path, variant.path)
      assert.equal(JSON.parse(String(lower?.body)).max_tokens, 32_768 - 17_459)
      assert.equal(variants(asked).of(target(kind)).onRefusal?.(head, refusal), undefined)
    })
  }
})

describe('its answer', () => {
  it('is one body for a client that requested one, whatever the endpoint sends', () => {
    const variant = variants().of(target('sglang'))
    const json = whole(answerOf(variant, 200, 'content-type', 'application/json'), completion)
    const sse = whole(
      answerOf(variant, 200, 'content-type', 'text/event-stream'),
      String(toSse([chunk({ content: 'h' }), chunk({ content: 'i' }, 'stop')])),
    )
    for (const { statusCode, headers, body } of [json, sse]) {
      assert.equal(statusCode, 200)
      assert.equal(headerValue(headers, 'content-type'), 'application/json; charset=utf-8')
      const message = JSON.parse(String(body))
      assert.deepEqual(message.content, [{ type: 'text', text: 'hi' }])
      assert.equal(message.model, 'asked')
      assert.equal(message.id, 'msg_1')
    }
  })

  it('is a stream for a client that requested one, whatever the endpoint sends', () => {
    const variant = variants({ stream: true }).of(target('sglang'))
    const json = streamed(answerOf(variant, 200, 'content-type', 'application/json'), Buffer.from(completion))
    const sse = streamed(
      answerOf(variant, 200, 'content-type', 'text/event-stream; charset=utf-8'),
      toSse([chunk({ content: 'hi' }, 'stop')]),
    )
    for (const { events, hasFailed, headers } of [json, sse]) {
      assert.equal(hasFailed, false)
      assert.equal(headerValue(headers, 'content-type'), 'text/event-stream; charset=utf-8')
      assert.deepEqual(
        events.map(({ type }) => type),
        [
          'message_start',
          'content_block_start',
          'content_block_delta',
          'content_block_stop',
          'message_delta',
          'message_stop',
        ],
      )
    }
  })

  it("keeps the endpoint's model name if answers are not renamed", () => {
    const variant = variants({}, { renameAnswers: false }).of(target('sglang'))
    const { body } = whole(answerOf(variant, 200, 'content-type', 'application/json'), completion)
    assert.equal(JSON.parse(String(body)).model, 'native')
  })

  it('is a failure if it is not a completion or is compressed', () => {
    const variant = variants().of(target('sglang'))
    const busy = whole(answerOf(variant, 200, 'content-type', 'text/html'), '<html>')
    assert.equal(busy.statusCode, 502)
    assert.equal(JSON.parse(String(busy.body)).request_id, 'req')
    const gzip = whole(answerOf(variant, 200, 'content-encoding', 'gzip'), completion)
    assert.equal(gzip.statusCode, 502)
    const cut = streamed(
      answerOf(variants({ stream: true }).of(target('sglang')), 200, 'content-type', 'text/event-stream'),
      toSse([chunk({ content: 'h' })], ''),
    )
    assert.equal(cut.hasFailed, true)
  })

  it('is an error in the envelope in both modes; an error already in it passes unchanged', () => {
    const own = '{"type":"error", "error":{"type":"overloaded_error","message":"busy"}}'
    for (const kind of ['vllm', 'sglang']) {
      const variant = variants().of(target(kind))
      assert.equal(String(whole(answerOf(variant, 529), own).body), own)
      const { statusCode, body } = whole(answerOf(variant, 404), '{"error":"no ', 'model"}')
      assert.equal(statusCode, 404)
      assert.deepEqual(JSON.parse(String(body)), {
        type: 'error',
        error: { type: 'not_found_error', message: 'no model' },
        request_id: 'req',
      })
      const endless = whole(answerOf(variant, 500), ...Array<string>(10).fill('x'.repeat(20_000)))
      assert.ok(endless.body.length < 70_000)
    }
  })

  it('is passed to the tap as the client receives it', () => {
    const taps: string[] = []
    const tap = (bytes: Buffer) => taps.push(String(bytes))
    const { body } = whole(
      answerOf(variants({}, { tap }).of(target('sglang')), 200, 'content-type', 'application/json'),
      completion,
    )
    assert.deepEqual(taps, [String(body)])
    const error = whole(answerOf(variants({}, { tap }).of(target('vllm')), 500), 'no')
    assert.deepEqual(taps.slice(1), [String(error.body)])
    const answer = answerOf(
      variants({ stream: true }, { tap }).of(target('sglang')),
      200,
      'content-type',
      'text/event-stream',
    )
    assert.ok(answer !== undefined && 'transforms' in answer)
    let bytes = toSse([chunk({ content: 'hi' }, 'stop')])
    for (const transform of answer.transforms) bytes = Buffer.concat([transform.push(bytes), transform.end()])
    assert.equal(taps.slice(2).join(''), String(bytes))
  })
})

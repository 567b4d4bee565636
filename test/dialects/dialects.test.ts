import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import {
  answerForms,
  dialectNamed,
  dialects,
  isTranslatedPath,
  translatedDialects,
  usageSections,
} from '../../src/dialects/all.ts'
import { errorEvent } from '../../src/dialects/answers/error-event.ts'
import { answerFormNamed, answerFormOf, usageFormOf } from '../../src/dialects/answers/form-finder.ts'
import { StreamWatch } from '../../src/dialects/answers/stream-ending.ts'
import { dialectOf } from '../../src/dialects/requests/dialect.ts'
import { operationOf } from '../../src/dialects/requests/operation.ts'
import { parserRefusal, wholeRefusal } from '../../src/dialects/requests/parser-refusal.ts'
import { StreamMeter } from '../../src/dialects/usage/stream-meter.ts'
import { UsageReader } from '../../src/dialects/usage/usage-reader.ts'
import { unknownUsage } from '../../src/endpoints/profiles/profile-usage.ts'
import { errorTable, errorTypes, GatewayError } from '../../src/kernel/errors.ts'
import { FakeClock } from '../support/fake-clock.ts'

interface Expected {
  readonly paths: readonly string[]
  readonly posts: readonly string[]
  readonly errorBody: object
  readonly errorEvent: string
  readonly foreignError: object
  readonly ownError: string
  readonly forms: readonly string[]
  readonly isListed: boolean
  readonly event: string | undefined
  readonly requestIdHeader: string | undefined
}

const error = new GatewayError('model_not_found', 'No such model.', {
  attempts: ['a: refused'],
  details: { model: 'x' },
})

/** The expected value of each part of the contract, by dialect. */
const expected: Readonly<Record<string, Expected>> = {
  anthropic: {
    paths: ['/v1/messages', '/olla/anthropic/v1/models', '/olla/vllm/v1/messages/count_tokens'],
    posts: ['/v1/messages', '/v1/messages/count_tokens'],
    errorBody: {
      type: 'error',
      error: { type: 'not_found_error', message: 'No such model.', details: { model: 'x' } },
      request_id: 'id',
    },
    errorEvent: 'event: error\ndata: {"type":"error","error":',
    foreignError: { type: 'error', error: { type: 'overloaded_error', message: 'busy' } },
    ownError: '{"type":"error","error":{"type":"api_error","message":"no"}}',
    forms: ['messages'],
    isListed: true,
    event: 'event: ping\ndata: {"type":"ping"}\n\n',
    requestIdHeader: 'request-id',
  },
  ollama: {
    paths: ['/api/chat', '/api/tags', '/olla/ollama/api/generate', '/olla/proxy/api/show'],
    posts: ['/api/chat', '/api/generate', '/api/embed', '/api/show'],
    errorBody: { error: 'No such model.', request_id: 'id' },
    errorEvent: 'data: {"error":"No such model."',
    foreignError: { error: 'busy' },
    ownError: '{"error":"no"}',
    forms: ['ollama'],
    isListed: true,
    event: undefined,
    requestIdHeader: undefined,
  },
  openai: {
    paths: ['/v1/chat/completions', '/olla/proxy/v1/models', '/api/v0/chat/completions', '/anything'],
    posts: ['/v1/chat/completions', '/v1/responses', '/v1/embeddings', '/v1/images/edits', '/completions'],
    errorBody: {
      error: {
        message: 'No such model.',
        type: 'invalid_request_error',
        param: null,
        code: 'model_not_found',
        request_id: 'id',
        attempts: ['a: refused'],
      },
    },
    errorEvent: 'data: {"error":{"message":',
    foreignError: { error: { message: 'busy', type: 'server_error', param: null, code: null } },
    ownError: '{"error":{"message":"no"}}',
    forms: ['chat', 'completions', 'responses', 'embeddings', 'rerank', 'transcription', 'native_completion'],
    isListed: true,
    event: undefined,
    requestIdHeader: undefined,
  },
}

describe('dialects', () => {
  it('have unique names and forms', () => {
    assert.deepEqual(dialects.map(({ name }) => name).sort(), Object.keys(expected).sort())
    assert.equal(new Set(answerForms.map(({ name }) => name)).size, answerForms.length)
    assert.deepEqual([...usageSections].sort(), [
      'anthropic',
      'ollama',
      'openai',
      'openai_audio',
      'responses',
    ])
    assert.ok(isTranslatedPath('/v1/messages'))
    assert.ok(!isTranslatedPath('/v1/chat/completions'))
    assert.deepEqual(
      translatedDialects.map(({ name }) => name),
      ['anthropic'],
    )
  })

  it('agree on the meaning of each usage section', () => {
    for (const { usage } of answerForms)
      for (const other of answerForms)
        if (other.usage.section === usage.section) assert.equal(other.usage.standard, usage.standard)
  })

  for (const [name, each] of Object.entries(expected)) {
    const dialect = dialectNamed(name)
    const { errors } = dialect

    it(`${name}: owns its paths`, () => {
      for (const path of each.paths) assert.equal(dialectOf(path).name, name, path)
    })

    it(`${name}: declares its POST-only paths`, () => {
      for (const path of each.posts) {
        assert.ok(operationOf(path).isPostOnly, path)
        assert.ok(operationOf(path).isInference, path)
      }
    })

    it(`${name}: writes error bodies with a type for every error`, () => {
      assert.deepEqual(errors.body(error, 'id'), each.errorBody)
      if (errors.types !== undefined)
        assert.deepEqual(Object.keys(errors.types).sort(), [...errorTypes].sort())
    })

    it(`${name}: writes the responses to requests that never reach Fastify`, () => {
      const [path = ''] = each.paths
      const [head = '', body = ''] = wholeRefusal(error, path, 'id').split('\r\n\r\n')
      assert.match(head, /^HTTP\/1\.1 404 /)
      assert.deepEqual(JSON.parse(body), each.errorBody)
      const request = {
        code: 'HPE_INVALID_HEADER_TOKEN',
        rawPacket: Buffer.from(`POST ${path} HTTP/1.1\r\n`),
      }
      const [, refusal = ''] = parserRefusal(request, 'id').split('\r\n\r\n')
      assert.deepEqual(Object.keys(JSON.parse(refusal)).sort(), Object.keys(each.errorBody).sort())
    })

    it(`${name}: ends a broken stream with an error event`, () => {
      const tail = () => ''
      assert.ok(errorEvent(dialect, undefined, 'sse', error, 'id', tail).startsWith(each.errorEvent))
      assert.equal(
        errorEvent(dialect, undefined, 'ndjson', error, 'id', tail),
        `${JSON.stringify(each.errorBody)}\n`,
      )
    })

    it(`${name}: translates an endpoint’s error, and keeps one that is in the dialect`, () => {
      const form = answerFormNamed(each.forms[0] ?? '')
      assert.deepEqual(JSON.parse(errors.translate(form, 503, 'busy') ?? '{}'), each.foreignError)
      assert.equal(errors.translate(form, 500, each.ownError), undefined)
      assert.equal(errors.status(form, 503, 'busy'), 503)
    })

    it(`${name}: declares its answer forms, lists and headers`, () => {
      assert.deepEqual(
        dialect.answers.map((form) => form.name),
        each.forms,
      )
      assert.equal(dialect.models !== undefined, each.isListed)
      assert.equal(dialect.keepAlive?.event.toString(), each.event)
      assert.equal(dialect.requestIdHeader, each.requestIdHeader)
    })
  }

  it('are distinguished by a header on shared paths', () => {
    for (const path of ['/v1/models', '/v1/models/x', '/v1/files/f1', '/v1/complete']) {
      assert.equal(dialectOf(path, { 'anthropic-version': '2023-06-01' }).name, 'anthropic', path)
      assert.equal(dialectOf(path, {}).name, 'openai', path)
    }
    assert.equal(dialectOf('/v1/chat/completions', { 'anthropic-version': 'x' }).name, 'openai')
  })
})

interface FormCase {
  readonly path: string
  /** A chunk with content, the usage, the ending. */
  readonly stream: readonly [content: string, usage: string, ending: string] | undefined
  readonly tokens: readonly [prompt: number, completion: number]
  /** Whether answers on the path are only read for their usage, not judged. */
  readonly isUsageOnly?: boolean
}

const data = (value: object) => `data: ${JSON.stringify(value)}\n\n`
const event = (value: { readonly type: string } & Record<string, unknown>) =>
  `event: ${value.type}\n${data(value)}`
const chatUsage = data({ choices: [], usage: { prompt_tokens: 5, completion_tokens: 7 } })

const formCases: Readonly<Record<string, FormCase>> = {
  chat: {
    path: '/v1/chat/completions',
    stream: [data({ choices: [{ delta: { content: 'a' } }] }), chatUsage, 'data: [DONE]\n\n'],
    tokens: [5, 7],
  },
  completions: {
    path: '/v1/completions',
    stream: [data({ choices: [{ text: 'a' }] }), chatUsage, 'data: [DONE]\n\n'],
    tokens: [5, 7],
  },
  responses: {
    path: '/v1/responses',
    stream: [
      event({ type: 'response.output_text.delta', delta: 'a' }),
      '',
      event({ type: 'response.completed', response: { usage: { input_tokens: 5, output_tokens: 7 } } }),
    ],
    tokens: [5, 7],
  },
  messages: {
    path: '/v1/messages',
    stream: [
      event({ type: 'content_block_delta', delta: { type: 'text_delta', text: 'a' } }),
      event({
        type: 'message_delta',
        usage: { input_tokens: 2, cache_read_input_tokens: 3, output_tokens: 7 },
      }),
      event({ type: 'message_stop' }),
    ],
    tokens: [5, 7],
  },
  ollama: {
    path: '/api/chat',
    stream: [
      '{"message":{"content":"a"},"done":false}\n',
      '',
      '{"message":{"content":""},"done":true,"prompt_eval_count":5,"eval_count":7}\n',
    ],
    tokens: [5, 7],
  },
  embeddings: { path: '/v1/embeddings', stream: undefined, tokens: [5, 7] },
  rerank: { path: '/v1/rerank', stream: undefined, tokens: [5, 7] },
  transcription: {
    path: '/v1/audio/transcriptions',
    stream: undefined,
    tokens: [5, 7],
    isUsageOnly: true,
  },
  native_completion: { path: '/completion', stream: undefined, tokens: [5, 7] },
}

describe('answer forms', () => {
  it('are all in the table', () => {
    assert.deepEqual(Object.keys(formCases).sort(), answerForms.map(({ name }) => name).sort())
  })

  for (const [name, { path, stream, tokens, isUsageOnly }] of Object.entries(formCases)) {
    const form = answerFormNamed(name)
    const { section, standard } = form.usage

    it(`${name}: owns its path`, () => {
      assert.equal(answerFormOf('POST', path), isUsageOnly === true ? undefined : form)
      assert.equal(answerFormOf('GET', path), undefined)
      assert.equal(usageFormOf(path), form)
    })

    if (stream === undefined) {
      it(`${name}: finds the usage in a whole answer`, () => {
        const usage = new UsageReader(unknownUsage.plan(section, standard))
        usage.read(Buffer.from('{"usage":{"prompt_tokens":5,"completion_tokens":7}}'))
        assert.deepEqual([usage.get('promptTokens'), usage.get('completionTokens')], tokens)
      })
      continue
    }

    it(`${name}: recognizes content, usage and the ending of its streams`, () => {
      assert.ok(form.stream !== undefined)
      const clock = new FakeClock()
      const usage = new UsageReader(unknownUsage.plan(section, standard))
      const framing = form.stream.lines === undefined ? 'sse' : 'ndjson'
      const meter = new StreamMeter(framing, form, { clock, startedMs: 0, usage, gaps: { gap: () => {} } })
      const watch = new StreamWatch(form.stream)
      const cut = new StreamWatch(form.stream)
      for (const chunk of stream) {
        meter.push(Buffer.from(chunk))
        watch.push(Buffer.from(chunk))
      }
      cut.push(Buffer.from(stream[0]))
      meter.end()
      assert.equal(meter.events, 1)
      assert.deepEqual([usage.get('promptTokens'), usage.get('completionTokens')], tokens)
      assert.equal(watch.end().kind, 'complete')
      assert.equal(cut.end().kind, 'missing')
    })
  }

  it('of the Responses API number the event that ends a broken stream', () => {
    const form = answerFormNamed('responses')
    const { code, message } = error
    for (const [tail, number] of [
      ['', 0],
      ['data: {"type":"response.output_text.delta","sequence_number":3}\n\n', 4],
    ] as const) {
      const body = { type: 'error', code, message, param: null, sequence_number: number }
      assert.equal(
        errorEvent(dialectNamed('openai'), form, 'sse', error, 'id', () => tail),
        `event: error\ndata: ${JSON.stringify(body)}\n\n`,
      )
    }
  })
})

describe('error table', () => {
  it('has a type for every code', () => {
    for (const [code, { type }] of Object.entries(errorTable)) assert.ok(errorTypes.includes(type), code)
  })
})

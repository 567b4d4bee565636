import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { formats } from '../../../src/dialects/all.ts'
import { OpenThoughts } from '../../../src/dialects/hub/parts/open-thoughts.ts'
import {
  ConversationVariants,
  type TranslationParts,
} from '../../../src/dialects/translate/conversation-variants.ts'
import type { AppliedTranslation } from '../../../src/dialects/translate/request-translation.ts'
import { TranslationPlan } from '../../../src/dialects/translate/translation-plan.ts'
import type { RequestVariant } from '../../../src/dialects/variants/request-variant.ts'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { headerValue } from '../../../src/http/headers/response-headers.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'
import { wholeOf } from '../../../src/kernel/memory/body-bytes.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'
import type { RoutedEndpoint } from '../../../src/routing/models/routing.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'

const profiles = new ProfileStore({ builtIn: profilesFolder })

function target(kind: string, beside: Partial<RoutedEndpoint> = {}): RoutedEndpoint {
  return {
    endpoint: endpoint({ slot: 0, profile: profiles.get(kind) ?? assert.fail(kind) }),
    nativeModel: 'native',
    sentModel: 'native',
    isWarm: undefined,
    abilities: undefined,
    ...beside,
  }
}

interface Setup {
  readonly format: string
  readonly request: object
  /** Paths that the endpoint has; every other path is unknown. */
  readonly paths: readonly string[]
  readonly dropsUnsupported?: boolean
  readonly stores?: TranslationParts['stores']
}

function setup({ format: name, request, paths, dropsUnsupported = false, stores }: Setup) {
  const format = formats.find((each) => each.name === name) ?? assert.fail(name)
  const has = new Set(paths)
  const missing: string[] = []
  const applied: AppliedTranslation[] = []
  const plan = new TranslationPlan(formats, {
    serves: (_endpoint, path) => (has.has(path) ? true : missing.includes(path) ? false : undefined),
    serverVersion: () => undefined,
  })
  const text = JSON.stringify({ model: 'asked', ...request })
  const at = text.indexOf('"asked"')
  const variants = new ConversationVariants(
    {
      format,
      path: format.path,
      query: '?a=b',
      body: Buffer.from(text),
      modelSpan: { start: at, end: at + '"asked"'.length },
      model: 'asked',
      requestId: 'req',
      startedMs: 0,
      onTranslated: (translation) => applied.push(translation),
    },
    {
      plan,
      dropsUnsupported,
      renameAnswers: true,
      newId: (prefix) => `${prefix}_1`,
      nowMs: () => 1_700_000_000_000,
      monotonicMs: () => 0,
      reasoningFields: new Map(),
      openThoughts: new OpenThoughts(),
      stores,
      learnMissing(_target, path) {
        has.delete(path)
        missing.push(path)
      },
    },
  )
  return { variants, applied, missing }
}

const chat = '/v1/chat/completions'
const completions = '/v1/completions'
const messages = [{ role: 'user', content: 'a' }]
const bodyOf = ({ body }: RequestVariant) =>
  JSON.parse(wholeOf(body ?? []).toString()) as Record<string, unknown>
const notFound = Buffer.from('{"detail":"Not Found"}')

describe('the form of a request', () => {
  it("is the client's own if the endpoint has its API and no other", () => {
    const { variants } = setup({ format: 'chat', request: { messages }, paths: [chat] })
    assert.equal(variants.of(target('sglang')), undefined)
  })

  it("is the client's own, with the endpoint's name for the model, if the endpoint has its API", () => {
    const { variants, applied } = setup({
      format: 'completions',
      request: { prompt: 'a', odd: 1 },
      paths: [chat, completions],
    })
    const variant = variants.of(target('sglang')) ?? assert.fail()
    assert.equal(variant.path, completions)
    assert.equal(variant.query, '?a=b')
    assert.equal(variant.mode, 'passthrough')
    assert.equal(String(variant.body), '{"model":"native","prompt":"a","odd":1}')
    assert.deepEqual(applied, [])
  })

  it('becomes a translation at once if the endpoint lacks the path, which is remembered', () => {
    const { variants, applied, missing } = setup({
      format: 'chat',
      request: { messages },
      paths: [chat, completions],
    })
    const variant = variants.of(target('sglang')) ?? assert.fail()
    const other = variant.onRefusal?.({ statusCode: 404, headers: [] }, notFound) ?? assert.fail()
    assert.equal(other.path, completions)
    assert.equal(other.mode, 'translated')
    assert.equal(bodyOf(other).model, 'native')
    assert.deepEqual(missing, [chat])
    assert.deepEqual(applied, [{ from: 'chat', to: 'completions', dropped: [] }])
  })

  it('leaves room in the context for texts that are not decoded', () => {
    const contextLength = 20_000
    const text = 'word '.repeat(4_000)
    const alternating = Array.from({ length: 41 }, (_, at) => ({
      role: at % 2 === 0 ? 'user' : 'assistant',
      content: text.slice(0, 500),
    }))
    for (const sent of [[{ role: 'user', content: text }], alternating]) {
      const { variants } = setup({ format: 'chat', request: { messages: sent }, paths: ['/v1/messages'] })
      const variant =
        variants.of(target('vllm', { abilities: { type: 'chat', capabilities: [], contextLength } })) ??
        assert.fail()
      const maxTokens = Number(bodyOf(variant).max_tokens)
      assert.ok(maxTokens < contextLength - 6_000, String(maxTokens))
      assert.ok(maxTokens > contextLength - 8_000, String(maxTokens))
    }
  })

  for (const [name, statusCode, body] of [
    ['an unknown model', 404, '{"error":{"message":"model not found","code":"model_not_found"}}'],
    ['a bad request', 400, '{"error":{"message":"no"}}'],
    ['overload', 503, ''],
  ] as const) {
    it(`stays the client's own after ${name}`, () => {
      const { variants, missing } = setup({
        format: 'chat',
        request: { messages },
        paths: [chat, completions],
      })
      const variant = variants.of(target('sglang')) ?? assert.fail()
      assert.equal(variant.onRefusal?.({ statusCode, headers: [] }, Buffer.from(body)), undefined)
      assert.deepEqual(missing, [])
    })
  }

  it("names the media types of the endpoint's API", () => {
    const { variants } = setup({
      format: 'chat',
      request: { messages, stream: true },
      paths: [completions],
    })
    const { headers = [] } = variants.of(target('sglang')) ?? assert.fail()
    assert.equal(headerValue(headers, 'content-type'), 'application/json')
    assert.equal(headerValue(headers, 'accept'), 'text/event-stream')
  })

  it("has the headers that the endpoint's API requires, and fits the model's context", () => {
    const { variants } = setup({ format: 'chat', request: { messages }, paths: ['/v1/messages'] })
    const abilities = { type: undefined, capabilities: undefined, contextLength: 2_000 }
    const variant = variants.of(target('llamacpp', { abilities })) ?? assert.fail()
    assert.equal(variant.path, '/v1/messages')
    assert.equal(headerValue(variant.headers ?? [], 'anthropic-version'), '2023-06-01')
    const { max_tokens } = bodyOf(variant)
    assert.ok(Number(max_tokens) > 1_900 && Number(max_tokens) < 2_000)
  })

  const tools = [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }]

  it('is stored with its long texts, which the translation leaves encoded', () => {
    const input = 'a "long" text\n'.repeat(200)
    let stored: unknown
    const { variants } = setup({
      format: 'responses',
      request: { input },
      paths: [chat],
      stores: {
        storeFor: (_format, _asked, _caller, body) => () => {
          stored = JSON.parse(String(body)).input
        },
        keepPassed: () => assert.fail(),
      },
    })
    const variant = variants.of(target('vllm'))
    const sent: unknown = JSON.parse(String(variant?.body))
    assert.deepEqual(sent, { model: 'native', messages: [{ role: 'user', content: input }] })
    const answer = variant?.answer?.({ statusCode: 200, headers: ['content-type', 'application/json'] })
    assert.ok(answer !== undefined && 'end' in answer)
    answer.push(Buffer.from('{"choices":[{"message":{"content":"b"},"finish_reason":"stop"}]}'))
    answer.end()
    assert.equal(stored, input)
  })

  it('does not exist if no API of the endpoint can express the request', () => {
    const { variants } = setup({ format: 'chat', request: { messages, tools }, paths: [completions] })
    assert.throws(
      () => variants.of(target('sglang', { endpoint: endpoint({ slot: 0, profile: undefined }) })),
      (error) =>
        error instanceof GatewayError && error.code === 'invalid_request' && /tools/.test(error.message),
    )
  })

  it('leaves out what the API cannot express if configured', () => {
    const { variants, applied } = setup({
      format: 'chat',
      request: { messages, tools },
      paths: [completions],
      dropsUnsupported: true,
    })
    const variant = variants.of(target('sglang')) ?? assert.fail()
    assert.equal(bodyOf(variant).tools, undefined)
    assert.deepEqual(applied, [{ from: 'chat', to: 'completions', dropped: ['tools'] }])
  })
})

describe('a request for more than the route of an endpoint supports', () => {
  const responses = '/v1/responses'
  const text = { format: { type: 'json_schema', name: 'n', schema: { type: 'object' } } }

  it('goes to another API of the endpoint', () => {
    const { variants } = setup({
      format: 'responses',
      request: { input: 'a', text },
      paths: [chat, responses],
    })
    const variant = variants.of(target('llamacpp')) ?? assert.fail()
    assert.equal(variant.path, chat)
    assert.equal(variant.mode, 'translated')
    const plain = setup({ format: 'responses', request: { input: 'a' }, paths: [chat, responses] })
    assert.equal(plain.variants.of(target('llamacpp'))?.mode, 'passthrough')
  })

  it('is refused if the endpoint has no other', () => {
    for (const format of ['responses', 'chat']) {
      const asked =
        format === 'chat'
          ? { messages, response_format: { type: 'json_schema', json_schema: text.format } }
          : { input: 'a', text }
      const { variants } = setup({ format, request: asked, paths: [responses] })
      assert.throws(
        () => variants.of(target('llamacpp')),
        (error) =>
          error instanceof GatewayError && error.message.endsWith('no API that supports: json_schema'),
        format,
      )
    }
  })

  it('becomes a translation once the endpoint refuses it', () => {
    const request = { input: [{ role: 'assistant', content: 'a' }, ...messages] }
    const { variants } = setup({ format: 'responses', request, paths: [chat, responses] })
    const variant = variants.of(target('llamacpp')) ?? assert.fail()
    const refusal = (message: string) => {
      const body = Buffer.from(JSON.stringify({ error: { code: 400, message } }))
      return variant.onRefusal?.({ statusCode: 400, headers: [] }, body)
    }
    assert.equal(refusal("Cannot determine type of 'item'")?.path, chat)
    assert.equal(refusal('the request exceeds the available context size')?.path, undefined)
  })

  it('does not become a plain prompt while a chat is possible', () => {
    const request = { messages, logprobs: true }
    const { variants } = setup({ format: 'chat', request, paths: [completions, responses] })
    assert.throws(() => variants.of(target('llamacpp')), /no API that supports: logprobs/)
    const plain = setup({ format: 'chat', request, paths: [completions] })
    assert.equal(plain.variants.of(target('sglang'))?.path, completions)
  })
})

import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { openai } from '../../../src/dialects/openai/index.ts'
import { ProfileStore } from '../../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../../src/kernel/package.ts'
import { RequestContext } from '../../../src/proxy/contract/context.ts'
import type { AnswerFigures } from '../../../src/proxy/contract/request-record.ts'
import { createAnswerObserver } from '../../../src/proxy/usage/answer-observer.ts'
import { gapCells } from '../../../src/proxy/usage/gap-cells.ts'
import { SharedState } from '../../../src/runtime/cells/shared-state.ts'
import * as recordings from '../../dialects/usage/recordings.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const profiles = new ProfileStore({ builtIn: profilesFolder })

function observed(profile: string, path: string, headers: string[], statusCode = 200) {
  const clock = new FakeClock()
  const cells = new SharedState({ endpoints: 2, models: 2 }).of(gapCells)
  const observe = createAnswerObserver({ clock, cells, modelRow: () => 1 })
  const context = new RequestContext('id', clock.monotonicMs(), openai, 'proxy', '::1')
  context.model = 'm'
  const target = {
    endpoint: endpoint({ slot: 1, profile: profiles.get(profile) }),
    nativeModel: 'm',
    sentModel: undefined,
    isWarm: undefined,
    abilities: undefined,
  }
  const meter = observe({ context, target, path, head: { statusCode, headers } })
  return { clock, cells, context, meter }
}

const events = (text: string) =>
  text.split(text.startsWith('data:') ? /(?<=\n\n)/ : /(?<=\n)/).map((event) => Buffer.from(event))

/** Those that were asked about: getters of a class are not seen by a comparison. */
function assertFigures(answer: AnswerFigures | undefined, expected: Partial<AnswerFigures>): void {
  for (const [name, value] of Object.entries(expected)) {
    assert.equal(answer?.[name as keyof AnswerFigures], value, name)
  }
}

describe('AnswerMeter', () => {
  it('times a stream by the arrival of its tokens and counts every gap', async () => {
    const { clock, cells, context, meter } = observed('vllm', '/v1/chat/completions', [
      'Content-Type',
      'text/event-stream; charset=utf-8',
    ])
    for (const event of events(recordings.vllmChat)) {
      await clock.advance(20)
      meter?.push(event)
    }
    meter?.end('success')
    assert.deepEqual([context.promptTokens, context.completionTokens], [21, 3])
    assertFigures(context.answer, {
      contentEvents: 3,
      isCounted: false,
      firstTokenMs: 40,
      interTokenMs: 20,
      interTokenMaxMs: 20,
      tokensPerSecond: 50,
      generationMs: 60,
      cachedTokens: 16,
    })
    for (const [table, row] of [
      [cells.total, 0],
      [cells.endpoints, 1],
      [cells.models, 1],
    ] as const) {
      const { count, sum } = table.read(row)
      assert.deepEqual([count, sum], [2, 40])
    }
  })

  it('prefers timings that the endpoint reports', () => {
    const { context, meter } = observed('ollama', '/api/chat', ['content-type', 'application/x-ndjson'])
    for (const event of events(recordings.ollamaChat)) meter?.push(event)
    meter?.end('success')
    assertFigures(context.answer, {
      contentEvents: 3,
      generationMs: 200,
      tokensPerSecond: 20,
      loadMs: 1_500,
      promptMs: 250,
    })
  })

  it('counts the tokens of a stream that broke before it reported usage, and marks them as counted', () => {
    const { context, meter } = observed('vllm', '/v1/chat/completions', ['content-type', 'text/event-stream'])
    for (const event of events(recordings.vllmChat).slice(0, 3)) meter?.push(event)
    meter?.end('client_closed')
    assert.equal(context.completionTokens, 2)
    assertFigures(context.answer, { isCounted: true, tokensPerSecond: undefined })
    assert.equal(context.promptTokens, undefined)
  })

  it('reads a complete answer, for any chunking', () => {
    const { context, meter } = observed('vllm', '/v1/chat/completions', ['content-type', 'application/json'])
    const bytes = Buffer.from(recordings.chatJson)
    for (let at = 0; at < bytes.length; at += 7) meter?.push(bytes.subarray(at, at + 7))
    meter?.end('success')
    assert.deepEqual([context.promptTokens, context.completionTokens], [21, 3])
    assertFigures(context.answer, {
      contentEvents: undefined,
      firstTokenMs: undefined,
      tokensPerSecond: undefined,
      cachedTokens: 16,
    })
  })

  it('keeps tokens that were already set', () => {
    const { context, meter } = observed('vllm', '/v1/chat/completions', ['content-type', 'application/json'])
    context.promptTokens = 1
    meter?.push(Buffer.from(recordings.chatJson))
    meter?.end('success')
    assert.deepEqual([context.promptTokens, context.completionTokens], [1, 3])
  })

  it('is not created for an answer without usage, or one that cannot be read', () => {
    const json = ['content-type', 'application/json']
    const none = [
      observed('vllm', '/v1/x', json, 400),
      observed('vllm', '/v1/x', [...json, 'content-encoding', 'gzip']),
      observed('vllm', '/v1/x', ['content-type', 'audio/mpeg']),
      observed('vllm', '/v1/x', []),
    ]
    for (const { meter, context } of none) assert.deepEqual([meter, context.answer], [undefined, undefined])
  })
})

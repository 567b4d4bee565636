import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { answerFormOf } from '../../../src/dialects/answers/form-finder.ts'
import { StreamKnowledge } from '../../../src/dialects/streamed/stream-knowledge.ts'
import { streamedBody } from '../../../src/dialects/streamed/streamed-body.ts'
import { refusesStreaming } from '../../../src/dialects/streamed/streamed-variant.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const chat = '/v1/chat/completions'
const usage = '"stream_options":{"include_usage":true}'

/** The body that an endpoint gets; undefined if it gets the client's. */
const bodies: readonly (readonly [path: string, body: string, sent: string | undefined])[] = [
  [chat, '{"a": 1.0 , "n":2}', `{"a": 1.0 , "n":2,"stream":true,${usage}}`],
  [chat, '{"stream" : false,"x":[{"stream":false}]}', `{"stream" : true,"x":[{"stream":false}],${usage}}`],
  [
    chat,
    '{"stream":null,"stream_options": null}',
    `{"stream":true,"stream_options": {"include_usage":true}}`,
  ],
  [chat, '{"stream":true}', undefined],
  [chat, '{"stream":"no"}', undefined],
  [chat, '{"x":1,"stream_options":{"include_usage":true}}', undefined],
  [chat, '{"best_of":2}', undefined],
  [chat, '{"modalities":["audio"]}', undefined],
  [
    chat,
    '{"best_of":null,"echo":false,"audio":{}}',
    `{"best_of":null,"echo":false,"audio":{},"stream":true,${usage}}`,
  ],
  [chat, '{}', undefined],
  [chat, '[1]', undefined],
  [chat, '{"a":1', undefined],
  ['/v1/completions', '{"best_of":1}', undefined],
  ['/v1/responses', '{"input":"a"}', '{"input":"a","stream":true}'],
  ['/v1/responses', '{"background":true}', undefined],
  ['/v1/messages', '{"max_tokens":1}', '{"max_tokens":1,"stream":true}'],
  ['/api/chat', '{"stream":false}', '{"stream":true}'],
  ['/api/generate', '{"prompt":"a"}', undefined],
  ['/api/generate', '{"stream":null}', undefined],
]

describe('a body that asks for a stream in place of its client', () => {
  for (const [path, body, sent] of bodies) {
    it(`of ${path} ${body}`, () => {
      const form = answerFormOf('POST', path)?.assembly ?? assert.fail('no assembly')
      assert.equal(streamedBody(Buffer.from(body), form)?.toString(), sent)
    })
  }

  it('has no form for operations that generate no text', () => {
    for (const path of [
      '/v1/embeddings',
      '/v1/rerank',
      '/api/embed',
      '/api/embeddings',
      '/v1/responses/x/cancel',
    ]) {
      assert.notEqual(answerFormOf('POST', path)?.assembly?.owns(path), true, path)
    }
  })
})

describe('a refusal of a stream', () => {
  const cases: readonly (readonly [status: number, body: string, isKnown: boolean, refuses: boolean])[] = [
    [400, '{"error":"`stream` must be false"}', true, true],
    [404, '{"detail":"no route for streaming"}', true, true],
    [405, 'Streaming is off', true, true],
    [422, '{"detail":[{"loc":["body","stream_options"]}]}', true, true],
    [501, 'streaming not implemented', true, true],
    [400, '{"error":"bad temperature"}', true, false],
    [400, '{"error":"bad"}', false, true],
    [400, '{"error":{"message":"maximum context length is 10 tokens, but 20 were requested"}}', false, false],
    [404, '{"error":"model not found"}', false, false],
    [500, 'stream', true, false],
    [429, 'stream', true, false],
  ]
  for (const [statusCode, body, isKnown, refuses] of cases) {
    it(`${refuses ? 'is' : 'is not'} ${statusCode} ${body}${isKnown ? ' of an endpoint that streams' : ''}`, () => {
      assert.equal(refusesStreaming({ statusCode, headers: [] }, Buffer.from(body), isKnown), refuses)
    })
  }
})

describe('knowledge of streams', () => {
  const target = { endpoint: endpoint({ slot: 0 }), nativeModel: 'm' }
  const other = { endpoint: endpoint({ slot: 1 }), nativeModel: 'm' }

  it('needs a stream that has ended, per endpoint and path', () => {
    const knowledge = new StreamKnowledge('auto', new FakeClock())
    assert.equal(knowledge.mayApply, false)
    assert.equal(knowledge.asks(target, chat), false)
    knowledge.ended(target, chat)
    assert.equal(knowledge.mayApply, true)
    assert.equal(knowledge.asks(target, chat), true)
    assert.equal(knowledge.asks(target, '/v1/responses'), false)
    assert.equal(knowledge.asks(other, chat), false)
    knowledge.forget(target.endpoint)
    assert.equal(knowledge.asks(target, chat), false)
  })

  it('remembers a refusal, per model and path, for half an hour', async () => {
    const clock = new FakeClock()
    const knowledge = new StreamKnowledge('always', clock)
    assert.equal(knowledge.asks(target, chat), true)
    knowledge.refused(target, chat)
    assert.equal(knowledge.asks(target, chat), false)
    assert.equal(knowledge.asks({ ...target, nativeModel: 'n' }, chat), true)
    assert.equal(knowledge.asks(target, '/v1/responses'), true)
    assert.equal(knowledge.asks(other, chat), true)
    await clock.advance(1_800_000)
    assert.equal(knowledge.asks(target, chat), true)
  })

  it('is shared with other threads', () => {
    const [here, there] = [0, 1].map(() => new StreamKnowledge('auto', new FakeClock()))
    assert.ok(here !== undefined && there !== undefined)
    let facts = 0
    here.onLearned((fact) => {
      facts++
      there.take(fact, target.endpoint)
    })
    here.ended(target, chat)
    here.ended(target, chat)
    assert.equal(facts, 1)
    assert.equal(there.asks(target, chat), true)
    here.refused(target, chat)
    assert.equal(there.asks(target, chat), false)
  })

  it('is bounded', () => {
    const knowledge = new StreamKnowledge('auto', new FakeClock())
    for (let at = 0; at < 1_000; at++) knowledge.ended(target, `/${at}/v1/chat/completions`)
    assert.equal(knowledge.asks(target, '/0/v1/chat/completions'), true)
    assert.equal(knowledge.asks(target, '/999/v1/chat/completions'), false)
  })
})

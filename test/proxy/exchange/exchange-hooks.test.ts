import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RequestVariant } from '../../../src/dialects/variants/request-variant.ts'
import { headerValue } from '../../../src/http/headers/response-headers.ts'
import { GatewayError } from '../../../src/kernel/errors.ts'
import type { AnswerTransform } from '../../../src/kernel/stream/answer-transform.ts'
import type { RelayedAnswer } from '../../../src/proxy/contract/answer-observer.ts'
import type { RequestOutcome } from '../../../src/proxy/contract/outcome.ts'
import type { RoutedEndpoint } from '../../../src/routing/models/router.ts'
import { answerWith, createExchanges, type SentAttempt } from '../../support/exchange.ts'
import { eventually } from '../../support/simulator.ts'

const json = ['Content-Type', 'application/json']

function at(sent: readonly SentAttempt[], index: number): SentAttempt {
  const attempt = sent[index]
  assert.ok(attempt !== undefined, `attempt ${index}`)
  return attempt
}

/** Shouts, and says at the end how much it was given. */
function shouting(): AnswerTransform {
  let bytes = 0
  return {
    push(chunk) {
      bytes += chunk.length
      return Buffer.from(chunk.toString().toUpperCase())
    },
    end: () => Buffer.from(` ${bytes}`),
  }
}

describe('a variant of a request', () => {
  it('is built for each attempt and its endpoint, and sent', async (t) => {
    const { begin, sent } = createExchanges(t, [
      { name: 'foreign', priority: 2 },
      { name: 'native', priority: 1 },
    ])
    const asked: string[] = []
    const variant = ({ endpoint }: RoutedEndpoint): RequestVariant | undefined => {
      asked.push(endpoint.name)
      if (endpoint.name === 'native') return undefined
      return {
        path: '/v1/messages',
        query: '?beta=1',
        body: Buffer.from('{"other":1}'),
        headers: ['content-type', 'application/x-other', 'X-Extra', '1'],
        answer: () => undefined,
      }
    }
    const { answer, context } = await begin({ variant })
    const first = at(sent, 0).request
    assert.equal(first.path, '/v1/messages?beta=1')
    assert.equal(String(first.body), '{"other":1}')
    assert.equal(headerValue(first.headers, 'content-type'), 'application/x-other')
    assert.equal(headerValue(first.headers, 'x-extra'), '1')
    assert.equal(
      headerValue(first.headers, 'accept-encoding'),
      undefined,
      'an answer that is read is not compressed',
    )

    answerWith(at(sent, 0), 503, json, '{}')
    await eventually(() => sent.length === 2)
    const second = at(sent, 1).request
    assert.equal(second.path, '/v1/chat/completions')
    assert.equal(String(second.body), '{"model":"asked"}')
    assert.equal(headerValue(second.headers, 'accept-encoding'), 'gzip')
    answerWith(at(sent, 1), 200, [...json, 'Content-Length', '4'], 'fine')
    const response = await answer
    assert.equal(await response.text(), 'fine')
    assert.equal(response.headers.get('content-length'), '4')
    assert.equal(response.headers.get('x-olla-mode'), null)
    assert.deepEqual(asked, ['foreign', 'native'])
    assert.equal(context.endpoint, 'native')
  })

  it('converts the answer back: status, headers, bytes', async (t) => {
    const { begin, sent } = createExchanges(t, [{}])
    const variant = (): RequestVariant => ({
      path: '/v1/messages',
      query: '',
      body: null,
      mode: 'translated',
      answer: ({ statusCode }) => ({
        statusCode: statusCode === 200 ? 201 : statusCode,
        headers: ['Content-Type', 'text/plain'],
        transforms: [shouting(), shouting()],
      }),
    })
    const { answer, context } = await begin({ variant })
    answerWith(at(sent, 0), 200, [...json, 'Content-Length', '5'], 'he', 'llo')
    const response = await answer
    assert.equal(response.status, 201)
    assert.equal(response.headers.get('content-type'), 'text/plain')
    assert.equal(response.headers.get('content-length'), null)
    assert.equal(response.headers.get('x-olla-mode'), 'translated')
    assert.equal(await response.text(), 'HELLO 5 7')
    assert.deepEqual([context.status, context.outcome, context.responseBytes], [201, 'success', 9])
  })

  it('is answered with an error if it cannot be built, and holds no slot', async (t) => {
    const { begin, sent, cells } = createExchanges(t, [{}])
    const { failed, context } = await begin({
      variant: () => {
        throw new GatewayError('not_supported')
      },
    })
    assert.deepEqual([failed[0]?.code, context.outcome], ['not_supported', 'failure'])
    assert.deepEqual([sent.length, cells.inFlight.value(0)], [0, 0])
  })

  it('cannot leave the base path of an endpoint', async (t) => {
    const { begin, sent } = createExchanges(t, [{ basePath: '/base', preservePath: true }])
    const { failed } = await begin({ variant: () => ({ path: '/../admin', query: '', body: null }) })
    assert.deepEqual([failed[0]?.code, sent.length], ['invalid_path', 0])
  })
})

describe('an answer observer', () => {
  it("reads the endpoint's bytes and completes the context before the request is counted", async (t) => {
    const seen: string[] = []
    const ends: RequestOutcome[] = []
    const answers: RelayedAnswer[] = []
    const { begin, sent, services } = createExchanges(t, [{ name: 'box' }], {
      observe(answer) {
        answers.push(answer)
        return {
          push: (chunk) => void seen.push(chunk.toString()),
          end(outcome) {
            ends.push(outcome)
            answer.context.promptTokens = 7
          },
        }
      },
    })
    const variant = (): RequestVariant => ({
      path: '/',
      query: '',
      body: null,
      answer: () => ({ transforms: [shouting()] }),
    })
    const { answer } = await begin({ variant })
    answerWith(at(sent, 0), 200, json, 'a', 'b')
    assert.equal(await (await answer).text(), 'AB 2')
    assert.deepEqual(seen, ['a', 'b'])
    assert.deepEqual(ends, ['success'])
    assert.deepEqual(
      answers.map(({ target, head }) => [target.endpoint.name, head.statusCode]),
      [['box', 200]],
    )
    assert.equal(services.stats.totals().promptTokens, 7)
  })

  it('receives one error for a broken answer, and is not created for a request without an observer', async (t) => {
    const ends: RequestOutcome[] = []
    let made = 0
    const { begin, sent } = createExchanges(t, [{}], {
      observe() {
        made++
        return { push() {}, end: (outcome) => void ends.push(outcome) }
      },
    })
    const broken = await begin()
    at(sent, 0).attempt.onHeaders(200, json, () => {})
    at(sent, 0).attempt.onData(Buffer.from('{"choices":[{'))
    at(sent, 0).attempt.onError(new Error('gone'))
    await assert.rejects(broken.answer.then((response) => response.text()))
    assert.deepEqual([made, ends], [1, ['failure']])

    await begin()
    at(sent, 1).attempt.onError(new Error('gone'))
    assert.equal(made, 1)
  })
})

describe('affinity', () => {
  it('is consulted before the selector, and learns of an answer before its head is written', async (t) => {
    const told: string[] = []
    const asked: number[] = []
    const { begin, sent } = createExchanges(
      t,
      [
        { name: 'first', priority: 9 },
        { name: 'mine', priority: 1 },
      ],
      {
        affinity: {
          prefer(_request, candidates, excluded) {
            asked.push(excluded?.size ?? 0)
            return candidates.find(({ endpoint }) => endpoint.name === 'mine')
          },
          answered({ context }, { endpoint }, statusCode) {
            told.push(`${endpoint.name} ${statusCode}`)
            context.headers.push('X-Olla-Sticky-Session', 'hit')
          },
        },
      },
    )
    const good = await begin()
    assert.equal(at(sent, 0).attempt.target.endpoint.name, 'mine')
    assert.deepEqual(told, [])
    answerWith(at(sent, 0), 200, json, '{}')
    assert.equal((await good.answer).headers.get('x-olla-sticky-session'), 'hit')
    assert.deepEqual([asked, told], [[0], ['mine 200']])

    // The preferred one fails: it is not tried again although it is preferred, and affinity learns which one answers.
    const moved = await begin()
    answerWith(at(sent, 1), 503, json, '{}')
    await eventually(() => sent.length === 3)
    answerWith(at(sent, 2), 200, json, '{}')
    await (await moved.answer).text()
    assert.deepEqual([asked.slice(1), told.slice(1)], [[0, 1], ['first 200']])

    const bad = await begin()
    answerWith(at(sent, 3), 400, json, '{}')
    assert.equal((await bad.answer).status, 400)
    assert.equal(told.at(-1), 'mine 400')
  })

  it('skips an endpoint that cannot accept the request now', async (t) => {
    const { begin, sent, registry } = createExchanges(t, [{ name: 'first' }, { name: 'mine' }], {
      affinity: { prefer: (_request, candidates) => candidates[1], answered() {} },
    })
    registry.setStatus(1, 'unhealthy', '')
    await begin()
    assert.equal(at(sent, 0).attempt.target.endpoint.name, 'first')
  })
})

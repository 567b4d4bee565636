import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { type Beginning, beginnings } from '../../support/beginnings.ts'
import { answerWith, createExchanges, type SentAttempt } from '../../support/exchange.ts'

const cutOff = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })

function exchangesFor(t: TestContext, form: Beginning, names: readonly string[], request = form.request) {
  const exchanges = createExchanges(
    t,
    names.map((name) => ({ name })),
  )
  const { path, dialect } = form
  const body = Buffer.from(JSON.stringify(request))
  const begin = () => exchanges.begin({ path, body }, exchanges.services, dialect)
  return { ...exchanges, begin, headers: ['Content-Type', form.type] }
}

/** Ways in which a stream fails before its first content. */
const faults: Readonly<
  Record<string, (form: Beginning, headers: readonly string[], sent: SentAttempt) => void>
> = {
  'an error event': (form, headers, sent) => answerWith(sent, 200, headers, ...form.idle, form.error),
  'an error event after pings': (form, headers, sent) =>
    answerWith(sent, 200, headers, form.ping, ...form.idle, form.ping, form.error),
  'a reset': (form, headers, { attempt }) => {
    attempt.onHeaders(200, headers, () => {})
    for (const each of form.idle) attempt.onData(Buffer.from(each))
    attempt.onError(cutOff)
  },
  'a clean end too early': (form, headers, sent) => answerWith(sent, 200, headers, ...form.idle),
  'pings, then a reset': (form, headers, { attempt }) => {
    attempt.onHeaders(200, headers, () => {})
    for (let each = 0; each < 3; each++) attempt.onData(Buffer.from(form.ping))
    attempt.onError(cutOff)
  },
  nothing: (_form, headers, sent) => answerWith(sent, 200, headers),
  'an answer without content': (form, headers, sent) =>
    answerWith(sent, 200, headers, ...form.idle, form.end),
  'an answer without content in one chunk': (form, headers, sent) =>
    answerWith(sent, 200, headers, form.idle.join('') + form.end),
}

describe('a stream that fails before its first content', () => {
  for (const form of beginnings) {
    for (const [name, fail] of Object.entries(faults)) {
      it(`is answered by another endpoint: ${form.name}, ${name}`, async (t) => {
        const { sent, begin, headers, clock } = exchangesFor(t, form, ['a', 'b'])
        const { answer, context } = await begin()
        fail(form, headers, sent[0] ?? assert.fail())
        await clock.advance(0)
        assert.equal(context.status, undefined, 'the client has a head')
        const good = [...form.idle, ...form.content.slice(0, 1), form.end]
        answerWith(sent[1] ?? assert.fail('b was not tried'), 200, headers, ...good)
        const response = await answer
        assert.equal(await response.text(), good.join(''))
        assert.equal(response.headers.get('x-olla-endpoint'), 'b')
        assert.equal(context.outcome, 'success')
        assert.equal(context.attempts.length, 1)
        assert.notEqual(context.attempts[0]?.reason ?? '', '')
      })
    }
  }
})

describe('a stream of which the client gets the start', () => {
  for (const form of beginnings) {
    it(`is sent from its first content on: ${form.name}`, async (t) => {
      for (const content of form.content) {
        const { sent, begin, headers } = exchangesFor(t, form, ['a', 'b'])
        const { context } = await begin()
        const { attempt } = sent[0] ?? assert.fail()
        attempt.onHeaders(200, headers, () => {})
        for (const each of [...form.idle, form.ping]) attempt.onData(Buffer.from(each))
        assert.equal(context.status, undefined, content)
        attempt.onData(Buffer.from(content))
        assert.equal(context.status, 200, content)
        attempt.onData(Buffer.from(form.end))
        attempt.onComplete()
        assert.equal(context.outcome, 'success')
      }
    })

    it(`is sent as it is when its end has a reason: ${form.name}`, async (t) => {
      const { sent, begin, headers } = exchangesFor(t, form, ['a', 'b'])
      const { answer } = await begin()
      answerWith(sent[0] ?? assert.fail(), 200, headers, ...form.idle, form.atLimit)
      assert.equal(await (await answer).text(), form.idle.join('') + form.atLimit)
      assert.equal(sent.length, 1)
    })

    it(`is sent after the time limit: ${form.name}`, async (t) => {
      const { sent, begin, headers, clock } = exchangesFor(t, form, ['a', 'b'])
      const { context } = await begin()
      const { attempt } = sent[0] ?? assert.fail()
      attempt.onHeaders(200, headers, () => {})
      attempt.onData(Buffer.from(form.idle.join('')))
      await clock.advance(9_900)
      assert.equal(context.status, undefined)
      await clock.advance(200)
      assert.equal(context.status, 200)
      attempt.onData(Buffer.from((form.content[0] ?? '') + form.end))
      attempt.onComplete()
      assert.equal(context.outcome, 'success')
    })
  }
})

describe('an answer without content', () => {
  for (const form of beginnings) {
    const empty = [...form.idle, form.end]

    it(`is sent if no other endpoint exists: ${form.name}`, async (t) => {
      const { sent, begin, headers } = exchangesFor(t, form, ['a'])
      const { answer, context } = await begin()
      answerWith(sent[0] ?? assert.fail(), 200, headers, ...empty)
      assert.equal(await (await answer).text(), empty.join(''))
      assert.equal(context.outcome, 'success')
      assert.deepEqual(context.attempts, [])
    })

    it(`leads to one more attempt only: ${form.name}`, async (t) => {
      const { sent, begin, headers, services } = exchangesFor(t, form, ['a', 'b', 'c'])
      const settled = t.mock.method(services.breakers, 'settle')
      const { answer, context } = await begin()
      for (const at of [0, 1]) {
        answerWith(sent[at] ?? assert.fail(), 200, headers, ...empty)
        await Promise.resolve()
      }
      const response = await answer
      assert.equal(response.status, 200)
      assert.equal(await response.text(), empty.join(''))
      assert.equal(sent.length, 2)
      assert.equal(context.outcome, 'success')
      // Both gave the same answer, so neither is at fault.
      assert.equal(settled.mock.callCount(), 0)
    })

    it(`is better than the failure of the next endpoint: ${form.name}`, async (t) => {
      const { sent, begin, headers } = exchangesFor(t, form, ['a', 'b'])
      const { answer, context } = await begin()
      answerWith(sent[0] ?? assert.fail(), 200, headers, ...empty)
      await Promise.resolve()
      answerWith(sent[1] ?? assert.fail(), 503, ['Content-Type', 'application/json'], '{"error":"busy"}')
      const response = await answer
      assert.equal(response.status, 200)
      assert.equal(response.headers.get('x-olla-endpoint'), 'a')
      assert.equal(await response.text(), empty.join(''))
      assert.equal(context.outcome, 'success')
    })

    it(`is sent if the request explains it: ${form.name}`, async (t) => {
      const { request } = form
      for (const more of [
        { max_tokens: 1 },
        { max_tokens: 0 },
        { max_output_tokens: 1 },
        { stop: '\n' },
        { stop_sequences: ['.'] },
        { options: { num_predict: 1 } },
        { options: { stop: ['a'] } },
        { generate: false },
      ]) {
        const { sent, begin, headers } = exchangesFor(t, form, ['a', 'b'], { ...request, ...more })
        const { answer } = await begin()
        answerWith(sent[0] ?? assert.fail(), 200, headers, ...empty)
        assert.equal(await (await answer).text(), empty.join(''), JSON.stringify(more))
        assert.equal(sent.length, 1)
      }
    })
  }

  it('counts against its endpoint when another one has content', async (t) => {
    const [form = assert.fail()] = beginnings
    const { sent, begin, headers, services } = exchangesFor(t, form, ['a', 'b'])
    const settled = t.mock.method(services.breakers, 'settle')
    await begin()
    answerWith(sent[0] ?? assert.fail(), 200, headers, ...form.idle, form.end)
    await Promise.resolve()
    assert.equal(settled.mock.callCount(), 0)
    answerWith(sent[1] ?? assert.fail(), 200, headers, ...form.content.slice(0, 1), form.end)
    const kinds = settled.mock.calls.map((call) => [call.arguments[0].endpoint.slot, call.arguments[2].kind])
    assert.deepEqual(kinds.sort(), [
      [0, 'bad_answer'],
      [1, 'answered'],
    ])
  })
})

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { classifyFailure } from '../../../src/endpoints/connections/failure.ts'
import { Shortages } from '../../../src/endpoints/connections/shortages.ts'
import { answerWith, createExchanges } from '../../support/exchange.ts'
import { FakeClock } from '../../support/fake-clock.ts'

const settled = () => new Promise<void>((resolve) => setImmediate(resolve))
const ok = ['Content-Type', 'application/json', 'Content-Length', '2']
const coded = (code: string) => Object.assign(new Error(code), { code })

describe('Shortages', () => {
  it('treats an unknown host name as a shortage only right after one', async () => {
    const clock = new FakeClock()
    const shortages = new Shortages(clock)
    const dns = classifyFailure(coded('ENOTFOUND'))
    assert.equal(shortages.explain(dns).kind, 'dns')
    shortages.explain(classifyFailure(coded('EMFILE')))
    assert.equal(shortages.explain(dns).kind, 'shortage')
    await clock.advance(1_001)
    assert.equal(shortages.explain(dns).kind, 'dns')
  })

  it('reports each connection that could not be opened, and no other failure', () => {
    let counted = 0
    const told: string[] = []
    const shortages = new Shortages(new FakeClock(), () => counted++)
    shortages.onShortage((resource) => told.push(resource))
    for (const code of ['EMFILE', 'EADDRNOTAVAIL', 'ECONNREFUSED', 'ECONNRESET'])
      shortages.explain(classifyFailure(coded(code)))
    assert.deepEqual(told, ['file descriptors', 'local ports'])
    assert.equal(counted, 2)
  })
})

describe('a request without a connection for lack of resources', () => {
  for (const code of ['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM', 'EADDRNOTAVAIL', 'EAGAIN']) {
    it(`is served once a connection is available, without a failure of the endpoint: ${code}`, async (t) => {
      const { candidates, sent, services, load, begin, failAll } = create(t)
      const { answer, context } = await begin()
      await failAll(code, 6)
      answerWith(sent.at(-1) ?? assert.fail('nothing was sent'), 200, ok, '{}')
      assert.equal((await answer).status, 200)
      for (const candidate of candidates) {
        assert.equal(services.breakers.get(candidate.endpoint.slot).state, 'closed')
        assert.equal(load.penalties.of(candidate), 0)
        assert.equal(services.stats.endpoint(candidate.endpoint.slot).failures, 0)
      }
      assert.equal(context.outcome, 'success')
    })
  }

  it('gets 503 with Retry-After after three seconds', async (t) => {
    const { sent, clock, begin, failAll } = create(t)
    const { failed } = await begin()
    const beganMs = clock.monotonicMs()
    await failAll('EMFILE', 100)
    assert.ok(sent.length > 6 && sent.length < 40, `${sent.length} tries`)
    const [error] = failed
    assert.equal(error?.code, 'out_of_resources')
    assert.equal(error?.retryAfterSeconds, 1)
    assert.match(error?.message ?? '', /^The gateway is out of file descriptors: /)
    assert.ok(clock.monotonicMs() - beganMs <= 10_000)
  })

  it('goes to a reachable endpoint', async (t) => {
    const { sent, begin } = create(t)
    const { answer } = await begin()
    sent[0]?.attempt.onError(coded('EADDRNOTAVAIL'))
    await settled()
    assert.notEqual(sent[1]?.attempt.target.endpoint.slot, sent[0]?.attempt.target.endpoint.slot)
    answerWith(sent[1] ?? assert.fail('not sent'), 200, ok, '{}')
    assert.equal((await answer).status, 200)
  })

  it('reports the shortage when another endpoint fails for its own reasons', async (t) => {
    const { sent, clock, begin } = create(t)
    const { failed } = await begin()
    for (let at = 0; at < sent.length && at < 100; at++) {
      const { attempt } = sent[at] ?? assert.fail()
      attempt.onError(coded(attempt.target.endpoint.slot === 0 ? 'EMFILE' : 'ECONNREFUSED'))
      await settled()
      for (let ms = 0; sent.length === at + 1 && ms < 8_000; ms += 50) await clock.advance(50)
    }
    assert.equal(failed[0]?.code, 'out_of_resources')
  })
})

function create(t: TestContext) {
  const created = createExchanges(t, [{}, {}])
  const { sent, clock } = created
  /** Lets each attempt fail until none follows, at most so many. */
  async function failAll(code: string, most: number) {
    for (let at = 0; at < most && at < sent.length; at++) {
      sent[at]?.attempt.onError(coded(code))
      await settled()
      for (let ms = 0; sent.length === at + 1 && ms < 2_000; ms += 50) await clock.advance(50)
    }
  }
  return { ...created, failAll }
}

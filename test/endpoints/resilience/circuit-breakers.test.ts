import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { CircuitBreakers } from '../../../src/endpoints/resilience/circuit-breakers.ts'
import { circuitCells } from '../../../src/endpoints/resilience/circuit-cells.ts'
import { type AttemptResult, countedFailure } from '../../../src/endpoints/resilience/counted-failure.ts'
import { ModelStates } from '../../../src/endpoints/resilience/model-states.ts'
import { endpoint } from '../../observe/stats/fixtures.ts'
import { createRegistry, delivered } from '../../support/registry.ts'

const policy = {
  enabled: true,
  failureThreshold: 5,
  openDurationMs: 1,
  trialTimeoutMs: 1,
  failureStatuses: new Set([500, 503]),
  connectionErrors: true,
  timeouts: true,
  slowFirstByteMs: 2000,
}

describe('what a circuit breaker counts', () => {
  const cases: [AttemptResult, 'connection' | 'answer' | undefined][] = [
    [{ kind: 'answered', statusCode: 200, firstByteMs: 10 }, undefined],
    [{ kind: 'answered', statusCode: 404, firstByteMs: 10 }, undefined],
    [{ kind: 'answered', statusCode: 500, firstByteMs: 10 }, 'answer'],
    [{ kind: 'answered', statusCode: 200, firstByteMs: 2001 }, 'answer'],
    [{ kind: 'status', statusCode: 503 }, 'answer'],
    [{ kind: 'status', statusCode: 429 }, undefined],
    [{ kind: 'refused' }, 'connection'],
    [{ kind: 'reset' }, 'connection'],
    [{ kind: 'connect_timeout' }, 'connection'],
    [{ kind: 'first_byte_timeout' }, 'answer'],
    [{ kind: 'idle_timeout' }, 'answer'],
    [{ kind: 'total_timeout' }, undefined],
  ]
  for (const [result, source] of cases) {
    it(`${JSON.stringify(result)} counts as ${source ?? 'nothing'}`, () => {
      assert.equal(countedFailure(policy, result)?.source, source)
    })
  }

  it('omits what is disabled', () => {
    const lenient = { ...policy, connectionErrors: false, timeouts: false, slowFirstByteMs: 0 }
    assert.equal(countedFailure(lenient, { kind: 'refused' }), undefined)
    assert.equal(countedFailure(lenient, { kind: 'idle_timeout' }), undefined)
    assert.equal(countedFailure(lenient, { kind: 'answered', statusCode: 200, firstByteMs: 9999 }), undefined)
  })
})

describe('CircuitBreakers', () => {
  function create() {
    const { state, clock, events, registry, transitions } = createRegistry([
      endpoint({ slot: 0, name: 'a' }),
      endpoint({ slot: 1, name: 'b' }),
    ])
    return {
      clock,
      transitions,
      breakers: new CircuitBreakers(registry, state.of(circuitCells).endpoints, { clock, events }),
    }
  }

  it('keeps one per endpoint, and reports its transitions by name', async () => {
    const { breakers, clock, transitions } = create()
    for (let failure = 0; failure < 5; failure++)
      breakers.settle({ endpoint: { slot: 1 } }, 'closed', { kind: 'refused' })
    assert.deepEqual([breakers.get(0).state, breakers.get(1).state], ['closed', 'open'])
    assert.match(breakers.get(1).snapshot().reason, /connection refused/)
    await clock.advance(30_000)
    breakers.settle({ endpoint: { slot: 1 } }, breakers.get(1).acquire(), {
      kind: 'answered',
      statusCode: 404,
      firstByteMs: 1,
    })
    await delivered()
    assert.deepEqual(transitions, ['b: closed > open', 'b: open > half_open', 'b: half_open > closed'])
    assert.throws(() => breakers.get(2), RangeError)
  })

  it('does not count an answer that the policy omits, and a success resets the count', () => {
    const { breakers } = create()
    const fail = () =>
      breakers.settle({ endpoint: { slot: 0 } }, 'closed', { kind: 'status', statusCode: 500 })
    for (let failure = 0; failure < 4; failure++) fail()
    breakers.settle({ endpoint: { slot: 0 } }, 'closed', { kind: 'status', statusCode: 429 })
    assert.equal(breakers.get(0).snapshot().consecutiveFailures, 4)
    breakers.settle({ endpoint: { slot: 0 } }, 'closed', {
      kind: 'answered',
      statusCode: 200,
      firstByteMs: 1,
    })
    for (let failure = 0; failure < 4; failure++) fail()
    assert.equal(breakers.get(0).state, 'closed')
    fail()
    assert.equal(breakers.get(0).state, 'open')
  })

  it('passes the trial on if its outcome says nothing about the endpoint', async () => {
    const { breakers, clock } = create()
    for (let failure = 0; failure < 5; failure++)
      breakers.settle({ endpoint: { slot: 0 } }, 'closed', { kind: 'refused' })
    await clock.advance(30_000)
    for (const result of [{ kind: 'status', statusCode: 429 }, { kind: 'total_timeout' }] as const) {
      const trial = breakers.get(0).acquire()
      assert.equal(breakers.get(0).acquire(), 'refused')
      breakers.settle({ endpoint: { slot: 0 } }, trial, result)
      assert.equal(breakers.get(0).state, 'half_open')
      assert.ok(breakers.get(0).wouldAdmit())
    }
  })
})

describe('circuits of models', () => {
  function create(hasAnswered = false) {
    const { state, clock, events, registry } = createRegistry([
      endpoint({ slot: 0, name: 'a' }),
      endpoint({ slot: 1, name: 'b' }),
    ])
    const models = new ModelStates(state.of(circuitCells).models, clock)
    const told: string[] = []
    events.subscribe(({ type, data }) => {
      if (type === 'model.transition') told.push(`${data.model}: ${data.from} > ${data.to}`)
    })
    const breakers = new CircuitBreakers(registry, state.of(circuitCells).endpoints, {
      clock,
      events,
      models,
      hasAnsweredSince: () => hasAnswered,
    })
    const at = (nativeModel?: string, slot = 0) => ({ endpoint: { slot }, nativeModel })
    const failing = (target: ReturnType<typeof at>, result: AttemptResult, times = 5) => {
      for (let failure = 0; failure < times; failure++) breakers.settle(target, 'closed', result)
    }
    return { clock, breakers, models, told, at, failing }
  }
  const broken: AttemptResult = { kind: 'status', statusCode: 500 }
  const good: AttemptResult = { kind: 'answered', statusCode: 200, firstByteMs: 1 }

  it('open individually: other models of the endpoint, and the model elsewhere, are served', async () => {
    const { breakers, told, at, failing } = create()
    failing(at('broken'), broken)
    assert.deepEqual(
      [at('broken'), at('good'), at(), at('broken', 1)].map((each) => breakers.wouldAdmit(each)),
      [false, true, true, true],
    )
    assert.equal(breakers.acquire(at('broken')), 'refused')
    assert.equal(breakers.get(0).state, 'closed')
    assert.deepEqual(
      breakers.models(0).map(({ model, circuit }) => [model, circuit.state]),
      [['broken', 'open']],
    )
    await delivered()
    assert.deepEqual(told, ['broken: closed > open'])
  })

  it('are not closed by answers to other models, and close by their own trial', async () => {
    const { clock, breakers, at, failing } = create()
    failing(at('broken'), broken)
    breakers.settle(at('good'), 'closed', good)
    assert.equal(breakers.wouldAdmit(at('broken')), false)
    await clock.advance(30_000)
    assert.ok(breakers.isTrialDue(at('broken')))
    const trial = breakers.acquire(at('broken'))
    assert.equal(breakers.acquire(at('broken')), 'refused')
    assert.equal(breakers.acquire(at('good')), 'closed')
    breakers.settle(at('broken'), trial, good)
    assert.deepEqual(breakers.models(0), [])
    assert.equal(breakers.acquire(at('broken')), 'closed')
  })

  it('open the endpoint’s circuit if two of its models fail and nothing is answered', () => {
    const { breakers, at, failing } = create()
    failing(at('a'), broken)
    assert.equal(breakers.get(0).state, 'closed')
    failing(at('b'), broken)
    assert.equal(breakers.get(0).state, 'open')
    assert.equal(breakers.wouldAdmit(at('c')), false)
  })

  it('do not open it if the endpoint has answered recently, however many they are', () => {
    const { breakers, at, failing } = create(true)
    for (const model of ['a', 'b', 'c']) failing(at(model), broken)
    assert.equal(breakers.get(0).state, 'closed')
  })

  it('leave transport failures to the endpoint’s circuit, for all its models', () => {
    const { breakers, at, failing } = create()
    failing(at('a'), { kind: 'refused' }, 3)
    failing(at('b'), { kind: 'refused' }, 2)
    assert.equal(breakers.get(0).state, 'open')
    assert.deepEqual(breakers.models(0), [])
  })

  it("are the endpoint's own if it has one model only", () => {
    const { breakers, models, at, failing } = create()
    models.countModels = () => 1
    failing(at('only'), broken)
    assert.equal(breakers.get(0).state, 'open')
  })

  it('close at once if a request that bypassed them is answered', () => {
    const { breakers, at, failing } = create()
    failing(at('a'), broken)
    failing(at('b'), broken)
    breakers.settle(at('a'), 'forced', good)
    assert.deepEqual(
      [breakers.get(0).state, breakers.wouldAdmit(at('a')), breakers.wouldAdmit(at('b'))],
      ['closed', true, false],
    )
  })

  it('return the trial of an unreachable endpoint as a success when it answers, even with an error', async () => {
    const { clock, breakers, at, failing } = create()
    failing(at('a'), { kind: 'refused' })
    await clock.advance(30_000)
    breakers.settle(at('a'), breakers.acquire(at('a')), broken)
    assert.equal(breakers.get(0).state, 'closed')
  })

  it('count neither a missing path nor a client error', () => {
    const { breakers, at, failing } = create()
    for (const statusCode of [400, 404, 405, 413, 422, 501]) failing(at('a'), { kind: 'status', statusCode })
    failing(at('a'), { kind: 'path_missing', statusCode: 404 })
    assert.equal(breakers.wouldAdmit(at('a')), true)
    assert.deepEqual(breakers.models(0), [])
  })
})

import { setTimeout } from 'node:timers/promises'
import { eventually } from '../../support/simulator.ts'
import { act, ask, endpointOf, type LiveCase, rowOf, type Scene } from './live-case.ts'

/** Without a second endpoint that could answer. */
const alone = { model: 'only' }

const fails =
  (status: number) =>
  ({ first }: Scene) =>
    first.control.setFault({ kind: 'status', status })

function posts({ first }: Scene): number {
  return first.control.requests().filter(({ method }) => method === 'POST').length
}

/** Whether the circuit of the first endpoint opens by so many requests. */
async function circuitAfter(scene: Scene, requests: number, body: object = alone): Promise<string> {
  await act(scene, 'reset-circuit')
  for (let request = 0; request < requests; request++) await ask(scene, { ...body })
  const { breaker, models_out: models = [] } = await rowOf(scene)
  return breaker.state === 'open' || models.length > 0 ? 'open' : 'closed'
}

const breaker = (settings: Record<string, unknown>) => ({
  proxy: {
    load_balancer: 'priority',
    max_retries: 0,
    outage_wait: 0,
    circuit_breaker: { failure_threshold: 2, ...settings },
  },
})

async function hangs({ first }: Scene) {
  await first.control.setFault({ kind: 'hang' })
}

/** Opens the circuit of the first endpoint, which is well again afterwards, or answers after a while. */
async function openCircuit(scene: Scene, delayMs = 0): Promise<void> {
  await scene.first.control.clearFaults()
  await scene.first.control.setFault({ kind: 'status', status: 500 })
  await circuitAfter(scene, 2, {})
  await scene.first.control.clearFaults()
  if (delayMs > 0) await scene.first.control.setFault({ kind: 'delay', delayMs })
}

/** Whether requests return to the first endpoint soon after its circuit has opened. */
async function returns(scene: Scene): Promise<string | null> {
  await openCircuit(scene)
  const deadlineMs = performance.now() + scene.patienceMs
  for (;;) {
    const endpoint = await endpointOf(scene)
    if (endpoint === 'first' || performance.now() > deadlineMs) return endpoint
  }
}

/** Where a request goes while the trial of the first endpoint is under way. */
async function besideTrial(scene: Scene): Promise<string | null> {
  await openCircuit(scene, 3_000)
  const before = posts(scene)
  const trial = new AbortController()
  await eventually(async () => {
    ask(scene, {}, { signal: trial.signal }).catch(() => {})
    await setTimeout(100)
    return posts(scene) > before
  })
  const endpoint = await endpointOf(scene)
  trial.abort()
  return endpoint
}

export const circuitCases: readonly LiveCase[] = [
  {
    key: 'proxy.circuit_breaker.enabled',
    before: breaker({ enabled: false }),
    after: breaker({ enabled: true }),
    arrange: fails(500),
    see: (scene) => circuitAfter(scene, 3),
    from: 'closed',
    to: 'open',
  },
  {
    key: 'proxy.circuit_breaker.failure_threshold',
    before: breaker({ failure_threshold: 50 }),
    after: breaker({ failure_threshold: 2 }),
    arrange: fails(500),
    see: (scene) => circuitAfter(scene, 3),
    from: 'closed',
    to: 'open',
  },
  {
    key: 'proxy.circuit_breaker.failure_statuses',
    before: breaker({ failure_statuses: [500] }),
    after: breaker({ failure_statuses: [418] }),
    arrange: fails(418),
    see: (scene) => circuitAfter(scene, 3),
    from: 'closed',
    to: 'open',
  },
  {
    key: 'proxy.circuit_breaker.connection_errors',
    before: breaker({ connection_errors: false }),
    after: breaker({ connection_errors: true }),
    arrange: ({ first }) => first.control.setFault({ kind: 'reset_before_headers' }),
    see: (scene) => circuitAfter(scene, 3),
    from: 'closed',
    to: 'open',
  },
  {
    key: 'proxy.circuit_breaker.timeouts',
    before: { proxy: { ...breaker({ timeouts: false }).proxy, response_header_timeout: '50ms' } },
    after: { proxy: { ...breaker({ timeouts: true }).proxy, response_header_timeout: '50ms' } },
    arrange: hangs,
    see: (scene) => circuitAfter(scene, 3),
    from: 'closed',
    to: 'open',
  },
  {
    key: 'proxy.circuit_breaker.slow_first_byte',
    before: breaker({ slow_first_byte: 0 }),
    after: breaker({ slow_first_byte: '20ms' }),
    arrange: ({ first }) => first.control.setFault({ kind: 'delay', delayMs: 100 }),
    see: (scene) => circuitAfter(scene, 3),
    from: 'closed',
    to: 'open',
  },
  {
    key: 'proxy.circuit_breaker.open_duration',
    before: breaker({ open_duration: '60s' }),
    after: breaker({ open_duration: '100ms' }),
    see: returns,
    from: 'second',
    to: 'first',
  },
  {
    key: 'proxy.circuit_breaker.trial_timeout',
    before: breaker({ open_duration: '50ms', trial_timeout: '60s' }),
    after: breaker({ open_duration: '50ms', trial_timeout: '20ms' }),
    see: besideTrial,
    from: 'second',
    to: 'first',
  },
]

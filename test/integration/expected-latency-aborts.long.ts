import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { SimulatorOptions } from '../../simulator/model.ts'
import type { Explanation } from '../../src/observe/explain/explanation.ts'
import { type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

const model = 'm'
const aborts = 1_000
const together = 50
const body = JSON.stringify({
  model,
  stream: true,
  messages: [{ role: 'user', content: 'some words '.repeat(300) }],
})

function send({ url }: RunningGateway, signal: AbortSignal): Promise<Response> {
  return fetch(`${url}/v1/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body,
    signal,
  })
}

/** @returns requests at the endpoint, and the time that a request would wait for prompts that have no first token */
async function waits({ url }: RunningGateway): Promise<(number | undefined)[]> {
  const response = await fetch(`${url}/internal/explain`, { method: 'POST', body })
  const { endpoints } = (await response.json()) as Explanation
  return endpoints.flatMap(({ in_flight, estimate }) => [in_flight, estimate?.waiting_ms])
}

interface Phase {
  readonly name: string
  readonly engine: Partial<SimulatorOptions>
  readonly maxConcurrent: number
  /** Whether the answers have begun when the clients leave. */
  readonly isAnswered: boolean
}

const phases: readonly Phase[] = [
  {
    name: 'in the waiting line',
    engine: { timeToFirstTokenMs: 600_000 },
    maxConcurrent: 1,
    isAnswered: false,
  },
  {
    name: 'before the first token',
    engine: { timeToFirstTokenMs: 600_000 },
    maxConcurrent: 0,
    isAnswered: false,
  },
  { name: 'in the stream', engine: { tokensPerSecond: 1 }, maxConcurrent: 0, isAnswered: true },
]

describe('expected-latency after 1,000 clients have left', () => {
  for (const { name, engine, maxConcurrent, isAnswered } of phases) {
    it(name, { timeout: 120_000 }, async (t) => {
      const simulator = await withSimulator(t, { kind: 'vllm', name: 'e', models: [model], ...engine })
      const gateway = await startGateway(
        t,
        [{ url: simulator.url, name: 'e', type: 'vllm', max_concurrent: maxConcurrent }],
        { proxy: { load_balancer: 'expected-latency' } },
      )
      for (let sent = 0; sent < aborts; sent += together) {
        const controller = new AbortController()
        const answers = Array.from({ length: together }, () => send(gateway, controller.signal))
        if (isAnswered) for (const { status } of await Promise.all(answers)) assert.equal(status, 200)
        else await eventually(() => simulator.control.counters().inFlight === (maxConcurrent || together))
        controller.abort()
        for (const { status } of await Promise.allSettled(isAnswered ? [] : answers))
          assert.equal(status, 'rejected')
        await eventually(() => simulator.control.counters().inFlight === 0)
      }
      await eventually(async () => {
        const [inFlight, waitingMs] = await waits(gateway)
        return inFlight === 0 && waitingMs === 0
      })
    })
  }
})

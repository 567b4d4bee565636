import type { TestContext } from 'node:test'
import type { SimulatorOptions } from '../../simulator/model.ts'
import type { SimulatorRequest } from '../../simulator/request.ts'
import { type Simulator, startSimulator } from '../../simulator/server.ts'

/** A fast simulator that ends with the test. */
export async function withSimulator(t: TestContext, options: SimulatorOptions): Promise<Simulator> {
  const simulator = await startSimulator({ tokensPerSecond: 0, timeToFirstTokenMs: 0, ...options })
  t.after(() => simulator.close())
  return simulator
}

/** Waits until something is so, looking again and again; fails loudly if it never is. */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  { timeoutMs = 60_000, intervalMs = 5 }: { timeoutMs?: number; intervalMs?: number } = {},
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadlineMs) throw new Error(`not so after ${timeoutMs} ms: ${condition}`)
    await new Promise((resolve) => setTimeout(resolve, intervalMs))
  }
}

/** The last request but for those that the gateway makes when it likes: probes and lists of models. */
export function lastPost({ control }: Pick<Simulator, 'control'>): SimulatorRequest | undefined {
  return control.requests().findLast(({ method }) => method === 'POST')
}

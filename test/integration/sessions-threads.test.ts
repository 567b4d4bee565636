import assert from 'node:assert/strict'
import { Agent, request } from 'node:http'
import { it } from 'node:test'
import { pino } from 'pino'
import { whyNoSharedPort } from '../../src/app/port-checks.ts'
import { serveOnThreads } from '../../src/app/serving-threads.ts'
import { parseConfig } from '../../src/config/load.ts'
import { eventually, withSimulator } from '../support/simulator.ts'

const whyNot = await whyNoSharedPort('127.0.0.1')

interface Told {
  readonly endpoint: unknown
  readonly outcome: unknown
}

/** Over a connection of its own, so that any thread may get it. */
function ask(port: string, messages: readonly object[]): Promise<Told> {
  return new Promise((resolve, reject) => {
    const body = JSON.stringify({ model: 'm', max_tokens: 2, messages })
    const sent = request(
      {
        port,
        host: '127.0.0.1',
        path: '/v1/chat/completions',
        method: 'POST',
        agent: new Agent({ keepAlive: false }),
        headers: { 'content-type': 'application/json' },
      },
      (response) => {
        const { headers } = response
        response.resume()
        response.on('end', () =>
          resolve({ endpoint: headers['x-olla-endpoint'], outcome: headers['x-olla-sticky-session'] }),
        )
      },
    )
    sent.on('error', reject)
    sent.end(body)
  })
}

it('the turns of a conversation find their endpoint on any thread', {
  skip: whyNot,
}, async (t) => {
  const simulators = await Promise.all(
    ['one', 'two', 'three'].map((name) => withSimulator(t, { kind: 'vllm', name, models: ['m'] })),
  )
  const config = parseConfig({
    server: { host: '127.0.0.1', port: 0, threads: 2, shutdown_timeout: '2s' },
    proxy: { sticky_sessions: { enabled: true, key_sources: ['prefix_hash'] } },
    discovery: {
      static: { endpoints: simulators.map(({ name, url }) => ({ name, url, type: 'vllm' })) },
    },
  })
  const gateway = await serveOnThreads(2, {
    config,
    logger: pino({ level: 'silent' }),
    writeLines: () => {},
  })
  t.after(() => gateway.close())
  const port = new URL(gateway.address).port
  const stats = async () =>
    (await (await fetch(`http://127.0.0.1:${port}/internal/stats/sticky`)).json()) as Record<string, number>
  await eventually(
    async () => (await ask(port, [{ role: 'user', content: 'ready?' }])).endpoint !== undefined,
  )
  const before = await stats()
  for (let conversation = 0; conversation < 6; conversation++) {
    const messages = [{ role: 'user', content: `hello ${conversation}` }]
    const { endpoint } = await ask(port, messages)
    for (let turn = 0; turn < 5; turn++) {
      messages.push({ role: 'assistant', content: `${turn}` }, { role: 'user', content: 'go on' })
      assert.deepEqual(await ask(port, messages), { endpoint, outcome: 'hit' })
    }
  }
  const after = await stats()
  assert.equal((after.hits ?? 0) - (before.hits ?? 0), 30)
  assert.equal((after.misses ?? 0) - (before.misses ?? 0), 6)
})

import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { bearer, callersSecret, configuredKey } from '../support/callers.ts'
import { chatBody, postChat, type RunningGateway, startGateway, testThreads } from '../support/gateway.ts'
import { burn, occupyLoop } from '../support/occupy-loop.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'
import { eventually } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const answer = {
  id: 'x',
  choices: [{ index: 0, message: { role: 'assistant', content: 'hi' }, finish_reason: 'stop' }],
}
const never = { low_delay: 0, normal_delay: 0, high_delay: 0 }

/** Blocks the event loop of every serving thread until the returned function is called. */
function occupy(t: TestContext, { link }: RunningGateway): () => void {
  const tell = (isBusy: boolean) => {
    for (let thread = 0; thread < testThreads; thread++) link?.send(thread, 'test.occupy', isBusy)
  }
  if (link !== undefined) tell(true)
  const end = link === undefined ? occupyLoop() : () => tell(false)
  t.after(end)
  return end
}

async function start(t: TestContext, proxy: Readonly<Record<string, unknown>>, server = {}) {
  const endpoint = await startScriptedEndpoint(t, ['m'], () => ({ body: answer }))
  const keys = (['low', 'normal', 'high'] as const).map((priority) =>
    configuredKey(priority, { policy: { priority } }),
  )
  const endpoints = [{ url: endpoint.url, check_interval: '60s', check_timeout: '30s' }]
  const callers = { secret: callersSecret, keys: keys.map(({ entry }) => entry) }
  const sections = (overload: Readonly<Record<string, unknown>>) => ({
    callers,
    proxy,
    server: { overload, ...server },
  })
  const gateway = await startGateway(t, endpoints, sections(never))
  const served = { count: 0 }
  const send = async (name: string, path = '/v1/chat/completions') => {
    const key = keys.find(({ entry }) => entry.name === name)?.key ?? assert.fail(name)
    const response = await fetch(`${gateway.url}${path}`, {
      method: 'POST',
      headers: bearer(key),
      body: chatBody({ max_tokens: 1 }),
    })
    const text = await response.text()
    if (response.status === 200) served.count++
    return { response, text }
  }
  const statusOf = async (name: string) => (await send(name)).response.status
  const overload = async () => {
    const response = await fetch(`${gateway.url}/internal/status`)
    const { overload } = (await response.json()) as { overload: { level: number; refuses: string[] } }
    return overload
  }
  const reload = (changed: Readonly<Record<string, unknown>>) => gateway.reload(endpoints, sections(changed))
  return { gateway, endpoint, served, send, statusOf, overload, reload }
}

for (const engine of engines) {
  for (const http_server of ['own', 'node']) {
    describe(`an overloaded gateway with ${engine} and the ${http_server} server`, () => {
      it('refuses the lowest priority first, before the endpoint sees it, and recovers', async (t) => {
        const { gateway, endpoint, served, send, statusOf, overload, reload } = await start(
          t,
          engineOf(engine),
          {
            http_server,
          },
        )
        assert.equal(await statusOf('low'), 200)
        // Each thread decides for itself.
        const refused = async (name: string, path?: string) => {
          let found = await send(name, path)
          await eventually(async () => {
            if (found.response.status !== 503) found = await send(name, path)
            return found.response.status === 503
          })
          return found
        }
        const end = occupy(t, gateway)
        await reload({ ...never, low_delay: '10ms' })
        const { response, text } = await refused('low')
        assert.match(text, /"code":"overloaded"/)
        const after = response.headers.get('retry-after') ?? ''
        assert.match(after, /^\d+$/)
        assert.ok(Number(after) >= 1 && Number(after) <= 60, after)
        const asMessage = await refused('low', '/v1/messages')
        assert.match(asMessage.text, /"type":"overloaded_error"/)
        assert.equal(await statusOf('normal'), 200)
        assert.equal(await statusOf('high'), 200)
        assert.equal((await fetch(`${gateway.url}/internal/health`)).status, 200)
        const { level, refuses } = await overload()
        assert.equal(level, 1)
        assert.deepEqual(refuses, ['low'])
        const metrics = await (await fetch(`${gateway.url}/internal/metrics`)).text()
        assert.match(metrics, /^olla_overload_refusals_total\{priority="low"\} [1-9]/m)

        await reload({ ...never, normal_delay: '10ms' })
        await eventually(async () => (await statusOf('normal')) === 503)
        await refused('low')
        assert.equal(await statusOf('high'), 200)
        assert.equal(endpoint.calls.length, served.count)
        end()
        // A busy machine may always be late by a few milliseconds.
        await reload({ ...never, normal_delay: '1s' })
        await eventually(async () => (await overload()).level === 0)
        assert.equal(await statusOf('low'), 200)
      })
    })
  }
}

describe('ten times the load that can be served', { skip: testThreads > 1 && 'burns its own thread' }, () => {
  it('is refused in part, and routes of operators are answered', async (t) => {
    const endpoint = await startScriptedEndpoint(t, ['m'], () => ({ body: answer }))
    const gateway = await startGateway(
      t,
      [{ url: endpoint.url, check_interval: '60s', check_timeout: '30s' }],
      { server: { overload: { normal_delay: '50ms' } } },
      { gateway: { hooks: { onRoute: () => burn(10) } } },
    )
    const statuses: number[] = []
    const wrong: string[] = []
    // A turn with requests of all clients takes 600 ms.
    const client = async () => {
      for (let count = 0; count < 15; count++) {
        const response = await postChat(gateway.url)
        await response.text()
        statuses.push(response.status)
        if (response.status === 503 && !/^\d+$/.test(response.headers.get('retry-after') ?? ''))
          wrong.push(String(response.headers.get('retry-after')))
      }
    }
    const clients = Promise.all(Array.from({ length: 60 }, client))
    const paths = ['health', 'ready', 'status', 'status/endpoints', 'metrics', 'process']
    const monitored: number[] = []
    for (let round = 0; round < 3; round++)
      for (const path of paths) monitored.push((await fetch(`${gateway.url}/internal/${path}`)).status)
    await clients
    assert.deepEqual(
      monitored,
      monitored.map(() => 200),
    )
    const count = (status: number) => statuses.filter((each) => each === status).length
    assert.equal(count(200) + count(503), 900)
    assert.ok(count(503) > 0 && count(200) > 0, `${count(200)} served, ${count(503)} refused`)
    assert.deepEqual(wrong, [])
    assert.equal(endpoint.calls.length, count(200))
  })
})

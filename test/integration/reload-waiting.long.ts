/** Requests that wait for an endpoint while endpoints come and go. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

const kind = 'openai-compatible'

for (const engine of engines) {
  describe(`a request that waits with ${engine}`, () => {
    it('continues at the endpoint that replaces its only one', async (t) => {
      const { gateway, one, two, hold } = await full(t, engine)
      const { waiting, stream } = await hold(60)
      assert.equal((await gateway.reload([entry(two, 'two')])).outcome, 'applied')
      const answer = await waiting
      assert.deepEqual([answer.status, answer.headers.get('x-olla-endpoint')], [200, 'two'])
      await answer.text()
      assert.match(await stream.text(), /\[DONE\]/)
      assert.ok(one.control.counters().openSockets >= 0)
    })

    it('goes to an endpoint that is added', async (t) => {
      const { gateway, one, two, hold } = await full(t, engine)
      const { waiting, stream } = await hold()
      await gateway.reload([entry(one, 'one', 1), entry(two, 'two')])
      assert.equal((await waiting).headers.get('x-olla-endpoint'), 'two')
      await stream.body?.cancel()
    })

    it('gets an answer at once if its only endpoint is removed', async (t) => {
      const { gateway, other, hold } = await full(t, engine)
      const { waiting, stream } = await hold()
      await gateway.reload([entry(other, 'other')])
      const answer = await waiting
      assert.equal(answer.status, 503)
      const { error } = (await answer.json()) as { error: { message: string } }
      assert.match(error.message, /m/)
      await stream.body?.cancel()
      await eventually(async () => (await gateway.status()).length === 1)
    })

    it('for an outage continues at the endpoint that replaces its only one', async (t) => {
      const { gateway, one, two } = await full(t, engine)
      await (await postChat(gateway.url)).text()
      await one.close()
      const waiting = postChat(gateway.url)
      await eventually(async () => (await queued(gateway)) === 1)
      await gateway.reload([entry(two, 'two')])
      assert.equal((await waiting).headers.get('x-olla-endpoint'), 'two')
    })
  })
}

/** One endpoint with one place, and others that the gateway does not know yet. */
async function full(t: TestContext, engine: string) {
  const one = await withSimulator(t, { kind, name: 'one', models: ['m'], tokensPerSecond: 20 })
  const two = await withSimulator(t, { kind, name: 'two', models: ['m'] })
  const other = await withSimulator(t, { kind, name: 'other', models: ['n'] })
  const gateway = await startGateway(t, [entry(one, 'one', 1)], { proxy: engineOf(engine) })
  const hold = async (tokens = 1_000) => {
    const stream = await postChat(gateway.url, { stream: true, max_tokens: tokens })
    const waiting = postChat(gateway.url)
    await eventually(async () => (await queued(gateway)) === 1)
    return { stream, waiting }
  }
  return { gateway, one, two, other, hold }
}

async function queued({ url }: RunningGateway): Promise<number> {
  const { requests } = (await (await fetch(`${url}/internal/inflight`)).json()) as {
    requests: { phase: string }[]
  }
  return requests.filter(({ phase }) => phase === 'queued').length
}

function entry({ url }: { readonly url: string }, name: string, max = 0) {
  return { url, name, max_concurrent: max, type: kind }
}

/** Operations that take a model away while requests use it. */
import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'
import type { Simulator } from '../../simulator/server.ts'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { eventually, withSimulator } from '../support/simulator.ts'
import { engineOf, engines } from './engines.ts'

interface Answer {
  readonly status: number
  readonly state: string | undefined
  readonly message: string
}

async function call(gateway: RunningGateway, path: string): Promise<Answer> {
  const response = await fetch(`${gateway.url}/internal/admin/models/${path}`, {
    method: 'POST',
    headers: { 'x-olla-gateway': '1' },
  })
  const body = (await response.json()) as {
    operations?: { state: string }[]
    error?: { message: string }
  }
  return {
    status: response.status,
    state: body.operations?.[0]?.state,
    message: body.error?.message ?? '',
  }
}

const unloads = ({ control }: Simulator) =>
  control.requests().filter(({ method, path }) => method === 'POST' && path.endsWith('/unload'))

const stream = (gateway: RunningGateway, model: string) => postChat(gateway.url, { model, stream: true })

async function setUp(t: TestContext, engine: string, kind: 'lm-studio' | 'vllm', tokensPerSecond = 0) {
  const slow = await withSimulator(t, { kind, name: 'box', models: ['a', 'b'], tokensPerSecond })
  const endpoint = { url: slow.url, name: 'box', type: kind }
  const gateway = await startGateway(t, [endpoint], { proxy: engineOf(engine) })
  return { gateway, box: slow }
}

for (const engine of engines) {
  describe(`a busy model (${engine})`, () => {
    it('is not unloaded unless that is forced; an idle one beside it is', async (t) => {
      const { gateway, box } = await setUp(t, engine, 'lm-studio', 5)
      const answer = await stream(gateway, 'a')
      const refused = await call(gateway, 'a/unload?wait=30s')
      assert.equal(refused.status, 409)
      assert.match(refused.message, /"a" is busy at "box": 1 in flight/)
      assert.equal(unloads(box).length, 0)
      assert.equal((await call(gateway, 'b/unload?wait=30s')).state, 'done')
      assert.equal((await call(gateway, 'a/unload?force=true&wait=30s')).state, 'done')
      assert.equal(unloads(box).length, 2)
      assert.match(await answer.text(), /\[DONE\]/)
    })

    it('keeps its engine awake', async (t) => {
      const { gateway, box } = await setUp(t, engine, 'vllm', 5)
      const answer = await stream(gateway, 'a')
      const refused = await call(gateway, 'b/sleep?wait=30s')
      assert.equal(refused.status, 409)
      assert.equal(box.control.memory.isAsleep, false)
      assert.match(await answer.text(), /\[DONE\]/)
      // The refused order has not left the endpoint out of service.
      const next = await postChat(gateway.url, { model: 'a' })
      await next.text()
      assert.equal(next.status, 200)
    })
  })

  describe(`requests for a model that is being unloaded (${engine})`, () => {
    it('are answered or get a 503 in time, and reach no endpoint meanwhile', async (t) => {
      const { gateway, box } = await setUp(t, engine, 'lm-studio')
      await box.control.setFault({ kind: 'delay', delayMs: 800, path: '/api/v1/models/unload' })
      const unload = call(gateway, 'a/unload?wait=30s')
      await eventually(() => unloads(box).length === 1)
      const chats = () =>
        box.control.requests().filter(({ path }) => path.endsWith('/chat/completions')).length
      const before = chats()
      const startedMs = performance.now()
      const answers = Promise.all(
        Array.from({ length: 4 }, async () => {
          const answer = await postChat(gateway.url, { model: 'a' })
          await answer.text()
          return answer.status
        }),
      )
      const other = await postChat(gateway.url, { model: 'b' })
      await other.text()
      assert.equal(other.status, 200)
      assert.equal((await unload).state, 'done')
      assert.ok(chats() <= before + 1, 'only the other model was asked')
      const statuses = await answers
      assert.ok(
        statuses.every((status) => status === 200 || status === 503),
        statuses.join(),
      )
      assert.ok(performance.now() - startedMs < 30_000)
    })

    it('are served again afterwards, however often both meet', async (t) => {
      const { gateway, box } = await setUp(t, engine, 'lm-studio')
      for (let round = 0; round < 8; round++) {
        const [unload, ...chats] = await Promise.all([
          call(gateway, 'a/unload?wait=30s'),
          ...Array.from({ length: 3 }, async () => {
            const answer = await postChat(gateway.url, { model: 'a' })
            await answer.text()
            return answer.status
          }),
        ])
        assert.ok([200, 409].includes(unload.status), `${unload.status} ${unload.message}`)
        assert.ok(
          chats.every((status) => status === 200 || status === 503),
          chats.join(),
        )
        box.control.setModels(['a', 'b'])
      }
      const last = await postChat(gateway.url, { model: 'a' })
      await last.text()
      assert.equal(last.status, 200)
    })
  })
}

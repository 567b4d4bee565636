import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { startScriptedEndpoint } from '../support/scripted-endpoint.ts'

const errorOf = async (response: Response) =>
  ((await response.json()) as { error: { code: string; message: string } }).error

describe('a model that no endpoint is known to have', () => {
  it('triggers one refresh of endpoints that load on demand for many requests', async (t) => {
    const ollama = await startScriptedEndpoint(t, ['x'])
    const gateway = await startGateway(t, [{ url: ollama.url, name: 'o', type: 'ollama' }])
    const lists = ollama.lists
    ollama.models = ['x', 'y']
    // The list is fresh for a moment after the start.
    let statuses: number[] = []
    const postAll = () =>
      Promise.all(
        Array.from({ length: 10 }, async () => (await postChat(gateway.url, { model: 'y' })).status),
      )
    for (let tries = 0; tries < 30 && !statuses.includes(200); tries++) {
      await new Promise((resolve) => setTimeout(resolve, 100))
      statuses = await postAll()
    }
    // The moment may have ended between the requests of that turn.
    assert.deepEqual(new Set(await postAll()), new Set([200]))
    assert.equal(ollama.lists - lists, 1)
  })

  it('may be on an endpoint that has not listed its models: 503 with Retry-After', async (t) => {
    const up = await startScriptedEndpoint(t, ['x'])
    const closed = createServer()
    const port = await new Promise<number>((resolve) => {
      closed.listen(0, '127.0.0.1', () => resolve((closed.address() as { port: number }).port))
    })
    await new Promise((resolve) => closed.close(resolve))
    const gateway = await startGateway(
      t,
      [
        { url: up.url, name: 'up', type: 'vllm' },
        { url: `http://127.0.0.1:${port}`, name: 'down', type: 'ollama' },
      ],
      {},
      { awaitRoutable: 1 },
    )
    const response = await postChat(gateway.url, { model: 'z' })
    assert.equal(response.status, 503)
    assert.ok(Number(response.headers.get('retry-after')) >= 1)
    assert.equal(response.headers.get('x-olla-routing-reason'), 'model_lists_incomplete')
    assert.equal((await errorOf(response)).code, 'model_unavailable')
    const provider = await postChat(`${gateway.url}/olla/vllm`, { model: 'z' })
    assert.equal(provider.status, 404)
    assert.match((await errorOf(provider)).message, /no vllm endpoint has the model "z"\./)
    const down = await postChat(`${gateway.url}/olla/ollama`, { model: 'x' })
    assert.equal(down.status, 503)
    await down.text()
    const other = await postChat(`${gateway.url}/olla/lmstudio`, { model: 'x' })
    assert.equal(other.status, 404)
    await other.text()
  })
})

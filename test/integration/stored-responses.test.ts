import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { startGateway } from '../support/gateway.ts'
import { type ScriptedCall, startScriptedEndpoint } from '../support/scripted-endpoint.ts'

/** Stores responses as servers do: only the one that made a response has it. */
function store(name: string) {
  const known = new Set<string>()
  return ({ method, path, body }: ScriptedCall) => {
    const missing = (id: string) => ({
      status: 404,
      body: { error: { message: `Response with id '${id}' not found.`, code: 404 } },
    })
    const named = /\/responses\/([^/]+)/.exec(path)?.[1]
    if (named !== undefined) {
      if (!known.has(named)) return missing(named)
      if (method === 'DELETE') known.delete(named)
      return { body: { id: named, object: 'response', output: [{ type: 'message' }] } }
    }
    const previous = String(body.previous_response_id ?? '')
    if (previous !== '' && !known.has(previous)) return missing(previous)
    const id = `resp_${name}${known.size}`
    known.add(id)
    return { body: { id, object: 'response', output: [{ type: 'message' }] } }
  }
}

for (const threads of [1, 2]) {
  describe(`stored responses with ${threads} threads and default settings`, () => {
    it('are continued, read, cancelled and deleted on their endpoint', async (t) => {
      const servers = await Promise.all(
        ['a', 'b'].map((name) => startScriptedEndpoint(t, ['m'], store(name))),
      )
      const gateway = await startGateway(
        t,
        servers.map(({ url }, at) => ({ url, name: `e${at}`, type: 'vllm' })),
        { proxy: { load_balancer: 'round-robin' } },
        { threads },
      )
      const url = `${gateway.url}/v1/responses`
      const create = async (more: object) => {
        const response = await fetch(url, {
          method: 'POST',
          headers: { 'content-type': 'application/json', connection: 'close' },
          body: JSON.stringify({ model: 'm', input: 'x', ...more }),
        })
        return { status: response.status, id: ((await response.json()) as { id: string }).id }
      }
      for (let turn = 0; turn < 5; turn++) {
        const { id } = await create({})
        const next = await create({ previous_response_id: id })
        assert.equal(next.status, 200)
        for (const [method, path] of [
          ['GET', id],
          ['GET', `${id}/input_items`],
          ['POST', `${next.id}/cancel`],
          ['DELETE', next.id],
        ] as const) {
          const response = await fetch(`${url}/${path}`, { method, headers: { connection: 'close' } })
          assert.equal(response.status, 200)
          await response.text()
        }
      }
      const asked = servers.flatMap(({ calls }) => calls).filter(({ path }) => path.includes('/responses'))
      assert.equal(asked.length, 5 * 6)
    })
  })
}

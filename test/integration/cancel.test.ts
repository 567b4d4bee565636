import assert from 'node:assert/strict'
import { once } from 'node:events'
import { describe, it } from 'node:test'
import { postChat, type RunningGateway, startGateway } from '../support/gateway.ts'
import { chunk, jsonAnswer, type RawRequest, sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'
import { openEvents } from '../support/sse.ts'
import { engineOf, engines } from './engines.ts'

interface InFlight {
  readonly id: string
  readonly request_id: string
  readonly phase: string
  readonly endpoint: string | null
  readonly stream: boolean | null
}

const marked = { 'x-olla-gateway': '1' }

async function inFlight({ url }: RunningGateway): Promise<InFlight[]> {
  const response = await fetch(`${url}/internal/inflight`)
  return ((await response.json()) as { requests: InFlight[] }).requests
}

/** The one request under way, once it is in this phase. */
async function inPhase(gateway: RunningGateway, phase: string): Promise<InFlight> {
  let found: InFlight | undefined
  await eventually(async () => {
    found = (await inFlight(gateway)).find((request) => request.phase === phase)
    return found !== undefined
  })
  return found as InFlight
}

async function cancel({ url }: RunningGateway, id: string, headers: Record<string, string> = marked) {
  const response = await fetch(`${url}/internal/inflight/${id}`, { method: 'DELETE', headers })
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function lastRequest({ url }: RunningGateway) {
  const response = await fetch(`${url}/internal/requests?limit=1`)
  const { requests } = (await response.json()) as {
    requests: { id: string; outcome: string; status: number | null }[]
  }
  return requests[0]
}

for (const engine of engines) {
  describe(`cancelling a request of the ${engine} engine`, () => {
    const start = async (
      t: Parameters<typeof startRawUpstream>[0],
      answer: (request: RawRequest) => void,
      endpoint = {},
    ) => {
      const upstream = await startRawUpstream(t, answer)
      const gateway = await startGateway(t, [{ url: upstream.url, name: 'box', ...endpoint }], {
        proxy: engineOf(engine),
      })
      return { upstream, gateway }
    }

    it('stops the endpoint’s work and answers the client before anything was sent', async (t) => {
      const { upstream, gateway } = await start(t, () => {})
      const answer = postChat(gateway.url)
      await eventually(() => upstream.requests.length === 1)
      const { id, endpoint } = await inPhase(gateway, 'waiting')
      assert.equal(endpoint, 'box')
      const socket = upstream.requests[0]?.socket
      assert.ok(socket)
      const closed = once(socket, 'close')
      const stream = await openEvents(t, `${gateway.url}/internal/events`)
      assert.deepEqual((await cancel(gateway, id)).body, {
        id,
        request_id: (await answer).headers.get('x-olla-request-id'),
        cancelled: true,
      })
      await closed
      const response = await answer
      assert.equal(response.status, 499)
      assert.equal(((await response.json()) as { error: { code: string } }).error.code, 'cancelled')
      const told = await stream.until(({ data }) => data.type === 'request.cancelled')
      assert.equal((told.data.data as { id: string }).id, id)
      assert.deepEqual(await inFlight(gateway), [])
      const last = await lastRequest(gateway)
      assert.deepEqual([last?.id, last?.outcome, last?.status], [id, 'cancelled', 499])
    })

    it('interrupts a stream so that no client treats it as complete', async (t) => {
      const { upstream, gateway } = await start(t, ({ socket }) => {
        socket.write(sseHead + chunk('data: {"choices":[{"delta":{"content":"a"}}]}\n\n'))
      })
      const response = await postChat(gateway.url, { stream: true })
      const { id, stream } = await inPhase(gateway, 'relaying')
      assert.equal(stream, true)
      const socket = upstream.requests[0]?.socket
      assert.ok(socket)
      const closed = once(socket, 'close')
      const text = readAll(response)
      assert.equal((await cancel(gateway, id)).status, 200)
      await closed
      const { body, broke } = await text
      assert.match(body, /"content":"a"/)
      assert.match(body, /"code":"cancelled"/)
      assert.doesNotMatch(body, /\[DONE\]/)
      assert.equal(broke, true)
      assert.equal((await lastRequest(gateway))?.outcome, 'cancelled')
    })

    it('truncates a whole answer', async (t) => {
      const { gateway } = await start(t, ({ socket }) => {
        const whole = jsonAnswer(JSON.stringify({ text: 'x'.repeat(1_000) }))
        socket.write(whole.slice(0, whole.length - 500))
      })
      const response = await postChat(gateway.url)
      const { id } = await inPhase(gateway, 'relaying')
      const text = readAll(response)
      await cancel(gateway, id)
      assert.equal((await text).broke, true)
    })

    it('removes a waiting request from the queue', async (t) => {
      const held: RawRequest[] = []
      const { upstream, gateway } = await start(t, (request) => held.push(request), { max_concurrent: 1 })
      const first = postChat(gateway.url)
      await eventually(() => upstream.requests.length === 1)
      const second = postChat(gateway.url)
      const { id } = await inPhase(gateway, 'queued')
      await cancel(gateway, id)
      assert.equal((await second).status, 499)
      held[0]?.socket.write(jsonAnswer('{}'))
      assert.equal((await first).status, 200)
      assert.equal(upstream.requests.length, 1)
      await eventually(async () => (await gateway.status())[0]?.in_flight === 0)
    })

    it('is not recorded as a failure', async (t) => {
      const { upstream, gateway } = await start(t, () => {})
      for (let time = 1; time <= 5; time++) {
        const answer = postChat(gateway.url)
        await eventually(() => upstream.requests.length === time)
        await cancel(gateway, (await inPhase(gateway, 'waiting')).id)
        await (await answer).text()
      }
      const [row] = await gateway.status()
      assert.equal(row?.breaker?.state, 'closed')
      assert.equal(row?.in_flight, 0)
      const { system } = (await (await fetch(`${gateway.url}/internal/status`)).json()) as {
        system: { total_failures: number; success_rate: string }
      }
      assert.deepEqual([system.total_failures, system.success_rate], [0, 'N/A'])
    })
  })
}

describe('cancelling', () => {
  it('reports it to an Anthropic client in its dialect', async (t) => {
    const upstream = await startRawUpstream(t, () => {})
    const gateway = await startGateway(t, [{ url: upstream.url, name: 'box' }])
    const answer = fetch(`${gateway.url}/v1/messages`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', max_tokens: 5, messages: [{ role: 'user', content: 'x' }] }),
    })
    await eventually(() => upstream.requests.length === 1)
    await cancel(gateway, (await inPhase(gateway, 'waiting')).id)
    const body = (await (await answer).json()) as { type: string; error: { message: string } }
    assert.equal(body.type, 'error')
    assert.match(body.error.message, /cancelled by an operator/)
  })

  it('is refused if it is off, and for unknown requests', async (t) => {
    const upstream = await startRawUpstream(t, () => {})
    const gateway = await startGateway(t, [{ url: upstream.url, name: 'box' }], {
      dashboard: { allow_cancel: false },
    })
    const answer = postChat(gateway.url)
    await eventually(() => upstream.requests.length === 1)
    const { id } = await inPhase(gateway, 'waiting')
    assert.equal((await cancel(gateway, id)).status, 403)
    assert.equal((await inFlight(gateway)).length, 1)
    upstream.requests[0]?.socket.write(jsonAnswer('{}'))
    assert.equal((await answer).status, 200)
    const other = await startGateway(t, [])
    assert.equal((await cancel(other, 'nobody')).status, 404)
    assert.equal((await cancel(other, 'nobody', {})).status, 403)
  })
})

async function readAll(response: Response): Promise<{ body: string; broke: boolean }> {
  let body = ''
  try {
    for await (const text of response.body?.pipeThrough(new TextDecoderStream()) ?? []) body += text
    return { body, broke: false }
  } catch {
    return { body, broke: true }
  }
}

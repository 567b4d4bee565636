import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually } from '../support/simulator.ts'
import { contextTokens, sentence, skipReason, startLlamaServer } from './llama-server.ts'

interface EndpointDetail {
  readonly status: string
  readonly profile?: string
  readonly model_count: number
}

describe('a real llama.cpp server', { skip: skipReason() }, () => {
  it('of type auto is detected, and its model listed with its context', async (t) => {
    const server = await startLlamaServer(t)
    const gateway = await startGateway(t, [{ url: server.url, type: 'auto' }])
    const [row] = (await gateway.status()) as unknown as EndpointDetail[]
    assert.equal(row?.status, 'healthy')
    assert.equal(row?.profile, 'llamacpp')
    assert.equal(row?.model_count, 1)
    const shown = (await (
      await fetch(`${gateway.url}/api/show`, { method: 'POST', body: '{"model":"tiny"}' })
    ).json()) as { model_info: Record<string, unknown>; capabilities: string[] }
    assert.ok(Object.values(shown.model_info).includes(contextTokens), JSON.stringify(shown.model_info))
    assert.ok(shown.capabilities.includes('completion'))
  })

  it('is detected by its 503 while loading, and serves as soon as it has loaded', async (t) => {
    const server = await startLlamaServer(t)
    let isLoading = true
    // What llama.cpp itself answers on all paths until its model is in memory.
    const front = createServer(async (request, response) => {
      if (isLoading) {
        response.writeHead(503, { server: 'llama.cpp', 'content-type': 'application/json' })
        response.end('{"error":{"message":"Loading model","type":"unavailable_error","code":503}}')
        return
      }
      const chunks: Buffer[] = []
      for await (const chunk of request) chunks.push(chunk as Buffer)
      const answer = await fetch(`${server.url}${request.url}`, {
        method: request.method ?? 'GET',
        ...(chunks.length === 0 ? {} : { body: Buffer.concat(chunks) }),
      })
      response.writeHead(answer.status, { server: 'llama.cpp', 'content-type': 'application/json' })
      response.end(await answer.text())
    })
    front.listen(0, '127.0.0.1')
    await once(front, 'listening')
    t.after(() => {
      front.closeAllConnections()
      front.close()
    })
    const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
    const gateway = await startGateway(t, [{ url, type: 'auto' }], {}, { awaitRoutable: 0 })
    await eventually(
      async () => ((await gateway.status())[0] as unknown as EndpointDetail).profile === 'llamacpp',
    )
    isLoading = false
    await eventually(async () => (await postChat(gateway.url, { model: 'tiny' })).status === 200)
  })

  it('reports its load, with the requests of others', async (t) => {
    const server = await startLlamaServer(t, { behaviour: 'loops', context: 32_768 })
    const gateway = await startGateway(t, [{ url: server.url, type: 'llamacpp' }], {
      discovery: { signals: { interval: '1s' } },
    })
    const controller = new AbortController()
    t.after(() => controller.abort())
    const body = { model: 'tiny', messages: [{ role: 'user', content: 'x' }], stream: true }
    // A request ends when the context is full: the next one takes its place.
    const keepAsking = async (url: string) => {
      for (;;) {
        const response = await fetch(`${url}/v1/chat/completions`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(body),
          signal: controller.signal,
        })
        await response.arrayBuffer()
      }
    }
    for (const url of [gateway.url, server.url, server.url]) keepAsking(url).catch(() => {})
    await eventually(async () => {
      const response = await fetch(`${gateway.url}/internal/status/endpoints`)
      const { endpoints } = (await response.json()) as { endpoints: { engine?: Record<string, unknown> }[] }
      const engine = endpoints[0]?.engine
      return engine?.running === 2 && engine.waiting === 1 && engine.others === 2 && engine.max_running === 2
    })
  })

  it('exposes its metrics, slots and properties below its prefix', async (t) => {
    const server = await startLlamaServer(t)
    const gateway = await startGateway(t, [{ url: server.url, type: 'llamacpp' }])
    const chat = await postChat(gateway.url, { model: 'tiny' })
    assert.equal(
      ((await chat.json()) as { choices: { message: { content: string } }[] }).choices[0]?.message.content,
      sentence,
    )
    const read = async (path: string) => (await fetch(`${gateway.url}/olla/llamacpp${path}`)).text()
    assert.match(await read('/metrics'), /llamacpp:tokens_predicted_total [1-9]/)
    assert.equal((JSON.parse(await read('/slots')) as unknown[]).length, 2)
    assert.equal((JSON.parse(await read('/props')) as { model_alias: string }).model_alias, 'tiny')
  })
})

import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { postChat, startGateway } from '../support/gateway.ts'
import { eventually } from '../support/simulator.ts'

type Handler = (request: IncomingMessage, response: ServerResponse) => void

/** A server with one model that answers chats at once, and other paths as the test says. */
async function chatServer(t: TestContext, other: Handler) {
  const server = createServer((request, response) => {
    if (request.method === 'POST') {
      request.resume()
      request.on('end', () => json(response, { choices: [{ message: { content: 'ok' } }] }))
    } else {
      other(request, response)
    }
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function json(response: ServerResponse, body: unknown, statusCode = 200) {
  response.writeHead(statusCode, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const models = { object: 'list', data: [{ id: 'm' }] }

describe('probes that fail while requests are answered', { concurrency: true }, () => {
  const rows: [string, (response: ServerResponse) => void][] = [
    ['are not answered', () => {}],
    ['are answered with 503', (response) => json(response, {}, 503)],
    ['are answered with 404', (response) => json(response, {}, 404)],
    ['are reset', (response) => response.destroy()],
    ['are slower than their limit', (response) => setTimeout(() => response.end('ok'), 800).unref()],
  ]
  for (const [title, fail] of rows) {
    it(`lose no request: they ${title}`, async (t) => {
      let isFailing = false
      let failed = 0
      const url = await chatServer(t, (request, response) => {
        if (request.url === '/v1/models') json(response, models)
        else if (!isFailing) response.end('ok')
        else {
          failed++
          fail(response)
        }
      })
      const gateway = await startGateway(t, [{ url, health_check_url: '/health' }])
      isFailing = true
      while (failed < 4) {
        const response = await postChat(gateway.url, { model: 'm' })
        assert.equal(response.status, 200)
        await response.arrayBuffer()
      }
    })
  }
})

describe('a health answer of which only the status matters', { concurrency: true }, () => {
  const large = Buffer.alloc(3_000_000, ' ')
  const rows: [string, (response: ServerResponse) => void][] = [
    ['is larger than any', (response) => response.end(large)],
    ['does not end', (response) => pour(response, large)],
    [
      'is not in the coding that it names',
      (response) => response.setHeader('content-encoding', 'gzip').end('ok'),
    ],
    ['is in an unknown coding', (response) => response.setHeader('content-encoding', 'lzma').end('ok')],
  ]
  for (const [title, answer] of rows) {
    it(title, async (t) => {
      const url = await chatServer(t, (request, response) => {
        if (request.url === '/v1/models') json(response, models)
        else answer(response)
      })
      const gateway = await startGateway(t, [{ url, health_check_url: '/health' }])
      assert.equal((await gateway.status())[0]?.status, 'healthy')
    })
  }

  it('may be a model list that is too long to read', async (t) => {
    const url = await chatServer(t, (_request, response) => pour(response, large))
    const gateway = await startGateway(t, [{ url }], {}, { awaitRoutable: 0 })
    await eventually(async () => {
      const [row] = (await gateway.status()) as { status?: string; last_error?: string }[]
      return row?.status === 'healthy' && /larger than 10485760 bytes/.test(row.last_error ?? '')
    })
  })
})

/** Writes until the other side closes. */
function pour(response: ServerResponse, piece: Buffer): void {
  while (!response.destroyed && response.write(piece));
  if (!response.destroyed) response.once('drain', () => pour(response, piece))
}

describe('an endpoint of type auto', () => {
  it('is detected while it loads its model, and serves when ready', async (t) => {
    let isLoading = true
    const url = await chatServer(t, (request, response) => {
      response.setHeader('server', 'llama.cpp')
      if (isLoading) json(response, { error: { message: 'Loading model', code: 503 } }, 503)
      else if (request.url === '/v1/models') json(response, models)
      else if (request.url === '/health') json(response, { status: 'ok' })
      else json(response, {}, 415)
    })
    const gateway = await startGateway(t, [{ url, type: 'auto' }], {}, { awaitRoutable: 0 })
    const row = async () => (await gateway.status())[0] as unknown as { profile?: string; status: string }
    await eventually(async () => (await row()).profile === 'llamacpp')
    assert.equal((await row()).status, 'unhealthy')
    isLoading = false
    await eventually(async () => (await postChat(gateway.url, { model: 'm' })).status === 200)
  })

  it('that requires a key is reported so', async (t) => {
    const url = await chatServer(t, (request, response) => {
      response.setHeader('server', 'llama.cpp')
      if (request.url === '/health') json(response, { status: 'ok' })
      else json(response, { error: { message: 'Invalid API Key', code: 401 } }, 401)
    })
    const gateway = await startGateway(t, [{ url, type: 'auto' }], {}, { awaitRoutable: 0 })
    await eventually(async () => (await gateway.status())[0]?.status === 'config_error')
  })
})

describe('a model list that cannot be read', () => {
  it('is shown in the status of its endpoint', async (t) => {
    const url = await chatServer(t, (request, response) => {
      if (request.url === '/v1/models') json(response, { detail: 'Not Found' }, 404)
      else response.end('ok')
    })
    const gateway = await startGateway(t, [{ url, health_check_url: '/health' }], {}, { awaitRoutable: 0 })
    await eventually(async () => {
      const [row] = (await gateway.status()) as { issues?: string; last_error?: string }[]
      return (
        row?.issues === 'model list failed' &&
        row.last_error?.startsWith('the model list was answered with status 404; ') === true
      )
    })
  })

  it('is fetched through redirects', async (t) => {
    const url = await chatServer(t, (request, response) => {
      if (request.url === '/v1/models/') json(response, models)
      else if (request.url === '/health/') response.end('ok')
      else response.writeHead(307, { location: `${request.url}/` }).end()
    })
    const gateway = await startGateway(t, [{ url, health_check_url: '/health' }])
    assert.equal((await postChat(gateway.url, { model: 'm' })).status, 200)
  })
})

describe('a health route that fails from the start', { concurrency: true }, () => {
  const rows: [string, (response: ServerResponse) => void][] = [
    ['is not answered', () => {}],
    ['is answered with 503', (response) => json(response, {}, 503)],
    ['is answered with 404', (response) => json(response, {}, 404)],
    ['is answered with 401', (response) => json(response, {}, 401)],
    ['is answered with 429', (response) => json(response, {}, 429)],
    ['is cut', (response) => response.destroy()],
  ]
  for (const [title, answer] of rows) {
    it(`does not exclude the last endpoint: it ${title}`, async (t) => {
      const url = await chatServer(t, (request, response) => {
        if (request.url === '/v1/models') json(response, models)
        else answer(response)
      })
      const gateway = await startGateway(
        t,
        [{ url, health_check_url: '/health', check_interval: '1s', check_timeout: '500ms' }],
        {},
        { awaitRoutable: 0 },
      )
      await eventually(async () => (await postChat(gateway.url)).status === 200)
      for (let request = 0; request < 5; request++) assert.equal((await postChat(gateway.url)).status, 200)
    })
  }
})

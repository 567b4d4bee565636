import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface ScriptedCall {
  readonly method: string
  readonly path: string
  readonly query: string
  readonly headers: IncomingMessage['headers']
  readonly body: Readonly<Record<string, unknown>>
}

export interface ScriptedAnswer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  /** A string goes out as it is, as `text/plain` unless `headers` say otherwise; anything else as JSON. */
  readonly body?: unknown
}

export interface ScriptedEndpoint {
  readonly url: string
  /** Requests except for health, lists and signals. */
  readonly calls: ScriptedCall[]
  models: readonly string[]
  answer: (call: ScriptedCall) => ScriptedAnswer | 'reset' | 'silent'
  health: () => ScriptedAnswer | 'reset' | 'silent'
  /** How often the model list was asked for. */
  lists: number
  /** Milliseconds before the model list is answered. */
  listDelayMs: number
  /** Takes no connections any more. */
  close(): void
}

/** An inference server whose answers a test decides; health and model lists answer automatically. */
export async function startScriptedEndpoint(
  t: TestContext,
  models: readonly string[],
  answer: ScriptedEndpoint['answer'] = () => ({ body: { ok: true } }),
): Promise<ScriptedEndpoint> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => respond(request, response, Buffer.concat(chunks).toString()))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  const endpoint: ScriptedEndpoint = {
    url: `http://127.0.0.1:${port}`,
    calls: [],
    models,
    answer,
    lists: 0,
    listDelayMs: 0,
    health: () => ({ body: 'ok' }),
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
  return endpoint

  function respond(request: IncomingMessage, response: ServerResponse, text: string): void {
    const [path = '', query = ''] = (request.url ?? '').split('?')
    const list = request.method === 'GET' ? listAt(path, endpoint.models) : undefined
    if (list !== undefined) {
      endpoint.lists++
      setTimeout(() => send(response, { body: list }), endpoint.listDelayMs)
      return
    }
    if (request.method === 'GET' && (path === '/' || path === '/health')) {
      respondWith(request, response, endpoint.health())
      return
    }
    if (request.headers['user-agent']?.startsWith('olla-gateway-Signals')) {
      send(response, { status: 404 })
      return
    }
    const call = { method: request.method ?? '', path, query, headers: request.headers, body: parsed(text) }
    endpoint.calls.push(call)
    respondWith(request, response, endpoint.answer(call))
  }
}

function respondWith(
  request: IncomingMessage,
  response: ServerResponse,
  answered: ScriptedAnswer | 'reset' | 'silent',
): void {
  if (answered === 'reset') request.socket.resetAndDestroy()
  else if (answered !== 'silent') send(response, answered)
}

function listAt(path: string, models: readonly string[]): unknown {
  if (path === '/api/tags') return { models: models.map((name) => ({ name, model: name })) }
  if (path === '/api/ps') return { models: [] }
  if (path === '/v1/models' || path === '/api/v0/models')
    return { object: 'list', data: models.map((id) => ({ id })) }
  return undefined
}

function parsed(text: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(text) as Record<string, unknown>
  } catch {
    return {}
  }
}

function send(response: ServerResponse, { status = 200, headers = {}, body }: ScriptedAnswer): void {
  const isText = typeof body === 'string'
  response.writeHead(status, { 'content-type': isText ? 'text/plain' : 'application/json', ...headers })
  response.end(isText ? body : JSON.stringify(body))
}

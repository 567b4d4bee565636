import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface SliceObject {
  readonly metadata: Record<string, unknown>
  readonly addressType: string
  readonly endpoints: readonly object[]
  readonly ports: readonly object[]
}

/** An EndpointSlice as the API writes it. */
export function slice(name: string, hosts: readonly (string | object)[], others: object = {}): SliceObject {
  return {
    metadata: { name, namespace: 'models', labels: { 'kubernetes.io/service-name': 'vllm' } },
    addressType: 'IPv4',
    endpoints: hosts.map((host) =>
      typeof host === 'string' ? { addresses: [host], conditions: { ready: true } } : host,
    ),
    ports: [{ name: 'http', port: 8000 }],
    ...others,
  }
}

/**
 * An API server with EndpointSlices: lists in pages, watches from a version, bookmarks, 410 for versions that it has
 * forgotten, tokens.
 */
export async function startKubernetesApi(t: TestContext) {
  const slices = new Map<string, SliceObject>()
  const events: { version: number; type: string; object: SliceObject }[] = []
  const watches = new Set<ServerResponse>()
  const requests: { path: string; authorization: string | undefined }[] = []
  let version = 100
  let forgottenBelow = 0
  let forgetsBy: 'status' | 'event' = 'status'
  let token: string | undefined
  let isSilent = false
  let pageSize = 1_000

  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '', 'http://api')
    requests.push({ path: url.pathname + url.search, authorization: request.headers.authorization })
    const fail = (code: number, reason: string) => {
      response.writeHead(code, { 'content-type': 'application/json' })
      response.end(JSON.stringify(status(code, reason)))
    }
    if (token !== undefined && request.headers.authorization !== `Bearer ${token}`)
      return fail(401, 'Unauthorized')
    if (isSilent) return undefined
    if (url.searchParams.get('watch') !== 'true') {
      const from = Number(url.searchParams.get('continue') ?? 0)
      const all = [...slices.values()]
      const items = all.slice(from, from + pageSize)
      const next = from + pageSize < all.length ? { continue: String(from + pageSize) } : {}
      response.setHeader('content-type', 'application/json')
      response.end(
        JSON.stringify({
          kind: 'EndpointSliceList',
          metadata: { resourceVersion: String(version), ...next },
          items,
        }),
      )
      return undefined
    }
    const since = Number(url.searchParams.get('resourceVersion'))
    if (since < forgottenBelow && forgetsBy === 'status') return fail(410, 'Expired')
    response.writeHead(200, { 'content-type': 'application/json' })
    response.flushHeaders()
    if (since < forgottenBelow) {
      send(response, 'ERROR', status(410, 'Expired'))
      response.end()
      return undefined
    }
    for (const event of events) if (event.version > since) send(response, event.type, event.object)
    watches.add(response)
    response.on('close', () => watches.delete(response))
    return undefined
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })

  function change(type: string, object: SliceObject): void {
    version++
    const versioned = { ...object, metadata: { ...object.metadata, resourceVersion: String(version) } }
    if (type === 'DELETED') slices.delete(String(object.metadata.name))
    else slices.set(String(object.metadata.name), versioned)
    events.push({ version, type, object: versioned })
    for (const watch of watches) send(watch, type, versioned)
  }

  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    watches,
    put: (object: SliceObject) =>
      change(slices.has(String(object.metadata.name)) ? 'MODIFIED' : 'ADDED', object),
    remove(name: string) {
      const object = slices.get(name)
      if (object !== undefined) change('DELETED', object)
    },
    /** Ends all watches, as a load balancer in between does. */
    cut() {
      for (const watch of watches) watch.destroy()
    },
    bookmark() {
      version++
      const object = { kind: 'EndpointSlice', metadata: { resourceVersion: String(version) } }
      for (const watch of watches) send(watch, 'BOOKMARK', object)
    },
    /** Forgets all versions up to now, so that watches from them are answered with 410. */
    forget(by: 'status' | 'event') {
      version++
      forgottenBelow = version
      forgetsBy = by
    },
    setToken: (value: string) => {
      token = value
    },
    setPageSize: (value: number) => {
      pageSize = value
    },
    setSilent: (value: boolean) => {
      isSilent = value
    },
  }
}

function send(response: ServerResponse, type: string, object: object): void {
  response.write(`${JSON.stringify({ type, object })}\n`)
}

function status(code: number, reason: string): object {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    status: 'Failure',
    reason,
    code,
    message: 'too old resource version',
  }
}

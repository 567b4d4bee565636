import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

/** A request as an endpoint got it. */
export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
  /** The body as JSON; undefined where it is none. */
  readonly json: Readonly<Record<string, unknown>> | undefined
}

/** A body as JSON, or a status with one; undefined is a 404. */
export type ScriptedAnswer = object | { status: number; body: unknown } | undefined

export interface ScriptedServer {
  readonly url: string
  readonly seen: SeenRequest[]
}

/** An endpoint whose answers a test decides. */
export async function scriptedServer(
  t: TestContext,
  answer: (request: SeenRequest) => ScriptedAnswer,
): Promise<ScriptedServer> {
  const seen: SeenRequest[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString()
      const { method = '', url = '', headers } = request
      const received = { method, path: url, headers, body, json: parsed(body) }
      seen.push(received)
      const given = answer(received)
      const { status, body: content } = shaped(given)
      response.writeHead(status, { 'content-type': 'application/json' })
      response.end(typeof content === 'string' ? content : JSON.stringify(content))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen }
}

function shaped(given: ScriptedAnswer): { status: number; body: unknown } {
  if (given === undefined) return { status: 404, body: '404 page not found' }
  if ('status' in given && typeof given.status === 'number' && 'body' in given)
    return { status: given.status, body: given.body }
  return { status: 200, body: given }
}

function parsed(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

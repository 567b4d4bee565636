import { once } from 'node:events'
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http'
import type { TestContext } from 'node:test'
import { chatBody } from './gateway.ts'

/** A connection that is kept, and so always leads to one serving thread. */
export interface ThreadClient {
  readonly thread: number
  get(path: string): Promise<Answer>
  /** Resolves with the head of the answer; the body is the caller's to read. */
  chat(extra?: Record<string, unknown>): Promise<IncomingMessage>
  /** A whole chat. */
  ask(extra?: Record<string, unknown>): Promise<Answer>
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly text: string
}

/** Connections are spread by chance; more than this many in a row to one thread are no chance. */
const maxTries = 400

/** Opens connections until each of `threads` has `each` of them. */
export async function connectToThreads(
  t: TestContext,
  url: string,
  { threads = 2, each = 1 }: { threads?: number; each?: number } = {},
): Promise<ThreadClient[][]> {
  const found: ThreadClient[][] = Array.from({ length: threads }, () => [])
  for (let tries = 0; found.some((clients) => clients.length < each); tries++) {
    if (tries === maxTries) throw new Error(`${found.map(({ length }) => length).join(' and ')} connections`)
    const client = await connect(t, url)
    const clients = found[client.thread]
    if (clients !== undefined && clients.length < each) clients.push(client)
  }
  return found
}

/** One connection to each of two threads. */
export async function connectToBoth(t: TestContext, url: string): Promise<[ThreadClient, ThreadClient]> {
  const [[first] = [], [second] = []] = await connectToThreads(t, url)
  if (first === undefined || second === undefined) throw new Error('a thread has no connection')
  return [first, second]
}

async function connect(t: TestContext, url: string): Promise<ThreadClient> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.after(() => agent.destroy())
  const send = async (path: string, body?: string): Promise<IncomingMessage> => {
    const request = httpRequest(`${url}${path}`, {
      agent,
      method: body === undefined ? 'GET' : 'POST',
      headers: body === undefined ? {} : { 'content-type': 'application/json' },
    })
    request.end(body)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    return response
  }
  const chat = (extra: Record<string, unknown> = {}) => send('/v1/chat/completions', chatBody(extra))
  const process = await readAll(await send('/internal/process'))
  const { runtime } = JSON.parse(process.text) as { runtime: { thread: number } }
  return {
    thread: runtime.thread,
    get: async (path) => readAll(await send(path)),
    chat,
    ask: async (extra) => readAll(await chat(extra)),
  }
}

async function readAll(response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    text: Buffer.concat(chunks).toString('utf8'),
  }
}

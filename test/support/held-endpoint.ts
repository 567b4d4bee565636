import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface HeldRequest {
  readonly model: string
  readonly path: string
  readonly text: string
  readonly response: ServerResponse
}

export interface HeldEndpoint {
  readonly url: string
  /** Requests that it works on. */
  readonly held: HeldRequest[]
  /** All that it has seen, in order. */
  readonly seen: HeldRequest[]
  max: number
  /** Answers the oldest request. */
  answer(): void
  stop(): void
}

/** An endpoint that works on each request until the test says that it is done. */
export async function startHeldEndpoint(t: TestContext, models: readonly string[]): Promise<HeldEndpoint> {
  const server = createServer((request, response) => {
    if (request.method === 'GET') {
      const data = models.map((id) => ({ id, object: 'model' }))
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ object: 'list', data }))
      return
    }
    let text = ''
    let isClosed = false
    response.once('close', () => {
      isClosed = true
    })
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
    })
    request.on('end', () => {
      const { model } = JSON.parse(text) as { model: string }
      const one = { model, path: request.url ?? '', text, response }
      endpoint.seen.push(one)
      // The gateway may have left meanwhile.
      if (isClosed) return
      endpoint.held.push(one)
      endpoint.max = Math.max(endpoint.max, endpoint.held.length)
      response.on('close', () => {
        const at = endpoint.held.indexOf(one)
        if (at >= 0) endpoint.held.splice(at, 1)
      })
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const stop = () => {
    server.closeAllConnections()
    server.close()
  }
  t.after(stop)
  const endpoint: HeldEndpoint = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    held: [],
    seen: [],
    max: 0,
    answer() {
      const one = endpoint.held.shift()
      if (one === undefined) throw new Error('no request to answer')
      answerHeld(one)
    },
    stop,
  }
  return endpoint
}

/** Writes a short answer in the form that was asked for. */
export function answerHeld({ path, text, response, model }: HeldRequest): void {
  const isStream = /"stream":\s*true/.test(text)
  if (path.endsWith('/chat/completions') && isStream) {
    response.setHeader('content-type', 'text/event-stream')
    const chunk = (delta: object, finish_reason: string | null = null) =>
      `data: ${JSON.stringify({ id: 'c1', object: 'chat.completion.chunk', created: 1, model, choices: [{ index: 0, delta, finish_reason }] })}\n\n`
    response.end(
      `${chunk({ role: 'assistant', content: '' })}${chunk({ content: 'hello' })}${chunk({}, 'stop')}data: [DONE]\n\n`,
    )
    return
  }
  if (path.endsWith('/responses') && isStream) {
    response.setHeader('content-type', 'text/event-stream')
    const base = { id: 'r1', object: 'response', created_at: 1, model, output: [] }
    const events = [
      { type: 'response.created', response: { ...base, status: 'in_progress' } },
      {
        type: 'response.output_text.delta',
        item_id: 'i1',
        output_index: 0,
        content_index: 0,
        delta: 'hello',
      },
      { type: 'response.completed', response: { ...base, status: 'completed' } },
    ]
    response.end(
      events
        .map((event, sequence_number) => {
          return `event: ${event.type}\ndata: ${JSON.stringify({ ...event, sequence_number })}\n\n`
        })
        .join(''),
    )
    return
  }
  response.setHeader('content-type', 'application/json')
  response.end(
    JSON.stringify({
      id: 'c1',
      object: 'chat.completion',
      created: 1,
      model,
      choices: [{ index: 0, message: { role: 'assistant', content: 'hello' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 },
    }),
  )
}

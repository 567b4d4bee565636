import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { TestContext } from 'node:test'

export interface BusyEndpoint {
  readonly url: string
  readonly port: number
  readonly seen: { current: number; max: number; answered: number; probes: number }
  /** Time of each answer. */
  answerMs: number
  stop(): Promise<void>
  start(): Promise<void>
}

/** An endpoint that takes some time for each answer and counts how many requests it has at a time. */
export async function startBusyEndpoint(
  t: TestContext,
  answerMs: number,
  model = 'm',
): Promise<BusyEndpoint> {
  const seen = { current: 0, max: 0, answered: 0, probes: 0 }
  let server: Server | undefined
  let port = 0
  const endpoint = {
    get url() {
      return `http://127.0.0.1:${port}`
    },
    get port() {
      return port
    },
    seen,
    answerMs,
    async stop() {
      server?.closeAllConnections()
      const closed = server === undefined ? [] : once(server, 'close')
      server?.close()
      await closed
    },
    async start() {
      server = createServer((request, response) => {
        response.setHeader('content-type', 'application/json')
        if (request.method === 'GET') {
          seen.probes++
          response.end(JSON.stringify({ object: 'list', data: [{ id: model, object: 'model' }] }))
          return
        }
        seen.current++
        seen.max = Math.max(seen.max, seen.current)
        let isOver = false
        let timer: NodeJS.Timeout | undefined
        response.on('close', () => {
          clearTimeout(timer)
          if (!isOver) seen.current--
          isOver = true
        })
        request.resume().on('end', () => {
          timer = setTimeout(() => {
            if (isOver) return
            isOver = true
            seen.current--
            seen.answered++
            response.end('{"object":"chat.completion","choices":[{"message":{"content":"hello"}}]}')
          }, endpoint.answerMs)
        })
      })
      server.listen(port, '127.0.0.1')
      await once(server, 'listening')
      port = (server.address() as AddressInfo).port
    },
  }
  await endpoint.start()
  t.after(() => endpoint.stop())
  return endpoint
}

/** Many small inference servers in one process. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { Socket } from 'node:net'

export interface SmallServer {
  readonly name: string
  readonly url: string
  /** Answered chats. */
  readonly chats: () => number
  /** Resets all connections and refuses new ones. */
  crash(): Promise<void>
  /** Listens again, on the same port. */
  start(): Promise<void>
  close(): void
}

const json = { 'content-type': 'application/json' }

/** @param models that it lists and serves; a chat for another model is answered with 404 */
export async function startSmallServer(name: string, models: readonly string[]): Promise<SmallServer> {
  const list = JSON.stringify({ object: 'list', data: models.map((id) => ({ id, object: 'model' })) })
  const message = { role: 'assistant', content: name }
  const chat = JSON.stringify({
    id: 'x',
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason: 'stop' }],
    usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 },
  })
  const sockets = new Set<Socket>()
  let chats = 0
  let port = 0
  const answer: RequestListener = (request, response) => {
    if (request.method === 'GET') {
      response.writeHead(200, json).end(list)
      return
    }
    request.resume().on('end', () => {
      chats++
      response.writeHead(200, json).end(chat)
    })
  }
  let server: Server | undefined
  const start = () =>
    new Promise<void>((resolve, reject) => {
      if (server?.listening === true) {
        resolve()
        return
      }
      server = createServer(answer)
      server.on('connection', (socket) => {
        sockets.add(socket)
        socket.on('close', () => sockets.delete(socket))
      })
      server.on('error', reject)
      server.listen(port, '127.0.0.1', () => {
        const address = server?.address()
        if (typeof address === 'object' && address !== null) port = address.port
        resolve()
      })
    })
  const stop = () => {
    server?.close()
    for (const socket of sockets) socket.resetAndDestroy()
  }
  await start()
  return {
    name,
    url: `http://127.0.0.1:${port}`,
    chats: () => chats,
    start,
    crash: async () => stop(),
    close: stop,
  }
}

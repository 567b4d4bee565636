import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'

export interface RedisProxy {
  readonly url: string
  /** Milliseconds before an answer is passed on. */
  delayMs: number
  /** Connections stay open, and nothing passes; it passes later. */
  isSilent: boolean
  /** Cuts the connection after a request that contains this has reached the server, and before the answer. */
  cuts: { readonly text: string; readonly every: number } | undefined
  /** How many connections it has cut. */
  readonly seen: { cut: number; passed: number }
}

/** A line between gateways and a server, with faults that a test decides. */
export async function startRedisProxy(t: TestContext, port: number): Promise<RedisProxy> {
  const sockets = new Set<Socket>()
  const held: (() => void)[] = []
  let isSilent = false
  const proxy = {
    url: '',
    delayMs: 0,
    cuts: undefined as RedisProxy['cuts'],
    seen: { cut: 0, passed: 0 },
    get isSilent() {
      return isSilent
    },
    set isSilent(value: boolean) {
      isSilent = value
      if (!value) for (const pass of held.splice(0)) pass()
    },
  }
  const pass = (run: () => void) => (isSilent ? held.push(run) : run())
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1')
    let isCut = false
    // Answers keep their order when the delay changes, as they do on a real connection.
    let passed = Promise.resolve()
    const end = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', end)
      socket.on('close', () => {
        sockets.delete(socket)
        end()
      })
    }
    client.on('data', (chunk: Buffer) => {
      if (proxy.cuts !== undefined && chunk.includes(proxy.cuts.text)) {
        proxy.seen.passed++
        if (proxy.seen.passed % proxy.cuts.every === 0) isCut = true
      }
      pass(() => upstream.write(chunk))
    })
    upstream.on('data', (chunk: Buffer) => {
      if (isCut) {
        proxy.seen.cut++
        end()
        return
      }
      const answer = () => {
        if (!client.destroyed) client.write(chunk)
      }
      const delayed = proxy.delayMs > 0 ? wait(proxy.delayMs) : undefined
      passed = passed.then(async () => {
        await delayed
        pass(answer)
      })
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  const address = server.address()
  proxy.url = `redis://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
  return proxy
}

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import type { TestContext } from 'node:test'

/** A line to a server that can fall silent, as one does whose packets a firewall drops. */
export interface SilentRelay {
  readonly port: number
  /** Connections that clients have open now. */
  readonly open: ReadonlySet<Socket>
  /** Connections that were accepted while it was silent. */
  readonly acceptedInSilence: () => number
  /** From now on all connections, also new ones, stay open and carry nothing. */
  silence(): void
  /** New connections work again. Those of the silence stay silent. */
  restore(): void
}

/** @param target port of 127.0.0.1, or path of a socket @param path listens here instead of on a free port */
export async function startSilentRelay(
  t: TestContext,
  target: number | string,
  path?: string,
): Promise<SilentRelay> {
  const open = new Set<Socket>()
  const upstreams = new Set<Socket>()
  let isSilent = false
  let accepted = 0
  /** Connections with a lower number carry nothing. */
  let firstLive = 0
  let next = 0
  const server = createServer((client) => {
    const number = next++
    const isDead = () => isSilent || number < firstLive
    open.add(client)
    client.on('error', () => {})
    client.on('close', () => open.delete(client))
    if (isSilent) {
      accepted++
      client.resume()
      return
    }
    const upstream = typeof target === 'number' ? connect(target, '127.0.0.1') : connect(target)
    upstreams.add(upstream)
    upstream.on('error', () => {})
    upstream.on('close', () => {
      upstreams.delete(upstream)
      if (!isDead()) client.destroy()
    })
    client.on('close', () => upstream.destroy())
    client.on('data', (chunk) => {
      if (!isDead()) upstream.write(chunk)
    })
    upstream.on('data', (chunk) => {
      if (!isDead()) client.write(chunk)
    })
  })
  if (path === undefined) server.listen(0, '127.0.0.1')
  else server.listen(path)
  await once(server, 'listening')
  t.after(() => {
    server.close()
    for (const socket of [...open, ...upstreams]) socket.destroy()
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    open,
    acceptedInSilence: () => accepted,
    silence() {
      isSilent = true
      firstLive = next
    },
    restore() {
      isSilent = false
      firstLive = next
    },
  }
}

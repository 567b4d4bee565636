import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, it, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { pauseAccepting, resumeAccepting } from '../../../src/http/connections/accept-pause.ts'
import { ConnectionLimit } from '../../../src/http/connections/connection-limit.ts'
import {
  connectionLimit,
  connectionsFor,
  descriptorLimit,
  openDescriptors,
} from '../../../src/http/connections/descriptors.ts'
import { Http1Server } from '../../../src/http/server/server.ts'
import { systemClock } from '../../../src/kernel/clock.ts'
import { eventually } from '../../support/simulator.ts'

// Elsewhere what is beyond the limit is closed by Node, which has no queue to leave it in.
const skip = process.platform === 'linux' ? false : 'accepting pauses on Linux only'

const servers: Readonly<Record<string, (handler: RequestListener) => Server>> = {
  // Without a limit for idle connections each of them is at rest at once.
  own: (handler) => new Http1Server({ clock: systemClock, keepAliveTimeout: 0 }, handler),
  node: (handler) => createServer({ keepAliveTimeout: 60_000 }, handler),
}

for (const [name, create] of Object.entries(servers)) {
  describe(`connections beyond the limit (${name})`, { skip }, () => {
    it('wait in the listen backlog and are served in order', async (t) => {
      const { limit, client, held, paused } = await start(t, create, 2)
      const clients = await Promise.all(Array.from({ length: 6 }, () => client('hold')))
      await eventually(() => held.length === 2)
      assert.equal(limit.isPaused, true)
      assert.equal(paused(), 1)
      for (let served = 0; served < clients.length; served++) {
        await eventually(() => held.length > served)
        held[served]?.end('answer')
      }
      for (const { text } of clients)
        await eventually(() => text().endsWith('answer') || text().includes('answer'))
      assert.equal(held.length, 6)
      assert.ok(limit.open <= 2)
      for (const { text } of clients.slice(2)) assert.match(text(), /^HTTP\/1.1 200 OK\r\n/)
    })

    it('end with their answers while accepting is paused', async (t) => {
      const { client, held, limit } = await start(t, create, 2)
      const first = await client('hold')
      await eventually(() => held.length === 1)
      const second = await client('hold')
      await eventually(() => held.length === 2)
      held[1]?.end('x')
      await eventually(() => second.text().includes('Connection: close'))
      await eventually(() => !limit.isPaused)
      held[0]?.end('x')
      await eventually(() => first.text().includes('Connection: keep-alive'))
    })

    it('replace an idle one', async (t) => {
      const { client, limit } = await start(t, create, 2)
      const idle = await client('now')
      await eventually(() => idle.text().includes('done'))
      const other = await client('hold')
      const waiting = await client('now')
      await eventually(() => waiting.text().includes('done'))
      assert.equal(idle.socket.destroyed || idle.socket.readableEnded, true)
      assert.equal(other.socket.readableEnded, false)
      assert.ok(limit.open <= 2)
    })

    it('are not accepted for a moment if descriptors run short elsewhere', async (t) => {
      const { client, limit } = await start(t, create, 0)
      limit.shortage()
      const early = await client('now')
      await setTimeout(100)
      assert.equal(early.text(), '')
      await eventually(() => early.text().includes('done'))
      assert.equal(limit.isPaused, false)
    })
  })
}

describe('pauseAccepting', { skip }, () => {
  it('can be repeated, and leaves a listener that can be closed', async (t) => {
    const server = createServer((_request, response) => response.end('done'))
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    t.after(() => server.close())
    const { port } = server.address() as AddressInfo
    for (let round = 0; round < 3; round++) {
      assert.equal(pauseAccepting(server), true)
      const client = get(port, 'now')
      await setTimeout(50)
      assert.equal(client.text(), '')
      resumeAccepting(server)
      await eventually(() => client.text().includes('done'))
      client.socket.destroy()
    }
    pauseAccepting(server)
    server.close()
    await once(server, 'close')
  })

  it('ignores a server that does not listen', () => {
    assert.equal(pauseAccepting(createServer()), false)
  })
})

describe('the default of server.max_connections', () => {
  it('leaves half of the descriptors to endpoints', () => {
    assert.equal(connectionsFor(1_024, 30, 1), 473)
    assert.equal(connectionsFor(1_048_576, 30, 4), 524_225)
  })

  it('never drops below a usable minimum', () => {
    assert.equal(connectionsFor(64, 60, 8), 16)
  })

  it('follows the limit of this process', { skip }, () => {
    const limit = descriptorLimit() ?? assert.fail('not read')
    assert.match(readFileSync('/proc/self/limits', 'utf8'), new RegExp(`Max open files +${limit} `))
    assert.ok(openDescriptors() > 3)
    assert.ok(connectionLimit('auto', 1, () => {}) < limit / 2)
  })

  it('warns of more than the process can have, and treats 0 as no limit', { skip }, () => {
    const told: string[] = []
    assert.equal(
      connectionLimit(0, 1, (message) => told.push(message)),
      0,
    )
    assert.equal(told.length, 0)
    assert.equal(
      connectionLimit(10_000_000_000, 1, (message) => told.push(message)),
      10_000_000_000,
    )
    assert.equal(told.length, 1)
  })
})

async function start(t: TestContext, create: (handler: RequestListener) => Server, max: number) {
  const held: ServerResponse[] = []
  const sockets = new Set<Socket>()
  const limit = new ConnectionLimit({ max, clock: systemClock })
  let pauses = 0
  limit.observe({ paused: () => pauses++, closedIdle: () => {} })
  const server = create((request, response) => {
    if (request.url === '/hold') held.push(response)
    else response.end('done')
  })
  limit.add(server)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  t.after(() => {
    for (const socket of sockets) socket.destroy()
    server.closeAllConnections()
    server.close()
  })
  const client = async (path: string) => {
    const got = get(port, path)
    sockets.add(got.socket)
    await once(got.socket, 'connect')
    return got
  }
  return { limit, client, held, paused: () => pauses }
}

function get(port: number, path: string) {
  const socket = connect(port, '127.0.0.1')
  let text = ''
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1')
  })
  socket.on('error', () => {})
  socket.write(`GET /${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
  return { socket, text: () => text }
}

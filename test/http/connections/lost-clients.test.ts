import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { describe, it } from 'node:test'
import { LostClients, unacknowledged } from '../../../src/http/connections/lost-clients.ts'
import { FakeClock } from '../../support/fake-clock.ts'
import { eventually } from '../../support/simulator.ts'

const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0')
const head =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n'
const line = (local: number, remote: string, timer: string, repeats: number) =>
  `   1: 0100007F:${hex(local)} ${remote} 01 00000200:00000000 ${timer}:000004D2 ${hex(repeats).padStart(8, '0')}     0        0 4711 1 0000\n`
const v4 = (port: number) => `0100007F:${hex(port)}`

describe('unacknowledged', () => {
  const ports = new Set([40114])
  const rows: readonly (readonly [name: string, table: string, found: readonly string[]])[] = [
    ['one to which something is repeated', line(40114, v4(5000), '01', 3), ['127.0.0.1 5000']],
    ['one whose answer is on its way', line(40114, v4(5000), '01', 0), []],
    ['one that is asked whether it is there', line(40114, v4(5000), '02', 3), []],
    ['one without a timer', line(40114, v4(5000), '00', 3), []],
    ['one of another listener', line(40115, v4(5000), '01', 3), []],
    [
      'an IPv6 client',
      line(40114, `B80D0120000000000000000001000000:${hex(77)}`, '01', 1),
      ['2001:db8::1 77'],
    ],
    [
      'an IPv4 client of an IPv6 listener',
      line(40114, `0000000000000000FFFF00000100007F:${hex(77)}`, '01', 1),
      ['127.0.0.1 77'],
    ],
    ['no client', '', []],
    ['what is no table', 'permission denied', []],
  ]
  for (const [name, table, found] of rows) {
    it(`finds ${name}`, () => assert.deepEqual(unacknowledged(head + table, ports), found))
  }
})

describe('a client that acknowledges nothing', () => {
  it('is dropped after the time limit, and only if it never does', async (t) => {
    const clock = new FakeClock()
    let silent: readonly number[] = []
    let looks = 0
    const server = createServer()
    const lost = new LostClients({
      timeoutMs: 20_000,
      clock,
      read: async () => {
        looks++
        const { port } = server.address() as AddressInfo
        return [head + silent.map((each) => line(port, v4(each), '01', 4)).join(''), '']
      },
    })
    lost.add(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const accepted: Socket[] = []
    server.on('connection', (socket) => accepted.push(socket))
    const { port } = server.address() as AddressInfo
    const clients = [connect(port, '127.0.0.1'), connect(port, '127.0.0.1')]
    for (const client of clients) client.on('error', () => {})
    t.after(() => {
      for (const client of clients) client.destroy()
      server.closeAllConnections()
      server.close()
    })
    await eventually(() => accepted.length === 2)
    const [gone, slow] = accepted.map(({ remotePort }) => remotePort ?? 0)
    silent = [gone ?? 0, slow ?? 0]
    await clock.advance(15_000)
    silent = [gone ?? 0]
    await clock.advance(5_000)
    silent = [gone ?? 0, slow ?? 0]
    await clock.advance(5_000)
    assert.equal(accepted[0]?.destroyed, true)
    await clock.advance(10_000)
    assert.equal(accepted[1]?.destroyed, false)
    accepted[1]?.destroy()
    await eventually(() => clients[1]?.destroyed === true)
    await clock.advance(5_000)
    const before = looks
    await clock.advance(60_000)
    assert.equal(looks, before)
  })

  it('costs nothing without connected clients', async (t) => {
    const clock = new FakeClock()
    const server = createServer()
    t.after(() => server.close())
    new LostClients({ timeoutMs: 1_000, clock, read: () => assert.fail('read') }).add(server)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    await clock.advance(60_000)
    assert.equal(clock.armed, 0)
  })
})

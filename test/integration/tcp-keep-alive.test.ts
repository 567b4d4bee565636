import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { describe, it } from 'node:test'
import { openSocket, startGateway } from '../support/gateway.ts'
import { sseHead, startRawUpstream } from '../support/raw-upstream.ts'
import { eventually } from '../support/simulator.ts'

const skip = process.platform === 'linux' ? false : 'the timers of connections can be read on Linux only'

describe('TCP keep-alive towards clients', { skip }, () => {
  for (const server of ['own', 'node'] as const) {
    for (const [value, timer, idleMs] of [
      [undefined, '02', 15_000],
      ['1m', '02', 60_000],
      ['10ms', '02', 1_000],
      [0, '00', 0],
    ] as const) {
      it(`is ${timer === '02' ? 'on' : 'off'} with ${value ?? 'the default'} (http_server ${server})`, async (t) => {
        const upstream = await startRawUpstream(t, ({ socket }) => void socket.write(sseHead))
        const gateway = await startGateway(t, [{ url: upstream.url }], {
          server: { http_server: server, ...(value === undefined ? {} : { tcp_keep_alive: value }) },
        })
        const client = await openSocket(gateway.port)
        t.after(() => client.destroy())
        const { port } = client.address() as AddressInfo
        await eventually(() => timerOf(gateway.port, port) !== undefined)
        const [kind, leftMs] = timerOf(gateway.port, port) ?? assert.fail()
        assert.equal(kind, timer)
        assert.ok(leftMs <= idleMs && leftMs > idleMs - 5_000, `${leftMs} ms`)
      })
    }
  }
})

/** Kind (02 is keep-alive) and time of the timer of the gateway's end (Linux, `Documentation/networking/proc_net_tcp`). */
function timerOf(local: number, remote: number): [kind: string, leftMs: number] | undefined {
  const hex = (port: number) => port.toString(16).toUpperCase().padStart(4, '0')
  for (const line of readFileSync('/proc/net/tcp', 'utf8').split('\n')) {
    const [, own = '', other = '', , , timer = ''] = line.trim().split(/\s+/)
    if (!own.endsWith(`:${hex(local)}`) || !other.endsWith(`:${hex(remote)}`)) continue
    const [kind = '', jiffies = ''] = timer.split(':')
    return [kind, Number.parseInt(jiffies, 16) * 10]
  }
  return undefined
}

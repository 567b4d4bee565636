import { createSocket } from 'node:dgram'
import type { TestContext } from 'node:test'

/** A name server that answers each question with the same addresses. */
export interface NameServer {
  /** `host:port`. */
  readonly address: string
  /** IPv4 addresses; none: an answer without records. */
  hosts: readonly string[]
  /** Time to live of records; seconds. */
  ttl: number
  isSilent: boolean
  /** Questions that have arrived. */
  readonly questions: () => number
}

export async function startNameServer(t: TestContext, hosts: readonly string[]): Promise<NameServer> {
  const socket = createSocket('udp4')
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  t.after(() => socket.close())
  let questions = 0
  const names: NameServer = {
    address: `127.0.0.1:${socket.address().port}`,
    hosts,
    ttl: 1,
    isSilent: false,
    questions: () => questions,
  }
  socket.on('message', (query, { port, address }) => {
    questions++
    if (names.isSilent) return
    // The question ends with type and class, after the empty label.
    const end = query.indexOf(0, 12) + 5
    const head = Buffer.from([...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, names.hosts.length, 0, 0, 0, 0])
    const records = names.hosts.map((host) => {
      const record = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...host.split('.').map(Number)])
      record.writeUInt32BE(names.ttl, 6)
      return record
    })
    socket.send(Buffer.concat([head, query.subarray(12, end), ...records]), port, address)
  })
  return names
}

import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import ipaddr from 'ipaddr.js'
import type { Clock, Timer } from '../../kernel/clock.ts'

export interface LostClientsOptions {
  /** Maximum milliseconds without an acknowledgement from a client. */
  readonly timeoutMs: number
  readonly clock: Clock
  /** Reads the system's tables of TCP connections. */
  readonly read: () => Promise<readonly string[]>
}

/** Interval at which the tables are read. */
const checkIntervalMs = 10_000
const minCheckIntervalMs = 250

/**
 * Ends connections whose clients vanish during a response: the system retransmits unacknowledged data, on Linux for a
 * quarter of an hour, and Node cannot set `TCP_USER_TIMEOUT`. `/proc/net/tcp` shows pending retransmissions. TCP
 * keep-alive covers connections without data in flight.
 */
export class LostClients {
  readonly #options: LostClientsOptions
  readonly #servers = new Set<Server>()
  readonly #sockets = new Set<Socket>()
  /** Start of the period without acknowledgements; monotonic milliseconds. */
  #since = new Map<Socket, number>()
  #timer: Timer | undefined

  constructor(options: LostClientsOptions) {
    this.#options = options
  }

  /** Adds a listener, whose connections are watched from now on. */
  add(server: Server): void {
    this.#servers.add(server)
    server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
      this.#timer ??= this.#scheduleCheck()
    })
    server.once('close', () => this.#servers.delete(server))
  }

  #scheduleCheck(): Timer {
    const { clock, timeoutMs } = this.#options
    return clock.after(Math.max(minCheckIntervalMs, Math.min(checkIntervalMs, timeoutMs / 4)), () => {
      this.#check()
        .catch(() => {
          // If no descriptor is free for the tables, the next check is early enough.
        })
        .finally(() => {
          this.#timer = this.#sockets.size > 0 ? this.#scheduleCheck() : undefined
        })
    })
  }

  async #check(): Promise<void> {
    const { clock, read, timeoutMs } = this.#options
    const ports = new Set([...this.#servers].flatMap(portOf))
    const silent = new Set((await read()).flatMap((table) => unacknowledged(table, ports)))
    const before = this.#since
    this.#since = new Map()
    if (silent.size === 0) return
    const nowMs = clock.monotonicMs()
    for (const socket of this.#sockets) {
      if (!silent.has(peerOf(socket))) continue
      const sinceMs = before.get(socket) ?? nowMs
      if (nowMs - sinceMs >= timeoutMs) socket.destroy()
      else this.#since.set(socket, sinceMs)
    }
  }
}

/**
 * Clients with a pending retransmission, as `address port`.
 * @param table `/proc/net/tcp` or `tcp6` (Linux, `Documentation/networking/proc_net_tcp.rst`)
 * @param ports of the listeners
 */
export function unacknowledged(table: string, ports: ReadonlySet<number>): string[] {
  const found: string[] = []
  for (const [, port = '', address = '', peerPort = '', repeats = ''] of table.matchAll(row)) {
    if (Number.parseInt(repeats, 16) === 0 || !ports.has(Number.parseInt(port, 16))) continue
    found.push(`${addressOf(address)} ${Number.parseInt(peerPort, 16)}`)
  }
  return found
}

/** A row whose active timer (01) is the retransmission timer: own port, peer, number of retransmissions. */
const row =
  /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) ([0-9A-F]+):([0-9A-F]{4}) [0-9A-F]{2} [0-9A-F]{8}:[0-9A-F]{8} 01:[0-9A-F]{8} ([0-9A-F]{8})/gm

/** Decodes words of four bytes, each in the byte order of this machine, which is little-endian. */
function addressOf(hex: string): string {
  const bytes = Buffer.from(hex, 'hex')
  bytes.swap32()
  return ipaddr.process(ipaddr.fromByteArray([...bytes]).toString()).toString()
}

function peerOf({ remoteAddress, remotePort }: Socket): string {
  if (remoteAddress === undefined || !ipaddr.isValid(remoteAddress)) return ''
  return `${ipaddr.process(remoteAddress).toString()} ${remotePort}`
}

function portOf(server: Server): number[] {
  const address = server.address()
  return typeof address === 'object' && address !== null ? [address.port] : []
}

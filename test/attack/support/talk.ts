import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

export interface Talk {
  /** Everything that came back, in Latin-1. */
  readonly text: string
  /** Final statuses, in order. */
  readonly statuses: readonly number[]
  /** Whether the server ended the connection before the canary was sent. */
  readonly closed: boolean
}

export interface TalkOptions {
  readonly port: number
  /** Where the client seems to be: 127.x.y.z. */
  readonly from: string
  /** Latin-1; each is a packet of its own. */
  readonly parts: readonly string[]
  /** Sent once nothing comes any more, to see what the connection is good for. */
  readonly canary?: string
  /** How long nothing has to come. */
  readonly quietMs: number
}

/** One connection of an attacker, bytes as they are. */
export function talk({ port, from, parts, canary, quietMs }: TalkOptions): Promise<Talk> {
  return new Promise((resolve) => {
    const got: Buffer[] = []
    let state: 'sending' | 'listening' | 'canary' = 'sending'
    let closed = false
    let timer: NodeJS.Timeout | undefined
    const socket = connect({ port, host: '127.0.0.1', localAddress: from, noDelay: true })
    const finish = () => {
      clearTimeout(timer)
      socket.destroy()
      const text = Buffer.concat(got).toString('latin1')
      resolve({ text, statuses: finalStatuses(text), closed })
    }
    const quiet = () => {
      if (state === 'listening' && canary !== undefined) {
        state = 'canary'
        socket.write(canary, 'latin1')
        wait(3 * quietMs)
      } else finish()
    }
    const wait = (ms: number) => {
      clearTimeout(timer)
      timer = setTimeout(quiet, ms)
    }
    socket.on('data', (bytes) => {
      got.push(bytes)
      if (state !== 'sending') wait(quietMs)
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      closed = state !== 'canary'
      finish()
    })
    socket.on('connect', async () => {
      for (const [at, part] of parts.entries()) {
        if (at > 0) await delay(2)
        if (socket.destroyed) return
        socket.write(part, 'latin1')
      }
      state = 'listening'
      wait(quietMs)
    })
  })
}

function finalStatuses(text: string): number[] {
  return [...text.matchAll(/HTTP\/1\.[01] (\d{3})[ \r]/g)]
    .map(([, status]) => Number(status))
    .filter((status) => status >= 200)
}

/** 127.x.y.z by which a case is known behind a proxy. */
export function addressOf(serial: number): string {
  return `127.${16 + ((serial >> 16) & 0x7f)}.${(serial >> 8) & 0xff}.${serial & 0xff}`
}

/** Works through all items, `width` of them at a time. */
export async function pooled<T>(
  items: Iterable<T>,
  width: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  const iterator = items[Symbol.iterator]()
  const worker = async () => {
    for (let next = iterator.next(); next.done !== true; next = iterator.next()) await work(next.value)
  }
  await Promise.all(Array.from({ length: width }, worker))
}

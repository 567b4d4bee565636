import type { Multicast, MulticastListener } from './mdns-provider.ts'
import type { ServiceAnswer } from './service-records.ts'

export interface MulticastOptions {
  /** Address of the interface; default: the system's choice. */
  readonly interface?: string
  /** Default 5353. */
  readonly port?: number
  /** Address to bind; default: the interface. */
  readonly bind?: string
}

/**
 * Opens a socket with the optional package `multicast-dns`.
 * @throws Error with a code: the package is missing, or the port cannot be opened
 */
export async function openMulticast(
  listener: MulticastListener,
  options: MulticastOptions = {},
): Promise<Multicast> {
  const { default: make } = await import('multicast-dns')
  const socket = make(options)
  let isMember = false
  let problem: NodeJS.ErrnoException | undefined
  socket.on('networkInterface', () => {
    isMember = true
  })
  // Packets that cannot be read, and networks that come and go.
  socket.on('warning', (error) => {
    problem = error
  })
  await new Promise<void>((resolve, reject) => {
    // Later errors must have a listener too: without one they would end the process.
    socket.on('error', (error) => {
      reject(error)
      listener.failed(error.code ?? 'error')
    })
    socket.on('ready', () => {
      if (isMember) resolve()
      else reject(problem ?? Object.assign(new Error('no interface'), { code: 'ENODEV' }))
    })
  }).catch((error: unknown) => {
    socket.destroy()
    throw error
  })
  socket.on('response', ({ answers, additionals }) => {
    listener.answers([...answers, ...additionals].flatMap((answer) => readAnswer(answer) ?? []))
  })
  return {
    query(questions) {
      socket.query(questions, (error) => {
        if (error != null) listener.failed(error.code ?? 'error')
      })
    },
    close: () => socket.destroy(),
  }
}

function readAnswer(answer: unknown): ServiceAnswer | undefined {
  if (!isObject(answer)) return undefined
  const { type, name, ttl, data } = answer
  if (typeof name !== 'string' || typeof ttl !== 'number') return undefined
  if ((type === 'PTR' || type === 'A' || type === 'AAAA') && typeof data === 'string')
    return { type, name, ttl, data }
  if (type === 'SRV' && isObject(data) && typeof data.target === 'string' && typeof data.port === 'number') {
    return { type, name, ttl, data: { target: data.target, port: data.port } }
  }
  if (type === 'TXT') {
    const lines = (Array.isArray(data) ? data : [data]).filter(
      (line) => typeof line === 'string' || Buffer.isBuffer(line),
    )
    return { type, name, ttl, data: lines.map(String) }
  }
  return undefined
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

import type { Server } from 'node:net'

/** Node cannot leave connections in the kernel's queue: a server either accepts or drops them. */
interface ListeningHandle {
  connect(request: object, address: string, port: number): number
  readStart(): number
  readStop(): number
  listen(backlog: number): number
}

/** Node's default. */
const backlog = 511

/**
 * Stops a listener from accepting; connections wait in the kernel's queue, as with nginx and HAProxy. libuv watches a
 * listening handle for connections as it watches other handles for data, and `readStop` ends that, but only on a
 * readable handle. A `connect`, which the kernel refuses on a listening socket, makes the handle readable (libuv,
 * `uv__tcp_connect` and `uv_read_stop` in `src/unix`; Node 22 and 24 on Linux).
 * @returns false if that is impossible; nothing has changed then
 */
export function pauseAccepting(server: Server): boolean {
  const handle = handleOf(server)
  if (handle === undefined || process.platform !== 'linux') return false
  try {
    if (handle.readStart() !== 0) {
      const request = connectRequest()
      if (request === undefined || handle.connect(request, '127.0.0.1', 1) === 0) return false
      if (handle.readStart() !== 0) return false
    }
    return handle.readStop() === 0
  } catch {
    return false
  }
}

/** Resumes accepting, queued connections first. */
export function resumeAccepting(server: Server): void {
  handleOf(server)?.listen(backlog)
}

/**
 * Accepts the queued connections and shortens the queue to one: the kernel drops the first packets of further
 * connections, whose clients retry after a second.
 */
export function acceptLast(server: Server): void {
  handleOf(server)?.listen(0)
}

function handleOf(server: Server): ListeningHandle | undefined {
  const handle: unknown = Reflect.get(server, '_handle')
  return isListening(handle) ? handle : undefined
}

function isListening(handle: unknown): handle is ListeningHandle {
  return (
    typeof handle === 'object' &&
    handle !== null &&
    ['connect', 'readStart', 'readStop', 'listen'].every(
      (name) => typeof Reflect.get(handle, name) === 'function',
    )
  )
}

/** @returns undefined if Node does not expose its bindings */
function connectRequest(): object | undefined {
  const binding: unknown = Reflect.get(process, 'binding')
  if (typeof binding !== 'function') return undefined
  const Request: unknown = Reflect.get(Reflect.apply(binding, process, ['tcp_wrap']), 'TCPConnectWrap')
  return typeof Request === 'function' ? Reflect.construct(Request, []) : undefined
}

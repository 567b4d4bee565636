import type { Server } from 'node:net'

/** Node has no way to let connections wait in the kernel's queue: a server either accepts, or drops them. */
interface ListeningHandle {
  connect(request: object, address: string, port: number): number
  readStart(): number
  readStop(): number
  listen(backlog: number): number
}

/** Node's own default. */
const backlog = 511

/**
 * Stops a listener from accepting; connections wait in the kernel's queue, as with nginx and HAProxy. On its handle
 * libuv watches for connections as it watches for data elsewhere, and stops watching with `readStop`, but only for a
 * handle that can be read. A connect, which the kernel refuses to a listening socket, makes it one (libuv,
 * `uv__tcp_connect` and `uv_read_stop` in `src/unix`; Node 22 and 24 on Linux).
 * @returns whether that was possible: nothing has changed where it was not
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

/** Accepts again, first of all what has waited. */
export function resumeAccepting(server: Server): void {
  handleOf(server)?.listen(backlog)
}

/**
 * Accepts what has waited, and lets no more than one connection wait: the kernel drops the others' first packets, which
 * come again after a second.
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

/** @returns undefined where Node does not give its bindings away */
function connectRequest(): object | undefined {
  const binding: unknown = Reflect.get(process, 'binding')
  if (typeof binding !== 'function') return undefined
  const Request: unknown = Reflect.get(Reflect.apply(binding, process, ['tcp_wrap']), 'TCPConnectWrap')
  return typeof Request === 'function' ? Reflect.construct(Request, []) : undefined
}

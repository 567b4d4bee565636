import type { Socket } from 'node:net'

/** Bytes that the system has not accepted yet. During one long write the socket's own count changes only at the end. */
export function untakenBytes(socket: Socket): number {
  const handle: unknown = Reflect.get(socket, '_handle')
  const isOpen = typeof handle === 'object' && handle !== null
  const queued: unknown = isOpen ? Reflect.get(handle, 'writeQueueSize') : 0
  return socket.writableLength + (typeof queued === 'number' ? queued : 0)
}

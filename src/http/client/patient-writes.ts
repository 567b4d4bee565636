import type { Socket } from 'node:net'

type WriteCallback = (error?: Error | null) => void

/**
 * Keeps a failed write from closing the socket, so that what the other side sent before it closed can still be read:
 * a server that refuses a large body answers first and then resets the connection (nodejs/node#12339). The kernel
 * still has that answer when the write fails; the reading half meets it, and then the end of the connection.
 * @param onFailed told of each failed write; no later write will succeed
 */
export function readOnAfterFailedWrites(socket: Socket, onFailed: (error: Error) => void): void {
  const write = socket._write
  const writev = socket._writev
  // Never called back after a failure: the stream would destroy itself.
  const patient =
    (written: WriteCallback): WriteCallback =>
    (error) => {
      if (error === undefined || error === null) written()
      else onFailed(error)
    }
  socket._write = (chunk, encoding, written) => write.call(socket, chunk, encoding, patient(written))
  if (writev !== undefined)
    socket._writev = (chunks, written) => writev.call(socket, chunks, patient(written))
}

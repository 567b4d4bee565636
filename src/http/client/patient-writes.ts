import type { Socket } from 'node:net'

type WriteCallback = (error?: Error | null) => void

/**
 * Keeps a failed write from closing the socket, so that the client can still read what the server sent before it
 * closed: a server that rejects a large body responds first and then resets the connection (nodejs/node#12339). When
 * the write fails, the kernel still holds that response; the reading side gets it, followed by the end of the
 * connection.
 * @param onFailed called for each failed write; no later write succeeds
 */
export function readOnAfterFailedWrites(socket: Socket, onFailed: (error: Error) => void): void {
  const write = socket._write
  const writev = socket._writev
  // Never calls back after a failure: the stream would destroy itself.
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

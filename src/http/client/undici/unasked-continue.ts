import type { Socket } from 'node:net'

const interimHead = /^HTTP\/1\.[01] 1\d\d/
const headEnd = Buffer.from('\r\n\r\n')
/** Offset of the last digit of the status. */
const digitAt = 11

/**
 * undici closes a connection that receives `100 Continue`, since it never requests it; clients may skip it (RFC 9110
 * section 15.2.1). Changed to 102, undici treats it as any other interim response.
 * @param expectsHead whether the next bytes begin a response
 */
export function readPastContinue(socket: Socket, expectsHead: () => boolean): void {
  const read = socket.read
  socket.read = (size?: number): unknown => {
    const bytes: unknown = read.call(socket, size)
    if (Buffer.isBuffer(bytes) && expectsHead()) renumber(bytes)
    return bytes
  }
}

function renumber(bytes: Buffer): void {
  for (let at = 0; interimHead.test(bytes.toString('latin1', at, at + digitAt + 1)); ) {
    if (bytes.toString('latin1', at + digitAt - 2, at + digitAt + 1) === '100') bytes[at + digitAt] = 0x32
    const end = bytes.indexOf(headEnd, at)
    if (end < 0) return
    at = end + headEnd.length
  }
}

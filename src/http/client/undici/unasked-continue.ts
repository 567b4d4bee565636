import type { Socket } from 'node:net'

const interimHead = /^HTTP\/1\.[01] 1\d\d/
const headEnd = Buffer.from('\r\n\r\n')
/** Where the last digit of the status is. */
const digitAt = 11

/**
 * undici ends a connection on which `100 Continue` comes, since it never asks for it; a client may also read past it
 * (RFC 9110 section 15.2.1). As 102 it is an interim answer like any other to undici.
 * @param expectsHead whether the next bytes begin an answer
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

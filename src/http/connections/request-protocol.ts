import type { Socket } from 'node:net'
import { giveBack } from '../../kernel/memory/give-back.ts'

const cr = 0x0d
const lf = 0x0a

/**
 * Whether a request that Node's parser has just read began as one of RTSP or ICE, which the parser treats as HTTP of
 * the same version. Detected only if the packet begins with the request.
 */
export function speaksOtherProtocol(socket: Socket): boolean {
  const packet = currentPacket(socket)
  if (packet === undefined) return false
  let start = 0
  while (packet[start] === cr || packet[start] === lf) start++
  const end = packet.indexOf(cr, start)
  const protocol = packet.lastIndexOf(' ', end) + 1
  if (end < 0 || protocol <= start) return false
  const found = packet.toString('latin1', protocol, end)
  giveBack(packet)
  return found.startsWith('RTSP/') || found.startsWith('ICE/')
}

/** The packet that Node's parser is reading; the parser exposes it only beside its errors. */
function currentPacket(socket: Socket): Buffer | undefined {
  const parser: unknown = Reflect.get(socket, 'parser')
  const read: unknown =
    typeof parser === 'object' && parser !== null ? Reflect.get(parser, 'getCurrentBuffer') : undefined
  const packet: unknown = typeof read === 'function' ? Reflect.apply(read, parser, []) : undefined
  return Buffer.isBuffer(packet) ? packet : undefined
}

const addressBytes = 6
const repetitions = 16

/**
 * The payload of a Wake-on-LAN packet: six bytes of ones, then the hardware address sixteen times, 102 bytes in all
 * (AMD, Magic Packet Technology, 20213).
 * @param mac six hexadecimal bytes, with `:`, `-` or nothing between them
 */
export function magicPacket(mac: string): Buffer {
  const address = Buffer.from(mac.replace(/[:-]/g, ''), 'hex')
  if (address.length !== addressBytes) throw new RangeError(`not a hardware address: ${mac}`)
  return Buffer.concat([Buffer.alloc(addressBytes, 0xff), ...Array(repetitions).fill(address)])
}

import { randomBytes } from 'node:crypto'

const maxInboundIdLength = 128

/**
 * Adopts a client's own ID if it is short and printable without spaces, because the gateway writes it to logs and
 * headers.
 * @returns undefined if the ID is unsuitable
 */
export function adoptRequestId(inbound: string | readonly string[] | undefined): string | undefined {
  if (typeof inbound !== 'string' || inbound.length === 0 || inbound.length > maxInboundIdLength)
    return undefined
  return /^[\x21-\x7e]+$/.test(inbound) ? inbound : undefined
}

const animals = [
  'llama',
  'alpaca',
  'vicuna',
  'guanaco',
  'camel',
  'cria',
  'suri',
  'huacaya',
  'dromedary',
  'bactrian',
]
const doings = [
  'grazing',
  'humming',
  'trotting',
  'resting',
  'climbing',
  'pacing',
  'dozing',
  'browsing',
  'roaming',
  'gazing',
]

/** Random bytes are generated for many IDs at once: each call to the generator costs a microsecond. */
const poolBytes = 4096

/** Creates readable IDs: `<animal>-<doing>-<8 hex digits>`. */
export function createRequestIds(random: (bytes: number) => Buffer = randomBytes): () => string {
  let pool: Buffer = Buffer.alloc(0)
  let poolHex = ''
  let at = 0
  return () => {
    if (at + 6 > pool.length) {
      pool = random(poolBytes)
      poolHex = pool.toString('hex')
      at = 0
    }
    const animal = animals[(pool[at] ?? 0) % animals.length]
    const doing = doings[(pool[at + 1] ?? 0) % doings.length]
    const hex = poolHex.slice(2 * (at + 2), 2 * (at + 6))
    at += 6
    return `${animal}-${doing}-${hex}`
  }
}

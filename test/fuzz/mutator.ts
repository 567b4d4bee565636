import { pick } from '../attack/support/random.ts'

const pieces: readonly Buffer[] = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  ' ',
  '\t',
  ':',
  ',',
  ';',
  '"',
  '\\',
  '\\"',
  '\\u0000',
  '{',
  '}',
  '[',
  ']',
  '{"a":',
  '[[[[',
  '0',
  '-1',
  '1e999',
  '9'.repeat(20),
  'ffffffff',
  'null',
  'true',
  '--',
  '--x',
  '&',
  '=',
  '%',
  '%zz',
  '+',
  '#',
  '|',
  '*a',
  '&a',
  '- ',
  '${',
  'data:',
  'event:',
  'data: [DONE]\n\n',
  'Content-Length: 3\r\n',
  'Transfer-Encoding: chunked\r\n',
  '0\r\n\r\n',
  '\x7f',
  '\x80',
  '\xff',
  '\xed\xa0\x80',
  '\xef\xbb\xbf',
].map((piece) => Buffer.from(piece, 'latin1'))
const maxBytes = 20_000

/** A seed with a few changes: bytes flipped, pieces put in or left out, parts said twice, two seeds put together. */
export function mutated(seeds: readonly Buffer[], random: () => number): Buffer {
  let bytes = pick(random, seeds)
  const changes = 1 + Math.floor(random() ** 2 * 6)
  for (let change = 0; change < changes; change++) bytes = changed(bytes, seeds, random).subarray(0, maxBytes)
  return bytes
}

function changed(bytes: Buffer, seeds: readonly Buffer[], random: () => number): Buffer {
  const at = Math.floor(random() * (bytes.length + 1))
  const end = Math.min(bytes.length, at + 1 + Math.floor(random() ** 3 * 200))
  const [before, part, rest] = [bytes.subarray(0, at), bytes.subarray(at, end), bytes.subarray(end)]
  switch (Math.floor(random() * 6)) {
    case 0:
      return Buffer.concat([before, pick(random, pieces), bytes.subarray(at)])
    case 1:
      return Buffer.concat([before, rest])
    case 2:
      return Buffer.concat([before, part, part, rest])
    case 3:
      return Buffer.concat([before, Buffer.from([Math.floor(random() * 256)]), bytes.subarray(at + 1)])
    case 4:
      return Buffer.concat([before, pick(random, pieces), rest])
    default: {
      const other = pick(random, seeds)
      return Buffer.concat([before, other.subarray(Math.floor(random() * other.length))])
    }
  }
}

/** Cuts bytes at up to eight places, or behind each byte. */
export function cut(bytes: Buffer, random: () => number): Buffer[] {
  const places =
    random() < 0.2 && bytes.length < 2_000
      ? Array.from(bytes, (_, at) => at + 1)
      : Array.from({ length: Math.floor(random() * 8) }, () => Math.floor(random() * bytes.length)).sort(
          (a, b) => a - b,
        )
  return [0, ...places]
    .map((from, at) => bytes.subarray(from, places[at] ?? bytes.length))
    .filter(({ length }) => length > 0)
}

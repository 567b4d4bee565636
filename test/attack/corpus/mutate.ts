import { pick } from '../support/random.ts'
import { type Case, get, smuggled } from './case.ts'

const pieces = [
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\0',
  ' ',
  '\t',
  '\x0b',
  ':',
  ',',
  ';',
  '-',
  '_',
  '0',
  '1',
  'a',
  'f',
  '#',
  '?',
  '%',
  '"',
  '\x7f',
  '\x80',
  '\xff',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  'Host: x\r\n',
  'Connection: close\r\n',
  'Connection: keep-alive\r\n',
  'Expect: 100-continue\r\n',
  'Upgrade: x\r\n',
  ' HTTP/1.1',
  'HTTP/1.0',
  '0\r\n\r\n',
  '5\r\nabcde\r\n',
  get(),
  smuggled,
]

/**
 * A case with up to four changes, most often one: what parsers differ in is seldom further away.
 * @param good cases that are served as they are; most are made of these
 */
export function mutated(cases: readonly Case[], good: readonly Case[], random: () => number): Case {
  const { family, name, bytes } = pick(random, good.length > 0 && random() < 0.8 ? good : cases)
  let text = bytes.length > 20_000 ? bytes.slice(0, 20_000) : bytes
  const changes = 1 + Math.floor(random() ** 3 * 4)
  for (let change = 0; change < changes; change++) text = changed(text, random, cases)
  return { family: 'mutated', name: `${family}: ${name}`, bytes: text }
}

function changed(text: string, random: () => number, cases: readonly Case[]): string {
  // Most of the rules are at the beginning.
  const at = Math.floor(random() ** 2 * (text.length + 1))
  const length = 1 + Math.floor(random() * 4)
  switch (Math.floor(random() * 7)) {
    case 0:
      return text.slice(0, at) + pick(random, pieces) + text.slice(at)
    case 1:
      return text.slice(0, at) + text.slice(at + length)
    case 2:
      return text.slice(0, at) + pick(random, pieces) + text.slice(at + length)
    case 3:
      return text.slice(0, at) + String.fromCharCode(Math.floor(random() * 256)) + text.slice(at + 1)
    case 4: {
      const lines = text.split('\r\n')
      const from = Math.floor(random() * lines.length)
      return lines.toSpliced(Math.floor(random() * lines.length), 0, lines[from] ?? '').join('\r\n')
    }
    case 5: {
      const other = pick(random, cases).bytes
      return text.slice(0, at) + other.slice(Math.floor(random() * other.length), 2_000)
    }
    default:
      return text + pick(random, cases).bytes.slice(0, 2_000)
  }
}

/** Where the network may cut it: whole, at the end of the head, one behind, before the last byte, in the middle. */
export function cuts(bytes: string): readonly (readonly string[])[] {
  const headEnd = bytes.indexOf('\r\n\r\n') + 4
  const places = new Set([headEnd, headEnd + 1, headEnd - 2, bytes.length - 1, bytes.length >> 1])
  const cut = [...places].filter((at) => at > 0 && at < bytes.length)
  return [[bytes], ...cut.map((at) => [bytes.slice(0, at), bytes.slice(at)])]
}

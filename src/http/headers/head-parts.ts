import { headerName } from './header-name.ts'

/** The head of a message before it is serialized. All texts are Latin-1. */
export interface HeadParts {
  /** The first line, and fields that precede the others. */
  readonly start: string
  /** Flat name/value pairs. */
  readonly headers: readonly string[]
  /** Fields that follow the others, and the empty line. */
  readonly end: string
  /** Length of the whole head. */
  readonly bytes: number
}

const cr = 0x0d
const lf = 0x0a
/** Bytes of a field besides its name and value. */
const fieldBytes = 4

export function headParts(start: string, headers: readonly string[], end: string): HeadParts {
  let bytes = start.length + end.length
  for (let at = 0; at + 1 < headers.length; at += 2)
    bytes += (headers[at] ?? '').length + (headers[at + 1] ?? '').length + fieldBytes
  return { start, headers, end, bytes }
}

/** Writes a head into memory that has room for it. @returns the offset after it */
export function writeHead(memory: Buffer, offset: number, { start, headers, end }: HeadParts): number {
  let at = writeLatin1(memory, offset, start)
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const { label } = headerName(headers[index] ?? '')
    memory.set(label, at)
    at = writeLatin1(memory, at + label.length, headers[index + 1] ?? '')
    memory[at] = cr
    memory[at + 1] = lf
    at += 2
  }
  return writeLatin1(memory, at, end)
}

/** Up to this length a loop takes less time than `Buffer.write`. */
const loopLength = 24

/** Writes a text. To join texts first would allocate two or three times their length. @returns the offset after it */
export function writeLatin1(memory: Buffer, offset: number, text: string): number {
  const { length } = text
  if (length > loopLength) return offset + memory.write(text, offset, 'latin1')
  for (let at = 0; at < length; at++) memory[offset + at] = text.charCodeAt(at)
  return offset + length
}

export function headText(head: HeadParts): string {
  const memory = Buffer.alloc(head.bytes)
  writeHead(memory, 0, head)
  return memory.toString('latin1')
}

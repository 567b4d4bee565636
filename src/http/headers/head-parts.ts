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

const colon = 0x3a
const blank = 0x20
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
    at = writeLatin1(memory, at, headers[index] ?? '')
    memory[at] = colon
    memory[at + 1] = blank
    at = writeLatin1(memory, at + 2, headers[index + 1] ?? '')
    memory[at] = cr
    memory[at + 1] = lf
    at += 2
  }
  return writeLatin1(memory, at, end)
}

/**
 * Writes a short text. For such texts a loop takes less time than `Buffer.write`, and joining them to one text first
 * would allocate two or three times its length.
 * @returns the offset after it
 */
export function writeLatin1(memory: Buffer, offset: number, text: string): number {
  for (let at = 0; at < text.length; at++) memory[offset + at] = text.charCodeAt(at)
  return offset + text.length
}

export function headText(head: HeadParts): string {
  const memory = Buffer.alloc(head.bytes)
  writeHead(memory, 0, head)
  return memory.toString('latin1')
}

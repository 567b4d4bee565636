/** Position of a value that is still encoded; `end` is exclusive. */
export interface FieldSpan {
  readonly start: number
  readonly end: number
}

/** One field of a form or a query. */
export interface FormField extends FieldSpan {
  /** The decoded value. */
  readonly value: string
}

const ampersand = 0x26
const equals = 0x3d
/** Longer values are truncated: the start is enough to reject the name of a model as too long. */
const maxValueBytes = 8_192

/**
 * Finds the first field with this name and a non-empty value in a form or a query
 * (https://url.spec.whatwg.org/#urlencoded-parsing).
 * @param name plain ASCII
 */
export function findField(text: Buffer, name: string): FormField | undefined {
  let start = 0
  let mark = -1
  while (start < text.length) {
    const next = text.indexOf(ampersand, start)
    const end = next < 0 ? text.length : next
    // Searches for each `=` only once, however many fields without one precede it.
    if (mark < start) mark = text.indexOf(equals, start)
    if (mark < 0) return undefined
    if (mark < end && isName(text, start, mark, name)) {
      const valueEnd = Math.min(end, mark + 1 + maxValueBytes)
      const value = decodeField(text.toString('latin1', mark + 1, valueEnd)).trim()
      if (value !== '') return { value, start: mark + 1, end }
    }
    start = end + 1
  }
  return undefined
}

/** Does the same for a query that starts with `?`; offsets are relative to the `?`. */
export function findQueryField(query: string, name: string): FormField | undefined {
  if (query.length < 2) return undefined
  const found = findField(Buffer.from(query.slice(1), 'latin1'), name)
  return found === undefined ? undefined : { value: found.value, start: found.start + 1, end: found.end + 1 }
}

/** Encodes a text as the value of a field. */
export function encodeField(value: string): string {
  // A lone surrogate has no UTF-8 encoding.
  return encodeURIComponent(value.toWellFormed())
}

function isName(text: Buffer, start: number, end: number, name: string): boolean {
  // The sender may have escaped each byte.
  if (end - start < name.length || end - start > 3 * name.length) return false
  return decodeField(text.toString('latin1', start, end)) === name
}

/** Decodes a name or a value. As the URL standard requires, invalid escapes stay unchanged. */
function decodeField(text: string): string {
  if (!/[%+\x80-\xff]/.test(text)) return text
  const bytes = text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

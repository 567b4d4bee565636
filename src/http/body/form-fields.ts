/** A text where it stands, still encoded: `end` is exclusive. */
export interface FieldSpan {
  readonly start: number
  readonly end: number
}

/** One field of a form or a query. */
export interface FormField extends FieldSpan {
  /** Decoded. */
  readonly value: string
}

const ampersand = 0x26
const equals = 0x3d
/** Of a longer value the beginning says that it is too long: a model's name is short. */
const longestValue = 8_192

/**
 * The first field of a name that is not empty, in a form or a query
 * (https://url.spec.whatwg.org/#urlencoded-parsing). An empty value counts as not given.
 * @param name plain ASCII
 */
export function findField(text: Buffer, name: string): FormField | undefined {
  let start = 0
  let mark = -1
  while (start < text.length) {
    const next = text.indexOf(ampersand, start)
    const end = next < 0 ? text.length : next
    // Looked for once, however many fields come before it.
    if (mark < start) mark = text.indexOf(equals, start)
    if (mark < 0) return undefined
    if (mark < end && isName(text, start, mark, name)) {
      const valueEnd = Math.min(end, mark + 1 + longestValue)
      const value = decodeField(text.toString('latin1', mark + 1, valueEnd)).trim()
      if (value !== '') return { value, start: mark + 1, end }
    }
    start = end + 1
  }
  return undefined
}

/** The same for a query with its `?`; offsets count from its beginning. */
export function findQueryField(query: string, name: string): FormField | undefined {
  if (query.length < 2) return undefined
  const found = findField(Buffer.from(query.slice(1), 'latin1'), name)
  return found === undefined ? undefined : { value: found.value, start: found.start + 1, end: found.end + 1 }
}

/** A text as the value of a field. */
export function encodeField(value: string): string {
  // A lone surrogate has no UTF-8.
  return encodeURIComponent(value.toWellFormed())
}

function isName(text: Buffer, start: number, end: number, name: string): boolean {
  // Each byte may be escaped.
  if (end - start < name.length || end - start > 3 * name.length) return false
  return decodeField(text.toString('latin1', start, end)) === name
}

/** Escapes that are none stay as they are, as everywhere in forms. */
function decodeField(text: string): string {
  if (!/[%+\x80-\xff]/.test(text)) return text
  const bytes = text
    .replaceAll('+', ' ')
    .replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8')
}

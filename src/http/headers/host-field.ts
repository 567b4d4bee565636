/** `uri-host [ ":" port ]` (RFC 9110 section 7.2); an `http` URI must have a host (section 4.2.1). */
const shape = /^(?!\.|[^:]*\.\.)(?:\[[\da-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})+)(?::\d{0,5})?$/i

/** The last valid value; most requests repeat it. */
let lastValid = ''

/** Whether a value is valid in `Host`. */
export function isHost(value: string): boolean {
  if (value === lastValid) return true
  if (!shape.test(value)) return false
  lastValid = value
  return true
}

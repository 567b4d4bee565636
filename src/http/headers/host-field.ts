/** `uri-host [ ":" port ]` (RFC 9110 section 7.2); a URI of `http` has a host (section 4.2.1). */
const shape = /^(?!\.|[^:]*\.\.)(?:\[[\da-f:.]+\]|(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})+)(?::\d{0,5})?$/i

/** Most requests have the one before's. */
let lastValid = ''

/** Whether a value can stand in `Host`. */
export function isHost(value: string): boolean {
  if (value === lastValid) return true
  if (!shape.test(value)) return false
  lastValid = value
  return true
}

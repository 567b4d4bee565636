/** `uri-host [ ":" port ]` (RFC 9110 section 7.2), empty where the target has no authority. */
const shape = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i

/** Most requests have the one before's. */
let lastValid = ''

/** Whether a value can stand in `Host`. */
export function isHost(value: string): boolean {
  if (value === lastValid) return true
  if (!shape.test(value)) return false
  lastValid = value
  return true
}

let second = Number.NaN
let text = ''

/** The date as RFC 9110 section 5.6.7 formats it; computed once per second. */
export function httpDate(nowMs: number): string {
  const now = Math.floor(nowMs / 1000)
  if (now !== second) {
    second = now
    text = new Date(nowMs).toUTCString()
  }
  return text
}

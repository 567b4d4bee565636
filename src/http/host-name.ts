import ipaddr from 'ipaddr.js'

export interface HostName {
  /** In lower case, without a trailing dot; an IPv6 address in brackets. */
  readonly name: string
  readonly port: number | undefined
}

/** Splits a `Host` field; undefined if it is malformed (RFC 9110 section 7.2). */
export function readHost(host: string): HostName | undefined {
  const match = /^(\[[^\]]+\]|[^:[\]\s/@]+)(?::(\d{0,5}))?$/.exec(host.trim())
  if (match === null) return undefined
  const { 1: name = '', 2: port = '' } = match
  return { name: normalName(name), port: port === '' ? undefined : Number(port) }
}

/** Removes a trailing dot, which does not change the name. */
export function normalName(name: string): string {
  return name.trim().toLowerCase().replace(/\.$/, '')
}

/** @param name as `readHost` returns it */
export function isIpLiteral(name: string): boolean {
  // `isValid` also accepts `127.1` and `0x7f.1`, which browsers normalize.
  return name.startsWith('[')
    ? ipaddr.IPv6.isValid(name.slice(1, -1))
    : ipaddr.IPv4.isValidFourPartDecimal(name)
}

/** Truncates a header value for a message, so that a log line stays short. */
export function shownValue(value: string | undefined): string {
  return (value ?? '').replace(/[^\x21-\x7e]/g, '?').slice(0, 100)
}

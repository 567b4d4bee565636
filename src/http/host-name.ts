import ipaddr from 'ipaddr.js'

export interface HostName {
  /** In lower case, without a trailing dot; an IPv6 address in brackets. */
  readonly name: string
  readonly port: number | undefined
}

/** The parts of a `Host` field; undefined where it is not well-formed (RFC 9110 section 7.2). */
export function readHost(host: string): HostName | undefined {
  const match = /^(\[[^\]]+\]|[^:[\]\s/@]+)(?::(\d{0,5}))?$/.exec(host.trim())
  if (match === null) return undefined
  const { 1: name = '', 2: port = '' } = match
  return { name: normalName(name), port: port === '' ? undefined : Number(port) }
}

/** A trailing dot is the same name. */
export function normalName(name: string): string {
  return name.trim().toLowerCase().replace(/\.$/, '')
}

/** @param name as `readHost` gives it */
export function isIpLiteral(name: string): boolean {
  // `isValid` takes `127.1` and `0x7f.1` as well, which no browser keeps as they are.
  return name.startsWith('[')
    ? ipaddr.IPv6.isValid(name.slice(1, -1))
    : ipaddr.IPv4.isValidFourPartDecimal(name)
}

/** A header value that goes into a text is cut, so that a log line stays one. */
export function shownValue(value: string | undefined): string {
  return (value ?? '').replace(/[^\x21-\x7e]/g, '?').slice(0, 100)
}

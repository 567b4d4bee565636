/** What an attacker sends on one connection. */
export interface Case {
  readonly family: string
  readonly name: string
  /** Latin-1. */
  readonly bytes: string
}

/** A path that only the inside of a body asks for: where an endpoint is asked for it, a request was smuggled. */
export const smuggledPath = '/olla/proxy/smuggled'
export const smuggled = `GET ${smuggledPath} HTTP/1.1\r\nHost: localhost\r\n\r\n`

export const path = '/olla/proxy/t'
export const host = 'Host: localhost\r\n'
const type = 'Content-Type: application/octet-stream\r\n'

/** A head of POST with these lines before its end. */
export function post(lines: string, body = '', target = path): string {
  return `POST ${target} HTTP/1.1\r\n${host}${type}${lines}\r\n${body}`
}

export function get(lines = '', target = path): string {
  return `GET ${target} HTTP/1.1\r\n${host}${lines}\r\n`
}

export function sized(body: string, lines = ''): string {
  return post(`${lines}Content-Length: ${Buffer.byteLength(body, 'latin1')}\r\n`, body)
}

export function chunk(data: string): string {
  return `${data.length.toString(16)}\r\n${data}\r\n`
}

export const lastChunk = '0\r\n\r\n'

export function cases(family: string, bytesByName: Readonly<Record<string, string>>): Case[] {
  return Object.entries(bytesByName).map(([name, bytes]) => ({ family, name, bytes }))
}

/** One case for each spelling, whose name it is. */
export function spelt(
  family: string,
  spellings: readonly string[],
  bytesOf: (spelling: string) => string,
): Case[] {
  return spellings.map((spelling) => ({ family, name: JSON.stringify(spelling), bytes: bytesOf(spelling) }))
}

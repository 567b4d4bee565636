import { createHash } from 'node:crypto'

/** A Lua script that the server runs atomically. */
export interface Script {
  readonly name: string
  readonly source: string
  readonly sha: string
}

export function script(name: string, source: string): Script {
  return { name, source, sha: createHash('sha1').update(source).digest('hex') }
}

/** The server's time in milliseconds as the local `now`; the clocks of replicas are never compared. */
export const serverNow = `local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`

import type { Member } from '../contract/status.ts'

export type BeatReply =
  | { readonly kind: 'schema'; readonly version: string }
  | {
      readonly kind: 'ok'
      readonly isNew: boolean
      readonly members: readonly Member[]
      /** The server's time. */
      readonly nowMs: number | undefined
      /** Of the server's data. */
      readonly epoch: string
    }

/** Reads what `beatScript` returns. @throws Error if it is something else */
export function parseBeat(reply: unknown): BeatReply {
  if (!Array.isArray(reply)) throw new Error('unexpected answer of the server')
  const [kind, second, ...rest] = reply.map(String)
  if (kind === 'schema') return { kind, version: second ?? '' }
  if (kind !== 'ok') throw new Error('unexpected answer of the server')
  const members: Member[] = []
  for (let at = 0; at + 3 < rest.length; at += 4) {
    const info = record(rest[at + 1])
    const load = Object.entries(record(rest[at + 2])).filter(
      (entry): entry is [string, number] => typeof entry[1] === 'number',
    )
    members.push({
      id: rest[at] ?? '',
      version: String(info.version ?? ''),
      host: String(info.host ?? ''),
      startedAtMs: Number(info.startedAtMs ?? 0),
      requests: count(info.requests),
      roundTripMs: count(info.roundTripMs),
      load: Object.fromEntries(load),
      ageMs: Math.max(0, Number(rest[at + 3])),
    })
  }
  members.sort((a, b) => (a.id < b.id ? -1 : 1))
  const [nowMs, epoch = ''] = rest.slice(rest.length - (rest.length % 4))
  return {
    kind,
    isNew: second === '1',
    members,
    nowMs: nowMs === undefined ? undefined : Number(nowMs),
    epoch,
  }
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' ? value : undefined
}

function record(text = ''): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

import { beatScript, leaveScript } from '../../src/cluster/scripts/beat.ts'
import { placesScript } from '../../src/cluster/scripts/places.ts'
import { publishScript } from '../../src/cluster/scripts/publish.ts'
import { announceScript, recallScript } from '../../src/cluster/scripts/transitions.ts'

type Run = (keys: readonly string[], args: readonly string[]) => unknown
type Publish = (channel: string, message: string) => void

/**
 * The server in memory: its scripts, written once more in TypeScript. A test compares them with those that a real server
 * runs.
 */
export class ModelServer {
  readonly #nowMs: () => number
  readonly #publish: Publish
  readonly #scripts: ReadonlyMap<string, Run>
  readonly #alive = new Map<string, number>()
  readonly #members = new Map<string, string>()
  readonly #load = new Map<string, string>()
  readonly #places = new Map<string, { holds: number; need: number }>()
  readonly #state = new Map<string, { atMs: number; text: string }>()
  readonly #calls = new Map<string, number>()
  /** By the key of a replica's calls. */
  readonly #epochs = new Map<string, string>()
  #schema: string | undefined
  #epoch: string | undefined

  constructor(nowMs: () => number, publish: Publish) {
    this.#nowMs = nowMs
    this.#publish = publish
    this.#scripts = new Map<string, Run>([
      [beatScript.sha, (keys, args) => this.#beat(keys, args)],
      [leaveScript.sha, (_keys, args) => this.#leave(args)],
      [placesScript.sha, (keys, args) => this.#setPlaces(keys, args)],
      [publishScript.sha, (_keys, [channel = '', message = '']) => this.#publish(channel, message)],
      [announceScript.sha, (_keys, args) => this.#announce(args)],
      [recallScript.sha, () => this.#recall()],
    ])
  }

  /** @param args of `EVALSHA` */
  run(args: readonly string[]): unknown {
    const [, sha = '', count = '0', ...rest] = args
    const script = this.#scripts.get(sha)
    if (script === undefined) throw new Error('NOSCRIPT')
    return script(rest.slice(0, Number(count)), rest.slice(Number(count)))
  }

  /** Replicas that count as holders of places. */
  get holders(): ReadonlySet<string> {
    const nowMs = this.#nowMs()
    const ids = [...this.#alive].filter(([, untilMs]) => untilMs >= nowMs).map(([id]) => id)
    return new Set(ids)
  }

  /** It starts again without its data. */
  clear(): void {
    for (const map of [
      this.#alive,
      this.#members,
      this.#load,
      this.#places,
      this.#state,
      this.#calls,
      this.#epochs,
    ])
      map.clear()
    this.#schema = undefined
    this.#epoch = undefined
  }

  #beat(
    keys: readonly string[],
    [me = '', memberMs = '0', schema = '', info = '', load = '']: readonly string[],
  ): unknown {
    const nowMs = this.#nowMs()
    if (this.#schema !== undefined && this.#schema !== schema) {
      if ([...this.#alive.values()].some((untilMs) => untilMs >= nowMs)) return ['schema', this.#schema]
      this.clear()
    }
    for (const [id, untilMs] of this.#alive) if (untilMs < nowMs) this.#forget(id)
    if (this.#epoch === undefined || this.#alive.size === 0) this.#epoch = `${nowMs} ${me}`
    this.#epochs.set(keys[8] ?? '', this.#epoch)
    const isNew = !this.#alive.has(me)
    this.#alive.set(me, nowMs + Number(memberMs))
    this.#members.set(me, info)
    this.#load.set(me, load)
    this.#schema = schema
    const ids = [...this.#alive.keys()]
    return [
      'ok',
      Number(isNew),
      ...ids.flatMap((id) => [
        id,
        this.#members.get(id) ?? '{}',
        this.#load.get(id) ?? '{}',
        nowMs + Number(memberMs) - (this.#alive.get(id) ?? 0),
      ]),
      nowMs,
      this.#epoch,
    ]
  }

  #leave([me = '', channel = '', message = '']: readonly string[]): string {
    this.#forget(me)
    this.#publish(channel, message)
    return 'ok'
  }

  #forget(id: string): void {
    for (const map of [this.#alive, this.#members, this.#load]) map.delete(id)
    for (const field of this.#places.keys()) if (field.endsWith(`\n${id}`)) this.#places.delete(field)
  }

  #setPlaces([, , calls = '']: readonly string[], args: readonly string[]): unknown {
    const [me = '', numberText = '0', channel = '', epoch = '', ...rest] = args
    const nowMs = this.#nowMs()
    if ((this.#alive.get(me) ?? Number.NEGATIVE_INFINITY) < nowMs) return ['lost']
    if (this.#epochs.get(calls) !== epoch) return ['lost']
    if ((this.#calls.get(calls) ?? 0) > Number(numberText)) return ['late']
    this.#calls.set(calls, Number(numberText))
    const members = [...this.#alive].filter(([, untilMs]) => untilMs >= nowMs).map(([id]) => id)
    const out: unknown[] = ['ok']
    const news: unknown[] = []
    for (let at = 0; at < rest.length; at += 7) {
      const endpoint = rest[at] ?? ''
      const [max = 0, need = 0, reserve = 0, keep = 0, most = 0, asks = 0] = rest
        .slice(at + 1, at + 7)
        .map(Number)
      let [others, wanting, held] = [0, 0, 0]
      let [isUnmet, isStarving] = [false, false]
      for (const id of members) {
        const row = this.#places.get(`${endpoint}\n${id}`)
        if (row === undefined) continue
        if (id === me) {
          held = row.holds
          continue
        }
        others += row.holds
        if (row.need > 0) wanting++
        if (row.need > row.holds) {
          isUnmet = true
          if (row.holds === 0) isStarving = true
        }
      }
      let allowed = Math.min(isUnmet ? need : need + reserve, most, Math.max(0, max - others))
      if (isUnmet) allowed = Math.min(allowed, Math.ceil(max / (wanting + 1)))
      if (isStarving && held > 0 && max - others - held < 1) allowed = Math.min(allowed, held - 1)
      const holds = Math.max(allowed, keep)
      if (holds === 0 && need === 0) this.#places.delete(`${endpoint}\n${me}`)
      else this.#places.set(`${endpoint}\n${me}`, { holds, need })
      if (holds < held && isUnmet) news.push(['free', endpoint])
      if (need > allowed && others > 0 && asks === 1) news.push(['wanted', endpoint, holds])
      out.push(holds, allowed, Number(isUnmet))
    }
    if (news.length > 0) this.#publish(channel, JSON.stringify({ kind: 'places', by: me, endpoints: news }))
    return out
  }

  #announce([channel = '', message = '', ...states]: readonly string[]): string {
    for (let at = 0; at + 1 < states.length; at += 2)
      this.#state.set(states[at] ?? '', { atMs: this.#nowMs(), text: states[at + 1] ?? '' })
    this.#publish(channel, message)
    return 'ok'
  }

  #recall(): unknown {
    const nowMs = this.#nowMs()
    return [...this.#state].flatMap(([name, { atMs, text }]) => [name, nowMs - atMs, text])
  }
}

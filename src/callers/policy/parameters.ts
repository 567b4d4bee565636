import type { Policy } from '../../config/schema/callers-schema.ts'
import { canonicalPath } from '../../kernel/canonical-path.ts'
import { type BodyEdit, editBody } from '../../kernel/json/body-edit.ts'
import { BodyMembers } from '../../kernel/json/body-members.ts'
import { decodeString, openBrace, skipSpace } from '../../kernel/json/json-bytes.ts'
import { Remembered } from '../../kernel/remembered.ts'

/** Names of the maximum of generated tokens. A policy names all of them `max_tokens`. */
const maxTokenNames = [
  'max_tokens',
  'max_completion_tokens',
  'max_output_tokens',
  'max_new_tokens',
  'n_predict',
  'num_predict',
] as const
type MaxTokenName = (typeof maxTokenNames)[number]
const isMaxTokens: ReadonlySet<string> = new Set(maxTokenNames)

/** Where an operation has its parameters. */
interface Place {
  readonly path: RegExp
  readonly maxTokens: MaxTokenName
  /** The member that holds them; undefined for the body itself. */
  readonly holder: 'options' | undefined
}

const places: readonly Place[] = [
  { path: /\/responses$/, maxTokens: 'max_output_tokens', holder: undefined },
  { path: /\/(?:completions|messages)$/, maxTokens: 'max_tokens', holder: undefined },
  { path: /\/api\/(?:chat|generate)$/, maxTokens: 'num_predict', holder: 'options' },
  { path: /\/(?:completion|infill)$/, maxTokens: 'n_predict', holder: undefined },
]

/** Parameters of Ollama that are members of the body itself. */
const ownMembers: ReadonlySet<string> = new Set([
  'model',
  'stream',
  'format',
  'think',
  'keep_alive',
  'raw',
  'system',
  'suffix',
  'template',
  'tools',
])

/** Default parameters and maximum values for requests, from the policies of a key and its team. */
export class ParameterRules {
  readonly #defaults: ReadonlyMap<string, string>
  readonly #caps: ReadonlyMap<string, number>
  readonly #known = new Remembered<Place | null>(200)

  /** @param policies the key's own first: its defaults have precedence, and the lowest maximum counts */
  constructor(policies: readonly Pick<Policy, 'defaults' | 'caps'>[]) {
    const defaults = new Map<string, string>()
    const caps = new Map<string, number>()
    for (const policy of policies.toReversed()) {
      for (const [name, value] of Object.entries(policy.defaults)) {
        defaults.set(canonicalName(name), JSON.stringify(value))
      }
      for (const [name, cap] of Object.entries(policy.caps)) {
        const canonical = canonicalName(name)
        caps.set(canonical, Math.min(cap, caps.get(canonical) ?? Number.POSITIVE_INFINITY))
      }
    }
    this.#defaults = defaults
    this.#caps = caps
  }

  /**
   * Applies the rules to the body of a request. Everything else in it stays as it is.
   * @param path as requested from the endpoint
   * @returns the same buffer if nothing changes, or if it is not a JSON object
   */
  apply(body: Buffer, path: string): Buffer {
    const place = this.#placeOf(path)
    const members = readMembers(body, 0)
    if (members === undefined) return body
    const edits: BodyEdit[] = []
    const missing = new Additions()
    const holders = members.list.filter(({ name }) => name === 'options')
    const inside = holders.flatMap(({ start, end }) => {
      const read = readMembers(body.subarray(start, end), start)
      return read === undefined ? [] : [read]
    })
    const all = [members, ...inside].flatMap(({ list }) => list)
    for (const member of all) this.#cap(body, member, edits)
    if (place !== undefined) {
      const present = new Set(all.map(({ name }) => canonicalName(name)))
      for (const [name, value] of this.#defaults) {
        if (!present.has(name)) missing.add(name, this.#capped(name, value), place)
      }
      const cap = this.#caps.get('max_tokens')
      // Without a maximum, the output has no limit.
      if (cap !== undefined && !present.has('max_tokens') && !this.#defaults.has('max_tokens'))
        missing.add('max_tokens', String(cap), place)
      edits.push(...missing.edits(members, place.holder === undefined ? undefined : inside.at(-1)))
    }
    return edits.length === 0 ? body : editBody(body, edits)
  }

  #placeOf(path: string): Place | undefined {
    let place = this.#known.get(path)
    if (place === undefined) {
      const canonical = canonicalPath(path)
      place = places.find((each) => each.path.test(canonical)) ?? null
      this.#known.set(path, place)
    }
    return place ?? undefined
  }

  #cap(body: Buffer, { name, start, end }: Member, edits: BodyEdit[]): void {
    const cap = this.#caps.get(canonicalName(name))
    if (cap === undefined) return
    const text = body.toString('latin1', start, end)
    if (text === 'null' && !isMaxTokens.has(name)) return
    if (!isWithin(text, cap, name)) edits.push({ start, end, text: String(cap) })
  }

  #capped(name: string, value: string): string {
    const cap = this.#caps.get(name)
    return cap === undefined || isWithin(value, cap, name) ? value : String(cap)
  }
}

/** @returns undefined if the policies set no parameters */
export function parameterRulesOf(
  policies: readonly Pick<Policy, 'defaults' | 'caps'>[],
): ParameterRules | undefined {
  const setting = policies.filter(
    ({ defaults, caps }) => Object.keys(defaults).length + Object.keys(caps).length > 0,
  )
  return setting.length === 0 ? undefined : new ParameterRules(setting)
}

/** What is no number within the maximum is more: servers convert texts, and a negative maximum of tokens is none. */
function isWithin(text: string, cap: number, name: string): boolean {
  if (!/^-?[0-9.]+(?:[eE][-+]?[0-9]+)?$/.test(text)) return false
  const value = Number(text)
  return value <= cap && (value >= 0 || !isMaxTokens.has(name))
}

function canonicalName(name: string): string {
  const lower = name.toLowerCase()
  return isMaxTokens.has(lower) ? 'max_tokens' : lower
}

interface Member {
  /** In lower case, as servers written in Go read it. */
  readonly name: string
  readonly start: number
  readonly end: number
}

interface Members {
  readonly list: readonly Member[]
  /** Where another member can be added. */
  readonly insertAt: number
}

/** Longer names are none of ours. */
const maxNameBytes = 512

/** @returns undefined if the bytes are not an object */
function readMembers(bytes: Buffer, offset: number): Members | undefined {
  const members = new BodyMembers(bytes)
  const list: Member[] = []
  while (members.next()) {
    const { keyStart, keyEnd, start, end } = members
    const name = keyEnd - keyStart > maxNameBytes ? undefined : decodeString(bytes, keyStart, keyEnd)
    if (name !== undefined) list.push({ name: name.toLowerCase(), start: offset + start, end: offset + end })
  }
  if (!members.isWhole) return undefined
  const isEmpty = members.end === 0
  const at = isEmpty ? skipSpace(bytes, 0) + 1 : members.end
  return isEmpty && bytes[at - 1] !== openBrace ? undefined : { list, insertAt: offset + at }
}

/** Members to add to a body. */
class Additions {
  readonly #own: string[] = []
  readonly #held: string[] = []

  add(name: string, value: string, { holder, maxTokens }: Place): void {
    const written = `${JSON.stringify(name === 'max_tokens' ? maxTokens : name)}:${value}`
    if (holder === undefined || ownMembers.has(name)) this.#own.push(written)
    else this.#held.push(written)
  }

  edits(body: Members, holder: Members | undefined): BodyEdit[] {
    const own = [...this.#own]
    const edits: BodyEdit[] = []
    if (this.#held.length > 0) {
      if (holder === undefined) own.push(`"options":{${this.#held.join(',')}}`)
      else edits.push(insertion(holder, this.#held))
    }
    if (own.length > 0) edits.push(insertion(body, own))
    return edits
  }
}

function insertion({ list, insertAt }: Members, members: readonly string[]): BodyEdit {
  return { start: insertAt, end: insertAt, text: `${list.length === 0 ? '' : ','}${members.join(',')}` }
}

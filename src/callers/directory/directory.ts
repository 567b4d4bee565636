import type { ExternalIdentity } from '../identity/external-identity.ts'
import { accessOf } from '../policy/access.ts'
import { type EntryRules, entryRulesOf } from '../policy/entry-rules.ts'
import { parameterRulesOf } from '../policy/parameters.ts'
import {
  type DirectoryChange,
  type DirectoryKey,
  type DirectoryOwner,
  type DirectoryTeam,
  noChange,
} from './directory-data.ts'
import { ExternalCallers, type FoundExternal } from './external-callers.ts'
import type { KnownCaller, Subject } from './known-caller.ts'

/** Why a known key is refused. */
export type KeyRefusal = 'disabled' | 'expired' | 'replaced'

export interface Found {
  readonly caller: KnownCaller
  readonly refusal: KeyRefusal | undefined
  /** Until when this holds if the directory does not change; infinite if for ever. */
  readonly untilMs: number
}

/** A key as it is kept: there may be a hundred thousand, and nearly all have one secret. */
interface Entry extends Omit<DirectoryKey, 'hashes'> {
  readonly hash: string
  readonly endsAtMs: number | undefined
  /** Its other secrets, while it is rotated. */
  readonly others: DirectoryKey['hashes']
  /** Undefined until the key is used, and after its team or owner has changed. */
  found: Found | undefined
}

/** The keys of one thread, found by the hash of what a client presents. */
export class CallerDirectory {
  /** By the beginning of each hash. */
  #byHash = new Map<string, Entry>()
  #byId = new Map<string, Entry>()
  #teams = new Map<string, DirectoryTeam>()
  #owners = new Map<string, DirectoryOwner>()
  readonly #texts = new Map<string, string>()
  readonly #external = new ExternalCallers()
  #revision = 0
  #version = 0
  readonly #onChange: (() => void)[] = []

  /** Number of keys. */
  get size(): number {
    return this.#byId.size
  }

  /**
   * Finds a key. The beginning of the hash finds an entry, and the whole is compared in constant time, also if there is
   * no entry. The hash is keyed, so a client cannot choose its beginning.
   * @returns undefined if there is no such key
   */
  find(hash: string, nowMs: number): Found | undefined {
    const entry = this.#byHash.get(beginningOf(hash))
    const isCurrent = isEqual(hash, entry?.hash ?? noHash)
    if (entry === undefined) return undefined
    const other = isCurrent ? undefined : entry.others.find(([each]) => isEqual(hash, each))
    if (!isCurrent && other === undefined) return undefined
    entry.found ??= this.#read(entry)
    const { found, expiresAtMs } = entry
    if (found.refusal !== undefined) return found
    const endsAtMs = other === undefined ? entry.endsAtMs : other[1]
    if (endsAtMs !== undefined && endsAtMs <= nowMs) return { ...found, refusal: 'replaced' }
    if (expiresAtMs !== undefined && expiresAtMs <= nowMs) return { ...found, refusal: 'expired' }
    return other === undefined ? found : { ...found, untilMs: earlier(endsAtMs, expiresAtMs) }
  }

  /** Counts changes of teams and owners, for those who remember an external caller. */
  get revision(): number {
    return this.#revision
  }

  /** Counts all changes, for those who remember whose a key is. */
  get version(): number {
    return this.#version
  }

  /** The caller that something other than a key has identified. */
  external(identity: ExternalIdentity): FoundExternal {
    return this.#external.find(identity, this.#teams, this.#owners)
  }

  /** The name of a key; undefined if there is none with that ID. */
  nameOf(id: string): string | undefined {
    return this.#byId.get(id)?.name
  }

  apply(change: DirectoryChange): void {
    this.#version++
    if (change.isWhole) {
      this.#byHash = new Map()
      this.#byId = new Map()
      this.#teams = new Map()
      this.#owners = new Map()
    }
    for (const id of change.deletedKeys) this.#forget(id)
    for (const key of change.keys) this.#put(key)
    for (const name of change.deletedTeams) this.#teams.delete(name)
    for (const team of change.teams) this.#teams.set(team.name, team)
    for (const name of change.deletedOwners) this.#owners.delete(name)
    for (const owner of change.owners) this.#owners.set(owner.name, owner)
    const { deletedTeams, teams, deletedOwners, owners } = change
    const groups = deletedTeams.length + teams.length + deletedOwners.length + owners.length
    if (change.isWhole || groups > 0) {
      for (const entry of this.#byId.values()) entry.found = undefined
      this.#external.clear()
      this.#revision++
    }
    for (const listener of this.#onChange) listener()
  }

  /** Everything that it contains, for the directory of another thread. */
  content(): DirectoryChange {
    return {
      ...noChange,
      isWhole: true,
      keys: [...this.#byId.values()].map(({ hash, endsAtMs, others, found: _found, ...key }) => ({
        ...key,
        hashes: hash === '' ? [] : [[hash, endsAtMs] as const, ...others],
      })),
      teams: [...this.#teams.values()],
      owners: [...this.#owners.values()],
    }
  }

  /** @param listener called after each change */
  onChange(listener: () => void): void {
    this.#onChange.push(listener)
  }

  #put(key: DirectoryKey): void {
    this.#forget(key.id)
    const { id, name, owner, team, enabled, expiresAtMs, policy, limits, hashes } = key
    const [[hash, endsAtMs] = noSecret, ...others] = hashes
    const entry: Entry = {
      id,
      name,
      owner: this.#oneText(owner),
      team: this.#oneText(team),
      enabled,
      expiresAtMs,
      policy,
      limits,
      hash,
      endsAtMs,
      others: others.length === 0 ? noOthers : others,
      found: undefined,
    }
    this.#byId.set(id, entry)
    for (const [each] of hashes) this.#byHash.set(beginningOf(each), entry)
  }

  #forget(id: string): void {
    const entry = this.#byId.get(id)
    if (entry === undefined) return
    this.#byHash.delete(beginningOf(entry.hash))
    for (const [hash] of entry.others) this.#byHash.delete(beginningOf(hash))
    this.#byId.delete(id)
  }

  /** Equal names of owners and teams become one text: those of a message are each their own. */
  #oneText(text: string | undefined): string | undefined {
    if (text === undefined) return undefined
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    if (this.#texts.size >= maxTexts) this.#texts.clear()
    this.#texts.set(text, text)
    return text
  }

  #read(key: Entry): Found {
    const team = key.team === undefined ? undefined : this.#teams.get(key.team)
    const owner = key.owner === undefined ? undefined : this.#owners.get(key.owner)
    const isEnabled = key.enabled && team?.enabled !== false && owner?.enabled !== false
    const caller = callerOf(key, team, owner)
    const untilMs = earlier(key.endsAtMs, key.expiresAtMs)
    return { caller, refusal: isEnabled ? undefined : 'disabled', untilMs }
  }
}

/** 72 bits: no two of any number of keys that fit into memory have the same. */
function beginningOf(hash: string): string {
  return hash.slice(0, 12)
}

function earlier(a = Number.POSITIVE_INFINITY, b = Number.POSITIVE_INFINITY): number {
  return Math.min(a, b)
}

const noSecret = ['', undefined] as const
const noOthers: DirectoryKey['hashes'] = []
const maxTexts = 10_000

const noHash = '.'.repeat(43)

/** Takes the same time wherever two hashes differ; their length is no secret. */
function isEqual(a: string, b: string): boolean {
  let difference = a.length ^ b.length
  for (let at = 0; at < a.length; at++) difference |= a.charCodeAt(at) ^ b.charCodeAt(at)
  return difference === 0
}

function callerOf(
  key: Entry,
  team: DirectoryTeam | undefined,
  owner: DirectoryOwner | undefined,
): KnownCaller {
  const policies = [key.policy, team?.policy].filter((policy) => policy !== undefined)
  return {
    keyId: key.id,
    keyName: key.name,
    owner: key.owner,
    team: key.team,
    access: accessOf(policies),
    priority: key.policy?.priority ?? team?.policy?.priority ?? 'normal',
    weight: key.policy?.weight ?? team?.policy?.weight ?? 1,
    entry: policies.map(entryRulesOf).filter((rules): rules is EntryRules => rules !== undefined),
    parameters: parameterRulesOf(policies),
    subjects: subjectsOf(key, team, owner),
  }
}

/** An owner or team without a record has no limits, but the ledger counts for it. */
function subjectsOf(
  key: Entry,
  team: DirectoryTeam | undefined,
  owner: DirectoryOwner | undefined,
): Subject[] {
  const subjects: Subject[] = [{ kind: 'key', id: key.id, limits: key.limits }]
  if (key.owner !== undefined) subjects.push({ kind: 'owner', id: key.owner, limits: owner?.limits })
  if (key.team !== undefined) subjects.push({ kind: 'team', id: key.team, limits: team?.limits })
  return subjects
}

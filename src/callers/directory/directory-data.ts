import type { Limits, Policy } from '../../config/schema/callers-schema.ts'

/** What serving needs to know of a key: plain data, sent between threads. */
export interface DirectoryKey {
  readonly id: string
  readonly name: string
  readonly owner: string | undefined
  readonly team: string | undefined
  readonly enabled: boolean
  readonly expiresAtMs: number | undefined
  /** Undefined if it allows everything. Equal ones of a message are one object. */
  readonly policy: Policy | undefined
  readonly limits: Limits | undefined
  /** Hashes of its secrets, with the time until which each is accepted. */
  readonly hashes: readonly (readonly [hash: string, endsAtMs: number | undefined])[]
}

export interface DirectoryTeam {
  readonly name: string
  readonly enabled: boolean
  readonly policy: Policy | undefined
  readonly limits: Limits | undefined
}

export interface DirectoryOwner {
  readonly name: string
  readonly enabled: boolean
  readonly limits: Limits | undefined
}

/** Changes of a directory, or its whole content. */
export interface DirectoryChange {
  /** Whether it replaces everything. */
  readonly isWhole: boolean
  readonly keys: readonly DirectoryKey[]
  readonly teams: readonly DirectoryTeam[]
  readonly owners: readonly DirectoryOwner[]
  /** Keys by their ID, teams and owners by their name. */
  readonly deletedKeys: readonly string[]
  readonly deletedTeams: readonly string[]
  readonly deletedOwners: readonly string[]
}

export const noChange: DirectoryChange = {
  isWhole: false,
  keys: [],
  teams: [],
  owners: [],
  deletedKeys: [],
  deletedTeams: [],
  deletedOwners: [],
}

import type { Limits, Policy } from '../../config/schema/callers-schema.ts'

/** What keys, teams and owners have in common. */
interface SubjectRecord {
  readonly name: string
  readonly enabled: boolean
  /** Free text by name, for operators. */
  readonly metadata: Readonly<Record<string, string>>
  readonly limits: Limits
  readonly createdAtMs: number
  readonly updatedAtMs: number
}

/** A key without its secret. */
export interface KeyRecord extends SubjectRecord {
  /** Never changes, also when the key is rotated or renamed. */
  readonly id: string
  /** The last characters of the current secret, for recognizing it. */
  readonly hint: string
  readonly owner: string | undefined
  readonly team: string | undefined
  readonly expiresAtMs: number | undefined
  readonly policy: Policy
  /** `config` keys are in the configuration and cannot be changed at run time. */
  readonly source: 'config' | 'store'
}

export interface TeamRecord extends SubjectRecord {
  readonly policy: Policy
  readonly source: KeyRecord['source']
}

export interface OwnerRecord extends SubjectRecord {
  readonly source: KeyRecord['source']
}

/** A secret of a key, hashed. A key has one, and while it is rotated also those that still end. */
export interface KeyHash {
  readonly hash: string
  readonly keyId: string
  /** Until when it is accepted; undefined without an end. */
  readonly endsAtMs: number | undefined
}

/** Everything that a directory is built from. */
export interface CallerRecords {
  readonly keys: readonly KeyRecord[]
  readonly hashes: readonly KeyHash[]
  readonly teams: readonly TeamRecord[]
  readonly owners: readonly OwnerRecord[]
}

/** What has changed since a revision; a deleted record is named by its key. */
export interface CallerChanges extends CallerRecords {
  readonly revision: number
  /** Whether they are all records: the changes since that revision are no longer known. */
  readonly isWhole: boolean
  readonly deletedKeys: readonly string[]
  readonly deletedTeams: readonly string[]
  readonly deletedOwners: readonly string[]
}

/** Kinds of subjects for which limits and the ledger count. */
export const subjectKinds = ['key', 'owner', 'team'] as const
export type SubjectKind = (typeof subjectKinds)[number]

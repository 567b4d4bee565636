export const auditActions = ['create', 'update', 'rotate', 'delete'] as const
export const auditKinds = ['key', 'team', 'owner'] as const

/** A change as the audit keeps it. */
export interface AuditEntry {
  readonly atMs: number
  /** Who has changed it. */
  readonly actor: string
  readonly action: (typeof auditActions)[number]
  readonly kind: (typeof auditKinds)[number]
  /** ID of a key, name of a team or an owner. */
  readonly subject: string
  /** Names of the fields that have changed; never values. */
  readonly fields: readonly string[]
}

export interface AuditRow extends AuditEntry {
  readonly revision: number
}

/** A new secret of a key. */
export interface NewSecret {
  readonly hash: string
  readonly hint: string
  /** Until when the secrets before are accepted. */
  readonly previousEndAtMs: number
}

/** A page of a list in the order of names. */
export interface NameQuery {
  /** Part of the name, in any case. */
  readonly search?: string | undefined
  /** Name of the last record of the page before. */
  readonly after?: string | undefined
  readonly limit: number
}

export interface KeyQuery extends NameQuery {
  readonly owner?: string | undefined
  readonly team?: string | undefined
  readonly enabled?: boolean | undefined
}

/** Two records have one name. */
export class NameTakenError extends Error {
  override readonly name = 'NameTakenError'
}

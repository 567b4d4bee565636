import type { Limits, Policy } from '../../config/schema/callers-schema.ts'
import { readLimits, readPolicy } from '../contract/defaults.ts'
import type { KeyHash, KeyRecord, OwnerRecord, TeamRecord } from '../contract/records.ts'
import { type AuditRow, auditActions, auditKinds } from './contract.ts'
import type { Row, SqlValue } from './database.ts'

export function keyOf(row: Row): KeyRecord {
  return {
    id: text(row.id),
    hint: text(row.hint),
    owner: maybeText(row.owner),
    team: maybeText(row.team),
    expiresAtMs: maybeNumber(row.expires_at),
    policy: policyOf(row.policy),
    source: 'store',
    ...subjectOf(row),
  }
}

export function teamOf(row: Row): TeamRecord {
  return { policy: policyOf(row.policy), source: 'store', ...subjectOf(row) }
}

export function ownerOf(row: Row): OwnerRecord {
  return { source: 'store', ...subjectOf(row) }
}

export function hashOf(row: Row): KeyHash {
  return { hash: text(row.hash), keyId: text(row.key_id), endsAtMs: maybeNumber(row.ends_at) }
}

export function auditRowOf(row: Row): AuditRow {
  const fields = text(row.fields)
  return {
    revision: Number(row.revision),
    atMs: Number(row.at),
    actor: text(row.actor),
    action: oneOf(auditActions, row.action),
    kind: oneOf(auditKinds, row.kind),
    subject: text(row.subject),
    fields: fields === '' ? [] : fields.split(','),
  }
}

/** @throws Error if the text is none of them: the row is of a later version */
function oneOf<const T extends readonly string[]>(values: T, value: SqlValue | undefined): T[number] {
  const found = values.find((each) => each === value)
  if (found === undefined) throw new Error(`a row has the unknown value "${text(value)}"`)
  return found
}

export function keyValues(key: KeyRecord): SqlValue[] {
  return [
    key.owner ?? null,
    key.team ?? null,
    Number(key.enabled),
    key.expiresAtMs ?? null,
    JSON.stringify(key.metadata),
    JSON.stringify(key.policy),
    JSON.stringify(key.limits),
  ]
}

export function subjectValues(subject: OwnerRecord | TeamRecord): SqlValue[] {
  return [
    subject.name,
    Number(subject.enabled),
    JSON.stringify(subject.metadata),
    JSON.stringify(subject.limits),
    subject.createdAtMs,
    subject.updatedAtMs,
  ]
}

function subjectOf(row: Row) {
  return {
    name: text(row.name),
    enabled: row.enabled === 1,
    metadata: metadataOf(row.metadata),
    limits: limitsOf(row.limits),
    createdAtMs: Number(row.created_at),
    updatedAtMs: Number(row.updated_at),
  }
}

const policies = new Map<string, Policy>()
const limits = new Map<string, Limits>()
/** Most keys of a fleet have one of few policies, and reading one takes far longer than reading the row. */
const maxRemembered = 1_000

/** Keys that a later version adds get their defaults. @throws Error if the stored text is not a policy */
function policyOf(value: SqlValue | undefined): Policy {
  return remembered(policies, text(value), (json) => readPolicy(JSON.parse(json)))
}

function limitsOf(value: SqlValue | undefined): Limits {
  return remembered(limits, text(value), (json) => readLimits(JSON.parse(json)))
}

/** Equal texts give one object, which is never changed. */
function remembered<T>(known: Map<string, T>, json: string, read: (json: string) => T): T {
  const found = known.get(json)
  if (found !== undefined) return found
  if (known.size >= maxRemembered) known.clear()
  const value = read(json)
  known.set(json, value)
  return value
}

const noMetadata: Readonly<Record<string, string>> = Object.freeze({})

function metadataOf(value: SqlValue | undefined): Readonly<Record<string, string>> {
  if (value === '{}') return noMetadata
  const read: unknown = JSON.parse(text(value))
  const entries = typeof read === 'object' && read !== null ? Object.entries(read) : []
  return Object.fromEntries(entries.map(([name, each]) => [name, String(each)]))
}

export function text(value: SqlValue | undefined): string {
  return typeof value === 'string' ? value : String(value ?? '')
}

export function maybeText(value: SqlValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

export function maybeNumber(value: SqlValue | undefined): number | undefined {
  return typeof value === 'number' ? value : undefined
}

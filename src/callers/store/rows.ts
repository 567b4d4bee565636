import { decode } from '../../config/file/decode.ts'
import { type Limits, LimitsSchema, type Policy, PolicySchema } from '../../config/schema/callers-schema.ts'
import type { KeyHash, KeyRecord, OwnerRecord, TeamRecord } from '../contract/records.ts'
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

/** Keys that a later version adds get their defaults. The routes have validated what is stored. */
function policyOf(value: SqlValue | undefined): Policy {
  return decode(PolicySchema, JSON.parse(text(value))) as Policy
}

function limitsOf(value: SqlValue | undefined): Limits {
  return decode(LimitsSchema, JSON.parse(text(value))) as Limits
}

function metadataOf(value: SqlValue | undefined): Record<string, string> {
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

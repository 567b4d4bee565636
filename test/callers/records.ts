import { noLimits, noPolicy } from '../../src/callers/contract/defaults.ts'
import type { KeyRecord, OwnerRecord, TeamRecord } from '../../src/callers/contract/records.ts'

const atMs = 1_800_000_000_000

export function keyRecord(overrides: Partial<KeyRecord> = {}): KeyRecord {
  return {
    id: 'key_1',
    name: 'ci',
    hint: 'abcd',
    owner: undefined,
    team: undefined,
    enabled: true,
    expiresAtMs: undefined,
    metadata: {},
    policy: noPolicy,
    limits: noLimits,
    createdAtMs: atMs,
    updatedAtMs: atMs,
    source: 'store',
    ...overrides,
  }
}

export function teamRecord(overrides: Partial<TeamRecord> = {}): TeamRecord {
  return { ...ownerRecord({ name: 'ml' }), policy: noPolicy, ...overrides }
}

export function ownerRecord(overrides: Partial<OwnerRecord> = {}): OwnerRecord {
  return {
    name: 'ann',
    enabled: true,
    metadata: {},
    limits: noLimits,
    createdAtMs: atMs,
    updatedAtMs: atMs,
    source: 'store',
    ...overrides,
  }
}

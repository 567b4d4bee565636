import { GatewayError } from '../../kernel/errors.ts'
import type { KeyRecord } from '../contract/records.ts'
import type { AuditEntry } from '../store/contract.ts'
import type { OwnerInput } from './input.ts'
import type { Kind } from './refusals.ts'

/** Keys refer to teams and owners by their name. */
export function sameName<T extends { readonly name: string }>(input: T, name: string): T {
  if (input.name === name) return input
  throw new GatewayError('invalid_request', 'name: cannot be changed', { details: { param: 'name' } })
}

export function named(
  actor: string,
  action: AuditEntry['action'],
  kind: Kind,
  name: string,
  fields: readonly string[],
) {
  return { actor, action, kind, subject: name, name, fields }
}

export function dates(atMs: number) {
  return { createdAtMs: atMs, updatedAtMs: atMs, source: 'store' } as const
}

export function subjectInput({ name, enabled, metadata, limits }: Omit<KeyRecord, 'policy'> | OwnerInput) {
  return { name, enabled, metadata, limits }
}

export function isNamed({ search }: { readonly search?: string | undefined }) {
  return ({ name }: { readonly name: string }) =>
    search === undefined || name.toLowerCase().includes(search.toLowerCase())
}

import { isRecord } from '../../config/file/decode.ts'
import type { IssuerOptions } from '../../config/options/issuers.ts'
import {
  type ExternalIdentity,
  isUsableId,
  isUsableName,
  usableGroups,
} from '../identity/external-identity.ts'

export type ClaimRules = Pick<
  IssuerOptions,
  'name' | 'claims' | 'requiredClaims' | 'teams' | 'defaultTeam' | 'requireTeam'
>

export type Claims = Readonly<Record<string, unknown>>

/** @returns undefined if a claim that names the caller is missing or unusable */
export function identityOf(claims: Claims, rules: ClaimRules): ExternalIdentity | undefined {
  const { id: idClaim, name: nameClaim, owner: ownerClaim, team: teamClaim } = rules.claims
  const ownId = textOf(claimOf(claims, idClaim))
  if (ownId === undefined || !isUsableId(ownId)) return undefined
  const id = rules.name === '' ? ownId : `${rules.name}:${ownId}`
  const name = nameClaim === '' ? id : textOf(claimOf(claims, nameClaim))
  const owner = ownerClaim === '' ? id : textOf(claimOf(claims, ownerClaim))
  if (name === undefined || owner === undefined || !isUsableId(name) || !isUsableName(owner)) return undefined
  const groups = teamClaim === '' ? undefined : claimOf(claims, teamClaim)
  return {
    kind: 'jwt',
    id,
    name,
    owner,
    groups: usableGroups(Array.isArray(groups) ? groups : [groups]),
    rules,
  }
}

/** Whether claims have the values that a configuration requires. */
export function hasRequired(claims: Claims, required: ClaimRules['requiredClaims']): boolean {
  return Object.entries(required).every(([name, wanted]) => {
    const value = claimOf(claims, name)
    if (value === undefined || value === null) return false
    const accepted: readonly unknown[] = Array.isArray(wanted) ? wanted : [wanted]
    return accepted.some((each) => each === '*' || isOrContains(value, each))
  })
}

/** A claim by its name, or by a path of names: names may have dots themselves (`https://example.com/roles`). */
function claimOf(claims: Claims, name: string): unknown {
  if (Object.hasOwn(claims, name)) return claims[name]
  let value: unknown = claims
  for (const part of name.split('.')) {
    if (!isRecord(value) || !Object.hasOwn(value, part)) return undefined
    value = value[part]
  }
  return value
}

/** Numbers are IDs at some providers. */
function textOf(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value)
  return typeof value === 'string' ? value : undefined
}

function isOrContains(value: unknown, wanted: unknown): boolean {
  if (value === wanted) return true
  if (Array.isArray(value)) return value.includes(wanted)
  return typeof value === 'string' && typeof wanted === 'string' && value.split(' ').includes(wanted)
}

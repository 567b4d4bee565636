import { Type } from '@sinclair/typebox'
import { GatewayError } from '../../kernel/errors.ts'
import type { KeyQuery, NameQuery } from '../store/caller-store.ts'

const defaultLimit = 100
const maxLimit = 1_000

const page = {
  search: Type.Optional(Type.String({ description: 'Part of the name.' })),
  after: Type.Optional(Type.String({ description: '`next` of the page before.' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: maxLimit, default: defaultLimit })),
}

/** As a client writes them; all values are texts. */
export const NamesQuery = Type.Object(page)
export const KeysQuery = Type.Object({
  ...page,
  owner: Type.Optional(Type.String()),
  team: Type.Optional(Type.String()),
  enabled: Type.Optional(Type.Boolean()),
})
export const AuditQuery = Type.Object({
  limit: page.limit,
  before: Type.Optional(Type.Integer({ description: '`revision` of the last change of the page before.' })),
})

export type GivenQuery = Readonly<Record<string, unknown>>

/** @throws GatewayError invalid_request */
export function readNamesQuery(given: GivenQuery): NameQuery {
  expectKnown(given, NamesQuery)
  return namesQuery(given)
}

/** @throws GatewayError invalid_request */
export function readKeysQuery(given: GivenQuery): KeyQuery {
  expectKnown(given, KeysQuery)
  const enabled = text(given, 'enabled')
  if (enabled !== undefined && enabled !== 'true' && enabled !== 'false')
    throw invalid('enabled', 'must be true or false')
  return {
    ...namesQuery(given),
    owner: text(given, 'owner'),
    team: text(given, 'team'),
    enabled: enabled === undefined ? undefined : enabled === 'true',
  }
}

/** @throws GatewayError invalid_request */
export function readAuditQuery(given: GivenQuery): { limit: number; before: number | undefined } {
  expectKnown(given, AuditQuery)
  return { limit: limitOf(given), before: whole(given, 'before', Number.MAX_SAFE_INTEGER) }
}

function namesQuery(given: GivenQuery): NameQuery {
  return { search: text(given, 'search'), after: text(given, 'after'), limit: limitOf(given) }
}

function limitOf(given: GivenQuery): number {
  return whole(given, 'limit', maxLimit) ?? defaultLimit
}

function whole(given: GivenQuery, name: string, max: number): number | undefined {
  const value = text(given, name)
  if (value === undefined) return undefined
  const number = Number(value)
  if (!Number.isInteger(number) || number < 1 || number > max)
    throw invalid(name, `must be a whole number from 1 to ${max}`)
  return number
}

function text(given: GivenQuery, name: string): string | undefined {
  const value = given[name]
  if (value === undefined || typeof value === 'string') return value
  throw invalid(name, 'must be given once')
}

function expectKnown(given: GivenQuery, { properties }: { readonly properties: object }): void {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(properties, name))
  if (unknown !== undefined)
    throw invalid(unknown, `unknown; there are ${Object.keys(properties).join(', ')}`)
}

function invalid(name: string, message: string): GatewayError {
  return new GatewayError('invalid_request', `${name}: ${message}`, { details: { param: name } })
}

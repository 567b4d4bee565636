import { type ErrorCode, GatewayError } from '../../kernel/errors.ts'
import type { PeerLink, Topic } from '../../runtime/links/peer-link.ts'
import type { KeyRecord, OwnerRecord, TeamRecord } from '../contract/records.ts'
import type { LedgerState } from '../ledger/ledger.ts'
import type { UsagePage, UsageQuery } from '../ledger/usage-query.ts'
import type { UsageTotal } from '../ledger/usage-totals.ts'
import type { SubjectLimits } from '../limits/limit-states.ts'
import type { AuditRow, KeyQuery, NameQuery } from '../store/contract.ts'
import type { WebhookStatus } from '../webhooks/webhooks.ts'
import type { KeyInput, OwnerInput, TeamInput } from './input.ts'
import type { LimitsQuery } from './limits-query.ts'

/** A secret as it is stored: the key itself stays on the thread that has made it. */
export interface HashedSecret {
  readonly hash: string
  readonly hint: string
}

export interface Page<T> {
  readonly items: readonly T[]
  /** Where the next page begins; undefined on the last. */
  readonly next: string | undefined
}

interface By {
  /** Who asks for it, for the audit. */
  readonly actor: string
}

/** Operations on keys, teams and owners, each with its input and its result. */
export interface CallerOperations {
  listKeys: { input: KeyQuery; output: Page<KeyRecord> }
  /** By ID or name. */
  getKey: { input: { readonly key: string }; output: KeyRecord }
  createKey: { input: By & { readonly secret: HashedSecret; readonly fields: KeyInput }; output: KeyRecord }
  updateKey: { input: By & { readonly key: string; readonly change: unknown }; output: KeyRecord }
  rotateKey: {
    input: By & { readonly key: string; readonly secret: HashedSecret; readonly overlapMs: number }
    output: KeyRecord
  }
  deleteKey: { input: By & { readonly key: string }; output: KeyRecord }
  listTeams: { input: NameQuery; output: Page<TeamRecord> }
  getTeam: { input: { readonly name: string }; output: TeamRecord }
  createTeam: { input: By & { readonly fields: TeamInput }; output: TeamRecord }
  updateTeam: { input: By & { readonly name: string; readonly change: unknown }; output: TeamRecord }
  deleteTeam: { input: By & { readonly name: string }; output: TeamRecord }
  listOwners: { input: NameQuery; output: Page<OwnerRecord> }
  getOwner: { input: { readonly name: string }; output: OwnerRecord }
  createOwner: { input: By & { readonly fields: OwnerInput }; output: OwnerRecord }
  updateOwner: { input: By & { readonly name: string; readonly change: unknown }; output: OwnerRecord }
  deleteOwner: { input: By & { readonly name: string }; output: OwnerRecord }
  audit: {
    input: { readonly limit: number; readonly before: number | undefined }
    output: readonly AuditRow[]
  }
  limits: { input: LimitsQuery; output: Page<SubjectLimits> & { readonly total: number } }
  ledgerState: { input: null; output: LedgerState }
  webhooks: { input: null; output: readonly WebhookStatus[] }
  usage: { input: UsageQuery; output: UsagePage & { readonly ledger: LedgerState } }
  usageTotals: {
    input: null
    output: { readonly totals: readonly UsageTotal[]; readonly ledger: LedgerState }
  }
}

export type OperationName = keyof CallerOperations

/** Does each operation. */
export type OperationHandlers = {
  readonly [Name in OperationName]: (
    input: CallerOperations[Name]['input'],
  ) => Promise<CallerOperations[Name]['output']>
}

/** Does an operation, wherever the store is. @throws GatewayError */
export type PerformOperation = <Name extends OperationName>(
  name: Name,
  input: CallerOperations[Name]['input'],
) => Promise<CallerOperations[Name]['output']>

interface Refusal {
  readonly code: ErrorCode
  readonly message: string
  readonly details: Readonly<Record<string, unknown>> | undefined
}

/** Messages between threads carry no error objects. */
type Reply<T> = { readonly value: T } | { readonly refusal: Refusal }

/** Writing to a store that is away waits this long. */
const operationMs = 15_000

function topicOf<Name extends OperationName>(
  name: Name,
): Topic<CallerOperations[Name]['input'], Reply<CallerOperations[Name]['output']>> {
  return `callers.${name}`
}

/** Answers the operations of other threads. */
export function serveOperations(link: PeerLink, handlers: Partial<OperationHandlers>): void {
  const serve = <Name extends OperationName>(name: Name) => {
    const handler: OperationHandlers[Name] | undefined = handlers[name]
    if (handler === undefined) return
    link.on(topicOf(name), async (input): Promise<Reply<CallerOperations[Name]['output']>> => {
      try {
        return { value: await handler(input) }
      } catch (error) {
        if (!(error instanceof GatewayError)) throw error
        return { refusal: { code: error.code, message: error.message, details: error.details } }
      }
    })
  }
  for (const name of operationNames(handlers)) serve(name)
}

/** Has control do the operations. */
export function remoteOperations(link: PeerLink): PerformOperation {
  return async (name, input) => {
    const reply = await link.requestControl(topicOf(name), input, operationMs)
    if (reply === undefined) throw new GatewayError('callers_unavailable', storeAway)
    if ('value' in reply) return reply.value
    const { code, message, details } = reply.refusal
    throw new GatewayError(code, message, { details })
  }
}

export const storeAway = 'The store of API keys cannot be used now.'

function operationNames(handlers: Partial<OperationHandlers>): OperationName[] {
  return Object.keys(handlers).filter((name): name is OperationName => name in handlers)
}

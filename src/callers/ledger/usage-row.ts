/** Numbers that the ledger adds up. */
export const usageCounts = [
  'requests',
  'ok',
  'clientErrors',
  'upstreamErrors',
  'cancelled',
  'refused',
  'promptTokens',
  'cachedTokens',
  'reasoningTokens',
  'completionTokens',
  'cost',
  'durationMs',
  'unpriced',
] as const
export type UsageCount = (typeof usageCounts)[number]

/** What callers have used. */
export type Usage = { [Name in UsageCount]: number }

/** The caller, model and endpoint that a row of the ledger counts for; an empty text means none. */
export interface UsageSubject {
  readonly keyId: string
  readonly keyName: string
  readonly owner: string
  readonly team: string
  readonly model: string
  readonly endpoint: string
}

/** A row of the ledger. */
export interface UsageRow extends UsageSubject, Usage {
  /** Hours since the epoch, in UTC. */
  readonly hour: number
}

export const hourMs = 3_600_000
export const hoursPerDay = 24

/** The model of rows that fold several models or endpoints into one, because there were too many. */
export const otherModel = '(other)'

export function noUsage(): Usage {
  return {
    requests: 0,
    ok: 0,
    clientErrors: 0,
    upstreamErrors: 0,
    cancelled: 0,
    refused: 0,
    promptTokens: 0,
    cachedTokens: 0,
    reasoningTokens: 0,
    completionTokens: 0,
    cost: 0,
    unpriced: 0,
    durationMs: 0,
  }
}

export function addUsage(to: Usage, from: Readonly<Usage>): void {
  for (const name of usageCounts) to[name] += from[name]
}

/** Key of the caller, model and endpoint that a row counts for. */
export function subjectText({ keyId, keyName, owner, team, model, endpoint }: UsageSubject): string {
  return `${keyId}\0${keyName}\0${owner}\0${team}\0${model}\0${endpoint}`
}

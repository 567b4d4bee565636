import { noUsage, type UsageRow } from '../../../src/callers/ledger/usage-row.ts'

/** An hour that begins a day. */
export const firstHour = 500_016

export function usageRow(rest: Partial<UsageRow> = {}): UsageRow {
  return {
    hour: firstHour,
    keyId: 'key_1',
    keyName: 'ci',
    owner: 'ann',
    team: 'ml',
    model: 'm',
    endpoint: 'gpu',
    ...noUsage(),
    requests: 1,
    ok: 1,
    promptTokens: 10,
    completionTokens: 5,
    cost: 0.25,
    ...rest,
  }
}

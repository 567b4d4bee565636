import { Type } from '@sinclair/typebox'
import { Choice } from '../../observe/views/fields.ts'
import { type SubjectKind, subjectKinds } from '../contract/records.ts'
import { choice, cursorFrom, expectKnown, type GivenQuery, invalid, page, text, whole } from './queries.ts'

export const limitOrders = ['share', 'refused', 'name'] as const
export type LimitOrder = (typeof limitOrders)[number]

/** Subjects with limits. */
export interface LimitsQuery {
  readonly kind: SubjectKind | undefined
  /** IDs of keys, or names; empty for all. */
  readonly subjects: readonly string[]
  /** Part of the name, in any case. */
  readonly search: string | undefined
  /** Of a key. */
  readonly owner: string | undefined
  readonly team: string | undefined
  /** Only subjects with a limit that is used up this far. */
  readonly minShare: number
  /** Only subjects with limits that have refused a request in the last day. */
  readonly isRefused: boolean
  readonly order: LimitOrder
  readonly after: string | undefined
  readonly limit: number
}

const defaultLimit = 100
const maxLimit = 1_000
const maxCsvSubjects = 100_000

/** As a client writes it; all values are texts. */
export const LimitsQuery = Type.Object({
  kind: Type.Optional(Choice(subjectKinds)),
  subject: Type.Optional(
    Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: maxLimit })], {
      description: 'Only this key (ID or name), owner or team; may be repeated.',
    }),
  ),
  search: page.search,
  owner: Type.Optional(Type.String({ description: 'Only keys of this owner.' })),
  team: Type.Optional(Type.String({ description: 'Only keys of this team.' })),
  min_share: Type.Optional(
    Type.Number({
      minimum: 0,
      maximum: 1,
      default: 0,
      description: 'Only those with a limit that is used up this far, such as 0.8.',
    }),
  ),
  refused: Type.Optional(
    Type.Boolean({ description: '`true`: only those whose limits have refused a request in the last day.' }),
  ),
  sort: Type.Optional(
    Type.Unsafe<LimitOrder>({
      type: 'string',
      enum: [...limitOrders],
      default: 'share',
      description:
        'The limit that is used up furthest, or the requests refused in the last day, the most first; or names.',
    }),
  ),
  format: Type.Optional(Type.String({ description: '`json`, or `csv` with one row for each limit.' })),
  after: page.after,
  limit: page.limit,
})

/** @throws GatewayError invalid_request */
export function readLimitsQuery(given: GivenQuery): LimitsQuery & { format: 'json' | 'csv' } {
  expectKnown(given, LimitsQuery)
  const format = choice(given, 'format', ['json', 'csv'] as const) ?? 'json'
  return {
    kind: choice(given, 'kind', subjectKinds),
    subjects: subjectsOf(given),
    search: text(given, 'search')?.toLowerCase(),
    owner: text(given, 'owner'),
    team: text(given, 'team'),
    minShare: shareOf(given),
    isRefused: choice(given, 'refused', ['true', 'false'] as const) === 'true',
    order: choice(given, 'sort', limitOrders) ?? 'share',
    after: cursorFrom(given),
    limit: format === 'csv' ? maxCsvSubjects : (whole(given, 'limit', maxLimit) ?? defaultLimit),
    format,
  }
}

function subjectsOf({ subject }: GivenQuery): string[] {
  const subjects: readonly unknown[] =
    subject === undefined ? [] : Array.isArray(subject) ? subject : [subject]
  if (subjects.length > maxLimit) throw invalid('subject', `must be given at most ${maxLimit} times`)
  return subjects.map(String)
}

function shareOf(given: GivenQuery): number {
  const value = text(given, 'min_share')
  if (value === undefined) return 0
  const share = value.trim() === '' ? Number.NaN : Number(value)
  if (!(share >= 0 && share <= 1)) throw invalid('min_share', 'must be a number from 0 to 1')
  return share
}

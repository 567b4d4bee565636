import { type Static, Type } from '@sinclair/typebox'
import { formatTime } from '../../kernel/format.ts'
import { Choice, Count, NullableText, Text } from '../../observe/views/fields.ts'
import { limitSettingFields } from '../../observe/views/settings.ts'
import { subjectKinds } from '../contract/records.ts'
import type { LimitState, SubjectLimits } from '../limits/limit-states.ts'
import { csvOf } from './csv.ts'
import { cursorOf } from './queries.ts'

const countedNames = ['requests', 'prompt', 'completion', 'total', 'money', 'concurrent'] as const

const LimitView = Type.Object({
  field: Text('As in `limits`: `requests_per_minute`, `tokens_per_day.total`, `max_concurrent`, `budgets`.'),
  counted: Choice(countedNames, '`prompt`, `completion` and `total` are tokens.'),
  window: Text('`minute rolling`, `month calendar` …; empty for `max_concurrent`.'),
  limit: Type.Number(),
  used: Type.Number({ description: 'Includes what is reserved.' }),
  reserved: Type.Number({ description: 'For requests in flight, until their use is known.' }),
  remaining: Type.Number(),
  share: Type.Number({ description: '`used` of `limit`; may be more than 1.' }),
  soft: Type.Number({ description: 'Share from which it warns; 0 if it does not.' }),
  resets_at: NullableText(
    'RFC 3339: when the period ends, or when all that is used has left a rolling window. Null if nothing is used, or it never resets.',
  ),
  refused_hour: Count('Requests that this limit has refused in the last hour.'),
  refused_day: Count('In the last day, since the start of the process.'),
})

export const LimitsView = Type.Object({
  subjects: Type.Array(
    Type.Object({
      kind: Choice(subjectKinds),
      id: Text('ID of a key; name of an owner or a team.'),
      name: Text(),
      owner: NullableText('Of a key.'),
      team: NullableText('Of a key.'),
      share: Type.Number({ description: 'Of the limit that is used up furthest.' }),
      refused_hour: Count('Requests that its limits have refused in the last hour.'),
      refused_day: Count('In the last day, since the start of the process.'),
      limits: Type.Array(LimitView),
    }),
  ),
  total: Count('Of all pages.'),
  is_shared: Type.Boolean({
    description:
      'Whether `used` is that of all replicas of a cluster; false without one, or while its server is away.',
  }),
  next: NullableText('`after` of the next page; null on the last.'),
  ...limitSettingFields,
})

type View = Omit<Static<typeof LimitsView>, keyof typeof limitSettingFields>

export function limitsView({
  items,
  total,
  next,
}: {
  readonly items: readonly SubjectLimits[]
  readonly total: number
  readonly next: string | undefined
}): View {
  return {
    subjects: items.map(subjectView),
    total,
    is_shared: items.some(({ isShared }) => isShared),
    next: cursorOf(next),
  }
}

function subjectView(subject: SubjectLimits): View['subjects'][number] {
  const { kind, id, name, owner = null, team = null, share, refusals, limits } = subject
  return {
    kind,
    id,
    name,
    owner,
    team,
    share: rounded(share),
    refused_hour: refusals.hour,
    refused_day: refusals.day,
    limits: limits.map(limitView),
  }
}

function limitView({ refusals, resetsAtMs, share, ...state }: LimitState): Static<typeof LimitView> {
  return {
    ...state,
    limit: rounded(state.limit),
    used: rounded(state.used),
    reserved: rounded(state.reserved),
    remaining: rounded(state.remaining),
    share: rounded(share),
    resets_at: resetsAtMs === undefined ? null : formatTime(resetsAtMs),
    refused_hour: refusals.hour,
    refused_day: refusals.day,
  }
}

/** Without the binary digits of a product; money has eight digits. */
function rounded(value: number): number {
  return Number(value.toFixed(8))
}

/** One row for each limit. */
export function limitsCsv(items: readonly SubjectLimits[]): string {
  const rows = items.flatMap(({ kind, id, name, owner, team, limits }) =>
    limits.map((limit) => ({ kind, id, name, owner, team, ...limitView(limit) })),
  )
  const names = ['kind', 'id', 'name', 'owner', 'team', ...Object.keys(LimitView.properties)]
  return csvOf(names, rows)
}

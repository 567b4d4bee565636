import type { KeyRow, Limits, Policy } from '../../api/types.ts'
import { absent, formatCount } from '../../format/format.ts'
import type { CallerPage } from '../../live/callers.ts'
import { now } from '../../live/clock.ts'
import { factLine, limitFacts, policyFacts } from '../../state/caller-texts.ts'
import { nearestLimit, tokensOf } from '../../state/limit-use.ts'
import { formatAddress, type ViewId } from '../../state/view-address.ts'
import type { Column } from '../data-table.tsx'
import { EnabledMark } from './enabled-mark.tsx'
import { FactText } from './fact-text.tsx'
import { LimitBar } from './limit-bar.tsx'

/** What the columns need of a key, a team or an owner. */
export interface SubjectRow {
  readonly name: string
  readonly enabled: boolean
  readonly source: KeyRow['source']
  readonly limits: Limits
  readonly policy?: Policy
  readonly expires?: string | null
  readonly hint?: string
  readonly owner?: string | null
  readonly team?: string | null
}

export interface CallerColumnsOptions<Row> {
  readonly title: string
  readonly view: ViewId
  readonly idOf: (row: Row) => string
  /** Whether rows have an owner and a team, and whether they have a policy. */
  readonly hasGroups: boolean
  readonly hasPolicy: boolean
}

/** The columns of keys, teams and owners. */
export function callerColumns<Row extends SubjectRow>(
  options: CallerColumnsOptions<Row>,
  page: Pick<CallerPage<Row>, 'limits' | 'today'>,
): readonly Column<Row>[] {
  const { idOf, hasGroups, hasPolicy } = options
  const nearest = (row: Row) => nearestLimit(page.limits.get(idOf(row)))
  const refusedByLimits = (row: Row) => page.limits.get(idOf(row))?.refused_day ?? 0
  return [
    ...identityColumns(options),
    ...(hasGroups ? groupColumns<Row>() : []),
    {
      id: 'limits',
      title: 'Limits',
      show: ({ limits }) => <FactText text={factLine(limitFacts(limits))} none="none" />,
    },
    ...(hasPolicy ? policyColumn<Row>() : []),
    ...(page.today === undefined ? [] : useColumns(idOf, page.today)),
    {
      id: 'refused-limits',
      title: 'Refused by limits, 24 h',
      isNumber: true,
      sortBy: refusedByLimits,
      show: (row) => (
        <span class={refusedByLimits(row) > 0 ? 'warn' : undefined}>{formatCount(refusedByLimits(row))}</span>
      ),
    },
    {
      id: 'nearest',
      title: 'Nearest limit',
      isNumber: true,
      sortBy: (row) => nearest(row)?.share,
      show: (row) => <LimitBar use={nearest(row)} />,
    },
  ]
}

function identityColumns<Row extends SubjectRow>({
  title,
  view,
  idOf,
}: CallerColumnsOptions<Row>): readonly Column<Row>[] {
  return [
    {
      id: 'name',
      title,
      onCard: 'heading',
      sortBy: ({ name }) => name,
      show: (row) => (
        <>
          <a class="name break" href={formatAddress(view, idOf(row))}>
            {row.name}
          </a>
          <div class="muted small">
            {row.hint && <span class="mono">…{row.hint} </span>}
            {row.source === 'config' && 'in the configuration'}
          </div>
        </>
      ),
    },
    {
      id: 'state',
      title: 'State',
      onCard: 'heading',
      sortBy: ({ enabled }) => Number(enabled),
      show: ({ enabled, expires = null }) => (
        <EnabledMark isEnabled={enabled} expires={expires} nowMs={now.value} />
      ),
    },
  ]
}

function groupColumns<Row extends SubjectRow>(): readonly Column<Row>[] {
  return [
    {
      id: 'owner',
      title: 'Owner',
      sortBy: ({ owner }) => owner ?? undefined,
      show: ({ owner }) => owner ?? absent,
    },
    {
      id: 'team',
      title: 'Team',
      sortBy: ({ team }) => team ?? undefined,
      show: ({ team }) => team ?? absent,
    },
  ]
}

function policyColumn<Row extends SubjectRow>(): readonly Column<Row>[] {
  return [
    {
      id: 'policy',
      title: 'May use',
      show: ({ policy }) => (
        <FactText text={policy === undefined ? '' : factLine(policyFacts(policy))} none="everything" />
      ),
    },
  ]
}

function useColumns<Row>(
  idOf: (row: Row) => string,
  today: NonNullable<CallerPage<Row>['today']>,
): readonly Column<Row>[] {
  const requests = (row: Row) => today.get(idOf(row))?.requests ?? 0
  const refused = (row: Row) => today.get(idOf(row))?.refused ?? 0
  const tokens = (row: Row) => tokensOf(today.get(idOf(row)))
  return [
    {
      id: 'requests',
      title: 'Requests today',
      isNumber: true,
      sortBy: requests,
      show: (row) => formatCount(requests(row)),
    },
    {
      id: 'refused',
      title: 'Refused today',
      isNumber: true,
      sortBy: refused,
      show: (row) => <span class={refused(row) > 0 ? 'warn' : undefined}>{formatCount(refused(row))}</span>,
    },
    {
      id: 'tokens',
      title: 'Tokens today',
      isNumber: true,
      sortBy: tokens,
      show: (row) => formatCount(tokens(row)),
    },
  ]
}

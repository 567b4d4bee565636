import type { KeyRow } from '../../api/types.ts'
import { absent, formatCount } from '../../format/format.ts'
import { type UseByName, useOf } from '../../live/callers.ts'
import { now } from '../../live/clock.ts'
import { factLine, limitFacts, policyFacts } from '../../state/caller-texts.ts'
import { nearestLimit, tokensOf } from '../../state/limit-use.ts'
import { formatAddress } from '../../state/view-address.ts'
import { EnabledMark } from '../../ui/callers/enabled-mark.tsx'
import { FactText } from '../../ui/callers/fact-text.tsx'
import { LimitBar } from '../../ui/callers/limit-bar.tsx'
import type { Column } from '../../ui/data-table.tsx'

/** @param use undefined if the gateway does not count it */
export function keyColumns(use: UseByName | undefined): readonly Column<KeyRow>[] {
  const nearest = ({ id, limits }: KeyRow) => nearestLimit(limits, useOf(use, id))
  const ofUse: readonly Column<KeyRow>[] = [
    {
      id: 'requests',
      title: 'Requests today',
      isNumber: true,
      sortBy: ({ id }) => useOf(use, id).day?.requests ?? 0,
      show: ({ id }) => formatCount(useOf(use, id).day?.requests ?? 0),
    },
    {
      id: 'refused',
      title: 'Refused today',
      isNumber: true,
      sortBy: ({ id }) => useOf(use, id).day?.refused ?? 0,
      show({ id }) {
        const refused = useOf(use, id).day?.refused ?? 0
        return <span class={refused > 0 ? 'warn' : undefined}>{formatCount(refused)}</span>
      },
    },
    {
      id: 'tokens',
      title: 'Tokens today',
      isNumber: true,
      sortBy: ({ id }) => tokensOf(useOf(use, id).day),
      show: ({ id }) => formatCount(tokensOf(useOf(use, id).day)),
    },
    {
      id: 'nearest',
      title: 'Nearest limit',
      isNumber: true,
      sortBy: (row) => nearest(row)?.share,
      show: (row) => <LimitBar use={nearest(row)} />,
    },
  ]
  return [...known, ...(use === undefined ? [] : ofUse)]
}

const known: readonly Column<KeyRow>[] = [
  {
    id: 'name',
    title: 'Key',
    onCard: 'heading',
    sortBy: ({ name }) => name,
    show: ({ id, name, hint, source }) => (
      <>
        <a class="name break" href={formatAddress('keys', id)}>
          {name}
        </a>
        <div class="muted small">
          {hint !== '' && <span class="mono">…{hint} </span>}
          {source === 'config' && 'in the configuration'}
        </div>
      </>
    ),
  },
  {
    id: 'state',
    title: 'State',
    onCard: 'heading',
    sortBy: ({ enabled }) => Number(enabled),
    show: ({ enabled, expires }) => <EnabledMark isEnabled={enabled} expires={expires} nowMs={now.value} />,
  },
  {
    id: 'owner',
    title: 'Owner',
    sortBy: ({ owner }) => owner ?? undefined,
    show: ({ owner }) => owner ?? absent,
  },
  { id: 'team', title: 'Team', sortBy: ({ team }) => team ?? undefined, show: ({ team }) => team ?? absent },
  {
    id: 'limits',
    title: 'Limits',
    show: ({ limits }) => <FactText text={factLine(limitFacts(limits))} none="none" />,
  },
  {
    id: 'policy',
    title: 'May use',
    show: ({ policy }) => <FactText text={factLine(policyFacts(policy))} none="everything" />,
  },
]

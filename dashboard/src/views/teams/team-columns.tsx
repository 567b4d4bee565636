import type { TeamRow } from '../../api/types.ts'
import { formatCount } from '../../format/format.ts'
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
export function teamColumns(use: UseByName | undefined): readonly Column<TeamRow>[] {
  const nearest = ({ name, limits }: TeamRow) => nearestLimit(limits, useOf(use, name))
  const ofUse: readonly Column<TeamRow>[] = [
    {
      id: 'requests',
      title: 'Requests today',
      isNumber: true,
      sortBy: ({ name }) => useOf(use, name).day?.requests ?? 0,
      show: ({ name }) => formatCount(useOf(use, name).day?.requests ?? 0),
    },
    {
      id: 'tokens',
      title: 'Tokens today',
      isNumber: true,
      sortBy: ({ name }) => tokensOf(useOf(use, name).day),
      show: ({ name }) => formatCount(tokensOf(useOf(use, name).day)),
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

const known: readonly Column<TeamRow>[] = [
  {
    id: 'name',
    title: 'Team',
    onCard: 'heading',
    sortBy: ({ name }) => name,
    show: ({ name, source }) => (
      <>
        <a class="name break" href={formatAddress('teams', name)}>
          {name}
        </a>
        {source === 'config' && <div class="muted small">in the configuration</div>}
      </>
    ),
  },
  {
    id: 'state',
    title: 'State',
    onCard: 'heading',
    sortBy: ({ enabled }) => Number(enabled),
    show: ({ enabled }) => <EnabledMark isEnabled={enabled} nowMs={now.value} />,
  },
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

import { useSignal } from '@preact/signals'
import { decideFound, refreshDiscovery } from '../../api/endpoint-api.ts'
import type { FoundRow, ProviderRow, DiscoveryView as View } from '../../api/types.ts'
import { formatPlural } from '../../format/format.ts'
import { announce } from '../../live/announcement.ts'
import { discovery } from '../../live/discovery.ts'
import { canChange } from '../../live/gateway.ts'
import { foundRank, toneOfFound, toneOfProvider } from '../../state/found-rows.ts'
import { useAction } from '../../ui/action.ts'
import { Ago } from '../../ui/age.tsx'
import { Needs } from '../../ui/callers/needs.tsx'
import { ConfirmButton } from '../../ui/confirm-button.tsx'
import { type Column, DataTable } from '../../ui/data-table.tsx'
import { Choice, SearchField } from '../../ui/fields.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty, Notice } from '../../ui/notice.tsx'
import { ToneMark } from '../../ui/status-mark.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'

export const DiscoveryView = () => (
  <Needs feature="discovery" title="Discovery">
    <Discovery />
  </Needs>
)

/** What finds endpoints, and what it has found: pending ones wait for a decision. */
function Discovery() {
  const loaded = useResource(discovery)
  const search = useSignal('')
  const state = useSignal('')
  const { isRunning, failure, run } = useAction()
  const view = loaded.value
  const act = (change: () => Promise<void>, text: string) =>
    void run(async () => {
      await change()
      announce(text)
      discovery.reload()
    })
  return (
    <>
      <Toolbar title="Discovery" note={view && summary(view)}>
        <Choice
          label="State"
          value={state.value}
          options={[
            ['', 'Any state'],
            ...[...new Set((view?.endpoints ?? []).map((row) => row.state))].map(
              (each) => [each, each] as const,
            ),
          ]}
          onChoose={(chosen) => (state.value = chosen)}
        />
        <SearchField label="Find endpoints and labels" value={search} />
        {canChange && (
          <button
            type="button"
            class="button"
            disabled={isRunning.value}
            onClick={() => act(refreshDiscovery, 'The sources are being read')}
          >
            Read sources now
          </button>
        )}
      </Toolbar>
      {failure.value !== '' && (
        <div role="alert">
          <Notice tone="bad" title={failure.value} />
        </div>
      )}
      <LoadedView loaded={loaded}>
        {({ providers, endpoints }) => {
          const wanted = search.value.trim().toLowerCase()
          const rows = endpoints.filter(
            (row) =>
              (state.value === '' || row.state === state.value) &&
              (wanted === '' || textOf(row).includes(wanted)),
          )
          return (
            <>
              <DataTable
                caption="Providers"
                columns={providerColumns}
                rows={providers}
                rowKey={({ name }) => name}
              />
              <section class="below">
                <div class="toolbar">
                  <h2>Found endpoints</h2>
                </div>
                {rows.length === 0 ? (
                  <Empty title={endpoints.length === 0 ? 'Nothing found yet' : 'No endpoint matches'} />
                ) : (
                  <DataTable
                    caption="Found endpoints"
                    columns={foundColumns(isRunning.value, act)}
                    rows={rows}
                    rowKey={({ name, provider, url }) => `${provider} ${name} ${url}`}
                    initialOrder={{ column: 'state', direction: 'ascending' }}
                  />
                )}
              </section>
            </>
          )
        }}
      </LoadedView>
    </>
  )
}

function summary({ providers, endpoints }: View): string {
  const pending = endpoints.filter(({ state }) => state === 'pending').length
  const failing = providers.filter(({ state }) => state !== 'ok').length
  const parts = [formatPlural(endpoints.length, 'endpoint')]
  if (pending > 0) parts.push(`${pending} pending`)
  if (failing > 0) parts.push(`${formatPlural(failing, 'source')} cannot be read`)
  return parts.join(', ')
}

const textOf = ({ name, url, provider, labels }: FoundRow) =>
  [name, url, provider, ...Object.entries(labels).flat()].join(' ').toLowerCase()

const providerColumns: readonly Column<ProviderRow>[] = [
  {
    id: 'name',
    title: 'Provider',
    onCard: 'heading',
    sortBy: ({ name }) => name,
    show: ({ name, type }) => (
      <>
        <span class="name">{name}</span> <span class="tag">{type}</span>
      </>
    ),
  },
  {
    id: 'state',
    title: 'State',
    onCard: 'heading',
    sortBy: ({ state }) => state,
    show: ({ state, reason }) => (
      <>
        <ToneMark tone={toneOfProvider(state)} text={state} />
        {reason !== null && <div class="muted small break">{reason}</div>}
      </>
    ),
  },
  {
    id: 'endpoints',
    title: 'Endpoints',
    isNumber: true,
    sortBy: ({ endpoints }) => endpoints,
    show: ({ endpoints }) => endpoints,
  },
  {
    id: 'answer',
    title: 'Last answer',
    isNumber: true,
    show: ({ last_answer }) => <Ago at={last_answer ?? undefined} />,
  },
]

function foundColumns(
  isRunning: boolean,
  act: (change: () => Promise<void>, text: string) => void,
): readonly Column<FoundRow>[] {
  return [
    {
      id: 'name',
      title: 'Endpoint',
      onCard: 'heading',
      sortBy: ({ name }) => name,
      show: ({ name, url }) => (
        <>
          <span class="name">{name}</span>
          <div class="muted small clip">{url}</div>
        </>
      ),
    },
    {
      id: 'state',
      title: 'State',
      onCard: 'heading',
      sortBy: foundRank,
      show: (row) => (
        <>
          <ToneMark tone={toneOfFound(row)} text={row.state} />
          <div class="muted small break">
            <Ago at={row.since} />
            {row.problem !== null && ` · ${row.problem}`}
          </div>
        </>
      ),
    },
    {
      id: 'provider',
      title: 'Provider',
      sortBy: ({ provider }) => provider,
      show: ({ provider }) => provider,
    },
    {
      id: 'labels',
      title: 'Labels',
      onCard: 'hidden',
      show: ({ labels }) => (
        <span class="small break">
          {Object.entries(labels)
            .map(([key, value]) => `${key}=${value}`)
            .join(' ')}
        </span>
      ),
    },
    {
      id: 'decide',
      title: 'Decision',
      show: ({ name, state }) =>
        canChange &&
        state === 'pending' && (
          <div class="buttons">
            <button
              type="button"
              class="button"
              disabled={isRunning}
              onClick={() => act(() => decideFound(name, 'approve'), `${name} was approved`)}
            >
              Approve<span class="unseen"> {name}</span>
            </button>
            <ConfirmButton
              label="Reject"
              question="Really reject?"
              of={name}
              isDisabled={isRunning}
              onConfirm={() => act(() => decideFound(name, 'reject'), `${name} was rejected`)}
            />
          </div>
        ),
    },
  ]
}

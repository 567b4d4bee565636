import { useSignal } from '@preact/signals'
import { useMemo } from 'preact/hooks'
import { address, goTo } from '../../live/address.ts'
import { canChange, endpoints, models } from '../../live/gateway.ts'
import type { Grouping } from '../../state/fleet-groups.ts'
import { countedValues, filterFleet, modelNames } from '../../state/fleet-rows.ts'
import { loadedModels } from '../../state/model-rows.ts'
import { DataTable } from '../../ui/data-table.tsx'
import { Choice, SearchField } from '../../ui/fields.tsx'
import { useResource } from '../../ui/hooks.ts'
import { lazyView } from '../../ui/lazy-view.tsx'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { EndpointDrawer } from './endpoint-drawer.tsx'
import { fleetColumns } from './fleet-columns.tsx'
import { FleetGrid } from './fleet-grid.tsx'
import { LatestEvents } from './latest-events.tsx'

const EndpointFormDrawer = lazyView(() =>
  import('../endpoints/endpoint-form-drawer.tsx').then((each) => each.EndpointFormDrawer),
)

/** A larger fleet is shown as a grid, unless the reader chooses. */
const largeFleet = 60

const layouts: readonly (readonly [Grouping | 'table', string])[] = [
  ['table', 'As a table'],
  ['type', 'Grid by type'],
  ['tag', 'Grid by tag'],
  ['status', 'Grid by state'],
  ['priority', 'Grid by priority'],
]

/** Every endpoint: its state and circuit, load, latency and models in memory. */
export function FleetView() {
  const loaded = useResource(endpoints)
  const known = useResource(models).value
  const inMemory = useMemo(() => loadedModels(known), [known])
  const names = useMemo(() => modelNames(known), [known])
  const search = useSignal('')
  const state = useSignal('')
  const type = useSignal('')
  const chosen = useSignal<Grouping | 'table' | undefined>(undefined)
  /** Name of the endpoint that is edited; empty for a new one. */
  const edited = useSignal<string | undefined>(undefined)
  const view = loaded.value
  const all = view?.endpoints ?? []
  const layout = chosen.value ?? (all.length > largeFleet ? 'type' : 'table')
  return (
    <>
      <Toolbar
        title="Fleet"
        note={view && `${view.routable_count} of ${view.total_count} endpoints can accept requests`}
      >
        <Choice
          label="State"
          value={state.value}
          options={[['', 'Any state'], ['trouble', 'Trouble'], ...options(all.map(({ status }) => status))]}
          onChoose={(chosen) => {
            state.value = chosen
          }}
        />
        <Choice
          label="Type"
          value={type.value}
          options={[['', 'Any type'], ...options(all.map((row) => row.type))]}
          onChoose={(chosen) => {
            type.value = chosen
          }}
        />
        <Choice
          label="Layout"
          value={layout}
          options={layouts}
          onChoose={(name) => {
            chosen.value = layouts.find(([each]) => each === name)?.[0]
          }}
        />
        <SearchField label="Find endpoints and models" value={search} />
        {canChange && (
          <button type="button" class="button" onClick={() => (edited.value = '')}>
            Add endpoint
          </button>
        )}
      </Toolbar>
      <LoadedView loaded={loaded}>
        {({ endpoints: rows }) => {
          const found = filterFleet(
            rows,
            { search: search.value, state: state.value, type: type.value },
            names,
          )
          const opened = rows.find(({ id }) => id === address.value.item)
          return (
            <>
              {rows.length === 0 && (
                <Empty title="No endpoints">
                  Name some under discovery.static.endpoints, or start with --demo.
                </Empty>
              )}
              {rows.length > 0 && found.length === 0 && <Empty title="No endpoint matches" />}
              {found.length > 0 && layout !== 'table' && <FleetGrid rows={found} grouping={layout} />}
              {found.length > 0 && layout === 'table' && (
                <DataTable
                  caption="Endpoints"
                  columns={fleetColumns(inMemory)}
                  rows={found}
                  rowKey={({ id }) => id}
                  initialOrder={{ column: 'state', direction: 'ascending' }}
                />
              )}
              <LatestEvents />
              {edited.value !== undefined && (
                <EndpointFormDrawer
                  {...(edited.value === '' ? {} : { name: edited.value })}
                  onClose={() => (edited.value = undefined)}
                />
              )}
              {opened !== undefined && edited.value === undefined && (
                <EndpointDrawer
                  endpoint={opened}
                  inMemory={inMemory.get(opened.name) ?? []}
                  onClose={() => goTo('fleet')}
                  onEdit={() => (edited.value = opened.name)}
                />
              )}
            </>
          )
        }}
      </LoadedView>
    </>
  )
}

function options(values: readonly string[]): [string, string][] {
  return countedValues(values).map(([value, count]) => [value, `${value} (${count})`])
}

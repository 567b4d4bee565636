import { useSignal } from '@preact/signals'
import type { EndpointRow } from '../../api/types.ts'
import { address, goTo } from '../../live/address.ts'
import { endpoints, models } from '../../live/gateway.ts'
import { loadedModels } from '../../state/model-rows.ts'
import { DataTable } from '../../ui/data-table.tsx'
import { SearchField } from '../../ui/fields.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { EndpointDrawer } from './endpoint-drawer.tsx'
import { fleetColumns } from './fleet-columns.tsx'
import { LatestEvents } from './latest-events.tsx'

/** Every endpoint: its state and circuit, load, latency and models in memory. */
export function FleetView() {
  const loaded = useResource(endpoints)
  const inMemory = loadedModels(useResource(models).value)
  const search = useSignal('')
  const view = loaded.value
  return (
    <>
      <Toolbar
        title="Fleet"
        note={view && `${view.routable_count} of ${view.total_count} endpoints can accept requests`}
      >
        <SearchField label="Find endpoints" value={search} />
      </Toolbar>
      <LoadedView loaded={loaded}>
        {({ endpoints: rows }) => {
          const found = rows.filter((row) => matches(row, search.value))
          const opened = rows.find(({ id }) => id === address.value.item)
          return (
            <>
              {rows.length === 0 && (
                <Empty title="No endpoints">
                  Name some under discovery.static.endpoints, or start with --demo.
                </Empty>
              )}
              {rows.length > 0 && found.length === 0 && <Empty title="No endpoint matches" />}
              {found.length > 0 && (
                <DataTable
                  caption="Endpoints"
                  columns={fleetColumns(inMemory)}
                  rows={found}
                  rowKey={({ id }) => id}
                  initialOrder={{ column: 'name', direction: 'ascending' }}
                />
              )}
              <LatestEvents />
              {opened !== undefined && (
                <EndpointDrawer
                  endpoint={opened}
                  inMemory={inMemory.get(opened.name) ?? []}
                  onClose={() => goTo('fleet')}
                />
              )}
            </>
          )
        }}
      </LoadedView>
    </>
  )
}

function matches({ name, type, url, status }: EndpointRow, search: string): boolean {
  const wanted = search.trim().toLowerCase()
  return wanted === '' || [name, type, url, status].some((text) => text.toLowerCase().includes(wanted))
}

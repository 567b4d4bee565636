import { useSignal } from '@preact/signals'
import { address, goTo } from '../../live/address.ts'
import { modelStats, models } from '../../live/gateway.ts'
import type { Loaded } from '../../live/resource.ts'
import { type ModelRow, modelRows } from '../../state/model-rows.ts'
import { DataTable } from '../../ui/data-table.tsx'
import { SearchField } from '../../ui/fields.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { modelColumns } from './model-columns.tsx'
import { ModelDrawer } from './model-drawer.tsx'

/** Every model with its details, endpoints, speed and use. */
export function ModelsView() {
  const loaded = useResource(models)
  const stats = useResource(modelStats)
  const search = useSignal('')
  const view = loaded.value
  return (
    <>
      <Toolbar
        title="Models"
        note={
          view &&
          `${view.total_models} models of ${view.total_families} families on ${view.total_endpoints} endpoints`
        }
      >
        <SearchField label="Find models" value={search} />
      </Toolbar>
      <LoadedView loaded={isSettled(stats) ? loaded : nothing}>
        {(known) => {
          const rows = modelRows(known, stats.value)
          const found = rows.filter((row) => matches(row, search.value))
          const opened = rows.find(({ name }) => name === address.value.item)
          return (
            <>
              {rows.length === 0 && <Empty title="No models">No endpoint has reported any yet.</Empty>}
              {rows.length > 0 && found.length === 0 && <Empty title="No model matches" />}
              {found.length > 0 && (
                <DataTable
                  caption="Models"
                  columns={modelColumns}
                  rows={found}
                  rowKey={({ name }) => name}
                  initialOrder={{ column: 'requests', direction: 'descending' }}
                />
              )}
              {opened !== undefined && <ModelDrawer model={opened} onClose={() => goTo('models')} />}
            </>
          )
        }}
      </LoadedView>
    </>
  )
}

/** Models are sorted by use: until that is known, their order would be wrong. */
const isSettled = ({ value, error }: Loaded<unknown>) => value !== undefined || error !== undefined
const nothing = { value: undefined, error: undefined }

function matches({ name, family, item, places }: ModelRow, search: string): boolean {
  const wanted = search.trim().toLowerCase()
  const texts = [name, family, ...(item.capabilities ?? []), ...places.map(({ endpoint }) => endpoint)]
  return wanted === '' || texts.some((text) => text.toLowerCase().includes(wanted))
}

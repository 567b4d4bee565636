import { useSignal } from '@preact/signals'
import { createKey } from '../../api/caller-api.ts'
import type { NewKey } from '../../api/types.ts'
import { address, goTo } from '../../live/address.ts'
import {
  keyEnabled,
  keyList,
  keyOwner,
  keyPages,
  keySearch,
  keyTeam,
  keyUse,
  reloadCallers,
  showKeyPage,
  teamList,
} from '../../live/callers.ts'
import { features } from '../../live/gateway.ts'
import { CallerFormDrawer } from '../../ui/callers/caller-form.tsx'
import { Needs } from '../../ui/callers/needs.tsx'
import { DataTable } from '../../ui/data-table.tsx'
import { Choice, SearchField } from '../../ui/fields.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { keyColumns } from './key-columns.tsx'
import { KeyDrawer } from './key-drawer.tsx'
import { NewSecret } from './new-secret.tsx'

export const KeysView = () => (
  <Needs feature="keys" title="Keys">
    <Keys />
  </Needs>
)

/** API keys, a page at a time. */
function Keys() {
  const loaded = useResource(keyList)
  const use = useResource(keyUse)
  const created = useSignal<NewKey | undefined>(undefined)
  const isCreating = useSignal(false)
  const opened = address.value.item
  const isFiltered = [keySearch, keyOwner, keyTeam, keyEnabled].some(({ value }) => value !== '')
  return (
    <>
      <Toolbar title="Keys">
        <Filters />
        <button type="button" class="button primary" onClick={() => (isCreating.value = true)}>
          New key
        </button>
      </Toolbar>
      <LoadedView loaded={loaded}>
        {({ keys, next }) => (
          <>
            {keys.length === 0 ? (
              <Empty title={isFiltered ? 'No key matches' : 'No keys yet'} />
            ) : (
              <DataTable
                caption="API keys"
                columns={keyColumns(features.value?.usage ? (use.value ?? undefined) : undefined)}
                rows={keys}
                rowKey={({ id }) => id}
              />
            )}
            <Pages next={next} />
          </>
        )}
      </LoadedView>
      {isCreating.value && (
        <CallerFormDrawer
          kind="key"
          create={async (fields) => {
            created.value = await createKey(fields)
            isCreating.value = false
            reloadCallers()
          }}
          onClose={() => (isCreating.value = false)}
        />
      )}
      {opened !== undefined && created.value === undefined && (
        <KeyDrawer
          key={opened}
          id={opened}
          onClose={() => goTo('keys')}
          onRotated={(rotated) => (created.value = rotated)}
        />
      )}
      {created.value !== undefined && (
        <NewSecret created={created.value} onClose={() => (created.value = undefined)} />
      )}
    </>
  )
}

function Filters() {
  const teams = useResource(teamList).value?.teams ?? []
  return (
    <>
      <SearchField label="Find keys" value={keySearch} />
      <SearchField label="Owner" value={keyOwner} />
      {teams.length > 0 && (
        <Choice
          label="Team"
          value={keyTeam.value}
          options={[['', 'All teams'], ...teams.map(({ name }) => [name, name] as const)]}
          onChoose={(team) => (keyTeam.value = team)}
        />
      )}
      <Choice
        label="State"
        value={keyEnabled.value}
        options={[
          ['', 'All states'],
          ['true', 'Enabled'],
          ['false', 'Disabled'],
        ]}
        onChoose={(enabled) => (keyEnabled.value = enabled)}
      />
    </>
  )
}

/** Steps through the pages of the list. */
function Pages({ next }: { next: string | null }) {
  const pages = keyPages.value
  if (pages.length === 0 && next === null) return null
  return (
    <nav class="more" aria-label="Pages of keys">
      <button
        type="button"
        class="button"
        disabled={pages.length === 0}
        onClick={() => showKeyPage(pages.slice(0, -1))}
      >
        Previous
      </button>
      <span class="muted">page {pages.length + 1}</span>
      <button
        type="button"
        class="button"
        disabled={next === null}
        onClick={() => {
          if (next !== null) showKeyPage([...pages, next])
        }}
      >
        Next
      </button>
    </nav>
  )
}

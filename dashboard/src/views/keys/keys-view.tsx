import { useSignal } from '@preact/signals'
import { changeKey, createKey } from '../../api/caller-api.ts'
import type { KeyRow, NewKey } from '../../api/types.ts'
import { address, goTo } from '../../live/address.ts'
import { announce } from '../../live/announcement.ts'
import {
  keyEnabled,
  keyList,
  keyOwner,
  keySearch,
  keyTeam,
  reloadCallers,
  teamList,
} from '../../live/callers.ts'
import { formOf } from '../../state/caller-form.ts'
import { callerColumns } from '../../ui/callers/caller-columns.tsx'
import { CallerFormDrawer } from '../../ui/callers/caller-form.tsx'
import { Needs } from '../../ui/callers/needs.tsx'
import { DataTable } from '../../ui/data-table.tsx'
import { Choice, SearchField } from '../../ui/fields.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty } from '../../ui/notice.tsx'
import { Pages } from '../../ui/pages.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { KeyDrawer } from './key-drawer.tsx'
import { NewSecret } from './new-secret.tsx'

export const KeysView = () => (
  <Needs feature="keys" title="Keys">
    <Keys />
  </Needs>
)

const idOf = ({ id }: KeyRow) => id
const columns = { title: 'Key', view: 'keys', idOf, hasGroups: true, hasPolicy: true } as const

/** API keys, a page at a time. */
function Keys() {
  const loaded = useResource(keyList.page)
  const created = useSignal<NewKey | undefined>(undefined)
  const isCreating = useSignal(false)
  const edited = useSignal<KeyRow | undefined>(undefined)
  const opened = address.value.item
  const isFiltered = [keySearch, keyOwner, keyTeam, keyEnabled].some(({ value }) => value !== '')
  const isOpen = opened !== undefined && created.value === undefined && edited.value === undefined
  return (
    <>
      <Toolbar title="Keys">
        <Filters />
        <button type="button" class="button primary" onClick={() => (isCreating.value = true)}>
          New key
        </button>
      </Toolbar>
      <LoadedView loaded={loaded}>
        {(page) => (
          <>
            {page.rows.length === 0 ? (
              <Empty title={isFiltered ? 'No key matches' : 'No keys yet'} />
            ) : (
              <DataTable
                caption="API keys"
                columns={callerColumns(columns, page)}
                rows={page.rows}
                rowKey={idOf}
              />
            )}
            <Pages of="keys" starts={keyList.starts.value} next={page.next} onShow={keyList.showPage} />
          </>
        )}
      </LoadedView>
      {isCreating.value && (
        <CallerFormDrawer
          kind="key"
          save={async (fields) => {
            created.value = await createKey(fields)
            isCreating.value = false
            reloadCallers()
          }}
          onClose={() => (isCreating.value = false)}
        />
      )}
      {isOpen && (
        <KeyDrawer
          key={opened}
          id={opened}
          onClose={() => goTo('keys')}
          onEdit={(row) => (edited.value = row)}
          onRotated={(rotated) => (created.value = rotated)}
        />
      )}
      {edited.value !== undefined && (
        <EditKey row={edited.value} onClose={() => (edited.value = undefined)} />
      )}
      {created.value !== undefined && (
        <NewSecret created={created.value} onClose={() => (created.value = undefined)} />
      )}
    </>
  )
}

function EditKey({ row, onClose }: { row: KeyRow; onClose: () => void }) {
  return (
    <CallerFormDrawer
      kind="key"
      before={formOf(row)}
      save={async (fields) => {
        await changeKey(row.id, fields)
        announce('The key was changed.')
        onClose()
        reloadCallers()
      }}
      onClose={onClose}
    />
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

import { useSignal } from '@preact/signals'
import { changeGroup, createGroup, type GroupKind } from '../../api/caller-api.ts'
import type { OwnerRow, TeamRow } from '../../api/types.ts'
import { address, goTo } from '../../live/address.ts'
import { announce } from '../../live/announcement.ts'
import { groupLists, groupSearch, reloadCallers } from '../../live/callers.ts'
import { formOf } from '../../state/caller-form.ts'
import { callerColumns } from '../../ui/callers/caller-columns.tsx'
import { CallerFormDrawer } from '../../ui/callers/caller-form.tsx'
import { Needs } from '../../ui/callers/needs.tsx'
import { DataTable } from '../../ui/data-table.tsx'
import { SearchField } from '../../ui/fields.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty } from '../../ui/notice.tsx'
import { Pages } from '../../ui/pages.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { GroupDrawer } from './group-drawer.tsx'

type GroupRow = TeamRow | OwnerRow

const titles = { team: ['Team', 'Teams', 'teams'], owner: ['Owner', 'Owners', 'owners'] } as const

export const TeamsView = () => (
  <Needs feature="keys" title="Teams">
    <Groups key="team" kind="team" />
  </Needs>
)

export const OwnersView = () => (
  <Needs feature="keys" title="Owners">
    <Groups key="owner" kind="owner" />
  </Needs>
)

const nameOf = ({ name }: GroupRow) => name

/** Teams or owners with their limits, a page at a time. */
function Groups({ kind }: { kind: GroupKind }) {
  const list = groupLists[kind]
  const loaded = useResource(list.page)
  const isCreating = useSignal(false)
  const edited = useSignal<GroupRow | undefined>(undefined)
  const [title, titleOfAll, view] = titles[kind]
  const opened = address.value.item
  const columns = { title, view, idOf: nameOf, hasGroups: false, hasPolicy: kind === 'team' } as const
  return (
    <>
      <Toolbar title={titleOfAll}>
        <SearchField label={`Find ${view}`} value={groupSearch[kind]} />
        <button type="button" class="button primary" onClick={() => (isCreating.value = true)}>
          New {kind}
        </button>
      </Toolbar>
      <LoadedView loaded={loaded}>
        {(page) => (
          <>
            {page.rows.length === 0 ? (
              <Empty title={groupSearch[kind].value === '' ? `No ${view} yet` : `No ${kind} matches`}>
                {kind === 'owner' && 'Keys may name an owner that is not listed: it has no limits.'}
              </Empty>
            ) : (
              <DataTable
                caption={titleOfAll}
                columns={callerColumns<GroupRow>(columns, page)}
                rows={page.rows}
                rowKey={nameOf}
              />
            )}
            <Pages of={view} starts={list.starts.value} next={page.next} onShow={list.showPage} />
          </>
        )}
      </LoadedView>
      {opened !== undefined && edited.value === undefined && (
        <GroupDrawer
          key={opened}
          kind={kind}
          name={opened}
          onClose={() => goTo(view)}
          onEdit={(row) => (edited.value = row)}
        />
      )}
      {isCreating.value && (
        <CallerFormDrawer
          kind={kind}
          save={async (fields) => {
            await createGroup(kind, fields)
            isCreating.value = false
            announce(`The ${kind} was created.`)
            reloadCallers()
          }}
          onClose={() => (isCreating.value = false)}
        />
      )}
      {edited.value !== undefined && (
        <CallerFormDrawer
          key={edited.value.name}
          kind={kind}
          before={formOf(edited.value)}
          save={async (fields) => {
            if (edited.value !== undefined) await changeGroup(kind, edited.value.name, fields)
            edited.value = undefined
            announce(`The ${kind} was changed.`)
            reloadCallers()
          }}
          onClose={() => (edited.value = undefined)}
        />
      )}
    </>
  )
}

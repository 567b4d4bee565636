import { useSignal } from '@preact/signals'
import { createTeam } from '../../api/caller-api.ts'
import type { TeamRow } from '../../api/types.ts'
import { address, goTo } from '../../live/address.ts'
import { announce } from '../../live/announcement.ts'
import { reloadCallers, teamList, teamUse } from '../../live/callers.ts'
import { features } from '../../live/gateway.ts'
import { CallerFormDrawer } from '../../ui/callers/caller-form.tsx'
import { Needs } from '../../ui/callers/needs.tsx'
import { DataTable } from '../../ui/data-table.tsx'
import { SearchField } from '../../ui/fields.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { teamColumns } from './team-columns.tsx'
import { TeamDrawer } from './team-drawer.tsx'

export const TeamsView = () => (
  <Needs feature="keys" title="Teams">
    <Teams />
  </Needs>
)

/** Teams with their limits and policies. */
function Teams() {
  const loaded = useResource(teamList)
  const use = useResource(teamUse)
  const search = useSignal('')
  const isCreating = useSignal(false)
  return (
    <>
      <Toolbar title="Teams">
        <SearchField label="Find teams" value={search} />
        <button type="button" class="button primary" onClick={() => (isCreating.value = true)}>
          New team
        </button>
      </Toolbar>
      <LoadedView loaded={loaded}>
        {({ teams, next }) => {
          const found = teams.filter((team) => matches(team, search.value))
          const opened = teams.find(({ name }) => name === address.value.item)
          return (
            <>
              {found.length === 0 ? (
                <Empty title={teams.length === 0 ? 'No teams yet' : 'No team matches'} />
              ) : (
                <DataTable
                  caption="Teams"
                  columns={teamColumns(features.value?.usage ? (use.value ?? undefined) : undefined)}
                  rows={found}
                  rowKey={({ name }) => name}
                />
              )}
              {next !== null && <p class="muted">These are the first {teams.length} teams.</p>}
              {opened !== undefined && (
                <TeamDrawer key={opened.name} team={opened} onClose={() => goTo('teams')} />
              )}
            </>
          )
        }}
      </LoadedView>
      {isCreating.value && (
        <CallerFormDrawer
          kind="team"
          create={async (fields) => {
            await createTeam(fields)
            isCreating.value = false
            announce('The team was created.')
            reloadCallers()
          }}
          onClose={() => (isCreating.value = false)}
        />
      )}
    </>
  )
}

function matches({ name }: TeamRow, search: string): boolean {
  return name.toLowerCase().includes(search.trim().toLowerCase())
}

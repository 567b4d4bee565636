import { useSignal } from '@preact/signals'
import { address, goTo } from '../../live/address.ts'
import { endpoints } from '../../live/gateway.ts'
import { filterRequests, requestFilter, requestList } from '../../live/request-list.ts'
import { DataTable } from '../../ui/data-table.tsx'
import { Choice, Switch } from '../../ui/fields.tsx'
import { HoldButton } from '../../ui/hold-button.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { requestColumns } from './request-columns.tsx'
import { RequestDrawer } from './request-drawer.tsx'

const outcomes = [
  ['', 'All outcomes'],
  ['success', 'Success'],
  ['failure', 'Failed'],
  ['rejection', 'Rejected'],
  ['client_closed', 'Client left'],
  ['cancelled', 'Cancelled'],
] as const

/** The last requests, newest first; each opens to its timeline. */
export function RequestsView() {
  const loaded = useResource(requestList)
  const opened = address.value.item
  const isFiltered = Object.values(requestFilter.value).some((value) => value !== '' && value !== false)
  const held = useSignal<typeof loaded | undefined>(undefined)
  const shown = held.value ?? loaded
  const view = shown.value
  return (
    <>
      <Toolbar title="Requests" note={view && `${view.matched} of the last ${view.total}`}>
        <Filters />
        <HoldButton held={held} current={loaded} />
      </Toolbar>
      <LoadedView loaded={shown}>
        {({ requests, capacity }) =>
          requests.length === 0 ? (
            <Empty title={isFiltered ? 'No request matches' : 'No requests yet'}>
              {capacity === 0
                ? 'The gateway is configured to keep none.'
                : 'The gateway keeps recent ones, never their bodies.'}
            </Empty>
          ) : (
            <DataTable
              caption="Last requests"
              columns={requestColumns}
              rows={requests}
              rowKey={({ id }) => id}
            />
          )
        }
      </LoadedView>
      {opened !== undefined && <RequestDrawer key={opened} id={opened} onClose={() => goTo('requests')} />}
    </>
  )
}

function Filters() {
  const filter = requestFilter.value
  const names = endpoints.state.value.value?.endpoints.map(({ name }) => [name, name] as const) ?? []
  return (
    <>
      <input
        type="search"
        class="field search"
        aria-label="Model"
        placeholder="Model"
        value={filter.model}
        onChange={(event) => filterRequests({ model: event.currentTarget.value.trim() })}
      />
      <Choice
        label="Endpoint"
        value={filter.endpoint}
        options={[['', 'All endpoints'], ...names]}
        onChoose={(endpoint) => filterRequests({ endpoint })}
      />
      <Choice
        label="Outcome"
        value={filter.outcome}
        options={outcomes}
        onChoose={(outcome) => filterRequests({ outcome })}
      />
      <Switch label="Moved on" isOn={filter.failover} onSwitch={(failover) => filterRequests({ failover })} />
    </>
  )
}

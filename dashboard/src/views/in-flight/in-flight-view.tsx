import { useSignal } from '@preact/signals'
import { ApiError } from '../../api/api-error.ts'
import { cancelRequest } from '../../api/gateway-api.ts'
import type { InFlightView as Shown } from '../../api/types.ts'
import { announce } from '../../live/announcement.ts'
import { features, inFlight } from '../../live/gateway.ts'
import { DataTable } from '../../ui/data-table.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty, Notice } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { inFlightColumns } from './in-flight-columns.tsx'

/** Requests in flight, oldest first, each with a button that cancels it. */
export function InFlightView() {
  const loaded = useResource(inFlight)
  const ending = useSignal<ReadonlySet<string>>(new Set())
  const failure = useSignal('')

  async function cancel(id: string): Promise<void> {
    ending.value = new Set([...ending.value, id])
    failure.value = ''
    try {
      await cancelRequest(id)
      announce('The request was cancelled.')
    } catch (error) {
      // It had already ended.
      if (!(error instanceof ApiError) || error.trouble === 'not_found') return
      failure.value = error.message
    } finally {
      ending.value = new Set([...ending.value].filter((each) => each !== id))
      inFlight.reload()
    }
  }

  return (
    <>
      <Toolbar title="In flight" note={loaded.value && noteOn(loaded.value)} />
      {failure.value !== '' && (
        <Notice tone="bad" title="The request was not cancelled">
          {failure.value}
        </Notice>
      )}
      <LoadedView loaded={loaded}>
        {({ requests }) =>
          requests.length === 0 ? (
            <Empty title="Nothing in flight">Requests appear here while endpoints work on them.</Empty>
          ) : (
            <DataTable
              caption="Requests in flight"
              columns={inFlightColumns({
                canCancel: features.value?.cancel !== false,
                ending: ending.value,
                cancel: (id) => void cancel(id),
              })}
              rows={requests}
              rowKey={({ id }) => id}
            />
          )
        }
      </LoadedView>
    </>
  )
}

function noteOn({ total, requests }: Shown): string {
  return total > requests.length ? `the oldest ${requests.length} of ${total}` : `${total} in flight`
}

import { useSignal } from '@preact/signals'
import { ApiError } from '../../api/api-error.ts'
import { cancelRequest } from '../../api/gateway-api.ts'
import { moveUp } from '../../api/queue-api.ts'
import type { WaitingView as Shown } from '../../api/types.ts'
import { formatMs } from '../../format/format.ts'
import { announce } from '../../live/announcement.ts'
import { features } from '../../live/gateway.ts'
import { queue } from '../../live/queue.ts'
import { DataTable } from '../../ui/data-table.tsx'
import { useResource } from '../../ui/hooks.ts'
import { LoadedView } from '../../ui/loaded-view.tsx'
import { Empty, Notice } from '../../ui/notice.tsx'
import { Toolbar } from '../../ui/toolbar.tsx'
import { queueColumns } from './queue-columns.tsx'

/** Requests that wait for a place, in the order in which they would get one. */
export function QueueView() {
  const loaded = useResource(queue)
  const changing = useSignal<ReadonlySet<string>>(new Set())
  const failure = useSignal('')

  async function change(id: string, run: (id: string) => Promise<void>, done: string): Promise<void> {
    changing.value = new Set([...changing.value, id])
    failure.value = ''
    try {
      await run(id)
      announce(done)
    } catch (error) {
      // It no longer waits.
      if (!(error instanceof ApiError) || error.trouble === 'not_found') return
      failure.value = error.message
    } finally {
      changing.value = new Set([...changing.value].filter((each) => each !== id))
      queue.reload()
    }
  }

  return (
    <>
      <Toolbar title="Queue" note={loaded.value && noteOn(loaded.value)} />
      {failure.value !== '' && (
        <Notice tone="bad" title="The request was not changed">
          {failure.value}
        </Notice>
      )}
      <LoadedView loaded={loaded}>
        {({ requests }) =>
          requests.length === 0 ? (
            <Empty title="Nothing waits">
              Requests appear here while all endpoints that could serve them are at their max_concurrent.
            </Empty>
          ) : (
            <DataTable
              caption="Waiting requests"
              columns={queueColumns({
                canCancel: features.value?.cancel !== false,
                changing: changing.value,
                cancel: (id) => void change(id, cancelRequest, 'The request was cancelled.'),
                moveUp: (id) => void change(id, moveUp, 'The request was moved up.'),
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

function noteOn({ total, models, longest_wait_ms }: Shown): string {
  if (total === 0) return 'none wait'
  const of = models.map(({ model, waiting }) => `${waiting} for ${model ?? 'any model'}`).slice(0, 4)
  return `${of.join(', ')} · the longest for ${formatMs(longest_wait_ms)}`
}

import type { WaitingRow } from '../../api/types.ts'
import { absent, formatBytes, formatCount, formatMs } from '../../format/format.ts'
import { now } from '../../live/clock.ts'
import { ConfirmButton } from '../../ui/confirm-button.tsx'
import type { Column } from '../../ui/data-table.tsx'

export interface QueueActions {
  readonly canCancel: boolean
  /** Requests that are being changed. */
  readonly changing: ReadonlySet<string>
  readonly cancel: (id: string) => void
  readonly moveUp: (id: string) => void
}

export function queueColumns({
  canCancel,
  changing,
  cancel,
  moveUp,
}: QueueActions): readonly Column<WaitingRow>[] {
  return [
    {
      id: 'position',
      title: 'Position',
      isNumber: true,
      sortBy: ({ position }) => position,
      show: ({ position }) => formatCount(position),
    },
    {
      id: 'request',
      title: 'Request',
      onCard: 'heading',
      show: ({ model, request_id }) => (
        <>
          <span class="name break">{model ?? absent}</span>
          <div class="muted small mono clip">{request_id}</div>
        </>
      ),
    },
    {
      id: 'client',
      title: 'Client',
      sortBy: ({ client }) => client,
      show: ({ client, session }) => (
        <>
          <span class="mono">{client}</span>
          {session !== null && <div class="muted small mono clip">{session}</div>}
        </>
      ),
    },
    { id: 'class', title: 'Class', sortBy: ({ priority }) => priority, show: ({ priority }) => priority },
    {
      id: 'waited',
      title: 'Waits for',
      isNumber: true,
      sortBy: ({ since }) => -Date.parse(since),
      show: ({ since, waited_ms }) => formatMs(Math.max(waited_ms, now.value - Date.parse(since))),
    },
    {
      id: 'estimate',
      title: 'Expected',
      isNumber: true,
      sortBy: ({ estimate_ms }) => estimate_ms ?? undefined,
      show: ({ estimate_ms }) => formatMs(estimate_ms ?? undefined),
    },
    {
      id: 'tokens',
      title: 'Tokens',
      isNumber: true,
      sortBy: ({ tokens }) => tokens,
      show: ({ tokens, bytes }) => (
        <>
          {formatCount(tokens)}
          <div class="muted small">{formatBytes(bytes)}</div>
        </>
      ),
    },
    {
      id: 'endpoints',
      title: 'For',
      show: ({ endpoints }) => <span class="break">{endpoints.join(', ')}</span>,
    },
    {
      id: 'actions',
      title: 'Change',
      show: ({ id, request_id }) => (
        <>
          <button type="button" class="button" disabled={changing.has(id)} onClick={() => moveUp(id)}>
            Move up<span class="unseen"> {request_id}</span>
          </button>
          {canCancel && (
            <ConfirmButton
              label="Cancel"
              question="Really cancel?"
              of={request_id}
              isDisabled={changing.has(id)}
              onConfirm={() => cancel(id)}
            />
          )}
        </>
      ),
    },
  ]
}

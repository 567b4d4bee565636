import type { InFlightRow } from '../../api/types.ts'
import { absent, formatBytes, formatCount, formatMs, formatRate } from '../../format/format.ts'
import { now } from '../../live/clock.ts'
import { ConfirmButton } from '../../ui/confirm-button.tsx'
import type { Column } from '../../ui/data-table.tsx'
import { PhaseMark } from '../../ui/status-mark.tsx'

export interface InFlightActions {
  readonly canCancel: boolean
  /** Requests that are being cancelled. */
  readonly ending: ReadonlySet<string>
  readonly cancel: (id: string) => void
}

export function inFlightColumns({
  canCancel,
  ending,
  cancel,
}: InFlightActions): readonly Column<InFlightRow>[] {
  const columns: Column<InFlightRow>[] = [
    {
      id: 'request',
      title: 'Request',
      onCard: 'heading',
      show: ({ model, path, request_id }) => (
        <>
          <span class="name break">{model ?? path}</span>
          <div class="muted small mono clip">{request_id}</div>
        </>
      ),
    },
    {
      id: 'phase',
      title: 'Phase',
      onCard: 'heading',
      sortBy: ({ phase }) => phase,
      show: ({ phase, attempt }) => (
        <>
          <PhaseMark phase={phase} />
          {attempt > 1 && <div class="small warn">attempt {attempt}</div>}
        </>
      ),
    },
    {
      id: 'endpoint',
      title: 'Endpoint',
      sortBy: ({ endpoint }) => endpoint ?? undefined,
      show: ({ endpoint }) => endpoint ?? absent,
    },
    {
      id: 'age',
      title: 'Age',
      isNumber: true,
      sortBy: ({ started_at }) => -Date.parse(started_at),
      show: ({ started_at, age_ms }) => formatMs(Math.max(age_ms, now.value - Date.parse(started_at))),
    },
    {
      id: 'first-token',
      title: 'First token',
      isNumber: true,
      show: ({ first_token_ms, first_byte_ms }) => formatMs(first_token_ms ?? first_byte_ms ?? undefined),
    },
    {
      id: 'tokens',
      title: 'Tokens',
      isNumber: true,
      sortBy: ({ completion_tokens }) => completion_tokens ?? undefined,
      show: ({ completion_tokens, response_bytes }) =>
        completion_tokens === null ? formatBytes(response_bytes) : formatCount(completion_tokens),
    },
    {
      id: 'rate',
      title: 'Tokens/s',
      isNumber: true,
      sortBy: ({ tokens_per_second }) => tokens_per_second ?? undefined,
      show: ({ tokens_per_second }) => formatRate(tokens_per_second ?? undefined),
    },
    {
      id: 'client',
      title: 'Client',
      sortBy: ({ client }) => client,
      show: ({ client }) => <span class="mono">{client}</span>,
    },
    {
      id: 'path',
      title: 'Path',
      show: ({ method, path }) => <span class="mono break">{`${method} ${path}`}</span>,
    },
  ]
  if (!canCancel) return columns
  return [
    ...columns,
    {
      id: 'cancel',
      title: 'End',
      show: ({ id, request_id }) => (
        <ConfirmButton
          label={ending.has(id) ? 'Ending…' : 'Cancel'}
          question="Really cancel?"
          of={request_id}
          isDisabled={ending.has(id)}
          onConfirm={() => cancel(id)}
        />
      ),
    },
  ]
}

import type { RequestRow } from '../../api/types.ts'
import { absent, formatCount, formatMs, formatRate } from '../../format/format.ts'
import { formatAddress } from '../../state/view-address.ts'
import { Clock } from '../../ui/age.tsx'
import type { Column } from '../../ui/data-table.tsx'
import { OutcomeMark } from '../../ui/status-mark.tsx'

export const requestColumns: readonly Column<RequestRow>[] = [
  {
    id: 'time',
    title: 'Ended',
    sortBy: ({ ended_at }) => Date.parse(ended_at),
    show: ({ ended_at }) => <Clock at={ended_at} />,
  },
  {
    id: 'request',
    title: 'Request',
    onCard: 'heading',
    sortBy: ({ model, path }) => model ?? path,
    show: ({ id, model, method, path }) => (
      <>
        <a class="name break" href={formatAddress('requests', id)}>
          {model ?? path}
        </a>
        <div class="muted small mono clip">{`${method} ${path}`}</div>
      </>
    ),
  },
  {
    id: 'outcome',
    title: 'Outcome',
    onCard: 'heading',
    sortBy: ({ outcome }) => outcome,
    show: ({ outcome, status, error }) => (
      <>
        <OutcomeMark outcome={outcome} />
        <div class="muted small">
          {status ?? 'no status'}
          {error !== null && ` · ${error.replaceAll('_', ' ')}`}
        </div>
      </>
    ),
  },
  {
    id: 'endpoint',
    title: 'Endpoint',
    sortBy: ({ endpoint }) => endpoint ?? undefined,
    show: ({ endpoint, attempts }) => (
      <>
        {endpoint ?? absent}
        {attempts > 1 && <div class="small warn">{attempts} attempts</div>}
      </>
    ),
  },
  {
    id: 'first-token',
    title: 'First token',
    isNumber: true,
    sortBy: ({ first_token_ms }) => first_token_ms ?? undefined,
    show: ({ first_token_ms }) => formatMs(first_token_ms ?? undefined),
  },
  {
    id: 'duration',
    title: 'Total time',
    isNumber: true,
    sortBy: ({ duration_ms }) => duration_ms,
    show: ({ duration_ms }) => formatMs(duration_ms),
  },
  {
    id: 'tokens',
    title: 'Tokens in, out',
    isNumber: true,
    sortBy: ({ completion_tokens }) => completion_tokens ?? undefined,
    show: ({ prompt_tokens, completion_tokens }) => (
      <span class="nowrap">
        {prompt_tokens === null ? absent : formatCount(prompt_tokens)}
        <span class="muted">, </span>
        {completion_tokens === null ? absent : formatCount(completion_tokens)}
      </span>
    ),
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
]

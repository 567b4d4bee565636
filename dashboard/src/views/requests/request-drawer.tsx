import { useEffect, useState } from 'preact/hooks'
import { ApiError } from '../../api/api-error.ts'
import { readRequest } from '../../api/gateway-api.ts'
import type { RequestDetail } from '../../api/types.ts'
import { absent, formatBytes, formatCount, formatMs, formatRate } from '../../format/format.ts'
import { routingSentence } from '../../state/routing-text.ts'
import { Clock } from '../../ui/age.tsx'
import { Drawer } from '../../ui/drawer.tsx'
import { Facts } from '../../ui/facts.tsx'
import { Loading, Trouble } from '../../ui/notice.tsx'
import { OutcomeMark } from '../../ui/status-mark.tsx'
import { AttemptList } from './attempt-list.tsx'
import { Timeline } from './timeline.tsx'

/** One request: its outcome, routing and timeline. */
export function RequestDrawer({ id, onClose }: { id: string; onClose: () => void }) {
  const [loaded, setLoaded] = useState<RequestDetail | ApiError>()
  useEffect(() => {
    const abort = new AbortController()
    readRequest(id, abort.signal).then(setLoaded, (error: unknown) => {
      if (error instanceof ApiError) setLoaded(error)
    })
    return () => abort.abort()
  }, [id])
  const title = loaded === undefined || loaded instanceof ApiError ? id : (loaded.model ?? loaded.path)
  return (
    <Drawer title={title} onClose={onClose}>
      {loaded === undefined && <Loading />}
      {loaded instanceof ApiError && <Trouble error={gone(loaded)} isStale={false} />}
      {loaded !== undefined && !(loaded instanceof ApiError) && <Detail request={loaded} />}
    </Drawer>
  )
}

/** A missing request is not a missing route. */
function gone(error: ApiError): ApiError {
  if (error.trouble !== 'not_found') return error
  return new ApiError('failed', 404, 'The gateway no longer keeps this request, or it has not ended yet.')
}

function Detail({ request }: { request: RequestDetail }) {
  const { routing, error } = request
  return (
    <>
      <div class="drawer-marks">
        <OutcomeMark outcome={request.outcome} />
        <span>{request.status ?? 'no status'}</span>
        {error !== null && <span class="bad">{error.replaceAll('_', ' ')}</span>}
      </div>
      <h3>Routing decision</h3>
      <p>
        {routingSentence(routing)}{' '}
        <span class="muted small">
          {[routing.decision, routing.strategy && `strategy ${routing.strategy}`].filter(Boolean).join(', ')}
        </span>
      </p>
      <h3>What its {formatMs(request.duration_ms)} were spent on</h3>
      <Timeline request={request} />
      <h3>Attempts</h3>
      <AttemptList attempts={request.attempts} />
      <h3>Facts</h3>
      <Facts
        facts={[
          ['Endpoint', request.endpoint],
          ['First token', formatMs(request.first_token_ms ?? undefined)],
          ['Tokens per second', formatRate(request.tokens_per_second ?? undefined)],
          ['Tokens', tokens(request)],
          ['Request', <span class="mono">{`${request.method} ${request.path}`}</span>],
          ['API', `${request.dialect}${request.stream ? ', streamed' : ''}`],
          ['Translated', request.translation],
          ['Size', `${formatBytes(request.request_bytes)} in, ${formatBytes(request.response_bytes)} out`],
          ['Client', <span class="mono">{request.client}</span>],
          ['Began', <Clock at={request.started_at} />],
          ['Request ID', <span class="mono">{request.request_id}</span>],
        ]}
      />
    </>
  )
}

function tokens({ prompt_tokens, completion_tokens, cached_tokens }: RequestDetail): string {
  const shown = (count: number | null) => (count === null ? absent : formatCount(count))
  const cached = cached_tokens === null ? '' : ` (${formatCount(cached_tokens)} cached)`
  return `${shown(prompt_tokens)} in${cached}, ${shown(completion_tokens)} out`
}

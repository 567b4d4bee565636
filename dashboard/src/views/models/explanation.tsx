import { useEffect, useState } from 'preact/hooks'
import { ApiError } from '../../api/api-error.ts'
import { explainModel } from '../../api/gateway-api.ts'
import type { Explanation as Explained } from '../../api/types.ts'
import { routingSentence } from '../../state/routing-text.ts'
import { Loading, Trouble } from '../../ui/notice.tsx'

/** How the gateway would route a chat for this model now. */
export function Explanation({ model }: { model: string }) {
  const [explained, setExplained] = useState<Explained | ApiError>()
  useEffect(() => {
    const abort = new AbortController()
    explainModel(model, abort.signal).then(setExplained, (error: unknown) => {
      if (error instanceof ApiError) setExplained(error)
    })
    return () => abort.abort()
  }, [model])
  if (explained === undefined) return <Loading />
  if (explained instanceof ApiError) return <Trouble error={explained} isStale={false} />
  return (
    <>
      <p>
        {routingSentence(explained)} Of those that can take it, {explained.balancer} chooses.
      </p>
      <ol class="candidates">
        {explained.endpoints.map(({ endpoint, chosen, reason, in_flight, priority, warm, cost }) => (
          <li key={endpoint} class={chosen ? 'candidate chosen' : 'candidate'}>
            <span class="name">
              <span aria-hidden="true">{chosen ? '→ ' : ''}</span>
              {endpoint}
            </span>
            <span>{reason}</span>
            <span class="muted small">
              priority {priority}, {in_flight} in flight
              {cost !== null && `, cost ${cost}`}
              {warm === true && ', in memory'}
              {warm === false && ', not in memory'}
            </span>
          </li>
        ))}
      </ol>
    </>
  )
}

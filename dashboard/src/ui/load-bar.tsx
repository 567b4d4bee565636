/** Requests in flight, relative to the endpoint's limit. */
export function LoadBar({ inFlight, limit }: { inFlight: number; limit: number }) {
  if (limit === 0) return <span>{inFlight}</span>
  const share = Math.min(1, inFlight / limit)
  return (
    <span class="load">
      <span>
        {inFlight} <span class="muted">of {limit}</span>
      </span>
      <span class="load-track" aria-hidden="true">
        <span class={share >= 1 ? 'load-fill full' : 'load-fill'} style={{ inlineSize: `${share * 100}%` }} />
      </span>
    </span>
  )
}

import type { ModelPlace } from '../../state/model-rows.ts'

/** The endpoints that have a model; those that hold it in memory are marked. */
export const Places = ({ places }: { places: readonly ModelPlace[] }) => (
  <span class="names">
    {places.map(({ endpoint, isLoaded }) => (
      <span key={endpoint} class={isLoaded ? 'tag loaded' : 'tag'}>
        {isLoaded && <span aria-hidden="true">● </span>}
        {endpoint}
        {isLoaded && <span class="unseen"> (in memory)</span>}
      </span>
    ))}
  </span>
)

import type { ModelRefresher } from '../../endpoints/discovery/discovery-records.ts'
import type { EndpointRegistry } from '../../endpoints/registry/registry.ts'
import type { Clock, Timer } from '../../kernel/clock.ts'
import type { Refresh } from './routing-strategies.ts'

export interface RefreshParts {
  readonly clock: Pick<Clock, 'after'>
  readonly registry: Pick<EndpointRegistry, 'snapshot' | 'isRoutable'>
  readonly discovery: Pick<ModelRefresher, 'isRunning' | 'refresh'>
}

/** Asks every routable endpoint for its models, each once however many requests wait for it. */
export async function refreshModels(
  { clock, registry, discovery }: RefreshParts,
  timeoutMs: number,
): Promise<Refresh> {
  const routable = registry.snapshot.endpoints.filter(({ slot }) => registry.isRoutable(slot))
  if (!discovery.isRunning || routable.length === 0) return 'impossible'
  let timer: Timer | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = clock.after(timeoutMs, () => resolve('late'))
  })
  const all = Promise.all(routable.map(({ slot }) => discovery.refresh(slot)))
  const result = await Promise.race([all, late]).finally(() => timer?.cancel())
  return result !== 'late' && result.some((isRead) => isRead) ? 'done' : 'failed'
}

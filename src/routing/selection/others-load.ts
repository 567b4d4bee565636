import type { Cluster } from '../../cluster/cluster.ts'
import type { Member } from '../../cluster/contract/status.ts'
import type { EndpointRegistry } from '../../endpoints/registry/registry.ts'
import type { Gauge } from '../../kernel/cells/gauge.ts'

/** Exchanges the numbers of requests in flight with the other replicas: with each heartbeat, by name of the endpoint. */
export function shareLoad(
  cluster: Pick<Cluster, 'id' | 'load' | 'members' | 'add'>,
  parts: { registry: EndpointRegistry; inFlight: Gauge; others: Int32Array },
): void {
  const { registry, inFlight, others } = parts
  cluster.load = () => {
    const load: Record<string, number> = {}
    for (const { slot, name } of registry.snapshot.endpoints) {
      const count = inFlight.value(slot)
      if (count > 0) load[name] = count
    }
    return load
  }
  const show = (members: readonly Member[]) => {
    for (const { slot, name } of registry.snapshot.endpoints) {
      let count = 0
      for (const { id, load } of members) if (id !== cluster.id) count += load[name] ?? 0
      Atomics.store(others, slot, count)
    }
  }
  cluster.add({
    beat: () => show(cluster.members),
    lost: () => show([]),
    inexact: () => ['requests in flight of other replicas: not counted'],
  })
}

import type { Cluster } from '../cluster.ts'
import type { LimitSums, SummedLimits } from '../contract/limit-sums.ts'
import { limitSumsScript } from '../scripts/limit-sums.ts'

/** Limits and slots of one call: the server runs nothing else meanwhile. */
const maxPerCall = 500

/** Asks the server what all replicas use now. @returns undefined if it is away */
export async function readLimitSums(
  cluster: Pick<Cluster, 'state' | 'keys' | 'runInBackground'>,
  { limits, slots }: SummedLimits,
): Promise<LimitSums | undefined> {
  const sums: { limits: number[]; slots: number[] } = { limits: [], slots: [] }
  for (let at = 0; at < Math.max(limits.length, slots.length); at += maxPerCall) {
    if (cluster.state !== 'joined') return undefined
    const asked = limits.slice(at, at + maxPerCall)
    const names = slots.slice(at, at + maxPerCall)
    const data = {
      limits: asked.map(({ bucketMs, span, bucket }) => [bucketMs, span, bucket]),
      slots: names,
    }
    const { alive, slots: slotsKey, limits: prefix } = cluster.keys
    try {
      const reply = await cluster.runInBackground({
        script: limitSumsScript,
        keys: [alive, slotsKey, ...asked.map(({ key }) => prefix + key)],
        args: [JSON.stringify(data)],
      })
      const numbers = Array.isArray(reply) ? reply.map(Number) : []
      if (numbers.length !== asked.length + names.length) return undefined
      sums.limits.push(...numbers.slice(0, asked.length))
      sums.slots.push(...numbers.slice(asked.length))
    } catch {
      return undefined
    }
  }
  return sums
}

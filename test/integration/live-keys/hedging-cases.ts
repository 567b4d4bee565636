import { ask, type LiveCase, type Scene, soon } from './live-case.ts'

const warmUps = 20
/** About half of them go to the endpoint that hangs. */
const tries = 6

const hedging = (settings: Record<string, unknown>) => ({
  proxy: {
    load_balancer: 'round-robin',
    hedging: { enabled: true, share: 1, min_samples: 4, ...settings },
  },
})
const equal = { priority: 100 }

/** Requests that a second attempt answers, of a few after the first endpoint begins to hang. */
async function hedges(scene: Scene): Promise<number> {
  const stream = { stream: true, max_tokens: 2 }
  const { control } = scene.first
  await control.clearFaults()
  for (let request = 0; request < warmUps; request++) await ask(scene, stream)
  await control.setFault({ kind: 'hang' })
  let won = 0
  for (let request = 0; request < tries; request++) {
    const answer = await soon(scene, (signal) => ask(scene, stream, { signal }))
    if (answer !== 'pending' && answer.headers.get('x-olla-hedge') === 'won') won++
  }
  return won
}

/** Whether more requests than this number get a second attempt that answers. */
const moreThan = (count: number) => async (scene: Scene) => (await hedges(scene)) > count

const common = {
  servers: { kind: 'vllm' },
  endpoint: { before: equal, after: equal },
  from: false,
  to: true,
} as const

export const hedgingCases: readonly LiveCase[] = [
  {
    ...common,
    key: 'proxy.hedging.enabled',
    before: hedging({ enabled: false }),
    after: hedging({ enabled: true }),
    see: moreThan(0),
  },
  {
    ...common,
    key: 'proxy.hedging.share',
    before: hedging({ share: 0 }),
    after: hedging({ share: 1 }),
    see: moreThan(0),
  },
  {
    ...common,
    key: 'proxy.hedging.burst',
    before: hedging({ share: 0.15, burst: 1 }),
    after: hedging({ share: 0.15, burst: 10 }),
    see: moreThan(1),
  },
  {
    ...common,
    key: 'proxy.hedging.min_samples',
    before: hedging({ min_samples: 250 }),
    after: hedging({ min_samples: 4 }),
    see: moreThan(0),
  },
]

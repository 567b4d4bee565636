import assert from 'node:assert/strict'
import type { RunningGateway } from './gateway.ts'
import type { ThreadClient } from './thread-clients.ts'

/** An endpoint as the thread of this client shows it. */
export async function statusOf(client: ThreadClient, name = 'endpoint-0') {
  const { text } = await client.get('/internal/status/endpoints')
  const { endpoints } = JSON.parse(text) as {
    endpoints: {
      name: string
      status: string
      in_flight: number
      breaker: { state: string; reason: string }
    }[]
  }
  return endpoints.find((each) => each.name === name) ?? assert.fail(`no ${name}`)
}

/** How many requests wait for a place, over all threads. */
export async function waiting(gateway: RunningGateway): Promise<number> {
  const text = await (await fetch(`${gateway.url}/internal/metrics`)).text()
  return Number(/^olla_queue_waiting (\d+)$/m.exec(text)?.[1] ?? Number.NaN)
}

/** What both threads show, but for the time of day: asked again where something happened in between. */
export async function sameMoment(
  first: ThreadClient,
  second: ThreadClient,
  path: string,
): Promise<[unknown, unknown]> {
  const shown = async (client: ThreadClient) =>
    JSON.parse(
      (await client.get(path)).text
        .replace(
          /"(?:timestamp|uptime|last_check|next_check|health_check|last_model_sync|response_time|last_seen|[a-z_]*_ago)":"[^"]*",?/g,
          '',
        )
        .replace(/,\}/g, '}'),
    ) as unknown
  for (let tries = 0; ; tries++) {
    const [one, two, again] = [await shown(first), await shown(second), await shown(first)]
    if (JSON.stringify(one) === JSON.stringify(again) || tries === 20) return [one, two]
  }
}

import type { TestContext } from 'node:test'
import { startGateway } from './gateway.ts'
import { jsonAnswer, type RawRequest, startSlowUpstream } from './raw-upstream.ts'

/** Serving threads of a gateway whose threads are tested. */
export const threads = 2

/** An endpoint's answer. */
export const good = ({ socket }: RawRequest) => void socket.write(jsonAnswer('{"from":"upstream"}'))

/** A gateway with two threads, and an endpoint that takes one request at a time and answers when the test says so. */
export async function startOneAtATime(t: TestContext) {
  const upstream = await startSlowUpstream(t, good)
  const endpoint = { url: upstream.url, max_concurrent: 1, check_interval: '60s', check_timeout: '10s' }
  const gateway = await startGateway(t, [endpoint], {}, { threads })
  return { upstream, gateway }
}

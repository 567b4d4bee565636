// Chats through an endpoint that closes each connection shortly after its answer, without announcing it.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startGateway } from './gateway.ts'
import { openLoad } from './load.ts'

export interface KeepAliveResult {
  readonly closesAfterMs: number
  readonly connections: number
  readonly chats: number
  readonly failures: number
  /** Answers that took more than one attempt, as after a failure of the endpoint. */
  readonly retried: number
  /** Requests that reached the endpoint beyond the chats. */
  readonly sentTwice: number
  /** Connections of the endpoint. */
  readonly opened: number
  readonly seconds: number
}

const entry = fileURLToPath(new URL('./endpoint-process.ts', import.meta.url))

interface Counts {
  readonly connections: number
  readonly chats: number
}

export async function closeKept(
  proxy: Readonly<Record<string, unknown>>,
  { closesAfterMs, connections, chats }: { closesAfterMs: number; connections: number; chats: number },
): Promise<KeepAliveResult> {
  const endpoint = fork(entry, [String(closesAfterMs)])
  const [{ url }] = (await once(endpoint, 'message')) as [{ url: string }]
  const counts = async () => {
    endpoint.send('counts')
    const [counted] = (await once(endpoint, 'message')) as [Counts]
    return counted
  }
  const gateway = await startGateway(url, proxy)
  const load = await openLoad(gateway.port, connections)
  const before = await counts()
  const startMs = performance.now()
  await load.run('chat', Math.floor(chats / connections))
  const seconds = (performance.now() - startMs) / 1_000
  const after = await counts()
  const result = {
    closesAfterMs,
    connections,
    chats,
    failures: load.failures(),
    retried: load.retried(),
    sentTwice: after.chats - before.chats - Math.floor(chats / connections) * connections,
    opened: after.connections - before.connections,
    seconds,
  }
  load.leave()
  await gateway.close()
  endpoint.kill('SIGKILL')
  return result
}

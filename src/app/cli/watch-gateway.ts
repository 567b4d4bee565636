import { setTimeout as sleep } from 'node:timers/promises'
import { isRecord } from '../../config/file/decode.ts'
import type { Sample } from '../../observe/stats/sample.ts'
import type { EndpointRow, EventLine, Hello, RequestRow, TopMessage } from '../top/state.ts'
import type { ServerMessage } from './event-messages.ts'
import { type GatewayClient, GatewayClientError } from './gateway-client.ts'

/** Poll interval of the lists that no event carries; milliseconds. */
const pollMs = 2_000
/** Delay before reopening a stream that ended; milliseconds. */
const retryMs = 1_000

/**
 * Reports what a gateway does until the signal aborts; retries while the gateway is unreachable.
 * @throws GatewayClientError if the gateway denies access
 */
export async function watchGateway(
  client: GatewayClient,
  emit: (message: TopMessage) => void,
  signal: AbortSignal,
): Promise<void> {
  await Promise.all([follow(client, emit, signal), poll(client, emit, signal)])
}

/** Reads the current state once. @throws GatewayClientError */
export async function readOnce(client: GatewayClient): Promise<TopMessage[]> {
  const messages: TopMessage[] = [await readSamples(client), ...(await readLists(client))]
  const end = new AbortController()
  let lastId: unknown = null
  for await (const message of client.events(
    '/internal/events?replay=10&samples=false',
    undefined,
    end.signal,
  )) {
    messages.push(...toTopMessages(message))
    if (message.event === 'hello' && isRecord(message.data)) lastId = message.data.last_event_id
    // The newest event ends the replay.
    if (lastId === null || message.id === lastId) break
  }
  end.abort()
  return messages
}

async function follow(client: GatewayClient, emit: (message: TopMessage) => void, signal: AbortSignal) {
  let lastId: string | undefined
  let hasSamples = false
  while (!signal.aborted) {
    try {
      if (!hasSamples) emit(await readSamples(client))
      hasSamples = true
      for await (const message of client.events('/internal/events?replay=50', lastId, signal)) {
        lastId = message.id ?? lastId
        for (const each of toTopMessages(message)) emit(each)
      }
    } catch (error) {
      emit({ kind: 'problem', problem: reasonOf(error) })
    }
    await pause(retryMs, signal)
  }
}

async function poll(client: GatewayClient, emit: (message: TopMessage) => void, signal: AbortSignal) {
  while (!signal.aborted) {
    try {
      for (const message of await readLists(client)) emit(message)
    } catch (error) {
      emit({ kind: 'problem', problem: reasonOf(error) })
    }
    await pause(pollMs, signal)
  }
}

async function readSamples(client: GatewayClient): Promise<TopMessage> {
  const { samples } = (await client.get('/internal/samples')) as { samples: readonly Sample[] }
  return { kind: 'samples', samples }
}

async function readLists(client: GatewayClient): Promise<TopMessage[]> {
  const [status, inFlight] = await Promise.all([
    client.get('/internal/status/endpoints') as Promise<{ endpoints: readonly EndpointRow[] }>,
    client.get('/internal/inflight') as Promise<{ total: number; requests: readonly RequestRow[] }>,
  ])
  return [
    { kind: 'endpoints', endpoints: status.endpoints },
    { kind: 'requests', requests: inFlight.requests, total: inFlight.total },
  ]
}

function toTopMessages({ event, data }: ServerMessage): TopMessage[] {
  if (!isRecord(data)) return []
  // See docs/internal-api.md.
  switch (event) {
    case 'hello':
      return [{ kind: 'hello', hello: data as unknown as Hello }]
    case 'sample':
      return [{ kind: 'samples', samples: [data as unknown as Sample] }]
    case 'event':
      return data.type === 'discovery.completed' && isUnchanged(data.data)
        ? []
        : [{ kind: 'event', event: data as unknown as EventLine }]
    default:
      return []
  }
}

function isUnchanged(data: unknown): boolean {
  if (!isRecord(data)) return true
  const { added, removed } = data
  return Array.isArray(added) && Array.isArray(removed) && added.length + removed.length === 0
}

/** @throws the error if waiting would not help */
function reasonOf(error: unknown): string {
  if (error instanceof GatewayClientError && error.kind !== 'refused') return error.message
  throw error
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await sleep(ms, undefined, { signal }).catch(() => {})
}

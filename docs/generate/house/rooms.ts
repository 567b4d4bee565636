/** A room of `src/`: a folder that imports only the rooms before it. */
export interface Room {
  readonly name: string
  readonly holds: string
}

/** The rooms of `src/`, lowest first. The linter, the import graph and the documentation take the order from here. */
export const rooms: readonly Room[] = [
  { name: 'kernel', holds: 'clock, errors, JSON, streams, names, memory budget: no other room, no network' },
  { name: 'http', holds: 'HTTP/1 server and client, headers, request bodies' },
  { name: 'config', holds: 'schema, files, checks' },
  { name: 'runtime', holds: 'shared cells, threads, events, lifecycle, process' },
  { name: 'cluster', holds: 'replicas that act as one: connection, membership, scripts' },
  {
    name: 'endpoints',
    holds: 'registry, backend profiles, discovery, health, circuit breakers, connections',
  },
  { name: 'routing', holds: 'models, selectors, session affinity' },
  {
    name: 'dialects',
    holds: 'the APIs of OpenAI, Anthropic and Ollama, and translation between them',
  },
  { name: 'proxy', holds: 'the exchange of one request: attempts, failover, transports, the answer' },
  { name: 'observe', holds: 'statistics, views, Prometheus, telemetry, logs, live requests' },
  { name: 'admin', holds: 'security, dashboard, client configurations' },
  { name: 'callers', holds: 'keys, teams and owners: what they may use, and how much' },
]

/** Above the rooms: the composition root, the public plugins, and the process, which may import everything. */
const top = ['gateway', 'public', 'app']
const order = [...rooms.map(({ name }) => name), ...top]

/** The room of a file of `src/`; files directly in `src/` are the composition root. */
export function roomOf(path: string): string {
  const [, folder = '', ...rest] = path.split('/')
  return rest.length === 0 ? 'gateway' : folder
}

/** Whether code of one room may import another. @throws on a folder that is no room */
export function mayImport(from: string, to: string): boolean {
  return levelOf(to) <= levelOf(from)
}

function levelOf(room: string): number {
  const level = order.indexOf(room)
  if (level < 0) throw new Error(`src/${room} is not in the list of rooms (docs/generate/house/rooms.ts).`)
  return level
}

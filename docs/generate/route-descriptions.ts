export interface RouteDescription {
  readonly tags: readonly string[]
  readonly summary: string
  /** Those worth showing: status routes answer every method alike, and endpoints get whatever a client sends. */
  readonly methods: readonly string[]
}

const get = ['get'] as const
const post = ['post'] as const
const all = ['get', 'post', 'delete'] as const

/** What a path is for, by its beginning; the first that fits. */
const descriptions: readonly (readonly [RegExp, string, string, readonly string[]])[] = [
  [/^\/internal\/health$/, 'status', 'Whether the process lives', get],
  [
    /^\/internal\/ready$/,
    'status',
    'Whether it can serve: 503 while it stops or has no routable endpoint',
    get,
  ],
  [/^\/internal\/status$/, 'status', 'The gateway and its endpoints in short', get],
  [/^\/internal\/status\/endpoints$/, 'status', 'Every endpoint: state, traffic, probes, circuit', get],
  [/^\/internal\/status\/models$/, 'status', 'Models that were found', get],
  [/^\/internal\/stats\//, 'status', 'What was asked for, and how it went', get],
  [/^\/internal\/process$/, 'status', 'Memory and runtime of the process', get],
  [/^\/internal\/metrics$/, 'status', 'Metrics for Prometheus, as text or OpenMetrics', get],
  [/^\/internal\/config$/, 'status', 'The effective configuration, secrets masked', get],
  [/^\/internal\/events$/, 'live', 'Events as they happen (server-sent events), resumable', get],
  [/^\/internal\/samples$/, 'live', 'Samples of the counters, for moving charts', get],
  [/^\/internal\/inflight$/, 'live', 'Requests under way', get],
  [/^\/internal\/inflight\/\{\w+\}$/, 'live', 'Cancels a request, at its endpoint too', ['delete']],
  [/^\/internal\/requests/, 'live', 'The last requests with their attempts, times and reasons', get],
  [/^\/internal\/explain$/, 'routing', 'Where a request would go and why, without sending it', post],
  [/^\/internal\/clients/, 'clients', 'Ready configurations for client programs', get],
  [/^\/internal\/openapi\.json$/, 'status', 'This document', get],
  [/^\/internal\/ui/, 'dashboard', 'The dashboard', get],
  [/^\/internal\/session$/, 'dashboard', 'Signs in to the dashboard with the admin token', all],
  [/^\/version$/, 'status', 'Version and abilities of the gateway', get],
  [/^\/olla\/models/, 'models', 'Models of all endpoints, in any of fourteen formats', get],
  [/messages\/count_tokens$/, 'anthropic', 'Tokens of a request', post],
  [/messages\/\{/, 'anthropic', 'Batches and the like: answers that they are not supported', all],
  [/messages$/, 'anthropic', 'Anthropic Messages, on any endpoint', post],
  [/api\/hello$/, 'anthropic', 'Tells Claude Code that a server is there', get],
  [/api\/event_logging\//, 'anthropic', 'Takes what Claude Code tells of its use, and drops it', post],
  [/^\/olla\/anthropic\//, 'anthropic', 'Models for Anthropic clients', get],
  [/\/(models|tags|ps|list)$/, 'models', 'Models, in the format that clients of this API read', get],
  [/^\/v1\/models\/\{/, 'models', 'One model', get],
  [/\/api\/show$/, 'models', 'One model, as Ollama tells it', post],
  [/\/api\/version$/, 'models', 'A version for Ollama clients', get],
  [
    /\/api\/(pull|push|create|copy|delete)$/,
    'models',
    'Not for a fleet: answers that it is not supported',
    post,
  ],
  [/^\/olla\/proxy/, 'proxy', 'To any endpoint that serves the path and has the model', all],
  [/^\/olla\/\{backend\}/, 'proxy', 'To endpoints of one kind', all],
  [/^\/v1\/\{/, 'proxy', 'OpenAI clients: to any endpoint that serves the path and has the model', all],
  [/^\/api\/\{/, 'proxy', 'Ollama clients: to any endpoint that serves the path and has the model', all],
]

/** @throws Error for a route that has no description */
export function describeRoute(path: string): RouteDescription {
  const found = descriptions.find(([pattern]) => pattern.test(path))
  if (found === undefined) throw new Error(`docs/generate/route-descriptions.ts does not describe ${path}`)
  const [, tag, summary, methods] = found
  return { tags: [tag], summary, methods }
}

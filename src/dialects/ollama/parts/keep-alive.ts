import { isGiven, refuse } from './read-fields.ts'

/** What Go's `time.ParseDuration` accepts. */
const duration = /^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/
/** Seconds as text, which Ollama rejects except for 0; some clients send them. */
const seconds = /^[-+]?\d+(?:\.\d+)?$/
const maxLength = 64

/**
 * How long Ollama keeps a model in memory: a number of seconds, or a duration such as `5m`; below zero it never unloads
 * the model.
 * @returns undefined if the client leaves it to the server
 * @throws GatewayError invalid_request
 */
export function readKeepAlive(value: unknown): number | string | undefined {
  if (!isGiven(value) || value === '') return undefined
  if (typeof value === 'number' && Number.isFinite(value)) return value
  if (typeof value === 'string' && value.length <= maxLength) {
    const text = value.trim()
    if (seconds.test(text)) return Number(text)
    if (duration.test(text)) return text
  }
  return refuse('keep_alive: must be a number of seconds or a duration such as "5m"')
}

/** Whether the model is unloaded at once. */
export function isUnload(keepAlive: number | string | undefined): boolean {
  if (keepAlive === undefined) return false
  return typeof keepAlive === 'number' ? keepAlive === 0 : !/[1-9]/.test(keepAlive)
}

import type { GatewayEvent } from './events.ts'

/** Maximum length of each text in an event; characters. */
const maxText = 500
/** Maximum length of each list. */
const maxItems = 50

/** Converts an event for `/internal/events`: names in snake case, undefined as null. */
export function eventView(event: GatewayEvent, id: string): Record<string, unknown> {
  const data: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(event.data)) data[snakeCase(key)] = bounded(value)
  return { id, type: event.type, at: new Date(event.atMs).toISOString(), data }
}

/** Some texts come from endpoints and clients, so their size needs a limit. */
function bounded(value: unknown): unknown {
  if (value === undefined) return null
  if (typeof value === 'string') return value.length > maxText ? `${value.slice(0, maxText)}…` : value
  return Array.isArray(value) ? value.slice(0, maxItems).map(bounded) : value
}

function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

import type { SimulatedModel, SimulatorState } from './model.ts'

/** A request with its body read. */
export interface SimulatorRequest {
  readonly method: string
  /** Without the query. */
  readonly path: string
  readonly url: string
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
}

export type JsonObject = Readonly<Record<string, unknown>>

/** The body as a JSON object; undefined where it is none. */
export function jsonBody(request: SimulatorRequest): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(request.body.toString('utf8'))
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined
  } catch {
    return undefined
  }
}

/** The model asked for, as the server spells it; Ollama reads a name without a tag as `:latest`. */
export function findModel(state: SimulatorState, body: JsonObject): SimulatedModel | undefined {
  const asked = body.model ?? body.name
  return state.models.find(({ name }) => name === asked || name === `${String(asked)}:latest`)
}

export function paceMs({ tokensPerSecond }: SimulatorState): number {
  return tokensPerSecond > 0 ? 1000 / tokensPerSecond : 0
}

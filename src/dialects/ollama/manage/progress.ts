import { isObject } from '../../../kernel/json/json-fields.ts'

type Json = Readonly<Record<string, unknown>>

/** A line for the client. A later line with the same key replaces one that is still waiting to be sent. */
export interface ProgressLine {
  readonly key: string
  readonly line: Json
}

interface Layer {
  readonly digest: string | undefined
  status: string
  total: number
  /** The last line that the client received; undefined before the first one. */
  sent: { completed: number; total: number } | undefined
  /** Bytes that each endpoint has completed; undefined if it has not mentioned the layer. */
  readonly completed: (number | undefined)[]
}

type State = 'running' | 'succeeded' | 'failed'

/** An endpoint reports as many layers as a model has, and a few stages. */
const maxKeys = 1_000

/**
 * Combines the progress that several endpoints report for one operation into one sequence of lines as Ollama sends
 * them. Of each layer the slowest endpoint counts, so that a layer is complete when every endpoint has it. Each stage is
 * reported once, when the first endpoint reaches it.
 */
export class ProgressMerge {
  readonly #states: State[]
  readonly #layers = new Map<string, Layer>()
  readonly #stages = new Set<string>()

  /** @param endpoints number of endpoints */
  constructor(endpoints: number) {
    this.#states = Array.from({ length: endpoints }, () => 'running')
  }

  /**
   * @param at index of the endpoint
   * @param line parsed, neither an error nor the final success
   */
  take(at: number, line: unknown): ProgressLine[] {
    if (!isObject(line) || typeof line.status !== 'string') return []
    const { status, digest } = line
    const hasDigest = typeof digest === 'string' && digest !== ''
    if (!hasDigest && line.total === undefined && line.completed === undefined) return this.#stage(status)
    const key = hasDigest ? digest : status
    const layer = this.#layers.get(key) ?? this.#addLayer(key, hasDigest ? digest : undefined)
    if (layer === undefined) return []
    layer.status = status
    layer.total = Math.max(layer.total, bytesOf(line.total))
    layer.completed[at] = bytesOf(line.completed)
    return this.#changed(layer)
  }

  /** The endpoint has everything. */
  succeeded(at: number): ProgressLine[] {
    return this.#ended(at, 'succeeded')
  }

  /** The others continue without the endpoint. */
  failed(at: number, name: string, reason: string): ProgressLine[] {
    const changed = this.#ended(at, 'failed')
    const status = `${name} failed: ${reason}`
    return this.#states.includes('running') ? [...changed, { key: status, line: { status } }] : changed
  }

  #ended(at: number, state: State): ProgressLine[] {
    this.#states[at] = state
    return [...this.#layers.values()].flatMap((layer) => this.#changed(layer))
  }

  #stage(status: string): ProgressLine[] {
    if (this.#stages.has(status) || this.#stages.size >= maxKeys) return []
    this.#stages.add(status)
    return [{ key: status, line: { status } }]
  }

  #addLayer(key: string, digest: string | undefined): Layer | undefined {
    if (this.#layers.size >= maxKeys) return undefined
    const layer = { digest, status: '', total: 0, sent: undefined, completed: [] }
    this.#layers.set(key, layer)
    return layer
  }

  #changed(layer: Layer): ProgressLine[] {
    const { digest, status, total, sent } = layer
    const completed = this.#completed(layer)
    if (completed === undefined || (sent?.completed === completed && sent.total === total)) return []
    layer.sent = { completed, total }
    const line = digest === undefined ? { status, total, completed } : { status, digest, total, completed }
    return [{ key: digest ?? status, line }]
  }

  /** @returns undefined if every endpoint has failed */
  #completed({ total, completed }: Layer): number | undefined {
    let min: number | undefined
    for (const [at, state] of this.#states.entries()) {
      if (state === 'failed') continue
      const own = state === 'succeeded' ? total : Math.min(completed[at] ?? 0, total)
      min = min === undefined ? own : Math.min(min, own)
    }
    return min
  }
}

function bytesOf(value: unknown): number {
  return typeof value === 'number' && value > 0 ? value : 0
}

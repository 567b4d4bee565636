import type { Turn } from '../contract/conversation.ts'

/** Separates a repeated ID from the number that makes it unique. */
const mark = '--'
const marked = /^(.+)--\d{1,6}$/

/** Used IDs, and the number for the next repetition of each. */
class TakenIds {
  readonly #taken: Set<string>
  /** The last number given to an ID, so that repetitions of one ID cost no more than distinct IDs. */
  readonly #counts = new Map<string, number>()

  constructor(taken: readonly string[] = []) {
    this.#taken = new Set(taken)
  }

  has(id: string): boolean {
    return this.#taken.has(id)
  }

  /** @returns the ID itself, or with a number appended */
  take(id: string): string {
    const unique = this.#taken.has(id) ? this.#numbered(id) : id
    this.#taken.add(unique)
    return unique
  }

  #numbered(id: string): string {
    let count = (this.#counts.get(id) ?? 1) + 1
    while (this.#taken.has(`${id}${mark}${count}`)) count++
    this.#counts.set(id, count)
    return `${id}${mark}${count}`
  }
}

/**
 * IDs of the tool calls in one answer. Anthropic's are unique in a conversation; some servers number the calls of each
 * answer from the start, and models repeat IDs (anthropics/claude-code#28515). A repeated ID gets a number appended,
 * which the next request removes again.
 */
export class CallIds {
  readonly #history: readonly string[]
  readonly #newId: () => string
  #taken: TakenIds | undefined

  /**
   * @param history IDs of the calls in the request
   * @param newId creates the ID of a call without one
   */
  constructor(history: readonly string[], newId: () => string) {
    this.#history = history
    this.#newId = newId
  }

  /** @param sentId the endpoint's ID, or '' */
  next(sentId: string): string {
    this.#taken ??= new TakenIds(this.#history)
    return this.#taken.take(sentId === '' ? this.#newId() : sentId)
  }
}

/** IDs of the calls in a conversation, as the client knows them: the `history` of `CallIds`. */
export function callIdsIn(turns: readonly Turn[]): string[] {
  const ids: string[] = []
  for (const turn of turns) {
    if (turn.role !== 'assistant') continue
    for (const part of turn.parts) if (part.kind === 'call' && part.id !== '') ids.push(part.id)
  }
  return ids
}

/**
 * The IDs under which the calls of one turn go to the endpoint: its own, if they are distinct.
 * @param ids as the client knows them
 */
export function endpointIds(ids: readonly string[]): string[] {
  const taken = new TakenIds()
  return ids.map((id) => {
    const own = marked.exec(id)?.[1] ?? id
    return taken.take(taken.has(own) ? id : own)
  })
}

/** Between an ID that was given twice and the number that tells the second use from the first. */
const mark = '--'
const marked = /^(.+)--\d{1,6}$/

/** IDs that are taken, and what becomes of one that comes again. */
class TakenIds {
  readonly #taken: Set<string>
  /** The last number that was given to an ID: many equal ones cost no more than as many others. */
  readonly #counts = new Map<string, number>()

  constructor(taken: readonly string[] = []) {
    this.#taken = new Set(taken)
  }

  has(id: string): boolean {
    return this.#taken.has(id)
  }

  /** @returns the ID itself, or one with a number at its end */
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
 * IDs of the tool calls in one answer. Anthropic's are unique in a conversation; some servers number the calls
 * of each answer anew, and models repeat IDs (anthropics/claude-code#28515). A repeated one gets a number at its
 * end, which the next request takes off again.
 */
export class CallIds {
  readonly #history: readonly string[]
  readonly #newId: () => string
  #taken: TakenIds | undefined

  /**
   * @param history IDs of the calls in the request
   * @param newId for a call that comes without one
   */
  constructor(history: readonly string[], newId: () => string) {
    this.#history = history
    this.#newId = newId
  }

  /** @param given by the endpoint, or '' */
  next(given: string): string {
    this.#taken ??= new TakenIds(this.#history)
    return this.#taken.take(given === '' ? this.#newId() : given)
  }
}

/**
 * The IDs under which the calls of one turn go to the endpoint: its own, as far as they tell the calls apart.
 * @param ids as the client has them
 */
export function endpointIds(ids: readonly string[]): string[] {
  const taken = new TakenIds()
  return ids.map((id) => {
    const own = marked.exec(id)?.[1] ?? id
    return taken.take(taken.has(own) ? id : own)
  })
}

/** Between an ID that was given twice and the number that tells the second use from the first. */
const mark = '--'
const marked = /^(.+)--\d{1,6}$/

/**
 * IDs of the tool calls in one answer. Anthropic's are unique in a conversation; some servers number the calls
 * of each answer anew, and models repeat IDs (anthropics/claude-code#28515). A repeated one gets a number at its
 * end, which the next request takes off again.
 */
export class CallIds {
  readonly #history: readonly string[]
  readonly #newId: () => string
  #used: Set<string> | undefined

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
    this.#used ??= new Set(this.#history)
    const id = given === '' ? this.#newId() : uniqueId(given, this.#used)
    this.#used.add(id)
    return id
  }
}

function uniqueId(id: string, used: ReadonlySet<string>): string {
  if (!used.has(id)) return id
  let count = 2
  while (used.has(`${id}${mark}${count}`)) count++
  return `${id}${mark}${count}`
}

/**
 * The IDs under which the calls of one turn go to the endpoint: its own, as far as they tell the calls apart.
 * @param ids as the client has them
 */
export function endpointIds(ids: readonly string[]): string[] {
  const used = new Set<string>()
  return ids.map((id) => {
    const own = marked.exec(id)?.[1] ?? id
    const sent = used.has(own) ? uniqueId(id, used) : own
    used.add(sent)
    return sent
  })
}

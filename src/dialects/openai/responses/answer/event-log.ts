/** Writes the events of a streamed response. */
export class EventLog {
  #pending = ''
  #count = 0

  /** Returns the events since the last call. */
  take(): string {
    const text = this.#pending
    this.#pending = ''
    return text
  }

  /**
   * Called for every token, so it only builds a string.
   * @param members JSON text of the other members
   */
  write(type: string, members: string): void {
    this.#pending += `event: ${type}\ndata: {"type":"${type}","sequence_number":${this.#count++},${members}}\n\n`
  }
}

/**
 * Indents lines of flow collections (`[…]`, `{…}`) that YAML 1.2 would require further right. Go's yaml.v3 and libyaml
 * ignore indentation inside flow collections; the parser used here does not.
 * @returns the text with the same lines, and the number of columns by which each line moved
 */
export function indentFlowLines(text: string): { text: string; shifts: readonly number[] } {
  const shifts: number[] = []
  const scanner = new FlowScanner()
  let indent = 0
  const lines = text.split('\n').map((line) => {
    const isInside = scanner.depth > 0 && !scanner.isQuoted
    if (!isInside && !scanner.isQuoted) indent = line.search(/[^ ]|$/) + 2
    const shift = isInside ? Math.max(0, indent - line.search(/[^ ]|$/)) : 0
    shifts.push(shift)
    scanner.read(line)
    // A collection may begin after several indicators: `- - [`.
    if (scanner.openedAt !== undefined) indent = scanner.openedAt + 1
    return ' '.repeat(shift) + line
  })
  return { text: lines.join('\n'), shifts }
}

/** Tracks whether a line begins inside a flow collection or a quoted text. */
class FlowScanner {
  depth = 0
  /** Column of the bracket with which the last line entered a collection. */
  openedAt: number | undefined
  #quote = ''

  get isQuoted(): boolean {
    return this.#quote !== ''
  }

  read(line: string): void {
    this.openedAt = undefined
    // Whether a value may begin here: a bracket inside a plain text opens no collection.
    let isStart = true
    for (let at = 0; at < line.length; at++) {
      const character = line[at] ?? ''
      if (this.#quote !== '') {
        if (character === '\\' && this.#quote === '"') at++
        else if (character === this.#quote) this.#quote = ''
        isStart = false
      } else if (character === '#' && (at === 0 || /\s/.test(line[at - 1] ?? ''))) {
        return
      } else if (isStart && (character === '"' || character === "'")) {
        this.#quote = character
      } else if ((character === '[' || character === '{') && (isStart || this.depth > 0)) {
        if (this.depth === 0) this.openedAt = at
        this.depth++
        isStart = true
      } else if ((character === ']' || character === '}') && this.depth > 0) {
        this.depth--
        isStart = false
      } else if (character === ',' && this.depth > 0) {
        isStart = true
      } else if (character === ':' || character === '-' || character === '?') {
        isStart = isStart || character === ':'
      } else if (character !== ' ' && character !== '\t' && character !== '\r') {
        isStart = false
      }
    }
  }
}

/**
 * Writes JSON with one line for each member of the outer objects. Deeper values take no blanks: the package contains these
 * documents, and indentation would double their size.
 * @param depth how many levels of objects are divided into lines
 */
export function jsonLines(value: unknown, depth: number, indent = ''): string {
  if (depth === 0 || typeof value !== 'object' || value === null || Array.isArray(value))
    return JSON.stringify(value)
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  if (members.length === 0) return '{}'
  const inner = `${indent} `
  const lines = members.map(
    ([name, member]) => `${inner}${JSON.stringify(name)}: ${jsonLines(member, depth - 1, inner)}`,
  )
  return `{\n${lines.join(',\n')}\n${indent}}`
}

/**
 * Texts in columns, two spaces apart.
 * @param isRight columns that are aligned at their right side
 */
export function columns(rows: readonly (readonly string[])[], isRight: readonly boolean[] = []): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [at, text] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, text.length)
  }
  const pad = (text: string, at: number) =>
    isRight[at] === true ? text.padStart(widths[at] ?? 0) : text.padEnd(widths[at] ?? 0)
  return `${rows.map((row) => row.map(pad).join('  ').trimEnd()).join('\n')}\n`
}

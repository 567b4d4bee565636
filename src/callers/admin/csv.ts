/** Rows as CSV (RFC 4180), with the names of the JSON fields as header. */
export function csvOf(names: readonly string[], rows: readonly Readonly<Record<string, unknown>>[]): string {
  const lines = rows.map((row) => names.map((name) => cell(row[name])).join(','))
  return `${[names.join(','), ...lines].join('\r\n')}\r\n`
}

/** Spreadsheets execute a text that begins like a formula: an apostrophe prevents that. */
function cell(value: unknown): string {
  if (typeof value !== 'string') return String(value ?? '')
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

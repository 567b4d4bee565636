const begin = /^<!-- bench:.*-->$/m
const end = '<!-- /bench -->'

/**
 * Replaces the report between the marks of a page.
 * @throws Error if the page has no marks
 */
export function withReport(page: string, report: string): string {
  const mark = begin.exec(page)
  const endAt = page.indexOf(end)
  if (mark === null || endAt < mark.index) throw new Error('the page has no marks for a report')
  const before = page.slice(0, mark.index + mark[0].length)
  return `${before}\n\n${report.trim()}\n\n${page.slice(endAt)}`
}

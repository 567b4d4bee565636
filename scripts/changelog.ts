/** One version of a changelog in the form of Keep a Changelog. */
export interface ChangelogSection {
  /** `Unreleased` or a version. */
  readonly name: string
  /** `YYYY-MM-DD`, if the heading has a date. */
  readonly date: string | undefined
  /** What stands below the heading, without the link definitions at the end of the file. */
  readonly notes: string
}

const heading = /^## \[?([^\]\s]+)\]?(?: - (.*))?$/
const isoDate = /^\d{4}-\d{2}-\d{2}$/
const linkDefinition = /^\[[^\]]+\]: \S+$/

/** Splits a changelog into its versions, in the order of the file. */
export function changelogSections(text: string): readonly ChangelogSection[] {
  const sections: { name: string; date: string | undefined; lines: string[] }[] = []
  for (const line of text.split('\n')) {
    const [, name, date] = heading.exec(line) ?? []
    if (name !== undefined)
      sections.push({ name, date: date !== undefined && isoDate.test(date) ? date : undefined, lines: [] })
    else if (!linkDefinition.test(line)) sections.at(-1)?.lines.push(line)
  }
  return sections.map(({ name, date, lines }) => ({ name, date, notes: lines.join('\n').trim() }))
}

/** Returns what keeps `version` from being released, as far as the changelog is concerned. */
export function changelogProblems(sections: readonly ChangelogSection[], version: string): readonly string[] {
  const section = sections.find(({ name }) => name === version)
  if (section === undefined) return [`CHANGELOG.md has no section "## [${version}] - YYYY-MM-DD"`]
  const problems: string[] = []
  if (section.date === undefined)
    problems.push(`CHANGELOG.md: the heading of ${version} has no date (YYYY-MM-DD)`)
  if (!/^- /m.test(section.notes)) problems.push(`CHANGELOG.md: the section of ${version} has no entries`)
  const unreleased = sections.find(({ name }) => name === 'Unreleased')
  if (unreleased !== undefined && unreleased.notes !== '')
    problems.push(`CHANGELOG.md: move the entries under "Unreleased" to ${version}`)
  return problems
}

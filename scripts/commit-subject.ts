/** The types that a commit subject may begin with. */
export const commitTypes = [
  'build',
  'chore',
  'ci',
  'docs',
  'feat',
  'fix',
  'perf',
  'refactor',
  'revert',
  'style',
  'test',
] as const

/** Longest subject, in characters: `git log --oneline` shows it whole on a terminal of 80 columns. */
export const maxSubjectLength = 72

const conventional = new RegExp(`^(?:${commitTypes.join('|')})(?:\\([a-z0-9-]+\\))?!?: \\S`)

/** What `git revert` and the Revert button of a code host write by themselves. */
const generatedRevert = /^Revert "/

/** Returns what is wrong with a commit subject, or `undefined` if it follows the rules. */
export function subjectProblem(subject: string): string | undefined {
  const length = [...subject].length
  if (length > maxSubjectLength) return `${length} characters, at most ${maxSubjectLength} allowed`
  if (conventional.test(subject) || generatedRevert.test(subject)) return undefined
  return `not of the form "type(scope): summary" with a type of ${commitTypes.join(', ')}`
}

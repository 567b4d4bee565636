import type { Part, Turn, UserTurn } from '../contract/conversation.ts'

/** Whether users with different names speak, so that their names mean something to the model. */
export function hasSeveralSpeakers(turns: readonly Turn[]): boolean {
  let first: string | undefined
  for (const turn of turns) {
    if (turn.role !== 'user' || turn.name === undefined || turn.name === '') continue
    first ??= turn.name
    if (turn.name !== first) return true
  }
  return false
}

/** The parts of a user's turn with the speaker's name in front, for APIs without a field for it. */
export function namedParts({ name, parts }: UserTurn): readonly Part[] {
  if (name === undefined || name === '') return parts
  const [first, ...others] = parts
  return first?.kind === 'text'
    ? [{ kind: 'text', text: `${name}: ${first.text}` }, ...others]
    : [{ kind: 'text', text: `${name}:` }, ...parts]
}

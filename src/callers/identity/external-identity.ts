import type { TeamRules } from './team-rules.ts'

/** A caller that something other than a key has identified. */
export interface ExternalIdentity {
  /** `jwt` by a token, `user` by a trusted header, `caller` by the host. */
  readonly kind: 'jwt' | 'user' | 'caller'
  /** Unique within its kind. */
  readonly id: string
  readonly name: string
  readonly owner: string
  readonly groups: readonly string[]
  readonly rules: TeamRules
}

/** Names appear in lines, metrics and views, and a team or owner of the configuration has no longer one. */
const maxNameLength = 128
/** `sub` has at most 255 characters (OpenID Connect Core 1.0, section 2). */
const maxIdLength = 255
const maxGroups = 1_000

export function isUsableName(text: string): boolean {
  return isUsable(text, maxNameLength)
}

export function isUsableId(text: string): boolean {
  return isUsable(text, maxIdLength)
}

/** The groups that can be a team. */
export function usableGroups(groups: readonly unknown[]): string[] {
  return groups
    .slice(0, maxGroups)
    .filter((group): group is string => typeof group === 'string' && isUsableName(group))
}

function isUsable(text: string, maxLength: number): boolean {
  if (text.length === 0 || text.length > maxLength || text.trim() !== text) return false
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it looks for
  return !/[\u0000-\u001f\u007f]/.test(text)
}

/** How groups that a caller has elsewhere become its team here. */
export interface TeamRules {
  readonly teams: Readonly<Record<string, string>>
  readonly defaultTeam?: string | undefined
  readonly requireTeam: boolean
}

/** Without groups, and without a team. */
export const noTeamRules: TeamRules = { teams: {}, requireTeam: false }

/**
 * The first group counts that the rules name or that is itself a team, else the default.
 * @param isTeam whether a team of this name exists
 * @returns undefined if there is none
 */
export function teamOfGroups(
  groups: readonly string[],
  { teams, defaultTeam }: TeamRules,
  isTeam: (name: string) => boolean,
): string | undefined {
  for (const group of groups) {
    if (Object.hasOwn(teams, group)) return teams[group]
    if (isTeam(group)) return group
  }
  return defaultTeam
}

import { Remembered } from '../../kernel/remembered.ts'
import type { ExternalIdentity } from '../identity/external-identity.ts'
import { teamOfGroups } from '../identity/team-rules.ts'
import { accessOf } from '../policy/access.ts'
import { entryRulesOf } from '../policy/entry-rules.ts'
import { parameterRulesOf } from '../policy/parameters.ts'
import type { DirectoryOwner, DirectoryTeam } from './directory-data.ts'
import type { KnownCaller, Subject } from './known-caller.ts'

/** Why a caller from elsewhere is refused. */
export type ExternalRefusal = 'disabled' | 'no_team'

export interface FoundExternal {
  readonly caller: KnownCaller
  readonly refusal: ExternalRefusal | undefined
}

interface Known {
  readonly identity: ExternalIdentity
  readonly found: FoundExternal
}

/** Identities come from outside, so their number is bounded; the ones in use stay. */
const maxKnown = 10_000
const maxKeyLength = 512

/** Callers without a key, one object for each as long as nothing about it changes. */
export class ExternalCallers {
  #known = new Remembered<Known>(maxKnown, maxKeyLength)

  find(
    identity: ExternalIdentity,
    teams: ReadonlyMap<string, DirectoryTeam>,
    owners: ReadonlyMap<string, DirectoryOwner>,
  ): FoundExternal {
    const keyId = `${identity.kind}:${identity.id}`
    const known = this.#known.get(keyId)
    if (known !== undefined && isSame(known.identity, identity)) return known.found
    const found = read(keyId, identity, teams, owners)
    this.#known.set(keyId, { identity, found })
    return found
  }

  /** Teams or owners have changed. */
  clear(): void {
    this.#known = new Remembered(maxKnown, maxKeyLength)
  }
}

function isSame(a: ExternalIdentity, b: ExternalIdentity): boolean {
  if (a === b) return true
  const { groups } = b
  return (
    a.name === b.name &&
    a.owner === b.owner &&
    a.groups.length === groups.length &&
    a.groups.every((group, index) => group === groups[index])
  )
}

function read(
  keyId: string,
  { name, owner: ownerName, groups, rules }: ExternalIdentity,
  teams: ReadonlyMap<string, DirectoryTeam>,
  owners: ReadonlyMap<string, DirectoryOwner>,
): FoundExternal {
  const teamName = teamOfGroups(groups, rules, (group) => teams.has(group))
  const team = teamName === undefined ? undefined : teams.get(teamName)
  const owner = owners.get(ownerName)
  const policies = team?.policy === undefined ? [] : [team.policy]
  const rulesOfEntry = policies.flatMap((policy) => entryRulesOf(policy) ?? [])
  const subjects: Subject[] = [{ kind: 'owner', id: ownerName, limits: owner?.limits }]
  if (teamName !== undefined) subjects.push({ kind: 'team', id: teamName, limits: team?.limits })
  const caller: KnownCaller = {
    keyId,
    keyName: name,
    owner: ownerName,
    team: teamName,
    access: accessOf(policies),
    priority: team?.policy?.priority ?? 'normal',
    weight: team?.policy?.weight ?? 1,
    entry: rulesOfEntry,
    parameters: parameterRulesOf(policies),
    subjects,
  }
  // A team that the configuration names but that does not exist would leave the caller without its policy.
  const lacksTeam = team === undefined && (teamName !== undefined || rules.requireTeam)
  if (lacksTeam) return { caller, refusal: 'no_team' }
  const isDisabled = team?.enabled === false || owner?.enabled === false
  return { caller, refusal: isDisabled ? 'disabled' : undefined }
}

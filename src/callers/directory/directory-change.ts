import type { Limits, Policy } from '../../config/schema/callers-schema.ts'
import { allowsAll, limitsNothing } from '../contract/defaults.ts'
import type { CallerChanges, CallerRecords, KeyHash, OwnerRecord, TeamRecord } from '../contract/records.ts'
import { type DirectoryChange, type DirectoryOwner, type DirectoryTeam, noChange } from './directory-data.ts'

/** Everything that serving needs of some records. */
export function wholeDirectory(records: CallerRecords): DirectoryChange {
  return { ...changeOf(records), isWhole: true }
}

/** The same of changes. */
export function directoryChange(changes: CallerChanges): DirectoryChange {
  const { isWhole, deletedKeys, deletedTeams, deletedOwners } = changes
  return { ...changeOf(changes), isWhole, deletedKeys, deletedTeams, deletedOwners }
}

function changeOf({ keys, hashes, teams, owners }: CallerRecords): DirectoryChange {
  const policyOf = shared<Policy>(allowsAll)
  const limitsOf = shared<Limits>(limitsNothing)
  const byKey = Map.groupBy(hashes, ({ keyId }) => keyId)
  const teamOf = ({ name, enabled, policy, limits }: TeamRecord): DirectoryTeam => ({
    name,
    enabled,
    policy: policyOf(policy),
    limits: limitsOf(limits),
  })
  const ownerOf = ({ name, enabled, limits }: OwnerRecord): DirectoryOwner => ({
    name,
    enabled,
    limits: limitsOf(limits),
  })
  return {
    ...noChange,
    keys: keys.map(({ id, name, owner, team, enabled, expiresAtMs, policy, limits }) => ({
      id,
      name,
      owner,
      team,
      enabled,
      expiresAtMs,
      policy: policyOf(policy),
      limits: limitsOf(limits),
      hashes: (byKey.get(id) ?? []).map(({ hash, endsAtMs }: KeyHash) => [hash, endsAtMs] as const),
    })),
    teams: teams.map(teamOf),
    owners: owners.map(ownerOf),
  }
}

/** Equal values become one object: most keys of a fleet have one of few policies. The store returns few objects. */
function shared<T extends object>(isEmpty: (value: T) => boolean): (value: T) => T | undefined {
  const byText = new Map<string, T | undefined>()
  const known = new Map<T, T | undefined>()
  return (value) => {
    if (known.has(value)) return known.get(value)
    const text = JSON.stringify(value)
    if (!byText.has(text)) byText.set(text, isEmpty(value) ? undefined : value)
    const one = byText.get(text)
    known.set(value, one)
    return one
  }
}

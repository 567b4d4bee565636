import type { SectionOptions } from '../../config/options/sections.ts'
import { readConfigHash } from '../keys/key-hasher.ts'
import type { CallerRecords } from './records.ts'

/** The keys, teams and owners of the configuration. */
export function configRecords(
  { keys, teams, owners }: Pick<SectionOptions<'callers'>, 'keys' | 'teams' | 'owners'>,
  startedAtMs: number,
): CallerRecords {
  const common = { createdAtMs: startedAtMs, updatedAtMs: startedAtMs, source: 'config' } as const
  return {
    keys: keys.map(({ hash, expires, owner, team, ...key }) => ({
      ...key,
      ...common,
      id: configKeyId(key.name),
      hint: '',
      owner,
      team,
      expiresAtMs: expires === undefined ? undefined : Date.parse(expires),
    })),
    hashes: keys.map(({ name, hash }) => ({
      hash: readConfigHash(hash),
      keyId: configKeyId(name),
      endsAtMs: undefined,
    })),
    teams: teams.map((team) => ({ ...team, ...common })),
    owners: owners.map((owner) => ({ ...owner, ...common })),
  }
}

/** The ID of a key in the configuration, the same after each start. */
export function configKeyId(name: string): string {
  return `config:${name}`
}

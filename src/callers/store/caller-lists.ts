import type { KeyRecord, OwnerRecord, TeamRecord } from '../contract/records.ts'
import type { KeyQuery, NameQuery } from './contract.ts'
import type { Row, SqlValue, Statements } from './database.ts'
import { keyOf, ownerOf, teamOf } from './rows.ts'

/** Finds and lists keys, teams and owners. */
export class CallerLists {
  readonly #database: Statements

  constructor(database: Statements) {
    this.#database = database
  }

  /** @param key ID or name */
  async findKey(key: string): Promise<KeyRecord | undefined> {
    // An ID has precedence over a name with the same text.
    const rows = await this.#database.all('SELECT * FROM olla_keys WHERE id = ? OR name = ?', [key, key])
    const row = rows.find(({ id }) => id === key) ?? rows[0]
    return row === undefined ? undefined : keyOf(row)
  }

  async findTeam(name: string): Promise<TeamRecord | undefined> {
    const [row] = await this.#database.all('SELECT * FROM olla_teams WHERE name = ?', [name])
    return row === undefined ? undefined : teamOf(row)
  }

  async findOwner(name: string): Promise<OwnerRecord | undefined> {
    const [row] = await this.#database.all('SELECT * FROM olla_owners WHERE name = ?', [name])
    return row === undefined ? undefined : ownerOf(row)
  }

  /** Keys in the order of their names. */
  async listKeys({ owner, team, enabled, ...query }: KeyQuery): Promise<KeyRecord[]> {
    const rows = await this.#list('olla_keys', query, {
      owner,
      team,
      enabled: enabled === undefined ? undefined : Number(enabled),
    })
    return rows.map(keyOf)
  }

  async listTeams(query: NameQuery): Promise<TeamRecord[]> {
    return (await this.#list('olla_teams', query, {})).map(teamOf)
  }

  async listOwners(query: NameQuery): Promise<OwnerRecord[]> {
    return (await this.#list('olla_owners', query, {})).map(ownerOf)
  }

  #list(
    table: 'olla_keys' | 'olla_teams' | 'olla_owners',
    { search, after, limit }: NameQuery,
    equal: Readonly<Record<string, string | number | undefined>>,
  ): Promise<Row[]> {
    const conditions: [sql: string, value: SqlValue][] = []
    for (const [column, value] of Object.entries(equal)) {
      if (value !== undefined) conditions.push([`${column} = ?`, value])
    }
    if (after !== undefined) conditions.push(['name > ?', after])
    if (search !== undefined) conditions.push([`LOWER(name) LIKE ? ESCAPE '!'`, `%${likeText(search)}%`])
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.map(([sql]) => sql).join(' AND ')}`
    return this.#database.all(`SELECT * FROM ${table} ${where} ORDER BY name LIMIT ?`, [
      ...conditions.map(([, value]) => value),
      limit,
    ])
  }
}

/** Text of a LIKE pattern that stands for itself. */
function likeText(text: string): string {
  return text.toLowerCase().replace(/[!%_]/g, '!$&')
}

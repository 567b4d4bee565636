import type { CallerChanges, CallerRecords, KeyRecord, OwnerRecord, TeamRecord } from '../contract/records.ts'
import { CallerLists } from './caller-lists.ts'
import { type AuditEntry, type AuditRow, NameTakenError, type NewSecret } from './contract.ts'
import type { Database, Row, Statements } from './database.ts'
import { auditRowOf, hashOf, keyOf, keyValues, ownerOf, subjectValues, teamOf, text } from './rows.ts'

/** Changes that are kept: for other gateways, which read them within a second, and as the audit. */
const maxKept = 100_000

/**
 * Keys, teams and owners in a database. Each change takes the next revision in its transaction, and transactions that
 * change something wait for each other, so a reader that has seen a revision has seen all before it.
 */
export class CallerStore extends CallerLists {
  readonly #database: Database

  constructor(database: Database) {
    super(database)
    this.#database = database
  }

  /** For what else is kept in the same database. */
  get database(): Database {
    return this.#database
  }

  close(): Promise<void> {
    return this.#database.close()
  }

  /** The revision of the last change. */
  async revision(): Promise<number> {
    return revisionOf(await this.#database.all('SELECT revision FROM olla_schema WHERE id = 1'))
  }

  /** Reads all records. @param nowMs secrets that have ended before are left out */
  async load(nowMs: number): Promise<CallerRecords & { revision: number }> {
    const {
      isWhole: _isWhole,
      deletedKeys: _keys,
      deletedTeams: _teams,
      deletedOwners: _owners,
      ...records
    } = await this.changes(-1, nowMs)
    return records
  }

  /** Reads what has changed after a revision, or everything if that is not known any more. */
  async changes(seen: number, nowMs: number): Promise<CallerChanges> {
    return this.#database.transaction(async (statements) => {
      const revision = revisionOf(await statements.all('SELECT revision FROM olla_schema WHERE id = 1'))
      // A database that was restored from a backup may have gone back.
      const isWhole = seen < revision - maxKept || seen > revision
      const since = isWhole ? -1 : seen
      const changed = (table: string) => statements.all(`SELECT * FROM ${table} WHERE revision > ?`, [since])
      const keys = await changed('olla_keys')
      const hashes = await statements.all(
        `SELECT h.hash, h.key_id, h.ends_at FROM olla_key_hashes h JOIN olla_keys k ON k.id = h.key_id
        WHERE k.revision > ? AND (h.ends_at IS NULL OR h.ends_at > ?)`,
        [since, nowMs],
      )
      const teams = await changed('olla_teams')
      const owners = await changed('olla_owners')
      const deleted = since < 0 ? [] : await changed('olla_deleted')
      const idsOf = (kind: string) => deleted.filter((row) => row.kind === kind).map((row) => text(row.id))
      return {
        revision,
        isWhole: since < 0,
        keys: keys.map(keyOf),
        hashes: hashes.map(hashOf),
        teams: teams.map(teamOf),
        owners: owners.map(ownerOf),
        deletedKeys: idsOf('key'),
        deletedTeams: idsOf('team'),
        deletedOwners: idsOf('owner'),
      }
    })
  }

  /** @throws NameTakenError */
  createKey(key: KeyRecord, hash: string, audit: AuditEntry): Promise<void> {
    return this.#change(audit, async (statements, revision) => {
      await expectFree(statements, 'olla_keys', key.name)
      await statements.all(
        `INSERT INTO olla_keys (id, name, hint, owner, team, enabled, expires_at, metadata, policy, limits,
          created_at, updated_at, revision) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
        [key.id, key.name, key.hint, ...keyValues(key), key.createdAtMs, key.updatedAtMs, revision],
      )
      await statements.all('INSERT INTO olla_key_hashes (hash, key_id, ends_at) VALUES (?, ?, NULL)', [
        hash,
        key.id,
      ])
    })
  }

  /** @returns false if there is no such key @throws NameTakenError */
  updateKey(key: KeyRecord, audit: AuditEntry): Promise<boolean> {
    return this.#change(audit, async (statements, revision) => {
      const [other] = await statements.all('SELECT id FROM olla_keys WHERE name = ?', [key.name])
      if (other !== undefined && other.id !== key.id) throw new NameTakenError(key.name)
      return isOne(
        await statements.all(
          `UPDATE olla_keys SET name = ?, owner = ?, team = ?, enabled = ?, expires_at = ?, metadata = ?, policy = ?,
            limits = ?, updated_at = ?, revision = ? WHERE id = ? RETURNING id`,
          [key.name, ...keyValues(key), key.updatedAtMs, revision, key.id],
        ),
      )
    })
  }

  /** Adds a secret to a key; those before end. @returns false if there is no such key */
  rotateKey(id: string, { hash, hint, previousEndAtMs }: NewSecret, audit: AuditEntry): Promise<boolean> {
    return this.#change(audit, async (statements, revision) => {
      const updated = await statements.all(
        'UPDATE olla_keys SET hint = ?, updated_at = ?, revision = ? WHERE id = ? RETURNING id',
        [hint, audit.atMs, revision, id],
      )
      if (!isOne(updated)) return false
      await statements.all('DELETE FROM olla_key_hashes WHERE key_id = ? AND ends_at <= ?', [id, audit.atMs])
      await statements.all(
        'UPDATE olla_key_hashes SET ends_at = ? WHERE key_id = ? AND (ends_at IS NULL OR ends_at > ?)',
        [previousEndAtMs, id, previousEndAtMs],
      )
      await statements.all('INSERT INTO olla_key_hashes (hash, key_id, ends_at) VALUES (?, ?, NULL)', [
        hash,
        id,
      ])
      return true
    })
  }

  deleteKey(id: string, audit: AuditEntry): Promise<boolean> {
    return this.#delete('olla_keys', 'id', id, audit)
  }

  /** Creates a team or replaces it. */
  putTeam(team: TeamRecord, audit: AuditEntry): Promise<void> {
    return this.#change(audit, async (statements, revision) => {
      await statements.all(
        `INSERT INTO olla_teams (name, enabled, metadata, limits, created_at, updated_at, policy, revision)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET enabled = excluded.enabled,
          metadata = excluded.metadata, limits = excluded.limits, updated_at = excluded.updated_at,
          policy = excluded.policy, revision = excluded.revision`,
        [...subjectValues(team), JSON.stringify(team.policy), revision],
      )
    })
  }

  deleteTeam(name: string, audit: AuditEntry): Promise<boolean> {
    return this.#delete('olla_teams', 'name', name, audit)
  }

  /** Creates an owner or replaces it. */
  putOwner(owner: OwnerRecord, audit: AuditEntry): Promise<void> {
    return this.#change(audit, async (statements, revision) => {
      await statements.all(
        `INSERT INTO olla_owners (name, enabled, metadata, limits, created_at, updated_at, revision)
        VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET enabled = excluded.enabled,
          metadata = excluded.metadata, limits = excluded.limits, updated_at = excluded.updated_at,
          revision = excluded.revision`,
        [...subjectValues(owner), revision],
      )
    })
  }

  deleteOwner(name: string, audit: AuditEntry): Promise<boolean> {
    return this.#delete('olla_owners', 'name', name, audit)
  }

  /** The last changes, the latest first. @param before revision of the last one of the page before */
  async audit(limit: number, before = Number.MAX_SAFE_INTEGER): Promise<AuditRow[]> {
    const rows = await this.#database.all(
      'SELECT * FROM olla_audit WHERE revision < ? ORDER BY revision DESC LIMIT ?',
      [before, limit],
    )
    return rows.map(auditRowOf)
  }

  #delete(
    table: 'olla_keys' | 'olla_teams' | 'olla_owners',
    column: 'id' | 'name',
    id: string,
    audit: AuditEntry,
  ) {
    return this.#change(audit, async (statements, revision) => {
      const deleted = await statements.all(`DELETE FROM ${table} WHERE ${column} = ? RETURNING ${column}`, [
        id,
      ])
      if (!isOne(deleted)) return false
      await statements.all(
        `INSERT INTO olla_deleted (kind, id, revision) VALUES (?, ?, ?)
        ON CONFLICT (kind, id) DO UPDATE SET revision = excluded.revision`,
        [audit.kind, id, revision],
      )
      await statements.all('DELETE FROM olla_deleted WHERE revision <= ?', [revision - maxKept])
      return true
    })
  }

  /** Makes one change with its revision and its audit entry; one that returns false leaves no trace. */
  async #change<T>(
    audit: AuditEntry,
    work: (statements: Statements, revision: number) => Promise<T>,
  ): Promise<T> {
    const unchanged = new Error('nothing to change')
    let result: T | undefined
    try {
      return await this.#database.transaction(async (statements) => {
        const revision = revisionOf(
          await statements.all(
            'UPDATE olla_schema SET revision = revision + 1 WHERE id = 1 RETURNING revision',
          ),
        )
        const done = await work(statements, revision)
        result = done
        if (done === false) throw unchanged
        await statements.all(
          'INSERT INTO olla_audit (revision, at, actor, action, kind, subject, fields) VALUES (?, ?, ?, ?, ?, ?, ?)',
          [
            revision,
            audit.atMs,
            audit.actor,
            audit.action,
            audit.kind,
            audit.subject,
            audit.fields.join(','),
          ],
        )
        await statements.all('DELETE FROM olla_audit WHERE revision <= ?', [revision - maxKept])
        return done
      })
    } catch (error) {
      if (error !== unchanged || result === undefined) throw error
      return result
    }
  }
}

async function expectFree(statements: Statements, table: string, name: string): Promise<void> {
  if (isOne(await statements.all(`SELECT 1 AS one FROM ${table} WHERE name = ?`, [name])))
    throw new NameTakenError(name)
}

function isOne(rows: readonly Row[]): boolean {
  return rows.length > 0
}

function revisionOf([row]: readonly Row[]): number {
  return Number(row?.revision ?? 0)
}

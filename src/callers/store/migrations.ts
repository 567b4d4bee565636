import type { Database, Statements } from './database.ts'

/**
 * Versions of the tables, each a list of statements that both databases understand. A published version never changes:
 * add another. It must leave tables that the version before can still use, because gateways are updated one by one.
 */
export const migrations: readonly (readonly string[])[] = [
  [
    `CREATE TABLE olla_keys (
      id TEXT PRIMARY KEY, name TEXT NOT NULL UNIQUE, hint TEXT NOT NULL, owner TEXT, team TEXT,
      enabled INTEGER NOT NULL, expires_at BIGINT, metadata TEXT NOT NULL, policy TEXT NOT NULL, limits TEXT NOT NULL,
      created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, revision BIGINT NOT NULL)`,
    'CREATE INDEX olla_keys_revision ON olla_keys (revision)',
    'CREATE INDEX olla_keys_team ON olla_keys (team)',
    'CREATE INDEX olla_keys_owner ON olla_keys (owner)',
    `CREATE TABLE olla_key_hashes (
      hash TEXT PRIMARY KEY, key_id TEXT NOT NULL REFERENCES olla_keys (id) ON DELETE CASCADE, ends_at BIGINT)`,
    'CREATE INDEX olla_key_hashes_key ON olla_key_hashes (key_id)',
    `CREATE TABLE olla_teams (
      name TEXT PRIMARY KEY, enabled INTEGER NOT NULL, metadata TEXT NOT NULL, policy TEXT NOT NULL,
      limits TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, revision BIGINT NOT NULL)`,
    `CREATE TABLE olla_owners (
      name TEXT PRIMARY KEY, enabled INTEGER NOT NULL, metadata TEXT NOT NULL,
      limits TEXT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, revision BIGINT NOT NULL)`,
    'CREATE TABLE olla_deleted (kind TEXT NOT NULL, id TEXT NOT NULL, revision BIGINT NOT NULL, PRIMARY KEY (kind, id))',
    `CREATE TABLE olla_audit (
      revision BIGINT PRIMARY KEY, at BIGINT NOT NULL, actor TEXT NOT NULL, action TEXT NOT NULL,
      kind TEXT NOT NULL, subject TEXT NOT NULL, fields TEXT NOT NULL)`,
  ],
  // The texts of a row of the ledger are in `olla_usage_subjects`, once: rows stay below a hundred bytes.
  [
    'CREATE TABLE olla_usage_writers (writer TEXT PRIMARY KEY, batch BIGINT NOT NULL, at BIGINT NOT NULL)',
    'CREATE TABLE olla_usage_sequence (id INTEGER PRIMARY KEY, last_id BIGINT NOT NULL)',
    'INSERT INTO olla_usage_sequence (id, last_id) VALUES (1, 0)',
    `CREATE TABLE olla_usage_subjects (
      id BIGINT PRIMARY KEY, key_id TEXT NOT NULL, key_name TEXT NOT NULL, owner TEXT NOT NULL, team TEXT NOT NULL,
      model TEXT NOT NULL, endpoint TEXT NOT NULL, UNIQUE (key_id, model, endpoint, team, owner, key_name))`,
    `CREATE TABLE olla_usage (
      hour INTEGER NOT NULL, subject BIGINT NOT NULL REFERENCES olla_usage_subjects (id), requests BIGINT NOT NULL, ok BIGINT NOT NULL,
      client_errors BIGINT NOT NULL, upstream_errors BIGINT NOT NULL, cancelled BIGINT NOT NULL,
      refused BIGINT NOT NULL, prompt_tokens BIGINT NOT NULL, cached_tokens BIGINT NOT NULL,
      reasoning_tokens BIGINT NOT NULL, completion_tokens BIGINT NOT NULL, cost DOUBLE PRECISION NOT NULL,
      duration_ms BIGINT NOT NULL, PRIMARY KEY (hour, subject))`,
    'CREATE INDEX olla_usage_subject ON olla_usage (subject)',
    `CREATE TABLE olla_usage_days (
      hour INTEGER NOT NULL, subject BIGINT NOT NULL REFERENCES olla_usage_subjects (id), requests BIGINT NOT NULL, ok BIGINT NOT NULL,
      client_errors BIGINT NOT NULL, upstream_errors BIGINT NOT NULL, cancelled BIGINT NOT NULL,
      refused BIGINT NOT NULL, prompt_tokens BIGINT NOT NULL, cached_tokens BIGINT NOT NULL,
      reasoning_tokens BIGINT NOT NULL, completion_tokens BIGINT NOT NULL, cost DOUBLE PRECISION NOT NULL,
      duration_ms BIGINT NOT NULL, PRIMARY KEY (hour, subject))`,
    'CREATE INDEX olla_usage_days_subject ON olla_usage_days (subject)',
    `CREATE TABLE olla_amounts (
      kind TEXT NOT NULL, id TEXT NOT NULL, window_name TEXT NOT NULL, bucket BIGINT NOT NULL, amount BIGINT NOT NULL,
      PRIMARY KEY (kind, id, window_name, bucket))`,
  ],
  // Several gateways add to amounts, and find by its revision what others have added.
  [
    'ALTER TABLE olla_amounts ADD COLUMN revision BIGINT NOT NULL DEFAULT 0',
    'CREATE INDEX olla_amounts_revision ON olla_amounts (revision)',
    'INSERT INTO olla_usage_sequence (id, last_id) VALUES (2, 0)',
  ],
  // Blocks of four weeks: use of a year is added up from a thirtieth of the rows.
  [
    `CREATE TABLE olla_usage_blocks (
      hour INTEGER NOT NULL, subject BIGINT NOT NULL REFERENCES olla_usage_subjects (id), requests BIGINT NOT NULL, ok BIGINT NOT NULL,
      client_errors BIGINT NOT NULL, upstream_errors BIGINT NOT NULL, cancelled BIGINT NOT NULL,
      refused BIGINT NOT NULL, prompt_tokens BIGINT NOT NULL, cached_tokens BIGINT NOT NULL,
      reasoning_tokens BIGINT NOT NULL, completion_tokens BIGINT NOT NULL, cost DOUBLE PRECISION NOT NULL,
      duration_ms BIGINT NOT NULL, PRIMARY KEY (hour, subject))`,
    `INSERT INTO olla_usage_blocks SELECT hour / 672 * 672, subject, SUM(requests), SUM(ok), SUM(client_errors),
      SUM(upstream_errors), SUM(cancelled), SUM(refused), SUM(prompt_tokens), SUM(cached_tokens),
      SUM(reasoning_tokens), SUM(completion_tokens), SUM(cost), SUM(duration_ms)
      FROM olla_usage_days GROUP BY hour / 672 * 672, subject`,
    'CREATE INDEX olla_usage_blocks_subject ON olla_usage_blocks (subject)',
  ],
  // Requests that have used tokens of a model without a price: their cost is unknown, not nothing.
  [
    'ALTER TABLE olla_usage ADD COLUMN unpriced BIGINT NOT NULL DEFAULT 0',
    'ALTER TABLE olla_usage_days ADD COLUMN unpriced BIGINT NOT NULL DEFAULT 0',
    'ALTER TABLE olla_usage_blocks ADD COLUMN unpriced BIGINT NOT NULL DEFAULT 0',
  ],
  // Messages that have not arrived; `held_by` is the process that delivers them, until `held_until`.
  [
    `CREATE TABLE olla_webhook_messages (
      webhook TEXT NOT NULL, id TEXT NOT NULL, body TEXT NOT NULL, queued_at BIGINT NOT NULL,
      held_by TEXT NOT NULL, held_until BIGINT NOT NULL, PRIMARY KEY (webhook, id))`,
  ],
]

/** Any number, the same in every version: gateways that start together migrate one after the other. */
const migrationLock = 4_011_420_020

export interface MigrationOptions {
  /** Of the server's secret: hashes that were made with another are useless. */
  readonly secretCheck: string
  readonly versions?: readonly (readonly string[])[]
}

/** The store cannot be used as it is; the message is for the operator. */
export class StoreError extends Error {
  override readonly name = 'StoreError'
}

/**
 * Brings the tables to the current version.
 * @throws StoreError if they are newer, or belong to another secret
 */
export async function migrate(
  database: Database,
  { secretCheck, versions = migrations }: MigrationOptions,
): Promise<void> {
  await database.transaction(async (statements) => {
    if (database.dialect === 'postgres') {
      await statements.all('SELECT pg_advisory_xact_lock(?)', [migrationLock])
    }
    await statements.all(`CREATE TABLE IF NOT EXISTS olla_schema (
      id INTEGER PRIMARY KEY, version INTEGER NOT NULL, revision BIGINT NOT NULL, secret_check TEXT NOT NULL)`)
    const [row] = await statements.all('SELECT version, secret_check FROM olla_schema WHERE id = 1')
    const version = Number(row?.version ?? 0)
    if (version > versions.length) {
      throw new StoreError(
        `its tables have version ${version}, and this gateway knows versions up to ${versions.length}: start a newer gateway`,
      )
    }
    if (row !== undefined && row.secret_check !== secretCheck) {
      throw new StoreError('its keys were hashed with another callers.secret')
    }
    for (const version of versions.slice(Number(row?.version ?? 0))) await applyVersion(statements, version)
    await statements.all(
      `INSERT INTO olla_schema (id, version, revision, secret_check) VALUES (1, ?, 0, ?)
      ON CONFLICT (id) DO UPDATE SET version = excluded.version`,
      [versions.length, secretCheck],
    )
  })
}

async function applyVersion(statements: Statements, version: readonly string[]): Promise<void> {
  for (const sql of version) await statements.all(sql)
}

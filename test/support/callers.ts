import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { configHash, KeyHasher } from '../../src/callers/keys/key-hasher.ts'
import { createKey } from '../../src/callers/keys/key-text.ts'

export const callersSecret = 'a secret for tests, long enough for it'

/** A key for the configuration. */
export function configuredKey(name: string, rest: Readonly<Record<string, unknown>> = {}) {
  const key = createKey()
  return { key, entry: { name, hash: configHash(new KeyHasher(callersSecret).hash(key)), ...rest } }
}

/** A file for a SQLite store, in a new folder. */
export async function storeFile(): Promise<string> {
  return join(await mkdtemp(join(tmpdir(), 'olla-callers-')), 'callers.db')
}

/** Requests the admin routes of a gateway. */
export function adminOf(url: string) {
  return async function admin(
    method: string,
    path: string,
    body?: unknown,
  ): Promise<{ status: number; body: Record<string, unknown>; text: string }> {
    const response = await fetch(`${url}/internal/admin${path}`, {
      method,
      headers: {
        'x-olla-gateway': '1',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const parsed: unknown = JSON.parse(text)
    return { status: response.status, body: typeof parsed === 'object' ? { ...parsed } : {}, text }
  }
}

export const bearer = (key: string) => ({
  authorization: `Bearer ${key}`,
  'content-type': 'application/json',
})

/**
 * Opens the store of callers, follows its changes and shares them with the serving threads; the control thread
 * registers it. Decorates `callers`; depends on the event bus and the link to the other threads. Closes the store on
 * close. A store that cannot be used stops the start; one that is only away does not. Uses if present: `cluster`,
 * `configVersions`, whose keys, teams and owners it follows.
 */
import { isDeepStrictEqual } from 'node:util'
import fp from 'fastify-plugin'
import { callerAdmin } from '../../src/callers/admin/caller-admin.ts'
import { remoteOperations, serveOperations } from '../../src/callers/admin/operations.ts'
import type { CallerChange } from '../../src/callers/admin/record-access.ts'
import type { Callers } from '../../src/callers/callers.ts'
import { configRecords } from '../../src/callers/contract/config-records.ts'
import type { CallerRecords } from '../../src/callers/contract/records.ts'
import { CallerDirectory } from '../../src/callers/directory/directory.ts'
import { directoryChange, wholeDirectory } from '../../src/callers/directory/directory-change.ts'
import { type DirectoryChange, noChange } from '../../src/callers/directory/directory-data.ts'
import { shareDirectory } from '../../src/callers/directory/directory-share.ts'
import { KeyHasher } from '../../src/callers/keys/key-hasher.ts'
import { serverSecret } from '../../src/callers/keys/server-secret.ts'
import { CallerSource } from '../../src/callers/store/caller-source.ts'
import { openStore } from '../../src/callers/store/open-store.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

export interface CallerStoreOptions extends Sections<'callers'> {
  readonly clock?: Clock
}

declare module 'fastify' {
  interface FastifyInstance {
    callers: Callers
  }
}

export default fp<CallerStoreOptions>(
  async function callerStore(app, options) {
    const clock = options.clock ?? systemClock
    const { callers } = readSections(options, ['callers'], ['clock'])
    const hasher = new KeyHasher(serverSecret(callers))
    const directory = new CallerDirectory()
    let records = configRecords(callers, clock.nowMs())
    let ownKeys = wholeDirectory(records)
    let given: readonly unknown[] = [callers.keys, callers.teams, callers.owners]
    /** The records of the configuration in force. */
    const configured: CallerRecords = {
      get keys() {
        return records.keys
      },
      get hashes() {
        return records.hashes
      },
      get teams() {
        return records.teams
      },
      get owners() {
        return records.owners
      },
    }
    const onError = (error: Error) =>
      app.log.warn({ err: error }, 'a connection to the store of callers failed')
    const store = callers.store === '' ? undefined : await openStore(callers.store, hasher, onError)
    const share = shareDirectory(app.gatewayPeers, () => ({
      change: directory.content(),
      ...state(),
    }))
    const isCurrent = () => source?.isCurrent ?? true
    const isLoaded = () => source?.isLoaded ?? true
    const state = () => ({ isCurrent: isCurrent(), isLoaded: isLoaded() })

    function apply(change: DirectoryChange): void {
      // The configuration has precedence over a record of the same name.
      const effective = withoutConfigured(change, ownKeys)
      directory.apply(effective)
      if (change.isWhole) directory.apply({ ...ownKeys, isWhole: false })
      share({ change: change.isWhole ? directory.content() : effective, ...state() })
    }
    const source =
      store === undefined
        ? undefined
        : new CallerSource({
            store,
            clock,
            intervalMs: callers.refreshIntervalMs,
            onChange: (changes) => apply(directoryChange(changes)),
            onState(current, reason) {
              share({ change: undefined, isCurrent: current, isLoaded: isLoaded() })
              const state = current ? 'available' : 'unavailable'
              app.gatewayEvents.publish('callers.store', { state, reason: reason ?? null })
            },
          })
    app.addHook('onClose', async () => {
      source?.stop()
      await store?.close()
    })
    const stored = await source?.start()
    directory.apply(stored === undefined ? { ...noChange, isWhole: true } : wholeDirectory(stored))
    if (!isLoaded()) app.log.error('the store of callers is away: only keys of the configuration can be used')
    directory.apply({ ...ownKeys, isWhole: false })
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    followSections(versions, ['callers'], (next) => {
      const { keys, teams, owners } = next.callers
      const isSame = isDeepStrictEqual([keys, teams, owners], given)
      const nextRecords = configRecords(next.callers, clock.nowMs())
      const nextKeys = wholeDirectory(nextRecords)
      return () => {
        if (isSame) return
        const change = { ...nextKeys, ...removedFrom(ownKeys, nextKeys), isWhole: false }
        given = [keys, teams, owners]
        records = nextRecords
        ownKeys = nextKeys
        directory.apply(change)
        share({ change, ...state() })
      }
    })

    async function publish({
      action,
      kind,
      subject: id,
      name,
      fields,
      actor: by,
    }: CallerChange): Promise<void> {
      await source?.refresh()
      if (app.hasDecorator('cluster')) app.cluster.publish('callers', {})
      app.gatewayEvents.publish('callers.changed', { action, kind, id, name, fields, by })
    }
    // The other replicas have the same store, and would read it within the interval.
    if (app.hasDecorator('cluster')) {
      const { cluster } = app
      const refresh = () => void source?.refresh()
      cluster.news.on('callers', refresh)
      cluster.add({
        joined(isReturn) {
          if (!isReturn) return
          // Changes of before have reached neither the others nor this replica.
          cluster.publish('callers', {})
          refresh()
        },
        missed: refresh,
      })
    }
    serveOperations(app.gatewayPeers, callerAdmin({ store, configured, clock, publish }))
    app.decorate('callers', {
      directory,
      hasher,
      isCurrent,
      isLoaded,
      store,
      perform: remoteOperations(app.gatewayPeers),
    })
  },
  { name: 'gateway-callers', fastify: '5.x', dependencies: ['gateway-events', 'gateway-peers'] },
)

/** What the next configuration does not have any more. */
function removedFrom(before: DirectoryChange, next: DirectoryChange) {
  const kept = new Set(next.keys.map(({ id }) => id))
  const gone = <T extends { readonly name: string }>(old: readonly T[], now: readonly T[]) =>
    old.map(({ name }) => name).filter((name) => !now.some((each) => each.name === name))
  return {
    deletedKeys: before.keys.map(({ id }) => id).filter((id) => !kept.has(id)),
    deletedTeams: gone(before.teams, next.teams),
    deletedOwners: gone(before.owners, next.owners),
  }
}

function withoutConfigured(change: DirectoryChange, { teams, owners }: DirectoryChange): DirectoryChange {
  if (teams.length + owners.length === 0) return change
  const teamNames = new Set(teams.map(({ name }) => name))
  const ownerNames = new Set(owners.map(({ name }) => name))
  return {
    ...change,
    teams: change.teams.filter(({ name }) => !teamNames.has(name)),
    owners: change.owners.filter(({ name }) => !ownerNames.has(name)),
    deletedTeams: change.deletedTeams.filter((name) => !teamNames.has(name)),
    deletedOwners: change.deletedOwners.filter((name) => !ownerNames.has(name)),
  }
}

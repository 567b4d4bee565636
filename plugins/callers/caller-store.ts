/**
 * Opens the store of callers, follows its changes and shares them with the serving threads; the control thread
 * registers it. Decorates `callers`; depends on the event bus and the link to the other threads. Closes the store on
 * close. A store that cannot be used stops the start; one that is only away does not. Uses if present: `cluster`.
 */
import fp from 'fastify-plugin'
import { callerAdmin } from '../../src/callers/admin/caller-admin.ts'
import { remoteOperations, serveOperations } from '../../src/callers/admin/operations.ts'
import type { CallerChange } from '../../src/callers/admin/record-access.ts'
import type { Callers } from '../../src/callers/callers.ts'
import { configRecords } from '../../src/callers/contract/config-records.ts'
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
    const configured = configRecords(callers, clock.nowMs())
    const ownKeys = wholeDirectory(configured)
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
    const records = await source?.start()
    directory.apply(records === undefined ? { ...noChange, isWhole: true } : wholeDirectory(records))
    if (!isLoaded()) app.log.error('the store of callers is away: only keys of the configuration can be used')
    directory.apply({ ...ownKeys, isWhole: false })

    async function publish({
      action,
      kind,
      subject: id,
      name,
      fields,
      actor: by,
    }: CallerChange): Promise<void> {
      await source?.refresh()
      if (app.hasDecorator('cluster')) app.cluster.tell('callers', {})
      app.gatewayEvents.publish('callers.changed', { action, kind, id, name, fields, by })
    }
    // The other replicas have the same store, and would read it within the interval.
    if (app.hasDecorator('cluster')) app.cluster.news.on('callers', () => void source?.refresh())
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

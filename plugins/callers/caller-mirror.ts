/**
 * Mirrors the keys of callers on a serving thread; the control thread has their store. Decorates `callers`; depends on
 * the link to the other threads. The app is ready once the directory equals the control thread's; needs no cleanup on
 * close.
 */
import fp from 'fastify-plugin'
import { remoteOperations } from '../../src/callers/admin/operations.ts'
import type { Callers } from '../../src/callers/callers.ts'
import { CallerDirectory } from '../../src/callers/directory/directory.ts'
import { followDirectory } from '../../src/callers/directory/directory-share.ts'
import { KeyHasher } from '../../src/callers/keys/key-hasher.ts'
import { serverSecret } from '../../src/callers/keys/server-secret.ts'
import { readSections, type Sections } from '../../src/config/options/sections.ts'

export type CallerMirrorOptions = Sections<'callers'>

declare module 'fastify' {
  interface FastifyInstance {
    callers: Callers
  }
}

export default fp<CallerMirrorOptions>(
  async function callerMirror(app, options) {
    const { callers } = readSections(options, ['callers'])
    const directory = new CallerDirectory()
    const { fetch, isCurrent, isLoaded } = followDirectory(directory, app.gatewayPeers)
    app.decorate('callers', {
      directory,
      hasher: new KeyHasher(serverSecret(callers)),
      isCurrent,
      isLoaded,
      perform: remoteOperations(app.gatewayPeers),
      store: undefined,
    })
    app.addHook('onReady', fetch)
  },
  { name: 'gateway-callers', fastify: '5.x', dependencies: ['gateway-peers'] },
)

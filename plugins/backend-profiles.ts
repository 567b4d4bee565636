/** What the kinds of inference servers look like. Decorates `backendProfiles`: YAML files, read lazily. */
import fp from 'fastify-plugin'
import { ProfileStore, type ProfileStoreOptions } from '../src/model/profile-store.ts'

/** `store`: profiles that the caller has read already; else folders to read. */
export type BackendProfilesOptions = ProfileStoreOptions | { readonly store: ProfileStore }

declare module 'fastify' {
  interface FastifyInstance {
    backendProfiles: ProfileStore
  }
}

export default fp<BackendProfilesOptions>(
  function backendProfiles(app, options, done) {
    app.decorate('backendProfiles', 'store' in options ? options.store : new ProfileStore(options))
    done()
  },
  { name: 'gateway-backend-profiles', fastify: '5.x' },
)

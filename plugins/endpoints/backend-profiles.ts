/** What the kinds of inference servers look like. Decorates `backendProfiles`: YAML files, read lazily. */
import fp from 'fastify-plugin'
import { ProfileStore, type ProfileStoreOptions } from '../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../src/kernel/package.ts'

export interface BackendProfilesOptions extends Partial<ProfileStoreOptions> {
  /** Profiles that the caller has read already, instead of folders to read. */
  readonly store?: ProfileStore
}

declare module 'fastify' {
  interface FastifyInstance {
    backendProfiles: ProfileStore
  }
}

export default fp<BackendProfilesOptions>(
  function backendProfiles(app, options, done) {
    app.decorate(
      'backendProfiles',
      options.store ?? new ProfileStore({ builtIn: profilesFolder, ...options }),
    )
    done()
  },
  { name: 'gateway-backend-profiles', fastify: '5.x' },
)

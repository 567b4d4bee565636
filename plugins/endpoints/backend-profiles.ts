/** Provides the profiles of backend types. Decorates `backendProfiles`: YAML files, read lazily. */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import {
  localProfilesFolder,
  type ProfileDocument,
  ProfileStore,
  type ProfileStoreOptions,
} from '../../src/endpoints/profiles/profile-store.ts'
import { profilesFolder } from '../../src/kernel/package.ts'

/** Reads `profiles.directory` and `proxy.profile_filter`. */
export interface BackendProfilesOptions
  extends Sections<'profiles' | 'proxy'>,
    Pick<ProfileStoreOptions, 'usageSections'> {
  /** Profiles of the host; they add to the built-in ones or replace them by name. */
  readonly inline?: readonly ProfileDocument[] | undefined
  /** Profiles that the caller has read already, instead of folders to read. */
  readonly store?: ProfileStore
}

declare module 'fastify' {
  interface FastifyInstance {
    backendProfiles: ProfileStore
  }
}

export default fp<BackendProfilesOptions>(
  async function backendProfiles(app, options) {
    const { profiles, proxy } = readSections(
      options,
      ['profiles', 'proxy'],
      ['usageSections', 'inline', 'store'],
    )
    const { inline, usageSections } = options
    const store =
      options.store ??
      new ProfileStore({
        builtIn: profilesFolder,
        local: localProfilesFolder,
        own: profiles.directory,
        filter: proxy.profileFilter,
        ...(inline === undefined ? {} : { inline }),
        ...(usageSections === undefined ? {} : { usageSections }),
      })
    app.decorate('backendProfiles', store)
  },
  { name: 'gateway-backend-profiles', fastify: '5.x' },
)

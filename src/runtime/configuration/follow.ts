import {
  readSections,
  type SectionName,
  type Sections,
  type SectionsRead,
} from '../../config/options/sections.ts'
import type { GatewayConfig } from '../../config/schema/schema.ts'
import type { Commit, ConfigVersions } from './versions.ts'

/**
 * Follows sections of the configuration, in the form that plugins read them.
 * @param versions undefined in an app that has registered a plugin on its own: then nothing changes
 * @param prepare builds what the next version needs, and returns what switches to it
 */
export function followSections<const Name extends SectionName>(
  versions: ConfigVersions | undefined,
  names: readonly Name[],
  prepare: (sections: SectionsRead<Name>) => Commit,
): void {
  versions?.follow(({ config }) => {
    const given: Pick<GatewayConfig, Name> = config
    // One entry per name, with the section of that name.
    const sections = Object.fromEntries(names.map((name) => [name, given[name]])) as Sections<Name>
    return prepare(readSections(sections, names))
  })
}

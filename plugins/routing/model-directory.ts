/**
 * Describes all models of all endpoints, unified. Decorates `modelAliases` and `modelDirectory`; depends on the
 * registry and the model catalogue. Uses if present: `configVersions`.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { familiesFile } from '../../src/kernel/package.ts'
import { ModelAliases } from '../../src/routing/models/aliases.ts'
import { ModelDirectory } from '../../src/routing/models/directory.ts'
import { loadFamilyTable } from '../../src/routing/models/family-table.ts'
import { followSections } from '../../src/runtime/configuration/follow.ts'

export interface ModelDirectoryOptions extends Sections<'model_registry' | 'model_aliases'> {
  /** File of the built-in table of model families. Defaults to the package's. */
  readonly families?: string
  /** Folder that may contain a user's own `models.yaml`. Default the working directory. */
  readonly cwd?: string
  /** A further folder to search. */
  readonly configDir?: string | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    modelAliases: ModelAliases
    modelDirectory: ModelDirectory
  }
}

export default fp<ModelDirectoryOptions>(
  async function modelDirectory(app, options) {
    const versions = app.hasDecorator('configVersions') ? app.configVersions : undefined
    const { modelRegistry, modelAliases } = readSections(
      options,
      ['model_registry', 'model_aliases'],
      ['families', 'cwd', 'configDir'],
    )
    const families = loadFamilyTable({
      builtIn: options.families ?? familiesFile,
      cwd: options.cwd ?? process.cwd(),
      configDir: options.configDir,
    })
    const aliases = new ModelAliases(modelAliases)
    app.decorate('modelAliases', aliases)
    followSections(versions, ['model_aliases'], (next) => aliases.prepare(next.modelAliases))
    app.decorate(
      'modelDirectory',
      new ModelDirectory(
        app.endpointRegistry,
        app.modelCatalog,
        families,
        aliases,
        modelRegistry.enableUnifier,
      ),
    )
  },
  {
    name: 'gateway-model-directory',
    fastify: '5.x',
    dependencies: ['gateway-endpoint-registry', 'gateway-model-discovery'],
  },
)

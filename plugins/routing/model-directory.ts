/**
 * All models of all endpoints, unified and described. Decorates `modelAliases` and `modelDirectory`; depends on the registry and
 * the model catalogue.
 */
import fp from 'fastify-plugin'
import { type AliasConfig, ModelAliases } from '../../src/routing/models/aliases.ts'
import { ModelDirectory } from '../../src/routing/models/directory.ts'
import { loadFamilyTable } from '../../src/routing/models/family-table.ts'

export interface ModelDirectoryOptions {
  /** File of the built-in table of model families. */
  readonly families: string
  /** Folder in which a user's own `models.yaml` is looked for. Default the working directory. */
  readonly cwd?: string
  /** A further folder to look in. */
  readonly configDir?: string | undefined
  /** Off: only models of exactly the same name are one. Default true. */
  readonly unify?: boolean
  /** Virtual model names. */
  readonly aliases?: AliasConfig
}

declare module 'fastify' {
  interface FastifyInstance {
    modelAliases: ModelAliases
    modelDirectory: ModelDirectory
  }
}

export default fp<ModelDirectoryOptions>(
  function modelDirectory(app, options, done) {
    const families = loadFamilyTable({
      builtIn: options.families,
      cwd: options.cwd ?? process.cwd(),
      configDir: options.configDir,
    })
    const aliases = new ModelAliases(options.aliases ?? {})
    app.decorate('modelAliases', aliases)
    app.decorate(
      'modelDirectory',
      new ModelDirectory(app.endpointRegistry, app.modelCatalog, families, aliases, options.unify ?? true),
    )
    done()
  },
  {
    name: 'gateway-model-directory',
    fastify: '5.x',
    dependencies: ['gateway-endpoint-registry', 'gateway-model-discovery'],
  },
)

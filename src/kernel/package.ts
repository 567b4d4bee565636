import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder with `package.json` and `config/`, found from the sources or from `dist`. */
function findRoot(): URL {
  let folder = new URL('.', import.meta.url)
  for (let depth = 0; depth < 4; depth++) {
    if (existsSync(new URL('package.json', folder))) return folder
    folder = new URL('../', folder)
  }
  throw new Error('olla-gateway: package.json not found above the code')
}

const root = findRoot()

function readVersion(): string {
  const manifest: unknown = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'))
  if (typeof manifest === 'object' && manifest !== null && 'version' in manifest)
    return String(manifest.version)
  return '0.0.0'
}

/** Version of this package. */
export const version = readVersion()

/** The built-in table of model families. */
export const familiesFile = fileURLToPath(new URL('config/models.yaml', root))

/** The OpenAPI document of all routes. */
export const openApiFile = fileURLToPath(new URL('config/openapi.json', root))

/** Folder of the built-in backend profiles. */
export const profilesFolder = fileURLToPath(new URL('config/profiles/', root))

/** The values of the files above, which the build writes; see `readYamlFile`. */
export const parsedFilesFile = fileURLToPath(new URL('dist/parsed-files.json', root))

/** Folder of the built dashboard. */
export const dashboardFolder = fileURLToPath(new URL('dashboard/dist/', root))

/** The example configuration of the package. */
export const stockConfigFile = fileURLToPath(new URL('config/config.yaml', root))

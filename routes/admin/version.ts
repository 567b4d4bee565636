/** `/version`: version and capabilities of this gateway. */
import fp from 'fastify-plugin'
import { version as packageVersion } from '../../src/kernel/package.ts'
import { type Build, VersionSchema, versionView } from '../../src/kernel/version.ts'
import { ignoreBodies } from './any-method.ts'

export interface VersionRouteOptions extends Build {
  /** Version of the gateway. Defaults to the package's. */
  readonly version?: string
}

export default fp<VersionRouteOptions>(
  function versionRoute(app, { version = packageVersion, commit, date }, done) {
    ignoreBodies(app)
    app.route({
      method: app.supportedMethods,
      url: '/version',
      exposeHeadRoute: false,
      schema: { response: { 200: VersionSchema } },
      handler: () => versionView(version, app.backendProfiles.names(), { commit, date }),
    })
    done()
  },
  {
    name: 'gateway-routes-version',
    fastify: '5.x',
    encapsulate: true,
    dependencies: ['gateway-backend-profiles'],
  },
)

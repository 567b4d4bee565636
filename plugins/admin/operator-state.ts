/**
 * Keeps what operators change while the gateway runs, in `server.state_file` if there is one. Decorates `operatorState`;
 * depends on nothing. Runs where endpoints are probed. Needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { StateFile } from '../../src/endpoints/overlay/state-file.ts'

export type OperatorStateOptions = Sections<'server'>

declare module 'fastify' {
  interface FastifyInstance {
    operatorState: StateFile
  }
}

export default fp<OperatorStateOptions>(
  async function operatorState(app, options) {
    const { stateFile } = readSections(options, ['server']).server
    app.decorate('operatorState', new StateFile(stateFile))
  },
  { name: 'gateway-operator-state', fastify: '5.x' },
)

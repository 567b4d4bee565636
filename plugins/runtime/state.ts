/**
 * Holds the cells that requests and probes share. Decorates `gatewayState`, from which plugins get the tables that
 * their rooms declare; depends on nothing, needs no cleanup on close.
 */
import fp from 'fastify-plugin'
import type { SharedBlocks } from '../../src/runtime/cells/shared-blocks.ts'
import { SharedState } from '../../src/runtime/cells/shared-state.ts'

export interface StateOptions {
  /** Maximum number of endpoints. Default 256. */
  readonly endpointCapacity?: number
  /** Models with their own row, plus one row for all others. Default 512. */
  readonly modelCapacity?: number
  /** Memory of the cells that several threads share. Default: memory of this thread alone. */
  readonly blocks?: SharedBlocks | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    gatewayState: SharedState
  }
}

export default fp<StateOptions>(
  function state(app, { endpointCapacity = 256, modelCapacity = 512, blocks }, done) {
    app.decorate(
      'gatewayState',
      new SharedState({ endpoints: endpointCapacity, models: modelCapacity }, blocks),
    )
    done()
  },
  { name: 'gateway-state', fastify: '5.x' },
)

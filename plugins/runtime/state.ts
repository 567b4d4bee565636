/**
 * The numbers that requests and probes share. Decorates `gatewayState`, from which plugins take the tables that their
 * rooms declare; depends on nothing, holds nothing to close.
 */
import fp from 'fastify-plugin'
import type { SharedBlocks } from '../../src/runtime/cells/shared-blocks.ts'
import { SharedState } from '../../src/runtime/cells/shared-state.ts'

export interface StateOptions {
  /** Endpoints that have room. Default 256. */
  readonly endpointCapacity?: number
  /** Models with a row of their own, and one row for all others. Default 512. */
  readonly modelCapacity?: number
  /** Where the numbers lie that several threads share. Default: this thread alone has them. */
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

/**
 * The numbers that requests and probes share. Decorates `gatewayCells`; depends on nothing, holds nothing to
 * close.
 */
import fp from 'fastify-plugin'
import { GatewayCells } from '../../src/runtime/cells/cells.ts'
import type { SharedBlocks } from '../../src/runtime/cells/shared-blocks.ts'

export interface StateOptions {
  /** Endpoints that have room. Default 256. */
  readonly endpointCapacity?: number
  /** Models with a row of their own, and one row for all others. Default 512. */
  readonly modelCapacity?: number
  /** Sessions that are kept in shared memory. Default 0. */
  readonly sessionCapacity?: number
  /** Where the numbers lie that several threads share. Default: this thread alone has them. */
  readonly blocks?: SharedBlocks | undefined
}

declare module 'fastify' {
  interface FastifyInstance {
    gatewayCells: GatewayCells
  }
}

export default fp<StateOptions>(
  function state(app, { endpointCapacity, modelCapacity, sessionCapacity, blocks }, done) {
    app.decorate(
      'gatewayCells',
      new GatewayCells(
        {
          ...(endpointCapacity === undefined ? {} : { endpoints: endpointCapacity }),
          ...(modelCapacity === undefined ? {} : { models: modelCapacity }),
          ...(sessionCapacity === undefined ? {} : { sessions: sessionCapacity }),
        },
        blocks,
      ),
    )
    done()
  },
  { name: 'gateway-state', fastify: '5.x' },
)

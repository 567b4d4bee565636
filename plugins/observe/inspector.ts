/**
 * Writes prompts and answers of clients to files, for development. Decorates `inspector`; depends on nothing. Writes
 * buffered entries on close.
 */
import fp from 'fastify-plugin'
import { readSections, type Sections } from '../../src/config/options/sections.ts'
import { type Clock, systemClock } from '../../src/kernel/clock.ts'
import { SessionRecorder, sessionName } from '../../src/observe/inspector/session-recorder.ts'

/** Reads `translators.anthropic.inspector`, except `enabled`. */
export interface InspectorOptions extends Sections<'translators'> {
  readonly clock?: Clock
}

export interface Inspector {
  /** Header that names the session of a request; lower case. */
  readonly sessionHeader: string
  /**
   * Records a request.
   * @param session as the client names it
   * @returns a function that records the chunks of its answer
   */
  record(
    request: { readonly model: string; readonly body: Buffer },
    session: string | undefined,
  ): (answer: Buffer) => void
}

declare module 'fastify' {
  interface FastifyInstance {
    /** Undefined if nothing is recorded. */
    inspector?: Inspector
  }
}

export default fp<InspectorOptions>(
  async function inspector(app, options) {
    const { anthropic } = readSections(options, ['translators'], ['clock']).translators
    const { outputDir: folder, maxFileBytes, maxDays } = anthropic.inspector
    const sessionHeader = anthropic.inspector.sessionHeader.toLowerCase()
    app.log.warn(
      { folder },
      'The inspector writes prompts and answers of Anthropic clients to files. It is for development only.',
    )
    const recorder = new SessionRecorder(
      options.clock ?? systemClock,
      { folder, maxFileBytes, maxDays },
      {
        failed: (err) => app.log.warn({ err }, 'The inspector cannot write.'),
        recovered: (entries) =>
          app.log.warn({ entries }, 'The inspector can write again; entries were dropped.'),
      },
    )
    app.decorate('inspector', {
      sessionHeader,
      record({ model, body }, session) {
        const name = sessionName(session)
        recorder.record(name, { type: 'request', model, body })
        return (answer) => recorder.record(name, { type: 'response', model, body: answer })
      },
    })
    app.addHook('onClose', () => recorder.flush())
  },
  { name: 'gateway-inspector', fastify: '5.x' },
)

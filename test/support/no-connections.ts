import type { DrainedListener } from '../../src/http/connections/draining-listener.ts'

/** The listener of an app that does not listen. */
export const noConnections: DrainedListener = {
  open: 0,
  stopKeeping() {},
  stopAccepting: async () => {},
  tend: async () => {},
  refuseIncomplete: () => 0,
  cutUnread: () => 0,
}

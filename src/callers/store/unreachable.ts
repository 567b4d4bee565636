/** Codes of failed connections, by Node and by PostgreSQL (appendix A of its manual). */
const codes = /^(?:ECONN\w+|ENOTFOUND|EAI_\w+|ETIMEDOUT|EHOST\w+|ENET\w+|EPIPE|08\w{3}|57P0[123]|53[23]00)$/
/** The package `pg` gives its own errors no code. */
const messages = /timeout|connection terminated|connection error/i

/** Whether an error says that a database is away or not ready, rather than that it cannot be used. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (error instanceof AggregateError && error.errors.some(isUnreachable)) return true
  if ('code' in error && codes.test(String(error.code))) return true
  return messages.test(error.message) || isUnreachable(error.cause)
}

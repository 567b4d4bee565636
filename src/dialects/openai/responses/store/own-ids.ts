/** As `createIds` makes them. */
const ownId = /^(?:resp|conv)_[\w-]{24}$/

/** Whether a gateway has made the ID of a response or conversation. */
export function isOwnId(id: string): boolean {
  return ownId.test(id)
}

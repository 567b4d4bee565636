import { isAtLeast } from '../../endpoints/profiles/server-version.ts'
import type { Conversation } from '../hub/contract/conversation.ts'
import type { Feature } from '../hub/contract/features.ts'

/** What a route does not support, although the endpoint has it. */
interface Limitation {
  /** A request that contains none of these bytes does not use it, so that it need not be read. */
  readonly marks: readonly string[]
  readonly features: readonly Feature[]
  /** Which requests with these features are meant; all by default. */
  readonly matches?: (conversation: Conversation) => boolean
  /** Whether it concerns only requests that pass through: the gateway's own for this API do without it. */
  readonly isOwnOnly?: boolean
}

/** By their names in a profile's `limitations`; the first ones are Olla's. */
const limitations: ReadonlyMap<string, Limitation> = new Map<string, Limitation>([
  ['no_tool_use', { marks: ['"tools"'], features: ['tools'] }],
  ['no_streamed_tools', { marks: ['"tools"'], features: ['tools'], matches: ({ isStream }) => isStream }],
  [
    'no_extended_thinking',
    { marks: ['"thinking"', '"reasoning"'], features: ['thinking', 'effort'], isOwnOnly: true },
  ],
  ['no_vision', { marks: ['image'], features: ['image_url', 'image_data', 'file_id'] }],
  [
    'no_structured_output',
    { marks: ['"json_schema"', '"json_object"'], features: ['json_schema', 'json_mode'] },
  ],
  ['no_stop_sequences', { marks: ['"stop_sequences"', '"stop"'], features: ['stop'] }],
  ['no_forbidden_tools', { marks: ['"none"'], features: ['forbidden_tools'] }],
  ['no_custom_tools', { marks: ['"custom"'], features: ['custom_tools'], isOwnOnly: true }],
  ['no_logprobs', { marks: ['logprobs'], features: ['logprobs'] }],
])

/** Events of a stream lack fields that clients require; the gateway adds them. */
const bareEvents = 'bare_events'

/** Names of the limitations that profiles can list. */
export const limitationNames: readonly string[] = [...limitations.keys(), bareEvents]

/** Whether the events of an endpoint's own stream lack fields that clients require. */
export function hasBareEvents(names: readonly string[], version: string | undefined): boolean {
  return names.some((each) => {
    const [name, fixedIn] = each.split('<', 2)
    return name === bareEvents && (fixedIn === undefined || !isAtLeast(version, fixedIn))
  })
}

/**
 * Features of a client's own request that an endpoint's route for it does not support.
 * @param names of its profile; `name<version` no longer applies from that version on
 * @param read is called only if the request may use one
 */
export function unsupportedFeatures(
  names: readonly string[],
  version: string | undefined,
  body: Buffer,
  read: () => Conversation,
): Feature[] {
  let conversation: Conversation | undefined
  const unsupported: Feature[] = []
  for (const limitation of inForce(names, version)) {
    if (!limitation.marks.some((mark) => body.includes(mark, 0, 'latin1'))) continue
    conversation ??= read()
    unsupported.push(...usedOf(limitation, conversation))
  }
  return unsupported
}

/** Features of a conversation that an endpoint's route does not support if the gateway writes the request. */
export function limitedFeatures(
  names: readonly string[],
  version: string | undefined,
  conversation: Conversation,
): Feature[] {
  return inForce(names, version).flatMap((limitation) =>
    limitation.isOwnOnly === true ? [] : usedOf(limitation, conversation),
  )
}

function inForce(names: readonly string[], version: string | undefined): Limitation[] {
  return names.flatMap((each) => {
    const [name = '', fixedIn] = each.split('<', 2)
    return fixedIn !== undefined && isAtLeast(version, fixedIn) ? [] : (limitations.get(name) ?? [])
  })
}

function usedOf({ features, matches }: Limitation, conversation: Conversation): Feature[] {
  if (matches?.(conversation) === false) return []
  return features.filter((feature) => conversation.uses.has(feature))
}

import type { Topic } from '../../runtime/links/peer-link.ts'

/** A stored response or conversation, the slot of the endpoint that has it, and the caller that owns it. */
export type LearnedResponse = readonly [id: string, slot: number, caller: string | undefined]

/** What a thread has learned from answers. */
export const responsesStoredTopic: Topic<readonly LearnedResponse[]> = 'responses.stored'
/** What other replicas have. */
export const responsesLearnedTopic: Topic<readonly LearnedResponse[]> = 'responses.learned'

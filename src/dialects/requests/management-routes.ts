import { dialects } from '../all.ts'
import { engineRoutes } from './management-engines.ts'
import { RoutePatterns } from './route-pattern.ts'

const own = dialects.flatMap(({ paths: { management } }) =>
  management === undefined
    ? []
    : [{ patterns: new RoutePatterns(management.patterns), refusal: management.refusal }],
)
const any = new RoutePatterns([
  ...dialects.flatMap(({ paths }) => paths.management?.patterns ?? []),
  ...Object.values(engineRoutes).flatMap((routes) => routes.any ?? []),
])
const write = new RoutePatterns(Object.values(engineRoutes).flatMap((routes) => routes.write ?? []))

/** Names that mean the same on every server, including servers that are not listed here. */
const dangerousName =
  /^(?:shutdown|restart|reboot|reload|unload|terminate|kill|halt|quit|quitquitquit|exit|exec|delete|server[-_](?:kill|restart|stop))$/
const dangerousVerb =
  /^(?:(?:un|re)?load|update|init|destroy|send|reset|clear|flush|set|add|remove|delete|start|finish|stop|dump|attach|detach|release|resume|(?:un)?register|refresh)_[a-z]|^(?:un|re)load-|(?:^|[-_])(?:shutdown|restart|terminate|kill)(?:[-_]|$)/

/** Names that change something unless the method only reads, outside of inference paths. */
const changingName =
  /^(?:start|stop|(?:un)?install|import|import-uri|export|(?:un)?register|(?:de)?activate|new|add|remove|update|edit|pull|push|download|switch|reset|clear|flush|prune|purge|configure|enable|disable|login|signin|signup|tune)$|^(?:stop|refresh|reset|clear|flush|toggle)-[a-z]/

/** `models/m:generateContent` names a model, not an operation. */
const customMethod =
  /:(?:stream)?generate(?:content|answer)$|:(?:counttokens|embedcontent|batchembedcontents|predict)$/

/** Which methods of an operation manage the server: all, those that write, or only those that replace and delete. */
export type Management = 'any' | 'write' | 'remove' | undefined

/**
 * @param segments of a canonical path
 * @param isInference whether the path is an inference operation
 */
export function managementOf(segments: readonly string[], isInference = false): Management {
  const last = segments.at(-1) ?? ''
  if (customMethod.test(last)) return 'remove'
  const isListed = any.matches(segments)
  // The segments after `models` may be a model's name, and reading any model is harmless.
  if (segments.at(-2) === 'models' || segments.at(-3) === 'models') {
    const verb = segments.at(-2) === 'models' ? last : (segments.at(-2) ?? '')
    const isChange = dangerousName.test(last) || changingName.test(verb)
    return isListed || isChange || write.matches(segments) ? 'write' : 'remove'
  }
  if (isListed || dangerousName.test(last) || dangerousVerb.test(last)) return 'any'
  // Mistral's agents answer below the path under which LiteLLM creates agents.
  if (last === 'completions') return undefined
  return write.matches(segments) || (!isInference && changingName.test(last)) ? 'write' : undefined
}

/** The message with which a dialect refuses the operation, if it is one of the dialect's management operations. */
export function managementMessage(segments: readonly string[]): string | undefined {
  return own.find(({ patterns }) => patterns.matches(segments))?.refusal
}

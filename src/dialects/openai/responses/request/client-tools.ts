import type { JsonObject } from '../../../../kernel/json/json-fields.ts'
import type { FunctionTool } from '../../../hub/contract/conversation.ts'

const text = { type: 'string' }
const integer = { type: 'integer' }
const texts = { type: 'array', items: text }

/** A tool of the client's own that OpenAI's servers define for the model. */
interface Definition {
  readonly description: string
  readonly schema: JsonObject
}

/**
 * Tools that the client runs and OpenAI's servers describe to the model. Other servers' models get them as functions;
 * the arguments are what the item of a call has beside its ID.
 */
const definitions: Readonly<Record<string, Definition>> = {
  local_shell: {
    description: 'Runs a shell command on the local machine and returns its output.',
    schema: {
      type: 'object',
      properties: {
        command: { ...texts, description: 'The program and its arguments.' },
        working_directory: text,
        timeout_ms: integer,
        env: { type: 'object', additionalProperties: text },
      },
      required: ['command'],
    },
  },
  shell: {
    description: 'Runs shell commands and returns the output and exit code of each.',
    schema: {
      type: 'object',
      properties: {
        commands: { ...texts, description: 'The command lines, which run in this order.' },
        timeout_ms: integer,
        max_output_length: integer,
      },
      required: ['commands'],
    },
  },
  apply_patch: {
    description: 'Creates, updates or deletes a file.',
    schema: {
      type: 'object',
      properties: {
        type: { type: 'string', enum: ['create_file', 'update_file', 'delete_file'] },
        path: text,
        diff: { type: 'string', description: 'The change in the V4A diff format; not for delete_file.' },
      },
      required: ['type', 'path'],
    },
  },
}

/** The function for a tool of this type; undefined if the client does not run it. */
export function clientTool(tool: JsonObject): FunctionTool | undefined {
  const type = String(tool.type)
  if (type === 'tool_search') return toolSearch(tool)
  const definition = Object.hasOwn(definitions, type) ? definitions[type] : undefined
  if (definition === undefined || !runsLocally(tool)) return undefined
  return { kind: 'function', name: type, ...definition, isStrict: false, clientType: type }
}

/** OpenAI's `shell` may run in a container of the server. */
function runsLocally({ environment }: JsonObject): boolean {
  if (typeof environment !== 'object' || environment === null || !('type' in environment)) return true
  return environment.type === 'local'
}

function toolSearch(tool: JsonObject): FunctionTool | undefined {
  if (tool.execution !== 'client') return undefined
  const { description, parameters } = tool
  const schema =
    typeof parameters === 'object' && parameters !== null
      ? { ...parameters }
      : { type: 'object', properties: { query: text }, required: ['query'] }
  return {
    kind: 'function',
    name: 'tool_search',
    description: typeof description === 'string' ? description : 'Finds tools that fit a query.',
    schema,
    isStrict: false,
    clientType: 'tool_search',
  }
}

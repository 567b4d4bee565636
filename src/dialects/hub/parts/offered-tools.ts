import type { CustomTool, FunctionTool, Tool, ToolChoice } from '../contract/conversation.ts'

/** A tool that the client runs. */
export type OfferedTool = FunctionTool | CustomTool

/**
 * The tools that the client runs and the model may call: for APIs that cannot limit the choice to some of the tools, the
 * others are left out.
 */
export function offeredByChoice(tools: readonly Tool[], choice: ToolChoice | undefined): OfferedTool[] {
  const own = tools.filter((tool) => tool.kind !== 'hosted')
  if (choice?.mode !== 'allowed') return own
  const allowed = new Set(choice.names)
  return own.filter(({ name }) => allowed.has(name))
}

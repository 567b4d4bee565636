import { stateTtlMs } from './keys.ts'
import { script, serverNow } from './script.ts'

/**
 * Keeps what a replica has seen of endpoints, with the server's time, and publishes it.
 * Keys: state. Arguments: channel, message, then for each endpoint its name and state.
 */
export const announceScript = script(
  'announce',
  `${serverNow}for i = 3, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], now .. ' ' .. ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ${stateTtlMs})
redis.call('PUBLISH', ARGV[1], ARGV[2])
return 'ok'
`,
)

/** Returns what replicas have seen last of each endpoint, after its age in milliseconds. Keys: state. */
export const recallScript = script(
  'recall',
  `${serverNow}local all = redis.call('HGETALL', KEYS[1])
local out = {}
for i = 1, #all, 2 do
  local at, text = string.match(all[i + 1], '^(%d+) (.*)$')
  if at then
    out[#out + 1] = all[i]
    out[#out + 1] = now - tonumber(at)
    out[#out + 1] = text
  end
end
return out
`,
)

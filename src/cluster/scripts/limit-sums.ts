import { script, serverNow } from './script.ts'

/**
 * Reads how much of limits all replicas have used, with what is reserved.
 *
 * Keys: alive, slots, then a hash for each limit. Arguments: JSON with `limits`, the length of a bucket, span and bucket of
 * a calendar of each, and `slots`, names of slots.
 *
 * Returns the sum of each limit, then the slots in use of each name.
 */
export const limitSumsScript = script(
  'limit sums',
  `${serverNow}local asked = cjson.decode(ARGV[1])
local out = {}
for i, l in ipairs(asked.limits) do
  local bucket, fields, sum = l[3], {}, 0
  if l[1] > 0 then bucket = math.floor(now / l[1]) end
  for b = bucket - l[2], bucket do fields[#fields + 1] = string.format('%.0f', b) end
  for _, amount in ipairs(redis.call('HMGET', KEYS[i + 2], unpack(fields))) do
    sum = sum + tonumber(amount or '0')
  end
  out[#out + 1] = string.format('%.0f', sum)
end
local members = redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')
for _, name in ipairs(asked.slots) do
  local sum = 0
  for _, id in ipairs(members) do
    sum = sum + tonumber(redis.call('HGET', KEYS[2], name .. '\\n' .. id) or '0')
  end
  out[#out + 1] = string.format('%.0f', sum)
end
return out
`,
)

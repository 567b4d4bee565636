import { keyTtlMs, stateTtlMs } from './keys.ts'
import { script, serverNow } from './script.ts'

/**
 * Renews a membership, removes members whose time is over, and returns all members.
 *
 * Keys: alive, members, load, places, schema, state, slots, epoch, calls of the replica. Arguments: replica, duration of the membership in milliseconds, version
 * of the schema, info, load. Returns `schema` and the version that others use, or `ok`, 1 if the replica was no member,
 * per member its ID, info, load and the milliseconds since its heartbeat, the server's time, and its epoch, which the first
 * member begins.
 */
export const beatScript = script(
  'beat',
  `${serverNow}local alive, members, load, places, schema = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local me = ARGV[1]
local used = redis.call('GET', schema)
if used and used ~= ARGV[3] then
  if redis.call('ZCOUNT', alive, now, '+inf') > 0 then return { 'schema', used } end
  redis.call('DEL', alive, members, load, places, KEYS[6], KEYS[7])
end
local over = redis.call('ZRANGEBYSCORE', alive, '-inf', '(' .. now)
for _, id in ipairs(over) do
  redis.call('ZREM', alive, id)
  redis.call('HDEL', members, id)
  redis.call('HDEL', load, id)
  local ending = '\\n' .. id
  for _, key in ipairs({ places, KEYS[7] }) do
    for _, field in ipairs(redis.call('HKEYS', key)) do
      if string.sub(field, -#ending) == ending then redis.call('HDEL', key, field) end
    end
  end
end
local epoch = redis.call('GET', KEYS[8])
if not epoch or redis.call('ZCARD', alive) == 0 then epoch = string.format('%.0f', t[1] * 1000000 + t[2]) .. ' ' .. me end
redis.call('SET', KEYS[8], epoch, 'PX', ${keyTtlMs})
redis.call('HSET', KEYS[9], 'epoch', epoch)
redis.call('PEXPIRE', KEYS[9], ${stateTtlMs})
local joined = redis.call('ZADD', alive, now + tonumber(ARGV[2]), me)
redis.call('HSET', members, me, ARGV[4])
redis.call('HSET', load, me, ARGV[5])
redis.call('SET', schema, ARGV[3], 'PX', ${keyTtlMs})
redis.call('PEXPIRE', alive, ${keyTtlMs})
redis.call('PEXPIRE', members, ${keyTtlMs})
redis.call('PEXPIRE', load, ${keyTtlMs})
redis.call('PEXPIRE', places, ${keyTtlMs})
redis.call('PEXPIRE', KEYS[6], ${stateTtlMs})
local ids = redis.call('ZRANGE', alive, 0, -1)
local infos = redis.call('HMGET', members, unpack(ids))
local loads = redis.call('HMGET', load, unpack(ids))
local out = { 'ok', joined }
for i, id in ipairs(ids) do
  out[#out + 1] = id
  out[#out + 1] = infos[i] or '{}'
  out[#out + 1] = loads[i] or '{}'
  out[#out + 1] = now + tonumber(ARGV[2]) - tonumber(redis.call('ZSCORE', alive, id))
end
out[#out + 1] = now
out[#out + 1] = epoch
return out
`,
)

/**
 * Ends a membership at once. Keys: alive, members, load, places, slots. Arguments: replica, channel, message for the others.
 */
export const leaveScript = script(
  'leave',
  `local me = ARGV[1]
redis.call('ZREM', KEYS[1], me)
redis.call('HDEL', KEYS[2], me)
redis.call('HDEL', KEYS[3], me)
local ending = '\\n' .. me
for _, key in ipairs({ KEYS[4], KEYS[5] }) do
  for _, field in ipairs(redis.call('HKEYS', key)) do
    if string.sub(field, -#ending) == ending then redis.call('HDEL', key, field) end
  end
end
redis.call('PUBLISH', ARGV[2], ARGV[3])
return 'ok'
`,
)

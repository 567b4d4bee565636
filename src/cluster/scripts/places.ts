import { keyTtlMs, stateTtlMs } from './keys.ts'
import { script, serverNow } from './script.ts'

/**
 * Sets how many places of endpoints a replica needs, and returns how many it holds. It keeps those that it may have in
 * use: it gives places back by keeping fewer.
 *
 * A member that needs more than it holds limits the others to an equal part; if it holds none, each of the others
 * is to give up one. So every member gets its turn, even at an endpoint with one place.
 *
 * A call that arrives after a later one, from a connection that was lost, changes nothing.
 *
 * Keys: alive, places, calls of the replica. Arguments: replica, number of the call, channel, epoch that the replica knows, then for each endpoint its name, `max_concurrent`, the places
 * needed, a reserve beyond them that it gets if others need none, those to keep, the most that it may get now, and 1 if
 * the others are to know that it lacks some.
 * Returns `lost` to a replica that is no member or knows another epoch, `late` to a call that is not the latest, or `ok` and for each endpoint the places that the replica holds, how
 * many of them it is to use from now on, and whether others need some.
 */
export const placesScript = script(
  'places',
  `${serverNow}local alive, places = KEYS[1], KEYS[2]
local me, number, channel = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local mine = redis.call('ZSCORE', alive, me)
if not mine or tonumber(mine) < now then return { 'lost' } end
if redis.call('HGET', KEYS[3], 'epoch') ~= ARGV[4] then return { 'lost' } end
local latest = redis.call('HGET', KEYS[3], 'places')
if latest and tonumber(latest) > number then return { 'late' } end
redis.call('HSET', KEYS[3], 'places', ARGV[2])
redis.call('PEXPIRE', KEYS[3], ${stateTtlMs})
local members = redis.call('ZRANGEBYSCORE', alive, now, '+inf')
local out = { 'ok' }
local news = {}
for i = 5, #ARGV, 7 do
  local endpoint = ARGV[i]
  local max, need, reserve = tonumber(ARGV[i + 1]), tonumber(ARGV[i + 2]), tonumber(ARGV[i + 3])
  local keep, most = tonumber(ARGV[i + 4]), tonumber(ARGV[i + 5])
  local fields = {}
  for j, id in ipairs(members) do fields[j] = endpoint .. '\\n' .. id end
  local rows = redis.call('HMGET', places, unpack(fields))
  local others, wanting, unmet, starving, held = 0, 0, false, false, 0
  for j, id in ipairs(members) do
    if rows[j] then
      local h, w = string.match(rows[j], '^(%d+):(%d+)$')
      h, w = tonumber(h), tonumber(w)
      if id == me then
        held = h
      else
        others = others + h
        if w > 0 then wanting = wanting + 1 end
        if w > h then
          unmet = true
          if h == 0 then starving = true end
        end
      end
    end
  end
  local fair = math.ceil(max / (wanting + 1))
  local want = unmet and need or need + reserve
  local allowed = math.min(want, most, math.max(0, max - others))
  if unmet then allowed = math.min(allowed, fair) end
  if starving and held > 0 and max - others - held < 1 then allowed = math.min(allowed, held - 1) end
  local holds = math.max(allowed, keep)
  if holds == 0 and need == 0 then
    redis.call('HDEL', places, endpoint .. '\\n' .. me)
  else
    redis.call('HSET', places, endpoint .. '\\n' .. me, holds .. ':' .. need)
  end
  if holds < held and unmet then news[#news + 1] = { 'free', endpoint } end
  if need > allowed and others > 0 and ARGV[i + 6] == '1' then news[#news + 1] = { 'wanted', endpoint, holds } end
  out[#out + 1] = holds
  out[#out + 1] = allowed
  out[#out + 1] = unmet and 1 or 0
end
redis.call('PEXPIRE', places, ${keyTtlMs})
if #news > 0 then redis.call('PUBLISH', channel, cjson.encode({ kind = 'places', by = me, endpoints = news })) end
return out
`,
)

-- Prepended to every script.
--
-- Redis numbers in Lua are doubles: sequence numbers, counters and versions stay strings here. Strings are compared for
-- equality only, since `<` on strings follows the server's locale.
local call, sub, byte, find, concat = redis.call, string.sub, string.byte, string.find, table.concat
local pack, unpack_bytes = struct.pack, struct.unpack

-- How many members one command visits, and how many go into one link of a digest's chain.
local CHUNK = 128

-- The stored form of a key: see layout.rs.
local function stored(key)
  if find(key, '[^%z]') then return key end
  return key .. '\0'
end

-- The key of the row that an index entry points at; '', which no row has, if the entry is damaged.
local function row_key(entry)
  if #entry < 2 then return '' end
  local stop = #entry - 2
  local length = unpack_bytes('>I2', entry, stop + 1)
  if length > stop then return '' end
  return stored(sub(entry, stop - length + 1, stop))
end

local function members(zset, lo, hi, reverse, most)
  if reverse then return call('ZRANGE', zset, hi, lo, 'BYLEX', 'REV', 'LIMIT', 0, most) end
  return call('ZRANGE', zset, lo, hi, 'BYLEX', 'LIMIT', 0, most)
end

-- The records behind members of a sorted set: by the member itself ('k') or by the row key in it ('r').
local function records(hash, found, mode)
  if mode == 'k' then return call('HMGET', hash, unpack(found)) end
  local fields = {}
  for at, entry in ipairs(found) do fields[at] = row_key(entry) end
  local behind = call('HMGET', hash, unpack(fields))
  for at, field in ipairs(fields) do
    if field == '' then behind[at] = false end
  end
  return behind
end

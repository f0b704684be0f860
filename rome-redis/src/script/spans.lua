-- Prepended to the scripts that read spans, after shared.lua.

-- How many members one command visits, and how many go into one link of a digest's chain.
local CHUNK = 128

-- What reads spans; made when it is needed, since making functions costs each run.
local function spans()
  -- The key of the row that an index entry points at, in its stored form (see layout.rs); '', which no row has, if the
  -- entry is damaged.
  local function row_key(entry)
    if #entry < 2 then return '' end
    local stop = #entry - 2
    local length = unpack_bytes('>I2', entry, stop + 1)
    -- The first bit says that the bytes of the key are complemented, in an index whose last column descends.
    local complemented = length >= 32768
    if complemented then length = length - 32768 end
    if length > stop then return '' end
    local key = sub(entry, stop - length + 1, stop)
    if complemented then
      key = string.gsub(key, '.', function(one) return string.char(255 - byte(one)) end)
    end
    if string.find(key, '[^%z]') then return key end
    return key .. '\0'
  end

  local function members(zset, lo, hi, reverse, most)
    if reverse then return call('ZRANGE', zset, hi, lo, 'BYLEX', 'REV', 'LIMIT', '0', most) end
    return call('ZRANGE', zset, lo, hi, 'BYLEX', 'LIMIT', '0', most)
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

  return { members = members, records = records }
end

-- Prepended to the scripts that read spans, after shared.lua.

-- How many members one command visits, and how many go into one link of a digest's chain.
local CHUNK = 128

-- What reads spans; made only where a span is read, as NEEDS_SPANS says, which is another condition in each script.
local spans = nil
if NEEDS_SPANS then
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

  -- The records behind members of a sorted set: by the member itself or by the row key in it.
  local function records(hash, found, by_row)
    if not by_row then return call('HMGET', hash, unpack(found)) end
    local fields = {}
    for at, entry in ipairs(found) do fields[at] = row_key(entry) end
    local behind = call('HMGET', hash, unpack(fields))
    for at, field in ipairs(fields) do
      if field == '' then behind[at] = false end
    end
    return behind
  end

  -- How many members a span has, up to `most`, and the digest of them and of the versions behind them (see digest.rs); or nil, nil
  -- and a member without its record.
  local function digest(zset, hash, mode, lo, hi, reverse, most)
    local visited, chain = 0, ''
    while visited < most do
      local ask = math.min(CHUNK, most - visited)
      local found = members(zset, lo, hi, reverse, ask)
      if #found == 0 then break end
      local behind = mode ~= MODE_MEMBERS and records(hash, found, mode == MODE_ROWS)
      local parts = { chain }
      for position, member in ipairs(found) do
        parts[#parts + 1] = pack('>I4', #member)
        parts[#parts + 1] = member
        if behind then
          if not behind[position] then return nil, nil, member end
          parts[#parts + 1] = sub(behind[position], 1, 16)
        end
      end
      chain = redis.sha1hex(table.concat(parts))
      visited = visited + #found
      if #found < ask then break end
      if reverse then hi = '(' .. found[#found] else lo = '(' .. found[#found] end
    end
    return visited, chain
  end

  spans = { members = members, records = records, digest = digest }
end

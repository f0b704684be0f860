-- Makes or adopts a partition, for a server process that the caller is connected to.
--
-- KEYS 1 meta, 2 sequences, in partition 0. ARGV 1 format, 2 the process, 3 how far to move on, 4 '1' if the process may
-- well have lost acknowledged writes when it started: then keys that were given out may be gone too, and counter keys move
-- on; 5 'make' to make it if it is not there, 'complete' to take note that all partitions were made; 6 id of the database,
-- 7 number of partitions, for one that is made.
-- Answers {'', id, number of partitions, '1' if all were made}; {'format', its format}; {'foreign'}; {'absent'}.
--
-- A process that starts, or that is promoted, may lack the newest writes. Numbers that those writes used must not come
-- again: `seq` stands for content, a lane for a transaction. So the first client of each process moves both far ahead. Every
-- write names the process that it is for, so that none comes before: a process may also lose a partition and get it back.
local meta, sequences = KEYS[1], KEYS[2]
-- A hash with a value of more than 64 bytes is a table. Redis keeps small ones as lists, and looking into those for fields that
-- are not there, as every commit and every look does, takes several times as long.
local WIDE = string.rep('-', 65)
local process, far = ARGV[2], ARGV[3]
local kind = call('TYPE', meta).ok
if kind == 'none' then
  if sequences and call('EXISTS', sequences) == 1 then return { 'foreign' } end
  if ARGV[5] ~= 'make' then return { 'absent' } end
  call('HSET', meta, '', WIDE, 'format', ARGV[1], 'id', ARGV[6], 'owner', ARGV[6] .. ':' .. process, 'seq', '0')
  if sequences then
    call('HSET', meta, 'partitions', ARGV[7])
    call('HSET', sequences, '', '')
  end
  return { '', ARGV[6], ARGV[7], '' }
end
if kind ~= 'hash' then return { 'foreign' } end
local state = call('HMGET', meta, 'format', 'id', 'owner', 'partitions', 'complete')
local id = state[2]
if not state[1] or not id then return { 'foreign' } end
if state[1] ~= ARGV[1] then return { 'format', state[1] } end
local owner = id .. ':' .. process
if state[3] ~= owner then
  -- A server without memory refuses the first write of a script alone, and no removal. It shall go on with reads and removals
  -- also after a start. There is no such field.
  call('HDEL', meta, 'none')
  call('HINCRBY', meta, 'seq', far)
  if sequences then
    call('HINCRBY', sequences, 'q:lanes', far)
    if ARGV[4] == '1' then
      for _, field in ipairs(call('HKEYS', sequences)) do
        if sub(field, 1, 3) == 'q:k' then call('HINCRBY', sequences, field, '65536') end
      end
    end
  end
  call('HSET', meta, 'owner', owner, '', WIDE)
end
if ARGV[5] == 'complete' then
  call('HDEL', meta, 'none')
  call('HSET', meta, 'complete', '1')
end
return { '', id, state[4] or '1', state[5] or '' }

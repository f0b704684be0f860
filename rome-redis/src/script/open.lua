-- Makes or adopts the database in a partition, for a server process that the caller has just connected to.
--
-- KEYS 1 meta, 2 sequences. ARGV 1 format, 2 id of the database if it is new, 3 run id of the server process,
-- 4 '1' to make it if it is not there, 5 '1' if the process may well have lost acknowledged writes when it
-- started: then keys that were given out may be gone too, and counter keys move on.
-- Answers {'', id}; {'format', its format}; {'foreign'}; {'absent'}.
--
-- A server process that starts may have lost the newest writes. Numbers that those writes used must not come again:
-- `seq` stands for content, a lane for a transaction. So the first client of each process moves both far ahead.
local meta, sequences = KEYS[1], KEYS[2]
local kind = call('TYPE', meta).ok
if kind == 'none' then
  if call('EXISTS', sequences) == 1 then return { 'foreign' } end
  if ARGV[4] ~= '1' then return { 'absent' } end
  call('HSET', meta, '', '', 'format', ARGV[1], 'id', ARGV[2], 'seq', '0')
  call('HSET', sequences, '', '', 'run', ARGV[3])
  return { '', ARGV[2] }
end
if kind ~= 'hash' then return { 'foreign' } end
local state = call('HMGET', meta, 'format', 'id')
if not state[1] or not state[2] then return { 'foreign' } end
if state[1] ~= ARGV[1] then return { 'format', state[1] } end
if call('HGET', sequences, 'run') ~= ARGV[3] then
  call('HINCRBY', meta, 'seq', '4294967296')
  call('HINCRBY', sequences, 'q:lanes', '4294967296')
  if ARGV[5] == '1' then
    for _, field in ipairs(call('HKEYS', sequences)) do
      if sub(field, 1, 3) == 'q:k' then call('HINCRBY', sequences, field, '65536') end
    end
  end
  call('HSET', sequences, 'run', ARGV[3])
end
return { '', state[2] }
